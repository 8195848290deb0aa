//! Claiming: which e-mails a worker takes next, and what becomes of those whose worker is gone.

use std::time::Instant;

use entity::email::{Priority, Status};
use entity::{EmailAttemptId, EmailId, TimeOrNever, email, email_attempt};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Set,
};
use uuid::Uuid;

use super::Room;
use super::outcome::{Outcome, Verdict, after_failure, unclaimed};
use crate::database::{StoredId, Write};
use crate::domain::app::App;
use crate::domain::change::Change;
use crate::domain::emails::domain_limits::DomainsInUse;
use crate::domain::emails::still_serves;
use crate::domain::error::Result;

/// An e-mail that this worker, and no other, may send now.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The e-mail, as it was claimed.
    pub email: email::Model,
    pub(super) id: Uuid,
    pub(super) attempt: EmailAttemptId,
    /// Whether it is to tell if the transport is available again.
    pub(super) is_probe: bool,
}

/// Claims e-mails that are due, as many as there is room for, each with an attempt that begins now.
pub(super) async fn claim_due(
    change: &Change<'_>,
    transport: &str,
    room: &Room,
) -> Result<Vec<Claim>> {
    // One query per priority: each reads just what it needs from the index, whereas a single one
    // over all of them would sort the whole backlog.
    let each = EACH_PRIORITY.map(|priority| vec![priority]);
    let due = choose_due(change, room, &each).await?;
    claim(change, transport, due, false).await
}

/// Claims one e-mail to probe a transport that was unavailable. Those that it was unavailable for come
/// last, however urgent they are: it may be so for them alone, such as for the domains that it does not
/// relay to.
pub(super) async fn claim_probe(
    change: &Change<'_>,
    transport: &str,
    room: &Room,
) -> Result<Vec<Claim>> {
    let due = choose_due(change, &room.for_one(), &[EACH_PRIORITY.to_vec()]).await?;
    claim(change, transport, due, true).await
}

const EACH_PRIORITY: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

async fn claim(
    change: &Change<'_>,
    transport: &str,
    due: Vec<email::Model>,
    is_probe: bool,
) -> Result<Vec<Claim>> {
    use email::Column;
    let app = change.app();
    let now = app.clock.now();
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let id = app.new_id::<EmailId>().0;
    let claims: Vec<Claim> = due
        .into_iter()
        .map(|mut email| {
            email.attempt_count += 1;
            let attempt = app.new_id();
            Claim {
                email,
                id,
                attempt,
                is_probe,
            }
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
        .write(change.db())
        .await?;
    let attempts = claims.iter().map(|claim| email_attempt::ActiveModel {
        id: Set(claim.attempt),
        email_id: Set(claim.email.id),
        transport: Set(transport.to_owned()),
        started_at: Set(now),
        finished_at: Set(None),
        succeeded: Set(false),
        response: Set(None),
        outcome: Set(None),
    });
    email_attempt::Entity::insert_many(attempts)
        .write(change.db())
        .await?;
    Ok(claims)
}

/// The e-mails to be sent next: those of the first group of priorities first, and in a group the ones that
/// have been due for longest, but never more to one domain than its limit.
async fn choose_due(
    change: &Change<'_>,
    room: &Room,
    groups: &[Vec<Priority>],
) -> Result<Vec<email::Model>> {
    let mut domains = room.domains.clone();
    let mut due: Vec<email::Model> = Vec::new();
    for priorities in groups {
        while due.len() < room.mails {
            let next = next_due(change, priorities, &due, &domains)
                .limit((room.mails - due.len()) as u64)
                // Other servers' claims are skipped, not waited for.
                .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
            let began = Instant::now();
            let found = change.app().db.find(change.db(), next).await?;
            domains.has_looked(began.elapsed());
            let were = found.rows.len() + found.unreadable.len();
            set_aside(change, found.unreadable).await?;
            let before = due.len();
            due.extend(found.rows.into_iter().filter(|email| domains.admit(email)));
            // Where a domain has become full, others behind it may go.
            if due.len() - before == were || !domains.may_look_past() {
                break;
            }
        }
    }
    Ok(due)
}

/// The e-mails of these priorities that are due, without those that are chosen already, and, where they may
/// be looked past, without those to full domains.
fn next_due(
    change: &Change<'_>,
    priorities: &[Priority],
    chosen: &[email::Model],
    domains: &DomainsInUse,
) -> Select<email::Entity> {
    use email::Column;
    let now = change.app().clock.now();
    let mut due = email::Entity::find()
        .filter(Column::Status.eq(Status::Queued))
        .filter(Column::Priority.is_in(priorities.iter().copied()))
        .filter(Column::NextAttemptAt.lte(now))
        .filter(Column::AttemptCount.between(0, i32::MAX - 1))
        .filter(still_serves(now))
        .filter(Column::Id.is_not_in(chosen.iter().map(|email| email.id)))
        .order_by_asc(Column::NextAttemptAt)
        .order_by_asc(Column::Id);
    if domains.may_look_past() {
        for domain in domains.full() {
            let is_there = Column::RecipientsKey.ends_with(format!("@{domain}"));
            due = due.filter(is_there.not());
        }
    }
    due
}

/// Whether an e-mail is due.
pub(super) fn is_one_due(app: &App) -> SimpleExpr {
    let due = email::Entity::find()
        .filter(email::Column::Status.eq(Status::Queued))
        .filter(email::Column::NextAttemptAt.lte(app.clock.now()));
    exists(due)
}

/// Whether there is any of these rows.
pub(super) fn exists<E: EntityTrait>(rows: Select<E>) -> SimpleExpr {
    let one = rows.select_only().expr(Expr::value(1)).limit(1);
    Expr::exists(one.into_query())
}

/// Fails e-mails that cannot be read, so that they do not stand in the way of others.
pub(super) async fn set_aside(change: &Change<'_>, unreadable: Vec<StoredId>) -> Result<()> {
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
            ..unclaimed(change.app().clock.now())
        })
        .filter(StoredId::any_of::<email::Entity>(unreadable))
        .write(change.db())
        .await?;
    Ok(())
}

/// The end of a lease that begins now, by the database's clock.
pub(super) fn lease_end(app: &App) -> SimpleExpr {
    let lease = app.settings.mail.queue.lease.as_micros();
    app.db
        .now(&app.clock)
        .add(i64::try_from(lease).unwrap_or(i64::MAX))
}

/// Requeues e-mails claimed by a worker that has been silent since: it may have died before it sent
/// them, or just after. An e-mail may be sent twice, rather than not at all.
pub(super) async fn take_back_expired_leases(change: &Change<'_>) -> Result<()> {
    let app = change.app();
    let silent = email::Entity::find()
        .filter(email::Column::Status.eq(Status::Sending))
        .filter(Expr::col(email::Column::LeaseUntil).lt(app.db.now(&app.clock)))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let silent = app.db.find(change.db(), silent).await?;
    set_aside(change, silent.unreadable).await?;
    for email in silent.rows {
        let outcome = Outcome {
            transport: String::new(),
            response: "The worker stopped responding, and its lease expired.".to_owned(),
            verdict: Verdict::Transient,
        };
        let after = after_failure(app, &email, &outcome, app.clock.now().into());
        email::Entity::update_many()
            .set(after)
            .filter(email::Column::Id.eq(email.id))
            .write(change.db())
            .await?;
        email_attempt::Entity::update_many()
            .set(email_attempt::ActiveModel {
                finished_at: Set(Some(app.clock.now())),
                response: Set(Some(outcome.response)),
                outcome: Set(Some(email_attempt::Outcome::Interrupted)),
                ..Default::default()
            })
            .filter(email_attempt::Column::EmailId.eq(email.id))
            .filter(email_attempt::Column::FinishedAt.is_null())
            .write(change.db())
            .await?;
    }
    Ok(())
}
