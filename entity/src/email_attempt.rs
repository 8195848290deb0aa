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
    /// The transport's own words.
    pub response: Option<String>,
    /// How it ended; empty while it is in progress.
    pub outcome: Option<Outcome>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))")]
pub enum Outcome {
    /// The transport accepted the e-mail.
    #[sea_orm(string_value = "delivered")]
    Delivered,
    /// Not now; perhaps later.
    #[sea_orm(string_value = "transient-failure")]
    TransientFailure,
    /// Never.
    #[sea_orm(string_value = "permanent-failure")]
    PermanentFailure,
    /// It is not the e-mail's fault: the transport could send none.
    #[sea_orm(string_value = "unavailable")]
    Unavailable,
    /// Nobody knows: the attempt was interrupted.
    #[sea_orm(string_value = "interrupted")]
    Interrupted,
}

/// No query joins it.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
