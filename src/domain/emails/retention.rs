//! How long what belongs to mails is kept: links until their purpose has ended, the history of what
//! was sent, and of what was not, for as long as the configuration says.

use std::time::Duration;

use entity::email::Status;
use entity::{Timestamp, email};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use crate::database::Write;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::change;
use crate::domain::error::Result;
use crate::domain::retention::{DAY, remove_in_batches};

/// Cleans up the queue: makes due what a clock that was wrong has put off, clears the links of e-mails whose purpose has expired, cancels those that
/// are still queued, and removes e-mails that were sent, failed or cancelled longer ago than they are
/// kept.
pub async fn sweep(app: &App) -> Result<()> {
    let now = app.clock.now();
    make_due(app, now).await?;
    end_expired(app, now).await?;
    let queue = &app.settings.mail.queue;
    let sent = Condition::all()
        .add(email::Column::Status.eq(Status::Sent))
        .add(email::Column::SentAt.lte(days_before(now, queue.keep_sent_days)));
    let unsent = Condition::all()
        .add(email::Column::Status.is_in([Status::Failed, Status::Cancelled]))
        .add(email::Column::ChangedAt.lte(days_before(now, queue.keep_unsent_days)));
    for old in [sent, unsent] {
        remove_in_batches(app, &email::Entity::find().filter(old)).await?;
    }
    Ok(())
}

/// Servers' clocks agree but for moments.
const CLOCKS_DIFFER_BY: Duration = Duration::from_secs(10);

/// Makes e-mails due that were queued or put off at a time that has not come yet: the clock was set back
/// since. Without this they would wait until it is that late again.
async fn make_due(app: &App, now: Timestamp) -> Result<()> {
    let put_off = Condition::all()
        .add(email::Column::Status.eq(Status::Queued))
        .add(email::Column::NextAttemptAt.gt(now))
        .add(email::Column::ChangedAt.gt(now.after(CLOCKS_DIFFER_BY)));
    let any = email::Entity::find().filter(put_off.clone()).limit(1);
    if app.db.ids(app.db.read(), any).await?.is_empty() {
        return Ok(());
    }
    change::make(app, &Actor::server(), |change| {
        let put_off = put_off.clone();
        async move {
            email::Entity::update_many()
                .set(email::ActiveModel {
                    next_attempt_at: Set(now.into()),
                    changed_at: Set(now),
                    ..Default::default()
                })
                .filter(put_off)
                .write_many(change.db())
                .await?;
            change.wakes_worker();
            change.commit(()).await
        }
    })
    .await
}

async fn end_expired(app: &App, now: Timestamp) -> Result<()> {
    let queued = email::Column::Status.eq(Status::Queued);
    let expired = email::Entity::find()
        .filter(email::Column::ExpiresAt.lte(now))
        .filter(queued.or(email::Column::SecretLink.is_not_null()))
        .limit(1);
    if app.db.ids(app.db.read(), expired).await?.is_empty() {
        return Ok(());
    }
    change::make(app, &Actor::server(), |change| async move {
        email::Entity::update_many()
            .set(super::cancelled(now))
            .filter(email::Column::Status.eq(Status::Queued))
            .filter(email::Column::ExpiresAt.lte(now))
            .write_many(change.db())
            .await?;
        email::Entity::update_many()
            .col_expr(
                email::Column::SecretLink,
                Expr::value(Option::<String>::None),
            )
            .filter(email::Column::SecretLink.is_not_null())
            .filter(email::Column::ExpiresAt.lte(now))
            .write_many(change.db())
            .await?;
        change.commit(()).await
    })
    .await
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.before(DAY.saturating_mul(days))
}
