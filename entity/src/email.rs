//! The table `emails`: the queue of letters to be handed to a transport, and its history.

use sea_orm::entity::prelude::*;

use crate::{EmailId, InvitationId, LastTime, PasswordResetId, Timestamp};

/// One message, from the transaction that decided to send it until its history is pruned.
///
/// `status` with `next_attempt_at`, `claim_id` and `lease_until` are the queue's state machine:
///
/// ```text
/// QUEUED (next_attempt_at) ── claim ──> SENDING (claim_id, lease_until) ── delivered ──> SENT
///    ^                                     │
///    ├── transient failure, transport ─────┤
///    │   unavailable, lease expired        │
///    │                                     └── permanent failure, out of attempts ──> FAILED
///    └── retry ── FAILED, CANCELLED
///
/// QUEUED, FAILED ── cancel ──> CANCELLED
/// QUEUED ── its purpose ended ──> CANCELLED
/// SENDING ── its purpose ended, and the attempt failed ──> CANCELLED
/// ```
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "emails")]
pub struct Model {
    /// Key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailId,
    /// Which letter it is: "invitation", …
    pub kind: String,
    /// Where it stands.
    pub status: Status,
    /// What goes first.
    pub priority: Priority,
    /// The sender, as an RFC 5322 mailbox.
    pub from_mailbox: String,
    /// The recipients' addresses, a line each: an address never holds a line break.
    pub recipients: String,
    /// The recipients in lower case: what a filter looks through.
    pub recipients_key: String,
    /// The subject.
    pub subject: String,
    /// The subject in lower case: what a filter looks through.
    pub subject_key: String,
    /// The text, with a placeholder where the secret link belongs.
    pub text_body: String,
    /// The same as HTML, with the same placeholder.
    pub html_body: String,
    /// The link that replaces the placeholder; gone once it has served its purpose.
    pub secret_link: Option<String>,
    /// The invitation that it carries. A mail without its purpose is not sent.
    pub invitation_id: Option<InvitationId>,
    /// The password reset that it carries. Its link is gone once the mail is sent.
    pub password_reset_id: Option<PasswordResetId>,
    /// From when on it is of no use to anybody, and is not sent any more.
    pub expires_at: Option<Timestamp>,
    /// The `Message-ID` header, in angle brackets: the same at every attempt.
    pub message_id: String,
    /// How often it was tried since it was queued, or last put back.
    pub attempt_count: i32,
    /// What the transport said when it last failed.
    pub last_error: Option<String>,
    /// When it is due, while it is queued; never otherwise.
    pub next_attempt_at: LastTime,
    /// Which claim holds it, while it is being sent: a worker that has lost its claim cannot
    /// overwrite what its successor did.
    pub claim_id: Option<Uuid>,
    /// Until when the claim holds, by the database's clock.
    pub lease_until: Option<Timestamp>,
    /// When it was queued; also the `Date` header, the same at every attempt.
    pub created_at: Timestamp,
    /// When a transport accepted it.
    pub sent_at: LastTime,
    /// When it was queued or last changed its state: what watchers look for.
    pub changed_at: Timestamp,
}

impl Model {
    /// The recipients' addresses.
    pub fn to(&self) -> impl Iterator<Item = &str> {
        self.recipients.lines()
    }
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Status {
    /// Waiting for its turn, or for its next attempt.
    #[sea_orm(string_value = "queued")]
    Queued,
    /// Claimed by a worker.
    #[sea_orm(string_value = "sending")]
    Sending,
    /// Accepted by a transport.
    #[sea_orm(string_value = "sent")]
    Sent,
    /// Given up.
    #[sea_orm(string_value = "failed")]
    Failed,
    /// Withdrawn, or its purpose ended before it was sent.
    #[sea_orm(string_value = "cancelled")]
    Cancelled,
}

/// What goes first; stored so that a larger number is more urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
pub enum Priority {
    /// Can wait.
    #[sea_orm(num_value = 0)]
    Low,
    /// As most.
    #[sea_orm(num_value = 1)]
    Normal,
    /// Somebody is waiting for it.
    #[sea_orm(num_value = 2)]
    High,
}

/// The tables that this one is tied to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The invitation that it carries.
    #[sea_orm(
        belongs_to = "crate::invitation::Entity",
        from = "Column::InvitationId",
        to = "crate::invitation::Column::Id"
    )]
    Invitation,
    /// The attempts to send it.
    #[sea_orm(has_many = "crate::email_attempt::Entity")]
    EmailAttempt,
}

impl Related<crate::invitation::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Invitation.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
