//! The table `email_queue`: the state of the queue as a whole, in a single row.

use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId};

/// The primary key of the only row.
pub const ONLY: i16 = 1;

/// Whether e-mails are currently being sent.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_queue")]
pub struct Model {
    /// Always [`ONLY`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i16,
    /// When an administrator paused the queue, if it is paused.
    pub paused_at: Option<Timestamp>,
    /// Who paused it; that user may have been deleted.
    pub paused_by: Option<UserId>,
    /// When the transport became unavailable, if it is.
    pub transport_failed_at: Option<Timestamp>,
    /// Why it is unavailable, in the transport's own words.
    pub transport_error: Option<String>,
    /// When the transport will be tried again.
    pub transport_retry_at: Option<Timestamp>,
}

/// The table has no relations.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
