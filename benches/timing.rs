//! Whether the time of a response tells who has an account: sign-ins and requests for resets for
//! addresses of every kind, interleaved, and their medians compared. By hand:
//! `cargo bench --bench timing`.
//!
//! Security rule 3.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark is a test that takes long, and uses a part of their support"
)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Client, TestServer};

#[path = "../tests/it/support/mod.rs"]
mod support;

const ROUNDS: usize = 300;

const APART_AT_MOST: Duration = Duration::from_millis(5);

/// What a password costs by default, and no throttling.
const SETTINGS: &[&str] = &[
    "passwords.argon2.memory_kib=19456",
    "passwords.argon2.iterations=2",
    "throttle.account_attempts=1000000",
    "throttle.account_attempts_in_all=1000000",
    "throttle.client_attempts=1000000",
];

/// What it cost before: one pass.
const BEFORE: &[&str] = &[
    "passwords.argon2.memory_kib=19456",
    "passwords.argon2.iterations=1",
];

/// One guess, and then a long wait.
const THROTTLED: &[&str] = &[
    "passwords.argon2.memory_kib=19456",
    "passwords.argon2.iterations=2",
    "throttle.account_attempts=1",
    "throttle.account_attempts_in_all=1",
    "throttle.client_attempts=1000000",
    "throttle.delay=30d",
    "throttle.delay_at_most=30d",
    "throttle.account_delay_at_most=30d",
];

const WHOM: &[&str] = &[
    "admin@example.com",
    "outdated@kbank.com",
    "invited@kbank.com",
    "deactivated@kbank.com",
    "unknown@kbank.com",
];

#[tokio::main]
async fn main() {
    let server = TestServer::start_with(BEFORE).await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server
        .user_with(&administrator, "outdated@kbank.com", &[])
        .await;
    let server = restart(server, SETTINGS).await;
    // Signing in makes the administrator's hash anew.
    let administrator = server.sign_in("admin@example.com").await;
    server
        .invite(&administrator, "invited@kbank.com", &role)
        .await;
    let (_, token) = server
        .invite(&administrator, "deactivated@kbank.com", &role)
        .await;
    let id = server.accept(&token).await.id;
    administrator
        .mutate("deactivateUser", json!({ "id": id }), "")
        .await;

    let sign_in = |email: &str| json!({ "email": email, "password": "not the password" });
    compare("signIn", &server.anonymous(), "signIn", sign_in).await;
    let reset = |email: &str| json!({ "email": email });
    let field = "requestPasswordReset";
    compare(field, &server.anonymous(), field, reset).await;

    let server = restart(server, THROTTLED).await;
    let client = server.anonymous();
    compare("throttled signIn", &client, "signIn", sign_in).await;
    compare("throttled reset", &client, field, reset).await;
}

/// The same database with other settings.
async fn restart(server: TestServer, settings: &[&str]) -> TestServer {
    let database = server.database.clone();
    server.server.stop();
    server.server.stopped().await;
    TestServer::start_on(database, settings).await
}

async fn compare(what: &str, client: &Client, field: &str, input: impl Fn(&str) -> Value) {
    let mut times = vec![Vec::with_capacity(ROUNDS); WHOM.len()];
    for round in 0..ROUNDS {
        // In turn, so that nobody always follows the same other one.
        for turn in 0..WHOM.len() {
            let index = (turn + round) % WHOM.len();
            let begun = Instant::now();
            client.mutate(field, input(WHOM[index]), "").await;
            times[index].push(begun.elapsed());
        }
    }
    let medians: Vec<Duration> = times
        .iter_mut()
        .map(|times| {
            times.sort();
            times[times.len() / 2]
        })
        .collect();
    for (email, median) in WHOM.iter().zip(&medians) {
        println!("{what:<22} {email:<22} median {median:?}");
    }
    let apart = *medians.iter().max().unwrap() - *medians.iter().min().unwrap();
    println!("{what:<22} apart by {apart:?}");
    assert!(apart < APART_AT_MOST, "{what}: {apart:?}");
}
