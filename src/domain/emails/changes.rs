//! Which e-mails have changed, for those who watch the queue.
//!
//! The rows tell: each says when it last changed, whichever server changed it. One task looks at them
//! for all who watch, as long as somebody does. Changes made by this server are also sent through a
//! channel, which only saves waiting for the next look.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::{EmailId, Timestamp, email};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::{Instant, sleep, sleep_until};

use super::watchers::Changed;
use super::{Email, EmailFilter, as_seen_by};
use crate::database::Found;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::error::Result;

/// A change is looked for until this long after it happened: a transaction records the time at
/// which it changes an e-mail but becomes visible only when it commits, and servers' clocks differ.
const SEEN_LATE_BY: Duration = Duration::from_secs(5);

/// How long a watcher may go on after their session or permission has ended, if nothing happens that
/// they would be told about.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// How often the rows are looked at while somebody watches: what another server has changed is told within a
/// second.
const LOOKS_FOR_OTHERS_EVERY: Duration = Duration::from_millis(500);

/// How often the rows are looked at, at most, so that many changes in quick succession are one piece
/// of work.
const LOOKS_AT_MOST_EVERY: Duration = Duration::from_millis(100);

/// Looks for changes until nobody watches.
async fn look(app: Arc<App>, mut hints: broadcast::Receiver<EmailId>) {
    let interval = (app.settings.mail.queue.poll_interval).min(LOOKS_FOR_OTHERS_EVERY);
    let mut looked_at = app.clock.now();
    let mut may_look_at = Instant::now();
    let mut is_failing = false;
    let mut told = Told::default();
    while !app.email_changes.is_over() {
        tokio::select! {
            _ = hints.recv() => {}
            () = sleep(interval) => {}
            // The database is about to be closed.
            () = app.stopping.cancelled() => return,
        }
        sleep_until(may_look_at).await;
        may_look_at = Instant::now() + LOOKS_AT_MOST_EVERY;
        // One look answers all the hints that have arrived by now.
        while let Ok(_) | Err(TryRecvError::Lagged(_)) = hints.try_recv() {}
        let from = looked_at.before(SEEN_LATE_BY);
        let now = app.clock.now();
        match changed_since(&app, from).await {
            Ok(changed) => {
                for news in told.news(from, changed) {
                    app.email_changes.tell(news);
                }
                looked_at = now;
                is_failing = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    error.report("cannot look for changes of the e-mail queue");
                }
            }
        }
    }
}

async fn changed_since(app: &App, from: Timestamp) -> Result<Vec<Changed>> {
    let changed = email::Entity::find()
        .select_only()
        .column(email::Column::Id)
        .column(email::Column::ChangedAt)
        .filter(email::Column::ChangedAt.gte(from))
        .order_by_asc(email::Column::ChangedAt)
        .order_by_asc(email::Column::Id);
    let changed: Found<Changed> = app.db.find_as(app.db.read(), changed).await?;
    Ok(changed.rows)
}

/// What was told already, as far back as changes are looked for.
#[derive(Debug, Default)]
struct Told(HashMap<EmailId, Timestamp>);

impl Told {
    /// Those of the changes that were not told yet. What happened before `from` is forgotten.
    fn news(&mut self, from: Timestamp, mut changed: Vec<Changed>) -> Vec<Changed> {
        self.0.retain(|_, at| *at >= from);
        changed.retain(|email| self.0.insert(email.id, email.changed_at) != Some(email.changed_at));
        changed
    }
}

/// A watcher's view of the queue: what they have not been told about yet.
#[derive(Debug)]
pub struct Watch {
    app: Arc<App>,
    news: broadcast::Receiver<Changed>,
    since: Timestamp,
    /// When they took in news last.
    looked_at: Timestamp,
    told: Told,
}

impl Watch {
    /// Starts watching.
    pub fn new(app: Arc<App>) -> Self {
        let begin = || tokio::spawn(look(app.clone(), app.email_changed.subscribe()));
        let news = app.email_changes.subscribe(begin);
        let now = app.clock.now();
        Self {
            app,
            news,
            since: now,
            looked_at: now,
            told: Told::default(),
        }
    }

    /// Waits until something changes, but not for long, and returns the e-mails that have changed, if
    /// any, in the order of their changes.
    pub async fn next(&mut self) -> Result<Vec<EmailId>> {
        let interval = self.app.settings.mail.queue.poll_interval.min(LOOKS_EVERY);
        let first = tokio::select! {
            news = self.news.recv() => news,
            () = sleep(interval) => return Ok(Vec::new()),
        };
        let mut is_behind = first.is_err();
        let mut changed = Vec::from_iter(first);
        loop {
            match self.news.try_recv() {
                Ok(news) => changed.push(news),
                Err(TryRecvError::Lagged(_)) => is_behind = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let from = self.looked_at.before(SEEN_LATE_BY);
        self.looked_at = self.app.clock.now();
        // Whoever takes long to read what they were told before misses nothing.
        if is_behind {
            changed = changed_since(&self.app, from).await?;
        }
        changed.retain(|email| email.changed_at >= self.since);
        let news = self.told.news(from, changed);
        Ok(news.into_iter().map(|email| email.id).collect())
    }
}

/// Those of the e-mails that match the filter, as this reader may see them now, in the order of `ids`.
pub async fn find_matching(
    app: &App,
    actor: &Actor,
    filter: &EmailFilter,
    ids: &[EmailId],
) -> Result<Vec<Email>> {
    let found = filter
        .filters(&app.db)
        .select()
        .filter(email::Column::Id.is_in(ids.iter().copied()));
    let found = app.db.find(app.db.read(), found).await?;
    let mut found = as_seen_by(app, actor, found.rows).await?;
    found.sort_by_key(|email| ids.iter().position(|id| *id == email.row().id));
    Ok(found)
}
