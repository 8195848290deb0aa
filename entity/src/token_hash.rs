//! What is stored of secret tokens.

use sea_orm::DeriveValueType;

/// The SHA-256 digest of a session, invitation or password reset token: 32 bytes.
///
/// The token itself is 256 bits from the operating system's generator, so a plain digest cannot be
/// reversed by guessing, and looking it up needs no constant-time comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash, DeriveValueType)]
pub struct TokenHash(pub Vec<u8>);
