//! The subscriptions to what is not an e-mail: the queue as a whole, the event log, and the viewer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Result, Subscription};
use entity::{EventId, email_queue};
use futures_util::Stream;
use tokio::time::{Instant, sleep};

use super::email_queue::EmailQueue;
use super::events::{Event, EventFilter};
use super::guard::{Requires, SignedIn, requires, signed_in};
use super::users::User;
use super::watcher::{Reports, Watcher, reports};
use crate::domain::actor::SignedIn as Viewer;
use crate::domain::applications::{EMAIL_QUEUE_VIEW, EVENT_LOG_VIEW};
use crate::domain::emails::changes;
use crate::domain::events::watching;
use crate::domain::{self, emails, events};

/// The subscriptions to what is not an e-mail.
#[derive(Default)]
pub struct LiveSubscription;

#[Subscription]
impl LiveSubscription {
    /// Reports the queue as it is, and again whenever it is paused or resumed, its transport becomes
    /// unavailable or available, or its counts change; at most twice a second. Ends with an error when the
    /// session ends or the permission is revoked.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn email_queue_changed(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<EmailQueue>>> {
        let watcher = Watcher::new(ctx)?;
        Ok(reports(QueueWatcher {
            watch: changes::Watch::begin(watcher.app.clone(), None).await?,
            watcher,
            told: None,
            counted_at: Instant::now(),
            has_changed: false,
        }))
    }

    /// Reports each event when it is recorded. Ends with an error when the session ends or the permission is
    /// revoked.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn event_recorded(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Reports only events that match.")] filter: Option<EventFilter>,
    ) -> Result<impl Stream<Item = Result<Event>>> {
        let filter = filter.map(EventFilter::decode).transpose()?;
        let watcher = Watcher::new(ctx)?;
        let app = watcher.app.clone();
        Ok(reports(EventWatcher {
            watch: watching::Watch::begin(app, filter.unwrap_or_default()).await?,
            watcher,
            recorded: VecDeque::new(),
            found: VecDeque::new(),
        }))
    }

    /// Reports the viewer as they are, and again when their names, address, roles or permissions change. Ends
    /// with an error when the session ends.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn viewer_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<User>>> {
        Ok(reports(ViewerWatcher {
            watcher: Watcher::new(ctx)?,
            told: None,
        }))
    }
}

/// How long to wait between two looks.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// How often e-mails are counted where none is known to have changed: nothing tells of those that were deleted.
const COUNTS_EVERY: Duration = Duration::from_secs(5);

/// How many events are read at a time: so many wait in memory for a watcher who reads slowly.
const READ_AT_A_TIME: usize = 10;

type QueueState = (email_queue::Model, emails::watchers::Counts);

struct QueueWatcher {
    watcher: Watcher,
    watch: changes::Watch,
    told: Option<QueueState>,
    counted_at: Instant,
    /// Whether an e-mail had changed at the last look.
    has_changed: bool,
}

impl Reports for QueueWatcher {
    type Item = EmailQueue;

    async fn next(&mut self) -> domain::Result<EmailQueue> {
        loop {
            let mut is_to_count = self.told.is_none();
            if !is_to_count {
                sleep(LOOKS_EVERY).await;
                let has_changed = !self.watch.next().await?.is_empty();
                // Once more after that: the count may have been another watcher's, from just before.
                is_to_count = has_changed || self.has_changed;
                self.has_changed = has_changed;
            }
            self.watcher.refresh().await?.must_hold(&EMAIL_QUEUE_VIEW)?;
            let app = &self.watcher.app;
            let state = emails::queue_state(app, app.db.read()).await?;
            let counts = match &self.told {
                Some((_, counts)) if !is_to_count && self.counted_at.elapsed() < COUNTS_EVERY => {
                    counts.clone()
                }
                _ => {
                    self.counted_at = Instant::now();
                    emails::recent_counts(app).await?
                }
            };
            let now = (state, counts);
            if self.told.as_ref() != Some(&now) {
                self.watcher.must_still_hold(&EMAIL_QUEUE_VIEW).await?;
                self.told = Some(now.clone());
                return Ok(EmailQueue::counted(now.0, now.1));
            }
        }
    }
}

struct EventWatcher {
    watcher: Watcher,
    watch: watching::Watch,
    /// What they have not been told about yet.
    recorded: VecDeque<EventId>,
    /// What was read of it.
    found: VecDeque<events::Event>,
}

impl Reports for EventWatcher {
    type Item = Event;

    async fn next(&mut self) -> domain::Result<Event> {
        loop {
            if let Some(event) = self.found.pop_front() {
                self.watcher.must_still_hold(&EVENT_LOG_VIEW).await?;
                return Ok(Event::from(event));
            }
            if self.recorded.is_empty() {
                self.recorded.extend(self.watch.next().await?);
            }
            self.watcher.refresh().await?.must_hold(&EVENT_LOG_VIEW)?;
            let some = self.recorded.len().min(READ_AT_A_TIME);
            let ids: Vec<EventId> = self.recorded.drain(..some).collect();
            if !ids.is_empty() {
                let mut found = events::find_all(&self.watcher.app, ids.iter().copied()).await?;
                found.sort_by_key(|event| ids.iter().position(|id| *id == event.row.id));
                self.found.extend(found);
            }
        }
    }
}

struct ViewerWatcher {
    watcher: Watcher,
    told: Option<Arc<Viewer>>,
}

impl Reports for ViewerWatcher {
    type Item = User;

    async fn next(&mut self) -> domain::Result<User> {
        loop {
            if self.told.is_some() {
                sleep(LOOKS_EVERY).await;
            }
            let now = self.watcher.refresh().await?.signed_in()?.clone();
            let told = self.told.as_ref();
            if told.is_none_or(|told| !is_same(told, &now)) {
                self.told = Some(now.clone());
                return Ok(User::from(now.user.clone()));
            }
        }
    }
}

/// Whether nothing has changed that the viewer's pages show of them.
fn is_same(told: &Viewer, now: &Viewer) -> bool {
    let roles = |viewer: &Viewer| {
        let mut ids = viewer.user.role_ids.clone();
        ids.sort();
        ids
    };
    let (before, after) = (&told.user.row, &now.user.row);
    before.email == after.email
        && before.first_name == after.first_name
        && before.last_name == after.last_name
        && roles(told) == roles(now)
        && told.rights.in_force() == now.rights.in_force()
}
