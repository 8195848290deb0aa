//! A partial change: omitted fields stay as they are.

use entity::Timestamp;

use super::error::{UserError, UserErrorCode};

/// What is to happen to one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes empty.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field was given at all.
    pub fn is_asked_for(&self) -> bool {
        !matches!(self, Self::Keep)
    }
}

impl<T> Patch<T> {
    /// The same change to something made from the value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(make(value)),
        }
    }
}

impl Patch<String> {
    /// The resulting text, as `read` has it, where clearing leaves it empty. One that is kept is not read
    /// again: rules get stricter, and what they refuse today may be stored.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub fn over<E>(
        &self,
        current: &str,
        read: impl FnOnce(&str) -> Result<String, E>,
    ) -> Result<String, E> {
        match self {
            Self::Keep => Ok(current.to_owned()),
            Self::Clear => read(""),
            Self::Set(text) => read(text),
        }
    }
}

/// Refuses a change to what somebody has changed since the caller looked at it.
///
/// # Errors
///
/// [`ChangedMeanwhile`](UserErrorCode::ChangedMeanwhile), of `expectedUpdatedAt`.
pub fn must_be_unchanged(
    updated_at: Timestamp,
    expected: Option<Timestamp>,
    what: &str,
) -> std::result::Result<(), UserError> {
    if expected.is_none_or(|expected| expected == updated_at) {
        return Ok(());
    }
    let message = format!("Somebody has changed this {what} since. Look at it again first.");
    let code = UserErrorCode::ChangedMeanwhile;
    Err(UserError::new(code, "expectedUpdatedAt", message))
}
