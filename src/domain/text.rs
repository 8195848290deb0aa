//! Short texts that people enter: names, descriptions and search terms, and how they are compared.

use unicode_normalization::UnicodeNormalization;

use super::error::{UserError, UserErrorCode};
use crate::letters::LINK_PLACEHOLDER;

/// Reads a single-line text from the input `field`: trimmed, composed (NFC), of at most
/// `max_length` characters, without line breaks or other control characters. It may be empty.
pub fn line(field: &'static str, text: &str, max_length: usize) -> Result<String, UserError> {
    let message = "Remove line breaks and other control characters.";
    check(field, text, max_length, is_control, message)
}

/// Reads a multi-line text, otherwise like [`line()`].
pub fn lines(field: &'static str, text: &str, max_length: usize) -> Result<String, UserError> {
    let is_forbidden = |c: char| is_control(c) && c != '\n';
    let message = "Remove control characters.";
    check(field, text, max_length, is_forbidden, message)
}

/// Besides Unicode's control characters, those that separate lines or turn the direction of writing:
/// a name with one of them could rearrange the sentence that it stands in
/// (<https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>).
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn check(
    field: &'static str,
    text: &str,
    max_length: usize,
    is_forbidden: impl Fn(char) -> bool,
    message: &str,
) -> Result<String, UserError> {
    let text: String = text.trim().nfc().collect();
    if text.chars().count() > max_length {
        return Err(UserError::new(
            UserErrorCode::TooLong,
            field,
            format!("Enter at most {max_length} characters."),
        ));
    }
    let invalid = |message| Err(UserError::new(UserErrorCode::Invalid, field, message));
    if text.contains(LINK_PLACEHOLDER) {
        return invalid("Remove embedded objects, such as images.");
    }
    if text.contains(is_forbidden) {
        return invalid(message);
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
        for text in ["one\ntwo", "one\u{2028}two", "one\u{202E}two"] {
            assert_eq!(line(text), breaks, "{text:?}");
        }
        assert_eq!(lines("one\u{7}two"), told("Remove control characters."));
        let object = told("Remove embedded objects, such as images.");
        assert_eq!(line("one\u{FFFC}"), object);
        assert_eq!(lines("one\u{FFFC}"), object);
    }
}
