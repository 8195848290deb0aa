//! Short texts that people type: names and descriptions, search terms, and keys to find them by.

use unicode_normalization::UnicodeNormalization;

use super::error::{UserError, UserErrorCode};

/// Stands in a stored letter where the secret link belongs: "a placeholder in the text for an
/// otherwise unspecified object" (The Unicode Standard, section 23.8). No typed text may hold it.
pub const LINK_PLACEHOLDER: char = '\u{FFFC}';

/// Reads a line of text from the input `field`: trimmed, composed (NFC), of at most `max_length`
/// characters, without line breaks or other control characters. It may be empty.
pub fn line(field: &'static str, text: &str, max_length: usize) -> Result<String, UserError> {
    check(field, text, max_length, char::is_control)
}

/// Reads a text of several lines, like [`line()`] otherwise.
pub fn lines(field: &'static str, text: &str, max_length: usize) -> Result<String, UserError> {
    check(field, text, max_length, |c| c.is_control() && c != '\n')
}

fn check(
    field: &'static str,
    text: &str,
    max_length: usize,
    is_forbidden: impl Fn(char) -> bool,
) -> Result<String, UserError> {
    let text: String = text.trim().nfc().collect();
    if text.chars().count() > max_length {
        return Err(UserError::new(
            UserErrorCode::TooLong,
            field,
            format!("Enter at most {max_length} characters."),
        ));
    }
    if text.contains(|c| is_forbidden(c) || c == LINK_PLACEHOLDER) {
        return Err(UserError::new(
            UserErrorCode::Invalid,
            field,
            "Leave out line breaks and other control characters.",
        ));
    }
    Ok(text)
}

/// The form in which texts are compared without regard to case.
pub fn fold(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase()
}

/// The longest search term, in characters.
pub const MAX_SEARCH_LENGTH: usize = 200;
