//! What is stored of secret tokens.

use sea_orm::{DbErr, DeriveValueType, TryFromU64};

/// The SHA-256 digest of a session, device, invitation or password reset token: 32 bytes.
///
/// The token itself is 256 bits from the operating system's generator, so a plain digest cannot be
/// reversed by guessing, and looking it up needs no constant-time comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash, DeriveValueType)]
pub struct TokenHash(pub Vec<u8>);

/// Required by sea-orm of every primary key; a database never increments a digest.
impl TryFromU64 for TokenHash {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("TokenHash"))
    }
}
