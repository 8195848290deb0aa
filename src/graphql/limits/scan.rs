//! The scan of the text, before it is parsed: its length, its tokens, its brackets.

use async_graphql::Pos;

use super::{Limits, NESTING, Refusal, within};

/// Bounds the cost of parsing. It must see the same strings and comments as the parser; otherwise
/// brackets could hide from one of them.
pub(super) fn scan(limits: &Limits, query: &str) -> Result<(), Refusal> {
    let text = query.as_bytes();
    let within = |count, limit, what, start| within(count, limit, what, || position(text, start));
    within(text.len(), limits.bytes, "bytes", limits.bytes)?;
    let (mut at, mut tokens, mut open) = (0, 0, 0_usize);
    while let Some(byte) = text.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => continue,
            b'#' => {
                at += length_while(&text[at..], |byte| !matches!(byte, b'\r' | b'\n'));
                continue;
            }
            b'"' => at = end_of_string(text, start).ok_or_else(|| unterminated(text, start))?,
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            byte if is_of_a_name(*byte) => {
                at += length_while(&text[at..], is_of_a_name);
                within(at - start, limits.name_bytes, "bytes in a name", start)?;
            }
            _ => {}
        }
        tokens += 1;
        within(tokens, limits.tokens, "tokens", start)?;
        within(open, limits.nesting, NESTING, start)?;
    }
    Ok(())
}

fn is_of_a_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

fn length_while(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|&&byte| belongs(byte)).count()
}

/// The position after the string that begins at `start` (GraphQL specification, section 2.9.4).
fn end_of_string(text: &[u8], start: usize) -> Option<usize> {
    let is_block = text[start..].starts_with(br#"""""#);
    let mut at = start + if is_block { 3 } else { 1 };
    loop {
        let rest = text.get(at..)?;
        at += match (is_block, rest.first()?) {
            (true, b'\\') if rest.starts_with(br#"\""""#) => 4,
            (true, b'"') if rest.starts_with(br#"""""#) => return Some(at + 3),
            (false, b'\\') => 2,
            (false, b'"') => return Some(at + 1),
            (false, b'\r' | b'\n') => return None,
            _ => 1,
        };
    }
}

/// The parser would see an empty string here instead of a block string, and carry on after it.
fn unterminated(text: &[u8], start: usize) -> Refusal {
    Refusal::Invalid {
        message: "Unterminated string.".to_owned(),
        at: position(text, start),
    }
}

/// Line and column of a byte, both from 1; columns are characters.
fn position(text: &[u8], byte: usize) -> Pos {
    let before = &text[..byte];
    let line = before.rsplit(|byte| *byte == b'\n').next();
    let is_character = |byte: &&u8| !matches!(byte, 0x80..=0xBF);
    Pos {
        line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        column: 1 + line.unwrap_or_default().iter().filter(is_character).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::limits::tests::{complains, exceeds, passes};

    #[test]
    fn brackets_cannot_overflow_the_stack() {
        for (start, open) in [
            ("", "{"),
            ("", "{a"),
            ("", "{...on Q"),
            ("{a(x:", "["),
            ("{a(x:", "{a:"),
            ("{a@d(x:", "[{a:"),
            ("query($a:", "["),
            ("query($a:I=", "["),
            ("{a", "("),
        ] {
            let count = (65_536 - start.len()) / open.len();
            exceeds(NESTING, &format!("{start}{}", open.repeat(count)));
        }
    }

    #[test]
    fn strings_and_comments_end_where_they_do_for_the_parser() {
        let brackets = "[".repeat(100);
        for (start, end) in [
            (r#"""#, r#"""#),
            (r#""\""#, r#"\\""#),
            (r#"""""#, r#"""""#),
            (r#"""""""#, r#""\""" """"#),
            ("#", "\n1"),
            ("#\"", "\r1"),
        ] {
            passes(&format!("{{a(x:{start}{brackets}{end})}}"));
        }
        for before in [
            "",
            r#""""#,
            r#""\\""#,
            r#""""""""#,
            r#""""\"""""""#,
            "#\r",
            "#\"\n",
        ] {
            exceeds(NESTING, &format!("{{a(x:{before}{brackets}"));
        }
        for before in [r#"""#, r#"""""#, r#"""""""#, r#""""\""""#, "\"\n", r#""\"#] {
            complains(
                "Unterminated string.",
                "1:6",
                &format!("{{a(x:{before}{brackets}"),
            );
        }
    }
}
