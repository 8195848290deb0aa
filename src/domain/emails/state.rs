//! The queue as a whole: how full it is, and whether it is running. What stops it and has it go on is in
//! `pausing.rs`.

use std::time::Duration;

use entity::email::Status;
use entity::{Timestamp, email, email_queue};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::Instant;

use super::watchers::Counts;
use crate::database::{FromRow, Row, Source};
use crate::domain::app::App;
use crate::domain::error::Result;

/// The queue's own state.
pub async fn queue_state(app: &App, db: &impl Source) -> Result<email_queue::Model> {
    let found = email_queue::Entity::find_by_id(email_queue::ONLY);
    let found = app.db.find(db, found).await?.rows.pop();
    // What cannot be read must not stop the queue: its next change is written over it.
    Ok(found.unwrap_or(email_queue::Model {
        id: email_queue::ONLY,
        paused_at: None,
        paused_by: None,
        transport_failed_at: None,
        transport_error: None,
        transport_retry_at: None,
    }))
}

/// Counts the e-mails in each state.
pub async fn counts(app: &App) -> Result<Counts> {
    use sea_orm::{ActiveEnum, Iterable};
    // A later version may know other states; as text, they are not in the way.
    let by_status = email::Entity::find()
        .select_only()
        .column(email::Column::Status)
        .expr(email::Column::Id.count())
        .group_by(email::Column::Status);
    let counted: Vec<Counted> = app.db.values(app.db.read(), by_status).await?;
    let count_of = |status: Status| {
        let status = status.to_value();
        let counted = counted.iter().find(|counted| counted.status == status);
        counted.map_or(0, |counted| counted.emails.unsigned_abs())
    };
    Ok(Status::iter()
        .map(|status| (status, count_of(status)))
        .collect())
}

/// For how long a count serves all who watch.
const COUNTED_EVERY: Duration = Duration::from_millis(500);

/// The same for those who watch: one of them counts for all, so that it may be half a second old.
pub async fn recent_counts(app: &App) -> Result<Counts> {
    let mut counted = app.email_changes.counted.lock().await;
    if let Some((at, counts)) = &*counted
        && at.elapsed() < COUNTED_EVERY
    {
        return Ok(counts.clone());
    }
    let counts = counts(app).await?;
    *counted = Some((Instant::now(), counts.clone()));
    Ok(counts)
}

struct Counted {
    status: String,
    emails: i64,
}

impl FromRow for Counted {
    fn from_row(row: &Row) -> std::result::Result<Self, DbErr> {
        Ok(Self {
            status: row.get(0)?,
            emails: row.get(1)?,
        })
    }
}

/// How long the oldest e-mail that is due has been waiting, in seconds.
pub async fn oldest_due_age(app: &App) -> Result<Option<u64>> {
    let oldest = oldest_due(app).await?;
    Ok(oldest.map(|oldest| app.clock.now().since(oldest.since).as_secs()))
}

/// The e-mail that has been due for longest.
#[derive(Clone, Copy, Debug)]
pub struct OldestDue {
    /// Since when. One that waits for an unavailable transport has been due for as long as the transport
    /// has been so, however often it was tried in the meantime.
    pub since: Timestamp,
    /// By which time it is found again.
    column: email::Column,
    at: Timestamp,
}

/// The e-mail that has been due for longest, if any is due.
pub async fn oldest_due(app: &App) -> Result<Option<OldestDue>> {
    let now = app.clock.now();
    // The other index begins with all that are not queued.
    let next = app.db.without_index(email::Column::NextAttemptAt);
    let due = earliest(app, next.clone(), next.clone().lte(now)).await?;
    let due = due.map(|at| OldestDue {
        since: at,
        column: email::Column::NextAttemptAt,
        at,
    });
    let state = queue_state(app, app.db.read()).await?;
    let (Some(unavailable_since), Some(retry_at)) =
        (state.transport_failed_at, state.transport_retry_at)
    else {
        return Ok(due);
    };
    let waits = next.clone().gt(now).and(next.lte(retry_at));
    let waiting = earliest(app, Expr::col(email::Column::CreatedAt), waits).await?;
    let waiting = waiting.map(|at| OldestDue {
        since: Ord::min(Ord::max(unavailable_since, at), now),
        column: email::Column::CreatedAt,
        at,
    });
    let both = [due, waiting].into_iter().flatten();
    Ok(both.min_by_key(|oldest| oldest.since))
}

/// The earliest time of the queued e-mails for which that holds.
async fn earliest(app: &App, time: SimpleExpr, holds: SimpleExpr) -> Result<Option<Timestamp>> {
    let earliest = email::Entity::find()
        .select_only()
        .expr(ExprTrait::min(time))
        .filter(email::Column::Status.eq(Status::Queued))
        .filter(holds);
    let earliest: Vec<Option<Timestamp>> = app.db.values(app.db.read(), earliest).await?;
    Ok(earliest.into_iter().flatten().next())
}

/// Whom the e-mail that has been due for longest is for: their addresses, one a line. None, once it is sent.
pub async fn recipients_of(app: &App, oldest: &OldestDue) -> Result<Option<String>> {
    let found = email::Entity::find()
        .filter(email::Column::Status.eq(Status::Queued))
        .filter(oldest.column.eq(oldest.at))
        .order_by_asc(email::Column::Id)
        .limit(1);
    let found = app.db.find(app.db.read(), found).await?.rows.pop();
    Ok(found.map(|email| email.recipients))
}

/// How many e-mails have failed since that time.
pub async fn failed_since(app: &App, since: Timestamp) -> Result<u64> {
    let failed = email::Entity::find()
        .filter(email::Column::Status.eq(Status::Failed))
        .filter(email::Column::ChangedAt.gte(since));
    Ok(app.db.count(app.db.read(), failed).await?)
}
