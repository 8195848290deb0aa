//! Watching the e-mail queue: over WebSockets and Server-Sent Events, only as long as one may.

use std::time::Duration;

use serde_json::{Value, json};
use usher::domain::EmailAddress;
use usher::domain::setup::invite_administrator;

use crate::emails::office;
use crate::support::{Client, Event, PASSWORD, Said, Socket, TestServer, skipped, token_in};

const WATCH: &str = "subscription Watch($filter: EmailFilter) { emailChanged(filter: $filter) { email { to status kind } } }";

async fn send_test(client: &Client, to: &str) {
    let payload = client
        .mutate("sendTestEmail", json!({ "to": to }), "email { id }")
        .await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
}

/// What a watcher does with a WebSocket.
trait Watcher {
    async fn watch(&mut self, payload: Value, filter: Value);
    async fn next(&mut self) -> Value;
    async fn begun(&mut self);
}

impl Watcher for Socket {
    /// Introduces itself and subscribes.
    async fn watch(&mut self, payload: Value, filter: Value) {
        self.initialise(payload).await;
        self.subscribe("1", WATCH, json!({ "filter": filter }))
            .await;
        // An answer behind the subscription shows that it has begun.
        self.subscribe("2", "{ __typename }", json!({})).await;
    }

    async fn next(&mut self) -> Value {
        self.about("1").await
    }

    async fn begun(&mut self) {
        while self.about("2").await["type"] != "complete" {}
    }
}

fn bearer(client: &Client) -> String {
    format!("Bearer {}", client.token.as_deref().unwrap())
}

#[tokio::test]
async fn a_websocket_tells_what_happens_to_a_mail() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let bearer = bearer(&administrator);
    for (headers, payload) in [
        (vec![], json!({ "Authorization": bearer })),
        (vec![], json!({ "authorization": bearer })),
        (vec![("authorization", bearer.as_str())], Value::Null),
    ] {
        let mut socket = Socket::open(&server.url, &headers).await.unwrap();
        socket.watch(payload, json!({ "to": "watched" })).await;
        socket.begun().await;
        send_test(&administrator, "other@kbank.com").await;
        send_test(&administrator, "watched@kbank.com").await;
        loop {
            let event = socket.next().await;
            assert_eq!(event["type"], "next", "{event}");
            let mail = &event["payload"]["data"]["emailChanged"]["email"];
            assert_eq!(mail["to"], json!(["watched@kbank.com"]));
            if mail["status"] == "SENT" {
                break;
            }
        }
        socket.say(json!({ "id": "1", "type": "complete" })).await;
    }
}

#[tokio::test]
async fn a_websocket_asks_who_it_is() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let nobody = server
        .user_with(&administrator, "nobody@kbank.com", &[])
        .await;
    for (payload, code) in [
        (Value::Null, "UNAUTHENTICATED"),
        (
            json!({ "authorization": "Bearer rubbish" }),
            "UNAUTHENTICATED",
        ),
        (json!({ "authorization": bearer(&nobody) }), "FORBIDDEN"),
    ] {
        let mut socket = Socket::open(&server.url, &[]).await.unwrap();
        socket.watch(payload, Value::Null).await;
        let event = socket.next().await;
        let error = &event["payload"]["errors"][0];
        assert_eq!(error["extensions"]["code"], code, "{event}");
        assert_eq!(socket.next().await["type"], "complete");
    }
    // A page of a foreign origin may not use the cookie; one of this server's may.
    let signed_in = administrator
        .http
        .post(format!("{}/graphql", server.url))
        .json(&json!({ "query": format!(
            "mutation {{ signIn(input: {{ email: \"admin@example.com\", password: \"{}\" }}) {{ token }} }}",
            crate::support::PASSWORD
        ) }))
        .send()
        .await
        .unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    for origin in ["https://evil.example.com", "null"] {
        let headers = [("cookie", cookie), ("origin", origin)];
        assert_eq!(Socket::open(&server.url, &headers).await.err(), Some(403));
    }
    assert_eq!(
        Socket::open(&server.url, &[("cookie", cookie)]).await.err(),
        Some(403)
    );
    let headers = [("cookie", cookie), ("origin", "http://127.0.0.1:8000")];
    let mut socket = Socket::open(&server.url, &headers).await.unwrap();
    socket.watch(Value::Null, Value::Null).await;
    socket.begun().await;
    send_test(&administrator, "watched@kbank.com").await;
    assert_eq!(socket.next().await["type"], "next");
}

#[tokio::test]
async fn server_sent_events_tell_what_happens_to_a_mail() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let filter = json!({ "filter": { "statuses": ["SENT"] } });
    let mut events = administrator.subscribe(WATCH, filter).await;
    assert_eq!(events.first().await, None);
    send_test(&administrator, "watched@kbank.com").await;
    let event = events.next().await.unwrap();
    assert_eq!(
        event,
        json!({ "data": { "emailChanged": { "email": { "to": ["watched@kbank.com"], "status": "SENT", "kind": "TEST" } } } })
    );
    // What answers once answers as one event.
    let mut events = administrator
        .subscribe("{ viewer { email } }", json!({}))
        .await;
    let answer = events.next().await.unwrap();
    assert_eq!(answer["data"]["viewer"]["email"], "admin@example.com");
    assert_eq!(events.part().await, Some(Event::Complete));
    assert_eq!(events.part().await, None);
}

/// Whatever queues a mail tells of it at once, although the queue is looked at rarely and no worker
/// takes the mail.
#[tokio::test]
async fn every_letter_is_told_of_when_it_is_queued() {
    let server = TestServer::start_with(&["mail.queue.poll_interval=1h"]).await;
    let (administrator, role) = office(&server).await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &["content-hub.view"])
        .await;
    let (invited, _) = server.invite(&administrator, "eva@kbank.com", &role).await;
    let send_reset = json!({ "userId": laura.id });
    administrator
        .mutate("sendPasswordReset", send_reset.clone(), "user { id }")
        .await;
    let token = token_in(&server.inbox.next().await);
    administrator
        .run("mutation { pauseEmailQueue { userErrors { code } } }")
        .await
        .data();

    let filter = json!({ "filter": { "statuses": ["QUEUED"] } });
    let mut events = administrator.subscribe(WATCH, filter).await;
    assert_eq!(events.first().await, None);
    let new_password = "heron-biscuit-28-canal";
    let eva = &invited["user"]["id"];
    let change = json!({ "currentPassword": PASSWORD, "newPassword": new_password });
    for (mutation, input, to, kind) in [
        (
            "resetPassword",
            json!({ "token": token, "newPassword": new_password }),
            "laura@kbank.com",
            "PASSWORD_CHANGED",
        ),
        (
            "sendPasswordReset",
            send_reset,
            "laura@kbank.com",
            "PASSWORD_RESET",
        ),
        (
            "requestPasswordReset",
            json!({ "email": "laura@kbank.com" }),
            "laura@kbank.com",
            "PASSWORD_RESET",
        ),
        (
            "changePassword",
            change,
            "admin@example.com",
            "PASSWORD_CHANGED",
        ),
        (
            "resendInvitation",
            json!({ "userId": eva }),
            "eva@kbank.com",
            "INVITATION",
        ),
        (
            "inviteUser",
            json!({ "email": "mia@kbank.com", "roleIds": [role] }),
            "mia@kbank.com",
            "INVITATION",
        ),
        (
            "sendTestEmail",
            json!({ "to": "ada@kbank.com" }),
            "ada@kbank.com",
            "TEST",
        ),
        (
            "updateUser",
            json!({ "id": laura.id, "email": "l@kbank.com" }),
            "laura@kbank.com",
            "EMAIL_CHANGED",
        ),
    ] {
        let payload = administrator.mutate(mutation, input, "__typename").await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        // What only the next poll would tell comes in an hour.
        let event = events.next().await.expect(mutation);
        assert_eq!(
            event["data"]["emailChanged"]["email"],
            json!({ "to": [to], "status": "QUEUED", "kind": kind }),
            "{mutation}"
        );
    }
    let event = events.next().await.unwrap();
    assert_eq!(
        event["data"]["emailChanged"]["email"],
        json!({ "to": ["l@kbank.com"], "status": "QUEUED", "kind": "PASSWORD_REQUIRED" })
    );
    let address = EmailAddress::parse("grace@kbank.com").unwrap();
    invite_administrator(&server.server.app, &address)
        .await
        .unwrap();
    let event = events.next().await.unwrap();
    assert_eq!(
        event["data"]["emailChanged"]["email"]["to"],
        json!(["grace@kbank.com"])
    );
}

/// Security rule 8: a subscription ends with its session, its user, and the permission, and does not
/// wait for something to happen in the queue.
#[tokio::test]
async fn a_subscription_ends_with_what_it_rests_on() {
    let server = TestServer::start_with(&["mail.queue.poll_interval=1h"]).await;
    let (administrator, _) = office(&server).await;
    let permissions = ["email-queue.view"];
    let role = server.role(&administrator, "Watcher", &permissions).await;
    let watch = async |email: &str| {
        let (_, token) = server.invite(&administrator, email, &role).await;
        let watcher = server.accept(&token).await;
        // What becomes of the invitation is told to nobody any more.
        server.all_sent(&administrator).await;
        let mut events = watcher.subscribe(WATCH, json!({})).await;
        assert_eq!(events.first().await, None);
        (watcher, events)
    };
    let (signs_out, first) = watch("first@kbank.com").await;
    let (deactivated, second) = watch("second@kbank.com").await;
    let (ended, third) = watch("third@kbank.com").await;
    let (_, fourth) = watch("fourth@kbank.com").await;
    signs_out
        .run("mutation { signOut { userErrors { code } } }")
        .await;
    let id = json!({ "id": deactivated.id });
    let payload = administrator.mutate("deactivateUser", id, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    let id = json!({ "userId": ended.id });
    let payload = administrator.mutate("endUserSessions", id, "count").await;
    assert_eq!(payload["count"], 1);
    let no_permissions = json!({ "id": role, "permissions": [] });
    let payload = administrator.mutate("updateRole", no_permissions, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    for (mut events, code) in [
        (first, "UNAUTHENTICATED"),
        (second, "UNAUTHENTICATED"),
        (third, "UNAUTHENTICATED"),
        (fourth, "FORBIDDEN"),
    ] {
        loop {
            let event = events.next().await.unwrap();
            if event.get("errors").is_some() {
                assert_eq!(event["errors"][0]["extensions"]["code"], code);
                break;
            }
        }
        assert_eq!(events.next().await, None);
    }
}

/// Security rule 8: looking on does not move the session's idle end.
#[tokio::test]
async fn a_subscription_is_no_use_of_the_session() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let mut events = administrator.subscribe(WATCH, json!({})).await;
    assert_eq!(events.first().await, None);
    server.advance(Duration::from_secs(31 * 24 * 60 * 60));
    while let Some(event) = events.next().await {
        if let Some(errors) = event.get("errors") {
            assert_eq!(errors[0]["extensions"]["code"], "UNAUTHENTICATED");
        }
    }
}

/// Security rule 12: a subscription shows no link to those who may not see it, and records who does.
#[tokio::test]
async fn a_subscription_masks_links() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    let watcher = server
        .user_with(&administrator, "watcher@kbank.com", &["email-queue.view"])
        .await;
    let document = "subscription { emailChanged(filter: { to: \"laura\" }) { email { status textBody htmlBody source } } }";
    let mut masked = watcher.subscribe(document, json!({})).await;
    let mut shown = administrator.subscribe(document, json!({})).await;
    assert_eq!(masked.first().await, None);
    assert_eq!(shown.first().await, None);
    let input = json!({ "email": "laura@kbank.com", "roleIds": [role] });
    administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    let token = token_in(&server.inbox.next().await);
    let event = masked.next().await.unwrap().to_string();
    assert!(event.contains("[secret link]") && !event.contains(&token));
    let event = shown.next().await.unwrap().to_string();
    assert!(event.contains(&token));
    let answer = administrator
        .run("{ events(first: 10) { nodes { action subjectLabel } } }")
        .await;
    let events = answer.data()["events"]["nodes"].to_string();
    assert!(events.contains("LINK_SHOWN"), "{events}");
}

/// What another server on the same database does is seen as well.
#[tokio::test]
async fn a_subscription_sees_what_another_server_does() {
    let server = TestServer::start_with(&["mail.queue.poll_interval=100ms"]).await;
    if server.database.is_sqlite() {
        return skipped("one process has SQLite's file");
    }
    let (administrator, _) = office(&server).await;
    let second = server.another().await;
    let mut events = administrator.subscribe(WATCH, json!({})).await;
    assert_eq!(events.first().await, None);
    let elsewhere = Client {
        url: second.url.clone(),
        ..administrator
    };
    send_test(&elsewhere, "elsewhere@kbank.com").await;
    let event = events.next().await.unwrap();
    assert_eq!(
        event["data"]["emailChanged"]["email"]["to"],
        json!(["elsewhere@kbank.com"])
    );
}

/// A mutation answers by headers as well, which a WebSocket does not have.
#[tokio::test]
async fn mutations_are_not_executed_on_a_websocket() {
    let server = TestServer::start().await;
    let mut socket = Socket::initialised(&server.url, Value::Null).await;
    for (id, document) in [
        ("unnamed", "mutation { signOut { userErrors { code } } }"),
        ("named", "mutation M { signOut { userErrors { code } } }"),
    ] {
        let answer = socket.answer(id, document, json!({})).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_REQUEST");
        assert!(error["message"].as_str().unwrap().contains("by POST"));
    }
}

/// Security rule 16: what holds for a request by POST holds for one in a stream.
#[tokio::test]
async fn streams_keep_the_limits() {
    let server = TestServer::start().await;
    let too_many = json!({ "a": vec![1; 5_001] });
    let document = "query($a: Int) { __typename }";
    let mut socket = Socket::initialised(&server.url, Value::Null).await;
    let answer = socket.answer("1", document, too_many.clone()).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    // A message is as long as a body may be.
    let long = json!({ "a": "x".repeat(300_000) });
    socket.subscribe("2", document, long).await;
    while let Said::Message(message) = socket.listen().await {
        assert_eq!(message["id"], "1");
    }
}

/// Security rule 16.
#[tokio::test]
async fn a_websocket_has_a_bounded_number_of_operations_under_way() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let authorization = json!({ "authorization": bearer(&administrator) });
    let mut socket = Socket::initialised(&server.url, authorization).await;
    for id in 0..20 {
        socket
            .subscribe(&format!("watch {id}"), WATCH, json!({}))
            .await;
    }
    let answer = socket.answer("one more", WATCH, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    // One that has ended makes room.
    socket
        .say(json!({ "id": "watch 0", "type": "complete" }))
        .await;
    let answer = socket.answer("later", "{ __typename }", json!({})).await;
    assert_eq!(answer["data"]["__typename"], "Query");
}

/// Security rule 20: a WebSocket holds a connection, and must not do so for nothing.
#[tokio::test]
async fn a_websocket_that_nobody_uses_is_closed() {
    let server = TestServer::start_with(&[
        // Enough for what is asked before, however slow the machine is.
        "graphql.timeout=2500ms",
        "server.request_timeout=2600ms",
        "server.idle_timeout=3s",
        "server.max_connections=4",
    ])
    .await;
    let (administrator, _) = office(&server).await;
    let authorization = json!({ "authorization": bearer(&administrator) });

    let mut silent = Socket::open(&server.url, &[]).await.unwrap();
    let mut nobody = Socket::initialised(&server.url, Value::Null).await;
    let mut gone = Socket::initialised(&server.url, authorization.clone()).await;
    let ending = async |socket: &mut Socket, responds: bool| loop {
        match socket.listen().await {
            Said::Message(ping) => assert_eq!(ping, json!({ "type": "ping" })),
            ending => return ending,
        }
        if responds {
            socket.say(json!({ "type": "pong" })).await;
        }
    };
    let (silent, nobody, gone) = tokio::join!(
        ending(&mut silent, false),
        ending(&mut nobody, true),
        ending(&mut gone, false),
    );
    assert_eq!(silent, Said::Close(4408), "never introduced itself");
    assert_eq!(nobody, Said::Close(4401), "is not signed in");
    assert_eq!(gone, Said::Close(3008), "does not respond");

    // Whoever responds stays for longer than the time-out.
    let mut present = Socket::initialised(&server.url, authorization).await;
    for _ in 0..4 {
        assert_eq!(present.hear().await, json!({ "type": "ping" }));
        present.say(json!({ "type": "pong" })).await;
    }
    let answer = present.answer("1", "{ __typename }", json!({})).await;
    assert_eq!(answer["data"]["__typename"], "Query");
}
