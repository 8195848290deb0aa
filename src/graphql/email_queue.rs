//! The API for the e-mail queue as a whole, and for what administrators do with the e-mails in it.

use async_graphql::{Context, Description, ID, InputObject, Object, Result, SimpleObject};
use entity::{EmailId, email_queue};

use super::context::ContextExt;
use super::emails::{Email, EmailFilter, EmailStatus};
use super::error::UserError;
use super::guard::{Requires, requires};
use super::ids;
use super::limits::rows_complexity;
use super::many::{NamedBy, named_count};
use super::payload::{Payload, note_change, payload, payloads};
use super::scalars::{DateTime, EmailAddress};
use super::users::User;
use crate::domain::applications::{
    EMAIL_QUEUE_DELETE, EMAIL_QUEUE_UPDATE, EMAIL_QUEUE_VIEW, USERS_VIEW,
};
use crate::domain::emails::administration::{self, EmailAction, Selection};
use crate::domain::{self, emails};

/// The mutations for the e-mail queue.
#[derive(Default)]
pub struct EmailQueueMutation;

#[Object]
impl EmailQueueMutation {
    /// Puts failed or cancelled e-mails back into the queue, with as many attempts as a new e-mail
    /// has, and makes queued ones due that wait for a later attempt. Those that are due already stay as
    /// they are, and are not counted. An e-mail that cannot be retried, for example because its invitation has expired, is an
    /// error when named by ID, and skipped when matched by a filter.
    #[graphql(
        guard = Requires(EMAIL_QUEUE_UPDATE),
        directive = requires::apply(EMAIL_QUEUE_UPDATE),
        complexity = "rows_complexity(named_count([&input.ids]), MAX_SHOWN, child_complexity)"
    )]
    async fn retry_emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which e-mails to retry.")] input: RetryEmailsInput,
    ) -> Result<RetryEmailsPayload> {
        let changed = change(ctx, EmailAction::Retry, input.ids, input.filter).await?;
        RetryEmailsPayload::of(ctx, changed).await
    }

    /// Cancels e-mails that are queued or have failed.
    #[graphql(
        guard = Requires(EMAIL_QUEUE_UPDATE),
        directive = requires::apply(EMAIL_QUEUE_UPDATE),
        complexity = "rows_complexity(named_count([&input.ids]), MAX_SHOWN, child_complexity)"
    )]
    async fn cancel_emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which e-mails to cancel.")] input: CancelEmailsInput,
    ) -> Result<CancelEmailsPayload> {
        let changed = change(ctx, EmailAction::Cancel, input.ids, input.filter).await?;
        CancelEmailsPayload::of(ctx, changed).await
    }

    /// Deletes e-mails and the record of their attempts. An e-mail that is being sent cannot be
    /// deleted.
    #[graphql(
        guard = Requires(EMAIL_QUEUE_DELETE),
        directive = requires::apply(EMAIL_QUEUE_DELETE),
        complexity = "rows_complexity(named_count([&input.ids]), MAX_SHOWN, child_complexity)"
    )]
    async fn delete_emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which e-mails to delete.")] input: DeleteEmailsInput,
    ) -> Result<DeleteEmailsPayload> {
        let deleted = change(ctx, EmailAction::Delete, input.ids, input.filter).await?;
        payload(ctx, deleted, |ids| DeleteEmailsPayload {
            count: Some(ids.len() as u64),
            deleted_ids: Some(
                ids.iter()
                    .take(MAX_SHOWN)
                    .map(|id| ids::encode(*id))
                    .collect(),
            ),
            user_errors: Vec::new(),
        })
    }

    /// Queues a test e-mail. Follow it through the returned e-mail or `emailChanged`.
    #[graphql(guard = Requires(EMAIL_QUEUE_UPDATE), directive = requires::apply(EMAIL_QUEUE_UPDATE))]
    async fn send_test_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where to send the e-mail.")] input: SendTestEmailInput,
    ) -> Result<SendTestEmailPayload> {
        let (to, key) = (&input.to.0, input.idempotency_key.as_deref());
        let outcome = administration::send_test(ctx.app()?, &ctx.actor()?, to, key).await;
        payload(ctx, outcome, SendTestEmailPayload::new)
    }

    /// Pauses the queue. E-mails that are already being sent are finished; no others are started.
    #[graphql(guard = Requires(EMAIL_QUEUE_UPDATE), directive = requires::apply(EMAIL_QUEUE_UPDATE))]
    async fn pause_email_queue(&self, ctx: &Context<'_>) -> Result<PauseEmailQueuePayload> {
        let paused = emails::pause(ctx.app()?, &ctx.actor()?).await;
        note_change(ctx, &paused)?;
        paused?;
        Ok(PauseEmailQueuePayload::new(EmailQueue::load(ctx).await?))
    }

    /// Resumes the queue, and retries an unavailable transport immediately.
    #[graphql(guard = Requires(EMAIL_QUEUE_UPDATE), directive = requires::apply(EMAIL_QUEUE_UPDATE))]
    async fn resume_email_queue(&self, ctx: &Context<'_>) -> Result<ResumeEmailQueuePayload> {
        let resumed = emails::resume(ctx.app()?, &ctx.actor()?).await;
        note_change(ctx, &resumed)?;
        resumed?;
        Ok(ResumeEmailQueuePayload::new(EmailQueue::load(ctx).await?))
    }
}

/// Does it with the e-mails that the input names.
async fn change(
    ctx: &Context<'_>,
    deed: EmailAction,
    ids: Option<Vec<ID>>,
    filter: Option<EmailFilter>,
) -> Result<domain::Result<Vec<EmailId>>> {
    let meant = match NamedBy::new([("ids", ids)], filter) {
        Err(error) => return Ok(Err(error)),
        Ok(NamedBy::List(_, ids)) => Selection::Ids(ids.iter().map(ids::decode).collect()),
        Ok(NamedBy::Filter(filter)) => {
            if let Some(error) = filter.flaw() {
                return Ok(Err(error.into()));
            }
            Selection::Filter(Box::new(filter.decode()?))
        }
    };
    Ok(administration::change(ctx.app()?, &ctx.actor()?, deed, &meant).await)
}

/// The e-mails to retry: either `ids` or `filter`, not both.
#[derive(InputObject)]
pub struct RetryEmailsInput {
    /// The IDs of up to 500 e-mails. If any of them cannot be retried, none are.
    ids: Option<Vec<ID>>,
    /// Retries all e-mails that match this filter and can be retried.
    filter: Option<EmailFilter>,
}

/// The e-mails to cancel: either `ids` or `filter`, not both.
#[derive(InputObject)]
pub struct CancelEmailsInput {
    /// The IDs of up to 500 e-mails. If any of them cannot be cancelled, none are.
    ids: Option<Vec<ID>>,
    /// Cancels all e-mails that match this filter and can be cancelled.
    filter: Option<EmailFilter>,
}

/// The e-mails to delete: either `ids` or `filter`, not both.
#[derive(InputObject)]
pub struct DeleteEmailsInput {
    /// The IDs of up to 500 e-mails. If any of them cannot be deleted, none are.
    ids: Option<Vec<ID>>,
    /// Deletes all e-mails that match this filter and can be deleted.
    filter: Option<EmailFilter>,
}

/// How many of the changed e-mails a payload shows.
const MAX_SHOWN: usize = 500;

/// Declares payloads that show the e-mails that were changed.
macro_rules! change_payloads {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The number of e-mails affected; null if there are `userErrors`.
            count: Option<u64>,
            /// The e-mails affected, up to 500 of them; null if there are `userErrors`.
            emails: Option<Vec<Email>>,
            /// All errors in the input. If there are any, nothing was changed.
            user_errors: Vec<UserError>,
        }

        impl $name {
            async fn of(ctx: &Context<'_>, changed: domain::Result<Vec<EmailId>>) -> Result<Self> {
                note_change(ctx, &changed)?;
                let emails = match &changed {
                    Ok(ids) if ctx.look_ahead().field("emails").exists() => shown(ctx, ids).await?,
                    _ => Vec::new(),
                };
                payload(ctx, changed, |ids| Self {
                    count: Some(ids.len() as u64),
                    emails: Some(emails),
                    user_errors: Vec::new(),
                })
            }
        }

        impl Payload for $name {
            fn refused(user_errors: Vec<UserError>) -> Self {
                Self { count: None, emails: None, user_errors }
            }
        }
    )*};
}

change_payloads! {
    /// The result of `retryEmails`.
    RetryEmailsPayload
    /// The result of `cancelEmails`.
    CancelEmailsPayload
}

/// The e-mails with these IDs as they are by now, in their order.
async fn shown(ctx: &Context<'_>, ids: &[EmailId]) -> Result<Vec<Email>> {
    let ids = &ids[..ids.len().min(MAX_SHOWN)];
    let mut found = emails::find_briefly(ctx.app()?, &ctx.actor()?, ids).await?;
    found.sort_by_key(|email| ids.iter().position(|id| *id == email.row().id));
    Ok(Email::together(found))
}

/// The result of `deleteEmails`.
#[derive(SimpleObject)]
pub struct DeleteEmailsPayload {
    /// The number of e-mails deleted; null if there are `userErrors`.
    count: Option<u64>,
    /// The IDs of the deleted e-mails, up to 500 of them; null if there are `userErrors`.
    deleted_ids: Option<Vec<ID>>,
    /// All errors in the input. If there are any, nothing was changed.
    user_errors: Vec<UserError>,
}

impl Payload for DeleteEmailsPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self {
            count: None,
            deleted_ids: None,
            user_errors,
        }
    }
}

/// Where to send a test e-mail.
#[derive(InputObject)]
pub struct SendTestEmailInput {
    /// The recipient's e-mail address.
    to: EmailAddress,
    /// A text that no other input has, such as a UUID: 1 to 255 characters. Whoever sends the same input again
    /// with the same key, within 24 hours, sends nothing twice: the payload has the e-mail as it is by then;
    /// `NOT_FOUND` if it was deleted since. With another input, the key is refused with `IDEMPOTENCY_KEY_REUSED`.
    /// What was refused has not used its key.
    idempotency_key: Option<String>,
}

payloads! {
    /// The result of `sendTestEmail`.
    SendTestEmailPayload {
        /// The queued e-mail; null if there are `userErrors`.
        email: Email,
    }

    /// The result of `pauseEmailQueue`.
    PauseEmailQueuePayload {
        /// The paused queue; null if there are `userErrors`.
        email_queue: EmailQueue,
    }

    /// The result of `resumeEmailQueue`.
    ResumeEmailQueuePayload {
        /// The running queue; null if there are `userErrors`.
        email_queue: EmailQueue,
    }
}

/// The state of the e-mail queue as a whole.
#[derive(Description)]
pub struct EmailQueue {
    state: email_queue::Model,
    /// How many e-mails are in each state, if they were counted together with it.
    counts: Option<emails::watchers::Counts>,
}

impl EmailQueue {
    /// Its current state.
    pub async fn load(ctx: &Context<'_>) -> Result<Self> {
        let app = ctx.app()?;
        Ok(Self {
            state: emails::queue_state(app, app.db.read()).await?,
            counts: None,
        })
    }

    /// Its state at a time when the e-mails in it were counted.
    pub fn counted(state: email_queue::Model, counts: emails::watchers::Counts) -> Self {
        let counts = Some(counts);
        Self { state, counts }
    }
}

#[Object(use_type_description)]
impl EmailQueue {
    /// Opaque and always the same, for caches: there is one queue.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn id(&self) -> ID {
        ID("email_queue".to_owned())
    }

    /// The transport selected in the configuration, such as "smtp", "file" or "log".
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn transport(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.app()?.settings.mail.transport.clone())
    }

    /// Whether the transport is available, judging by the most recent attempts.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn transport_state(&self) -> EmailTransportState {
        let state = &self.state;
        EmailTransportState {
            is_available: state.transport_failed_at.is_none(),
            unavailable_since: state.transport_failed_at.map(DateTime),
            error: state.transport_error.clone(),
            next_attempt_at: state.transport_retry_at.map(DateTime),
        }
    }

    /// Whether an administrator has paused the queue.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn is_paused(&self) -> bool {
        self.state.paused_at.is_some()
    }

    /// When the queue was paused; null while it is running.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn paused_at(&self) -> Option<DateTime> {
        self.state.paused_at.map(DateTime)
    }

    /// Who paused the queue; null while it is running, if that user has been deleted, or if it was paused on
    /// the server's command line or because a backup was restored.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn paused_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::find(ctx, self.state.paused_by).await
    }

    /// The number of e-mails in each state.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn counts(&self, ctx: &Context<'_>) -> Result<Vec<EmailStatusCount>> {
        let counts = match &self.counts {
            Some(counts) => counts.clone(),
            None => emails::counts(ctx.app()?).await?,
        };
        Ok(counts
            .into_iter()
            .map(|(status, count)| EmailStatusCount {
                status: status.into(),
                count,
            })
            .collect())
    }

    /// How long the oldest e-mail that is due has been waiting, in seconds; null if none is due. While the
    /// transport is unavailable, what was tried with it and waits for it is due.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn oldest_due_age_seconds(&self, ctx: &Context<'_>) -> Result<Option<u64>> {
        Ok(emails::oldest_due_age(ctx.app()?).await?)
    }

    /// What the viewer is allowed to do with the queue.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn viewer_can(&self) -> EmailQueueViewerCan {
        EmailQueueViewerCan {
            is_paused: self.state.paused_at.is_some(),
        }
    }
}

/// What the viewer is currently allowed to do with the queue, by the same rules that the mutations apply.
#[derive(Description)]
pub struct EmailQueueViewerCan {
    is_paused: bool,
}

#[Object(use_type_description)]
impl EmailQueueViewerCan {
    /// Whether the viewer can pause the queue (`pauseEmailQueue`), which is running.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn pause(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(!self.is_paused && ctx.actor()?.holds(&EMAIL_QUEUE_UPDATE))
    }

    /// Whether the viewer can resume the queue (`resumeEmailQueue`), which is paused.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn resume(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.is_paused && ctx.actor()?.holds(&EMAIL_QUEUE_UPDATE))
    }

    /// Whether the viewer can send a test e-mail (`sendTestEmail`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn send_test_email(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.actor()?.holds(&EMAIL_QUEUE_UPDATE))
    }
}

/// Whether the transport is available. While it is not, no e-mails are sent and none use up an
/// attempt.
#[derive(SimpleObject)]
pub struct EmailTransportState {
    /// Whether the transport is available.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    is_available: bool,
    /// When the transport became unavailable; null while it is available.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    unavailable_since: Option<DateTime>,
    /// Why the transport is unavailable, in its own words; null while it is available.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    error: Option<String>,
    /// When the transport will be tried again; null while it is available.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    next_attempt_at: Option<DateTime>,
}

/// The number of e-mails in one state.
#[derive(SimpleObject)]
pub struct EmailStatusCount {
    /// The state.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    status: EmailStatus,
    /// The number of e-mails in that state.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    count: u64,
}
