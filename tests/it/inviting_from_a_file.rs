//! `usher invite`: people from a CSV file, beside a running server.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::support::{Client, Finish, TestServer};

/// The command, on the server's database.
fn invite(server: &TestServer, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    let url = format!("database.url={}", server.database.url);
    command
        .current_dir(folder)
        .args(["invite", "--set", &url])
        .args(arguments);
    command
}

/// What it has said, on standard output and on standard error, with its exit code.
fn said(output: Output) -> (i32, String, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

async fn addresses(client: &Client) -> Vec<String> {
    let answer = client.run("{ users(first: 50) { nodes { email } } }").await;
    let nodes = answer.data()["users"]["nodes"].as_array().unwrap().clone();
    let mut addresses: Vec<String> = nodes
        .iter()
        .map(|user| user["email"].as_str().unwrap().to_owned())
        .collect();
    addresses.sort();
    addresses
}

#[tokio::test]
async fn everybody_in_a_file_is_invited_and_whoever_is_not_is_named_with_their_line() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    server.role(&administrator, "Editor", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    let people = "\u{FEFF}email,last_name,roles\r\n\
        laura@kbank.com,Miller,Editor\r\n\
        mike@kbank.com,,Editor; Administrator\r\n\
        \r\n\
        nobody,,Editor\r\n\
        LAURA@kbank.com,,Editor\r\n\
        nina@kbank.com,,Nobody\r\n";
    std::fs::write(&file, people).unwrap();
    let refused = "usher: line 5: email: ";
    let names = "usher: line 6: email: Somebody before them has the same e-mail address.\n\
        usher: line 7: roles: There is no role with the code name Nobody.\n\
        usher: 3 of 5 lines were refused\n";

    let output = invite(&server, folder.path(), &["people.csv", "--dry-run"]).finish();
    let (code, out, err) = said(output);
    assert_eq!(code, 1, "{err}");
    assert_eq!(
        out,
        "would be invited: 2, sent a new link: 0, passed over: 0, refused: 3\n"
    );
    assert!(err.starts_with(refused) && err.ends_with(names), "{err}");
    assert_eq!(addresses(&administrator).await, ["admin@example.com"]);

    let (code, out, err) = said(invite(&server, folder.path(), &["people.csv"]).finish());
    assert_eq!(code, 1, "{err}");
    assert_eq!(
        out,
        "invited: 2, sent a new link: 0, passed over: 0, refused: 3\n"
    );
    assert!(err.starts_with(refused) && err.ends_with(names), "{err}");
    let expected = ["admin@example.com", "laura@kbank.com", "mike@kbank.com"];
    assert_eq!(addresses(&administrator).await, expected);
    let answer = administrator
        .run("{ events(filter: { actions: [USER_INVITED] }, first: 2) { nodes { actorLabel } } }")
        .await;
    let by_server = json!([{ "actorLabel": "server" }, { "actorLabel": "server" }]);
    assert_eq!(answer.data()["events"]["nodes"], by_server);
}

// The server goes on while the command is waited for: it may hold what the command waits for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_by_standard_input_and_people_may_be_users_already() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    let people =
        "roles,email\nEditor,laura@kbank.com\nEditor,admin@example.com\nEditor,new@kbank.com\n";
    std::fs::write(&file, people).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = invite(&server, folder.path(), arguments);
        command
            .stdin(Stdio::from(File::open(&file).unwrap()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        said(crate::support::end_of(command.spawn().unwrap()))
    };
    for (existing, expected) in [
        (
            "error",
            "would be invited: 1, sent a new link: 0, passed over: 0, refused: 2\n",
        ),
        (
            "skip",
            "would be invited: 1, sent a new link: 0, passed over: 2, refused: 0\n",
        ),
        (
            "resend",
            "would be invited: 1, sent a new link: 1, passed over: 1, refused: 0\n",
        ),
    ] {
        let (code, out, err) = run(&["-", "--dry-run", "--on-existing", existing]);
        assert_eq!(out, expected, "{err}");
        assert_eq!(code, i32::from(existing == "error"));
    }
    let (code, out, _) = run(&["-", "--on-existing=resend"]);
    let expected = "invited: 1, sent a new link: 1, passed over: 1, refused: 0\n";
    assert_eq!((code, out.as_str()), (0, expected));
}

#[tokio::test]
async fn what_is_no_such_file_invites_nobody() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    server.role(&administrator, "Editor", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    for (content, expected) in [
        (&b""[..], "line 1: the column \"email\" is missing"),
        (b"email,roles\n", "Name at least one person."),
        (
            b"email;roles\na@kbank.com;Editor\n",
            "the columns are email, first_name, last_name, roles, separated by commas",
        ),
        (
            b"email,roles,phone\na@kbank.com,Editor,1\n",
            "line 1: there is no column \"phone\"",
        ),
        (
            b"email,roles\na@kbank.com,Editor\nb@kbank.com\n",
            "line 3: has 1 columns instead of 2",
        ),
        (
            b"email,roles\na@kbank.com,Editor\n\xff@kbank.com,Editor\n",
            "line 3: is not in UTF-8",
        ),
    ] {
        std::fs::write(&file, content).unwrap();
        let (code, out, err) = said(invite(&server, folder.path(), &["people.csv"]).finish());
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(expected), "{err}");
    }
    let (code, _, err) = said(invite(&server, folder.path(), &["missing.csv"]).finish());
    assert_eq!(code, 1);
    assert!(err.starts_with("usher: missing.csv: "), "{err}");
    assert_eq!(addresses(&administrator).await, ["admin@example.com"]);
}
