//! E-mail addresses that people enter; what is one, and when two are the same, stands in
//! [`texts::EmailAddress`].

use texts::{EmailAddress, NotAnAddress, invisible};

use super::error::{UserError, UserErrorCode};

/// Reads one address from the input `field`.
///
/// # Errors
///
/// [`Required`](UserErrorCode::Required), [`TooLong`](UserErrorCode::TooLong) or
/// [`Invalid`](UserErrorCode::Invalid), with a sentence that says what to do about it.
pub fn read(field: &'static str, text: &str) -> Result<EmailAddress, UserError> {
    EmailAddress::parse(text).map_err(|error| {
        let code = match error {
            NotAnAddress::Empty => UserErrorCode::Required,
            NotAnAddress::LocalPartTooLong | NotAnAddress::TooLong => UserErrorCode::TooLong,
            _ => UserErrorCode::Invalid,
        };
        UserError::new(code, field, error.to_string())
    })
}

/// By what the account of an address is found: the normal form. What is no address by today's rules may
/// have been one when it was stored.
pub fn account(text: &str) -> String {
    match EmailAddress::parse(text) {
        Ok(address) => address.normal().to_owned(),
        // No stored one is as long as what a stranger can send.
        Err(_) => {
            let end = text.floor_char_boundary(EmailAddress::MAX_TEXT);
            texts::fold(invisible::trim(&text[..end]))
        }
    }
}

/// The same for the input `field`, unless the text was never an address by any rule.
///
/// # Errors
///
/// Those of [`read`], whether or not anybody has the address.
pub fn read_account(field: &'static str, text: &str) -> Result<String, UserError> {
    use NotAnAddress::{IpAddress, LocalPartTooLong, Other, TooLong};
    let account = account(text);
    match EmailAddress::parse(text) {
        Err(IpAddress | LocalPartTooLong | Other | TooLong) if looks_like_one(&account) => {
            Ok(account)
        }
        _ => read(field, text).map(|_| account),
    }
}

/// Whether it could have been stored: something on either side of an `@`, and no sign of anything else.
fn looks_like_one(text: &str) -> bool {
    const MAX_STORED: usize = 320;
    let is_foreign = |c: char| c.is_whitespace() || c.is_control() || ",;<>".contains(c);
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && text.chars().count() <= MAX_STORED
        && !text.contains(is_foreign)
}
