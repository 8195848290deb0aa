//! What holds for every answer and every connection: headers, other origins, slow clients, and what
//! production refuses.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use usher::config::Layers;

use crate::support::TestServer;

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = TestServer::start_with(&["server.public_url=https://people.kbank.com"]).await;
    for path in [
        "/",
        "/healthz",
        "/graphql",
        "/nowhere",
        "/accept-invitation",
    ] {
        let http = &server.anonymous().http;
        let answer = http
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert!(header("content-security-policy").contains("default-src 'none'"));
        assert!(header("strict-transport-security").starts_with("max-age="));
        assert!(!header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_only_where_they_are_allowed() {
    let allowed = "https://app.example.com";
    let ask = async |server: &TestServer, method: Method, origin: &str| {
        let request = server
            .anonymous()
            .http
            .request(method, format!("{}/graphql", server.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .json(&json!({ "query": "{ __typename }" }));
        let answer = request.send().await.unwrap();
        let origin = answer.headers().get("access-control-allow-origin").cloned();
        let credentials = answer.headers().get("access-control-allow-credentials");
        assert_eq!(origin.is_some(), credentials.is_some());
        let origin = origin.map(|origin| origin.to_str().unwrap().to_owned());
        (answer.status().as_u16(), origin)
    };
    let server =
        TestServer::start_with(&["server.allowed_origins=[\"https://app.example.com\"]"]).await;
    let granted = Some(allowed.to_owned());
    assert_eq!(
        ask(&server, Method::OPTIONS, allowed).await,
        (204, granted.clone())
    );
    assert_eq!(ask(&server, Method::POST, allowed).await, (200, granted));
    for foreign in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
    ] {
        assert_eq!(ask(&server, Method::OPTIONS, foreign).await, (405, None));
        assert_eq!(ask(&server, Method::POST, foreign).await, (200, None));
    }
    // It is off by default.
    let server = TestServer::start().await;
    assert_eq!(ask(&server, Method::OPTIONS, allowed).await, (405, None));
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
    let mut slow = join_all(slow).await;
    let answer = server.anonymous().run("{ __typename }").await;
    assert_eq!(*answer.data(), json!({ "__typename": "Query" }));
    let closed = slow.iter_mut().map(async |connection| {
        // A byte now and then buys no time.
        let (mut reader, mut writer) = connection.split();
        let trickle = async {
            while writer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            std::future::pending::<()>().await;
        };
        let mut rest = Vec::new();
        let end = async {
            // Closed, or reset because it had sent more meanwhile.
            let _ = reader.read_to_end(&mut rest).await;
        };
        tokio::select! {
            () = end => true,
            () = trickle => false,
            () = tokio::time::sleep(Duration::from_secs(20)) => false,
        }
    });
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
    let whole = tokio::time::timeout(Duration::from_secs(20), whole).await;
    whole.expect("the connection stays open").unwrap();
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

fn problems(settings: &[&str]) -> Vec<String> {
    let layers = Layers {
        command_line: settings
            .iter()
            .map(|setting| (*setting).to_owned())
            .collect(),
        ..Layers::default()
    };
    match layers.load() {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

/// Security rule 13, and the rest of what is fine for a demo only.
#[test]
fn production_refuses_what_is_unsafe_all_at_once() {
    let found = problems(&[
        "environment=production",
        "server.public_url=http://people.kbank.com",
    ]);
    for (problem, key) in found
        .iter()
        .zip(["mail.transport", "server.public_url", "mail.from"])
    {
        assert!(problem.contains(key), "{found:#?}");
    }
    assert_eq!(found.len(), 3, "{found:#?}");
    let sound = [
        "environment=production",
        "server.public_url=https://people.kbank.com",
        "mail.from=People <people@kbank.com>",
    ];
    let with = |settings: &[&str]| problems(&[&sound[..], settings].concat());
    assert_eq!(with(&["mail.transport=smtp"]), [""; 0]);
    assert_eq!(with(&["mail.log_in_production=true"]), [""; 0]);
    assert_eq!(
        with(&[
            "mail.transport=file",
            "server.public_url=http://127.0.0.1:8000"
        ]),
        [""; 0]
    );
    for unsafe_settings in [
        &[
            "mail.transport=smtp",
            "mail.smtp.tls=none",
            "mail.smtp.host=mail.kbank.com",
        ][..],
        &[
            "mail.transport=smtp",
            "mail.smtp.tls=opportunistic",
            "mail.smtp.host=mail.kbank.com",
        ],
        &[
            "mail.transport=failover",
            "mail.failover.transports=[\"smtp\", \"log\"]",
        ],
        &["mail.transport=log"],
    ] {
        assert_eq!(with(unsafe_settings).len(), 1, "{unsafe_settings:?}");
    }
}

/// Security rule 17.
#[tokio::test]
async fn production_shows_neither_schema_nor_playground_unless_told_to() {
    let production = [
        "environment=production",
        "server.public_url=https://people.kbank.com",
        "mail.from=People <people@kbank.com>",
    ];
    for (settings, shows) in [
        (&[][..], false),
        (
            &["graphql.introspection=true", "playground.enabled=true"],
            true,
        ),
    ] {
        let server = TestServer::start_with(&[&production[..], settings].concat()).await;
        let answer = server
            .anonymous()
            .run("{ __schema { queryType { name } } }")
            .await;
        assert_eq!(answer.body.to_string().contains("\"Query\""), shows);
        let http = &server.anonymous().http;
        let page = http
            .get(format!("{}/playground", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status() == 200, shows);
    }
}

#[tokio::test]
async fn metrics_have_an_address_of_their_own() {
    let server = TestServer::start_with(&["metrics.bind=127.0.0.1:0"]).await;
    let administrator = server.administrator().await;
    administrator.run("{ viewer { id } }").await;
    administrator.run("{ nothing }").await;
    let client = server.anonymous();
    let address = server.server.metrics_address.unwrap();
    let read = async |url: String| client.http.get(url).send().await.unwrap();
    let text = read(format!("http://{address}/metrics")).await.text().await;
    let text = text.unwrap();
    for line in [
        "usher_requests_total{operation=\"query\",outcome=\"succeeded\"} 1",
        "usher_requests_total{operation=\"query\",outcome=\"refused\"} 1",
        "usher_requests_total{operation=\"mutation\",outcome=\"succeeded\"} 1",
        "usher_request_duration_seconds_count 3",
        "usher_email_sends_total{transport=\"inbox\",outcome=\"delivered\"} 1",
        "usher_emails{status=\"queued\"} 0",
        "usher_sessions 1",
        "usher_password_hashes_pending 0",
        "usher_oldest_due_email_age_seconds 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!(read(format!("{}/metrics", server.url)).await.status(), 404);
    assert!(TestServer::start().await.server.metrics_address.is_none());
}
