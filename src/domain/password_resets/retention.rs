//! How long password resets are kept that no longer serve anybody.

use std::time::Duration;

use entity::password_reset;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::app::App;
use crate::database::StoredId;
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
    let old = password_reset::Entity::find()
        .filter(password_reset::Column::ExpiresAt.lte(app.clock.now().before(kept)))
        .limit(BATCH);
    let old = app.db.ids(&transaction, old).await?;
    let removed = password_reset::Entity::delete_many()
        .filter(StoredId::any_of(old))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(removed.rows_affected)
}
