//! The outcome of an attempt, and what it means for the e-mail.

use std::time::Duration;

use entity::email::Status;
use entity::{TimeOrNever, Timestamp, email, email_attempt, email_queue};
use sea_orm::sea_query::LockType;
use sea_orm::{ActiveValue, ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use super::claim::{self, Claim};
use crate::app::App;
use crate::domain::change::Change;
use crate::domain::error::{Error, Result};

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The transport's name; for one that delegates to others, the one that was used.
    pub transport: String,
    /// The transport's own words.
    pub response: String,
    /// What they mean for the e-mail.
    pub verdict: Verdict,
}

/// What the transport's answer means for the e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was accepted.
    Delivered,
    /// Not now; perhaps later.
    Transient,
    /// Never.
    Permanent,
    /// It is not the e-mail's fault: no e-mail can be sent at the moment.
    Unavailable,
    /// Nobody knows: the attempt was interrupted, and does not count.
    Interrupted,
}

impl Verdict {
    /// What operators know it by.
    pub fn label(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Unavailable => "unavailable",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Outcome {
    /// The attempt was interrupted before the transport answered: the e-mail is requeued.
    pub fn interrupted(app: &App) -> Self {
        Self {
            transport: app.settings.mail.transport.clone(),
            response: "The server stopped before the transport answered.".to_owned(),
            verdict: Verdict::Interrupted,
        }
    }
}

pub(super) fn unclaimed(now: Timestamp) -> email::ActiveModel {
    email::ActiveModel {
        changed_at: Set(now),
        claim_id: Set(None),
        lease_until: Set(None),
        ..Default::default()
    }
}

/// The state of an e-mail that was not delivered; where it is to be tried again, it is `due` then.
pub(super) fn after_failure(
    app: &App,
    email: &email::Model,
    outcome: &Outcome,
    due: Timestamp,
) -> email::ActiveModel {
    let now = app.clock.now();
    let is_last = email.attempt_count.unsigned_abs() >= app.settings.mail.queue.max_attempts;
    let has_lost_its_purpose = email.expires_at.is_some_and(|end| end <= now);
    let last_error = Set(Some(outcome.response.clone()));
    match outcome.verdict {
        _ if has_lost_its_purpose => email::ActiveModel {
            status: Set(Status::Cancelled),
            last_error,
            ..unclaimed(now)
        },
        // The transport is paused for as long, so waiting costs the e-mail neither time nor an attempt.
        Verdict::Unavailable => email::ActiveModel {
            status: Set(Status::Queued),
            attempt_count: Set(email.attempt_count.saturating_sub(1)),
            next_attempt_at: Set(due.into()),
            last_error,
            ..unclaimed(now)
        },
        Verdict::Interrupted => email::ActiveModel {
            status: Set(Status::Queued),
            attempt_count: Set(email.attempt_count.saturating_sub(1)),
            next_attempt_at: Set(now.into()),
            ..unclaimed(now)
        },
        Verdict::Transient if !is_last => email::ActiveModel {
            status: Set(Status::Queued),
            next_attempt_at: Set(due.into()),
            last_error,
            ..unclaimed(now)
        },
        _ => email::ActiveModel {
            status: Set(Status::Failed),
            last_error,
            ..unclaimed(now)
        },
    }
}

/// The wait before the next attempt: twice as long each time up to a limit, and up to a fifth
/// shorter or longer, so that e-mails which failed together are not all retried together.
pub(super) fn back_off(
    first: Duration,
    at_most: Duration,
    email: &email::Model,
) -> Result<Duration> {
    let doublings = email
        .attempt_count
        .saturating_sub(1)
        .clamp(0, 30)
        .unsigned_abs();
    let wait = first.saturating_mul(1 << doublings).min(at_most);
    let random = getrandom::u32().map_err(Error::internal)?;
    Ok(wait.mul_f64(0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX)))
}

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
