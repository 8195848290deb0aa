//! How long events are kept.

use entity::event;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::retention::{DAY, remove_in_batches};

/// Removes the events that are older than the retention period; none if they are kept for ever.
pub async fn prune(app: &App) -> Result<()> {
    let days = app.settings.event_log.keep_days;
    if days == 0 {
        return Ok(());
    }
    let time = app.clock.now().before(DAY.saturating_mul(days));
    let old = event::Entity::find().filter(event::Column::CreatedAt.lt(time));
    remove_in_batches(app, &old).await
}
