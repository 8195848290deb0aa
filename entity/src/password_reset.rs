//! The table `password_resets`: links with which users choose a new password.

use sea_orm::entity::prelude::*;

use crate::{PasswordResetId, Timestamp, TokenHash, UserId};

/// One link that was sent to one user.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_resets")]
pub struct Model {
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PasswordResetId,
    /// The user whose password it changes.
    pub user_id: UserId,
    /// The digest of the token in the link.
    pub token_hash: TokenHash,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When the link expires.
    pub expires_at: Timestamp,
    /// When the link was used.
    pub used_at: Option<Timestamp>,
    /// When it was revoked: by a change of the password or the address, or by a deactivation.
    pub revoked_at: Option<Timestamp>,
}

impl Model {
    /// The link's state at the time `now`.
    pub fn status(&self, now: Timestamp) -> Status {
        if self.used_at.is_some() {
            Status::Used
        } else if self.revoked_at.is_some() {
            Status::Revoked
        } else if self.expires_at <= now {
            Status::Expired
        } else {
            Status::Pending
        }
    }
}

/// The state of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It works.
    Pending,
    /// It was not used in time.
    Expired,
    /// It was used.
    Used,
    /// It was revoked.
    Revoked,
}

/// No query joins it.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
