//! How e-mails leave the queue: they are claimed under a lease, attempted, and moved to the state
//! that the outcome calls for.
//!
//! No transaction is open while a transport works. A claim is an ID in the e-mail's row: a worker
//! that lost its claim, because it was silent for longer than the lease, cannot overwrite what its
//! successor did. Leases run by the database's clock, which all servers share.

use entity::email::{Priority, Status};
use entity::{EmailAttemptId, EmailId, TimeOrNever, email, email_attempt, email_queue};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use uuid::Uuid;

use super::lanes::{Lanes, View};
use super::queue_state;
use crate::app::App;
use crate::database::StoredId;
use crate::domain::error::Result;

mod outcome;

pub use outcome::{Outcome, Verdict};
use outcome::{after_failure, back_off, note_transport, unclaimed};

/// An e-mail that this worker, and no other, may send now.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The e-mail, as it was claimed.
    pub email: email::Model,
    id: Uuid,
    attempt: EmailAttemptId,
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
    let mut state = queue_state(app, &transaction).await?;
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
    let queue = &app.settings.mail.queue;
    let longest = queue.retry_after_at_most.max(queue.retry_after);
    let now = app.clock.now();
    // A later time was set by a clock that was wrong.
    let waits_for_transport = state
        .transport_retry_at
        .is_some_and(|retry| retry > now && retry <= now.after(longest));
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
                .filter(Column::AttemptCount.between(0, i32::MAX - 1))
                .filter(super::still_serves(now))
                .filter(Column::Id.is_not_in(due.iter().map(|email| email.id)));
            for domain in lanes.full() {
                let is_there = Column::RecipientsKey.ends_with(format!("@{domain}"));
                select = select.filter(is_there.not());
            }
            let select = select
                .order_by_asc(Column::NextAttemptAt)
                .order_by_asc(Column::Id)
                .limit(left)
                // Other servers' claims are skipped, not waited for.
                .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
            let found = app.db.find(transaction, select).await?;
            let were = found.rows.len() + found.unreadable.len();
            set_aside(app, transaction, found.unreadable).await?;
            let chosen = found.rows.into_iter().filter(|email| lanes.admit(email));
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

/// Fails e-mails that cannot be read, so that they do not stand in the way of others.
async fn set_aside(
    app: &App,
    transaction: &DatabaseTransaction,
    unreadable: Vec<StoredId>,
) -> Result<()> {
    if unreadable.is_empty() {
        return Ok(());
    }
    email::Entity::update_many()
        .set(email::ActiveModel {
            status: Set(Status::Failed),
            next_attempt_at: Set(TimeOrNever::NEVER),
            last_error: Set(Some(
                "This e-mail cannot be read from the database.".to_owned(),
            )),
            ..unclaimed(app.clock.now())
        })
        .filter(StoredId::any_of(unreadable))
        .exec(transaction)
        .await?;
    Ok(())
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
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let silent = app.db.find(transaction, silent).await?;
    set_aside(app, transaction, silent.unreadable).await?;
    for email in silent.rows {
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
        .lock(LockType::Update);
    let mut current = app.db.find(transaction, current).await?;
    set_aside(app, transaction, current.unreadable).await?;
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

fn held_by(claim: &Claim) -> Condition {
    Condition::all()
        .add(email::Column::Id.eq(claim.email.id))
        .add(email::Column::ClaimId.eq(claim.id))
}
