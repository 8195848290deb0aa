//! What is said over a WebSocket, by `graphql-transport-ws`: whatever it is, the server answers in
//! that protocol, and goes when the client does.
//!
//! Each line of the input is a message. `<session>` stands for an administrator's session.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use usher::demo::ADMINISTRATOR;

use super::server::{is_no_fault, with_server};

pub fn check(input: &[u8]) {
    with_server(async |server| {
        let session = server.session(&ADMINISTRATOR).await;
        let limit = Duration::from_secs(10);
        let talk = tokio::time::timeout(limit, talk(server.address(), input, &session)).await;
        talk.expect("the connection's end");
    });
}

async fn talk(address: SocketAddr, input: &[u8], session: &str) {
    let mut request = format!("ws://{address}/graphql")
        .into_client_request()
        .expect("a request");
    let protocol = "graphql-transport-ws".parse().expect("a protocol");
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (socket, _) = client_async(request, stream).await.expect("a WebSocket");
    let (mut say, mut hear) = socket.split();
    let speak = async {
        for line in input.split(|byte| *byte == b'\n') {
            let message = match std::str::from_utf8(line) {
                Ok(line) => Message::text(line.replace("<session>", session)),
                Err(_) => Message::binary(line.to_vec()),
            };
            if say.send(message).await.is_err() {
                return;
            }
        }
        let _ = say.send(Message::Close(None)).await;
    };
    let listen = async {
        while let Some(Ok(message)) = hear.next().await {
            if let Message::Text(text) = message {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                assert!(message["type"].is_string(), "{message}");
                is_no_fault(&message["payload"]);
            }
        }
    };
    tokio::join!(speak, listen);
}
