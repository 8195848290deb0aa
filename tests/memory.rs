//! What hostile requests cost the server, in a binary of its own and one test after the other: nothing
//! else takes memory or time meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that finds nothing has failed"
)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::documents::hostile;
use crate::support::{Answer, Said, Socket, TestServer};

#[path = "it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "tests/it uses the rest")]
mod support;

/// So many requests fill caches, so that they are no growth.
const FIRST: usize = 5;

/// A server that has its process to itself.
struct Alone {
    server: TestServer,
    /// How many were sent.
    sent: usize,
    /// What the process held after the first ones, in KiB.
    before: u64,
    _turn: MutexGuard<'static, ()>,
}

impl Alone {
    async fn start() -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        Self {
            server: TestServer::start().await,
            sent: 0,
            before: 0,
            _turn: turn,
        }
    }

    /// Shows that others are answered at once.
    async fn answers_others_after(&mut self, body: &str) {
        let begun = Instant::now();
        let alive = self.server.anonymous().run("{ __typename }").await;
        let start = start_of(body);
        assert_eq!(*alive.data(), json!({ "__typename": "Query" }), "{start}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{start}");
        self.sent += 1;
        if self.sent == FIRST {
            self.before = resident();
        }
    }

    fn has_hardly_grown(&self) {
        assert!(self.sent >= 80, "{}", self.sent);
        let grown = resident().saturating_sub(self.before);
        assert!(grown < 20 * 1024, "{grown} KiB");
    }
}

/// Kilobytes of memory that this process, the server in it, holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

fn start_of(body: &str) -> String {
    body.chars().take(120).collect()
}

/// Security rule 16.
#[tokio::test]
async fn hostile_requests_cost_next_to_nothing() {
    let mut alone = Alone::start().await;
    for body in hostile() {
        let start = start_of(&body);
        let client = alone.server.anonymous();
        let url = format!("{}/graphql", client.url);
        let request = client.http.post(url).body(body.clone());
        let request = request.header("content-type", "application/json");
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert!(answer.status < 500, "{start}: {}", answer.status);
        assert!(answer.body.to_string().len() < 400_000, "{start}");
        alone.answers_others_after(&body).await;
    }
    alone.has_hardly_grown();
}

/// Security rule 16: nor do they as messages of a WebSocket.
#[tokio::test]
async fn hostile_messages_cost_next_to_nothing() {
    let mut alone = Alone::start().await;
    for body in hostile() {
        let mut socket = Socket::initialised(&alone.server.url, Value::Null).await;
        let message = format!(r#"{{"id":"1","type":"subscribe","payload":{body}}}"#);
        // What is too long may be refused before it was sent.
        let _ = socket.say_text(message).await;
        if let Said::Message(message) = socket.listen().await {
            assert_eq!(message["id"], "1", "{}", start_of(&body));
        }
        alone.answers_others_after(&body).await;
    }
    alone.has_hardly_grown();
}
