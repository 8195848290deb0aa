//! The subscriptions to what is not an e-mail: the queue as a whole, the event log, and the viewer.
//!
//! Each asks again who is watching before it tells anything, and ends with an error once they may no longer
//! know it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Result, Subscription};
use entity::email::Status;
use entity::{EventId, email_queue};
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep};

use super::context::{Caller, ContextExt};
use super::email_queue::EmailQueue;
use super::events::{Event, EventFilter};
use super::guard::{Requires, SignedIn, requires, signed_in};
use super::users::User;
use crate::domain::App;
use crate::domain::actor::SignedIn as Viewer;
use crate::domain::applications::{EMAIL_QUEUE_VIEW, EVENT_LOG_VIEW};
use crate::domain::emails::changes;
use crate::domain::events::watching;
use crate::domain::{self, Actor, emails, events, sessions};

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
        let app = ctx.app()?.clone();
        Ok(reports(QueueWatcher {
            watch: changes::Watch::new(app.clone()),
            watcher: Watcher::new(ctx)?,
            told: None,
            counted_at: Instant::now(),
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
        let app = ctx.app()?.clone();
        Ok(reports(EventWatcher {
            watch: watching::Watch::new(app, filter.unwrap_or_default()),
            watcher: Watcher::new(ctx)?,
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

/// What there is to report, one after the other.
trait Reports: Send {
    type Item: Send;

    /// Waits for the next.
    fn next(&mut self) -> impl Future<Output = domain::Result<Self::Item>> + Send;
}

/// A stream of it that ends after an error.
fn reports<R: Reports>(from: R) -> impl Stream<Item = Result<R::Item>> {
    stream::unfold(Some(from), |from| async move {
        let mut from = from?;
        Some(match from.next().await {
            Ok(item) => (Ok(item), Some(from)),
            Err(error) => (Err(error.into()), None),
        })
    })
}

/// Who is watching.
struct Watcher {
    app: Arc<App>,
    caller: Arc<Caller>,
}

impl Watcher {
    fn new(ctx: &Context<'_>) -> Result<Self> {
        Ok(Self {
            app: ctx.app()?.clone(),
            caller: ctx.caller()?.clone(),
        })
    }

    /// Who they are by now: what they were allowed to do when they subscribed does not count.
    async fn refresh(&self) -> domain::Result<Actor> {
        let actor = sessions::refresh(&self.app, &self.caller.actor()).await?;
        self.caller.refreshed(actor.clone());
        Ok(actor)
    }
}

type QueueState = (email_queue::Model, Vec<(Status, u64)>);

struct QueueWatcher {
    watcher: Watcher,
    watch: changes::Watch,
    told: Option<QueueState>,
    counted_at: Instant,
}

impl Reports for QueueWatcher {
    type Item = EmailQueue;

    async fn next(&mut self) -> domain::Result<EmailQueue> {
        loop {
            let mut is_to_count = self.told.is_none();
            if !is_to_count {
                sleep(LOOKS_EVERY).await;
                is_to_count = !self.watch.next().await?.is_empty();
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
                    emails::counts(app).await?
                }
            };
            let now = (state, counts);
            if self.told.as_ref() != Some(&now) {
                self.told = Some(now.clone());
                return Ok(EmailQueue::from(now.0));
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
                return Ok(Event::from(event));
            }
            if self.recorded.is_empty() {
                self.recorded.extend(self.watch.next().await?);
            }
            self.watcher.refresh().await?.must_hold(&EVENT_LOG_VIEW)?;
            let some = self.recorded.len().min(READ_AT_A_TIME);
            let ids: Vec<EventId> = self.recorded.drain(..some).collect();
            if !ids.is_empty() {
                let found = watching::find_all(&self.watcher.app, &ids).await?;
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
