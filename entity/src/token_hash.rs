//! What is stored of a secret token.

use sea_orm::DeriveValueType;

/// The SHA-256 digest of a session, invitation or password reset token: 32 bytes.
///
/// The token itself is 256 bits from the operating system's generator, so a plain digest cannot be
/// turned back by guessing, and a look-up by it needs no comparison in constant time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, DeriveValueType)]
pub struct TokenHash(pub Vec<u8>);
