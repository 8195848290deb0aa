//! The API for the e-mails in the queue.

use std::borrow::Cow;

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::{InvitationId, Timestamp, UserId, email, email_attempt};
use uuid::Uuid;

use super::context::ContextExt;
use super::email_queue::EmailQueue;
use super::error::{check_search, internal};
use super::guard::{Requires, requires};
use super::ids;
use super::limits::page_complexity;
use super::page::{
    OrderDirection, PageArguments, connection, default_first, is_asked_of_nodes, page_request,
};
use super::scalars::{DateTime, EmailAddress};
use crate::domain::applications::{EMAIL_QUEUE_VIEW, EMAIL_QUEUE_VIEW_SENSITIVE};
use crate::domain::emails;
use crate::mail::messages;

/// The queries about e-mails and their queue.
#[derive(Default)]
pub struct EmailQuery;

#[Object]
impl EmailQuery {
    /// The e-mail with this ID; null if there is none.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The e-mail's ID.")] id: ID,
    ) -> Result<Option<Email>> {
        Ok(match ids::decode(&id) {
            Some(id) => emails::find(ctx.app()?, &ctx.actor()?, id)
                .await?
                .map(Email),
            None => None,
        })
    }

    /// All queued and sent e-mails that match the filter, newest first unless `orderBy` says
    /// otherwise.
    #[graphql(
        guard = Requires(EMAIL_QUEUE_VIEW),
        directive = requires::apply(EMAIL_QUEUE_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first n items (1–100). The default does not count together with `last`.",
            default_with = "default_first()"
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last n items (1–100).")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which e-mails to return.")] filter: Option<EmailFilter>,
        #[graphql(desc = "How to sort the list.")] order_by: Option<EmailOrder>,
    ) -> Result<EmailConnection> {
        let order = order_by.unwrap_or(EmailOrder {
            field: EmailOrderField::CreatedAt,
            direction: OrderDirection::Desc,
        });
        let keyset = emails::EmailOrderField::from(order.field)
            .keyset(order.direction == OrderDirection::Desc);
        let request = page_request(keyset.order, PageArguments::new(first, after, last, before))?;
        let filter = filter
            .map(EmailFilter::decode)
            .transpose()?
            .unwrap_or_default();
        let with_bodies = ["textBody", "htmlBody", "source"]
            .into_iter()
            .any(|field| is_asked_of_nodes(ctx, field));
        let (app, actor) = (ctx.app()?, ctx.actor()?);
        let page = emails::page(app, &actor, &filter, &keyset, &request, with_bodies).await?;
        Ok(EmailConnection::new(page, filter))
    }

    /// The state of the queue as a whole.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn email_queue(&self, ctx: &Context<'_>) -> Result<EmailQueue> {
        EmailQueue::load(ctx).await
    }
}

/// Filters e-mails. Conditions are combined with AND; omitted ones are ignored.
#[derive(InputObject)]
pub struct EmailFilter {
    /// E-mails in any of these states.
    #[graphql(validator(max_items = 100))]
    statuses: Option<Vec<EmailStatus>>,
    /// E-mails of any of these kinds, such as "invitation" (up to 100).
    #[graphql(validator(max_items = 100))]
    kinds: Option<Vec<String>>,
    /// Case-insensitive substring of a recipient's address. Up to 200 characters.
    to: Option<String>,
    /// Case-insensitive substring of the subject. Up to 200 characters.
    subject: Option<String>,
    /// Case-insensitive substring of a recipient's address or of the subject. Up to 200 characters.
    search: Option<String>,
    /// E-mails that carried an invitation or a password reset link of this user.
    user_id: Option<ID>,
    /// E-mails that carried this invitation.
    invitation_id: Option<ID>,
    /// E-mails that this transport has tried to send, such as "smtp".
    transport: Option<String>,
    /// Substring of `lastError`; the letters A to Z match in upper and lower case. Up to 200 characters.
    last_error: Option<String>,
    /// E-mails sent after this time.
    sent_after: Option<DateTime>,
    /// E-mails queued after this time.
    created_after: Option<DateTime>,
    /// E-mails queued before this time.
    created_before: Option<DateTime>,
}

impl EmailFilter {
    /// Converts it to the domain's filter.
    ///
    /// # Errors
    ///
    /// `BAD_REQUEST` for a search term that is too long.
    pub fn decode(self) -> Result<emails::EmailFilter> {
        for (name, term) in [
            ("to", &self.to),
            ("subject", &self.subject),
            ("search", &self.search),
            ("transport", &self.transport),
            ("lastError", &self.last_error),
        ] {
            check_search(name, term.as_deref())?;
        }
        Ok(emails::EmailFilter {
            statuses: self
                .statuses
                .map(|statuses| statuses.into_iter().map(Into::into).collect()),
            kinds: self.kinds,
            to: self.to,
            subject: self.subject,
            search: self.search,
            // An ID of some other kind has no e-mails.
            user: self
                .user_id
                .map(|id| ids::decode(&id).unwrap_or(UserId(Uuid::nil()))),
            invitation: self
                .invitation_id
                .map(|id| ids::decode(&id).unwrap_or(InvitationId(Uuid::nil()))),
            transport: self.transport,
            last_error: self.last_error,
            sent_after: self.sent_after.map(Timestamp::from),
            created_after: self.created_after.map(Timestamp::from),
            created_before: self.created_before.map(Timestamp::from),
        })
    }
}

/// How a list of e-mails is sorted.
#[derive(InputObject)]
pub struct EmailOrder {
    /// The field to sort by.
    field: EmailOrderField,
    /// The sort direction.
    direction: OrderDirection,
}

/// The fields that e-mails can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "emails::EmailOrderField")]
pub enum EmailOrderField {
    /// When the e-mail was queued.
    CreatedAt,
    /// When the e-mail was sent. Those that have not been sent come first in ascending order.
    SentAt,
    /// When the next attempt is due. E-mails that are not queued come first in ascending order.
    NextAttemptAt,
}

/// The state of an e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "email::Status")]
pub enum EmailStatus {
    /// Waiting for its first or next attempt.
    Queued,
    /// Being sent by a worker.
    Sending,
    /// Accepted by the transport.
    Sent,
    /// Rejected permanently, or out of attempts. Kept until it is retried or deleted.
    Failed,
    /// Cancelled before it was sent: by an administrator, or because it no longer served a purpose.
    Cancelled,
}

/// Sending priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "email::Priority")]
pub enum EmailPriority {
    /// Sent after everything else.
    Low,
    /// The default.
    Normal,
    /// Sent before everything else, because somebody is waiting for it.
    High,
}

/// An e-mail in the queue or in its history.
#[derive(Clone, Description)]
pub struct Email(pub emails::Email);

impl From<emails::Email> for Email {
    fn from(email: emails::Email) -> Self {
        Self(email)
    }
}

impl Email {
    /// The e-mail with its bodies, which a list leaves out where it sees that nobody asks for them.
    async fn whole(&self, ctx: &Context<'_>) -> Result<Cow<'_, emails::Email>> {
        if self.0.is_whole() {
            return Ok(Cow::Borrowed(&self.0));
        }
        let actor = ctx.actor()?;
        // Boxed, as the attempts are: the future of each field is as large as that of the largest, and
        // is moved about for each e-mail of a list.
        let whole = Box::pin(emails::find(ctx.app()?, &actor, self.0.row().id)).await?;
        let deleted = || internal("an e-mail was deleted while it was being shown");
        whole.map(Cow::Owned).ok_or_else(deleted)
    }
}

#[Object(use_type_description)]
impl Email {
    /// Opaque and globally unique.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.0.row().id)
    }

    /// The kind of e-mail, such as "invitation" or "test".
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn kind(&self) -> &str {
        &self.0.row().kind
    }

    /// The state of the e-mail.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn status(&self) -> EmailStatus {
        self.0.row().status.into()
    }

    /// The sending priority.
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
    async fn to(&self) -> Vec<EmailAddress> {
        let to = self.0.row().to();
        to.map(|address| EmailAddress(address.to_owned())).collect()
    }

    /// The subject.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn subject(&self) -> &str {
        &self.0.row().subject
    }

    /// The plain-text body. The secret link is masked unless the viewer may see it (see `link`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn text_body(&self, ctx: &Context<'_>) -> Result<String> {
        let whole = self.whole(ctx).await?;
        ctx.caller()?.note_showing(&whole);
        Ok(whole.text_body())
    }

    /// The HTML body. The secret link is masked unless the viewer may see it (see `link`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn html_body(&self, ctx: &Context<'_>) -> Result<String> {
        let whole = self.whole(ctx).await?;
        ctx.caller()?.note_showing(&whole);
        Ok(whole.html_body())
    }

    /// The secret link, such as the invitation link. Null if the e-mail has none, once the link has
    /// been used, has expired or was revoked, for a viewer who could not assign every role of the
    /// recipient, and always for a password reset.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW_SENSITIVE), directive = requires::apply(EMAIL_QUEUE_VIEW_SENSITIVE))]
    async fn link(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        ctx.caller()?.note_showing(&self.0);
        Ok(self.0.link())
    }

    /// The complete RFC 5322 message, with CRLF line endings. Also available at
    /// `GET /emails/{id}.eml`. The secret link is masked unless the viewer may see it (see `link`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn source(&self, ctx: &Context<'_>) -> Result<String> {
        let whole = self.whole(ctx).await?;
        ctx.caller()?.note_showing(&whole);
        messages::source(&whole).map_err(|problem| internal(&problem))
    }

    /// The `Message-ID` header, which is the same for every attempt.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn message_id(&self) -> &str {
        &self.0.row().message_id
    }

    /// The attempts to send the e-mail, oldest first.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Vec<EmailAttempt>> {
        let attempts = Box::pin(emails::attempts(ctx.app()?, self.0.row().id)).await?;
        Ok(attempts.into_iter().map(Into::into).collect())
    }

    /// The number of attempts since the e-mail was queued, or last requeued by `retryEmails`.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn attempt_count(&self) -> i32 {
        self.0.row().attempt_count
    }

    /// What the transport said about the last failure; null if there was none, or if the e-mail has
    /// been sent since.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn last_error(&self) -> Option<&str> {
        self.0.row().last_error.as_deref()
    }

    /// When the next attempt is due; null unless the e-mail is queued.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.row().next_attempt_at.0.map(DateTime)
    }

    /// When the e-mail was queued.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.0.row().created_at.into()
    }

    /// When the transport accepted the e-mail; null if it has not.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn sent_at(&self) -> Option<DateTime> {
        self.0.row().sent_at.0.map(DateTime)
    }
}

/// One attempt to hand an e-mail to a transport.
#[derive(SimpleObject)]
pub struct EmailAttempt {
    /// When a worker began the attempt.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    started_at: DateTime,
    /// When the transport answered; null while the attempt is in progress.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    finished_at: Option<DateTime>,
    /// The name of the transport.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    transport: String,
    /// Whether the transport accepted the e-mail.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    succeeded: bool,
    /// The transport's own response, such as "550 5.1.1 no such user".
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
    /// A page of e-mails.
    EmailConnection, EmailEdge of Email; emails::count where emails::EmailFilter
}
