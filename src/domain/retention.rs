//! How what is kept no longer is removed.

use std::time::Duration;

use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{EntityTrait, QueryFilter, QuerySelect, Select};

use super::actor::Actor;
use super::change;
use super::error::Result;
use crate::database::{StoredId, Write};
use crate::domain::app::App;

/// The unit in which settings say how long something is kept.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many rows are removed in one transaction: few enough not to hold others up.
const BATCH: u64 = 500;

/// Removes the rows that `old` chooses, except those that somebody else is just changing.
pub async fn remove_in_batches<E: EntityTrait>(app: &App, old: &Select<E>) -> Result<()> {
    // Most often there is nothing, which one query tells; a transaction would take several.
    let first = app.db.ids(app.db.read(), old.clone().limit(1)).await?;
    if !first.is_empty() {
        while remove_some(app, old).await? == BATCH {}
    }
    Ok(())
}

async fn remove_some<E: EntityTrait>(app: &App, old: &Select<E>) -> Result<u64> {
    change::make(app, &Actor::server(), |change| async move {
        let some = old
            .clone()
            .limit(BATCH)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let some = app.db.ids(change.db(), some).await?;
        let removed = E::delete_many()
            .filter(StoredId::any_of::<E>(some))
            .write_many(change.db())
            .await?;
        change.commit(removed).await
    })
    .await
}
