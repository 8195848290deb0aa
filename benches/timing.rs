//! Whether the time of an answer tells who has an account: sign-ins and requests for resets of known
//! and unknown addresses, interleaved, and their medians compared. By hand: `cargo bench --bench timing`.
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

const SETTINGS: &[&str] = &[
    "passwords.argon2.memory_kib=19456",
    "passwords.argon2.iterations=2",
    "throttle.account_attempts=1000000",
    "throttle.account_attempts_in_all=1000000",
    "throttle.client_attempts=1000000",
];

#[tokio::main]
async fn main() {
    let server = TestServer::start_with(SETTINGS).await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server
        .invite(&administrator, "invited@kbank.com", &role)
        .await;
    let client = server.anonymous();
    let whom = [
        "admin@example.com",
        "invited@kbank.com",
        "unknown@kbank.com",
    ];
    let sign_in = |email: &str| json!({ "email": email, "password": "not the password" });
    compare(&client, "signIn", &whom, sign_in).await;
    let reset = |email: &str| json!({ "email": email });
    compare(&client, "requestPasswordReset", &whom, reset).await;
}

async fn compare(client: &Client, field: &str, whom: &[&str], input: impl Fn(&str) -> Value) {
    let mut times = vec![Vec::with_capacity(ROUNDS); whom.len()];
    for round in 0..ROUNDS {
        // In turn, so that nobody always follows the same other one.
        for turn in 0..whom.len() {
            let index = (turn + round) % whom.len();
            let begun = Instant::now();
            client.mutate(field, input(whom[index]), "").await;
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
    for (email, median) in whom.iter().zip(&medians) {
        println!("{field:<22} {email:<20} median {median:?}");
    }
    let apart = *medians.iter().max().unwrap() - *medians.iter().min().unwrap();
    println!("{field:<22} apart by {apart:?}");
    assert!(apart < APART_AT_MOST, "{field}: {apart:?}");
}
