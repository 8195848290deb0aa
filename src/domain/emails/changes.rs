//! Which e-mails have changed, for those who watch the queue.
//!
//! The rows tell: each says when it last changed, whichever server changed it. Changes made by this
//! server are also sent through a channel, which only saves waiting for the next poll.

use std::collections::HashMap;
use std::time::Duration;

use entity::{EmailId, Timestamp, email};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::{Instant, sleep_until};

use super::{Email, EmailFilter, as_seen_by};
use crate::app::App;
use crate::database::Found;
use crate::domain::actor::Actor;
use crate::domain::error::Result;

/// A change is looked for until this long after it happened: a transaction records the time at
/// which it changes an e-mail but becomes visible only when it commits, and servers' clocks differ.
const SEEN_LATE_BY: Duration = Duration::from_secs(5);

/// How long a watcher may go on after their session or permission has ended, if nothing happens that
/// they would be told about.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// How often a watcher looks at most, so that many changes in quick succession are one piece of work.
const LOOKS_AT_MOST_EVERY: Duration = Duration::from_millis(100);

/// When an e-mail last changed.
#[derive(FromQueryResult)]
struct Changed {
    id: EmailId,
    changed_at: Timestamp,
}

/// A watcher's view of the queue: what they have not been told about yet.
#[derive(Debug)]
pub struct Watch {
    hints: broadcast::Receiver<EmailId>,
    since: Timestamp,
    /// When they looked last, by the clock, and by that of the process.
    looked_at: Timestamp,
    may_look_at: Instant,
    told: HashMap<EmailId, Timestamp>,
}

impl Watch {
    /// Starts watching.
    pub fn new(app: &App) -> Self {
        Self {
            hints: app.email_changed.subscribe(),
            since: app.clock.now(),
            looked_at: app.clock.now(),
            may_look_at: Instant::now(),
            told: HashMap::new(),
        }
    }

    /// Waits until something changes, but not for long, and returns the e-mails that have changed, if
    /// any, in the order of their changes.
    pub async fn next(&mut self, app: &App) -> Result<Vec<EmailId>> {
        let interval = app.settings.mail.queue.poll_interval.min(LOOKS_EVERY);
        tokio::select! {
            _ = self.hints.recv() => {}
            () = tokio::time::sleep(interval) => {}
        }
        sleep_until(self.may_look_at).await;
        self.may_look_at = Instant::now() + LOOKS_AT_MOST_EVERY;
        // One poll answers all the hints that have arrived by now.
        while let Ok(_) | Err(TryRecvError::Lagged(_)) = self.hints.try_recv() {}
        // Whoever takes long to read what they were told before misses nothing.
        let from = self.looked_at.before(SEEN_LATE_BY).max(self.since);
        self.looked_at = app.clock.now();
        let changed = email::Entity::find()
            .select_only()
            .column(email::Column::Id)
            .column(email::Column::ChangedAt)
            .filter(email::Column::ChangedAt.gte(from))
            .order_by_asc(email::Column::ChangedAt)
            .order_by_asc(email::Column::Id);
        let changed: Found<Changed> = app.db.find_as(app.db.read(), changed).await?;
        self.told.retain(|_, at| *at >= from);
        let news = changed
            .rows
            .into_iter()
            .filter(|email| self.told.insert(email.id, email.changed_at) != Some(email.changed_at))
            .map(|email| email.id)
            .collect();
        Ok(news)
    }
}

/// The e-mail as this reader may see it now, if it matches the filter.
pub async fn find_matching(
    app: &App,
    actor: &Actor,
    filter: &EmailFilter,
    id: EmailId,
) -> Result<Option<Email>> {
    let found = filter.select(app).filter(email::Column::Id.eq(id));
    let found = app.db.find(app.db.read(), found).await?;
    Ok(as_seen_by(app, actor, found.rows).await?.pop())
}
