//! The table `events`: what happened, who did it, and what it changed. Rows are added and, when they
//! are old, removed; nothing changes them.

use sea_orm::entity::prelude::*;

use crate::{EventId, SessionId, Timestamp, UserId};

/// One thing that happened.
///
/// Neither the actor nor the subject is a foreign key: an entry outlives both, and their labels say
/// who they were.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    /// Key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    /// When.
    pub created_at: Timestamp,
    /// The user who did it; empty for the server itself and for somebody who is not signed in.
    pub actor_id: Option<UserId>,
    /// What the actor was called at the time.
    pub actor_label: String,
    /// The session in which they did it.
    pub session_id: Option<SessionId>,
    /// The address that the request came from.
    pub ip_address: Option<String>,
    /// What was done: a code such as `user.invited`.
    pub action: String,
    /// What it was done to: "user", "role", …; empty where there is nothing of the kind.
    pub subject_type: String,
    /// The key of what it was done to.
    pub subject_id: Option<Uuid>,
    /// What the subject was called at the time.
    pub subject_label: String,
    /// The changed fields before and after, as JSON.
    pub changes: String,
}

/// The table stands alone.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
