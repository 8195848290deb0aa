//! E-mail addresses that people enter; what is one, and when two are the same, stands in
//! [`texts::EmailAddress`].

use texts::{EmailAddress, NotAnAddress};

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
