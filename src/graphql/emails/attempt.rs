//! One attempt to send an e-mail.

use async_graphql::{Enum, ID, SimpleObject};
use entity::email_attempt;

use crate::domain::applications::EMAIL_QUEUE_VIEW;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::scalars::DateTime;

/// One attempt to hand an e-mail to a transport.
#[derive(Clone, SimpleObject)]
pub struct EmailAttempt {
    /// Opaque and globally unique, for caches.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    id: ID,
    /// When a worker began the attempt.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    started_at: DateTime,
    /// When the transport answered; null while the attempt is in progress.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    finished_at: Option<DateTime>,
    /// The name of the transport.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    pub transport: String,
    /// How the attempt ended; null while it is in progress.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    outcome: Option<EmailAttemptOutcome>,
    /// The transport's own response, such as "550 5.1.1 no such user".
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    response: Option<String>,
}

impl From<email_attempt::Model> for EmailAttempt {
    fn from(attempt: email_attempt::Model) -> Self {
        let outcome = attempt.ended();
        Self {
            id: ids::encode(attempt.id),
            started_at: attempt.started_at.into(),
            finished_at: attempt.finished_at.map(DateTime),
            transport: attempt.transport,
            outcome: outcome.map(Into::into),
            response: attempt.response,
        }
    }
}

/// How an attempt to send an e-mail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "email_attempt::Outcome")]
pub enum EmailAttemptOutcome {
    /// The transport accepted the e-mail.
    Delivered,
    /// The transport refused it for now. It is tried again, unless it is out of attempts.
    TransientFailure,
    /// The transport refused it for good.
    PermanentFailure,
    /// The transport could send no e-mail at all. Not the e-mail's fault: the attempt does not count.
    Unavailable,
    /// The server stopped, or fell silent, before the transport answered. Nobody knows whether the e-mail
    /// was sent.
    Interrupted,
}
