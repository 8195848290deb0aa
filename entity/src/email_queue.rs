//! The table `email_queue`: the state of the queue as a whole, in a single row.

use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId};

/// The key of the only row.
pub const ONLY: i16 = 1;

/// Whether mails are sent at the moment.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_queue")]
pub struct Model {
    /// Always [`ONLY`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i16,
    /// Since when an administrator has stopped the queue, if one has.
    pub paused_at: Option<Timestamp>,
    /// Who that was; they may be gone since.
    pub paused_by: Option<UserId>,
    /// Since when the transport cannot be used, if so.
    pub transport_failed_at: Option<Timestamp>,
    /// What the transport said then.
    pub transport_error: Option<String>,
    /// When the transport is tried again.
    pub transport_retry_at: Option<Timestamp>,
}

/// The table stands alone.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
