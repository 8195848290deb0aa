//! Short texts that people enter: names, descriptions and search terms, and how they are compared.

use texts::{invisible, web_address};
use unicode_normalization::UnicodeNormalization;

use super::error::{UserError, UserErrorCode};
use crate::email_templates::LINK_PLACEHOLDER;

/// How many characters of a client's `User-Agent` header are kept.
const MAX_USER_AGENT_LENGTH: usize = 500;

/// As much of a client's `User-Agent` header as is kept.
pub fn user_agent(header: &str) -> String {
    header.chars().take(MAX_USER_AGENT_LENGTH).collect()
}

/// Reads a single-line text from the input `field`: trimmed, composed (NFC), of at most
/// `max_length` characters, without line breaks or other control characters, invisible characters or
/// web addresses, because it may come to stand in an e-mail. It may be empty.
pub fn line(field: &'static str, text: &str, max_length: usize) -> Result<String, UserError> {
    let message = "Remove line breaks and other control characters.";
    let text = check(field, text, max_length, is_control, message)?;
    match web_address::find(&text) {
        Some(found) => Err(no_web_addresses(field, found)),
        None => Ok(text),
    }
}

/// Reads a name that stands in e-mails, otherwise like [`line()`]: what a mail client would make a link
/// of is refused, even a mere domain.
pub fn name(field: &'static str, text: &str, max_length: usize) -> Result<String, UserError> {
    without_addresses(field, line(field, text, max_length)?)
}

/// The text, unless a mail client would make a link of something in it.
pub fn without_addresses(field: &'static str, text: String) -> Result<String, UserError> {
    match web_address::find_any(&text) {
        Some(found) => Err(no_web_addresses(field, found)),
        None => Ok(text),
    }
}

fn no_web_addresses(field: &'static str, found: &str) -> UserError {
    UserError::new(
        UserErrorCode::Invalid,
        field,
        format!("Remove “{found}”: web addresses are not allowed here."),
    )
}

/// Reads a multi-line text, otherwise like [`line()`].
pub fn lines(field: &'static str, text: &str, max_length: usize) -> Result<String, UserError> {
    let is_forbidden = |c: char| is_control(c) && c != '\n';
    let message = "Remove control characters.";
    check(field, text, max_length, is_forbidden, message)
}

/// Besides Unicode's control characters, those that separate lines.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn check(
    field: &'static str,
    text: &str,
    max_length: usize,
    is_forbidden: impl Fn(char) -> bool,
    message: &str,
) -> Result<String, UserError> {
    let too_long = || {
        let message = format!("Enter at most {max_length} characters.");
        UserError::new(UserErrorCode::TooLong, field, message).with("max", max_length)
    };
    // However its characters are composed, and with some white space around it. Reading a longer one
    // would cost more than its sender has paid.
    if text.len() > 32 * max_length.max(100) {
        return Err(too_long());
    }
    let text: String = invisible::trim(text).nfc().collect();
    if text.chars().count() > max_length {
        return Err(too_long());
    }
    let invalid = |message| Err(UserError::new(UserErrorCode::Invalid, field, message));
    if text.contains(LINK_PLACEHOLDER) {
        return invalid("Remove embedded objects, such as images.");
    }
    if text.contains(is_forbidden) {
        return invalid(message);
    }
    if let Some(c) = invisible::find(&text) {
        let code = invisible::code(c);
        return invalid(&format!("Remove the invisible character {code}."));
    }
    Ok(text)
}

pub use texts::fold;

/// The maximum length of a search term, in characters.
pub const MAX_SEARCH_LENGTH: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_to_remove_just_what_may_not_stay() {
        let line = |text| line("name", text, 100).map_err(|error| error.message);
        let lines = |text| lines("description", text, 100).map_err(|error| error.message);
        let told = |message: &str| Err(message.to_owned());
        assert_eq!(lines("one\ntwo"), Ok("one\ntwo".to_owned()));
        let breaks = told("Remove line breaks and other control characters.");
        for text in ["one\ntwo", "one\u{2028}two"] {
            assert_eq!(line(text), breaks, "{text:?}");
        }
        assert_eq!(lines("one\u{7}two"), told("Remove control characters."));
        for (text, code) in [
            ("one\u{202E}two", "U+202E"),
            ("\u{3164}a\u{200B}b", "U+200B"),
        ] {
            let invisible = told(&format!("Remove the invisible character {code}."));
            assert_eq!(line(text), invisible);
            assert_eq!(lines(text), invisible);
        }
        assert_eq!(
            line("\u{200B}می\u{200C}خواهم\u{FEFF} "),
            Ok("می\u{200C}خواهم".to_owned())
        );
        let object = told("Remove embedded objects, such as images.");
        assert_eq!(line("one\u{FFFC}"), object);
        assert_eq!(lines("one\u{FFFC}"), object);
    }
}
