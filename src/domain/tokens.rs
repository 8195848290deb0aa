//! Secret tokens: 256 bits from the operating system's generator, of which only a digest is stored.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::TokenHash;
use sha2::{Digest, Sha256};

use super::error::Error;

/// How many characters a token has: 256 bits in base64url, without padding.
pub const LENGTH: usize = 43;

/// Whether tokens are made of it (RFC 4648, section 5).
pub fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// A bearer, device, invitation or password reset token.
///
/// It exists in memory only, from its creation until it is handed to its owner, and is never
/// printed.
pub struct Token(String);

impl Token {
    /// 256 random bits from the operating system (OWASP: at least 128).
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The token itself, for its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The digest that is stored.
    pub fn hash(&self) -> TokenHash {
        hash(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Whether a text has the form of a token.
pub fn could_be(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok()
}

/// The digest of a token that somebody presents.
pub fn hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).to_vec())
}
