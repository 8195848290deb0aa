//! A client that costs next to nothing, because it shares the processor with the server: one
//! connection that is kept, requests that are written as they are, and bodies that are compared.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One caller's connection.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends a request, and returns the body of a successful response.
    ///
    /// # Errors
    ///
    /// A connection that ends, and every status but 200.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            let searched = self.received.len().saturating_sub(3);
            self.receive().await?;
            if let Some(end) = find(&self.received[searched..], b"\r\n\r\n") {
                break searched + end + 4;
            }
        };
        let length = content_length(&self.received[..head])?;
        while self.received.len() < head + length {
            self.receive().await?;
        }
        if !self.received.starts_with(b"HTTP/1.1 200 ") {
            let text = String::from_utf8_lossy(&self.received);
            return Err(io::Error::other(text.into_owned()));
        }
        Ok(&self.received[head..])
    }

    /// Sends an operation, and returns its data.
    pub async fn run(&mut self, token: &str, query: &str, variables: &Value) -> Value {
        let answer = self.send(&request(token, query, variables)).await.unwrap();
        let mut answer: Value = serde_json::from_slice(answer).unwrap();
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        answer["data"].take()
    }

    async fn receive(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// A request for an operation, as it goes over the wire.
pub fn request(token: &str, query: &str, variables: &Value) -> Vec<u8> {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let length = body.len();
    format!(
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}\
         Content-Type: application/json\r\nAccept: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn content_length(head: &[u8]) -> io::Result<usize> {
    let head = String::from_utf8_lossy(head);
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("no length: {head}")))
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
