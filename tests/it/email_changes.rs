//! What a watcher of the queue is told: of each e-mail, from whichever time on, and by whichever server.

use std::time::Duration;

use entity::EventId;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::emails::office;
use crate::rows::literal;
use crate::support::{Client, Events, TestServer, within};

const WATCH: &str = "subscription($filter: EmailFilter, $since: DateTime) {
    emailChanged(filter: $filter, since: $since) { kind emailId email { to status } }
}";

async fn told(events: &mut Events) -> Value {
    let event = events.next().await.unwrap();
    assert!(event.get("errors").is_none(), "{event}");
    event["data"]["emailChanged"].clone()
}

async fn send(client: &Client, to: &str) -> Value {
    let payload = client
        .mutate("sendTestEmail", json!({ "to": to }), "email { id }")
        .await;
    payload["email"]["id"].clone()
}

/// As a test of somebody's front end waits for the e-mail that it has caused.
#[tokio::test]
async fn whoever_asks_from_a_time_on_misses_nothing_from_before_they_began() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    send(&administrator, "before@kbank.com").await;
    server.all_sent(&administrator).await;
    server.advance(Duration::from_secs(60));
    let first = send(&administrator, "first@kbank.com").await;
    let query = json!({ "id": first });
    let document = "query($id: ID!) { email(id: $id) { createdAt } }";
    let answer = administrator.run_with(document, query).await;
    let since = answer.data()["email"]["createdAt"].clone();
    let second = send(&administrator, "second@kbank.com").await;
    server.all_sent(&administrator).await;
    let variables = json!({ "since": since });
    let mut events = administrator.subscribe(WATCH, variables).await;
    for (id, to) in [(first, "first@kbank.com"), (second, "second@kbank.com")] {
        let email = json!({ "to": [to], "status": "SENT" });
        let expected = json!({ "kind": "CHANGED", "emailId": id, "email": email });
        assert_eq!(told(&mut events).await, expected);
    }
    // It goes on with what happens from now on.
    administrator
        .run("mutation { pauseEmailQueue { userErrors { code } } }")
        .await;
    let third = send(&administrator, "third@kbank.com").await;
    let change = told(&mut events).await;
    assert_eq!(
        (&change["kind"], &change["emailId"]),
        (&json!("QUEUED"), &third)
    );
    // The filter holds for what was before as well.
    let variables = json!({ "since": since, "filter": { "to": "second@" } });
    let mut events = administrator.subscribe(WATCH, variables).await;
    assert_eq!(
        told(&mut events).await["email"]["to"],
        json!(["second@kbank.com"])
    );
}

#[tokio::test]
async fn deleted_mails_are_told_on_every_server() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    server.all_sent(&administrator).await;
    let id = send(&administrator, "deleted@kbank.com").await;
    server.all_sent(&administrator).await;
    // One process has SQLite's file.
    let second = if server.database.is_sqlite() {
        None
    } else {
        Some(server.another().await)
    };
    let elsewhere = second.as_ref().map(|second| Client {
        url: second.url.clone(),
        ..administrator.clone()
    });
    let mut watchers = Vec::new();
    for client in [Some(&administrator), elsewhere.as_ref()]
        .into_iter()
        .flatten()
    {
        // It matches no filter any more, and is told whatever the filter is.
        let variables = json!({ "filter": { "to": "nobody@" } });
        let mut events = client.subscribe(WATCH, variables).await;
        assert_eq!(events.first().await, None);
        watchers.push(events);
    }
    let input = json!({ "ids": [id] });
    let payload = administrator
        .mutate("deleteEmails", input, "count deletedIds")
        .await;
    assert_eq!(payload["count"], 1);
    assert_eq!(payload["deletedIds"], json!([id]));
    for events in &mut watchers {
        let expected = json!({ "kind": "DELETED", "emailId": id, "email": null });
        assert_eq!(told(events).await, expected);
    }
}

#[tokio::test]
async fn what_was_changed_is_returned() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    server.all_sent(&administrator).await;
    administrator
        .run("mutation { pauseEmailQueue { userErrors { code } } }")
        .await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(send(&administrator, &format!("m{number}@kbank.com")).await);
    }
    let backwards: Vec<Value> = ids.iter().rev().cloned().collect();
    let shown = "count emails { id status }";
    let payload = administrator
        .mutate("cancelEmails", json!({ "ids": backwards }), shown)
        .await;
    let emails = |status: &str| -> Vec<Value> {
        let all = backwards.iter();
        all.map(|id| json!({ "id": id, "status": status }))
            .collect()
    };
    assert_eq!(payload["emails"], json!(emails("CANCELLED")));
    let payload = administrator
        .mutate("retryEmails", json!({ "ids": backwards }), shown)
        .await;
    assert_eq!(payload["emails"], json!(emails("QUEUED")));
    // A mistake in the filter is the caller's, and says where.
    let input = json!({ "filter": { "to": "a".repeat(201) } });
    let payload = administrator.mutate("cancelEmails", input, shown).await;
    assert_eq!(
        (&payload["count"], &payload["emails"]),
        (&Value::Null, &Value::Null)
    );
    let error = &payload["userErrors"][0];
    assert_eq!(error["code"], "TOO_LONG");
    assert_eq!(error["field"], json!(["input", "filter", "to"]));
}

/// A transaction says when it changes something, and is seen when it commits: others may have begun to watch
/// in between. When they have begun, nobody is told: so it happens again until they hear of it.
#[tokio::test]
async fn what_is_committed_late_is_told_to_those_who_began_before() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let id = send(&administrator, "late@kbank.com").await;
    server.all_sent(&administrator).await;
    server.advance(Duration::from_secs(60));
    let mut emails = administrator.subscribe(WATCH, json!({})).await;
    let change = "UPDATE emails SET changed_at = {earlier} WHERE recipients = 'late@kbank.com'";
    let told = told_of_late(&server, &mut emails, change).await;
    assert_eq!(told["emailChanged"]["emailId"], id);

    let document = "subscription { eventRecorded { actionCode } }";
    let mut events = administrator.subscribe(document, json!({})).await;
    let change = "INSERT INTO events
        (id, created_at, actor_label, action, subject_type, subject_label, changes)
        VALUES ({id}, {earlier}, '', 'late', '', '', '[]')";
    let told = told_of_late(&server, &mut events, change).await;
    assert_eq!(told["eventRecorded"]["actionCode"], "late");
}

/// What a watcher is told of a change that is committed two seconds late.
async fn told_of_late(server: &TestServer, events: &mut Events, change: &str) -> Value {
    let app = &server.server.app;
    within("what is committed late to be told", async {
        loop {
            let earlier = app.clock.now().before(Duration::from_secs(2)).0;
            let id = literal(server, app.new_id::<EventId>().0);
            let change = change.replace("{earlier}", &earlier.to_string());
            let transaction = app.db.begin().await.unwrap();
            let change = change.replace("{id}", &id);
            transaction.execute_batch(&change).await.unwrap();
            transaction.commit().await.unwrap();
            if let Ok(told) = timeout(Duration::from_secs(2), events.next()).await {
                return told.unwrap()["data"].take();
            }
        }
    })
    .await
}

/// Each of the e-mails that a payload may show counts.
#[tokio::test]
async fn a_payload_is_no_way_round_the_limit_of_an_answer() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let document = "mutation($input: CancelEmailsInput!) { cancelEmails(input: $input) {
        emails { user { sessions { id } } } } }";
    let everything = json!({ "input": { "filter": {} } });
    let answer = administrator.run_with(document, everything).await;
    assert_eq!(answer.code(), "LIMIT_EXCEEDED");
    let one = json!({ "input": { "ids": [administrator.id] } });
    administrator.run_with(document, one).await.data();
}
