//! What a mail server's refusal means: a table by step, reply code (RFC 5321 §4.2) and enhanced
//! status code (RFC 3463). What is said about it is in `trouble.rs`.

use crate::Failure;

/// A step of a mail's way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Everything up to the first mail: greeting, `EHLO`, `STARTTLS`, `AUTH`.
    Connect,
    MailFrom,
    RcptTo,
    Data,
    /// The mail itself, answered after its final dot.
    Content,
}

/// A row of the table. An empty list stands for all.
struct Row {
    steps: &'static [Step],
    codes: &'static [u16],
    /// Subject and detail, as in `3.1` for `4.3.1` and `5.3.1`.
    enhanced: &'static [&'static str],
    class: Option<u16>,
    failure: Failure,
}

const ANY: Row = Row {
    steps: &[],
    codes: &[],
    enhanced: &[],
    class: None,
    failure: Failure::Transient,
};

/// The first row that fits counts.
const TABLE: &[Row] = &[
    // No mail has been mentioned yet, so none is to blame: 554 instead of a greeting (RFC 5321
    // §3.1), credentials refused (RFC 4954 §6), no TLS at the moment (RFC 3207 §4).
    Row {
        steps: &[Step::Connect],
        failure: Failure::Unavailable,
        ..ANY
    },
    // The server goes down (RFC 5321 §3.8). After the mail itself it may be this mail that made
    // it do so, and that must not hold up the others.
    Row {
        steps: &[Step::Content],
        codes: &[421],
        failure: Failure::Transient,
        ..ANY
    },
    Row {
        codes: &[421],
        failure: Failure::Unavailable,
        ..ANY
    },
    // A host that takes no mail at all (RFC 7504 §3).
    Row {
        codes: &[521],
        failure: Failure::Unavailable,
        ..ANY
    },
    // Authentication or encryption is missing or too weak (RFC 4954 §6).
    Row {
        codes: &[530, 534, 535, 538],
        failure: Failure::Unavailable,
        ..ANY
    },
    // Authentication is out of order (RFC 4954 §6). At RCPT TO, Postfix's 454 is about a relay.
    Row {
        steps: &[Step::MailFrom],
        codes: &[454],
        failure: Failure::Unavailable,
        ..ANY
    },
    // The server's disk is full, or it takes nothing from the network (RFC 3463 §3.4).
    Row {
        steps: &[Step::MailFrom, Step::RcptTo, Step::Data],
        enhanced: &["3.1", "3.2"],
        failure: Failure::Unavailable,
        ..ANY
    },
    // Too large, told before it was sent (RFC 1870 §6.1; RFC 3463 §3.3 and §3.4).
    Row {
        steps: &[Step::MailFrom],
        codes: &[552],
        failure: Failure::Permanent,
        ..ANY
    },
    Row {
        steps: &[Step::MailFrom],
        class: Some(5),
        enhanced: &["2.3", "3.4"],
        failure: Failure::Permanent,
        ..ANY
    },
    // The sender is refused, or this host is: every mail comes from the same.
    Row {
        steps: &[Step::MailFrom],
        class: Some(5),
        failure: Failure::Unavailable,
        ..ANY
    },
    // Too many recipients, or a full mailbox: "SHOULD treat a 552 code in this case as a
    // temporary" (RFC 5321 §4.5.3.1.10).
    Row {
        steps: &[Step::RcptTo],
        codes: &[552],
        failure: Failure::Transient,
        ..ANY
    },
    // The two sides disagree on where they are (RFC 5321 §4.2.4); the next connection starts
    // afresh.
    Row {
        steps: &[Step::RcptTo, Step::Data],
        codes: &[503],
        failure: Failure::Transient,
        ..ANY
    },
    // RFC 5321 §4.2.1: 4yz and 5yz.
    Row {
        class: Some(4),
        failure: Failure::Transient,
        ..ANY
    },
    Row {
        class: Some(5),
        failure: Failure::Permanent,
        ..ANY
    },
];

/// What the reply `code` to `step` says, and about what.
pub(super) fn classify(step: Step, code: u16, text: &str) -> Failure {
    let enhanced = enhanced(code, text);
    TABLE
        .iter()
        .find(|row| {
            (row.steps.is_empty() || row.steps.contains(&step))
                && (row.codes.is_empty() || row.codes.contains(&code))
                && (row.enhanced.is_empty() || enhanced.is_some_and(|e| row.enhanced.contains(&e)))
                && row.class.is_none_or(|class| class == code / 100)
        })
        // Not a refusal, and not what the step asks for: a server that has lost its way.
        .map_or(Failure::Transient, |row| row.failure)
}

/// Subject and detail of the enhanced status code at the beginning of a reply's text, where there
/// is one and its class agrees with the code (RFC 2034 §4).
fn enhanced(code: u16, text: &str) -> Option<&str> {
    let word = text.split_whitespace().next()?;
    let (class, rest) = word.split_once('.')?;
    let (subject, detail) = rest.split_once('.')?;
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    (class.parse() == Ok(code / 100) && is_number(subject) && is_number(detail)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::{Failure::*, Step::*, *};

    /// One line a row, in the table's order.
    #[test]
    fn each_row() {
        for (step, code, text, failure) in [
            (Connect, 554, "5.7.1 No service", Unavailable),
            (Connect, 535, "5.7.8 Credentials invalid", Unavailable),
            (Connect, 454, "4.7.0 TLS not available", Unavailable),
            (Content, 421, "4.3.0 Closing", Transient),
            (MailFrom, 421, "4.3.2 Shutting down", Unavailable),
            (RcptTo, 421, "Shutting down", Unavailable),
            (Data, 421, "", Unavailable),
            (MailFrom, 521, "5.3.2 No mail here", Unavailable),
            (RcptTo, 521, "No mail here", Unavailable),
            (MailFrom, 530, "5.7.0 Authentication required", Unavailable),
            (RcptTo, 530, "5.7.0 Authentication required", Unavailable),
            (Data, 534, "5.7.9 Mechanism too weak", Unavailable),
            (RcptTo, 535, "5.7.8 Credentials invalid", Unavailable),
            (RcptTo, 538, "5.7.11 Encryption required", Unavailable),
            (MailFrom, 454, "4.7.0 Temporary failure", Unavailable),
            (RcptTo, 454, "4.7.1 Relay access denied", Transient),
            (MailFrom, 452, "4.3.1 Disk full", Unavailable),
            (RcptTo, 452, "4.3.1 Disk full", Unavailable),
            (Data, 451, "4.3.2 Not now", Unavailable),
            (Content, 452, "4.3.1 Disk full", Transient),
            (RcptTo, 452, "4.5.3 Too many recipients", Transient),
            (MailFrom, 552, "Too large", Permanent),
            (MailFrom, 550, "5.2.3 Too large", Permanent),
            (MailFrom, 554, "5.3.4 Too large", Permanent),
            (MailFrom, 550, "5.7.1 Sender refused", Unavailable),
            (MailFrom, 553, "5.1.8 Sender's domain unknown", Unavailable),
            (MailFrom, 503, "5.5.1 Authenticate first", Unavailable),
            (RcptTo, 552, "5.2.2 Mailbox full", Transient),
            (RcptTo, 503, "5.5.1 Bad sequence", Transient),
            (Data, 503, "5.5.1 Bad sequence", Transient),
            (MailFrom, 451, "4.7.1 Greylisted", Transient),
            (RcptTo, 450, "4.2.0 Greylisted", Transient),
            (Data, 451, "", Transient),
            (Content, 452, "", Transient),
            (RcptTo, 550, "5.1.1 No such user", Permanent),
            (RcptTo, 556, "5.1.10 Takes no mail", Permanent),
            (Data, 554, "No valid recipients", Permanent),
            (Content, 554, "5.7.1 Spam", Permanent),
            (Content, 552, "5.3.4 Too large", Permanent),
            (Data, 250, "Ok", Transient),
        ] {
            assert_eq!(
                classify(step, code, text),
                failure,
                "{step:?} {code} {text}"
            );
        }
    }

    #[test]
    fn enhanced_codes_agree_with_the_reply() {
        assert_eq!(enhanced(452, "4.3.1 Disk full"), Some("3.1"));
        for (code, text) in [
            (552, "4.3.1 Disk full"),
            (452, "Disk full"),
            (452, "4.3 Disk full"),
            (452, "4.3.1x Disk full"),
            (452, ""),
        ] {
            assert_eq!(enhanced(code, text), None, "{code} {text}");
        }
    }
}
