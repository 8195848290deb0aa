//! How long password resets are kept that no longer serve anybody.

use entity::password_reset;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::retention::{DAY, remove_in_batches};

/// Removes resets whose links ended longer ago than they are kept. Whoever follows one of these is
/// told that it is invalid rather than that it has expired.
pub async fn prune(app: &App) -> Result<()> {
    let kept = DAY.saturating_mul(app.settings.passwords.keep_ended_resets_days);
    let old = password_reset::Entity::find()
        .filter(password_reset::Column::ExpiresAt.lte(app.clock.now().before(kept)));
    remove_in_batches(app, &old).await
}
