//! Pausing the transport while it is unavailable: trying it with each e-mail would cost time, and the
//! e-mails attempts that they are not to blame for.

use entity::email_queue;
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::outcome::{Outcome, Verdict};
use crate::database::Write;
use crate::domain::app::App;
use crate::domain::change::Change;
use crate::domain::error::Result;

/// Whether no e-mail may be sent at the moment, because the queue or the transport is paused.
pub(super) fn is_paused(app: &App, state: &email_queue::Model) -> bool {
    let queue = &app.settings.mail.queue;
    let longest = queue.retry_after_at_most.max(queue.retry_after);
    let now = app.clock.now();
    // A later time was set by a clock that was wrong.
    let waits_for_transport = state
        .transport_retry_at
        .is_some_and(|retry| retry > now && retry <= now.after(longest));
    state.paused_at.is_some() || waits_for_transport
}

/// The same in SQL: whether e-mails may be sent, by the queue's own row.
pub(super) fn may_send(app: &App) -> SimpleExpr {
    use email_queue::Column;
    let queue = &app.settings.mail.queue;
    let longest = queue.retry_after_at_most.max(queue.retry_after);
    let now = app.clock.now();
    let waits =
        (Column::TransportRetryAt.gt(now)).and(Column::TransportRetryAt.lte(now.after(longest)));
    let retry = (Column::TransportRetryAt.is_null()).or(waits.not());
    Column::PausedAt.is_null().and(retry)
}

/// Pauses the transport when it is unavailable, for as long as it has already been so, and ends the
/// pause when it has answered again.
pub(super) async fn note(
    change: &Change<'_>,
    state: &mut email_queue::Model,
    outcome: &Outcome,
) -> Result<()> {
    let app = change.app();
    let queue = &app.settings.mail.queue;
    let now = app.clock.now();
    (
        state.transport_failed_at,
        state.transport_error,
        state.transport_retry_at,
    ) = match (outcome.verdict, state.transport_failed_at) {
        (Verdict::Unavailable, since) => {
            let since = since.unwrap_or(now);
            let wait = now.since(since).clamp(
                queue.retry_after,
                queue.retry_after_at_most.max(queue.retry_after),
            );
            let retry_at = Some(now.after(wait));
            (Some(since), Some(outcome.response.clone()), retry_at)
        }
        // It answered, whatever it says about this e-mail.
        (Verdict::Delivered | Verdict::Permanent, Some(_)) => (None, None, None),
        _ => return Ok(()),
    };
    email_queue::Entity::update_many()
        .set(email_queue::ActiveModel {
            transport_failed_at: Set(state.transport_failed_at),
            transport_error: Set(state.transport_error.clone()),
            transport_retry_at: Set(state.transport_retry_at),
            ..Default::default()
        })
        .filter(email_queue::Column::Id.eq(email_queue::ONLY))
        .write(change.db())
        .await?;
    Ok(())
}
