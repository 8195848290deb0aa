//! The API of the e-mail queue.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::{Timestamp, email, email_attempt};

use super::context::{ContextExt, Note};
use super::email_queue::EmailQueue;
use super::error::{bad_request, internal};
use super::guard::{Requires, requires};
use super::ids;
use super::limits::page_complexity;
use super::page::{connection, page_request};
use super::scalars::DateTime;
use super::users::OrderDirection;
use crate::domain::applications::{EMAIL_QUEUE_VIEW, EMAIL_QUEUE_VIEW_SENSITIVE};
use crate::domain::emails;
use crate::domain::text::MAX_SEARCH_LENGTH;
use crate::mail::messages;

/// What can be asked about the e-mail queue.
#[derive(Default)]
pub struct EmailQuery;

#[Object]
impl EmailQuery {
    /// One mail; null where there is none with this ID.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The mail's ID.")] id: ID,
    ) -> Result<Option<Email>> {
        Ok(match ids::decode(&id) {
            Some(id) => emails::find(ctx.app()?, &ctx.actor()?, id)
                .await?
                .map(Email),
            None => None,
        })
    }

    /// Queued and sent mails, the newest first unless another order is asked for.
    #[graphql(
        guard = Requires(EMAIL_QUEUE_VIEW),
        directive = requires::apply(EMAIL_QUEUE_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As many from the beginning: 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "As many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which mails.")] filter: Option<EmailFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<EmailOrder>,
    ) -> Result<EmailConnection> {
        let order = order_by.unwrap_or(EmailOrder {
            field: EmailOrderField::CreatedAt,
            direction: OrderDirection::Desc,
        });
        let keyset = emails::EmailOrderField::from(order.field)
            .keyset(order.direction == OrderDirection::Desc);
        let request = page_request(keyset.order, (first, after, last, before))?;
        let filter = filter
            .map(EmailFilter::decode)
            .transpose()?
            .unwrap_or_default();
        let page = emails::page(ctx.app()?, &ctx.actor()?, &filter, &keyset, &request).await?;
        Ok(EmailConnection::new(page, filter))
    }

    /// The queue as a whole.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn email_queue(&self) -> EmailQueue {
        EmailQueue
    }
}

/// Which mails; what is left out does not narrow.
#[derive(InputObject)]
pub struct EmailFilter {
    /// In any of these states.
    #[graphql(validator(max_items = 100))]
    status: Option<Vec<EmailStatus>>,
    /// Any of these letters, such as "invitation": up to 100.
    #[graphql(validator(max_items = 100))]
    kind: Option<Vec<String>>,
    /// Case-insensitive substring of a recipient. Up to 200 characters.
    to: Option<String>,
    /// Case-insensitive substring of the subject. Up to 200 characters.
    subject: Option<String>,
    /// Queued after this time.
    created_after: Option<DateTime>,
    /// Queued before this time.
    created_before: Option<DateTime>,
}

impl EmailFilter {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// `BAD_REQUEST` for a search term that is too long.
    pub fn decode(self) -> Result<emails::EmailFilter> {
        for (name, term) in [("to", &self.to), ("subject", &self.subject)] {
            if term.as_ref().map_or(0, |term| term.chars().count()) > MAX_SEARCH_LENGTH {
                return Err(bad_request(format!(
                    "`{name}` has at most {MAX_SEARCH_LENGTH} characters."
                )));
            }
        }
        Ok(emails::EmailFilter {
            statuses: self
                .status
                .map(|statuses| statuses.into_iter().map(Into::into).collect()),
            kinds: self.kind,
            to: self.to,
            subject: self.subject,
            created_after: self.created_after.map(Timestamp::from),
            created_before: self.created_before.map(Timestamp::from),
        })
    }
}

/// In which order.
#[derive(InputObject)]
pub struct EmailOrder {
    /// By what.
    field: EmailOrderField,
    /// Which way.
    direction: OrderDirection,
}

/// What mails can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "emails::EmailOrderField")]
pub enum EmailOrderField {
    /// When they were queued.
    CreatedAt,
    /// When they were sent; those that were not come before all others.
    SentAt,
    /// When they are due; those that are not queued come before all others.
    NextAttemptAt,
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "email::Status")]
pub enum EmailStatus {
    /// Waiting for its turn, or for its next attempt.
    Queued,
    /// Claimed by a worker.
    Sending,
    /// Accepted by the transport.
    Sent,
    /// Given up: refused for good, or out of attempts. Stays until retried or deleted.
    Failed,
    /// Withdrawn by an administrator, or because its purpose ended, before it was sent.
    Cancelled,
}

/// What goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "email::Priority")]
pub enum EmailPriority {
    /// Can wait.
    Low,
    /// As most.
    Normal,
    /// Somebody is waiting for it.
    High,
}

/// A mail in the queue, or in its history.
#[derive(Clone, Description)]
pub struct Email(pub emails::Email);

impl From<emails::Email> for Email {
    fn from(email: emails::Email) -> Self {
        Self(email)
    }
}

impl Email {
    /// Leaves a note for the event log that the secret link is shown, if it is.
    fn note_showing(&self, ctx: &Context<'_>) -> Result<()> {
        if let Some(note) = Note::showing(&self.0) {
            ctx.caller()?.note(note);
        }
        Ok(())
    }
}

#[Object(use_type_description)]
impl Email {
    /// Opaque and globally unique.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.0.row().id)
    }

    /// Which letter this is: "invitation", "test", …
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn kind(&self) -> &str {
        &self.0.row().kind
    }

    /// Where it stands.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn status(&self) -> EmailStatus {
        self.0.row().status.into()
    }

    /// What goes first.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn priority(&self) -> EmailPriority {
        self.0.row().priority.into()
    }

    /// The sender.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn from(&self) -> &str {
        &self.0.row().from_mailbox
    }

    /// The recipients' addresses.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn to(&self) -> Vec<&str> {
        self.0.row().to().collect()
    }

    /// The subject.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn subject(&self) -> &str {
        &self.0.row().subject
    }

    /// The text. The secret link is masked unless the reader may see it, see `link`.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn text_body(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        self.note_showing(ctx)?;
        Ok(Some(self.0.text_body()))
    }

    /// The HTML. The secret link is masked unless the reader may see it, see `link`.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn html_body(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        self.note_showing(ctx)?;
        Ok(Some(self.0.html_body()))
    }

    /// The letter's secret link, such as the invitation link; null once it is used, expired or
    /// revoked, for a reader who could not grant every role of that user, and always in a password
    /// reset.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW_SENSITIVE), directive = requires::apply(EMAIL_QUEUE_VIEW_SENSITIVE))]
    async fn link(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        self.note_showing(ctx)?;
        Ok(self.0.link())
    }

    /// The whole message as RFC 5322 has it, with CRLF line ends; also at `GET /emails/{id}.eml`. The
    /// secret link is masked unless the reader may see it, see `link`.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn source(&self, ctx: &Context<'_>) -> Result<String> {
        self.note_showing(ctx)?;
        messages::source(&self.0).map_err(|problem| internal(&problem))
    }

    /// The `Message-ID` header. Stable across retries.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn message_id(&self) -> &str {
        &self.0.row().message_id
    }

    /// The attempts to send it, the oldest first.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Vec<EmailAttempt>> {
        let attempts = emails::attempts(ctx.app()?, self.0.row().id).await?;
        Ok(attempts.into_iter().map(Into::into).collect())
    }

    /// How often it was tried since it was queued, or last put back by `retryEmails`.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn attempt_count(&self) -> i32 {
        self.0.row().attempt_count
    }

    /// What the transport said when it last failed; null where it never did, or was sent since.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn last_error(&self) -> Option<&str> {
        self.0.row().last_error.as_deref()
    }

    /// When it is due; null unless it is queued.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.row().next_attempt_at.0.map(DateTime)
    }

    /// When it was queued.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.0.row().created_at.into()
    }

    /// When the transport accepted it.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn sent_at(&self) -> Option<DateTime> {
        self.0.row().sent_at.0.map(DateTime)
    }
}

/// One try at handing the message to a transport.
#[derive(SimpleObject)]
pub struct EmailAttempt {
    /// When a worker claimed the mail.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    started_at: DateTime,
    /// When the transport answered; null while it works.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    finished_at: Option<DateTime>,
    /// The transport that it was handed to.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    transport: String,
    /// Whether the transport accepted it.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    succeeded: bool,
    /// The transport's own words, such as "550 5.1.1 no such user".
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    response: Option<String>,
}

impl From<email_attempt::Model> for EmailAttempt {
    fn from(attempt: email_attempt::Model) -> Self {
        Self {
            started_at: attempt.started_at.into(),
            finished_at: attempt.finished_at.map(DateTime),
            transport: attempt.transport,
            succeeded: attempt.succeeded,
            response: attempt.response,
        }
    }
}

connection! {
    /// A page of mails.
    EmailConnection, EmailEdge of Email; emails::count where emails::EmailFilter
}
