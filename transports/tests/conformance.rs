//! What holds for every transport, run for every one in the registry: a registered transport for
//! which there is no harness here fails. How a transport fails in its own ways is tested beside it
//! (`smtp.rs` has a file of its own).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex},
};

use mail_parser::MessageParser;
use serde_json::json;
use support::{
    executable, mail,
    smtp::{Answer, Behaviour, Server},
};
use tempfile::TempDir;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use transports::{Failure, Mail, Registry, Section, Transport};

/// Whom the other side refuses, where it can.
const REFUSED: &str = "refused@example.com";

/// What a transport hands mails over to, and how to see what has arrived there.
trait Harness {
    /// The sections that the transport is built from.
    fn sections(&self) -> BTreeMap<String, Section>;

    /// Everything that has arrived so far.
    fn arrived(&self) -> Vec<Arrived>;

    /// Whether [`REFUSED`] is refused, or the other side takes whatever it gets.
    fn refuses(&self) -> bool {
        false
    }

    /// The transport that reports the delivery.
    fn delivers(&self) -> &'static str;
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Arrived {
    /// An RFC 5322 message. Its line ends are those of the place.
    Message(Vec<u8>),
    /// Something for a person to read.
    Shown(String),
}

/// Every registered transport with its harness.
async fn all() -> Vec<(String, Box<dyn Harness>)> {
    let mut all = Vec::new();
    for name in Registry::builtin().names() {
        let harness: Box<dyn Harness> = match name {
            "failover" => Box::new(Fallback(Maildir::new())),
            "file" => Box::new(Maildir::new()),
            "log" => Box::new(Logged::new()),
            "sendmail" => Box::new(Piped::new()),
            "smtp" => Box::new(Served::new().await),
            name => panic!("{name} is registered: give it a harness in {}", file!()),
        };
        all.push((name.to_owned(), harness));
    }
    all
}

fn build(name: &str, harness: &dyn Harness) -> Arc<dyn Transport> {
    Registry::builtin()
        .build(name, &harness.sections())
        .unwrap()
}

struct Maildir(TempDir);

impl Maildir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("mail")
    }
}

/// The files of a folder, oldest name first; none where there is no folder.
fn files(folder: &Path) -> Vec<Arrived> {
    let mut paths: Vec<_> = (fs::read_dir(folder).into_iter().flatten())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    (paths.iter())
        .map(|path| Arrived::Message(fs::read(path).unwrap()))
        .collect()
}

impl Harness for Maildir {
    fn sections(&self) -> BTreeMap<String, Section> {
        BTreeMap::from([("file".into(), json!({"path": self.path()}))])
    }

    fn arrived(&self) -> Vec<Arrived> {
        files(&self.path().join("new"))
    }

    fn delivers(&self) -> &'static str {
        "file"
    }
}

/// A command that is not there, and a Maildir after it.
struct Fallback(Maildir);

impl Harness for Fallback {
    fn sections(&self) -> BTreeMap<String, Section> {
        let mut sections = self.0.sections();
        sections.insert("sendmail".into(), json!({"path": "/nonexistent/sendmail"}));
        let list = json!({"transports": ["sendmail", "file"]});
        sections.insert("failover".into(), list);
        sections
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.0.arrived()
    }

    fn delivers(&self) -> &'static str {
        self.0.delivers()
    }
}

/// What `tracing` printed on this thread, one write an event.
struct Logged {
    printed: Printed,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<String>>>);

impl Write for Printed {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let event = String::from_utf8(octets.to_vec()).unwrap();
        self.0.lock().unwrap().push(event);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Printed {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Logged {
    fn new() -> Self {
        let printed = Printed::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(printed.clone())
            .with_ansi(false)
            .finish();
        Self {
            printed,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }
}

impl Harness for Logged {
    fn sections(&self) -> BTreeMap<String, Section> {
        BTreeMap::new()
    }

    fn arrived(&self) -> Vec<Arrived> {
        let printed = self.printed.0.lock().unwrap();
        let of_mails = |event: &&String| event.contains("usher::mail");
        let shown = printed.iter().filter(of_mails);
        shown.cloned().map(Arrived::Shown).collect()
    }

    fn delivers(&self) -> &'static str {
        "log"
    }
}

/// A command that keeps what it was given, once it has seen the end of it.
struct Piped(TempDir);

impl Piped {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("done")).unwrap();
        let path = folder.path().join("sendmail");
        let script = format!(
            "#!/bin/sh\n\
             cd {}\n\
             case \"$*\" in *{REFUSED}*) echo 'no such user' >&2; exit 67;; esac\n\
             cat > $$.part\n\
             mv $$.part done/$(date +%s%N).$$\n",
            folder.path().display()
        );
        executable(&path, &script);
        Self(folder)
    }
}

impl Harness for Piped {
    fn sections(&self) -> BTreeMap<String, Section> {
        let path = self.0.path().join("sendmail");
        BTreeMap::from([("sendmail".into(), json!({"path": path}))])
    }

    fn arrived(&self) -> Vec<Arrived> {
        files(&self.0.path().join("done"))
    }

    fn refuses(&self) -> bool {
        true
    }

    fn delivers(&self) -> &'static str {
        "sendmail"
    }
}

/// A mail server.
struct Served(Server);

impl Served {
    async fn new() -> Self {
        let refusing = Behaviour::script(|turn| {
            (turn.line.contains(REFUSED)).then(|| Answer::say("550 5.1.1 No such user"))
        });
        Self(Server::start(refusing).await)
    }
}

impl Harness for Served {
    fn sections(&self) -> BTreeMap<String, Section> {
        let port = self.0.address.port();
        let section = json!({"host": "127.0.0.1", "port": port, "tls": "none"});
        BTreeMap::from([("smtp".into(), section)])
    }

    fn arrived(&self) -> Vec<Arrived> {
        let received = self.0.received().into_iter();
        received
            .map(|mail| Arrived::Message(mail.content))
            .collect()
    }

    fn refuses(&self) -> bool {
        true
    }

    fn delivers(&self) -> &'static str {
        "smtp"
    }
}

fn crlf(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.replace('\n', "\r\n")
}

/// Whether what arrived is the whole of the mail and nothing but it.
fn assert_is(arrived: &Arrived, mail: &Mail, name: &str) {
    let octets = match arrived {
        Arrived::Shown(event) => {
            let text = crlf(&mail.text).replace("\r\n", "\n");
            assert!(event.contains(text.trim_end()), "{name}");
            assert!(!event.contains('\r'), "{name}");
            return;
        }
        Arrived::Message(octets) => octets,
    };
    let octets = crlf(std::str::from_utf8(octets).unwrap());
    let sent = String::from_utf8(mail.format().unwrap()).unwrap();
    assert!(octets == sent, "{name} changed the message");
    let message = MessageParser::default().parse(&octets).unwrap();
    let text = message.body_text(0).unwrap();
    let end = ['\r', '\n'];
    assert!(text.trim_end_matches(end) == crlf(&mail.text).trim_end_matches(end));
    assert_eq!(
        message.headers().len(),
        8,
        "{name}: {:?}",
        message.headers()
    );
}

/// Sends a mail through every transport and looks at what arrives.
async fn arrives(mail: &Mail) {
    for (name, harness) in all().await {
        let delivery = build(&name, &*harness).send(mail).await.unwrap();
        assert_eq!(delivery.transport, harness.delivers(), "{name}");
        assert!(!delivery.response.is_empty(), "{name}");
        let arrived = harness.arrived();
        assert_eq!(arrived.len(), 1, "{name}");
        assert_is(&arrived[0], mail, &name);
    }
}

#[tokio::test]
async fn a_plain_mail() {
    arrives(&mail()).await;
}

#[tokio::test]
async fn names_and_subjects_in_utf_8() {
    arrives(&Mail {
        from: "Ușher 👋 <no-reply@example.com>".into(),
        to: vec!["Ада Лавлейс <ada@example.com>".into()],
        subject: "Приглашение 招待 🎉".into(),
        text: "Grüße aus 東京\n".into(),
        ..mail()
    })
    .await;
}

/// RFC 5321's quoted local parts, and RFC 6531's letters of all scripts.
#[tokio::test]
async fn addresses_as_the_standards_have_them() {
    for to in [
        "\"xxx.\"@docomo.example",
        "\"aaa..bbb\"@docomo.example",
        "\"ada lovelace\"@example.com",
        "संपर्क@डाटामेल.भारत",
        "info@ไปรษณีย์.ไทย",
    ] {
        arrives(&Mail {
            to: vec![to.into()],
            ..mail()
        })
        .await;
    }
}

#[tokio::test]
async fn two_megabytes() {
    arrives(&Mail {
        text: "A line of a text that is longer than others.\n".repeat(45_000),
        ..mail()
    })
    .await;
    arrives(&Mail {
        text: "Ein schöner längerer Text.\n".repeat(75_000),
        ..mail()
    })
    .await;
}

#[tokio::test]
async fn lines_of_5000_characters() {
    arrives(&Mail {
        subject: "s".repeat(5_000),
        text: format!("{}\n{}\n", "x".repeat(5_000), "ü".repeat(5_000)),
        html: Some("<b>".repeat(5_000)),
        ..mail()
    })
    .await;
}

#[tokio::test]
async fn a_lone_dot() {
    arrives(&Mail {
        text: ".\n\n.\n..\n.x\nafter the dots\n.".into(),
        ..mail()
    })
    .await;
}

#[tokio::test]
async fn bare_cr_and_lf_in_header_values() {
    arrives(&Mail {
        from: "Usher\r\nBcc: a@example.com\r <no-reply@example.com>".into(),
        to: vec!["Ada\nBcc: b@example.com\n\n <ada@example.com>".into()],
        subject: "Hello\r\nBcc: c@example.com\r\n\r\nbody\rx\ny\0".into(),
        ..mail()
    })
    .await;
}

#[tokio::test]
async fn bare_cr_and_lf_in_the_body() {
    arrives(&Mail {
        text: "a\nb\rc\r\nd\n\re\n.\r\nRCPT TO:<evil@example.com>\r\n".into(),
        ..mail()
    })
    .await;
}

#[tokio::test]
async fn the_same_mail_twice_arrives_twice() {
    for (name, harness) in all().await {
        let transport = build(&name, &*harness);
        transport.send(&mail()).await.unwrap();
        transport.send(&mail()).await.unwrap();
        assert_eq!(harness.arrived().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn of_two_recipients_one_is_refused() {
    let both = Mail {
        to: vec!["ada@example.com".into(), REFUSED.into()],
        ..mail()
    };
    for (name, harness) in all().await {
        let sent = build(&name, &*harness).send(&both).await;
        if harness.refuses() {
            let error = sent.unwrap_err();
            assert_eq!(error.kind, Failure::Permanent, "{name}");
            assert_eq!(error.transport, name);
            assert!(error.response.contains("such user"), "{name}");
            assert_eq!(harness.arrived(), [], "{name}: all or nothing");
        } else {
            sent.unwrap();
            assert_eq!(harness.arrived().len(), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_not_one_address_is_refused_for_good() {
    for to in [
        vec![],
        vec!["ada@example.com".into(), "a@b.example, c@d.example".into()],
    ] {
        let mail = Mail { to, ..mail() };
        for (name, harness) in all().await {
            let error = build(&name, &*harness).send(&mail).await.unwrap_err();
            assert_eq!(error.kind, Failure::Permanent, "{name}");
            assert!(!error.transport.is_empty(), "{name}");
            assert_eq!(harness.arrived(), [], "{name}");
        }
    }
}

#[tokio::test]
async fn checks_send_nothing() {
    for (name, harness) in all().await {
        let transport = build(&name, &*harness);
        transport.check().await.unwrap();
        transport.check_sender(&mail().from).await.unwrap();
        assert_eq!(harness.arrived(), [], "{name}");
    }
}

/// Polls a future so often, then drops it. Whether it was ready by then.
async fn polled(future: impl Future<Output = ()>, times: usize) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|()| true)
    })
    .await
}

#[tokio::test]
async fn cancelled_anywhere_it_arrives_whole_or_not_at_all() {
    let large = Mail {
        text: "A line of a text that is longer than others.\n".repeat(20_000),
        ..mail()
    };
    for (name, harness) in all().await {
        let transport = build(&name, &*harness);
        let mut done = 0;
        // Until it is ready before the polls are used up: then every point was tried.
        for times in 1..500 {
            let send = async { drop(transport.send(&large).await.unwrap()) };
            if polled(send, times).await {
                done += 1;
                break;
            }
        }
        assert_eq!(done, 1, "{name} never came to an end");
        // After all that it still works.
        transport.send(&large).await.unwrap();
        let arrived = harness.arrived();
        assert!(arrived.len() >= 2, "{name}");
        for arrived in arrived {
            assert_is(&arrived, &large, &name);
        }
    }
}
