//! What a password is, and whose it is.

use unicode_normalization::UnicodeNormalization;

/// The maximum length of a password, in bytes of UTF-8. Longer ones are refused, never truncated.
pub const MAX_LENGTH: usize = 1024;

/// A password as it was entered, in normal form: two keyboards that compose an accent differently
/// type the same password (NFC; NIST SP 800-63B, section 5.1.1.2).
///
/// It is never printed.
pub struct Password(pub(super) String);

impl Password {
    /// Takes what was entered, in normal form if it is short enough to be one.
    pub fn new(typed: &str) -> Self {
        // Anything longer is refused before it is used; it need not be normalised first.
        if typed.len() > MAX_LENGTH {
            Self(typed.to_owned())
        } else {
            Self(typed.nfc().collect())
        }
    }

    /// A second copy, for a hash with newer parameters: a password is used up when it is hashed.
    pub(in crate::domain) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Itself, or something that costs as much to hash and is nobody's password.
    pub(in crate::domain) fn usable(self) -> Self {
        if self.is_too_long() {
            Self::new("")
        } else {
            self
        }
    }

    /// Whether it has more than [`MAX_LENGTH`] bytes, and can be nobody's password.
    pub(in crate::domain) fn is_too_long(&self) -> bool {
        self.0.len() > MAX_LENGTH
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The user that a password is for: what an attacker would try first.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Their e-mail address.
    pub email: &'a str,
    /// May be empty.
    pub first_name: &'a str,
    /// May be empty.
    pub last_name: &'a str,
}
