//! The API for the e-mails in the queue.

use async_graphql::{Context, Enum, ID, Object, Result};
use entity::email;

use super::context::ContextExt;
use super::email_queue::EmailQueue;
use super::guard::{Requires, requires};
use super::ids;
use super::limits::page_complexity;
use super::page::{OrderDirection, PageArguments, default_first, is_asked_of_nodes, page_request};
use crate::domain::applications::EMAIL_QUEUE_VIEW;
use crate::domain::emails;

mod attempt;
mod listing;
mod object;

pub use attempt::EmailAttempt;
pub use listing::{EmailConnection, EmailFilter, EmailOrder, EmailOrderField};
pub use object::Email;

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
                .map(Email::from),
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

/// What an e-mail is about. Later versions may add kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "emails::EmailKind")]
pub enum EmailKind {
    /// An invitation, with its link.
    Invitation,
    /// The link of a password reset that was asked for.
    PasswordReset,
    /// The link of a password reset that was not asked for: the user has to choose a new password.
    PasswordRequired,
    /// A notice that the password was changed.
    PasswordChanged,
    /// A notice to the old address that it was changed.
    EmailChanged,
    /// A test e-mail.
    Test,
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
