//! Whether two hundred users who sign in at once keep others waiting, and what that costs in memory.
//! By hand: `cargo bench --bench load`.
//!
//! Security rule 1.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark is a test that takes long, and uses a part of their support"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Binary, Client, PASSWORD, TestDatabase, TestServer};

#[path = "../tests/it/support/mod.rs"]
mod support;

const SIGN_INS: usize = 200;

const SETTINGS: &[&str] = &[
    "passwords.argon2.memory_kib=19456",
    "passwords.argon2.iterations=2",
];

#[tokio::main]
async fn main() {
    let (folder, emails) = fill().await;
    let server = Binary::start(folder.path(), &["log.filter=warn"]);
    let client = Client::anonymous(server.url.clone());
    let document =
        "mutation($input: SignInInput!) { signIn(input: $input) { token userErrors { code } } }";
    let is_done = AtomicBool::new(false);
    client.run("{ __typename }").await.data();
    let before = server.memory("VmRSS:");
    let begun = Instant::now();
    let sign_ins = async {
        let all = emails.iter().map(|email| {
            let input = json!({ "email": email, "password": PASSWORD });
            client.run_with(document, json!({ "input": input }))
        });
        let answers = join_all(all).await;
        is_done.store(true, Ordering::Relaxed);
        answers
    };
    let others = async {
        let mut slowest = Duration::ZERO;
        while !is_done.load(Ordering::Relaxed) {
            let begun = Instant::now();
            client.run("{ __typename }").await.data();
            slowest = slowest.max(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        slowest
    };
    let (answers, slowest) = tokio::join!(sign_ins, others);
    let signed_in = answers
        .iter()
        .filter(|answer| answer.body["data"]["signIn"]["token"].is_string())
        .count();
    let refused = answers
        .iter()
        .filter(|answer| answer.headers.contains_key("retry-after"))
        .count();
    println!(
        "{SIGN_INS} sign-ins at once: {signed_in} signed in, {refused} told to wait, in {:?}",
        begun.elapsed()
    );
    println!("slowest {{ __typename }} meanwhile: {slowest:?}");
    println!(
        "memory: {before} KiB before, {} KiB at the most",
        server.memory("VmHWM:")
    );
    assert_eq!(signed_in + refused, SIGN_INS);
    assert!(slowest < Duration::from_secs(1));
    assert!(server.memory("VmHWM:") < 150 * 1024);
}

/// A database with as many users as sign in, in a folder for the server to run in.
async fn fill() -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/usher.db?mode=rwc", folder.path().display());
    let server = TestServer::start_on(TestDatabase::at(url), SETTINGS).await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let mut emails = Vec::new();
    for user in 0..SIGN_INS {
        let email = format!("user{user}@kbank.com");
        let (_, token) = server.invite(&administrator, &email, &role).await;
        server.accept(&token).await;
        emails.push(email);
    }
    server.server.stop();
    server.server.stopped().await;
    (folder, emails)
}
