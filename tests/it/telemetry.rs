//! Traces for OpenTelemetry, as a collector receives them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;

use crate::log::Running;
use crate::support::{Client, PATIENCE};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A collector that takes what comes.
struct Collector {
    endpoint: String,
    received: mpsc::Receiver<(String, ExportTraceServiceRequest)>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = mpsc::channel();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if sender.send(receive(connection.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { endpoint, received }
    }

    /// All spans of the exports up to the first one that holds a span of that name.
    fn spans_until(&self, name: &str) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        while spans.iter().all(|span| span.name != name) {
            let (head, request) = self.received.recv_timeout(PATIENCE).unwrap();
            assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
            assert!(
                head.to_lowercase().contains("x-key: a secret\r\n"),
                "{head}"
            );
            let scopes = request.resource_spans.into_iter();
            let scopes = scopes.flat_map(|resource| resource.scope_spans);
            spans.extend(scopes.flat_map(|scope| scope.spans));
        }
        spans
    }
}

/// The head and the body of the request on a connection, which is answered.
fn receive(mut connection: TcpStream) -> (String, ExportTraceServiceRequest) {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    let end_of_head = loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        read_more(&mut connection, &mut bytes);
    };
    let head = String::from_utf8(bytes[..end_of_head].to_vec()).unwrap();
    let length = head
        .to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let length: usize = length.unwrap();
    while bytes.len() < end_of_head + length {
        read_more(&mut connection, &mut bytes);
    }
    connection
        .write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n",
        )
        .unwrap();
    let body = &bytes[end_of_head..];
    (head, ExportTraceServiceRequest::decode(body).unwrap())
}

fn read_more(connection: &mut TcpStream, bytes: &mut Vec<u8>) {
    let mut buffer = [0; 4096];
    let read = connection.read(&mut buffer).unwrap();
    assert_ne!(read, 0, "the connection ended early");
    bytes.extend(&buffer[..read]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn sign_in(url: &str, traceparent: &str) {
    let query = "mutation { signIn(input: { email: \"a@example.com\", password: \"hunter2 hunter2\" }) \
        { userErrors { code } } }";
    let request = reqwest::Client::new().post(format!("{url}/graphql"));
    let request = request.header("traceparent", traceparent);
    let response = request.json(&json!({ "query": query })).send().await;
    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_a_request_belong_to_its_clients_trace() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("telemetry.endpoint={}", collector.endpoint);
    let settings = [
        &*endpoint,
        "telemetry.headers=x-key=a secret",
        // What decides about the log does not decide about traces.
        "log.filter=info,request=debug",
        // Whoever keeps a trace has its spans, however few begin here.
        "telemetry.sampling_ratio=0",
    ];
    let (running, url) = Running::start(folder.path(), &settings);
    sign_in(&url, &format!("00-{TRACE}-{PARENT}-01")).await;
    // Of traces that nobody keeps, nothing is exported.
    sign_in(&url, &format!("00-{}-{PARENT}-00", TRACE.replace('0', "1"))).await;
    sign_in(&url, "malformed").await;
    // At its end, the process exports what it still has.
    let (lines, _) = running.stop();
    let spans = collector.spans_until("request");
    assert!(
        spans.iter().all(|span| hex(&span.trace_id) == TRACE),
        "{spans:#?}"
    );
    let named = |name: &str| -> Vec<&Span> {
        let of_it = spans.iter().filter(|span| span.name == name);
        of_it.collect()
    };
    let (request, operation) = (named("request"), named("graphql"));
    assert_eq!((request.len(), operation.len()), (1, 1), "{spans:#?}");
    assert_eq!(hex(&request[0].parent_span_id), PARENT);
    assert_eq!(operation[0].parent_span_id, request[0].span_id);
    let changes = named("database change");
    assert!(!changes.is_empty());
    for change in changes {
        assert_eq!(change.parent_span_id, operation[0].span_id);
    }
    let all = format!("{spans:?}");
    assert!(
        all.contains("/graphql") && !all.contains("hunter2"),
        "{all}"
    );
    // The line in the log leads to the span.
    let answered = lines.iter().find(|line| line["message"] == "answered");
    let span = &answered.unwrap()["span"];
    assert_eq!(span["trace_id"], TRACE);
    assert_eq!(span["span_id"], hex(&request[0].span_id));
    let log = format!("{lines:?}");
    assert!(
        !log.contains("database change") && !log.contains("a secret"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_an_e_mail_is_a_span() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("telemetry.endpoint={}", collector.endpoint);
    let headers = "telemetry.headers=x-key=a secret";
    let (running, _) = Running::start(folder.path(), &[&endpoint, headers]);
    // The invitation of the first administrator.
    let spans = collector.spans_until("send e-mail");
    let sent = spans.iter().find(|span| span.name == "send e-mail");
    let attributes = format!("{:?}", sent.unwrap().attributes);
    assert!(attributes.contains("usher.email_id"), "{attributes}");
    assert!(!attributes.contains("admin@example.com"), "{attributes}");
    running.stop();
}

/// It is said once, whatever is tried, and holds nobody up.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let endpoint = format!("telemetry.endpoint=http://{nobody}");
    let (running, url) = Running::start(folder.path(), &[&endpoint]);
    let client = Client::anonymous(url);
    for _ in 0..3 {
        client.run("{ viewer { id } }").await.data();
    }
    let (lines, _) = running.stop();
    let told = lines.iter().filter(|line| {
        let message = line["message"].as_str().unwrap();
        message == "spans cannot be exported to telemetry.endpoint"
    });
    assert_eq!(told.count(), 1, "{lines:#?}");
}
