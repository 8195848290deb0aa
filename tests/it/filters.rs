//! Filters of e-mails and events that look for one person, one session, one transport or one error.

use serde_json::{Value, json};

use crate::emails::office;
use crate::support::{Client, TestServer};

async fn count(client: &Client, list: &str, filter: &Value) -> u64 {
    let of = if list == "emails" { "Email" } else { "Event" };
    let document = format!(
        "query($filter: {of}Filter) {{ {list}(filter: $filter, first: 100) {{ totalCount nodes {{ id }} }} }}"
    );
    let answer = client
        .run_with(&document, json!({ "filter": filter }))
        .await;
    let list = &answer.data()[list];
    let nodes = list["nodes"].as_array().unwrap();
    assert_eq!(list["totalCount"], nodes.len(), "{filter}");
    nodes.len() as u64
}

async fn is_refused(client: &Client, list: &str, filter: Value) {
    let of = if list == "emails" { "Email" } else { "Event" };
    let document =
        format!("query($filter: {of}Filter) {{ {list}(filter: $filter) {{ totalCount }} }}");
    let answer = client
        .run_with(&document, json!({ "filter": filter }))
        .await;
    assert_eq!(answer.code(), "BAD_REQUEST", "{filter}");
}

#[tokio::test]
async fn emails_are_found_by_whom_they_are_for_and_by_how_they_fared() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    let (laura, token) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    server.accept(&token).await;
    let input = json!({ "email": "laura@kbank.com" });
    administrator
        .mutate("requestPasswordReset", input, "")
        .await;
    server.inbox.next().await;
    server.all_sent(&administrator).await;
    let (user, invitation) = (&laura["user"]["id"], &laura["invitation"]["id"]);
    for (filter, expected) in [
        (json!({}), 3),
        (json!({ "search": "LAURA@" }), 2),
        (json!({ "search": "reset" }), 1),
        (json!({ "search": "l%a" }), 0),
        (json!({ "search": "_" }), 0),
        (json!({ "search": "\0" }), 0),
        (json!({ "userId": user }), 2),
        (json!({ "userId": user, "kinds": ["INVITATION"] }), 1),
        (json!({ "userId": role }), 0),
        (json!({ "invitationId": invitation }), 1),
        (json!({ "invitationId": user }), 0),
        (json!({ "transport": "inbox" }), 3),
        (json!({ "transport": "smtp" }), 0),
        (json!({ "transport": "\0" }), 0),
        (json!({ "lastError": "no such user" }), 0),
        (json!({ "lastError": "\0" }), 0),
        (json!({ "sentAfter": "2020-01-01T00:00:00Z" }), 3),
        (json!({ "sentAfter": "2120-01-01T00:00:00Z" }), 0),
    ] {
        let found = count(&administrator, "emails", &filter).await;
        assert_eq!(found, expected, "{filter}");
    }
    for field in ["search", "transport", "lastError"] {
        is_refused(
            &administrator,
            "emails",
            json!({ field: "a".repeat(10_000) }),
        )
        .await;
    }
}

#[tokio::test]
async fn events_are_found_by_what_was_named_by_session_and_by_address() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server
        .invite(&administrator, "laura_1@kbank.com", &role)
        .await;
    let answer = administrator
        .run("{ events(filter: { actions: [USER_INVITED] }, first: 1) { nodes { sessionId ipAddress } } }")
        .await;
    let event = &answer.data()["events"]["nodes"][0];
    let session = event["sessionId"].clone();
    assert_eq!(event["ipAddress"], "127.0.0.1");
    let all = count(&administrator, "events", &json!({})).await;
    // The administrator's own invitation was the server's doing.
    let of_session = json!({ "sessionId": session });
    let of_session = count(&administrator, "events", &of_session).await;
    assert!((2..all).contains(&of_session), "{of_session} of {all}");
    for (filter, expected) in [
        (json!({ "search": "LAURA_1" }), 1),
        (json!({ "search": "laura%" }), 0),
        (json!({ "search": "aura__" }), 0),
        (json!({ "search": "\0" }), 0),
        (json!({ "search": " " }), all),
        (json!({ "sessionId": administrator.id }), 0),
        (json!({ "ipAddress": "192.0.2.1" }), 0),
        (json!({ "ipAddress": "rubbish\0" }), 0),
        (json!({ "ipAddress": "127.0.0.1", "search": "laura_1" }), 1),
    ] {
        let found = count(&administrator, "events", &filter).await;
        assert_eq!(found, expected, "{filter}");
    }
    is_refused(
        &administrator,
        "events",
        json!({ "search": "a".repeat(10_000) }),
    )
    .await;

    // A user's own are filtered as all are.
    let document = "{ viewer { all: events { totalCount }
        some: events(filter: { actions: [ROLE_CREATED] }) { totalCount } } }";
    let answer = administrator.run(document).await;
    assert_eq!(answer.data()["viewer"]["some"]["totalCount"], 1);
    assert!(
        answer.data()["viewer"]["all"]["totalCount"]
            .as_u64()
            .unwrap()
            > 2
    );
}
