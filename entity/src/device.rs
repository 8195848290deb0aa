//! The table `devices`: from where a user is known to sign in.

use sea_orm::entity::prelude::*;

use crate::{SessionId, Timestamp, TokenHash, UserId};

/// One browser, or program, of one user.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub struct Model {
    /// The digest of the device's token.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: TokenHash,
    /// Whose device it is.
    pub user_id: UserId,
    /// The session that began there last, which may have ended since; none if the user has proved
    /// who they are without beginning one.
    pub session_id: Option<SessionId>,
    /// Until when it is known.
    pub expires_at: Timestamp,
}

/// The tables that this one refers to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Whose device it is.
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
