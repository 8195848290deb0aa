//! What a mail becomes as a message, read back by a parser that is not ours: whatever the strings
//! hold, the message has the headers that it should have and no others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use mail_parser::{Address, Message, MessageParser};
use proptest::prelude::*;
use support::mail;
use transports::Mail;

const HEADERS: [&str; 8] = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
];

fn headers(message: &Message<'_>) -> Vec<String> {
    (message.headers().iter())
        .map(|header| header.name.as_str().to_owned())
        .collect()
}

/// On one line, as a header's value is.
fn one_line(value: &str) -> String {
    let words: Vec<&str> = value
        .split(|c: char| c.is_control() || "\u{2028}\u{2029}".contains(c))
        .filter(|part| !part.is_empty())
        .collect();
    words.join(" ").trim().to_owned()
}

/// What counts of a body: its lines, but not how they end nor how many empty ones follow.
fn body(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.trim_end_matches('\n').to_owned()
}

/// Names and addresses of `To` or `From`.
fn mailboxes(address: Option<&Address<'_>>) -> Vec<(String, String)> {
    (address.unwrap().iter())
        .map(|mailbox| {
            let name = mailbox.name().unwrap_or_default().to_owned();
            (name, mailbox.address().unwrap().to_owned())
        })
        .collect()
}

/// RFC 5322 §2.1 and §2.1.1: lines end with CRLF, neither stands alone, none is too long.
fn assert_lines(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    assert!(text.ends_with("\r\n"));
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.len() <= 998, "{} octets", line.len());
    }
}

/// Text that somebody may have chosen with care.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "\\PC{0,80}",
        Just("\r\nBcc: evil@example.com".to_owned()),
        Just("\r\n\r\nbody".to_owned()),
        Just("\r".to_owned()),
        Just("\n.\n".to_owned()),
        Just("\n.\r\n".to_owned()),
        Just("\0".to_owned()),
        Just("=?utf-8?Q?=0D=0ABcc:?=".to_owned()),
        Just("\"\\\"".to_owned()),
        Just(" <evil@example.com>, ".to_owned()),
        Just("--=_0198examplecom--\r\n".to_owned()),
        "x{900,1200}",
        "[ \t]{1,20}",
        Just("日本語".repeat(100)),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_message_holds_what_the_mail_says(
        name in nasty(),
        subject in nasty(),
        text in nasty(),
        html in proptest::option::of(nasty()),
    ) {
        // As a program would write it that cares for quotes, and for nothing else.
        let quoted = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        let mail = Mail {
            from: format!("{quoted} <no-reply@example.com>"),
            to: vec![format!("{quoted} <ada@example.com>"), "bob@example.com".into()],
            subject,
            text,
            html,
            ..mail()
        };
        let octets = mail.format().unwrap();
        assert_lines(&octets);
        prop_assert!(octets.is_ascii());
        let message = MessageParser::default().parse(&octets).unwrap();

        let mut expected = HEADERS.to_vec();
        if mail.html.is_none() {
            expected.push("Content-Transfer-Encoding");
        }
        prop_assert_eq!(headers(&message), expected);
        prop_assert_eq!(message.message_id(), Some("0198@example.com"));
        prop_assert_eq!(message.date().unwrap().to_timestamp(), mail.date.timestamp());
        prop_assert_eq!(message.subject().unwrap_or_default(), one_line(&mail.subject));
        let name = one_line(&name);
        prop_assert_eq!(
            mailboxes(message.from()),
            [(name.clone(), "no-reply@example.com".to_owned())]
        );
        prop_assert_eq!(
            mailboxes(message.to()),
            [(name, "ada@example.com".to_owned()), (String::new(), "bob@example.com".to_owned())]
        );

        prop_assert_eq!(message.text_body_count(), 1);
        prop_assert_eq!(message.attachment_count(), 0);
        let text = message.body_text(0).unwrap();
        prop_assert_eq!(body(&text), body(&mail.text));
        if let Some(html) = &mail.html {
            prop_assert_eq!(message.parts.len(), 3);
            let found = message.body_html(0).unwrap();
            prop_assert_eq!(body(&found), body(html));
        }
    }

    /// No string whatever makes a recipient out of nothing: it is one address, or it is refused.
    #[test]
    fn a_recipient_is_one_address_or_refused(to in nasty()) {
        for to in [to.clone(), format!("{to}@example.com"), format!("{to} <ada@example.com>")] {
            let mail = Mail { to: vec![to], ..mail() };
            if let Ok(octets) = mail.format() {
                assert_lines(&octets);
                let message = MessageParser::default().parse(&octets).unwrap();
                prop_assert_eq!(headers(&message), HEADERS);
                prop_assert_eq!(mailboxes(message.to()).len(), 1);
            }
        }
    }
}

#[test]
fn a_message_asks_for_no_automatic_answer() {
    let octets = mail().format().unwrap();
    let message = MessageParser::default().parse(&octets).unwrap();
    let header = message.header("Auto-Submitted").unwrap();
    assert_eq!(header.as_text(), Some("auto-generated"));
}

#[test]
fn a_link_stays_whole() {
    let link = format!("https://example.com/accept?token={}", "x".repeat(200));
    let octets = Mail {
        text: format!("Hello\n\n{link}\n"),
        ..mail()
    };
    let message = String::from_utf8(octets.format().unwrap()).unwrap();
    assert!(message.contains(&format!("\r\n{link}\r\n")));
}
