//! Which mails have changed, for those who watch the queue.
//!
//! The rows tell: each says when it last changed, whichever server did it. What this server does is
//! told through a channel as well, which only spares the wait until the rows are looked at again.

use std::collections::HashMap;
use std::time::Duration;

use entity::{EmailId, Timestamp, email};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::{Email, EmailFilter, as_seen_by};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::error::Result;

/// A change is looked for that long after it happened: a transaction writes down the time at which
/// it changed a mail and is seen when it commits, and the clocks of two servers differ.
const SEEN_LATE_BY: Duration = Duration::from_secs(5);

/// How long a watcher may go on whose session or permission has ended, where nothing happens that
/// they would be told of.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Somebody's view of the queue: what they have not been told yet.
#[derive(Debug)]
pub struct Watch {
    hints: broadcast::Receiver<EmailId>,
    since: Timestamp,
    told: HashMap<EmailId, Timestamp>,
}

impl Watch {
    /// Begins to watch.
    pub fn new(app: &App) -> Self {
        Self {
            hints: app.email_changed.subscribe(),
            since: app.clock.now(),
            told: HashMap::new(),
        }
    }

    /// Waits until something changes, but not for long, and returns the e-mails that have changed, if
    /// any, in the order of their changes; nothing any more once the server stops.
    pub async fn next(&mut self, app: &App) -> Result<Option<Vec<EmailId>>> {
        let interval = app.settings.mail.queue.poll_interval.min(LOOKS_EVERY);
        tokio::select! {
            () = app.stopping.cancelled() => return Ok(None),
            hint = self.hints.recv() => if let Err(RecvError::Closed) = hint {
                return Ok(None);
            },
            () = tokio::time::sleep(interval) => {}
        }
        // One look answers all of the hints that have come by now.
        while let Ok(_) | Err(TryRecvError::Lagged(_)) = self.hints.try_recv() {}
        let from = app.clock.now().before(SEEN_LATE_BY).max(self.since);
        let changed: Vec<(EmailId, Timestamp)> = email::Entity::find()
            .select_only()
            .column(email::Column::Id)
            .column(email::Column::ChangedAt)
            .filter(email::Column::ChangedAt.gte(from))
            .order_by_asc(email::Column::ChangedAt)
            .order_by_asc(email::Column::Id)
            .into_tuple()
            .all(app.db.read())
            .await?;
        self.told.retain(|_, at| *at >= from);
        let news = changed
            .into_iter()
            .filter(|(id, at)| self.told.insert(*id, *at) != Some(*at))
            .map(|(id, _)| id)
            .collect();
        Ok(Some(news))
    }
}

/// The mail as this reader may see it now, if the filter matches it.
pub async fn find_matching(
    app: &App,
    actor: &Actor,
    filter: &EmailFilter,
    id: EmailId,
) -> Result<Option<Email>> {
    let row = filter
        .select(app)
        .filter(email::Column::Id.eq(id))
        .one(app.db.read())
        .await?;
    Ok(as_seen_by(app, actor, row.into_iter().collect())
        .await?
        .pop())
}
