//! The table `password_resets`: links by which a user may choose a new password.

use sea_orm::entity::prelude::*;

use crate::{PasswordResetId, Timestamp, TokenHash, UserId};

/// One link that was sent to one user.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_resets")]
pub struct Model {
    /// Key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PasswordResetId,
    /// Whose password it changes.
    pub user_id: UserId,
    /// The digest of the token in the link.
    pub token_hash: TokenHash,
    /// When it was sent.
    pub created_at: Timestamp,
    /// From when on the link no longer works.
    pub expires_at: Timestamp,
    /// When the link was used.
    pub used_at: Option<Timestamp>,
    /// When it was voided: by a newer one, another change of the password, or a deactivation.
    pub revoked_at: Option<Timestamp>,
}

/// The tables that this one refers to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Whose password it changes.
    #[sea_orm(
        belongs_to = "crate::user::Entity",
        from = "Column::UserId",
        to = "crate::user::Column::Id"
    )]
    User,
}

impl Related<crate::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
