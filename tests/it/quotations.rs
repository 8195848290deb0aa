//! A mail server that quotes the mail that it refuses, or the password: nobody who reads the queue,
//! the event log or the server's log learns a link from it. How a quotation may be written is
//! proven in `transports/tests/secrets.rs`.

use std::sync::{Arc, Mutex};

use rstest::rstest;
use usher::domain::EmailAddress;
use usher::domain::setup::{NewAdministrator, invite_administrator};

use crate::smtp::{Answer, Behaviour, Server, Step};
use crate::support::{Binary, TestServer};

/// Longer words than the token, on both sides of it.
const LINK: &str = "links.invitation={public_url}/people-of-the-company-and-their-applications-2026/accept-invitation?token={token}&to=the-page-on-which-people-of-the-company-choose-a-password";

/// The token in the mail.
fn token_in(content: &str) -> String {
    let (_, rest) = content.split_once("token=").unwrap();
    rest[..43].to_owned()
}

/// A server that refuses mails in these words, `{}` being the token, and keeps the first token.
async fn quoting(words: &'static str) -> (Server, Arc<Mutex<Option<String>>>) {
    let token = Arc::new(Mutex::new(None::<String>));
    let seen = token.clone();
    let behaviour = Behaviour::script(move |turn| {
        (turn.step == Step::Content).then(|| {
            let token = token_in(&turn.line);
            let (begin, end) = token.split_at(23);
            seen.lock().unwrap().get_or_insert(token.clone());
            let words = words.replace("{begin}", begin).replace("{end}", end);
            Answer::say(words.replace("{}", &token))
        })
    });
    (Server::start(behaviour).await, token)
}

fn to(smtp: &Server) -> Vec<String> {
    vec![
        "mail.smtp.host=127.0.0.1".to_owned(),
        format!("mail.smtp.port={}", smtp.address.port()),
        "mail.smtp.tls=none".to_owned(),
        LINK.to_owned(),
    ]
}

/// Fails where 16 characters of the token stand in a row, whatever stands between them.
fn assert_hidden(place: &str, text: &str, token: &str) {
    let received = |text: &str| {
        let all = text.to_lowercase();
        all.replace(|c: char| !c.is_ascii_alphanumeric(), "")
    };
    let (text, token) = (received(text), received(token));
    for at in 0..token.len() - 15 {
        assert!(!text.contains(&token[at..at + 16]), "{place}: {text}");
    }
}

/// Security rules 12 and 13, for everything that the queue tells.
#[rstest]
#[case("550 5.7.1 URL /accept-invitation?token={}")]
#[case("550 5.7.1 hxxp://example[.]com/accept?token={} is on a list")]
#[case("550-5.7.1 blocked: token={begin}\r\n550 5.7.1 {end}")]
#[case("550-blocked: token={begin}=\r\n550 {end}")]
#[case("550 5.7.1 {end} and {begin}")]
#[case("521 5.2.1 it links to {}")]
#[case("451 4.7.1 later: {}")]
#[tokio::test]
async fn the_queue_does_not_tell_what_a_server_quotes(#[case] words: &'static str) {
    let (smtp, token) = quoting(words).await;
    let settings = to(&smtp);
    let mut settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    settings.push("mail.transport=smtp");
    let usher = TestServer::start_with(&settings).await;
    let mut changes = usher.server.app.email_changed.subscribe();
    // Somebody who may see everything about the e-mail to the first administrator.
    let address = EmailAddress::parse("second@kbank.com").unwrap();
    let invited = invite_administrator(&usher.server.app, &address).await;
    let NewAdministrator::Invited(invited) = invited.unwrap() else {
        panic!("there is an administrator already");
    };
    let reader = usher
        .accept(&token_in(invited.link.as_ref().unwrap()))
        .await;
    let tried = async {
        loop {
            let answer = reader
                .run(
                    "{ emails(filter: { to: \"admin@example.com\" }) { nodes {
                    lastError attempts { response }
                } }
                emailQueue { transportState { error } }
                events { nodes { action subjectLabel changes { field before after } } } }",
                )
                .await;
            let mail = &answer.data()["emails"]["nodes"][0];
            if mail["lastError"].is_string() && mail["attempts"][0]["response"].is_string() {
                let told = answer.data().to_string();
                assert!(told.contains("[secret link]"), "{told}");
                assert_hidden(
                    "the queue",
                    &told,
                    token.lock().unwrap().as_deref().unwrap(),
                );
                return;
            }
            let _ = changes.recv().await;
        }
    };
    usher.within("the first attempt", tried).await;
}

/// Security rule 13, for the log of the real server, all of it.
#[rstest]
#[case("521 5.2.1 message refused, it links to {}")]
#[case("550 5.7.1 message refused, it links to {}")]
#[case("451 4.7.1 {begin} {end}")]
#[tokio::test]
async fn the_log_does_not_tell_what_a_server_quotes(#[case] words: &'static str) {
    let (smtp, token) = quoting(words).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = to(&smtp);
    let mut settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    settings.extend([
        "mail.transport=failover",
        "mail.failover.transports=[\"smtp\", \"file\"]",
        "log.filter=trace",
    ]);
    let binary = Binary::start(folder.path(), &settings);
    smtp.reached(Step::Content, 1).await;
    // It finishes what it is sending.
    let log = binary.stop();
    let token = token.lock().unwrap().clone().unwrap();
    assert!(log.contains("[secret link]"), "{log}");
    assert_hidden("the log", &log, &token);
}
