//! A WebSocket that speaks `graphql-transport-ws`.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::waiting::within;

/// An open connection.
pub struct Socket(WebSocketStream<TcpStream>);

/// What the server says.
#[derive(Debug, PartialEq)]
pub enum Said {
    /// A message of the protocol.
    Message(Value),
    /// That it closes the connection, and by which code.
    Close(u16),
    /// Nothing any more: the connection is gone.
    Gone,
}

impl Socket {
    /// Opens a WebSocket with these headers; the status, where it is refused.
    pub async fn open(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let address = url.strip_prefix("http://").unwrap();
        let connection = TcpStream::connect(address).await.unwrap();
        Self::open_over(connection, url, headers).await
    }

    /// The same over a connection that is there already.
    pub async fn open_over(
        connection: TcpStream,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let url = format!("{}/graphql", url.replace("http:", "ws:"));
        let mut request = url.into_client_request().unwrap();
        let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
        for (name, value) in headers.iter().chain([&protocol]) {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match within("a WebSocket", client_async(request, connection)).await {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], protocol.1);
                Ok(Self(socket))
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a WebSocket and introduces itself.
    pub async fn initialised(url: &str, payload: Value) -> Self {
        let mut socket = Self::open(url, &[]).await.unwrap();
        socket.initialise(payload).await;
        socket
    }

    /// Introduces itself.
    pub async fn initialise(&mut self, payload: Value) {
        self.say(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(self.hear().await["type"], "connection_ack");
    }

    /// Begins an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
    }

    /// Sends a message.
    pub async fn say(&mut self, message: Value) {
        self.say_text(message.to_string()).await.unwrap();
    }

    /// Sends a text that need not be a message.
    pub async fn say_text(&mut self, text: String) -> Result<(), Error> {
        self.0.send(Message::text(text)).await
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        match self.listen().await {
            Said::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// Whatever comes next.
    pub async fn listen(&mut self) -> Said {
        match within("what the server says", self.0.next()).await {
            Some(Ok(Message::Text(text))) => Said::Message(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(Some(frame)))) => Said::Close(frame.code.into()),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => Said::Gone,
        }
    }

    /// The next message about an operation.
    pub async fn about(&mut self, id: &str) -> Value {
        within("a message about an operation", async {
            loop {
                let message = self.hear().await;
                if message["id"] == id {
                    return message;
                }
            }
        })
        .await
    }

    /// The first response to an operation.
    pub async fn answer(&mut self, id: &str, query: &str, variables: Value) -> Value {
        self.subscribe(id, query, variables).await;
        self.about(id).await["payload"].clone()
    }
}
