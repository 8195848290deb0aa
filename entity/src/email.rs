//! The table `emails`: the queue of e-mails to be handed to a transport, and its history.

use sea_orm::entity::prelude::*;

use crate::{EmailId, InvitationId, PasswordResetId, TimeOrNever, Timestamp};

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
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailId,
    /// The kind of e-mail, such as "invitation".
    pub kind: String,
    /// The state of the e-mail.
    pub status: Status,
    /// Of those that are due, the more urgent are claimed first.
    pub priority: Priority,
    /// The sender, as an RFC 5322 mailbox.
    pub from_mailbox: String,
    /// The recipients' addresses, one per line: an address never contains a line break.
    pub recipients: String,
    /// The recipients in lower case, for searching.
    pub recipients_key: String,
    /// As written from the template, in one line.
    pub subject: String,
    /// The subject in lower case, for searching.
    pub subject_key: String,
    /// The text, with a placeholder where the secret link belongs.
    pub text_body: String,
    /// The same as HTML, with the same placeholder.
    pub html_body: String,
    /// The link that replaces the placeholder, as it was when the e-mail was queued; removed once it has
    /// served its purpose.
    pub secret_link: Option<String>,
    /// Where in the link its token begins, in octets: by that the link is built anew whenever the e-mail is
    /// sent or shown.
    pub token_at: Option<i16>,
    /// The invitation that it carries. An e-mail whose purpose has ended is not sent.
    pub invitation_id: Option<InvitationId>,
    /// The password reset that it carries. Its link is removed once the e-mail is sent.
    pub password_reset_id: Option<PasswordResetId>,
    /// When it becomes useless; it is not sent after that.
    pub expires_at: Option<Timestamp>,
    /// The `Message-ID` header, in angle brackets, which is the same for every attempt.
    pub message_id: String,
    /// The number of attempts since it was queued, or last requeued.
    pub attempt_count: i32,
    /// What the transport said when it last failed.
    pub last_error: Option<String>,
    /// When the next attempt is due; never, unless it is queued.
    pub next_attempt_at: TimeOrNever,
    /// The claim that holds it while it is being sent: a worker that has lost its claim cannot
    /// overwrite what its successor did.
    pub claim_id: Option<Uuid>,
    /// Until when the claim holds, by the database's clock.
    pub lease_until: Option<Timestamp>,
    /// When it was queued; also the `Date` header, which is the same for every attempt.
    pub created_at: Timestamp,
    /// When a transport accepted it.
    pub sent_at: TimeOrNever,
    /// When it was queued or last changed its state: what watchers look for.
    pub changed_at: Timestamp,
}

impl Model {
    /// The recipients' addresses.
    pub fn to(&self) -> impl Iterator<Item = &str> {
        self.recipients.lines()
    }
}

/// The state of an e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Status {
    /// Waiting for its first or next attempt.
    #[sea_orm(string_value = "queued")]
    Queued,
    /// Being sent by a worker.
    #[sea_orm(string_value = "sending")]
    Sending,
    /// Accepted by a transport.
    #[sea_orm(string_value = "sent")]
    Sent,
    /// Rejected permanently, or out of attempts.
    #[sea_orm(string_value = "failed")]
    Failed,
    /// Cancelled, by an administrator or because its purpose ended before it was sent.
    #[sea_orm(string_value = "cancelled")]
    Cancelled,
}

impl Status {
    /// What it is called, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Sending priority; stored so that a larger number is more urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
pub enum Priority {
    /// Sent after everything else.
    #[sea_orm(num_value = 0)]
    Low,
    /// What nobody is waiting for at this moment.
    #[sea_orm(num_value = 1)]
    Normal,
    /// Sent before everything else, because somebody is waiting for it.
    #[sea_orm(num_value = 2)]
    High,
}

/// No query joins it.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
