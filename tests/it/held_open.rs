//! What can be held open, and for how long: each row of the table in docs/security.md.

use std::io::ErrorKind;
use std::pin::pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::emails::office;
use crate::support::{Binary, Client, Event, PATIENCE, Said, Socket, TestServer, within};

/// So short that everything is closed within a moment.
const IMPATIENT: [&str; 3] = [
    "graphql.timeout=900ms",
    "server.request_timeout=1s",
    "server.idle_timeout=1s",
];

const WATCH: &str = "subscription { emailChanged { email { status } } }";

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.server.address).await.unwrap()
}

/// A connection from another address of this machine.
async fn connect_from(address: &str, server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(format!("{address}:0").parse().unwrap())
        .unwrap();
    socket.connect(server.server.address).await.unwrap()
}

/// All that is received until the server closes the connection.
async fn received(connection: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    match within(
        "the connection to be closed",
        connection.read_to_end(&mut all),
    )
    .await
    {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    all
}

/// Whether the server closes the connection although something is sent again and again.
async fn is_closed_despite(mut connection: TcpStream, again: &[u8]) -> bool {
    let (mut reader, mut writer) = connection.split();
    let trickle = async {
        while again.is_empty() || writer.write_all(again).await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut all = Vec::new();
    tokio::select! {
        // Closed, or reset because more had been sent meanwhile.
        _ = reader.read_to_end(&mut all) => true,
        () = trickle => false,
        () = sleep(PATIENCE) => false,
    }
}

fn bearer(client: &Client) -> Value {
    json!({ "authorization": format!("Bearer {}", client.token.as_deref().unwrap()) })
}

fn watch_request(client: &Client) -> String {
    let body = json!({ "query": WATCH }).to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\
         Authorization: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        bearer(client)["authorization"].as_str().unwrap(),
        body.len()
    )
}

/// Waits until the server closes the WebSocket, and responds to its pings meanwhile.
async fn close_of(socket: &mut Socket) -> Said {
    within("the WebSocket to be closed", async {
        loop {
            match socket.listen().await {
                Said::Message(message) if message["type"] == "ping" => {
                    socket.say(json!({ "type": "pong" })).await;
                }
                Said::Message(_) => {}
                end => return end,
            }
        }
    })
    .await
}

/// Security rule 20.
#[tokio::test]
async fn a_request_that_does_not_end_is_closed() {
    let server = TestServer::start_with(&IMPATIENT).await;
    let post = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let get = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let handshake = "GET /graphql HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    let cases = [
        ("silent", String::new(), ""),
        ("empty lines", String::new(), "\r\n"),
        (
            "a head that trickles",
            "GET / HTTP/1.1\r\nX: ".to_owned(),
            "x",
        ),
        (
            "a head of small headers",
            "GET / HTTP/1.1\r\n".to_owned(),
            "X: y\r\n",
        ),
        (
            "a body that never comes",
            format!("{post}Content-Length: 100\r\n\r\n"),
            "",
        ),
        (
            "a body that trickles",
            format!("{post}Content-Length: 100000\r\n\r\n"),
            " ",
        ),
        (
            "a body without an end",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n"),
            "1\r\n \r\n",
        ),
        (
            "a body that was asked for",
            format!("{post}Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n"),
            " ",
        ),
        (
            "a body that nobody reads",
            "POST /nowhere HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            "1\r\n \r\n",
        ),
        ("kept alive", get.to_owned(), ""),
        ("pipelined", format!("{get}GET /healthz HTTP/1.1\r\n"), ""),
        (
            "a tunnel",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "x",
        ),
        (
            "options",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "",
        ),
        (
            "an upgrade to what is not spoken",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
                .to_owned(),
            "",
        ),
        ("a WebSocket without a word", handshake.to_owned(), ""),
        // An endless message, of which a piece comes now and then; the mask is zero.
        (
            "a WebSocket message that trickles",
            format!("{handshake}\u{1}\u{7f}"),
            "",
        ),
    ];
    let closed = cases.map(async |(name, start, again)| {
        let mut connection = connect(&server).await;
        connection.write_all(start.as_bytes()).await.unwrap();
        (name, is_closed_despite(connection, again.as_bytes()).await)
    });
    let open: Vec<&str> = join_all(closed)
        .await
        .into_iter()
        .filter_map(|(name, is_closed)| (!is_closed).then_some(name))
        .collect();
    assert_eq!(open, [""; 0]);
}

/// Security rule 20: although all of the time-outs are long.
#[tokio::test]
async fn what_is_no_http_1_1_is_closed_at_once() {
    let server =
        TestServer::start_with(&["server.request_timeout=1h", "server.idle_timeout=1h"]).await;
    // A client that knows, or believes, that HTTP/2 is spoken here, and goes on with PINGs.
    let mut http2 = connect(&server).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    http2.write_all(preface).await.unwrap();
    let goaway = &received(&mut http2).await[9..];
    assert_eq!(goaway[3], 7, "{goaway:?}");
    assert_eq!(goaway[13..17], [0, 0, 0, 13], "HTTP_1_1_REQUIRED");
    // One that sends it in pieces learns of it in the words of HTTP/1.1, or not at all.
    let mut pieces = connect(&server).await;
    pieces.set_nodelay(true).unwrap();
    for piece in preface.chunks(8) {
        // It may be closed by now.
        let _ = pieces.write_all(piece).await;
        sleep(Duration::from_millis(20)).await;
    }
    received(&mut pieces).await;
    for start in [
        // A client that believes that TLS is spoken here.
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"EHLO example.com\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut connection = connect(&server).await;
        connection.write_all(start).await.unwrap();
        received(&mut connection).await;
    }
    // Whoever has sent their request, and will send no more, gets the answer and no further time.
    let mut half_closed = connect(&server).await;
    half_closed
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    half_closed.shutdown().await.unwrap();
    let answer = String::from_utf8(received(&mut half_closed).await).unwrap();
    assert!(answer.is_empty() || answer.ends_with("ok\n"), "{answer}");
    let (administrator, _) = office(&server).await;
    let mut events = connect(&server).await;
    events
        .write_all(watch_request(&administrator).as_bytes())
        .await
        .unwrap();
    events.read_u8().await.unwrap();
    events.shutdown().await.unwrap();
    received(&mut events).await;
}

/// Security rule 20.
#[tokio::test]
async fn a_client_that_reads_nothing_is_closed() {
    let server = TestServer::start_with(&IMPATIENT).await;
    let mut connection = connect(&server).await;
    let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
    let writes = async { while connection.write_all(requests.as_bytes()).await.is_ok() {} };
    within("the connection to be closed", writes).await;
}

/// Security rule 20: a client that keeps sending what counts for nothing.
#[tokio::test]
async fn a_websocket_is_closed_that_is_flooded_or_misused() {
    let server = TestServer::start().await;
    // Each of these would be refused; none of the refusals is read.
    let mut flooded = Socket::initialised(&server.url, Value::Null).await;
    let operation = |id: usize| json!({ "id": id.to_string(), "type": "subscribe", "payload": { "query": "{ __typename }" } });
    let flood = async {
        for id in 0.. {
            if flooded.say_text(operation(id).to_string()).await.is_err() {
                return;
            }
        }
    };
    within("the connection to be closed", flood).await;
    for (message, code) in [
        ("no message", 4400),
        (r#"{"type":"unheard-of"}"#, 4400),
        (r#"{"type":"connection_init"}"#, 4429),
    ] {
        let mut socket = Socket::initialised(&server.url, Value::Null).await;
        socket.say_text(message.to_owned()).await.unwrap();
        assert_eq!(close_of(&mut socket).await, Said::Close(code), "{message}");
    }
    let mut early = Socket::open(&server.url, &[]).await.unwrap();
    early.say(operation(1)).await;
    assert_eq!(close_of(&mut early).await, Said::Close(4401));
}

/// Security rules 8 and 20: a WebSocket ends with the session that it began with, though its client
/// responds to pings, and whatever ended the session.
#[tokio::test]
async fn a_websocket_ends_with_its_session() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let mut watchers = Vec::new();
    for email in ["a@kbank.com", "b@kbank.com", "c@kbank.com", "d@kbank.com"] {
        let user = server.user_with(&administrator, email, &[]).await;
        let socket = Socket::initialised(&server.url, bearer(&user)).await;
        watchers.push((user, socket));
    }
    let [signs_out, deactivated, revoked, _] = &watchers[..] else {
        panic!();
    };
    signs_out
        .0
        .run("mutation { signOut { userErrors { code } } }")
        .await
        .data();
    let id = json!({ "id": deactivated.0.id });
    administrator.mutate("deactivateUser", id, "").await;
    let id = json!({ "userId": revoked.0.id });
    administrator.mutate("endUserSessions", id, "count").await;
    let (_, mut expires) = watchers.pop().unwrap();
    for (_, mut socket) in watchers {
        assert_eq!(close_of(&mut socket).await, Said::Close(4401));
    }
    let answer = expires.answer("1", "{ __typename }", json!({})).await;
    assert_eq!(answer["data"]["__typename"], "Query");
    server.advance(Duration::from_secs(91 * 24 * 60 * 60));
    assert_eq!(close_of(&mut expires).await, Said::Close(4401));
}

/// Security rule 20: the time-outs of a connection are not for what lasts.
#[tokio::test]
async fn an_event_stream_may_be_silent() {
    let server = TestServer::start_with(&IMPATIENT).await;
    let (administrator, _) = office(&server).await;
    let mut events = administrator.subscribe(WATCH, json!({})).await;
    assert_eq!(events.part().await, Some(Event::Comment));
    // It is closed when `server.idle_timeout` is over, which began later.
    let mut nobody = Socket::initialised(&server.url, Value::Null).await;
    assert_eq!(close_of(&mut nobody).await, Said::Close(4401));
    let input = json!({ "to": "laura@kbank.com" });
    administrator.mutate("sendTestEmail", input, "").await;
    assert!(events.next().await.is_some());
}

/// Security rule 20: whoever watches is told that the server stops in a way that makes their client
/// connect again.
#[tokio::test]
async fn streams_break_off_when_the_server_stops() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let mut socket = Socket::initialised(&server.url, bearer(&administrator)).await;
    socket.subscribe("1", WATCH, json!({})).await;
    let answer = socket.answer("2", "{ __typename }", json!({})).await;
    assert_eq!(answer["data"]["__typename"], "Query");
    let mut events = administrator.subscribe(WATCH, json!({})).await;
    assert_eq!(events.first().await, None);
    server.server.stop();
    loop {
        match socket.listen().await {
            Said::Message(message) => assert_ne!(
                message,
                json!({ "id": "1", "type": "complete" }),
                "a subscription that is complete is not begun again"
            ),
            end => break assert_eq!(end, Said::Close(1012)),
        }
    }
    loop {
        match events.part().await.unwrap() {
            Event::Comment => {}
            end => break assert_eq!(end, Event::Lost),
        }
    }
    within("the server to stop", server.server.stopped()).await;
}

/// Security rule 20: one client cannot take all of the connections.
#[tokio::test]
async fn connections_from_one_client_are_bounded() {
    let server = TestServer::start_with(&[
        "server.max_connections=20",
        "server.max_connections_per_client=15",
        "metrics.bind=127.0.0.1:0",
    ])
    .await;
    let ask = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut silent = join_all((0..15).map(|_| connect_from("127.0.0.2", &server))).await;
    let mut refused = connect_from("127.0.0.2", &server).await;
    let answer = received(&mut refused).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = format!("\r\nContent-Length: {}\r\n", body.len());
    assert!(answer.contains(&length), "{answer}");
    let mut other = connect(&server).await;
    other.write_all(ask).await.unwrap();
    assert!(received(&mut other).await.ends_with(b"ok\n"));
    let metrics = server.server.metrics_address.unwrap();
    let read = async |path: &str| {
        let url = format!("http://{metrics}{path}");
        let answer = server.anonymous().http.get(url).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let counted = read("/metrics").await;
    for line in ["usher_connections_refused_total 1", "usher_connections 15"] {
        assert!(counted.contains(line), "{line} is not in\n{counted}");
    }
    // One that ends makes room.
    silent.pop();
    let again = async {
        loop {
            let mut next = connect_from("127.0.0.2", &server).await;
            let _ = next.write_all(ask).await;
            if received(&mut next).await.ends_with(b"ok\n") {
                return;
            }
        }
    };
    within("room to be made", again).await;
    // What asks for health at the address of metrics never waits for clients.
    let _all = join_all((0..6).map(|_| connect_from("127.0.0.3", &server))).await;
    assert_eq!(read("/healthz").await, "ok\n");
    assert_eq!(read("/readyz").await, "ok\n");
}

/// Behind a proxy, everybody has its address.
#[tokio::test]
async fn connections_from_a_trusted_proxy_are_not_bounded() {
    let server = TestServer::start_with(&[
        "server.max_connections_per_client=2",
        "server.trusted_proxies=[\"127.0.0.1\"]",
    ])
    .await;
    let _silent = join_all((0..5).map(|_| connect(&server))).await;
    let answer = server.anonymous().run("{ __typename }").await;
    assert_eq!(*answer.data(), json!({ "__typename": "Query" }));
    // Those behind it are told apart: their WebSockets are counted.
    let from = async |client| Socket::open(&server.url, &[("x-forwarded-for", client)]).await;
    let first = (from("203.0.113.9").await, from("203.0.113.9").await);
    assert!(first.0.is_ok() && first.1.is_ok());
    assert_eq!(from("203.0.113.9").await.err(), Some(429));
    assert!(from("203.0.113.10").await.is_ok());
}

/// Security rule 20: nor all of the files that the system lets the server open, of which many systems
/// allow few unless one asks for more.
#[tokio::test]
async fn connections_leave_files_for_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .current_dir(folder.path())
        .args([
            "-c",
            "ulimit -Sn 64; exec \"$0\" --set server.bind=127.0.0.1:0",
        ])
        .arg(env!("CARGO_BIN_EXE_usher"));
    let server = Binary::spawn(command);
    let address = server.url.strip_prefix("http://").unwrap();
    let connect = async |_| TcpStream::connect(address).await.unwrap();
    let _silent = join_all((0..200).map(connect)).await;
    let ask = "mutation { requestPasswordReset(input: { email: \"a@b.example\" }) { userErrors { code } } }";
    let answer = Client::anonymous(server.url.clone()).run(ask).await;
    assert_eq!(
        answer.data()["requestPasswordReset"]["userErrors"],
        json!([])
    );
    let log = server.stop();
    assert!(!log.contains("ERROR"), "{log}");
}

/// Security rule 20: nor can one user, from wherever.
#[tokio::test]
async fn streams_and_subscriptions_of_a_user_are_bounded() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let mut sockets = Vec::new();
    for _ in 0..100 {
        sockets.push(Socket::initialised(&server.url, bearer(&administrator)).await);
    }
    let introduction = json!({ "type": "connection_init", "payload": bearer(&administrator) });
    let one_more = async || {
        let mut socket = Socket::open(&server.url, &[]).await.unwrap();
        socket.say(introduction.clone()).await;
        socket.listen().await
    };
    assert_eq!(one_more().await, Said::Close(1013));
    // Of 120 subscriptions, 100 begin.
    let refused = AtomicUsize::new(0);
    let watching = sockets.iter_mut().take(6).map(|socket| {
        Box::pin(async {
            for id in 0..20 {
                socket.subscribe(&id.to_string(), WATCH, json!({})).await;
            }
            while refused.load(Ordering::Relaxed) < 20 {
                let message = socket.hear().await;
                let code = &message["payload"]["errors"][0]["extensions"]["code"];
                if code == "LIMIT_EXCEEDED" {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    });
    select_all(watching).await;
    assert_eq!(refused.into_inner(), 20);
    // Those that end make room.
    sockets.truncate(50);
    let room = async { while one_more().await == Said::Close(1013) {} };
    within("room to be made", room).await;
}

/// Security rule 20: a request's line and headers together are at most 32 KiB long.
#[tokio::test]
async fn a_long_head_is_refused() {
    let server = TestServer::start().await;
    let long = "x".repeat(33 * 1024);
    let status = async |head: String| {
        let mut connection = connect(&server).await;
        let request = format!("GET {head}Connection: close\r\n\r\n");
        // It may be refused before it has been sent.
        let _ = connection.write_all(request.as_bytes()).await;
        let answer = received(&mut connection).await;
        String::from_utf8_lossy(&answer)
            .get(9..12)
            .map(str::to_owned)
    };
    let refused = Some("431".to_owned());
    assert_eq!(
        status(format!("/ HTTP/1.1\r\nX: {long}\r\n")).await,
        refused
    );
    assert_eq!(status(format!("/{long} HTTP/1.1\r\n")).await, refused);
    let many = "X: y\r\n".repeat(101);
    assert_eq!(status(format!("/ HTTP/1.1\r\n{many}")).await, refused);
    let fits = format!(
        "/healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n",
        &long[..31 * 1024]
    );
    assert_eq!(status(fits).await, Some("200".to_owned()));
}

/// Security rule 20.
#[tokio::test]
async fn slow_connections_keep_nobody_out_and_are_closed() {
    let server = TestServer::start_with(&[
        "server.request_timeout=2s",
        "graphql.timeout=1s",
        "server.max_connections=210",
    ])
    .await;
    let address = server.server.address;
    let slow = (0..200).map(async |_| {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection
            .write_all(b"POST /graphql HTTP/1.1\r\nX: ")
            .await
            .unwrap();
        connection
    });
    let slow = join_all(slow).await;
    let answer = server.anonymous().run("{ __typename }").await;
    assert_eq!(*answer.data(), json!({ "__typename": "Query" }));
    // A byte now and then buys no time.
    let closed = slow
        .into_iter()
        .map(|connection| is_closed_despite(connection, b"x"));
    let closed = join_all(closed).await;
    assert!(closed.iter().all(|closed| *closed));
}

/// Security rule 20: nor does one that has brought events become one without time-outs.
#[tokio::test]
async fn an_event_stream_is_the_last_that_its_connection_brings() {
    let server = TestServer::start().await;
    let mut connection = TcpStream::connect(server.server.address).await.unwrap();
    let body = r#"{"query":"{ __typename }"}"#;
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let whole = connection.read_to_string(&mut answer);
    within("the connection to be closed", whole).await.unwrap();
    assert!(answer.contains("event: complete"), "{answer}");
}

/// Security rule 20: more than the bound wait, and get their turn when the others are closed.
#[tokio::test]
async fn connections_are_bounded() {
    let server = TestServer::start_with(&[
        "server.request_timeout=1s",
        "graphql.timeout=900ms",
        "server.max_connections=5",
    ])
    .await;
    let address = server.server.address;
    let half_open = join_all((0..5).map(|_| TcpStream::connect(address))).await;
    let mut half_open: Vec<TcpStream> = half_open.into_iter().map(Result::unwrap).collect();
    let client = server.anonymous();
    let first_closed = async {
        let closed = half_open.iter_mut().map(|connection| {
            Box::pin(async {
                let mut byte = [0];
                // Closed, or reset.
                assert_eq!(connection.read(&mut byte).await.unwrap_or(0), 0);
            })
        });
        select_all(closed).await;
    };
    let mut answer = pin!(client.run("{ __typename }"));
    tokio::select! {
        biased;
        () = first_closed => {}
        _ = &mut answer => panic!("a sixth connection did not wait for its turn"),
    }
    assert_eq!(*answer.await.data(), json!({ "__typename": "Query" }));
}
