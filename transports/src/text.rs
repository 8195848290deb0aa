//! What makes text from outside safe to show or to keep on one line. How it is encoded in a
//! message is the business of `message.rs`.

/// The longest answer that is kept: a mail server may send 100 kB of it.
const RESPONSE: usize = 2_000;

/// Whether a terminal would act on the character rather than print it. Besides the controls these
/// are the marks that reverse the direction of what follows.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` on one line: every run of control characters and line separators becomes one space, and
/// none is left at either end.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

/// What the other side said, for a record: on one line and of bounded length.
pub(crate) fn response(text: &str) -> String {
    let mut line = one_line(text);
    if let Some((end, _)) = line.char_indices().nth(RESPONSE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// `text` for a terminal: its lines stay as they are, whatever a terminal would act on is spelt
/// out instead, as in `\u{1b}`.
pub(crate) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in unix_lines(text).chars() {
        match c {
            '\n' | '\t' => safe.push(c),
            c if acts(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}

/// `text` with `\n` for each CRLF, bare CR and bare LF.
pub(crate) fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_no_controls() {
        assert_eq!(
            one_line("a\r\nBcc: b\u{0}c\u{7f}\u{2028}d\n"),
            "a Bcc: b c d"
        );
    }

    #[test]
    fn a_response_is_bounded() {
        assert_eq!(response(&"ü".repeat(3_000)).chars().count(), RESPONSE + 1);
        assert_eq!(response("250 2.0.0 Ok"), "250 2.0.0 Ok");
    }

    #[test]
    fn a_terminal_is_not_driven() {
        assert_eq!(
            harmless("a\u{1b}[2Jb\r\nc\rd\te\u{202e}f\u{9b}"),
            "a\\u{1b}[2Jb\nc\nd\te\\u{202e}f\\u{9b}"
        );
    }
}
