//! The worker that takes e-mails from the queue to the transport, and records what became of them.
//!
//! It is woken when a mail is queued, and looks by itself now and then for what has become due or
//! was queued by another server. What the queue's states mean stands in `domain/emails/delivery.rs`.
//!
//! Two things go on side by side, with `desk.rs` between them. The senders (`sending.rs`), one for each
//! mail that may be sent at a time, take mails from the desk and put outcomes there. Meanwhile one
//! transaction after the other records the outcomes and claims more mails. Where many are sent quickly, some
//! are claimed ahead of need, so that no sender ever waits for the disk.
//!
//! **A mail is in flight** from when a sender takes it until its outcome is committed. Those that are
//! in flight when the process is killed may be sent twice: as many as there are senders, and where
//! many are sent quickly up to [`MOST_AHEAD`] more. Those that were only claimed are not: nobody has
//! begun to send them.

mod cleaning;
mod desk;
mod sending;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use transports::Transport;

use self::desk::{Desk, Turn};
use crate::domain::App;
use crate::domain::emails::delivery::{self, Claim, Outcome};
use crate::domain::{Result, password_resets};

pub use self::desk::MOST_AHEAD;

/// A transaction begins no sooner than this after the one before: what has come to an end meanwhile
/// shares it.
const TURNS_AT_MOST_EVERY: Duration = Duration::from_millis(3);

/// Sends e-mails until it is told to stop, then finishes those in flight, or gives them back where
/// they take longer than the server may take to stop.
pub async fn run(app: Arc<App>, transport: Arc<dyn Transport>, stop: CancellationToken) {
    let cleaning = tokio::spawn(cleaning::keep_clean(app.clone(), stop.clone()));
    let desk = Arc::new(Desk::new(app.clone()));
    let mut senders = JoinSet::new();
    for _ in 0..app.settings.mail.queue.workers {
        let (app, transport) = (app.clone(), transport.clone());
        senders.spawn(sending::run(app, transport, desk.clone(), stop.clone()));
    }
    let mut books = Books {
        app,
        desk: desk.clone(),
        troubles: Troubles::default(),
    };
    books.keep(&stop).await;
    desk.close();
    // What nobody has begun to send is given back at once.
    books.take_turn().await;
    while senders.join_next().await.is_some() {}
    books.take_turn().await;
    if let Err(error) = cleaning.await {
        tracing::error!(%error, "the clean-up failed");
    }
}

/// What the queue is told, and asked for.
struct Books {
    app: Arc<App>,
    desk: Arc<Desk>,
    troubles: Troubles,
}

impl Books {
    /// Records outcomes and claims mails, whenever there is reason to, until it is told to stop.
    async fn keep(&mut self, stop: &CancellationToken) {
        let mut wake = Wake::Told;
        loop {
            let began = Instant::now();
            let mut is_done = true;
            if wake != Wake::Timer || self.has_something_to_do().await {
                if wake != Wake::Outcome {
                    self.answer_requests().await;
                }
                is_done = self.take_turn().await;
            }
            if is_done {
                let now = self.app.clock.now().0 as f64 / 1e6;
                self.app.metrics.worker_took_turn(now);
            }
            let patience = self.desk.patience();
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.desk.outcome_is_there() => wake = Wake::Outcome,
                () = self.app.mail_queued.notified() => wake = Wake::Told,
                () = tokio::time::sleep(patience) => wake = Wake::Timer,
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(began + TURNS_AT_MOST_EVERY) => {}
            }
        }
    }

    /// Whether a turn would come to anything. A database that does not answer is left to the turn, which
    /// reports it.
    async fn has_something_to_do(&self) -> bool {
        !self.desk.is_clear() || delivery::is_anything_due(&self.app).await.unwrap_or(true)
    }

    /// Writes the e-mails that were asked for in a way that must not tell whether there is anybody to
    /// write to.
    async fn answer_requests(&mut self) {
        let answered = password_resets::answer_requests(&self.app).await;
        if let Some(error) = self.troubles.news(Task::Requests, &answered) {
            tracing::error!(error, "cannot answer requests for password resets");
        }
    }

    /// Records what became of mails, and claims as many as there is room for. Returns whether the database
    /// has let it, as far as it was asked.
    async fn take_turn(&mut self) -> bool {
        let Turn { done, room } = self.desk.take_turn();
        if done.is_empty() && room.is_none() {
            return true;
        }
        let transport = &self.app.settings.mail.transport;
        let claims = delivery::record_and_claim(&self.app, &done, transport, &room).await;
        if let Some(error) = self.troubles.news(Task::Queue, &claims) {
            tracing::error!(error, "cannot process the e-mail queue");
        }
        let is_done = claims.is_ok();
        match claims {
            Ok(claims) => self.desk.put(claims),
            // Recorded twice is recorded once: the first time takes the claim away.
            Err(error) if error.away().is_some() => self.desk.keep(done),
            // What is wrong with one must not hold the others up.
            Err(_) => self.record_one_by_one(&done).await,
        }
        is_done
    }

    async fn record_one_by_one(&self, done: &[(Claim, Outcome)]) {
        for (claim, outcome) in done {
            let recorded = delivery::record(&self.app, claim, outcome).await;
            // Whatever it takes: a mail whose outcome is forgotten is sent again.
            if recorded
                .as_ref()
                .is_err_and(|error| error.is_lost_race() || error.away().is_some())
            {
                self.desk.keep(vec![(claim.clone(), outcome.clone())]);
            } else if let Err(error) = recorded {
                // The lease runs out, and the mail is tried again.
                let email = claim.email.id.0;
                tracing::error!(?error, %email, "cannot record the outcome of an attempt");
            }
        }
    }
}

/// Why a turn is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    /// This server has queued something, or has just started.
    Told,
    /// A sender has put something down.
    Outcome,
    /// Time has passed: something may have become due, or another server have queued something.
    Timer,
}

/// What a worker does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    Requests,
    Queue,
}

/// What went wrong when each task was last done, so that the log says it once, not every second.
#[derive(Debug, Default)]
struct Troubles(HashMap<Task, String>);

impl Troubles {
    /// The error, unless it is the same as the last time.
    fn news<T>(&mut self, task: Task, outcome: &Result<T>) -> Option<String> {
        let Err(error) = outcome else {
            self.0.remove(&task);
            return None;
        };
        // The log says so already, or the next turn does it.
        if error.away().is_some() || error.is_lost_race() {
            return None;
        }
        let error = format!("{error:?}");
        let before = self.0.insert(task, error.clone());
        (before.as_ref() != Some(&error)).then_some(error)
    }
}
