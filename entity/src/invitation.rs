//! The table `invitations`: links with which users choose their first password.

use sea_orm::entity::prelude::*;

use crate::{InvitationId, Timestamp, TokenHash, UserId};

/// One link that was sent to one user.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvitationId,
    /// Whose first password it sets; the row goes when they are deleted.
    pub user_id: UserId,
    /// The address that it was sent to, as it was entered.
    pub email: String,
    /// Who invited them; empty for the server itself, and if that user has been deleted.
    pub invited_by: Option<UserId>,
    /// The digest of the token in the link.
    pub token_hash: TokenHash,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When the link expires.
    pub expires_at: Timestamp,
    /// When the link was used.
    pub accepted_at: Option<Timestamp>,
    /// When it was revoked, or replaced by a newer one.
    pub revoked_at: Option<Timestamp>,
    /// Where the user is led after they have accepted it; checked again then.
    pub redirect_url: Option<String>,
}

impl Model {
    /// The invitation's state at the time `now`.
    pub fn status(&self, now: Timestamp) -> Status {
        if self.accepted_at.is_some() {
            Status::Accepted
        } else if self.revoked_at.is_some() {
            Status::Revoked
        } else if self.expires_at <= now {
            Status::Expired
        } else {
            Status::Pending
        }
    }
}

/// The state of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The link works.
    Pending,
    /// The link was used.
    Accepted,
    /// The link was not used in time.
    Expired,
    /// The invitation was revoked, or replaced by a newer one.
    Revoked,
}

/// No query joins it.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
