//! The desk between the queue and the senders: mails that were claimed and wait for a free sender, and
//! outcomes that wait to be recorded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::email;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::App;
use crate::domain::emails::delivery::{Claim, Outcome, Room, Verdict};
use crate::domain::emails::domain_limits::{DomainLimits, DomainPermit};

/// How many mails are claimed ahead at most. With the senders this bounds what may be sent and not yet
/// be recorded.
pub const MOST_AHEAD: usize = 32;

/// Mails are claimed ahead for so long: somewhat longer than a transaction usually takes. Where the
/// senders take longer for a mail, none is claimed ahead.
const AHEAD_FOR: Duration = Duration::from_millis(10);

/// The senders' speed is an average over so long.
const MEASURED_OVER: Duration = Duration::from_millis(100);

/// A mail that nobody has begun to send for so long is given back: the senders have become slow, and
/// another one may be more urgent by now, or this one be of no more use.
const WAITS_AT_MOST: Duration = Duration::from_millis(200);

/// What was claimed by this worker and is not yet recorded.
pub(super) struct Desk {
    app: Arc<App>,
    domains: DomainLimits,
    on_it: Mutex<OnIt>,
    mail_is_there: Notify,
    outcome_is_there: Notify,
}

struct OnIt {
    /// In the order in which they are to be sent.
    waiting: VecDeque<Waiting>,
    /// How many the senders hold.
    being_sent: usize,
    done: Vec<(Claim, Outcome)>,
    speed: Speed,
    /// Nothing is sent any more.
    is_closed: bool,
}

struct Waiting {
    claim: Claim,
    since: Instant,
}

/// A mail in a sender's hands.
pub(super) struct Job {
    pub claim: Claim,
    _permit: DomainPermit,
}

/// What one transaction is to do.
pub(super) struct Turn {
    /// To be recorded.
    pub done: Vec<(Claim, Outcome)>,
    /// For what may be claimed.
    pub room: Room,
}

impl Desk {
    pub fn new(app: Arc<App>) -> Self {
        let on_it = OnIt {
            waiting: VecDeque::new(),
            being_sent: 0,
            done: Vec::new(),
            speed: Speed::new(Instant::now()),
            is_closed: false,
        };
        Self {
            domains: DomainLimits::new(app.settings.mail.queue.workers),
            app,
            on_it: Mutex::new(on_it),
            mail_is_there: Notify::new(),
            outcome_is_there: Notify::new(),
        }
    }

    /// Puts mails down to be sent.
    pub fn put(&self, claims: Vec<Claim>) {
        let count = claims.len();
        let since = Instant::now();
        let waiting = claims.into_iter().map(|claim| Waiting { claim, since });
        self.on_it().waiting.extend(waiting);
        for _ in 0..count {
            self.mail_is_there.notify_one();
        }
    }

    /// Waits for the next mail to be sent; none, once there will be no more.
    pub async fn next(&self) -> Option<Job> {
        loop {
            // Whatever is put down from here on is heard of.
            let mut mail_is_there = std::pin::pin!(self.mail_is_there.notified());
            mail_is_there.as_mut().enable();
            {
                let mut on_it = self.on_it();
                if on_it.is_closed {
                    return None;
                }
                if let Some(job) = on_it.next(&self.app, &self.domains) {
                    return Some(job);
                }
            }
            mail_is_there.await;
        }
    }

    /// Puts down what became of a mail; nothing, if that is no longer this worker's concern.
    ///
    /// Where the transport is unavailable, nobody begins to send those that wait here: whether to try it
    /// with another one is for the next turn to say.
    pub fn put_back(&self, job: Job, outcome: Option<Outcome>) {
        let mut on_it = self.on_it();
        on_it.being_sent -= 1;
        let is_unavailable = |outcome: &Outcome| outcome.verdict == Verdict::Unavailable;
        if outcome.as_ref().is_some_and(is_unavailable) {
            on_it.give_back(&self.app, |_| true);
        }
        on_it
            .done
            .extend(outcome.map(|outcome| (job.claim, outcome)));
        drop(on_it);
        self.outcome_is_there.notify_one();
    }

    /// Waits until a sender has put something down, unless one has since the last turn.
    pub async fn outcome_is_there(&self) {
        self.outcome_is_there.notified().await;
    }

    /// Whether nothing is here that a turn would record or give back.
    pub fn is_clear(&self) -> bool {
        let on_it = self.on_it();
        on_it.waiting.is_empty() && on_it.done.is_empty()
    }

    /// How long the next turn can wait if nothing happens.
    pub fn patience(&self) -> Duration {
        let until_given_back = (self.on_it().waiting.front())
            .map(|first| WAITS_AT_MOST.saturating_sub(first.since.elapsed()));
        [until_given_back, self.domains.looks_past_in()]
            .into_iter()
            .flatten()
            .fold(self.app.settings.mail.queue.poll_interval, Duration::min)
    }

    /// Takes up what is to be recorded. All that is on the desk, with what the room is filled with, is
    /// never more than one mail a sender and [`MOST_AHEAD`].
    pub fn take_turn(&self) -> Turn {
        let now = Instant::now();
        let mut on_it = self.on_it();
        on_it.give_back(&self.app, |waiting| now - waiting.since >= WAITS_AT_MOST);
        let tried = on_it.tried().count();
        on_it.speed.note(tried, now);
        let most = if on_it.is_closed {
            0
        } else {
            let ahead = on_it.speed.mails_in(AHEAD_FOR);
            self.app.settings.mail.queue.workers + ahead.min(MOST_AHEAD)
        };
        let waiting = on_it.waiting.iter().map(|waiting| &waiting.claim.email);
        let domains = self.domains.in_use(waiting, on_it.tried());
        let held = on_it.being_sent + on_it.waiting.len();
        Turn {
            done: std::mem::take(&mut on_it.done),
            room: Room::new(most.saturating_sub(held), domains),
        }
    }

    /// Takes back what could not be recorded, for the next turn.
    pub fn keep(&self, done: Vec<(Claim, Outcome)>) {
        self.on_it().done.extend(done);
    }

    /// Gives back what nobody has begun to send, and lets nobody begin.
    pub fn close(&self) {
        let mut on_it = self.on_it();
        on_it.is_closed = true;
        on_it.give_back(&self.app, |_| true);
        drop(on_it);
        self.mail_is_there.notify_waiters();
    }

    /// Nothing here can be left half-made by a panic.
    fn on_it(&self) -> MutexGuard<'_, OnIt> {
        self.on_it.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OnIt {
    /// The first mail that may be sent now. Its purpose may have ended by time meanwhile.
    fn next(&mut self, app: &App, domains: &DomainLimits) -> Option<Job> {
        let now = app.clock.now();
        self.give_back(app, |waiting| {
            waiting.claim.email.expires_at.is_some_and(|end| end <= now)
        });
        let mut permit = None;
        let chosen = self.waiting.iter().position(|waiting| {
            permit = domains.enter(&waiting.claim.email);
            permit.is_some()
        })?;
        let claim = self.waiting.remove(chosen)?.claim;
        self.being_sent += 1;
        Some(Job {
            claim,
            _permit: permit?,
        })
    }

    /// Those of which a sender has said what became of them.
    fn tried(&self) -> impl Iterator<Item = &email::Model> {
        let tried = self
            .done
            .iter()
            .filter(|(_, outcome)| outcome.is_of_attempt());
        tried.map(|(claim, _)| &claim.email)
    }

    /// Gives back those of the waiting mails for which `is_due` holds.
    fn give_back(&mut self, app: &App, is_due: impl Fn(&Waiting) -> bool) {
        while let Some(at) = self.waiting.iter().position(&is_due)
            && let Some(Waiting { claim, .. }) = self.waiting.remove(at)
        {
            self.done.push((claim, Outcome::unbegun(app)));
        }
    }
}

/// How fast mails are sent, on average over the last moments.
struct Speed {
    /// How many, of which each counts the less the longer ago it was.
    mails: f64,
    at: Instant,
}

impl Speed {
    fn new(now: Instant) -> Self {
        Self {
            mails: 0.0,
            at: now,
        }
    }

    /// So many more were sent until now.
    fn note(&mut self, sent: usize, now: Instant) {
        let passed = (now - self.at).div_duration_f64(MEASURED_OVER);
        self.mails = self.mails * (-passed).exp() + sent as f64;
        self.at = now;
    }

    /// How many are sent in so long.
    fn mails_in(&self, time: Duration) -> usize {
        (self.mails * time.div_duration_f64(MEASURED_OVER)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_claimed_ahead_only_where_many_are_sent() {
        let mut now = Instant::now();
        let mut run = |every: Duration, sent: usize| {
            let mut speed = Speed::new(now);
            for _ in 0..1_000 {
                now += every;
                speed.note(sent, now);
            }
            speed.mails_in(AHEAD_FOR)
        };
        assert_eq!(run(Duration::from_millis(250), 4), 0);
        assert_eq!(run(Duration::from_millis(20), 1), 0);
        let many = run(Duration::from_millis(5), 10);
        assert!((19..=21).contains(&many), "{many}");
    }

    #[test]
    fn a_lull_is_noticed() {
        let start = Instant::now();
        let mut speed = Speed::new(start);
        speed.note(1_000, start);
        assert!(speed.mails_in(AHEAD_FOR) >= MOST_AHEAD);
        speed.note(0, start + Duration::from_secs(1));
        assert_eq!(speed.mails_in(AHEAD_FOR), 0);
    }
}
