//! Recording how an attempt ended.

use entity::email::Status;
use entity::{TimeOrNever, email, email_attempt, email_queue};
use sea_orm::sea_query::LockType;
use sea_orm::{ActiveValue, ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use super::claim::{self, Claim};
use super::outcome::{Outcome, Verdict, after_failure, back_off, unclaimed};
use crate::domain::change::Change;
use crate::domain::error::Result;

/// Records how an attempt ended, and moves the e-mail to the state that this calls for. If the claim was
/// lost in the meantime, nothing is changed.
pub(super) async fn record(
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
    email_attempt::Entity::update_many()
        .set(email_attempt::ActiveModel {
            transport: Set(outcome.transport.clone()),
            finished_at: Set(Some(now)),
            succeeded: Set(outcome.verdict == Verdict::Delivered),
            response: Set(Some(outcome.response.clone())),
            ..Default::default()
        })
        .filter(email_attempt::Column::Id.eq(claim.attempt))
        .exec(change.db())
        .await?;
    let after = match outcome.verdict {
        // A sent e-mail that is not kept is deleted together with its attempts.
        Verdict::Delivered if queue.keep_sent_days == 0 => {
            email::Entity::delete_by_id(claim.email.id)
                .exec(change.db())
                .await?;
            return Ok(());
        }
        Verdict::Delivered => email::ActiveModel {
            status: Set(Status::Sent),
            sent_at: Set(now.into()),
            last_error: Set(None),
            next_attempt_at: Set(TimeOrNever::NEVER),
            // Only the recipient needs a reset's link, and they have it now.
            secret_link: match current.password_reset_id {
                Some(_) => Set(None),
                None => ActiveValue::NotSet,
            },
            ..unclaimed(now)
        },
        _ => {
            let due = match (outcome.verdict, state.transport_retry_at) {
                // Behind all that are queued until the transport is tried again.
                (Verdict::Unavailable, Some(retry_at)) => retry_at,
                _ => now.after(back_off(
                    queue.retry_after,
                    queue.retry_after_at_most,
                    &current,
                )?),
            };
            after_failure(app, &current, outcome, due)
        }
    };
    email::Entity::update_many()
        .set(after)
        .filter(email::Column::Id.eq(claim.email.id))
        .exec(change.db())
        .await?;
    Ok(())
}

/// The e-mail, as long as the claim holds.
pub(super) fn held_by(claim: &Claim) -> Condition {
    Condition::all()
        .add(email::Column::Id.eq(claim.email.id))
        .add(email::Column::ClaimId.eq(claim.id))
}
