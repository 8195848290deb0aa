//! The table `events`: what happened, who did it, and what it changed. Rows are only added and, when they
//! are old, removed. They are never changed but for one reason: an erased person is taken out of them.

use sea_orm::entity::prelude::*;

use crate::{EventId, SessionId, Timestamp, UserId};

/// One event.
///
/// Neither the actor nor the subject is a foreign key: an entry outlives both, and their labels say
/// who they were.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    /// When it happened.
    pub created_at: Timestamp,
    /// The user who did it; empty for the server itself and for someone who was not signed in.
    pub actor_id: Option<UserId>,
    /// What the actor was called at the time.
    pub actor_label: String,
    /// The session in which it was done.
    pub session_id: Option<SessionId>,
    /// The IP address that the request came from.
    pub ip_address: Option<String>,
    /// What happened: a code such as `user.invited`.
    pub action: String,
    /// The kind of object that was affected: "user", "role", …; empty if there is none.
    pub subject_type: String,
    /// The ID of the affected object.
    pub subject_id: Option<Uuid>,
    /// What the affected object was called at the time.
    pub subject_label: String,
    /// The fields that changed, before and after, as JSON.
    pub changes: String,
    /// The `User-Agent` header that the client sent.
    pub user_agent: Option<String>,
}

/// The table has no relations.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
