//! Secret tokens: 256 bits from the operating system's generator, of which only a digest is stored.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::TokenHash;
use sha2::{Digest, Sha256};

use super::error::Error;

/// A bearer, device, invitation or password reset token: 43 characters of base64url (RFC 4648, section 5).
///
/// It exists in memory only, from its creation until it is handed to its owner, and is never
/// printed.
pub struct Token(String);

impl Token {
    /// A new one.
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

/// The digest of a token that somebody presents.
pub fn hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).to_vec())
}
