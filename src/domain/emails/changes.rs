//! Which e-mails have changed, for those who watch the queue.
//!
//! The rows tell: each says when it last changed, whichever server changed it. Changes made by this
//! server are also sent through a channel, which only saves waiting for the next poll.

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

/// A change is looked for until this long after it happened: a transaction records the time at
/// which it changes an e-mail but becomes visible only when it commits, and servers' clocks differ.
const SEEN_LATE_BY: Duration = Duration::from_secs(5);

/// How long a watcher may go on after their session or permission has ended, if nothing happens that
/// they would be told about.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// A watcher's view of the queue: what they have not been told about yet.
#[derive(Debug)]
pub struct Watch {
    hints: broadcast::Receiver<EmailId>,
    since: Timestamp,
    told: HashMap<EmailId, Timestamp>,
}

impl Watch {
    /// Starts watching.
    pub fn new(app: &App) -> Self {
        Self {
            hints: app.email_changed.subscribe(),
            since: app.clock.now(),
            told: HashMap::new(),
        }
    }

    /// Waits until something changes, but not for long, and returns the e-mails that have changed, if
    /// any, in the order of their changes; `None` once the server stops.
    pub async fn next(&mut self, app: &App) -> Result<Option<Vec<EmailId>>> {
        let interval = app.settings.mail.queue.poll_interval.min(LOOKS_EVERY);
        tokio::select! {
            () = app.stopping.cancelled() => return Ok(None),
            hint = self.hints.recv() => if let Err(RecvError::Closed) = hint {
                return Ok(None);
            },
            () = tokio::time::sleep(interval) => {}
        }
        // One poll answers all the hints that have arrived by now.
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

/// The e-mail as this reader may see it now, if it matches the filter.
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
