//! Watching the queue as a whole, the event log and oneself, only as long as one may.

use serde_json::{Value, json};

use crate::emails::office;
use crate::support::{Client, Events, TestServer};

async fn told(events: &mut Events, field: &str) -> Value {
    let event = events.next().await.unwrap();
    assert!(event.get("errors").is_none(), "{event}");
    event["data"][field].clone()
}

async fn code(events: &mut Events) -> Value {
    loop {
        let event = events.next().await.unwrap();
        if event.get("errors").is_some() {
            return event["errors"][0]["extensions"]["code"].clone();
        }
    }
}

#[tokio::test]
async fn the_queue_tells_that_it_is_paused_and_what_waits_in_it() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    server.all_sent(&administrator).await;
    let document = "subscription { emailQueueChanged { isPaused counts { status count } } }";
    let mut events = administrator.subscribe(document, json!({})).await;
    let queue = told(&mut events, "emailQueueChanged").await;
    assert_eq!(queue["isPaused"], false);
    administrator
        .run("mutation { pauseEmailQueue { userErrors { code } } }")
        .await;
    while told(&mut events, "emailQueueChanged").await["isPaused"] == false {}
    let input = json!({ "to": "watched@kbank.com" });
    administrator.mutate("sendTestEmail", input, "").await;
    loop {
        let queue = told(&mut events, "emailQueueChanged").await;
        if queue["counts"][0] == json!({ "status": "QUEUED", "count": 1 }) {
            break;
        }
    }
}

#[tokio::test]
async fn each_recorded_event_that_matches_is_told_once() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let document = "subscription($filter: EventFilter) {
        eventRecorded(filter: $filter) { actionCode subjectLabel }
    }";
    let filter = json!({ "actions": ["ROLE_CREATED"] });
    let mut events = administrator
        .subscribe(document, json!({ "filter": filter }))
        .await;
    // Nothing from before: the stream begins with what comes after it has begun.
    assert_eq!(events.first().await, None);
    for name in ["First", "Second", "Third"] {
        let input = json!({ "to": "watched@kbank.com" });
        administrator.mutate("sendTestEmail", input, "").await;
        server.role(&administrator, name, &[]).await;
        let event = told(&mut events, "eventRecorded").await;
        assert_eq!(event["actionCode"], "role.created");
        assert!(
            event["subjectLabel"].as_str().unwrap().contains(name),
            "{event}"
        );
    }
    let refused = json!({ "filter": { "search": "a".repeat(10_000) } });
    let mut events = administrator.subscribe(document, refused).await;
    assert_eq!(code(&mut events).await, "BAD_REQUEST");
}

#[tokio::test]
async fn the_viewer_is_told_what_they_may_do_by_now_until_their_session_ends() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let role = server.role(&administrator, "Changing", &[]).await;
    let (_, token) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let laura = server.accept(&token).await;
    let document = "subscription { viewerChanged { firstName permissions } }";
    let mut events = laura.subscribe(document, json!({})).await;
    let viewer = told(&mut events, "viewerChanged").await;
    assert_eq!(viewer["permissions"], json!([]));
    let input = json!({ "id": role, "permissions": ["content-hub.view"] });
    administrator.mutate("updateRole", input, "").await;
    let viewer = told(&mut events, "viewerChanged").await;
    assert_eq!(viewer["permissions"], json!(["content-hub.view"]));
    let input = json!({ "firstName": "Laura" });
    laura.mutate("updateProfile", input, "").await;
    assert_eq!(
        told(&mut events, "viewerChanged").await["firstName"],
        "Laura"
    );
    let input = json!({ "id": laura.id });
    administrator.mutate("deactivateUser", input, "").await;
    assert_eq!(code(&mut events).await, "UNAUTHENTICATED");
}

async fn is_refused(client: &Client, field: &str, expected: &str) {
    let document = format!("subscription {{ {field} {{ __typename }} }}");
    let mut events = client.subscribe(&document, json!({})).await;
    assert_eq!(code(&mut events).await, expected, "{field}");
}

#[tokio::test]
async fn whoever_may_not_know_it_is_not_told() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let nobody = server
        .user_with(&administrator, "nobody@kbank.com", &[])
        .await;
    for field in ["emailQueueChanged", "eventRecorded", "viewerChanged"] {
        is_refused(&server.anonymous(), field, "UNAUTHENTICATED").await;
    }
    for field in ["emailQueueChanged", "eventRecorded"] {
        is_refused(&nobody, field, "FORBIDDEN").await;
    }
    // A permission that is lost while somebody watches ends it.
    let role = server
        .role(&administrator, "Auditor", &["event-log.view"])
        .await;
    let (_, token) = server
        .invite(&administrator, "auditor@kbank.com", &role)
        .await;
    let auditor = server.accept(&token).await;
    let document = "subscription { eventRecorded { id } }";
    let mut events = auditor.subscribe(document, json!({})).await;
    let input = json!({ "id": role, "permissions": [] });
    administrator.mutate("updateRole", input, "").await;
    assert_eq!(code(&mut events).await, "FORBIDDEN");
}
