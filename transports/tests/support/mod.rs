//! What several test binaries share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod smtp;

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use transports::Mail;

/// A mail with nothing special about it.
pub fn mail() -> Mail {
    Mail {
        message_id: "<0198@example.com>".into(),
        date: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        from: "Usher <no-reply@example.com>".into(),
        to: vec!["Ada <ada@example.com>".into()],
        subject: "You are invited".into(),
        text: "Hello\n\nhttps://example.com/?token=abc\n".into(),
        html: Some("<p>Hello</p>\n".into()),
        secrets: vec![],
    }
}

/// Makes a program of a shell script.
///
/// Written by another process: were it ours, a child that is being started at the same time would
/// still hold the file open for writing, and it could not be run ("text file busy").
pub fn executable(path: &Path, script: &str) {
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    assert!(shell.wait().unwrap().success());
}
