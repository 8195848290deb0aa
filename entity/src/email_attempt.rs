//! The table `email_attempts`: each try at handing a mail to a transport.

use sea_orm::entity::prelude::*;

use crate::{EmailAttemptId, EmailId, Timestamp};

/// One try. It is written when the mail is claimed, so a worker that dies leaves a trace.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_attempts")]
pub struct Model {
    /// Key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailAttemptId,
    /// The mail.
    pub email_id: EmailId,
    /// The transport's name; for one that chooses among others, the one that did it.
    pub transport: String,
    /// When the worker claimed the mail.
    pub started_at: Timestamp,
    /// When the transport answered; empty while it works.
    pub finished_at: Option<Timestamp>,
    /// Whether the transport accepted the mail.
    pub succeeded: bool,
    /// The transport's own words.
    pub response: Option<String>,
}

/// The tables that this one refers to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The mail.
    #[sea_orm(
        belongs_to = "crate::email::Entity",
        from = "Column::EmailId",
        to = "crate::email::Column::Id"
    )]
    Email,
}

impl Related<crate::email::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Email.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
