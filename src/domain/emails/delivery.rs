//! How e-mails leave the queue: they are claimed under a lease, attempted, and moved to the state
//! that the outcome calls for.
//!
//! No transaction is open while a transport works. A claim is an ID in the e-mail's row: a worker
//! that lost its claim, because it was silent for longer than the lease, cannot overwrite what its
//! successor did. Leases run by the database's clock, which all servers share.

use std::time::Duration;

use entity::email::{Priority, Status};
use entity::{EmailAttemptId, EmailId, TimeOrNever, Timestamp, email, email_attempt, email_queue};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use uuid::Uuid;

use super::lanes::{Lanes, View};
use super::queue_state;
use crate::app::App;
use crate::domain::error::{Error, Result};

/// An e-mail that this worker, and no other, may send now.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The e-mail, as it was claimed.
    pub email: email::Model,
    id: Uuid,
    attempt: EmailAttemptId,
}

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

/// Records the outcomes of attempts, and claims up to `limit` e-mails that are due, the most urgent
/// first, and among those the oldest: in one transaction, because each costs a wait for the disk.
///
/// While the queue or the transport is paused, none are claimed.
pub async fn turn(
    app: &App,
    done: &[(Claim, Outcome)],
    transport: &str,
    limit: u64,
    lanes: &Lanes,
) -> Result<Vec<Claim>> {
    let transaction = app.db.begin().await?;
    let mut state = queue_state(&transaction).await?;
    // In the order of their IDs, so that two servers never deadlock.
    let mut in_order: Vec<_> = done.iter().collect();
    in_order.sort_by_key(|(claim, _)| claim.email.id.0);
    for (claim, outcome) in in_order {
        note_transport(app, &transaction, &mut state, outcome).await?;
        record_in(app, &transaction, claim, outcome, &state).await?;
    }
    let claims = match limit {
        0 => Vec::new(),
        _ => {
            take_back_expired_leases(app, &transaction).await?;
            match is_paused(app, &state) {
                true => Vec::new(),
                false => {
                    let is_trial = state.transport_failed_at.is_some();
                    claim_due(app, &transaction, transport, limit, lanes, is_trial).await?
                }
            }
        }
    };
    transaction.commit().await?;
    for claim in done.iter().map(|(claim, _)| claim).chain(&claims) {
        changed(app, claim.email.id);
    }
    Ok(claims)
}

/// Claims up to `limit` e-mails that are due, as [`turn`] does.
pub async fn claim(app: &App, transport: &str, limit: u64) -> Result<Vec<Claim>> {
    turn(app, &[], transport, limit, &Lanes::unbounded()).await
}

fn is_paused(app: &App, state: &email_queue::Model) -> bool {
    let waits_for_transport = state
        .transport_retry_at
        .is_some_and(|retry| retry > app.clock.now());
    state.paused_at.is_some() || waits_for_transport
}

async fn claim_due(
    app: &App,
    transaction: &DatabaseTransaction,
    transport: &str,
    limit: u64,
    lanes: &Lanes,
    is_trial: bool,
) -> Result<Vec<Claim>> {
    use email::Column;
    let now = app.clock.now();
    let due = choose_due(app, transaction, limit, &mut lanes.view(), is_trial).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let id = app.new_id::<EmailId>().0;
    let claims: Vec<Claim> = due
        .into_iter()
        .map(|mut email| {
            email.attempt_count += 1;
            let attempt = app.new_id();
            Claim { email, id, attempt }
        })
        .collect();
    email::Entity::update_many()
        .set(email::ActiveModel {
            status: Set(Status::Sending),
            claim_id: Set(Some(id)),
            next_attempt_at: Set(TimeOrNever::NEVER),
            changed_at: Set(now),
            ..Default::default()
        })
        .col_expr(Column::AttemptCount, Expr::col(Column::AttemptCount).add(1))
        .col_expr(Column::LeaseUntil, lease_end(app))
        .filter(Column::Id.is_in(claims.iter().map(|claim| claim.email.id)))
        .exec(transaction)
        .await?;
    let attempts = claims.iter().map(|claim| email_attempt::ActiveModel {
        id: Set(claim.attempt),
        email_id: Set(claim.email.id),
        transport: Set(transport.to_owned()),
        started_at: Set(now),
        finished_at: Set(None),
        succeeded: Set(false),
        response: Set(None),
    });
    email_attempt::Entity::insert_many(attempts)
        .exec_without_returning(transaction)
        .await?;
    Ok(claims)
}

/// The e-mails to be sent next: the more urgent first, and of those the ones that have been due for
/// longest, but never more to one domain than its lane takes.
///
/// To try a transport that was unavailable, those that it was unavailable for come last, however
/// urgent they are: it may be so for them alone, such as for the domains that it does not relay to.
async fn choose_due(
    app: &App,
    transaction: &DatabaseTransaction,
    limit: u64,
    lanes: &mut View,
    is_trial: bool,
) -> Result<Vec<email::Model>> {
    use email::Column;
    let now = app.clock.now();
    let mut due: Vec<email::Model> = Vec::new();
    // One query per priority: each reads just what it needs from the index, whereas a single one
    // over all of them would sort the whole backlog.
    let each = [Priority::High, Priority::Normal, Priority::Low];
    let groups = match is_trial {
        true => vec![each.to_vec()],
        false => each.map(|priority| vec![priority]).to_vec(),
    };
    for priorities in groups {
        loop {
            let left = limit.saturating_sub(due.len() as u64);
            if left == 0 {
                return Ok(due);
            }
            let mut select = email::Entity::find()
                .filter(Column::Status.eq(Status::Queued))
                .filter(Column::Priority.is_in(priorities.iter().copied()))
                .filter(Column::NextAttemptAt.lte(now))
                .filter(super::still_serves(now))
                .filter(Column::Id.is_not_in(due.iter().map(|email| email.id)));
            for domain in lanes.full() {
                let is_there = Column::RecipientsKey.ends_with(format!("@{domain}"));
                select = select.filter(is_there.not());
            }
            let found = select
                .order_by_asc(Column::NextAttemptAt)
                .order_by_asc(Column::Id)
                .limit(left)
                // Other servers' claims are skipped, not waited for.
                .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
                .all(transaction)
                .await?;
            let were = found.len();
            let chosen = found.into_iter().filter(|email| lanes.admit(email));
            let before = due.len();
            due.extend(chosen);
            // Where a lane has become full, others behind it may go.
            if due.len() - before == were {
                break;
            }
        }
    }
    Ok(due)
}

fn lease_end(app: &App) -> sea_orm::sea_query::SimpleExpr {
    let lease = app.settings.mail.queue.lease.as_micros();
    app.db
        .now(&app.clock)
        .add(i64::try_from(lease).unwrap_or(i64::MAX))
}

/// Requeues e-mails claimed by a worker that has been silent since: it may have died before it sent
/// them, or just after. An e-mail may be sent twice, rather than not at all.
async fn take_back_expired_leases(app: &App, transaction: &DatabaseTransaction) -> Result<()> {
    let silent = email::Entity::find()
        .filter(email::Column::Status.eq(Status::Sending))
        .filter(Expr::col(email::Column::LeaseUntil).lt(app.db.now(&app.clock)))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(transaction)
        .await?;
    for email in silent {
        let outcome = Outcome {
            transport: String::new(),
            response: "The worker stopped responding, and its lease expired.".to_owned(),
            verdict: Verdict::Transient,
        };
        let after = after_failure(app, &email, &outcome, app.clock.now());
        email::Entity::update_many()
            .set(after)
            .filter(email::Column::Id.eq(email.id))
            .exec(transaction)
            .await?;
        email_attempt::Entity::update_many()
            .set(email_attempt::ActiveModel {
                finished_at: Set(Some(app.clock.now())),
                response: Set(Some(outcome.response)),
                ..Default::default()
            })
            .filter(email_attempt::Column::EmailId.eq(email.id))
            .filter(email_attempt::Column::FinishedAt.is_null())
            .exec(transaction)
            .await?;
    }
    Ok(())
}

/// Extends the lease by its full length while the transport is still working. Returns whether the
/// claim still holds: another worker may have taken the e-mail meanwhile.
pub async fn renew(app: &App, claim: &Claim) -> Result<bool> {
    let transaction = app.db.begin().await?;
    let renewed = email::Entity::update_many()
        .col_expr(email::Column::LeaseUntil, lease_end(app))
        .filter(held_by(claim))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(renewed.rows_affected == 1)
}

/// Records the outcome of one attempt, and moves the e-mail to the state that it calls for. If the
/// claim was lost in the meantime, nothing is changed.
pub async fn record(app: &App, claim: &Claim, outcome: &Outcome) -> Result<()> {
    let done = [(claim.clone(), outcome.clone())];
    turn(app, &done, "", 0, &Lanes::unbounded()).await?;
    Ok(())
}

async fn record_in(
    app: &App,
    transaction: &DatabaseTransaction,
    claim: &Claim,
    outcome: &Outcome,
    state: &email_queue::Model,
) -> Result<()> {
    let now = app.clock.now();
    let queue = &app.settings.mail.queue;
    // Read again: its purpose may have ended while it was being sent.
    let current = email::Entity::find()
        .filter(held_by(claim))
        .lock(LockType::Update)
        .one(transaction)
        .await?;
    let Some(current) = current else {
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
        .exec(transaction)
        .await?;
    let after = match outcome.verdict {
        // A sent e-mail that is not kept is deleted together with its attempts.
        Verdict::Delivered if queue.keep_sent_days == 0 => {
            email::Entity::delete_by_id(claim.email.id)
                .exec(transaction)
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
        .exec(transaction)
        .await?;
    Ok(())
}

/// Notifies watchers; it is not an error if there are none.
pub(super) fn changed(app: &App, email: EmailId) {
    let _ = app.email_changed.send(email);
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

fn held_by(claim: &Claim) -> Condition {
    Condition::all()
        .add(email::Column::Id.eq(claim.email.id))
        .add(email::Column::ClaimId.eq(claim.id))
}

fn unclaimed(now: Timestamp) -> email::ActiveModel {
    email::ActiveModel {
        changed_at: Set(now),
        claim_id: Set(None),
        lease_until: Set(None),
        ..Default::default()
    }
}

/// The state of an e-mail that was not delivered; where it is to be tried again, it is `due` then.
fn after_failure(
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
            attempt_count: Set(email.attempt_count - 1),
            next_attempt_at: Set(due.into()),
            last_error,
            ..unclaimed(now)
        },
        Verdict::Interrupted => email::ActiveModel {
            status: Set(Status::Queued),
            attempt_count: Set(email.attempt_count - 1),
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
fn back_off(first: Duration, at_most: Duration, email: &email::Model) -> Result<Duration> {
    let doublings = email
        .attempt_count
        .saturating_sub(1)
        .clamp(0, 30)
        .unsigned_abs();
    let wait = first.saturating_mul(1 << doublings).min(at_most);
    let random = getrandom::u32().map_err(Error::internal)?;
    Ok(wait.mul_f64(0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX)))
}

/// Pauses the transport when it is unavailable, for as long as it has already been so, and ends the
/// pause when it has answered again.
async fn note_transport(
    app: &App,
    transaction: &DatabaseTransaction,
    state: &mut email_queue::Model,
    outcome: &Outcome,
) -> Result<()> {
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
        .exec(transaction)
        .await?;
    Ok(())
}
