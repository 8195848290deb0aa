//! How long invitations are kept that no longer serve anybody.

use entity::invitation;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::retention::{DAY, remove_in_batches};

/// Removes invitations whose links ended longer ago than they are kept. The newest of each user says
/// what became of them, and stays as long as they do.
pub async fn prune(app: &App) -> Result<()> {
    let kept = DAY.saturating_mul(app.settings.invitations.keep_ended_days);
    let now = app.clock.now();
    let old = invitation::Entity::find()
        // Whatever was followed by another one is: by this, they are found among the many that stay.
        .filter(invitation::Column::RevokedAt.lte(now))
        .filter(invitation::Column::ExpiresAt.lte(now.before(kept)))
        .filter(Expr::exists(newer_ones()));
    remove_in_batches(app, &old).await
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
