//! The `sendmail` transport against commands that behave in all sorts of ways. What holds for
//! every transport is in `conformance.rs`.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, time::Duration};

use support::{executable, mail};
use tempfile::TempDir;
use transports::{
    Failure, Mail, SendError, Transport,
    sendmail::{Sendmail, Settings},
};

/// A folder with a command in it that runs `script` there.
fn command(script: &str, timeout: Duration) -> (TempDir, Sendmail) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sendmail");
    let script = format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display());
    executable(&path, &script);
    (folder, Sendmail::new(Settings { path, timeout }))
}

/// Long enough for any command here.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_command_gets_sender_recipients_and_message() {
    let (folder, sendmail) = command("printf '%s\\n' \"$@\" > arguments; cat > message", LONG);
    let mail = Mail {
        to: vec!["Ada <ada@example.com>".into(), "-v@example.com".into()],
        text: "a\r\n.\r\nb\n".into(),
        ..mail()
    };
    sendmail.check().await.unwrap();
    let delivery = sendmail.send(&mail).await.unwrap();
    assert_eq!(delivery.response, "accepted");
    let arguments = fs::read_to_string(folder.path().join("arguments")).unwrap();
    assert_eq!(
        arguments.lines().collect::<Vec<_>>(),
        [
            "-i",
            "-f",
            "no-reply@example.com",
            "--",
            "ada@example.com",
            "-v@example.com"
        ]
    );
    let message = fs::read_to_string(folder.path().join("message")).unwrap();
    let sent = String::from_utf8(mail.format().unwrap()).unwrap();
    assert_eq!(message, sent.replace("\r\n", "\n"));
}

async fn error(script: &str) -> SendError {
    let (_folder, sendmail) = command(script, LONG);
    sendmail.send(&mail()).await.unwrap_err()
}

#[tokio::test]
async fn the_exit_status_and_the_last_words_are_reported() {
    let error_75 = error("cat > /dev/null; echo 'try later' >&2; exit 75").await;
    assert_eq!(error_75.kind, Failure::Transient);
    assert!(
        error_75
            .response
            .ends_with("failed with exit status: 75: try later")
    );
    // Without having read a word.
    let error_67 = error("echo 'nobody of that name' >&2; exit 67").await;
    assert_eq!(error_67.kind, Failure::Permanent);
    assert!(error_67.response.ends_with(": nobody of that name"));
    assert_eq!(error("exit 78").await.kind, Failure::Unavailable);
    assert_eq!(error("kill -9 $$").await.kind, Failure::Transient);
}

#[tokio::test]
async fn a_command_that_does_not_read_the_whole_mail_has_not_taken_it() {
    let (_folder, sendmail) = command("head -c 1 > /dev/null; exec <&-; exit 0", LONG);
    let large = Mail {
        text: "x\n".repeat(1_000_000),
        ..mail()
    };
    let error = sendmail.send(&large).await.unwrap_err();
    assert_eq!(error.kind, Failure::Transient);
}

#[tokio::test]
async fn a_command_that_prints_a_lot_does_not_block() {
    let (_folder, sendmail) = command(
        "head -c 1000000 /dev/zero | tr '\\0' x; cat > /dev/null",
        LONG,
    );
    let large = Mail {
        text: "x\n".repeat(1_000_000),
        ..mail()
    };
    let delivery = sendmail.send(&large).await.unwrap();
    assert!(delivery.response.len() < 4096);
}

#[tokio::test]
async fn what_the_command_leaves_behind_is_not_waited_for() {
    let (folder, sendmail) = command(
        "cat > message; mkfifo gate; (read line < gate; echo done > left) & exit 0",
        Duration::from_secs(20),
    );
    sendmail.send(&mail()).await.unwrap();
    // Only now may it go.
    assert!(!folder.path().join("left").exists());
    fs::write(folder.path().join("gate"), "go\n").unwrap();
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed() {
    let (folder, sendmail) = command(
        "echo $$ > pid; mkfifo gate; read line < gate",
        Duration::from_millis(500),
    );
    let error = sendmail.send(&mail()).await.unwrap_err();
    assert_eq!(error.kind, Failure::Transient);
    assert!(error.response.ends_with("took longer than 500ms"));
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    // Ends when the process is gone.
    let gone = tokio::process::Command::new("tail")
        .args(["-s", "0.05", "-f", "/dev/null", "--pid", pid.trim()])
        .status();
    let gone = tokio::time::timeout(LONG, gone).await;
    assert!(gone.expect("it runs on").unwrap().success());
}

#[tokio::test]
async fn a_check_tells_a_program_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let sendmail = Sendmail::new(Settings {
        path: file.path().into(),
        timeout: LONG,
    });
    let error = sendmail.check().await.unwrap_err();
    assert_eq!(error.kind, Failure::Unavailable);
    assert!(error.response.ends_with("is not an executable file"));
}
