//! What a mail server's refusal means: a table by step, reply code (RFC 5321 §4.2), enhanced status
//! code (RFC 3463) and, where servers differ, words. What is said about it is in `trouble.rs`.
//!
//! The server is the deployment's own: where it refuses this host, its login, or to relay, it does so
//! for every mail, and no mail is to blame. Many servers say that only at `RCPT TO` (Postfix'
//! `smtpd_delay_reject`), with codes that they use for refused recipients too. A bare 550 5.7.1 is
//! about the recipient there, and about the content after it.

use super::reply::Reply;
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
    /// Any of them, in the reply's text.
    words: &'static [&'static str],
    failure: Failure,
}

const ANY: Row = Row {
    steps: &[],
    codes: &[],
    enhanced: &[],
    class: None,
    words: &[],
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
    // The server cannot look up who we are, or encrypt, at the moment (RFC 4954 §6, RFC 3207 §4).
    Row {
        steps: &[Step::RcptTo, Step::Data],
        codes: &[454],
        enhanced: &["7.0"],
        failure: Failure::Unavailable,
        ..ANY
    },
    Row {
        steps: &[Step::MailFrom, Step::RcptTo, Step::Data],
        class: Some(4),
        words: &[
            "authentication failure",
            "authentication failed",
            "authentication is unavailable",
            "tls not available",
            "tls currently unavailable",
        ],
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
    // An internationalised address or header that it does not take (RFC 6531 §3.5).
    Row {
        steps: &[Step::MailFrom],
        class: Some(5),
        enhanced: &["6.7", "6.9"],
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
    // Greylisting (RFC 6647) may be by host, but does not last.
    Row {
        class: Some(4),
        words: &["greylist", "greylisted", "greylisting", "graylisted"],
        failure: Failure::Transient,
        ..ANY
    },
    // This recipient, in so many words. Postfix writes them; its reason may be anything.
    Row {
        steps: &[Step::RcptTo],
        class: Some(5),
        enhanced: &["1.1", "1.2", "1.3", "1.6", "1.10", "2.1"],
        failure: Failure::Permanent,
        ..ANY
    },
    Row {
        steps: &[Step::RcptTo],
        class: Some(5),
        words: &["recipient address rejected"],
        failure: Failure::Permanent,
        ..ANY
    },
    // This host, its login or the sender by enhanced code (RFC 7505 and the IANA registry; 7.5x and
    // 7.6x are Exchange's). After the mail itself too.
    Row {
        class: Some(5),
        enhanced: &[
            "1.7", "1.8", "7.8", "7.9", "7.11", "7.25", "7.54", "7.57", "7.60", "7.64", "2.252",
        ],
        failure: Failure::Unavailable,
        ..ANY
    },
    // The same in words.
    Row {
        steps: &[Step::MailFrom, Step::RcptTo, Step::Data],
        words: HOST_REFUSED,
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

/// How servers say that they do not know this host, its login or its sender, or do not relay for it.
const HOST_REFUSED: &[&str] = &[
    // Postfix: "<name>: Helo command rejected: need fully-qualified hostname"; Exim: "invalid HELO".
    "helo",
    "ehlo",
    // Postfix: "<unknown[192.0.2.9]>: Client host rejected: Access denied", "Service unavailable;
    // Client host [192.0.2.9] blocked using …".
    "client host",
    // Postfix and Exchange: "Relay access denied"; Exim: "relay not permitted"; Exchange: "Unable to
    // relay"; Gmail: "Invalid credentials for relay"; Sendmail and Mailgun: "Relaying denied".
    "relay",
    "relaying",
    // qmail: "that domain isn't in my list of allowed rcpthosts".
    "rcpthosts",
    // Postfix: "<…>: Sender address rejected: not owned by user …"; Exim: "Sender verify failed".
    "sender address rejected",
    "sender verify failed",
    // Exim and others.
    "authentication required",
    "authentication is required",
    "not authenticated",
    "must authenticate",
    "auth first",
    // Exchange Online: "Access denied, banned sending IP [192.0.2.9]".
    "banned sending ip",
    "traffic not accepted from this ip",
    // Exim: "no reverse DNS", and others.
    "reverse dns",
    "reverse hostname",
];

/// What the reply to `step` says, and about what.
pub(super) fn verdict(step: Step, reply: &Reply) -> Failure {
    let (code, enhanced) = (reply.code, reply.enhanced());
    let text = words(&reply.reply_line());
    TABLE
        .iter()
        .find(|row| {
            (row.steps.is_empty() || row.steps.contains(&step))
                && (row.codes.is_empty() || row.codes.contains(&code))
                && (row.enhanced.is_empty() || enhanced.is_some_and(|e| row.enhanced.contains(&e)))
                && row.class.is_none_or(|class| class == code / 100)
                && (row.words.is_empty() || row.words.iter().any(|words| says(&text, words)))
        })
        // Not a refusal, and not what the step asks for: a server that has lost its way.
        .map_or(Failure::Transient, |row| row.failure)
}

/// The words of a text, in lower case, each between two blanks. Addresses are left out: they may hold
/// any word.
fn words(text: &str) -> String {
    let mut words = String::from(" ");
    let parts = text.split_whitespace().filter(|part| !part.contains('@'));
    for part in parts.flat_map(|part| part.split(|c: char| !c.is_alphanumeric())) {
        if !part.is_empty() {
            words.extend([&part.to_lowercase(), " "]);
        }
    }
    words
}

fn says(text: &str, words: &str) -> bool {
    text.contains(&format!(" {words} "))
}

#[cfg(test)]
mod tests {
    use super::{Failure::*, Step::*, *};

    fn reply(code: u16, text: &str) -> Reply {
        Reply {
            code,
            lines: vec![text.to_owned()],
            is_cut: false,
        }
    }

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
            (RcptTo, 454, "4.7.0 Temporary failure", Unavailable),
            (
                RcptTo,
                451,
                "4.7.0 Temporary authentication failure",
                Unavailable,
            ),
            (Data, 454, "TLS not available", Unavailable),
            (RcptTo, 454, "4.7.1 Not now", Transient),
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
                verdict(step, &reply(code, text)),
                failure,
                "{step:?} {code} {text}"
            );
        }
    }

    /// What servers say at `RCPT TO` and later, as they say it.
    #[test]
    fn servers_as_they_are() {
        for (step, failure, replies) in [
            (
                RcptTo,
                Unavailable,
                &[
                    // Postfix
                    "504 5.5.2 <25aea30808b2>: Helo command rejected: need fully-qualified hostname",
                    "450 4.7.1 <a.test>: Helo command rejected: Host not found",
                    "554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied",
                    "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.9]",
                    "554 5.7.1 <ada@example.com>: Relay access denied",
                    "454 4.7.1 <ada@example.com>: Relay access denied",
                    "553 5.7.1 <a@b.test>: Sender address rejected: not owned by user usher",
                    "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.test",
                    // Exim
                    "550 relay not permitted",
                    "550 Sender verify failed",
                    // Exchange and Exchange Online
                    "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
                    "550 5.7.1 Unable to relay",
                    // Gmail
                    "550 5.7.1 Invalid credentials for relay [192.0.2.9].",
                    // Amazon SES, Mailgun, Sendmail, qmail
                    "550 5.7.1 Relaying denied",
                    "550 5.7.1 ada@example.com... Relaying denied. Proper authentication required.",
                    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
                    "503 AUTH first (#5.5.1)",
                ][..],
            ),
            (
                RcptTo,
                Permanent,
                &[
                    // Postfix
                    "550 5.1.1 <relay@example.com>: Recipient address rejected: User unknown in relay recipient table",
                    "554 5.7.1 <ada@example.com>: Recipient address rejected: Access denied",
                    // Exim
                    "550 Administrative prohibition",
                    // Exchange and Exchange Online
                    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
                    // Gmail
                    "550 5.1.1 The email account that you tried to reach does not exist.",
                    // OpenSMTPD, for whom it does not know and for where it does not relay.
                    "550 Invalid recipient: <ada@example.com>",
                    // Words in addresses and names say nothing.
                    "550 No such user helo@relay.test",
                    "550 No such user michelorelay",
                ][..],
            ),
            (
                RcptTo,
                Transient,
                &[
                    // Postfix
                    "450 4.2.0 <ada@example.com>: Recipient address rejected: Greylisted",
                    // Amazon SES, Mailgun, Sendmail, qmail
                    "454 Throttling failure: Maximum sending rate exceeded.",
                ][..],
            ),
            (
                Data,
                Unavailable,
                &[
                    // Exchange and Exchange Online
                    "530 5.7.57 Client not authenticated to send mail",
                    // Amazon SES, Mailgun, Sendmail, qmail
                    "530 Authentication required",
                ][..],
            ),
            (
                Content,
                Unavailable,
                &[
                    // Exchange and Exchange Online
                    "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
                    "554 5.2.252 SendAsDenied; usher@example.com not allowed to send as a@b.test",
                ][..],
            ),
            (
                Content,
                Permanent,
                &[
                    // Gmail
                    "550 5.7.1 Our system has detected that this message is likely unsolicited mail.",
                    // Amazon SES, Mailgun, Sendmail, qmail
                    "554 Message rejected: Email address is not verified.",
                ][..],
            ),
            (
                MailFrom,
                Permanent,
                &[
                    // Words in addresses and names say nothing.
                    "550 5.6.7 SMTPUTF8 required",
                ][..],
            ),
        ] {
            for said in replies {
                let (code, text) = said.split_once(' ').unwrap();
                let found = verdict(step, &reply(code.parse().unwrap(), text));
                assert_eq!(found, failure, "{step:?} {said}");
            }
        }
    }

    #[test]
    fn enhanced_codes_agree_with_the_reply() {
        assert_eq!(reply(452, "4.3.1 Disk full").enhanced(), Some("3.1"));
        for (code, text) in [
            (552, "4.3.1 Disk full"),
            (452, "Disk full"),
            (452, "4.3 Disk full"),
            (452, "4.3.1x Disk full"),
            (452, ""),
        ] {
            assert_eq!(reply(code, text).enhanced(), None, "{code} {text}");
        }
    }
}
