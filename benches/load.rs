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

use crate::support::{PASSWORD, TestServer};

#[path = "../tests/it/support/mod.rs"]
mod support;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIGN_INS: usize = 200;

const SETTINGS: &[&str] = &[
    "passwords.argon2.memory_kib=19456",
    "passwords.argon2.iterations=2",
];

#[tokio::main]
async fn main() {
    let server = TestServer::start_with(SETTINGS).await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let mut emails = Vec::new();
    for user in 0..SIGN_INS {
        let email = format!("user{user}@kbank.com");
        let (_, token) = server.invite(&administrator, &email, &role).await;
        server.accept(&token).await;
        emails.push(email);
    }
    let document =
        "mutation($input: SignInInput!) { signIn(input: $input) { token userErrors { code } } }";
    let is_done = AtomicBool::new(false);
    let before = memory("VmRSS:");
    let begun = Instant::now();
    let sign_ins = async {
        let client = server.anonymous();
        let all = emails.iter().map(|email| {
            let input = json!({ "email": email, "password": PASSWORD });
            client.run_with(document, json!({ "input": input }))
        });
        let answers = join_all(all).await;
        is_done.store(true, Ordering::Relaxed);
        answers
    };
    let others = async {
        let client = server.anonymous();
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
        memory("VmHWM:")
    );
    assert_eq!(signed_in + refused, SIGN_INS);
    assert!(slowest < Duration::from_secs(1));
    assert!(memory("VmHWM:") < 150 * 1024);
}

fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
