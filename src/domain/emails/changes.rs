//! Which e-mails have changed, for those who watch the queue.
//!
//! The rows tell: each says when it last changed, whichever server changed it. One task looks at them
//! for all who watch, as long as somebody does. Changes made by this server are also sent through a
//! channel, which only saves waiting for the next look.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::{EmailId, Timestamp, email, email_deletion};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::{Instant, sleep, sleep_until};

use super::watchers::{ChangeKind, Changed};
use super::{Email, EmailFilter, as_seen_by};
use crate::database::{Found, Transaction, Write};
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

/// What has changed, and what was deleted, in the order of time.
async fn changed_since(app: &App, from: Timestamp) -> Result<Vec<Changed>> {
    let changed = email::Entity::find()
        .filter(email::Column::ChangedAt.gte(from))
        .order_by_asc(email::Column::ChangedAt)
        .order_by_asc(email::Column::Id);
    let changed: Found<Changed> = app.db.find_as(app.db.read(), last_change(changed)).await?;
    let deleted = email_deletion::Entity::find()
        .filter(email_deletion::Column::DeletedAt.gte(from))
        .order_by_asc(email_deletion::Column::DeletedAt)
        .order_by_asc(email_deletion::Column::Id);
    let deleted = app.db.all(app.db.read(), deleted).await?;
    let mut all = changed.rows;
    all.extend(deleted.into_iter().map(|deletion| Changed {
        id: deletion.id,
        kind: ChangeKind::Deleted,
        at: deletion.deleted_at,
    }));
    all.sort_by_key(|change| change.at);
    Ok(all)
}

/// What [`Changed`] is read from.
fn last_change(emails: Select<email::Entity>) -> Select<email::Entity> {
    emails
        .select_only()
        .column(email::Column::Id)
        .column(email::Column::ChangedAt)
        .column(email::Column::CreatedAt)
}

/// How far back those who begin to watch are told of: so many e-mails, the newest.
const TOLD_FROM_BEFORE: u64 = 1_000;

/// The e-mails that match the filter and have changed since, in the order of time.
async fn matching_since(app: &App, filter: &EmailFilter, since: Timestamp) -> Result<Vec<Changed>> {
    let newest_first = filter
        .filters(&app.db)
        .select()
        .filter(email::Column::ChangedAt.gte(since))
        .order_by_desc(email::Column::ChangedAt)
        .order_by_desc(email::Column::Id)
        .limit(TOLD_FROM_BEFORE);
    let newest_first = last_change(newest_first);
    let mut changed: Found<Changed> = app.db.find_as(app.db.read(), newest_first).await?;
    changed.rows.reverse();
    Ok(changed.rows)
}

/// For how long it is known which e-mails were deleted. Whoever watches learns of it within seconds.
const DELETIONS_KEPT_FOR: Duration = Duration::from_secs(60 * 60);

/// Notes for those who watch, on whichever server, that these e-mails are deleted, and forgets what was
/// noted long ago.
pub(super) async fn note_deleted(
    app: &App,
    transaction: &Transaction,
    ids: &[EmailId],
) -> Result<()> {
    let now = app.clock.now();
    let deletions = ids.iter().map(|id| email_deletion::ActiveModel {
        id: Set(*id),
        deleted_at: Set(now),
    });
    email_deletion::Entity::insert_many(deletions)
        .write(transaction)
        .await?;
    let long_ago = now.before(DELETIONS_KEPT_FOR);
    email_deletion::Entity::delete_many()
        .filter(email_deletion::Column::DeletedAt.lt(long_ago))
        .write_many(transaction)
        .await?;
    Ok(())
}

/// What was told already, as far back as changes are looked for.
#[derive(Debug, Default)]
struct Told(HashMap<EmailId, Timestamp>);

impl Told {
    /// Those of the changes that were not told yet. What happened before `from` is forgotten.
    fn news(&mut self, from: Timestamp, mut changed: Vec<Changed>) -> Vec<Changed> {
        self.0.retain(|_, at| *at >= from);
        changed.retain(|email| self.0.insert(email.id, email.at) != Some(email.at));
        changed
    }
}

/// A watcher's view of the queue: what they have not been told about yet.
#[derive(Debug)]
pub struct Watch {
    app: Arc<App>,
    news: broadcast::Receiver<Changed>,
    /// From before they began to watch.
    backlog: Vec<Changed>,
    /// When they took in news last.
    looked_at: Timestamp,
    told: Told,
}

impl Watch {
    /// Starts watching. What is there already is not told, but for a backlog: what matches a filter and has
    /// changed since some time, the newest thousand.
    pub async fn begin(app: Arc<App>, backlog: Option<(&EmailFilter, Timestamp)>) -> Result<Self> {
        let begin = || tokio::spawn(look(app.clone(), app.email_changed.subscribe()));
        let news = app.email_changes.subscribe(begin);
        let now = app.clock.now();
        // What becomes visible from now on is told, also if it is older: it was committed late. What changes
        // while these are read is told as well.
        let mut told = Told::default();
        let from = now.before(SEEN_LATE_BY);
        let mut before = changed_since(&app, from).await?;
        before.retain(|change| change.at < now);
        told.news(from, before);
        let backlog = match backlog {
            Some((filter, since)) => matching_since(&app, filter, since).await?,
            None => Vec::new(),
        };
        told.0
            .extend(backlog.iter().map(|change| (change.id, change.at)));
        Ok(Self {
            app,
            news,
            backlog,
            looked_at: now,
            told,
        })
    }

    /// Waits until something changes, but not for long, and returns what has become of which e-mails, if
    /// of any, in the order of time.
    pub async fn next(&mut self) -> Result<Vec<Changed>> {
        if !self.backlog.is_empty() {
            return Ok(std::mem::take(&mut self.backlog));
        }
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
        Ok(self.told.news(from, changed))
    }
}

/// Those of the e-mails that match the filter, as this reader may see them now, in no order.
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
    as_seen_by(app, actor, found.rows).await
}
