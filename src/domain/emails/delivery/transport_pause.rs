//! Pausing the transport while it is unavailable: trying it with each e-mail would cost time, and the
//! e-mails attempts that they are not to blame for.
//!
//! Meanwhile, one e-mail at a time is a probe, whichever server sends it. The first answer of the
//! transport, to whichever e-mail, ends the pause.

use std::time::Duration;

use entity::email::Status;
use entity::{Timestamp, email, email_queue};
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::claim::{Claim, is_one_due};
use super::outcome::{Outcome, Verdict};
use crate::database::Write;
use crate::domain::app::App;
use crate::domain::change::Change;
use crate::domain::error::Result;

/// The wait before the first probe. It grows with the outage, up to the setting: many outages are over
/// in a moment.
const FIRST_PROBE_AFTER: Duration = Duration::from_secs(5);

/// Whether no e-mail may be sent at the moment, because the queue or the transport is paused.
pub(super) fn is_paused(app: &App, state: &email_queue::Model) -> bool {
    let now = app.clock.now();
    // A later time was set by a clock that was wrong.
    let waits_for_transport = state
        .transport_retry_at
        .is_some_and(|retry| retry > now && retry <= now.after(longest(app)));
    state.paused_at.is_some() || waits_for_transport
}

/// The same in SQL: whether e-mails may be sent, by the queue's own row.
pub(super) fn may_send(app: &App) -> SimpleExpr {
    use email_queue::Column;
    let now = app.clock.now();
    let waits = (Column::TransportRetryAt.gt(now))
        .and(Column::TransportRetryAt.lte(now.after(longest(app))));
    let retry = (Column::TransportRetryAt.is_null()).or(waits.not());
    Column::PausedAt.is_null().and(retry)
}

/// The longest wait between two probes.
fn longest(app: &App) -> Duration {
    app.settings.mail.queue.probe_interval
}

/// Takes the next probe for this change, if an e-mail is due for it, and puts the one after it off. Of
/// servers that try so at the same time, one succeeds.
pub(super) async fn take_probe(
    change: &Change<'_>,
    state: &mut email_queue::Model,
) -> Result<bool> {
    use email_queue::Column;
    let app = change.app();
    let next = app.clock.now().after(longest(app));
    let is_as_before = match state.transport_retry_at {
        Some(at) => Column::TransportRetryAt.eq(at),
        None => Column::TransportRetryAt.is_null(),
    };
    let taken = email_queue::Entity::update_many()
        .set(email_queue::ActiveModel {
            transport_retry_at: Set(Some(next)),
            ..Default::default()
        })
        .filter(Column::Id.eq(email_queue::ONLY))
        .filter(is_as_before)
        .filter(is_one_due(app))
        .write(change.db())
        .await?;
    if taken == 1 {
        state.transport_retry_at = Some(next);
    }
    Ok(taken == 1)
}

/// Pauses the transport when it is unavailable, and ends the pause when it has answered again.
pub(super) async fn note(
    change: &Change<'_>,
    state: &mut email_queue::Model,
    claim: &Claim,
    outcome: &Outcome,
) -> Result<()> {
    let app = change.app();
    let now = app.clock.now();
    match (outcome.verdict, state.transport_failed_at) {
        (Verdict::Unavailable, since) => {
            let since = since.unwrap_or(now);
            let first = FIRST_PROBE_AFTER.min(longest(app));
            let wait = now.since(since).clamp(first, longest(app));
            state.transport_failed_at = Some(since);
            state.transport_error = Some(outcome.response.clone());
            state.transport_retry_at = Some(now.after(wait));
            store(change, state).await
        }
        // It answered, whatever it says about this e-mail.
        (Verdict::Delivered | Verdict::Transient | Verdict::Permanent, Some(_)) => {
            end(change, state).await
        }
        // The probe has told nothing, so the next one takes its place.
        (Verdict::Interrupted | Verdict::Unbegun, Some(_)) if claim.is_probe => {
            state.transport_retry_at = Some(now);
            store(change, state).await
        }
        _ => Ok(()),
    }
}

/// Ends the pause: what has waited for the transport is due.
pub(in crate::domain::emails) async fn end(
    change: &Change<'_>,
    state: &mut email_queue::Model,
) -> Result<()> {
    let retry_at = state.transport_retry_at.take();
    state.transport_failed_at = None;
    state.transport_error = None;
    store(change, state).await?;
    match retry_at {
        Some(retry_at) => make_due(change, retry_at).await,
        None => Ok(()),
    }
}

/// Has the transport probed at once.
pub(in crate::domain::emails) async fn probe_now(
    change: &Change<'_>,
    state: &mut email_queue::Model,
) -> Result<()> {
    if state.transport_failed_at.is_some() {
        state.transport_retry_at = Some(change.app().clock.now());
        store(change, state).await?;
    }
    Ok(())
}

async fn store(change: &Change<'_>, state: &email_queue::Model) -> Result<()> {
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

/// Makes those due that were to wait as long as the transport.
async fn make_due(change: &Change<'_>, retry_at: Timestamp) -> Result<()> {
    let now = change.app().clock.now();
    email::Entity::update_many()
        .set(email::ActiveModel {
            next_attempt_at: Set(now.into()),
            ..Default::default()
        })
        .filter(email::Column::Status.eq(Status::Queued))
        .filter(email::Column::NextAttemptAt.gt(now))
        .filter(email::Column::NextAttemptAt.lte(retry_at))
        .write(change.db())
        .await?;
    Ok(())
}
