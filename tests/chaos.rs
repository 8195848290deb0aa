//! The promise of the queue, put to the test: the real binary is killed again and again while mails
//! are queued and sent. None is lost, and at most as many arrive twice as were in flight: handed to the
//! transport, and not yet recorded.
//!
//! `CHAOS_MAILS` and `CHAOS_KILLS` say how many of each: 1,000 and 10 unless set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that finds nothing has failed, and this one is told how long to go on"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use crate::support::{Binary, Finish, PATIENCE, within};

#[path = "it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "tests/it uses the rest")]
mod support;

const WORKERS: usize = 4;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Starts the server, and returns where it listens. Dropped, it is killed.
fn start(folder: &Path) -> (Binary, String) {
    let server = Binary::start(
        folder,
        &[
            "mail.transport=file",
            &format!("mail.queue.workers={WORKERS}"),
            "mail.queue.poll_interval=100ms",
            "mail.queue.lease=1s",
            "log.filter=error",
        ],
    );
    let url = format!("{}/graphql", server.url);
    (server, url)
}

/// What a command prints, which must succeed.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let mut usher = Command::new(env!("CARGO_BIN_EXE_usher"));
    let output = usher.current_dir(folder).args(arguments).finish();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The data of an answer; `None` when the server is killed before it has answered.
async fn run(
    http: &reqwest::Client,
    url: &str,
    token: &str,
    document: &str,
    variables: Value,
) -> Option<Value> {
    let response = http
        .post(url)
        .bearer_auth(token)
        .json(&json!({ "query": document, "variables": variables }))
        .send()
        .await
        .ok()?;
    let body: Value = response.json().await.ok()?;
    assert!(body.get("errors").is_none(), "{body:#}");
    Some(body["data"].clone())
}

/// The Message-IDs in the Maildir, and how often each arrived.
fn arrived(folder: &Path) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("mail/new")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let id = text
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: "))
            .unwrap();
        *found.entry(id.to_owned()).or_default() += 1;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_mail_is_lost_when_the_server_is_killed() {
    let (mails, kills) = (number("CHAOS_MAILS", 1_000), number("CHAOS_KILLS", 10));
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["migrate"]);
    let invite = ["invite-administrator", "admin@example.com"];
    let output = printed(folder.path(), &invite);
    let invitation = output.trim().rsplit_once("token=").unwrap().1;

    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let http = http.build().unwrap();
    let (mut server, url) = start(folder.path());
    let accepted = run(
        &http,
        &url,
        "",
        "mutation($t: String!) { acceptInvitation(input: { token: $t, password: \"walrus-teapot-93-orbit\" }) { token } }",
        json!({ "t": invitation }),
    )
    .await
    .unwrap();
    let token = accepted["acceptInvitation"]["token"]
        .as_str()
        .unwrap()
        .to_owned();

    // Clients queue mails as fast as they can, at whichever address the server has at the moment.
    let address = Arc::new(watch::Sender::new(url));
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let count = Arc::new(watch::Sender::new(0_usize));
    let begun = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..8 {
        let (http, token, mut address) = (http.clone(), token.clone(), address.subscribe());
        let (acknowledged, count, begun) = (acknowledged.clone(), count.clone(), begun.clone());
        clients.push(tokio::spawn(async move {
            loop {
                let number = begun.fetch_add(1, Ordering::SeqCst);
                if number >= mails {
                    break;
                }
                // Each goes to somebody else: nobody is sent a thousand.
                let to = json!({ "to": format!("user{number}@kbank.com") });
                loop {
                    let url = address.borrow_and_update().clone();
                    let document = "mutation($to: EmailAddress!) { sendTestEmail(input: { to: $to }) { email { messageId } } }";
                    match run(&http, &url, &token, document, to.clone()).await {
                        Some(data) => {
                            let id = data["sendTestEmail"]["email"]["messageId"].as_str().unwrap();
                            acknowledged.lock().await.insert(id.to_owned());
                            count.send_modify(|count| *count += 1);
                            break;
                        }
                        // Killed: whether it was queued, nobody knows.
                        None => within("the next server", address.changed()).await.unwrap(),
                    }
                }
            }
        }));
    }
    let mut counted = count.subscribe();
    for kill in 1..=kills {
        let enough = mails * kill / (kills + 1);
        loop {
            let there = *counted.borrow_and_update();
            if there >= enough {
                break;
            }
            let more = format!("more than {there} of {enough} mails to be queued");
            within(&more, counted.changed()).await.unwrap();
        }
        drop(server);
        let url;
        (server, url) = start(folder.path());
        address.send_replace(url);
    }
    for client in clients {
        client.await.unwrap();
    }

    // Until nothing waits any more, as long as ever fewer do.
    let url = address.borrow().clone();
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let mut fewest = (u64::MAX, Instant::now());
    loop {
        tick.tick().await;
        let document = "{ emails(filter: { statuses: [QUEUED, SENDING] }) { totalCount } failed: emails(filter: { statuses: [FAILED] }) { totalCount } }";
        let data = run(&http, &url, &token, document, json!({})).await.unwrap();
        assert_eq!(data["failed"]["totalCount"], 0);
        let waiting = data["emails"]["totalCount"].as_u64().unwrap();
        if waiting == 0 {
            break;
        }
        if waiting < fewest.0 {
            fewest = (waiting, Instant::now());
        }
        assert!(fewest.1.elapsed() < PATIENCE, "{waiting} are not sent");
    }
    let mut queued = BTreeSet::new();
    let mut after = Value::Null;
    loop {
        let document = "query($after: String) { emails(first: 100, after: $after) { nodes { messageId } pageInfo { hasNextPage endCursor } } }";
        let data = run(&http, &url, &token, document, json!({ "after": after }))
            .await
            .unwrap();
        let before = queued.len();
        for node in data["emails"]["nodes"].as_array().unwrap() {
            queued.insert(node["messageId"].as_str().unwrap().to_owned());
        }
        assert!(queued.len() > before, "a page lists nothing new: {data:#}");
        if data["emails"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = data["emails"]["pageInfo"]["endCursor"].clone();
    }
    drop(server);

    let arrived = arrived(folder.path());
    let acknowledged = acknowledged.lock().await.clone();
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !arrived.contains_key(*id))
        .collect();
    let twice: usize = arrived.values().map(|times| times - 1).sum();
    println!(
        "{} mails acknowledged, {} queued, {kills} kills: {} lost, {twice} arrived twice",
        acknowledged.len(),
        queued.len(),
        lost.len()
    );
    assert_eq!(acknowledged.len(), mails);
    assert_eq!(lost, [""; 0]);
    let most = kills * (WORKERS + usher::mail::worker::MOST_AHEAD);
    assert!(twice <= most, "{twice} arrived twice");
    // Stable: whatever arrived carries the identifier that it was queued with.
    let strange: Vec<_> = arrived.keys().filter(|id| !queued.contains(*id)).collect();
    assert_eq!(strange, [""; 0]);
}
