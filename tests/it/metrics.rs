//! What operators measure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Network, Socket, TestDatabase, TestServer, skipped, within};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";

/// The samples by their names and labels, in the format that the header asks for.
pub async fn read_as(server: &TestServer, accept: &str) -> String {
    let address = server.server.metrics_address.unwrap();
    let client = reqwest::Client::new();
    let asked = client.get(format!("http://{address}/metrics"));
    let response = asked.header("accept", accept).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let format = if accept == OPENMETRICS {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; version=0.0.4; charset=utf-8"
    };
    assert_eq!(response.headers()["content-type"], format);
    response.text().await.unwrap()
}

async fn read(server: &TestServer) -> BTreeMap<String, f64> {
    let text = read_as(server, "text/plain").await;
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

pub async fn start(settings: &[&str]) -> TestServer {
    TestServer::start_with(&[settings, &["metrics.bind=127.0.0.1:0"]].concat()).await
}

/// Waits until the sample has that value.
async fn until(server: &TestServer, sample: &str, value: f64) {
    let what = format!("{sample} to be {value}");
    within(&what, async {
        while read(server).await.get(sample) != Some(&value) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn metrics_have_an_address_of_their_own() {
    let server = start(&[]).await;
    let administrator = server.administrator().await;
    administrator.run("{ viewer { id } }").await;
    administrator.run("{ nothing }").await;
    let wrong = json!({ "email": "admin@example.com", "password": "not the password" });
    let anonymous = server.anonymous();
    anonymous.mutate("signIn", wrong, "user { id }").await;
    let nobody = server
        .user_with(&administrator, "nobody@example.com", &["roles.view"])
        .await;
    nobody.run("{ emails { nodes { id } } }").await;
    server.all_sent(&administrator).await;
    let samples = read(&server).await;
    for (sample, value) in [
        (
            "usher_graphql_operations_total{operation=\"query\",outcome=\"refused\"}",
            1.0,
        ),
        (
            "usher_graphql_operations_total{operation=\"query\",outcome=\"failed\"}",
            1.0,
        ),
        (
            "usher_graphql_operations_total{operation=\"mutation\",outcome=\"aborted\"}",
            0.0,
        ),
        (
            "usher_graphql_operation_duration_seconds_count{operation=\"mutation\"}",
            5.0,
        ),
        (
            "usher_graphql_operation_duration_seconds_count{operation=\"subscription\"}",
            0.0,
        ),
        (
            "usher_http_requests_total{handler=\"pages\",code=\"4xx\"}",
            0.0,
        ),
        ("usher_http_requests_timed_out_total{stage=\"head\"}", 0.0),
        (
            "usher_email_attempts_total{transport=\"inbox\",outcome=\"delivered\"}",
            2.0,
        ),
        (
            "usher_email_attempts_total{transport=\"inbox\",outcome=\"transient\"}",
            0.0,
        ),
        ("usher_emails{status=\"sent\"}", 2.0),
        ("usher_emails{status=\"queued\"}", 0.0),
        ("usher_sign_ins_total{outcome=\"failed\"}", 1.0),
        ("usher_sign_ins_total{outcome=\"succeeded\"}", 0.0),
        ("usher_throttled_attempts_total{kind=\"password\"}", 0.0),
        ("usher_permission_refusals_total", 1.0),
        ("usher_sessions", 2.0),
        ("usher_password_hashes_pending", 0.0),
        ("usher_email_oldest_due_age_seconds", 0.0),
        ("usher_email_queue_paused", 0.0),
        ("usher_email_transport_paused", 0.0),
        ("usher_connections_max", 1024.0),
        ("usher_connections_refused_total", 0.0),
        ("usher_streams{kind=\"websocket\"}", 0.0),
        ("usher_subscriptions", 0.0),
        ("usher_user_streams_max", 100.0),
        ("usher_database_up", 1.0),
        ("usher_database_connections_waiting", 0.0),
    ] {
        assert_eq!(
            samples.get(sample),
            Some(&value),
            "{sample} in\n{samples:#?}"
        );
    }
    for sample in [
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "usher_email_worker_last_turn_timestamp_seconds",
        "usher_database_connections_max",
        "usher_password_hashes_pending_max",
    ] {
        assert!(samples[sample] > 0.0, "{sample} in\n{samples:#?}");
    }
    assert!(samples.contains_key("process_cpu_seconds_total"));
    let of_build = |name: &&String| name.starts_with("usher_build_info{version=");
    assert!(samples.keys().any(|name| of_build(&name)));
    let read = async |url: String| anonymous.http.get(url).send().await.unwrap();
    assert_eq!(read(format!("{}/metrics", server.url)).await.status(), 404);
    assert!(TestServer::start().await.server.metrics_address.is_none());
}

/// The same figures, in the form that the scraper knows.
#[tokio::test]
async fn both_formats_are_well_formed() {
    let server = start(&[]).await;
    let openmetrics = read_as(&server, OPENMETRICS).await;
    assert!(openmetrics.ends_with("# EOF\n"));
    assert!(
        openmetrics.contains(
            "# TYPE usher_connections_refused counter\nusher_connections_refused_total 0\n"
        )
    );
    let text = read_as(&server, "*/*").await;
    assert!(text.contains(
        "# TYPE usher_connections_refused_total counter\nusher_connections_refused_total 0\n"
    ));
    assert!(text.contains("# TYPE usher_build_info gauge\n"));
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
    let names = |text: &str| -> Vec<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let mut names: Vec<_> = samples
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&openmetrics), names(&text));
}

#[tokio::test]
async fn what_is_open_or_paused_shows() {
    let server = start(&[]).await;
    let administrator = server.administrator().await;
    let token = administrator.token.as_deref().unwrap();
    let payload = json!({ "authorization": format!("Bearer {token}") });
    let mut socket = Socket::initialised(&server.url, payload).await;
    let watch = "subscription { emailChanged { email { status } } }";
    socket.subscribe("1", watch, json!({})).await;
    until(&server, "usher_streams{kind=\"websocket\"}", 1.0).await;
    until(&server, "usher_subscriptions", 1.0).await;
    until(
        &server,
        "usher_graphql_operation_duration_seconds_count{operation=\"subscription\"}",
        1.0,
    )
    .await;
    drop(socket);
    until(&server, "usher_streams{kind=\"websocket\"}", 0.0).await;
    until(&server, "usher_subscriptions", 0.0).await;
    let paused = administrator.run("mutation { pauseEmailQueue { userErrors { code } } }");
    paused.await.data();
    let samples = read(&server).await;
    assert_eq!(samples["usher_email_queue_paused"], 1.0);
    assert!(samples["usher_email_queue_paused_since_timestamp_seconds"] > 1.6e9);
}

/// Each of the ways to be too slow, before anybody knows who asks.
#[tokio::test]
async fn requests_that_take_too_long_count_from_their_first_byte() {
    let server = start(&[
        "server.request_timeout=1s",
        "server.idle_timeout=1s",
        "graphql.timeout=500ms",
    ])
    .await;
    let send = async |bytes: &str| {
        let mut connection = TcpStream::connect(server.server.address).await.unwrap();
        connection.write_all(bytes.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        let _ = within("an end", connection.read_to_end(&mut all)).await;
    };
    send("POST /graphql HT").await;
    until(
        &server,
        "usher_http_requests_timed_out_total{stage=\"head\"}",
        1.0,
    )
    .await;
    let head = "POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
        Content-Type: application/json\r\nContent-Length: 90\r\n\r\n";
    send(head).await;
    until(
        &server,
        "usher_http_requests_timed_out_total{stage=\"body\"}",
        1.0,
    )
    .await;
    let samples = read(&server).await;
    let (count, sum) = ("count{handler=\"graphql\"}", "sum{handler=\"graphql\"}");
    let of = |what: &str| samples[&format!("usher_http_request_duration_seconds_{what}")];
    assert_eq!(of(count), 1.0);
    assert!(of(sum) >= 0.5, "{}", of(sum));
    assert_eq!(
        samples["usher_http_requests_total{handler=\"graphql\",code=\"5xx\"}"],
        1.0
    );
    // A head that trickles belongs to the time that the request takes.
    let mut connection = TcpStream::connect(server.server.address).await.unwrap();
    connection.write_all(b"GET /healthz HT").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let rest = b"TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    connection.write_all(rest).await.unwrap();
    let mut all = Vec::new();
    within("an end", connection.read_to_end(&mut all))
        .await
        .unwrap();
    let sample = "usher_http_request_duration_seconds_sum{handler=\"health\"}";
    let took = read(&server).await[sample];
    // The server sees the first byte a moment after it was sent; without it, next to nothing would be counted.
    assert!(took >= 0.2, "{took}");
}

/// A connection that is closed by `server.request_timeout`, while the request is served.
#[tokio::test]
async fn a_body_that_does_not_come_counts_where_the_connection_is_closed_first() {
    let server = start(&["server.request_timeout=1s", "graphql.timeout=900ms"]).await;
    let mut connection = TcpStream::connect(server.server.address).await.unwrap();
    connection.write_all(b"POST /graphql HTTP").await.unwrap();
    // This, and what there is for the whole request, are more than the connection has.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let head = b"/1.1\r\nHost: a\r\n\
        Content-Type: application/json\r\nContent-Length: 90\r\n\r\n";
    connection.write_all(head).await.unwrap();
    until(
        &server,
        "usher_http_requests_timed_out_total{stage=\"body\"}",
        1.0,
    )
    .await;
    // Nobody reads the response.
    let sample = "usher_http_requests_total{handler=\"graphql\",code=\"4xx\"}";
    until(&server, sample, 1.0).await;
}

/// The process's own figures, whatever has become of the database.
async fn are_there_while_the_network(network: Network) {
    let Some((reached, proxy)) = TestDatabase::behind_proxy().await else {
        return skipped("a file does not go away");
    };
    let settings = ["metrics.bind=127.0.0.1:0", "database.unavailable_after=10s"];
    let server = TestServer::start_on(reached, &settings).await;
    assert_eq!(read(&server).await["usher_database_up"], 1.0);
    proxy.network(network).await;
    let begun = std::time::Instant::now();
    let samples = read(&server).await;
    assert!(
        begun.elapsed() < Duration::from_secs(2 * 2),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(samples["usher_database_up"], 0.0);
    assert!(samples.contains_key("usher_connections_refused_total"));
    assert!(!samples.contains_key("usher_sessions"));
    proxy.network(Network::Passes).await;
    until(&server, "usher_database_up", 1.0).await;
}

#[tokio::test]
async fn metrics_are_there_without_a_database() {
    are_there_while_the_network(Network::Refuses).await;
}

#[tokio::test]
async fn metrics_are_there_while_the_database_hangs() {
    are_there_while_the_network(Network::Hangs).await;
}

#[tokio::test]
async fn metrics_are_there_when_the_database_is_closed() {
    let server = start(&[]).await;
    server.server.app.db.clone().close().await.unwrap();
    let samples = read(&server).await;
    assert_eq!(samples["usher_database_up"], 0.0);
    assert!(samples.contains_key("process_open_fds"));
}
