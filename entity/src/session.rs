//! The table `sessions`: where a user is signed in.

use sea_orm::entity::prelude::*;

use crate::{SessionId, Timestamp, TokenHash, UserId};

/// One signed-in client of one user.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Who is signed in.
    pub user_id: UserId,
    /// The digest of the bearer token.
    pub token_hash: TokenHash,
    /// The `User-Agent` header that the client sent at sign-in.
    pub user_agent: Option<String>,
    /// The IP address that the sign-in came from.
    pub ip_address: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, accurate to the minute.
    pub last_used_at: Timestamp,
    /// When it ends unless it is used again.
    pub expires_at: Timestamp,
    /// When it ends, however often it is used.
    pub ends_at: Timestamp,
    /// Whether it outlives the browser, and may go unused for a long time.
    pub is_kept: bool,
}

/// The tables that this one refers to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Who is signed in.
    #[sea_orm(
        belongs_to = "crate::user::Entity",
        from = "Column::UserId",
        to = "crate::user::Column::Id"
    )]
    User,
}

impl ActiveModelBehavior for ActiveModel {}
