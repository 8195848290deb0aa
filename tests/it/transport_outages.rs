//! A mail server that goes away, and comes back: e-mails wait, one at a time is tried meanwhile, and the
//! others follow as soon as it has answered.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::smtp::{Answer, Behaviour, Server, Step};
use crate::support::{Client, Finish, TestServer, within};

const DOWN: &str = "421 4.3.2 Back soon";

/// A mail server, and whether it is up.
struct MailServer {
    smtp: Server,
    is_up: Arc<AtomicBool>,
}

impl MailServer {
    async fn start() -> Self {
        let is_up = Arc::new(AtomicBool::new(true));
        let up = is_up.clone();
        let script = move |turn: &crate::smtp::Turn| {
            let is_refused = turn.step == Step::Greeting && !up.load(Ordering::SeqCst);
            is_refused.then(|| Answer::SayAndDrop(DOWN.to_owned()))
        };
        let smtp = Server::start(Behaviour::script(script)).await;
        Self { smtp, is_up }
    }

    fn settings(&self) -> Vec<String> {
        vec![
            "mail.transport=smtp".to_owned(),
            "mail.smtp.host=127.0.0.1".to_owned(),
            "mail.smtp.tls=none".to_owned(),
            // Each e-mail finds out for itself whether the server is there.
            "mail.smtp.idle_timeout=1ms".to_owned(),
            format!("mail.smtp.port={}", self.smtp.address.port()),
        ]
    }

    fn goes_away(&self) {
        self.is_up.store(false, Ordering::SeqCst);
    }

    fn comes_back(&self) {
        self.is_up.store(true, Ordering::SeqCst);
    }

    /// A server that sends by it, and its administrator, who was invited by it.
    async fn usher(&self) -> (TestServer, Client) {
        let settings = self.settings();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let server = TestServer::start_with(&settings).await;
        within("the invitation", async {
            self.smtp.reached(Step::Content, 1).await;
        })
        .await;
        let received = within("the invitation", async {
            loop {
                if let Some(received) = self.smtp.received().pop() {
                    break received;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        let administrator = server.accept(&token_in(&received.content)).await;
        server.all_sent(&administrator).await;
        (server, administrator)
    }
}

/// The token in a message as it was sent, quoted-printable.
fn token_in(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message).replace("=\r\n", "");
    let after = text
        .split_once("token=")
        .unwrap_or_else(|| panic!("{text}"))
        .1;
    let after = after.strip_prefix("3D").unwrap_or(after);
    let is_of_token = |c: &char| c.is_ascii_alphanumeric() || "-_".contains(*c);
    after.chars().take_while(is_of_token).collect()
}

async fn queue(client: &Client, count: usize) {
    for number in 0..count {
        let to = format!("somebody{number}@kbank.com");
        let payload = client
            .mutate("sendTestEmail", json!({ "to": to }), "email { id }")
            .await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    }
}

async fn state(client: &Client) -> Value {
    let answer = client
        .run("{ emailQueue { oldestDueAgeSeconds transportState { isAvailable error unavailableSince nextAttemptAt } } }")
        .await;
    answer.data()["emailQueue"].clone()
}

/// Waits until each e-mail that was begun is back in the queue, and the transport is known to be away.
async fn until_paused(server: &TestServer, client: &Client) {
    server
        .emails_that(
            client,
            json!({ "statuses": ["QUEUED", "SENDING"] }),
            "the pause",
            |mails| {
                mails.iter().all(|mail| mail["status"] == "QUEUED")
                    && mails
                        .iter()
                        .any(|mail| mail["attempts"][0]["finishedAt"].is_string())
            },
        )
        .await;
    assert_eq!(state(client).await["transportState"]["isAvailable"], false);
}

/// An outage of eight minutes is over within one, however long it was, and however many e-mails wait.
#[tokio::test]
async fn one_e_mail_at_a_time_tries_a_server_that_is_away() {
    let mail_server = MailServer::start().await;
    let (server, administrator) = mail_server.usher().await;
    mail_server.goes_away();
    let pause = "mutation { pauseEmailQueue { userErrors { code } } }";
    administrator.run(pause).await.data();
    queue(&administrator, 20).await;
    let resume = "mutation { resumeEmailQueue { userErrors { code } } }";
    administrator.run(resume).await.data();
    until_paused(&server, &administrator).await;
    let told = state(&administrator).await;
    let error = told["transportState"]["error"].as_str().unwrap();
    assert!(error.contains(DOWN), "{error}");

    for minute in 1..=8 {
        let before = mail_server.smtp.connections();
        let mut changed = server.server.app.email_changed.subscribe();
        server.advance(Duration::from_secs(61));
        // The probe begins, and ends.
        for _ in 0..2 {
            server.within("the probe", changed.recv()).await.unwrap();
        }
        until_paused(&server, &administrator).await;
        assert_eq!(
            mail_server.smtp.connections() - before,
            1,
            "minute {minute}"
        );
    }
    let told = state(&administrator).await;
    assert!(
        told["oldestDueAgeSeconds"].as_u64() >= Some(8 * 60),
        "{told}"
    );

    mail_server.comes_back();
    server.advance(Duration::from_secs(61));
    server.all_sent(&administrator).await;
    // The invitation was the first.
    assert_eq!(mail_server.smtp.received().len(), 21);
    assert_eq!(
        state(&administrator).await["transportState"]["isAvailable"],
        true
    );
}

/// With a single e-mail, each probe is of the one that waits, and it has been due all the while.
#[tokio::test]
async fn what_is_tried_again_and_again_has_been_due_all_the_while() {
    let mail_server = MailServer::start().await;
    let (server, administrator) = mail_server.usher().await;
    mail_server.goes_away();
    queue(&administrator, 1).await;
    until_paused(&server, &administrator).await;
    let mut changed = server.server.app.email_changed.subscribe();
    server.advance(Duration::from_secs(600));
    for _ in 0..2 {
        server.within("the probe", changed.recv()).await.unwrap();
    }
    until_paused(&server, &administrator).await;
    let age = state(&administrator).await["oldestDueAgeSeconds"].as_u64();
    assert!((600..660).contains(&age.unwrap()), "{age:?}");
}

/// Nobody waits for the next probe who has just seen that the server is back.
#[tokio::test]
async fn a_test_e_mail_ends_the_pause() {
    let mail_server = MailServer::start().await;
    let (server, administrator) = mail_server.usher().await;
    mail_server.goes_away();
    queue(&administrator, 3).await;
    until_paused(&server, &administrator).await;
    mail_server.comes_back();
    let payload = administrator
        .mutate(
            "sendTestEmail",
            json!({ "to": "me@kbank.com" }),
            "email { id }",
        )
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    server.all_sent(&administrator).await;
    assert_eq!(mail_server.smtp.received().len(), 5);
}

/// A clock that is set back must not hold up anything until it is as late again.
#[tokio::test]
async fn a_clock_that_is_set_back_does_not_prolong_the_pause() {
    let mail_server = MailServer::start().await;
    let (server, administrator) = mail_server.usher().await;
    let app = &server.server.app;
    server.advance(Duration::from_secs(3_600));
    mail_server.goes_away();
    queue(&administrator, 2).await;
    until_paused(&server, &administrator).await;
    mail_server.comes_back();
    app.clock.set_back(Duration::from_secs(3_600));
    usher::domain::emails::retention::sweep(app).await.unwrap();
    app.mail_queued.notify_one();
    server.all_sent(&administrator).await;
    assert_eq!(mail_server.smtp.received().len(), 3);
}

fn usher(folder: &Path, settings: &[String], arguments: &[&str]) -> Output {
    let mut usher = Command::new(env!("CARGO_BIN_EXE_usher"));
    usher.current_dir(folder).args(arguments);
    for setting in settings {
        usher.args(["--set", setting]);
    }
    usher.finish()
}

fn printed(folder: &Path, settings: &[String], arguments: &[&str]) -> String {
    let output = usher(folder, settings, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// On the command line, beside the server that runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_shown_paused_and_resumed_on_the_command_line() {
    let mail_server = MailServer::start().await;
    let (server, administrator) = mail_server.usher().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = mail_server.settings();
    settings.push(format!("database.url={}", server.database.url));
    let run = |arguments: &[&str]| printed(folder.path(), &settings, arguments);

    let status = run(&["queue", "status"]);
    assert!(
        status.starts_with("queue        running\ntransport    smtp, available\n"),
        "{status}"
    );
    assert!(status.contains("\nsent         1\n"), "{status}");
    assert!(status.ends_with("\noldest due   none\n"), "{status}");

    assert!(run(&["queue", "pause"]).starts_with("The e-mail queue is paused."));
    queue(&administrator, 2).await;
    let status = run(&["queue", "status"]);
    assert!(
        status.starts_with("queue        paused since 20"),
        "{status}"
    );
    assert!(status.contains("queued       2\n"), "{status}");
    assert!(
        status.contains("oldest due   to somebody0@kbank.com, since 20"),
        "{status}"
    );
    let json: Value = serde_json::from_str(&run(&["queue", "status", "--json"])).unwrap();
    assert!(json["paused"]["since"].is_string(), "{json}");
    assert_eq!(json["paused"]["by"], Value::Null);
    assert_eq!(json["counts"]["queued"], 2);
    assert_eq!(
        json["transport"],
        json!({ "name": "smtp", "unavailable": null })
    );

    mail_server.goes_away();
    let resumed = run(&["queue", "resume"]);
    assert!(resumed.contains("goes on within 1s"), "{resumed}");
    // The server's next look finds it.
    until_paused(&server, &administrator).await;
    let status = run(&["queue", "status"]);
    assert!(
        status.starts_with("queue        running\ntransport    smtp, unavailable since 20"),
        "{status}"
    );
    assert!(
        status.contains(DOWN) && status.contains("\nnext try     "),
        "{status}"
    );
    let doctor = usher(folder.path(), &settings, &["doctor"]);
    let report = String::from_utf8(doctor.stdout).unwrap();
    assert!(
        report.contains("FAIL  e-mail queue: the transport has been unavailable since 20"),
        "{report}"
    );

    let events = administrator
        .run("{ events(filter: { actions: [EMAIL_QUEUE_PAUSED, EMAIL_QUEUE_RESUMED] }) { nodes { action actor { email } actorLabel } } }")
        .await;
    let events = &events.data()["events"]["nodes"];
    assert_eq!(events[0]["action"], "EMAIL_QUEUE_RESUMED", "{events}");
    assert_eq!(events[1]["action"], "EMAIL_QUEUE_PAUSED", "{events}");
    assert_eq!(events[0]["actor"], Value::Null, "{events}");

    // An operator's test past the queue says that the server is back, too.
    let failed = usher(
        folder.path(),
        &settings,
        &["send-test-email", "me@kbank.com"],
    );
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(
        state(&administrator).await["transportState"]["isAvailable"],
        false
    );
    mail_server.comes_back();
    let sent = usher(
        folder.path(),
        &settings,
        &["send-test-email", "me@kbank.com"],
    );
    let said = String::from_utf8(sent.stderr).unwrap();
    assert!(
        said.contains("The e-mail queue has waited for this transport, and goes on."),
        "{said}"
    );
    server.all_sent(&administrator).await;
}
