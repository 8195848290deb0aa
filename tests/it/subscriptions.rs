//! Watching the e-mail queue: over WebSockets and Server-Sent Events, only as long as one may.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::emails::office;
use crate::support::{Client, Event, TestServer, token_in};

const WATCH: &str =
    "subscription($filter: EmailFilter) { emailChanged(filter: $filter) { to status kind } }";

async fn send_test(client: &Client, to: &str) {
    let payload = client
        .mutate("sendTestEmail", json!({ "to": to }), "email { id }")
        .await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a WebSocket with these headers.
    async fn open(server: &TestServer, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let url = format!("{}/graphql", server.url.replace("http:", "ws:"));
        let mut request = url.into_client_request().unwrap();
        let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
        for (name, value) in headers.iter().chain([&protocol]) {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], protocol.1);
                Ok(Self(socket))
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn say(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    async fn hear(&mut self) -> Value {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), self.0.next());
        match next.await.unwrap().unwrap().unwrap() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Introduces itself and subscribes.
    async fn watch(&mut self, payload: Value, filter: Value) {
        self.say(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(self.hear().await["type"], "connection_ack");
        self.say(json!({
            "id": "1", "type": "subscribe",
            "payload": { "query": WATCH, "variables": { "filter": filter } },
        }))
        .await;
        // An answer behind the subscription shows that it has begun.
        self.say(
            json!({ "id": "2", "type": "subscribe", "payload": { "query": "{ __typename }" } }),
        )
        .await;
    }

    async fn next(&mut self) -> Value {
        loop {
            let message = self.hear().await;
            if message["id"] == "1" {
                return message;
            }
        }
    }

    async fn begun(&mut self) {
        while self.hear().await != json!({ "type": "complete", "id": "2" }) {}
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
        let mut socket = Socket::open(&server, &headers).await.unwrap();
        socket.watch(payload, json!({ "to": "watched" })).await;
        socket.begun().await;
        send_test(&administrator, "other@kbank.com").await;
        send_test(&administrator, "watched@kbank.com").await;
        loop {
            let event = socket.next().await;
            assert_eq!(event["type"], "next", "{event}");
            let mail = &event["payload"]["data"]["emailChanged"];
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
        let mut socket = Socket::open(&server, &[]).await.unwrap();
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
        assert_eq!(Socket::open(&server, &headers).await.err(), Some(403));
    }
    assert_eq!(
        Socket::open(&server, &[("cookie", cookie)]).await.err(),
        Some(403)
    );
    let headers = [("cookie", cookie), ("origin", "http://127.0.0.1:8000")];
    let mut socket = Socket::open(&server, &headers).await.unwrap();
    socket.watch(Value::Null, Value::Null).await;
    socket.begun().await;
    send_test(&administrator, "watched@kbank.com").await;
    assert_eq!(socket.next().await["type"], "next");
}

#[tokio::test]
async fn server_sent_events_tell_what_happens_to_a_mail() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let filter = json!({ "filter": { "status": ["SENT"] } });
    let mut events = administrator.subscribe(WATCH, filter).await;
    assert_eq!(events.first().await, None);
    send_test(&administrator, "watched@kbank.com").await;
    let event = events.next().await.unwrap();
    assert_eq!(
        event,
        json!({ "data": { "emailChanged": { "to": ["watched@kbank.com"], "status": "SENT", "kind": "test" } } })
    );
    // What answers once answers as one event.
    let mut events = administrator
        .subscribe("{ viewer { email } }", json!({}))
        .await;
    let answer = events.next().await.unwrap();
    assert_eq!(answer["data"]["viewer"]["email"], "admin@example.com");
    assert_eq!(events.part().await, Some(Event::Complete));
    assert_eq!(events.part().await, None);
    // The server's end is the stream's.
    let mut events = administrator.subscribe(WATCH, json!({})).await;
    assert_eq!(events.first().await, None);
    server.server.stop();
    assert_eq!(events.next().await, None);
}

/// Security rule 8: a subscription ends with its session, and with the permission.
#[tokio::test]
async fn a_subscription_ends_with_its_session() {
    let server = TestServer::start_with(&["mail.queue.poll_interval=100ms"]).await;
    let (administrator, _) = office(&server).await;
    let watcher = server
        .user_with(&administrator, "watcher@kbank.com", &["email-queue.view"])
        .await;
    let mut events = watcher.subscribe(WATCH, json!({})).await;
    assert_eq!(events.first().await, None);
    watcher
        .run("mutation { signOut { userErrors { code } } }")
        .await;
    loop {
        let event = events.next().await.unwrap();
        if event.get("errors").is_some() {
            assert_eq!(event["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
            break;
        }
    }
    assert_eq!(events.next().await, None);
    // Nor is the session's idle end moved by looking on.
    let mut events = administrator.subscribe(WATCH, json!({})).await;
    assert_eq!(events.first().await, None);
    server.advance(std::time::Duration::from_secs(31 * 24 * 60 * 60));
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
    let document = "subscription { emailChanged(filter: { to: \"laura\" }) { status textBody htmlBody source } }";
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
    if server.database.url.starts_with("sqlite:") {
        return;
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
        event["data"]["emailChanged"]["to"],
        json!(["elsewhere@kbank.com"])
    );
}
