//! How long invitations are kept that no longer serve anybody.

use std::time::Duration;

use entity::invitation;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::app::App;
use crate::database::StoredId;
use crate::domain::error::Result;

/// How many are removed in one transaction: few enough not to hold others up.
const BATCH: u64 = 500;

/// Removes invitations whose links ended longer ago than they are kept. The newest of each user says
/// what became of them, and stays as long as they do.
pub async fn prune(app: &App) -> Result<()> {
    while prune_some(app).await? == BATCH {}
    Ok(())
}

async fn prune_some(app: &App) -> Result<u64> {
    let day = Duration::from_secs(24 * 60 * 60);
    let kept = day.saturating_mul(app.settings.invitations.keep_ended_days);
    let now = app.clock.now();
    let transaction = app.db.begin().await?;
    let old = invitation::Entity::find()
        // Whatever was followed by another one is: by this, they are found among the many that stay.
        .filter(invitation::Column::RevokedAt.lte(now))
        .filter(invitation::Column::ExpiresAt.lte(now.before(kept)))
        .filter(Expr::exists(newer_ones()))
        .limit(BATCH);
    let old = app.db.ids(&transaction, old).await?;
    let removed = invitation::Entity::delete_many()
        .filter(StoredId::any_of(old))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(removed.rows_affected)
}

/// Those that the same user was sent later.
fn newer_ones() -> SelectStatement {
    use invitation::Column::{CreatedAt, UserId};
    let newer = || Alias::new("newer");
    let this = |column| Expr::col((invitation::Entity, column));
    Query::select()
        .expr(Expr::val(1))
        .from_as(invitation::Entity, newer())
        .and_where(Expr::col((newer(), UserId)).eq(this(UserId)))
        .and_where(Expr::col((newer(), CreatedAt)).gt(this(CreatedAt)))
        .to_owned()
}
