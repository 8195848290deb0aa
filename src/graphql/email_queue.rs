//! The API of the e-mail queue as a whole, and of what administrators do with the mails in it.

use async_graphql::{Context, Description, ID, InputObject, Object, Result, SimpleObject};

use super::context::ContextExt;
use super::emails::{Email, EmailFilter, EmailStatus};
use super::error::{Payload, UserError, payload, payloads};
use super::guard::{Requires, requires};
use super::ids;
use super::scalars::{DateTime, EmailAddress};
use super::users::User;
use crate::domain::applications::{
    EMAIL_QUEUE_DELETE, EMAIL_QUEUE_UPDATE, EMAIL_QUEUE_VIEW, USERS_VIEW,
};
use crate::domain::emails::administration::{self, Chosen};
use crate::domain::{emails, users};

/// What can be done with the e-mail queue.
#[derive(Default)]
pub struct EmailQueueMutation;

#[Object]
impl EmailQueueMutation {
    /// Queues mails again that have failed, or were cancelled, with as many attempts as a new mail
    /// has. One whose purpose has ended, such as the letter of an expired invitation, is refused by
    /// ID and passed over by filter.
    #[graphql(guard = Requires(EMAIL_QUEUE_UPDATE), directive = requires::apply(EMAIL_QUEUE_UPDATE))]
    async fn retry_emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which mails.")] input: RetryEmailsInput,
    ) -> Result<RetryEmailsPayload> {
        let chosen = chosen(input.ids, input.filter)?;
        let outcome = administration::retry(ctx.app()?, &ctx.actor()?, &chosen).await;
        payload(outcome, RetryEmailsPayload::of)
    }

    /// Withdraws mails that wait for their turn, or have failed.
    #[graphql(guard = Requires(EMAIL_QUEUE_UPDATE), directive = requires::apply(EMAIL_QUEUE_UPDATE))]
    async fn cancel_emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which mails.")] input: CancelEmailsInput,
    ) -> Result<CancelEmailsPayload> {
        let chosen = chosen(input.ids, input.filter)?;
        let outcome = administration::cancel(ctx.app()?, &ctx.actor()?, &chosen).await;
        payload(outcome, CancelEmailsPayload::of)
    }

    /// Deletes mails and what is known of their attempts, whatever their state, except while they
    /// are being sent.
    #[graphql(guard = Requires(EMAIL_QUEUE_DELETE), directive = requires::apply(EMAIL_QUEUE_DELETE))]
    async fn delete_emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which mails.")] input: DeleteEmailsInput,
    ) -> Result<DeleteEmailsPayload> {
        let chosen = chosen(input.ids, input.filter)?;
        let outcome = administration::delete(ctx.app()?, &ctx.actor()?, &chosen).await;
        payload(outcome, DeleteEmailsPayload::of)
    }

    /// Queues a letter that shows whether mail goes out. What becomes of it, the mail tells, and
    /// `emailChanged` as it happens.
    #[graphql(guard = Requires(EMAIL_QUEUE_UPDATE), directive = requires::apply(EMAIL_QUEUE_UPDATE))]
    async fn send_test_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "To whom.")] input: SendTestEmailInput,
    ) -> Result<SendTestEmailPayload> {
        let outcome = administration::send_test(ctx.app()?, &ctx.actor()?, &input.to.0).await;
        payload(outcome, |email| SendTestEmailPayload {
            email: Some(Email(email)),
            ..Default::default()
        })
    }

    /// Stops the queue. What is being sent is finished; nothing else is begun.
    #[graphql(guard = Requires(EMAIL_QUEUE_UPDATE), directive = requires::apply(EMAIL_QUEUE_UPDATE))]
    async fn pause_email_queue(&self, ctx: &Context<'_>) -> Result<PauseEmailQueuePayload> {
        emails::pause(ctx.app()?, &ctx.actor()?).await?;
        Ok(PauseEmailQueuePayload::default())
    }

    /// Sets the queue going again, and has a transport that was unavailable tried at once.
    #[graphql(guard = Requires(EMAIL_QUEUE_UPDATE), directive = requires::apply(EMAIL_QUEUE_UPDATE))]
    async fn resume_email_queue(&self, ctx: &Context<'_>) -> Result<ResumeEmailQueuePayload> {
        emails::resume(ctx.app()?, &ctx.actor()?).await?;
        Ok(ResumeEmailQueuePayload::default())
    }
}

fn chosen(ids: Option<Vec<ID>>, filter: Option<EmailFilter>) -> Result<Chosen> {
    Ok(Chosen {
        ids: ids.map(|ids| ids.iter().map(ids::decode).collect()),
        filter: filter.map(EmailFilter::decode).transpose()?,
    })
}

/// Mails to be tried again: by ID, or all that a filter matches; exactly one of the two.
#[derive(InputObject)]
pub struct RetryEmailsInput {
    /// These: up to 500. Where one cannot be tried again, none is.
    ids: Option<Vec<ID>>,
    /// All that this matches and that can be tried again.
    filter: Option<EmailFilter>,
}

/// Mails to be withdrawn: by ID, or all that a filter matches; exactly one of the two.
#[derive(InputObject)]
pub struct CancelEmailsInput {
    /// These: up to 500. Where one cannot be withdrawn, none is.
    ids: Option<Vec<ID>>,
    /// All that this matches and that can be withdrawn.
    filter: Option<EmailFilter>,
}

/// Mails to be deleted: by ID, or all that a filter matches; exactly one of the two.
#[derive(InputObject)]
pub struct DeleteEmailsInput {
    /// These: up to 500. Where one cannot be deleted, none is.
    ids: Option<Vec<ID>>,
    /// All that this matches and that can be deleted.
    filter: Option<EmailFilter>,
}

/// Declares payloads that tell how many mails there were.
macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// How many mails it was done with.
            count: u64,
            /// All that is wrong with the input. Where there is anything, nothing was changed.
            user_errors: Vec<UserError>,
        }

        impl $name {
            fn of(count: u64) -> Self {
                Self { count, user_errors: Vec::new() }
            }
        }

        impl Payload for $name {
            fn refused(user_errors: Vec<UserError>) -> Self {
                Self { count: 0, user_errors }
            }
        }
    )*};
}

counts! {
    /// Mails were queued again.
    RetryEmailsPayload
    /// Mails were withdrawn.
    CancelEmailsPayload
    /// Mails were deleted.
    DeleteEmailsPayload
}

/// Whom to send a test e-mail.
#[derive(InputObject)]
pub struct SendTestEmailInput {
    /// The address.
    to: EmailAddress,
}

payloads! {
    /// A test e-mail is in the queue.
    SendTestEmailPayload {
        /// The mail; null where it was refused.
        email: Email,
    }
}

/// The queue is stopped.
#[derive(Default, SimpleObject)]
pub struct PauseEmailQueuePayload {
    /// The queue.
    email_queue: EmailQueue,
    /// Nothing: there is no input that could be wrong.
    user_errors: Vec<UserError>,
}

/// The queue runs.
#[derive(Default, SimpleObject)]
pub struct ResumeEmailQueuePayload {
    /// The queue.
    email_queue: EmailQueue,
    /// Nothing: there is no input that could be wrong.
    user_errors: Vec<UserError>,
}

/// The queue as a whole.
#[derive(Default, Description)]
pub struct EmailQueue;

#[Object(use_type_description)]
impl EmailQueue {
    /// The transport that the configuration selects: "smtp", "file", "log", …
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn transport(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.app()?.settings.mail.transport.clone())
    }

    /// Whether the transport can be used, as far as the last mails have shown.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn transport_state(&self, ctx: &Context<'_>) -> Result<EmailTransportState> {
        let state = emails::queue_state(ctx.app()?.db.read()).await?;
        Ok(EmailTransportState {
            is_available: state.transport_failed_at.is_none(),
            unavailable_since: state.transport_failed_at.map(DateTime),
            error: state.transport_error,
            next_attempt_at: state.transport_retry_at.map(DateTime),
        })
    }

    /// Whether an administrator has stopped it.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn is_paused(&self, ctx: &Context<'_>) -> Result<bool> {
        let state = emails::queue_state(ctx.app()?.db.read()).await?;
        Ok(state.paused_at.is_some())
    }

    /// Since when it is stopped; null while it runs.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn paused_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        let state = emails::queue_state(ctx.app()?.db.read()).await?;
        Ok(state.paused_at.map(DateTime))
    }

    /// Who has stopped it; null while it runs, or where they are deleted.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn paused_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let state = emails::queue_state(ctx.app()?.db.read()).await?;
        Ok(match state.paused_by {
            Some(id) => users::find(ctx.app()?, id).await?.map(User::from),
            None => None,
        })
    }

    /// How many mails are in each state.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn counts(&self, ctx: &Context<'_>) -> Result<Vec<EmailStatusCount>> {
        let counts = emails::counts(ctx.app()?).await?;
        Ok(counts
            .into_iter()
            .map(|(status, count)| EmailStatusCount {
                status: status.into(),
                count,
            })
            .collect())
    }

    /// How long the oldest mail that is due has been waiting; null where none is.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn oldest_due_age_seconds(&self, ctx: &Context<'_>) -> Result<Option<u64>> {
        Ok(emails::oldest_due_age(ctx.app()?).await?)
    }
}

/// Whether the transport can be used. While it cannot, no mail is tried, and none loses an attempt.
#[derive(SimpleObject)]
pub struct EmailTransportState {
    /// Whether it can.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    is_available: bool,
    /// Since when it cannot.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    unavailable_since: Option<DateTime>,
    /// Why: what the transport said.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    error: Option<String>,
    /// When it is tried again.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    next_attempt_at: Option<DateTime>,
}

/// How many mails are in a state.
#[derive(SimpleObject)]
pub struct EmailStatusCount {
    /// The state.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    status: EmailStatus,
    /// How many are in it.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    count: u64,
}
