//! Which events were recorded since somebody began to watch, whichever server recorded them: the rows tell.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::{EventId, Timestamp, event};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::sleep;

use super::listing::{Event, EventFilter};
use crate::database::{Found, FromRow, Row};
use crate::domain::app::App;
use crate::domain::error::Result;

/// An event is looked for until this long after it happened: it becomes visible only when its transaction
/// commits, and servers' clocks differ.
const SEEN_LATE_BY: Duration = Duration::from_secs(5);

/// How often the rows are looked at.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// A watcher's view of the event log: what they have not been told about yet.
#[derive(Debug)]
pub struct Watch {
    app: Arc<App>,
    filter: EventFilter,
    since: Timestamp,
    looked_at: Timestamp,
    /// What was told already, as far back as is looked.
    told: HashMap<EventId, Timestamp>,
}

struct Recorded {
    id: EventId,
    at: Timestamp,
}

impl FromRow for Recorded {
    fn from_row(row: &Row) -> std::result::Result<Self, DbErr> {
        Ok(Self {
            id: row.get(0)?,
            at: row.get(1)?,
        })
    }
}

impl Watch {
    /// Starts watching.
    pub fn new(app: Arc<App>, filter: EventFilter) -> Self {
        let now = app.clock.now();
        Self {
            app,
            filter,
            since: now,
            looked_at: now,
            told: HashMap::new(),
        }
    }

    /// Waits a moment, and returns which events were recorded meanwhile, if any, oldest first.
    pub async fn next(&mut self) -> Result<Vec<EventId>> {
        sleep(LOOKS_EVERY).await;
        let from = Ord::max(self.looked_at.before(SEEN_LATE_BY), self.since);
        let now = self.app.clock.now();
        let recorded = self.filter.filters(&self.app.db).select();
        let recorded = recorded
            .select_only()
            .column(event::Column::Id)
            .column(event::Column::CreatedAt)
            .filter(event::Column::CreatedAt.gte(from))
            .order_by_asc(event::Column::CreatedAt)
            .order_by_asc(event::Column::Id);
        let db = self.app.db.read();
        let found: Found<Recorded> = self.app.db.find_as(db, recorded).await?;
        self.looked_at = now;
        self.told.retain(|_, at| *at >= from);
        let news = found.rows.into_iter();
        let news = news.filter(|event| self.told.insert(event.id, event.at).is_none());
        Ok(news.map(|event| event.id).collect())
    }
}

/// The events with these IDs that are still there, oldest first.
pub async fn find_all(app: &App, ids: &[EventId]) -> Result<Vec<Event>> {
    let these = event::Entity::find()
        .filter(event::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(event::Column::CreatedAt)
        .order_by_asc(event::Column::Id);
    let found = app.db.find(app.db.read(), these).await?;
    Ok(found.rows.into_iter().map(Event::from).collect())
}
