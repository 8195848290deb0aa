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
    /// Whether the transport accepted the e-mail, as servers of the version before write and read it.
    pub succeeded: bool,
    /// The transport's own words.
    pub response: Option<String>,
    /// How it ended; empty while it is in progress, and where a server of the version before has recorded it.
    pub outcome: Option<Outcome>,
}

impl Model {
    /// How it ended, if it has; of what a server of the version before saw fail, it did not write down how,
    /// and most of it was tried again.
    pub fn ended(&self) -> Option<Outcome> {
        let of_the_version_before = if self.succeeded {
            Outcome::Delivered
        } else {
            Outcome::TransientFailure
        };
        self.outcome
            .or(self.finished_at.map(|_| of_the_version_before))
    }
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
