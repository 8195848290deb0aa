//! A mail server's reply (RFC 5321 §4.2), read from octets: servers answer in any character set, with
//! bare codes, in lines that end with LF alone, and at any length. What a refusal means is in
//! `verdict.rs`.

use std::io;

/// How much of a line is kept. RFC 5321 §4.5.3.1.5 allows 512 octets.
const LINE: usize = 1_000;

/// The longest reply that is read, in octets and in lines. Nobody reads more of it, and a server may
/// go on for ever.
const OCTETS: usize = 64 * 1024;
const LINES: usize = 200;

/// Code and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    /// A line each, without its code.
    pub lines: Vec<String>,
    /// It never came to its end, so that nobody knows where the next one would begin.
    pub is_cut: bool,
}

impl Reply {
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// Subject and detail of its enhanced status code, as in `7.1` for `5.7.1` (RFC 2034 §4).
    pub fn enhanced(&self) -> Option<&str> {
        let (word, _) = split_word(self.lines.first()?);
        let (class, rest) = word.split_once('.')?;
        let (subject, detail) = rest.split_once('.')?;
        let is_number = |part: &str| {
            (1..=3).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
        };
        let is_code =
            class.parse() == Ok(self.code / 100) && is_number(subject) && is_number(detail);
        is_code.then_some(rest)
    }

    /// Whether its enhanced status code says "temporary", whatever the reply code says: there are servers
    /// that answer 535 4.7.8 while they cannot look anybody up.
    pub fn says_temporary(&self) -> bool {
        self.lines.first().is_some_and(|line| {
            let (word, _) = split_word(line);
            let numbers: Vec<_> = word.split('.').map(str::parse::<u16>).collect();
            matches!(numbers[..], [Ok(4), Ok(_), Ok(_)])
        })
    }

    /// The server's words on one line. An enhanced code that stands in each line is said once.
    pub fn reply_line(&self) -> String {
        let repeated = self
            .enhanced()
            .map(|rest| format!("{}.{rest}", self.code / 100));
        let text = self.lines.iter().enumerate().map(|(at, line)| {
            let (word, rest) = split_word(line);
            if at > 0 && repeated.as_deref() == Some(word) {
                rest
            } else {
                line.as_str()
            }
        });
        let words: Vec<&str> = text.filter(|line| !line.is_empty()).collect();
        format!("{} {}", self.code, words.join(" "))
            .trim_end()
            .to_owned()
    }
}

fn split_word(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

/// A reply while it is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    code: Option<u16>,
    lines: Vec<String>,
    octets: usize,
}

impl Reading {
    /// Takes the next line, without its end. Returns the reply with its last one.
    ///
    /// The code of the last line counts: "ignore all preceding lines" (RFC 5321 §4.2.1).
    pub fn line(&mut self, line: &[u8]) -> io::Result<Option<Reply>> {
        self.octets += line.len();
        let kept = &line[..line.len().min(LINE)];
        let (is_last, text) = match (code(kept), self.code) {
            (Some(code), _) => {
                self.code = Some(code);
                let is_last = kept.get(3) != Some(&b'-');
                let text = match kept.get(3) {
                    Some(b' ' | b'-' | b'\t') => &kept[4..],
                    _ => &kept[3..],
                };
                (is_last, text)
            }
            // A line of text that somebody forgot to put a code before.
            (None, Some(_)) => (false, kept),
            (None, None) => {
                let said = String::from_utf8_lossy(kept);
                return Err(io::Error::other(format!("{said:?} is no SMTP reply")));
            }
        };
        self.lines
            .push(String::from_utf8_lossy(text).trim_end().to_owned());
        let is_cut = !is_last && (self.octets > OCTETS || self.lines.len() >= LINES);
        if is_last || is_cut {
            Ok(self.so_far(is_cut))
        } else {
            Ok(None)
        }
    }

    /// What was read until the connection broke: the code is known from the first line on.
    pub fn cut(&mut self) -> Option<Reply> {
        self.so_far(true)
    }

    fn so_far(&mut self, is_cut: bool) -> Option<Reply> {
        let lines = std::mem::take(&mut self.lines);
        self.code.take().map(|code| Reply {
            code,
            lines,
            is_cut,
        })
    }
}

/// Three digits and no fourth.
fn code(line: &[u8]) -> Option<u16> {
    let digits = line
        .get(..3)
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    if line.get(3).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |code, digit| code * 10 + u16::from(digit - b'0')),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All replies in these octets.
    fn replies(octets: &[u8]) -> Vec<String> {
        let mut reading = Reading::default();
        (octets.split(|&octet| octet == b'\n'))
            .filter_map(|line| {
                reading
                    .line(line.strip_suffix(b"\r").unwrap_or(line))
                    .transpose()
            })
            .map(|reply| reply.map_or_else(|error| error.to_string(), |reply| reply.reply_line()))
            .collect()
    }

    #[test]
    fn replies_are_read_as_servers_write_them() {
        for (octets, expected) in [
            (&b"250 2.0.0 Ok"[..], "250 2.0.0 Ok"),
            (b"250", "250"),
            (b"250\r", "250"),
            (b"250 ", "250"),
            (b"250-\r\n250 Ok", "250 Ok"),
            (b"250-a\n250 b", "250 a b"),
            (b"250\tOk", "250 Ok"),
            (b"250Ok", "250 Ok"),
            (b"550 5.1.1 Empf\xe4nger", "550 5.1.1 Empf\u{fffd}nger"),
            (b"535 \xc7\xeb\xca\xb9", "535 \u{fffd}\u{fffd}\u{2b9}"),
            (
                b"550-5.1.1 No\r\n550 5.1.1 such user",
                "550 5.1.1 No such user",
            ),
            (b"250-a\r\n550 b", "550 a b"),
            (
                b"250-a\r\nwithout a code\r\n250 b",
                "250 a without a code b",
            ),
            (
                b"HTTP/1.1 400 Bad Request",
                "\"HTTP/1.1 400 Bad Request\" is no SMTP reply",
            ),
            (b"2500 b", "\"2500 b\" is no SMTP reply"),
            (b"", "\"\" is no SMTP reply"),
        ] {
            assert_eq!(replies(octets), [expected]);
        }
    }

    #[test]
    fn a_reply_without_end_ends() {
        let mut reading = Reading::default();
        let mut lines = 0;
        let reply = loop {
            lines += 1;
            if let Some(reply) = reading.line(b"250-and so on").unwrap() {
                break reply;
            }
        };
        assert_eq!((reply.code, reply.is_cut, lines), (250, true, LINES));
        let reply = reading
            .line(&[b"250-".as_slice(), &[b'x'; OCTETS]].concat())
            .unwrap()
            .unwrap();
        assert_eq!((reply.is_cut, reply.lines[0].len()), (true, LINE - 4));
    }
}
