//! The queue as a whole: how full it is, and whether it is running.

use entity::email::Status;
use entity::{Timestamp, email, email_queue};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Set};

use crate::database::{FromRow, Row, Source, Write};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::change;
use crate::domain::error::Result;
use crate::domain::events::{Action, Subject};

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

/// The number of e-mails in each state, in the order of the states, including those without any.
pub async fn counts(app: &App) -> Result<Vec<(Status, u64)>> {
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
    let now = app.clock.now();
    // The other index begins with all that are not queued.
    let due = app.db.without_index(email::Column::NextAttemptAt);
    let oldest = email::Entity::find()
        .select_only()
        .expr(ExprTrait::min(due.clone()))
        .filter(email::Column::Status.eq(Status::Queued))
        .filter(due.lte(now));
    let oldest: Vec<Option<Timestamp>> = app.db.values(app.db.read(), oldest).await?;
    Ok(oldest
        .into_iter()
        .flatten()
        .next()
        .map(|due| now.since(due).as_secs()))
}

/// Pauses the queue: e-mails that are being sent are finished, and no others are started. A queue
/// that is already paused keeps the time and the user of the first pause.
pub async fn pause(app: &App, actor: &Actor) -> Result<()> {
    change::make(app, actor, |change| async move {
        let stopped = email_queue::Entity::update_many()
            .set(email_queue::ActiveModel {
                paused_at: Set(Some(app.clock.now())),
                paused_by: Set(actor.user_id()),
                ..Default::default()
            })
            .filter(email_queue::Column::Id.eq(email_queue::ONLY))
            .filter(email_queue::Column::PausedAt.is_null())
            .write(change.db())
            .await?;
        if stopped > 0 {
            change
                .record(Action::EmailQueuePaused, Subject::none())
                .await?;
        }
        change.commit(()).await
    })
    .await
}

/// Resumes the queue, and retries an unavailable transport immediately.
pub async fn resume(app: &App, actor: &Actor) -> Result<()> {
    change::make(app, actor, |change| async move {
        let state = queue_state(app, change.db()).await?;
        if state.paused_at.is_some() || state.transport_retry_at.is_some() {
            email_queue::Entity::update_many()
                .set(email_queue::ActiveModel {
                    paused_at: Set(None),
                    paused_by: Set(None),
                    transport_failed_at: Set(None),
                    transport_error: Set(None),
                    transport_retry_at: Set(None),
                    ..Default::default()
                })
                .filter(email_queue::Column::Id.eq(email_queue::ONLY))
                .write(change.db())
                .await?;
            change
                .record(Action::EmailQueueResumed, Subject::none())
                .await?;
        }
        if let Some(retry_at) = state.transport_retry_at {
            // Those that were to wait as long.
            email::Entity::update_many()
                .set(email::ActiveModel {
                    next_attempt_at: Set(app.clock.now().into()),
                    ..Default::default()
                })
                .filter(email::Column::Status.eq(Status::Queued))
                .filter(email::Column::NextAttemptAt.gt(app.clock.now()))
                .filter(email::Column::NextAttemptAt.lte(retry_at))
                .write(change.db())
                .await?;
        }
        change.wakes_worker();
        change.commit(()).await
    })
    .await
}
