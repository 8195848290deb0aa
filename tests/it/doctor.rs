//! What `usher doctor` notes of a deployment that works, and could be better. What it finds wrong is in
//! `command_line.rs`.

use std::process::Command;

use crate::smtp::{Answer, Behaviour, Server, Step};
use crate::support::{Finish, TestServer};

/// A role outlives the application that it was for, and a sender may have no mailbox.
#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_notes_what_grants_nothing_and_what_is_lost() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let permissions = ["content-hub.create", "content-hub.view", "users.view"];
    server.role(&administrator, "Editor", &permissions).await;
    server.role(&administrator, "Reader", &["users.view"]).await;
    let nobody = Answer::say("550 5.1.1 No such user here");
    let smtp = Server::start(Behaviour::at(Step::RcptTo, nobody)).await;
    let folder = tempfile::tempdir().unwrap();
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_usher"));
    doctor.current_dir(folder.path()).arg("doctor");
    for setting in [
        &format!("database.url={}", server.database.url),
        "mail.transport=smtp",
        "mail.smtp.host=127.0.0.1",
        "mail.smtp.tls=none",
        &format!("mail.smtp.port={}", smtp.address.port()),
        "mail.from=Usher <no-reply@kbank.com>",
    ] {
        doctor.args(["--set", setting]);
    }
    let output = doctor.finish();
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    for note in [
        "note  roles: Editor holds content-hub.create, content-hub.view, which no application declares",
        "note  mail.transport: smtp is ready, but takes no mail to the sender: the recipient no-reply@kbank.com was rejected: 550 5.1.1 No such user here",
        "ok    administrators: 1 active",
    ] {
        assert!(report.contains(note), "{report}");
    }
    assert!(!report.contains("Reader"), "{report}");
    assert!(!report.contains("Administrator holds"), "{report}");
}
