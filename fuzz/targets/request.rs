//! HTTP requests: the method, the URL, the headers (cookies, `Accept`, `Content-Type`, forwarded
//! addresses, …) and the body, over a real connection.
//!
//! Whatever is sent, it is no fault of the server, and is answered, or the connection is closed.
//!
//! The input is the method and the URL on its first line, a header on each following one, and after
//! an empty line the body. `<session>` stands for an administrator's session. The length of the
//! body, and that nothing follows it, is added.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use usher::demo::ADMINISTRATOR;

use super::server::{is_no_fault, with_server};

/// How long the server may keep its client waiting.
const LIMIT: Duration = Duration::from_secs(10);

pub fn check(input: &[u8]) {
    let answer = with_server(async |server| {
        let session = server.session(&ADMINISTRATOR).await;
        let request = replace(&written(input), b"<session>", session.as_bytes());
        exchange(server.address(), &request).await
    });
    if answer.is_empty() {
        return;
    }
    let text = String::from_utf8_lossy(&answer);
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .or(text.strip_prefix("HTTP/1.0 "));
    let status = status.and_then(|rest| rest.get(..3)).expect("a status");
    assert!(status == "503" || !status.starts_with('5'), "{text}");
    // Where the body comes in one piece and is JSON.
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
    if let Some(Ok(answer)) = body.map(serde_json::from_str) {
        is_no_fault(&answer);
    }
}

/// The request as it is sent.
fn written(input: &[u8]) -> Vec<u8> {
    let (head, body) = match find(input, b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let lines = head.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.to_ascii_lowercase().starts_with(b"content-length"));
    let mut request = lines.collect::<Vec<_>>().join(&b"\r\n"[..]);
    if find(&request, b" HTTP/1.").is_none() {
        let line = find(&request, b"\r\n").unwrap_or(request.len());
        request.splice(line..line, *b" HTTP/1.1\r\nhost: 127.0.0.1");
    }
    request.extend(b"\r\nconnection: close");
    if !is_chunked(&request) {
        // Without it, the server would wait for a body of any length.
        request.extend(format!("\r\ncontent-length: {}", body.len()).bytes());
    }
    request.extend(b"\r\n\r\n");
    request.extend(body);
    request
}

/// What comes back until the server closes the connection, or until it begins a stream of events.
async fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // The server may have had enough before it has read everything.
    let _ = stream.write_all(request).await;
    // Nor may it ever get all that was announced.
    let patience = if is_chunked(request) {
        Duration::from_millis(200)
    } else {
        LIMIT
    };
    let mut answer = Vec::new();
    let begun = Instant::now();
    while let Ok(Ok(1..)) = timeout(patience, stream.read_buf(&mut answer)).await {
        let lasts = [
            &b"HTTP/1.1 101 "[..],
            b"\r\ncontent-type: text/event-stream",
        ];
        if lasts.iter().any(|line| find(&answer, line).is_some()) {
            break;
        }
    }
    assert!(
        begun.elapsed() < LIMIT,
        "neither an answer nor the connection's end"
    );
    answer
}

fn is_chunked(request: &[u8]) -> bool {
    find(&request.to_ascii_lowercase(), b"transfer-encoding").is_some()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn replace(mut text: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    while let Some(at) = find(text, what) {
        replaced.extend(&text[..at]);
        replaced.extend(by);
        text = &text[at + what.len()..];
    }
    replaced.extend(text);
    replaced
}
