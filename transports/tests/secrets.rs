//! Whoever refuses a mail may quote it: whatever they make of the link's token, or of a password,
//! nothing that a transport says shows it, whoever wrote the transport.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose};
use proptest::prelude::*;
use serde_json::json;
use support::{executable, mail, smtp};
use transports::{
    Context, Delivery, Failure, Mail, Registry, Secret, SendError, Transport, mask_for_log,
};

const MASK: &str = "[secret link]";

/// How many characters of a token in a row must not be seen.
const RUN: usize = 16;

/// A transport from elsewhere: it says what it is told, without the care that ours take.
#[derive(Clone)]
struct Parrot(String);

#[async_trait::async_trait]
impl Transport for Parrot {
    async fn send(&self, _: &Mail) -> Result<Delivery, SendError> {
        Err(SendError {
            kind: Failure::Permanent,
            transport: "parrot".into(),
            response: self.0.clone(),
        })
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }
}

/// What is seen of `said` about a mail with these secrets.
fn seen(secrets: &[Secret], said: &str) -> String {
    let parrot = Parrot(said.to_owned());
    let mut registry = Registry::default();
    registry.register("parrot", move |_: &Context<'_>| {
        Ok(Arc::new(parrot.clone()))
    });
    let parrot = registry.build("parrot", &BTreeMap::new()).unwrap();
    let mail = Mail {
        secrets: secrets.to_vec(),
        ..mail()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let sent = runtime.unwrap().block_on(parrot.send(&mail));
    sent.unwrap_err().response
}

fn secrets(link: &str, token: &str) -> [Secret; 2] {
    [Secret::whole(link, MASK), Secret::random(token, MASK)]
}

/// How a server may write what it quotes.
#[derive(Clone, Copy, Debug)]
enum Writing {
    Upper,
    Lower,
    Percent,
    PercentOfAll,
    Html,
    HexHtml,
    QuotedPrintable,
    Json,
    Octal,
    Base64,
    UrlBase64,
    Hex,
    Defanged,
    Spaced,
    SoftHyphens,
}

use Writing::*;

impl Writing {
    fn of(self, text: &str) -> String {
        let each = |write: &dyn Fn(char) -> String| text.chars().map(write).collect::<String>();
        let signs = |write: &dyn Fn(char) -> String| {
            each(&|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_string()
                } else {
                    write(c)
                }
            })
        };
        match self {
            Upper => text.to_uppercase(),
            Lower => text.to_lowercase(),
            Percent => signs(&|c| format!("%{:02X}", u32::from(c))),
            PercentOfAll => each(&|c| format!("%{:02x}", u32::from(c))),
            Html => signs(&|c| format!("&#{};", u32::from(c))),
            HexHtml => each(&|c| format!("&#x{:X};", u32::from(c))),
            QuotedPrintable => signs(&|c| format!("={:02X}", u32::from(c))),
            Json => signs(&|c| format!("\\u{:04x}", u32::from(c))),
            Octal => signs(&|c| format!("\\{:03o}", u32::from(c))),
            Base64 => general_purpose::STANDARD.encode(text),
            UrlBase64 => general_purpose::URL_SAFE_NO_PAD.encode(text),
            Hex => text.bytes().map(|octet| format!("{octet:02x}")).collect(),
            Defanged => text.replace("http", "hxxp").replace('.', "[.]"),
            Spaced => each(&|c| format!("{c} ")),
            SoftHyphens => each(&|c| format!("{c}\u{ad}&shy;")),
        }
    }
}

fn writing() -> impl Strategy<Value = Writing> {
    prop::sample::select(vec![
        Upper,
        Lower,
        Percent,
        PercentOfAll,
        Html,
        HexHtml,
        QuotedPrintable,
        Json,
        Octal,
        Base64,
        UrlBase64,
        Hex,
        Defanged,
        Spaced,
        SoftHyphens,
    ])
}

/// What is a token's in it, whatever stands between.
fn letters(text: &str) -> String {
    let is_of_token = |c: &char| c.is_ascii_alphanumeric();
    text.to_lowercase().chars().filter(is_of_token).collect()
}

/// The parts of the token that give it away: each with as few characters as hold [`RUN`] letters.
fn telling_parts(token: &str) -> impl Iterator<Item = &str> {
    (0..token.len()).filter_map(|start| {
        let rest = &token[start..];
        let end = (1..=rest.len()).find(|end| letters(&rest[..*end]).len() == RUN)?;
        Some(&rest[..end])
    })
}

/// Whether a part of the token can be read, as it is or as it was written.
fn shows(seen: &str, token: &str, writing: Option<Writing>) -> bool {
    // In groups of three octets, which may begin before the token: its middle is another text then.
    let writing = writing.filter(|writing| !matches!(writing, Base64 | UrlBase64));
    let seen = letters(seen);
    telling_parts(token).any(|part| {
        let written = writing.map(|writing| letters(&writing.of(part)));
        seen.contains(&letters(part)) || written.is_some_and(|written| seen.contains(&written))
    })
}

fn token() -> impl Strategy<Value = String> {
    any::<[u8; 32]>().prop_map(|octets| general_purpose::URL_SAFE_NO_PAD.encode(octets))
}

fn link() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "https://example.com/reset-password?token={token}",
        "https://example.com/people-of-the-company-and-their-applications-2026/r?token={token}",
        "https://example.com/r/{token}/now?lang=en",
        "https://example.com/app#/reset={token}",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn a_token_is_not_seen_however_it_is_quoted(
        token in token(),
        link in link(),
        writing in prop::option::of(writing()),
        and_then in prop::option::of(prop::sample::select(vec![Percent, Html, QuotedPrintable, Json])),
        // Of the link, what was quoted, and where its lines were broken.
        cut in 0..30_usize,
        width in 4..80_usize,
        line_break in prop::sample::select(vec![
            "", " ", "\r\n", "=\r\n", "\r\n550-", "\r\n550-5.7.1 ", "\r\n554 5.7.1 ", "\\r\\n",
        ]),
    ) {
        let link = link.replace("{token}", &token);
        let written = writing.map_or(link.clone(), |writing| writing.of(&link));
        let written = and_then.map_or(written.clone(), |writing| writing.of(&written));
        let quoted = &written[..written.floor_char_boundary(written.len().saturating_sub(cut))];
        let lines: Vec<String> = (quoted.chars().collect::<Vec<_>>().chunks(width))
            .map(|line| line.iter().collect())
            .collect();
        let said = format!("550 5.7.1 Your URL {} is on a list", lines.join(line_break));
        let seen = seen(&secrets(&link, &token), &said);
        prop_assert!(!shows(&seen, &token, writing), "{seen}");
        prop_assert!(seen.starts_with("550 5.7.1 Your URL "), "{seen}");
        prop_assert!(said.len() > 1_900 || seen.ends_with("a list"), "{seen}");
    }
}

/// The token as other texts hold it, each with what is left of it.
#[test]
fn what_is_quoted_is_masked_and_the_rest_is_not() {
    let token = "Zm9-vYmFy_cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5w";
    let link = format!("https://example.com/accept?token={token}");
    let secrets = secrets(&link, token);
    let (begin, end) = token.split_at(23);
    let encoded = general_purpose::STANDARD.encode(format!("Hello\n{link}\nBye"));
    // What is quoted stands in the middle, and is all that the mask takes the place of.
    for (before, quoted, after) in [
        ("554 blocked: <", link.as_str(), ">."),
        ("554 ", token, " and so on"),
        ("554 hxxps://example[.]com/accept?token=", token, " is bad"),
        ("554 /accept?token=", begin, " is bad"),
        (
            "550-5.7.1 ",
            &format!("{begin}\r\n550 5.7.1 {end}"),
            " is bad",
        ),
        ("554 ", &encoded, " is bad"),
    ] {
        let masked = format!("{before}{MASK}{after}");
        assert_eq!(seen(&secrets, &format!("{before}{quoted}{after}")), masked);
    }
    for said in [
        "554 https://example.com/accept is bad",
        "250 2.0.0 Ok: queued as 4bXyZ12345",
    ] {
        assert_eq!(seen(&secrets, said), said);
    }
}

#[test]
fn a_mail_does_not_print_its_secrets() {
    let mail = Mail {
        secrets: vec![Secret::random("abc".repeat(20), MASK)],
        text: format!("Open https://example.com/?token={}", "abc".repeat(20)),
        ..mail()
    };
    let printed = format!("{mail:?}");
    assert!(printed.contains("token=[secret link]"), "{printed}");
    assert!(!printed.contains("abcabc"), "{printed}");
}

/// A server that refuses the credentials, in these words.
async fn refused_with(words: String, password: &str) -> String {
    let answer = smtp::Answer::say(words);
    let behaviour = smtp::Behaviour::at(smtp::Step::Auth, answer).credentials("usher", "other");
    let server = smtp::Server::start(behaviour).await;
    let section = json!({
        "host": "127.0.0.1", "port": server.address.port(), "tls": "none",
        "username": "usher", "password": password,
    });
    let sections = BTreeMap::from([("smtp".to_owned(), section)]);
    let smtp = Registry::builtin().build("smtp", &sections).unwrap();
    let error = smtp.check().await.unwrap_err();
    assert_eq!(smtp.send(&mail()).await.unwrap_err(), error);
    let begin = "the credentials of usher were rejected: 127.0.0.1 replied ";
    error.response.strip_prefix(begin).unwrap().to_owned()
}

#[tokio::test]
async fn a_password_is_not_seen() {
    let plain = |password: &str| general_purpose::STANDARD.encode(format!("\0usher\0{password}"));
    for (password, before, quoted, after) in [
        ("hunter2", "535 password ", "hunter2", " rejected"),
        ("hunter2", "535 not \"", "HUNTER2", "\""),
        ("p$%!", "535 not ", "p$%!", ", please"),
        (
            "a key of the API which is long",
            "535 not ",
            "a key of the API which",
            "",
        ),
        (
            "correct horse",
            "535 AUTH PLAIN ",
            &plain("correct horse"),
            " failed",
        ),
    ] {
        let words = format!("{before}{quoted}{after}");
        let masked = format!("{before}[secret]{after}");
        assert_eq!(refused_with(words, password).await, masked, "{password}");
    }
    let word = refused_with("535 password".to_owned(), "pass").await;
    assert_eq!(word, "535 password");
}

/// It may show what it was given on standard input.
#[cfg(unix)]
#[tokio::test]
async fn what_a_command_prints_is_masked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sendmail");
    executable(&path, "#!/bin/sh\ncat >&2\nexit 75\n");
    let sections = BTreeMap::from([("sendmail".to_owned(), json!({ "path": path }))]);
    let sendmail = Registry::builtin().build("sendmail", &sections).unwrap();
    let token = "Zm9-vYmFy_cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5w";
    let mail = Mail {
        // In base64, in lines of 76.
        text: format!("こんにちは\nhttps://example.com/?token={token}\n"),
        html: None,
        secrets: vec![Secret::random(token, MASK)],
        ..mail()
    };
    let error = sendmail.send(&mail).await.unwrap_err();
    assert!(error.response.contains(MASK), "{}", error.response);
    let words = error.response.split_whitespace();
    let decoded: Vec<u8> = words
        .flat_map(|word| general_purpose::STANDARD.decode(word).unwrap_or_default())
        .collect();
    let decoded = String::from_utf8_lossy(&decoded);
    assert!(!shows(&decoded, token, None), "{decoded}");
}

/// A transport from elsewhere may log by itself; the log can ask what it may show.
#[tokio::test]
async fn a_log_knows_what_to_mask() {
    struct Talkative(Arc<std::sync::Mutex<String>>);
    #[async_trait::async_trait]
    impl Transport for Talkative {
        async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
            *self.0.lock().unwrap() = mask_for_log(&mail.text);
            Ok(Delivery::new("talkative", ""))
        }

        async fn check(&self) -> Result<(), SendError> {
            Ok(())
        }
    }

    let logged: Arc<std::sync::Mutex<String>> = Arc::default();
    let kept = Arc::clone(&logged);
    let mut registry = Registry::default();
    registry.register("talkative", move |_: &Context<'_>| {
        Ok(Arc::new(Talkative(kept.clone())))
    });
    let mail = Mail {
        text: format!("token={}", "abc".repeat(20)),
        secrets: vec![Secret::random("abc".repeat(20), MASK)],
        ..mail()
    };
    let talkative = registry.build("talkative", &BTreeMap::new()).unwrap();
    talkative.send(&mail).await.unwrap();
    assert_eq!(*logged.lock().unwrap(), "token=[secret link]");
    // Nobody is at work.
    assert_eq!(mask_for_log(&mail.text), mail.text);
}
