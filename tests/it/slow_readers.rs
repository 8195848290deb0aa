//! Clients that take their time to read: nobody else waits for them.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::emails::office;
use crate::support::{Client, Said, Socket, TestServer, within};

/// Large, so that few of them fill what lies between server and client; and from several tables.
const WATCH: &str =
    "subscription { emailChanged { email { source textBody htmlBody attempts { response } } } }";

/// Fewer connections to the database than there are subscriptions.
const FEW: [&str; 1] = ["database.max_connections=2"];

/// A connection of which little is received that nobody reads.
async fn connect(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    socket.connect(server.server.address).await.unwrap()
}

fn bearer(client: &Client) -> String {
    format!("Bearer {}", client.token.as_deref().unwrap())
}

/// Changes e-mails until the subscriptions have had more to tell than fits between them and their
/// clients, and shows that others are answered all the while.
async fn others_are_answered_during_a_burst(administrator: &Client) {
    for burst in 0..15 {
        let emails: String = (0..10)
            .map(|n| format!("m{n}: sendTestEmail(input: {{ to: \"{n}@{burst}.example\" }}) {{ userErrors {{ code }} }} "))
            .collect();
        administrator
            .run(&format!("mutation {{ {emails} }}"))
            .await
            .data();
        let asked = join_all((0..4).map(|_| administrator.run("{ viewer { email } }")));
        let answers = timeout(Duration::from_secs(5), asked).await;
        for answer in answers.expect("others wait for a client that does not read") {
            answer.data();
        }
    }
}

#[tokio::test]
async fn nobody_waits_for_a_websocket_that_is_not_read() {
    let server = TestServer::start_with(&FEW).await;
    let (administrator, _) = office(&server).await;
    let connection = connect(&server).await;
    let headers = [("authorization", &*bearer(&administrator))];
    let mut socket = Socket::open_over(connection, &server.url, &headers)
        .await
        .unwrap();
    socket.initialise(Value::Null).await;
    for id in 0..20 {
        socket.subscribe(&id.to_string(), WATCH, json!({})).await;
    }
    others_are_answered_during_a_burst(&administrator).await;
    // It was watching indeed, and what it was to be told is still there.
    for _ in 0..100 {
        match socket.listen().await {
            Said::Message(message) => assert_ne!(message["type"], "complete", "{message}"),
            end => panic!("{end:?}"),
        }
    }
}

#[tokio::test]
async fn nobody_waits_for_event_streams_that_are_not_read() {
    let server = TestServer::start_with(&FEW).await;
    let (administrator, _) = office(&server).await;
    let body = json!({ "query": WATCH }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\
         Authorization: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        bearer(&administrator),
        body.len()
    );
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(&server).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    others_are_answered_during_a_burst(&administrator).await;
    for stream in &mut streams {
        let mut told = vec![0; 64 * 1024];
        let read = within("events", stream.read_exact(&mut told));
        read.await.expect("it is closed");
    }
}
