//! `usher healthcheck`: asks the running server, in words and by its exit code.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use crate::support::{Binary, Finish};

fn healthcheck(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_usher"))
        .current_dir(folder.path())
        .arg("healthcheck")
        .args(arguments)
        .finish()
}

#[track_caller]
fn refusal(arguments: &[&str]) -> String {
    let output = healthcheck(arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Something at a port that reads a request and answers with this.
fn stranger(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 512];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (address, thread)
}

#[test]
fn a_server_that_can_serve_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path(), &[]);
    let address = server.url.replace("http://", "");
    let (_, port) = address.rsplit_once(':').unwrap();
    for bind in [address.clone(), format!("0.0.0.0:{port}")] {
        let output = healthcheck(&["--set", &format!("server.bind={bind}")]);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, format!("ready: http://127.0.0.1:{port}/readyz\n"));
    }
    for url in [server.url.clone(), format!("{}/", server.url)] {
        assert!(healthcheck(&["--url", &url]).status.success());
    }
    server.stop();
    let said = refusal(&["--set", &format!("server.bind={address}")]);
    assert!(
        said.starts_with("usher: not ready: ") && said.contains("refused"),
        "{said}"
    );
}

#[test]
fn a_server_that_cannot_serve_is_not() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\n\r\nthe database does not respond\n";
    let (address, stranger_) = stranger(answer);
    let said = refusal(&["--url", &format!("http://{address}/people")]);
    assert!(said.contains("503 the database does not respond"), "{said}");
    let request = stranger_.join().unwrap();
    assert!(
        request.starts_with("GET /people/readyz HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("Host: {address}\r\n")),
        "{request}"
    );

    let (address, stranger_) = stranger("220 mail.kbank.com ESMTP\r\n");
    let said = refusal(&["--url", &format!("http://{address}")]);
    assert!(said.contains("does not speak HTTP"), "{said}");
    stranger_.join().unwrap();
}

#[test]
fn a_server_at_no_known_address_cannot_be_asked() {
    let said = refusal(&["--set", "server.bind=127.0.0.1:0"]);
    assert!(said.contains("--url http://127.0.0.1:PORT"), "{said}");
    for url in [
        "https://people.kbank.com",
        "127.0.0.1:8000",
        "http://u:hunter2@127.0.0.1",
    ] {
        let said = refusal(&["--url", url]);
        assert!(
            said.contains("--url: must be") && !said.contains("hunter2"),
            "{said}"
        );
    }
    let said = refusal(&["--set", "server.bind=nowhere"]);
    assert!(said.contains("server.bind"), "{said}");
}

/// Containers have nothing else to ask with.
#[test]
fn the_image_and_compose_ask_it() {
    let dockerfile = include_str!("../../Dockerfile");
    assert!(dockerfile.contains("HEALTHCHECK") && dockerfile.contains("\"healthcheck\"]"));
    assert!(include_str!("../../compose.yaml").contains("/usr/local/bin/usher, healthcheck]"));
}
