//! How long password resets are kept that no longer serve anybody.

use std::time::Duration;

use entity::{PasswordResetId, password_reset};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::app::App;
use crate::domain::error::Result;

/// How many are removed in one transaction: few enough not to hold others up.
const BATCH: u64 = 500;

/// Removes resets whose links ended longer ago than they are kept. Whoever follows one of these is
/// told that it is invalid rather than that it has expired.
pub async fn prune(app: &App) -> Result<()> {
    while prune_some(app).await? == BATCH {}
    Ok(())
}

async fn prune_some(app: &App) -> Result<u64> {
    let day = Duration::from_secs(24 * 60 * 60);
    let kept = day.saturating_mul(app.settings.passwords.keep_ended_resets_days);
    let transaction = app.db.begin().await?;
    let old: Vec<PasswordResetId> = password_reset::Entity::find()
        .select_only()
        .column(password_reset::Column::Id)
        .filter(password_reset::Column::ExpiresAt.lte(app.clock.now().before(kept)))
        .limit(BATCH)
        .into_tuple()
        .all(&transaction)
        .await?;
    let removed = password_reset::Entity::delete_many()
        .filter(password_reset::Column::Id.is_in(old))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(removed.rows_affected)
}
