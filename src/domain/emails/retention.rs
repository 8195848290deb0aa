//! How long what belongs to mails is kept: links until their purpose has ended, the history of what
//! was sent, and of what was not, for as long as the configuration says.

use std::time::Duration;

use entity::email::Status;
use entity::{Timestamp, email};
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};

use crate::app::App;
use crate::database::StoredId;
use crate::domain::error::Result;

/// How many rows a clean-up removes in one transaction: few enough not to hold others up.
const BATCH: u64 = 500;

/// Cleans up the queue: clears the links of e-mails whose purpose has expired, cancels those that
/// are still queued, and removes e-mails that were sent, failed or cancelled longer ago than they are
/// kept.
pub async fn sweep(app: &App) -> Result<()> {
    let now = app.clock.now();
    let transaction = app.db.begin().await?;
    email::Entity::update_many()
        .set(super::cancelled(now))
        .filter(email::Column::Status.eq(Status::Queued))
        .filter(email::Column::ExpiresAt.lte(now))
        .exec(&transaction)
        .await?;
    email::Entity::update_many()
        .col_expr(
            email::Column::SecretLink,
            Expr::value(Option::<String>::None),
        )
        .filter(email::Column::SecretLink.is_not_null())
        .filter(email::Column::ExpiresAt.lte(now))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;

    let queue = &app.settings.mail.queue;
    let sent = Condition::all()
        .add(email::Column::Status.eq(Status::Sent))
        .add(email::Column::SentAt.lte(days_before(now, queue.keep_sent_days)));
    let unsent = Condition::all()
        .add(email::Column::Status.is_in([Status::Failed, Status::Cancelled]))
        .add(email::Column::ChangedAt.lte(days_before(now, queue.keep_unsent_days)));
    for old in [sent, unsent] {
        while remove_some(app, &old).await? == BATCH {}
    }
    Ok(())
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.before(Duration::from_secs(24 * 60 * 60).saturating_mul(days))
}

async fn remove_some(app: &App, old: &Condition) -> Result<u64> {
    let transaction = app.db.begin().await?;
    let old = email::Entity::find()
        .filter(old.clone())
        .limit(BATCH)
        // Those that are just being retried are skipped, not removed.
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let old = app.db.ids(&transaction, old).await?;
    let removed = email::Entity::delete_many()
        .filter(StoredId::any_of(old))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(removed.rows_affected)
}
