//! Which events were recorded since somebody began to watch, whichever server recorded them: the rows tell.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::{EventId, Timestamp, event};
use sea_orm::{ColumnTrait, DbErr, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::sleep;

use super::listing::EventFilter;
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
    /// Starts watching. What is there already is not told.
    pub async fn begin(app: Arc<App>, filter: EventFilter) -> Result<Self> {
        let now = app.clock.now();
        let mut watch = Self {
            looked_at: now,
            app,
            filter,
            told: HashMap::new(),
        };
        // What becomes visible from now on is told, also if it is older: it was committed late. What is
        // recorded while these are read is told as well.
        watch.look().await?;
        watch.told.retain(|_, at| *at < now);
        Ok(watch)
    }

    /// Waits a moment, and returns which events were recorded meanwhile, if any, oldest first.
    pub async fn next(&mut self) -> Result<Vec<EventId>> {
        sleep(LOOKS_EVERY).await;
        self.look().await
    }

    async fn look(&mut self) -> Result<Vec<EventId>> {
        let from = self.looked_at.before(SEEN_LATE_BY);
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
