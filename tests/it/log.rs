//! The server's log: what a machine can read of it, and the line that each request leaves there.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Client, Finish, TestServer, Watchdog, within};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// The binary with a log of JSON, in that folder.
fn command(folder: &Path, settings: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command.current_dir(folder);
    let always = [
        "server.bind=127.0.0.1:0",
        "server.drain=0s",
        "log.format=json",
    ];
    for setting in always.iter().chain(settings) {
        command.args(["--set", setting]);
    }
    command
}

fn json_lines(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    });
    lines.collect()
}

/// A server that runs, and what it has written so far.
pub struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    log: String,
}

impl Running {
    pub fn start(folder: &Path, settings: &[&str]) -> (Self, String) {
        let mut command = command(folder, settings);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let in_time = Watchdog::over(&child);
        let mut log = String::new();
        let address = loop {
            let mut line = String::new();
            let read = stderr.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it did not start: {log}");
            log += &line;
            let line = json_lines(&line).remove(0);
            if line["message"] == "started" {
                break line["address"].as_str().unwrap().to_owned();
            }
        };
        drop(in_time);
        let running = Self { child, stderr, log };
        (running, format!("http://{address}"))
    }

    /// Stops it, and returns all of its log and of its standard output.
    pub fn stop(mut self) -> (Vec<Value>, String) {
        let _in_time = Watchdog::over(&self.child);
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.stderr.read_to_string(&mut self.log).unwrap();
        let mut output = String::new();
        let mut stdout = self.child.stdout.take().unwrap();
        stdout.read_to_string(&mut output).unwrap();
        assert!(self.child.wait().unwrap().success(), "{}", self.log);
        (json_lines(&self.log), output)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn get(url: &str, headers: &[(&'static str, &str)]) -> String {
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = within("a response", request.send()).await.unwrap();
    response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_json_from_the_first_line_to_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        "log.filter=info,request=debug",
        "server.trusted_proxies=[\"127.0.0.1\"]",
        "metrics.bind=127.0.0.1:0",
    ];
    let (running, url) = Running::start(folder.path(), &settings);
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let kept = get(
        &format!("{url}/sign-in?token=hunter2"),
        &[
            ("x-request-id", "edge-1.a/b=="),
            ("traceparent", &traceparent),
        ],
    )
    .await;
    assert_eq!(kept, "edge-1.a/b==");
    let long = "x".repeat(129);
    for insane in ["two words", "quote\"", "", &long] {
        let id = get(&format!("{url}/healthz"), &[("x-request-id", insane)]).await;
        assert_ne!(id, insane);
        assert_eq!(id.len(), 32);
    }
    get(
        &format!("{url}/{}", "y".repeat(500)),
        &[("traceparent", "00-nonsense")],
    )
    .await;
    let client = Client::anonymous(url);
    client.run("query Chosen { viewer { id } }").await;
    client.run("{ users { nodes { id } } }").await;
    client.run("{").await;
    let (lines, output) = running.stop();
    assert_eq!(output, "");

    let of = |message: &str| -> Vec<&Value> {
        let of_it = lines.iter().filter(|line| line["message"] == message);
        of_it.collect()
    };
    let started = of("started")[0];
    for (field, value) in [
        ("level", json!("INFO")),
        ("role", json!("all")),
        ("database", json!("sqlite")),
        ("transport", json!("log")),
        ("setup", json!("the first administrator was invited")),
    ] {
        assert_eq!(started[field], value, "{started}");
    }
    assert!(started["version"].as_str().unwrap().starts_with("0."));
    assert!(started["migrations"].as_u64().unwrap() > 0);
    assert!(started["metrics_address"].as_str().is_some(), "{started}");
    assert_eq!(of("stopping")[0]["signal"], "SIGTERM");
    assert_eq!(lines.last().unwrap()["message"], "stopped");

    // Each request has one line, and they are all.
    let answered = of("answered");
    assert_eq!(answered.len(), 9, "{lines:#?}");
    let first = answered[0];
    for (field, value) in [
        ("id", json!("edge-1.a/b==")),
        ("method", json!("GET")),
        ("path", json!("/sign-in")),
        ("trace_id", json!(TRACE)),
        ("span_id", json!(PARENT)),
    ] {
        assert_eq!(first["span"][field], value, "{first}");
    }
    assert_eq!(
        (&first["status"], &first["client"]),
        (&json!(200), &json!("127.0.0.1"))
    );
    assert!(first["duration_ms"].as_f64().unwrap() > 0.0);
    let long = answered[5];
    assert_eq!(long["span"]["path"].as_str().unwrap().len(), 200);
    assert_eq!(long["span"]["trace_id"], Value::Null);
    let operations: Vec<_> = answered[6..]
        .iter()
        .map(|line| (&line["operations"], &line["outcomes"], &line["codes"]))
        .collect();
    let (query, none) = (json!("query"), json!("none"));
    let (succeeded, failed, refused) = (json!("succeeded"), json!("failed"), json!("refused"));
    let (unauthenticated, bad) = (json!("UNAUTHENTICATED"), json!("BAD_REQUEST"));
    assert_eq!(
        operations,
        [
            (&query, &succeeded, &Value::Null),
            (&query, &failed, &unauthenticated),
            (&none, &refused, &bad),
        ]
    );
    let all = lines.iter().map(Value::to_string).collect::<String>();
    assert!(!all.contains("hunter2") && !all.contains("Chosen"), "{all}");
}

/// For settings that are refused, and for what shows only when the server tries.
#[test]
fn a_start_that_fails_is_one_line_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("server.bind={}", taken.local_addr().unwrap());
    for (setting, words) in [
        (&*taken, "is already in use"),
        (
            "server.trusted_proxies=[\"somewhere\"]",
            "server.trusted_proxies",
        ),
        ("log.filter=a=b=c", "log.filter"),
        ("database.url=sqlite:///nowhere/at/all.db", "database"),
    ] {
        let output = command(folder.path(), &[setting]).finish();
        assert_eq!(output.status.code(), Some(1), "{setting}");
        let log = String::from_utf8(output.stderr).unwrap();
        let lines = json_lines(&log);
        let errors: Vec<_> = lines
            .iter()
            .filter(|line| line["level"] == "ERROR")
            .collect();
        assert_eq!(errors.len(), 1, "{log}");
        let reason = errors[0]["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
        assert_eq!(output.stdout, b"");
    }
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_names_a_request() {
    let server = TestServer::start().await;
    let id = get(
        &format!("{}/healthz", server.url),
        &[("x-request-id", "mine")],
    )
    .await;
    assert_ne!(id, "mine");
}
