//! One attempt to send an e-mail.

use async_graphql::SimpleObject;
use entity::email_attempt;

use crate::domain::applications::EMAIL_QUEUE_VIEW;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::scalars::DateTime;

/// One attempt to hand an e-mail to a transport.
#[derive(Clone, SimpleObject)]
pub struct EmailAttempt {
    /// When a worker began the attempt.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    started_at: DateTime,
    /// When the transport answered; null while the attempt is in progress.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    finished_at: Option<DateTime>,
    /// The name of the transport.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    pub transport: String,
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
