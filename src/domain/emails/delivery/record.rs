//! Recording how attempts ended.

use entity::{email, email_attempt, email_queue};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use super::claim::{self, Claim};
use super::outcome::{Outcome, Verdict, after_failure, back_off};
use super::{sent, transport_pause};
use crate::database::Write;
use crate::domain::change::Change;
use crate::domain::error::Result;

/// Records how attempts ended, and moves each e-mail to the state that this calls for. Where the claim was
/// lost in the meantime, nothing is changed.
pub(super) async fn record(
    change: &Change<'_>,
    done: &[&(Claim, Outcome)],
    state: &mut email_queue::Model,
) -> Result<()> {
    let mut delivered = Vec::with_capacity(done.len());
    // The queue's own row comes before the e-mails', as wherever both are changed.
    for (claim, outcome) in done {
        transport_pause::note(change, state, claim, outcome).await?;
    }
    for (claim, outcome) in done {
        match outcome.verdict {
            Verdict::Delivered => delivered.push((claim, outcome)),
            _ => record_failure(change, claim, outcome, state).await?,
        }
    }
    sent::record(change, &delivered).await?;
    change.has_changed(done.iter().map(|(claim, _)| claim.email.id));
    Ok(())
}

/// Records how one attempt ended that has not delivered the e-mail.
async fn record_failure(
    change: &Change<'_>,
    claim: &Claim,
    outcome: &Outcome,
    state: &email_queue::Model,
) -> Result<()> {
    let app = change.app();
    let now = app.clock.now();
    let queue = &app.settings.mail.queue;
    // Read again: its purpose may have ended while it was being sent.
    let current = email::Entity::find()
        .filter(held_by(claim))
        .lock(LockType::Update);
    let mut current = app.db.find(change.db(), current).await?;
    claim::set_aside(change, current.unreadable).await?;
    let Some(current) = current.rows.pop() else {
        // The claim was lost. Whoever took it back has said how this attempt ended, and the mail is
        // its successor's.
        return Ok(());
    };
    end_attempt(change, claim, outcome).await?;
    let due = match (outcome.verdict, state.transport_retry_at) {
        // In the place that it had.
        (Verdict::Unbegun, _) => claim.email.next_attempt_at,
        // Behind all that are queued until the transport is tried again.
        (Verdict::Unavailable, Some(retry_at)) => retry_at.into(),
        _ => {
            let wait = back_off(queue.retry_after, queue.retry_after_at_most, &current)?;
            now.after(wait).into()
        }
    };
    email::Entity::update_many()
        .set(after_failure(app, &current, outcome, due))
        .filter(email::Column::Id.eq(claim.email.id))
        .write(change.db())
        .await?;
    Ok(())
}

/// Keeps what was said at the end of an attempt; one that nobody has begun leaves no trace.
async fn end_attempt(change: &Change<'_>, claim: &Claim, outcome: &Outcome) -> Result<()> {
    let this = email_attempt::Column::Id.eq(claim.attempt);
    if outcome.is_of_attempt() {
        email_attempt::Entity::update_many()
            .set(email_attempt::ActiveModel {
                transport: Set(outcome.transport.clone()),
                finished_at: Set(Some(change.app().clock.now())),
                response: Set(Some(outcome.response.clone())),
                outcome: Set(outcome.verdict.stored()),
                ..Default::default()
            })
            .filter(this)
            .write(change.db())
            .await?;
    } else {
        email_attempt::Entity::delete_many()
            .filter(this)
            .write(change.db())
            .await?;
    }
    Ok(())
}

/// The e-mail, as long as the claim holds.
pub(super) fn held_by(claim: &Claim) -> Condition {
    Condition::all()
        .add(email::Column::Id.eq(claim.email.id))
        .add(email::Column::ClaimId.eq(claim.id))
}
