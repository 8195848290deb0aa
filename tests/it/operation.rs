//! What operators do with a running server: stop it behind a load balancer, change its secrets, send it
//! signals, and start it before its database. And what the system may deny it.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Binary, Finish, Network, TestDatabase, skipped, within};

/// The setting by which a command finds a server that tells operators there how it is.
fn metrics_bind(operators: &str) -> String {
    format!(
        "metrics.bind={}",
        operators.strip_prefix("http://").unwrap()
    )
}

async fn get(url: &str) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Waits until `/readyz` says so.
async fn says(url: &str, status: u16) -> String {
    let readyz = format!("{url}/readyz");
    let said = async {
        loop {
            match get(&readyz).await {
                (is, said) if is == status => return said,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    within(&format!("{status} of {readyz}"), said).await
}

/// A connection that is kept open for request after request.
struct KeptAlive(tokio::net::TcpStream);

impl KeptAlive {
    async fn open(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap();
        Self(tokio::net::TcpStream::connect(address).await.unwrap())
    }

    /// The response's head and body, as they come.
    async fn get(&mut self) -> String {
        let request = b"GET /healthz HTTP/1.1\r\nHost: usher\r\n\r\n";
        self.0.write_all(request).await.unwrap();
        let mut response = Vec::new();
        let whole = async {
            while !response.ends_with(b"ok\n") {
                assert!(self.0.read_buf(&mut response).await.unwrap() > 0);
            }
        };
        within("a response", whole).await;
        String::from_utf8(response).unwrap()
    }
}

#[tokio::test]
async fn a_server_that_is_about_to_stop_says_so_and_answers_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path(), &["server.drain=1h"]);
    let (mut idle, mut busy) = (
        KeptAlive::open(&server.url).await,
        KeptAlive::open(&server.url).await,
    );
    for kept in [&mut idle, &mut busy] {
        assert!(!kept.get().await.contains("connection: close"));
    }
    server.signal("TERM");
    assert_eq!(says(&server.url, 503).await, "the server is stopping\n");
    // Requests are answered, on connections that are open and on new ones, which are closed then.
    let answer = busy.get().await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(busy.0.read(&mut [0]).await.unwrap(), 0, "it is closed");
    assert_eq!(get(&format!("{}/healthz", server.url)).await.0, 200);
    // One that nothing was sent on stays open until the end: its request may be on its way.
    assert!(idle.get().await.starts_with("HTTP/1.1 200"));

    // Who does not want to wait says it once more.
    let log = server.stop();
    for said in ["about to stop", "stopping", "stopped"] {
        assert!(log.contains(said), "{log}");
    }
}

#[tokio::test]
async fn no_signal_that_can_be_heard_kills_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path(), &[]);
    let ignored = [
        "USR1", "USR2", "ALRM", "IO", "VTALRM", "PROF", "XCPU", "XFSZ",
    ];
    for signal in ignored.iter().chain(&["HUP"]) {
        server.signal(signal);
    }
    // They are heard in any order.
    for signal in ignored {
        server.logs(&format!("SIG{signal}\"")).await;
    }
    server.logs("the settings were read again").await;
    assert_eq!(says(&server.url, 200).await, "ok\n");
    server.stop();
    for (signal, said) in [("INT", "Ctrl-C"), ("QUIT", "SIGQUIT")] {
        let server = Binary::start(folder.path(), &["server.drain=1h"]);
        server.signal(signal);
        let log = server.ended();
        assert!(log.contains(said) && log.contains("stopped"), "{log}");
    }
}

/// Invites somebody by the command line, whose e-mail the running server sends.
fn queue_an_email(folder: &Path) {
    let invited = Command::new(env!("CARGO_BIN_EXE_usher"))
        .current_dir(folder)
        .args(["invite-administrator", "ada@example.com"])
        .finish();
    assert!(invited.status.success(), "{invited:?}");
}

#[tokio::test]
async fn settings_are_read_again_and_what_cannot_be_used_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("usher.toml");
    let write = |filter: &str, path: &str, name: &str| {
        let text = format!(
            "[log]\nfilter = \"{filter}\"\n[branding]\nname = \"{name}\"\n[mail]\ntransport = \"file\"\n[mail.file]\npath = \"{path}\"\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    let sent = async |name: &str| {
        let emails = folder.path().join(name).join("new");
        let sent = async {
            while std::fs::read_dir(&emails).map_or(0, Iterator::count) < 1 {
                tokio::task::yield_now().await;
            }
        };
        within(&format!("an e-mail in {name}"), sent).await;
    };
    write("warn", "before", "Before");
    let server = Binary::start(folder.path(), &[]);
    sent("before").await;

    // What cannot be used: the server goes on by what is in force.
    std::fs::write(&file, "[mail]\ntransport = \"pigeon\"\n").unwrap();
    server.signal("HUP");
    let stays = "the settings stay as they were: mail.transport";
    server.logs(stays).await;
    // The e-mails' folder and the log's filter can be changed; for the name, a new start is needed.
    write("info", "after", "After");
    server.signal("HUP");
    server
        .logs("these keys need a restart, the others are in force keys=\"branding.name\"")
        .await;
    queue_an_email(folder.path());
    sent("after").await;
    server.logs("e-mail sent").await;
    write("info", "after", "Before");
    server.signal("HUP");
    server
        .logs("the settings were read again, and are in force")
        .await;
    let log = server.stop();
    assert_eq!(log.matches("e-mail sent").count(), 1, "{log}");
    assert_eq!(log.matches(stays).count(), 1, "{log}");
}

/// A file in the network may hang, and one that is a pipe does until somebody writes.
#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_keeps_no_server_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _says_nothing) = reads_a_pipe(folder.path()).await;
    assert_eq!(says(&server.url, 200).await, "ok\n");
    let log = server.stop();
    assert!(log.contains("stopped"), "{log}");
}

#[tokio::test]
async fn whoever_asks_again_has_the_settings_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _says_nothing) = reads_a_pipe(folder.path()).await;
    let file = folder.path().join("usher.toml");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "").unwrap();
    server.signal("USR1");
    server.logs("SIGUSR1\"").await;
    server.signal("HUP");
    server.logs("the settings were read again").await;
    server.stop();
}

/// A server in that folder that was asked to read its settings again, from a pipe that says nothing until
/// it is closed.
async fn reads_a_pipe(folder: &Path) -> (Binary, File) {
    let file = folder.join("usher.toml");
    std::fs::write(&file, "").unwrap();
    let server = Binary::start(folder, &[]);
    std::fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).finish().status.success());
    server.signal("HUP");
    // A pipe is open for writing once somebody reads it.
    let writes = tokio::task::spawn_blocking(move || File::options().write(true).open(file));
    let pipe = within("the file to be read", writes).await.unwrap();
    (server, pipe.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_a_database_that_is_not_there_yet() {
    let Some((database, proxy)) = TestDatabase::behind_proxy().await else {
        return skipped("a file is there, or is created");
    };
    proxy.network(Network::Refuses).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("database.url={}", database.url_for_server());
    let settings = [url.as_str(), "database.wait=1h", "mail.transport=file"];
    let start = Binary::begin(folder.path(), &settings);
    start.logs("the database is not there yet").await;
    proxy.network(Network::Passes).await;
    let server = within("the start", start.listens()).await;
    assert_eq!(says(&server.url, 200).await, "ok\n");
    let log = server.stop();
    assert_eq!(log.matches("is not there yet").count(), 1, "{log}");

    // It can be stopped while it waits.
    proxy.network(Network::Refuses).await;
    let start = Binary::begin(folder.path(), &settings);
    start.logs("the database is not there yet").await;
    start.signal("TERM");
    let log = start.ended();
    assert!(
        log.contains("stopped before the database was there"),
        "{log}"
    );
}

#[tokio::test]
async fn clients_that_take_every_connection_leave_operators_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["metrics.bind=127.0.0.1:0", "server.max_connections=2"];
    let server = Binary::start(folder.path(), &settings);
    let operators = server.metrics.as_ref().unwrap();
    let client = server.url.strip_prefix("http://").unwrap();
    let _taken: Vec<_> = (0..4)
        .map(|_| TcpStream::connect(client).unwrap())
        .collect();
    for path in ["healthz", "readyz", "metrics"] {
        let (status, said) = get(&format!("{operators}/{path}")).await;
        assert_eq!(status, 200, "{path}: {said}");
    }
    let healthcheck = Command::new(env!("CARGO_BIN_EXE_usher"))
        .current_dir(folder.path())
        .args(["healthcheck", "--set", &metrics_bind(operators)])
        .finish();
    assert!(healthcheck.status.success(), "{healthcheck:?}");
    server.stop();
}

#[tokio::test]
async fn a_worker_tells_operators_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let usher = |arguments: &[&str], settings: &[&str]| {
        let mut usher = Command::new(env!("CARGO_BIN_EXE_usher"));
        usher.current_dir(folder.path()).args(arguments);
        for setting in settings {
            usher.args(["--set", setting]);
        }
        usher
    };
    assert!(usher(&["migrate"], &[]).finish().status.success());
    let settings = [
        "metrics.bind=127.0.0.1:0",
        "server.drain=1h",
        "log.format=json",
    ];
    let worker = Binary::begin_by(usher(&["worker"], &settings));
    let started: Value = serde_json::from_str(&worker.logs("metrics_address").await).unwrap();
    let address = started["metrics_address"].as_str().unwrap();
    let url = format!("http://{address}");
    assert_eq!(says(&url, 200).await, "ok\n");
    let healthcheck = usher(&["healthcheck"], &[&metrics_bind(&url)]).finish();
    assert!(healthcheck.status.success(), "{healthcheck:?}");
    worker.signal("TERM");
    assert_eq!(says(&url, 503).await, "the server is stopping\n");
    worker.signal("TERM");
    worker.ended();
}

/// What a system allows that was set up for small programs.
#[tokio::test]
async fn a_server_that_may_open_few_files_works_with_fewer_connections() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("prlimit");
    command
        .current_dir(folder.path())
        .args(["--nofile=64:64", env!("CARGO_BIN_EXE_usher")])
        .args([
            "--set",
            "server.bind=127.0.0.1:0",
            "--set",
            "server.drain=0s",
        ])
        .args(["--set", "metrics.bind=127.0.0.1:0"])
        .args(["--set", "mail.transport=file"]);
    let server = Binary::spawn(command);
    let operators = server.metrics.as_ref().unwrap();
    let client: SocketAddr = server.url.strip_prefix("http://").unwrap().parse().unwrap();
    let taken: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(client).unwrap())
        .collect();
    for _ in 0..20 {
        let (status, said) = get(&format!("{operators}/readyz")).await;
        assert_eq!(status, 200, "{said}");
    }
    drop(taken);
    assert_eq!(says(&server.url, 200).await, "ok\n");
    let log = server.stop();
    assert!(log.contains("the system allows 64"), "{log}");
    assert!(log.len() < 10_000, "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}
