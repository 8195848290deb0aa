//! The table `email_attempts`: each attempt to hand an e-mail to a transport.

use sea_orm::entity::prelude::*;

use crate::{EmailAttemptId, EmailId, Timestamp};

/// One attempt. The row is written when the e-mail is claimed, so a worker that dies leaves a
/// trace.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_attempts")]
pub struct Model {
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailAttemptId,
    /// What was to be sent; the row goes when the e-mail is deleted.
    pub email_id: EmailId,
    /// The transport's name; for one that delegates to others, the one that was used.
    pub transport: String,
    /// When the worker claimed the e-mail.
    pub started_at: Timestamp,
    /// When the transport answered; empty while the attempt is in progress.
    pub finished_at: Option<Timestamp>,
    /// Whether the transport accepted the e-mail.
    pub succeeded: bool,
    /// The transport's own words.
    pub response: Option<String>,
}

/// No query joins it.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
