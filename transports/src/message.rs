//! The message: from a [`Mail`] to the octets of RFC 5322 and to the envelope that goes with them.
//! No transport decides how something is written, and nothing here sends.
//!
//! Whatever the strings hold, the message has exactly the headers below, and no line over 998
//! octets (RFC 5322 §2.1.1). lettre's parts hold the bodies; the headers are written here,
//! because lettre leaves long words unfolded and takes `=?utf-8?…?=` in a subject for encoded.

use std::borrow::Cow;

use lettre::{
    Address,
    address::Envelope,
    message::{
        Body, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType},
    },
};

use texts::{EmailAddress, local_part};

use crate::{
    Failure, Mail, SendError,
    text::{one_line, unix_lines},
};

/// Lines are folded to fit into this (RFC 5322 §2.1.1: 78; RFC 2047 §2: 76).
const LINE: usize = 76;
/// No line may be longer (RFC 5322 §2.1.1).
const MAX_LINE: usize = 998;
/// The payload of an encoded word, such that it fits into a line behind `Subject: `.
const ENCODED_WORD: usize = 52;

impl Mail {
    /// The mail as an RFC 5322 message, with CRLF line ends. The same mail always gives the same
    /// octets.
    ///
    /// The only reasons to fail are an address that is none and a `message_id` that is none; both
    /// are [`Failure::Permanent`].
    pub fn format(&self) -> Result<Vec<u8>, SendError> {
        let from = mailbox(&self.from)?;
        let to = self.mailboxes()?;
        let message_id = message_id(&self.message_id)?;

        let mut message = String::with_capacity(1024);
        let mut header = |name: &str, value: &str| {
            message.push_str(name);
            message.push_str(": ");
            message.push_str(value);
            message.push_str("\r\n");
        };
        let date = self.date.format("%a, %d %b %Y %H:%M:%S +0000");
        header("Date", &date.to_string());
        header("From", &from.header());
        let to: Vec<String> = to.iter().map(Mailbox::header).collect();
        header("To", &to.join(",\r\n "));
        header("Subject", &unstructured(&self.subject, "Subject: ".len()));
        header("Message-ID", message_id);
        // RFC 3834 §5: asks vacation responders to stay quiet.
        header("Auto-Submitted", "auto-generated");
        header("MIME-Version", "1.0");

        let boundary = boundary(message_id);
        let text = part(ContentType::TEXT_PLAIN, &self.text, &boundary);
        let mut message = message.into_bytes();
        message.extend(match &self.html {
            None => text.formatted(),
            Some(html) => MultiPart::alternative()
                .boundary(&boundary)
                .singlepart(text)
                .singlepart(part(ContentType::TEXT_HTML, html, &boundary))
                .formatted(),
        });
        Ok(message)
    }

    fn mailboxes(&self) -> Result<Vec<Mailbox>, SendError> {
        if self.to.is_empty() {
            return Err(refuse("the e-mail has no recipient".into()));
        }
        self.to.iter().map(|to| mailbox(to)).collect()
    }
}

/// The addresses that a server is told: sender and recipients.
pub(crate) fn envelope(mail: &Mail) -> Result<Envelope, SendError> {
    let from = mailbox(&mail.from)?.address;
    let to = mail.mailboxes()?.into_iter().map(|to| to.address).collect();
    Envelope::new(Some(from), to).map_err(|error| refuse(error.to_string()))
}

/// The mail itself is not one that can be sent.
fn refuse(problem: String) -> SendError {
    SendError::new(Failure::Permanent, "format", problem)
}

/// An address with its display name, which may be empty.
#[derive(Debug, PartialEq)]
struct Mailbox {
    name: String,
    address: Address,
}

/// Reads `a@b`, `<a@b>`, `Name <a@b>` or `"Name" <a@b>`. Names may be unquoted whatever they hold,
/// but a string with two addresses is none: it would reach somebody whom nobody named.
fn mailbox(source: &str) -> Result<Mailbox, SendError> {
    let parse = || {
        let source = source.trim();
        let (name, address) = match source.strip_suffix('>') {
            Some(source) => source.rsplit_once('<')?,
            None => ("", source),
        };
        let name = name.trim();
        let name = match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
            Some(quoted) => unescape(quoted),
            None if name.contains('@') && name.contains([',', ';', '<', '>']) => return None,
            None => name.to_owned(),
        };
        let (user, domain) = address.rsplit_once('@')?;
        if domain.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return None;
        }
        // As A-labels (RFC 5890 §2.3.2.1), which every server understands.
        let domain = if domain.is_ascii() {
            Cow::Borrowed(domain)
        } else {
            Cow::Owned(idna::domain_to_ascii(domain).ok()?)
        };
        // lettre knows the letters of some scripts only, so it is asked about the domain alone.
        Address::new("user", &domain).ok()?;
        let user = local_part::write(&local_part::read(user)?);
        // No server takes a longer one, and it could not stand on a line of the header either.
        if user.len() + "@".len() + domain.len() > EmailAddress::MAX_LENGTH {
            return None;
        }
        let address = Address::new_dangerous(user, domain);
        let name = one_line(&name);
        Some(Mailbox { name, address })
    };
    parse().ok_or_else(|| {
        let shown: String = source.chars().take(200).collect();
        refuse(format!("{shown:?} is not a single e-mail address"))
    })
}

/// The address that a server is told as the sender.
pub(crate) fn sender(from: &str) -> Result<Address, SendError> {
    mailbox(from).map(|mailbox| mailbox.address)
}

/// The domain of a mailbox's address, as it stands in messages: in A-labels.
pub fn domain_of(mailbox: &str) -> Option<String> {
    let address = self::mailbox(mailbox).ok()?.address;
    Some(address.domain().to_owned())
}

/// A mailbox's display name, which may be empty, and its address, as they are told to readers of messages.
pub fn parts_of(mailbox: &str) -> Option<(String, String)> {
    let Mailbox { name, address } = self::mailbox(mailbox).ok()?;
    Some((name, address.to_string()))
}

/// Whether a transport could send mails from here: one address, with or without a name.
pub fn is_mailbox(source: &str) -> bool {
    mailbox(source).is_ok()
}

/// What stands between the quotes of a quoted string (RFC 5322 §3.2.4).
fn unescape(quoted: &str) -> String {
    let mut chars = quoted.chars();
    let mut plain = String::with_capacity(quoted.len());
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}

impl Mailbox {
    /// As it stands in `From` and `To`; the address comes on a line of its own where the name is
    /// long.
    fn header(&self) -> String {
        let Self { name, address } = self;
        let phrase = match name.as_str() {
            "" => return address.to_string(),
            name if is_plain(name) && name.chars().all(is_atom) => name.to_owned(),
            name if is_plain(name) => {
                format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
            }
            name => encoded_words(name),
        };
        let end = phrase.rsplit('\n').next().map_or(0, str::len);
        let space = if end + AsRef::<str>::as_ref(address).len() + "From:  <>".len() > LINE {
            "\r\n "
        } else {
            " "
        };
        format!("{phrase}{space}<{address}>")
    }
}

/// RFC 5322 §3.2.3, and the space between atoms.
fn is_atom(c: char) -> bool {
    c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c)
}

/// Whether a value can stand in a header as it is: ASCII that nobody takes for an encoded word,
/// in single-spaced words that fit into a line.
fn is_plain(value: &str) -> bool {
    value.chars().all(|c| matches!(c, ' '..='~'))
        && !value.contains("=?")
        && value
            .split(' ')
            .all(|word| (1..=LINE / 2).contains(&word.len()))
}

/// A header's free text (RFC 5322 §2.2.1); `used` octets of its first line are taken.
fn unstructured(value: &str, mut used: usize) -> String {
    let value = one_line(value);
    if !is_plain(&value) {
        return encoded_words(&value);
    }
    let mut folded = String::with_capacity(value.len() + 16);
    for word in value.split(' ') {
        if used + 1 + word.len() > LINE {
            folded.push_str("\r\n ");
            used = 1;
        } else if !folded.is_empty() {
            folded.push(' ');
            used += 1;
        }
        folded.push_str(word);
        used += word.len();
    }
    folded
}

/// RFC 2047's encoded words, one a line, with the few characters that §5 (3) allows in a phrase.
/// No character is cut in two.
fn encoded_words(value: &str) -> String {
    let mut words = vec![String::new()];
    for c in value.chars() {
        let encoded = match c {
            ' ' => "_".into(),
            c if c.is_ascii_alphanumeric() => c.to_string(),
            c => (c.encode_utf8(&mut [0; 4]).bytes())
                .map(|byte| format!("={byte:02X}"))
                .collect(),
        };
        match words.last_mut() {
            Some(word) if word.len() + encoded.len() <= ENCODED_WORD => word.push_str(&encoded),
            _ => words.push(encoded),
        }
    }
    words
        .iter()
        .filter(|word| !word.is_empty())
        .map(|word| format!("=?utf-8?Q?{word}?="))
        .collect::<Vec<_>>()
        .join("\r\n ")
}

/// `<left@right>` and nothing that could end the line (RFC 5322 §3.6.4).
fn message_id(id: &str) -> Result<&str, SendError> {
    id.strip_prefix('<')
        .and_then(|id| id.strip_suffix('>'))
        .filter(|id| {
            id.chars()
                .all(|c| c.is_ascii_graphic() && !"<>".contains(c))
        })
        .and_then(|id| id.split_once('@'))
        .filter(|(left, right)| !left.is_empty() && !right.is_empty())
        .filter(|_| id.len() + "Message-ID: ".len() <= MAX_LINE)
        .map(|_| id)
        .ok_or_else(|| refuse("the mail's Message-ID is not <left@right>".into()))
}

/// The same for the same mail, and `=_` never occurs in quoted-printable or base64 (RFC 2045
/// §6.7).
fn boundary(message_id: &str) -> String {
    let id: String = (message_id.chars())
        .filter(char::is_ascii_alphanumeric)
        .take(60)
        .collect();
    format!("=_{id}")
}

/// One body, encoded where it has to be.
fn part(content_type: ContentType, content: &str, boundary: &str) -> SinglePart {
    let content = unix_lines(content).replace('\n', "\r\n");
    let body = match encoding(&content, boundary) {
        ContentTransferEncoding::SevenBit => {
            Body::dangerous_pre_encoded(content.into_bytes(), ContentTransferEncoding::SevenBit)
        }
        // Never an error: both encodings take anything.
        encoding => Body::new_with_encoding(content, encoding)
            .unwrap_or_else(|content| Body::dangerous_pre_encoded(content, encoding)),
    };
    SinglePart::builder().content_type(content_type).body(body)
}

/// As it is where that is possible, so that a link in an `.eml` file stays whole; otherwise the
/// shorter one of the two encodings.
fn encoding(content: &str, boundary: &str) -> ContentTransferEncoding {
    let as_it_is = content
        .bytes()
        .all(|b| matches!(b, b'\t' | b'\r' | b'\n' | b' '..=b'~'))
        && content.split("\r\n").all(|line| line.len() <= MAX_LINE)
        && !content.contains(boundary);
    let escaped = content.bytes().filter(|b| !b.is_ascii()).count();
    match as_it_is {
        true => ContentTransferEncoding::SevenBit,
        // Three octets for each that is not ASCII, against four for any three.
        false if escaped * 6 <= content.len() => ContentTransferEncoding::QuotedPrintable,
        false => ContentTransferEncoding::Base64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_mail;

    fn formatted(mail: &Mail) -> String {
        String::from_utf8(mail.format().unwrap()).unwrap()
    }

    #[test]
    fn a_plain_mail_reads_as_it_is() {
        assert_eq!(
            formatted(&test_mail()),
            "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n\
             From: Usher <no-reply@example.com>\r\n\
             To: ada@example.com\r\n\
             Subject: Hello\r\n\
             Message-ID: <1@example.com>\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 7bit\r\n\
             \r\n\
             Hello\r\n\
             \r\n"
        );
    }

    #[test]
    fn the_same_mail_gives_the_same_octets() {
        let mail = Mail {
            html: Some("<p>Hello</p>".into()),
            ..test_mail()
        };
        assert_eq!(formatted(&mail), formatted(&mail));
    }

    #[test]
    fn mailboxes_are_read_and_written() {
        for (address, header) in [
            ("ada@example.com", "ada@example.com"),
            ("<ada@example.com>", "ada@example.com"),
            ("root@localhost", "root@localhost"),
            ("ada@[127.0.0.1]", "ada@[127.0.0.1]"),
            ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
            ("josé@example.com", "josé@example.com"),
            ("संपर्क@example.com", "संपर्क@example.com"),
            ("\"xxx.\"@example.com", "\"xxx.\"@example.com"),
            ("<\"ada\"@example.com>", "ada@example.com"),
        ] {
            assert_eq!(mailbox(address).unwrap().header(), header, "{address}");
        }
        for (name, header) in [
            (" Ada L", "Ada L"),
            ("\"L, A\"", "\"L, A\""),
            ("L, A", "\"L, A\""),
            (r#""Ada \"the\" \\L""#, r#""Ada \"the\" \\L""#),
            ("I <3 you", "\"I <3 you\""),
            ("=?x?=", "=?utf-8?Q?=3D=3Fx=3F=3D?="),
            ("Zoë", "=?utf-8?Q?Zo=C3=AB?="),
            ("A\r\nBcc: b@example.com", "\"A Bcc: b@example.com\""),
        ] {
            let written = |name| format!("{name} <\"ada lovelace\"@example.com>");
            let read = mailbox(&written(name)).unwrap();
            assert_eq!(read.header(), written(header), "{name}");
        }
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        for source in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example.com, bob@example.com",
            "ada@example.com,bob@example.com",
            "a@example.com, b <bob@example.com>",
            "<a@example.com>, <bob@example.com>",
            "ada@example.com\r\nBcc: bob@example.com",
            "ada@example.com>\r\nRCPT TO:<bob@example.com",
            "Ada <ada@example.com",
            "ada @example.com",
            "a..b@example.com",
            "\"<bob@example.com>\"@example.com",
            "\"ada, bob\"@example.com",
            "ada@exa\u{0}mple.com",
            &format!("{}@example.com", "a".repeat(1_000)),
            &format!("Ada <{}@example.com>", "é".repeat(500)),
        ] {
            let error = mailbox(source).unwrap_err();
            assert_eq!(error.kind, Failure::Permanent);
            assert!(error.response.ends_with(" is not a single e-mail address"));
        }
        let nobody = Mail {
            to: vec![],
            ..test_mail()
        };
        assert_eq!(nobody.format().unwrap_err().kind, Failure::Permanent);
    }

    #[test]
    fn a_message_id_cannot_end_its_line() {
        for id in [
            "",
            "1@a",
            "<1>",
            "<@a>",
            "<1@>",
            "<1@a>\r\nBcc: <b@c>",
            "<1@a b>",
            "<é@a>",
        ] {
            let mail = Mail {
                message_id: id.into(),
                ..test_mail()
            };
            assert_eq!(mail.format().unwrap_err().kind, Failure::Permanent, "{id}");
        }
    }

    #[test]
    fn subjects_are_folded_or_encoded() {
        let words = "word ".repeat(40);
        let folded = unstructured(&words, 9);
        assert!(folded.split("\r\n").all(|line| line.len() <= LINE));
        assert_eq!(folded.replace("\r\n", ""), words.trim());
        for subject in ["Grüße", "=?utf-8?Q?a?=", "a  b", &"x".repeat(5_000)] {
            let encoded = unstructured(subject, 9);
            assert!(encoded.starts_with("=?utf-8?Q?"), "{subject}");
            assert!(encoded.split("\r\n ").all(|line| line.len() + 9 <= LINE));
        }
    }

    #[test]
    fn a_body_cannot_end_its_part() {
        let mail = test_mail();
        let boundary = boundary(&mail.message_id);
        assert_eq!(
            encoding(&format!("a\r\n--{boundary}--\r\n"), &boundary).to_string(),
            "quoted-printable"
        );
    }

    #[test]
    fn bodies_are_encoded_where_they_have_to_be() {
        for (content, expected) in [
            ("a\r\n.\r\nb", "7bit"),
            ("a\u{0}b", "quoted-printable"),
            ("Viele Grüße aus der schönen Stadt", "quoted-printable"),
            ("こんにちは", "base64"),
            (&"x".repeat(MAX_LINE), "7bit"),
            (&"x".repeat(MAX_LINE + 1), "quoted-printable"),
        ] {
            assert_eq!(encoding(content, "=_").to_string(), expected);
        }
    }
}
