//! The queue against a mail server that fails in every way there is: what the queue shows, how many
//! attempts it takes, and that nothing is lost. What the `smtp` transport makes of each reply is
//! proven in `transports/tests/smtp.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use usher::domain::EmailAddress;
use usher::domain::setup::{NewAdministrator, invite_administrator};

use crate::smtp::{Answer, Authority, Behaviour, Encryption, Server, Step};
use crate::support::{Client, TestServer};

/// Usher, and the mail server that it hands its mails to.
struct Delivery {
    usher: TestServer,
    smtp: Server,
    /// Whether the mail server does what the script says.
    fails: Arc<AtomicBool>,
    administrator: Client,
}

impl Delivery {
    async fn start(step: Step, answer: Answer) -> Self {
        let fails = Arc::new(AtomicBool::new(false));
        let armed = fails.clone();
        let behaviour = Behaviour::script(move |turn| {
            let acts = turn.step == step && armed.load(Ordering::SeqCst);
            acts.then(|| answer.clone())
        });
        Self::start_with(behaviour, fails, &["mail.smtp.tls=none".to_owned()]).await
    }

    async fn start_with(behaviour: Behaviour, fails: Arc<AtomicBool>, settings: &[String]) -> Self {
        let smtp = Server::start(behaviour).await;
        let port = format!("mail.smtp.port={}", smtp.address.port());
        let mut all = vec![
            "mail.transport=smtp",
            "mail.smtp.host=127.0.0.1",
            "mail.smtp.helo_name=client.example.com",
            "mail.smtp.connect_timeout=1s",
            "mail.smtp.command_timeout=300ms",
            "mail.smtp.data_timeout=300ms",
            // Each mail has a connection of its own, which begins with the greeting.
            "mail.smtp.idle_timeout=1ms",
            port.as_str(),
        ];
        all.extend(settings.iter().map(String::as_str));
        let usher = TestServer::start_with(&all).await;
        let address = EmailAddress::parse("admin@example.com").unwrap();
        let invited = invite_administrator(&usher.server.app, &address).await;
        let NewAdministrator::Invited(invited) = invited.unwrap() else {
            panic!("there is an administrator already");
        };
        let token = invited
            .link
            .as_deref()
            .unwrap()
            .split_once("token=")
            .unwrap()
            .1;
        let administrator = usher.accept(token).await;
        Self {
            usher,
            smtp,
            fails,
            administrator,
        }
    }

    /// Queues a mail while the mail server fails, and waits until the attempt is over.
    async fn fail(&self) -> Value {
        self.resume().await;
        // The e-mails to the administrator have gone, or been withdrawn.
        self.wait(json!({ "kinds": ["INVITATION"] }), |mail| {
            ["SENT", "CANCELLED"].contains(&mail["status"].as_str().unwrap())
        })
        .await;
        self.resume().await;
        self.fails.store(true, Ordering::SeqCst);
        let payload = self
            .administrator
            .mutate(
                "sendTestEmail",
                json!({ "to": "ada@kbank.com" }),
                "email { id }",
            )
            .await;
        assert_eq!(payload["userErrors"], json!([]));
        self.wait(json!({ "kinds": ["TEST"] }), |mail| {
            // The attempts are read after their mail, and may be ahead of it.
            mail["lastError"].is_string() && mail["attempts"][0]["finishedAt"].is_string()
        })
        .await
    }

    async fn resume(&self) {
        let answer = self
            .administrator
            .run("mutation { resumeEmailQueue { userErrors { code } } }")
            .await;
        answer.data();
    }

    /// Waits until all mails that the filter matches are as they should be; returns the first.
    async fn wait(&self, filter: Value, is_so: impl Fn(&Value) -> bool) -> Value {
        let are_so = |mails: &[Value]| !mails.is_empty() && mails.iter().all(&is_so);
        let mails = self
            .usher
            .emails_that(&self.administrator, filter, "the mail server", are_so);
        mails.await[0].clone()
    }

    async fn is_available(&self) -> bool {
        let answer = self
            .administrator
            .run("{ emailQueue { transportState { isAvailable } } }")
            .await;
        answer.data()["emailQueue"]["transportState"]["isAvailable"] == true
    }

    /// Mends the mail server; the mail arrives, with what it was queued with.
    async fn recover(&self, mail: &Value) -> Value {
        self.fails.store(false, Ordering::SeqCst);
        self.usher.advance(Duration::from_secs(40));
        self.resume().await;
        if mail["status"] == "FAILED" {
            let payload = self
                .administrator
                .mutate("retryEmails", json!({ "ids": [mail["id"]] }), "count")
                .await;
            assert_eq!(payload["count"], 1, "{payload:#}");
        }
        let sent = self
            .wait(json!({ "kinds": ["TEST"] }), |mail| {
                mail["status"] == "SENT"
            })
            .await;
        assert_eq!(sent["messageId"], mail["messageId"]);
        assert_eq!(sent["lastError"], Value::Null);
        let attempts = sent["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 2, "{attempts:#?}");
        assert_eq!(attempts[1]["response"], "250 2.0.0 Ok: queued");
        let id = mail["messageId"].as_str().unwrap();
        let arrived = self.smtp.received().into_iter().filter(|received| {
            String::from_utf8_lossy(&received.content).contains(&format!("Message-ID: {id}\r\n"))
        });
        assert!(arrived.count() >= 1, "{id} was lost");
        sent
    }
}

/// What the queue makes of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The mail waits for its next attempt.
    Later,
    /// The mail is given up.
    Never,
    /// The transport is paused, and the mail has lost no attempt.
    Paused,
}

#[rstest]
#[case(Step::Greeting, Answer::say("421 4.3.2 Busy"), Then::Paused)]
#[case(Step::Greeting, Answer::say("554 5.7.1 No"), Then::Paused)]
#[case(Step::MailFrom, Answer::say("451 4.3.0 Not now"), Then::Later)]
#[case(Step::MailFrom, Answer::say("552 5.2.2 Too large"), Then::Never)]
#[case(
    Step::RcptTo,
    Answer::say("450 4.2.0 Greylisted, come back"),
    Then::Later
)]
#[case(Step::RcptTo, Answer::say("550 5.1.1 No such user"), Then::Never)]
#[case(
    Step::RcptTo,
    Answer::say("504 5.5.2 <25aea30808b2>: Helo command rejected: need fully-qualified hostname"),
    Then::Paused
)]
#[case(
    Step::RcptTo,
    Answer::say("554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied"),
    Then::Paused
)]
#[case(
    Step::RcptTo,
    Answer::say("554 5.7.1 <ada@kbank.com>: Relay access denied"),
    Then::Paused
)]
#[case(Step::Data, Answer::say("451 4.3.0 Not now"), Then::Later)]
#[case(Step::Data, Answer::say("554 5.6.0 No"), Then::Never)]
#[case(Step::Content, Answer::say("452 4.3.1 Disk full"), Then::Later)]
#[case(Step::Content, Answer::say("554 5.7.1 Spam"), Then::Never)]
#[case(Step::MailFrom, Answer::Hang, Then::Later)]
#[case(Step::RcptTo, Answer::Hang, Then::Later)]
#[case(Step::Content, Answer::Hang, Then::Later)]
#[case(Step::Content, Answer::DripForever, Then::Later)]
#[case(Step::RcptTo, Answer::Drop, Then::Later)]
#[case(Step::Data, Answer::Drop, Then::Later)]
#[case(Step::Content, Answer::Drop, Then::Later)]
#[tokio::test]
async fn nothing_is_lost_whatever_the_mail_server_does(
    #[case] step: Step,
    #[case] answer: Answer,
    #[case] then: Then,
) {
    let said = match &answer {
        Answer::Say(line) => line.clone(),
        _ => String::new(),
    };
    let delivery = Delivery::start(step, answer).await;
    let mail = delivery.fail().await;
    let last_error = mail["lastError"].as_str().unwrap();
    assert!(last_error.contains(&said), "{last_error}");
    let shown = match (
        mail["status"].as_str().unwrap(),
        delivery.is_available().await,
    ) {
        ("QUEUED", true) => Then::Later,
        ("QUEUED", false) => Then::Paused,
        ("FAILED", true) => Then::Never,
        other => panic!("{other:?}"),
    };
    assert_eq!(shown, then, "{mail:#}");
    let outcome = match then {
        Then::Later => "TRANSIENT_FAILURE",
        Then::Never => "PERMANENT_FAILURE",
        Then::Paused => "UNAVAILABLE",
    };
    let attempts = mail["attempts"].as_array().unwrap();
    assert_eq!(
        (attempts.len(), attempts[0]["outcome"].as_str().unwrap()),
        (1, outcome)
    );
    let counted = i32::from(then != Then::Paused);
    assert_eq!(mail["attemptCount"], counted);
    delivery.recover(&mail).await;
}

/// Greylisting as servers do it: each recipient is put off once.
#[tokio::test]
async fn a_greylisted_mail_arrives_at_the_second_attempt() {
    let delivery = Delivery::start(
        Step::RcptTo,
        Answer::say("451 4.7.1 Greylisted for 5 minutes"),
    )
    .await;
    let mail = delivery.fail().await;
    assert_eq!(mail["status"], "QUEUED");
    let sent = delivery.recover(&mail).await;
    assert_eq!(sent["attemptCount"], 2);
}

/// Broken encryption is the transport's fault, not a mail's: no mail goes out unencrypted, and none
/// is lost.
#[rstest]
#[case("127.0.0.1", Some("454 4.7.0 Not now"))]
#[case("127.0.0.1", None)]
#[case("mail.example.com", None)]
#[tokio::test]
async fn no_mail_goes_where_encryption_is_broken(
    #[case] certificate: &str,
    #[case] reply: Option<&'static str>,
) {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = authority.write(folder.path());
    let behaviour = match (reply, certificate) {
        (Some(reply), _) => Behaviour::at(Step::StartTls, Answer::say(reply)),
        // Says that it begins, and goes.
        (None, "127.0.0.1") => Behaviour::at(
            Step::StartTls,
            Answer::SayAndDrop("220 Go ahead".to_owned()),
        ),
        (None, _) => Behaviour::default(),
    };
    let behaviour = behaviour.encryption(Encryption::StartTls(authority.server(certificate)));
    let settings = [
        "mail.smtp.tls=required".to_owned(),
        format!("mail.smtp.ca_file={}", ca_file.display()),
    ];
    let delivery = Delivery::start_with(behaviour, Arc::default(), &settings).await;
    let mail = delivery.fail().await;
    assert_eq!(mail["status"], "QUEUED", "{mail:#}");
    assert_eq!(mail["attemptCount"], 0);
    assert!(!delivery.is_available().await);
    assert!(delivery.smtp.received().is_empty());
}
