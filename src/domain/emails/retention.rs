//! How long what belongs to mails is kept: links until their purpose has ended, the history of what
//! was sent for as long as the configuration says.

use std::time::Duration;

use entity::email::Status;
use entity::{EmailId, Timestamp, email};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::app::App;
use crate::domain::error::Result;

/// How many rows a clean-up removes in one transaction: few enough not to hold others up.
const BATCH: u64 = 500;

/// Cleans up the queue: clears the links of e-mails whose purpose has expired, cancels those that
/// are still queued, and removes sent e-mails older than the retention period.
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

    let day = Duration::from_secs(24 * 60 * 60);
    let kept = day.saturating_mul(app.settings.mail.queue.keep_sent_days);
    while remove_sent_before(app, now.before(kept)).await? == BATCH {}
    Ok(())
}

async fn remove_sent_before(app: &App, time: Timestamp) -> Result<u64> {
    let transaction = app.db.begin().await?;
    let old: Vec<EmailId> = email::Entity::find()
        .select_only()
        .column(email::Column::Id)
        .filter(email::Column::Status.eq(Status::Sent))
        .filter(email::Column::SentAt.lte(time))
        .limit(BATCH)
        .into_tuple()
        .all(&transaction)
        .await?;
    let removed = email::Entity::delete_many()
        .filter(email::Column::Id.is_in(old))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(removed.rows_affected)
}
