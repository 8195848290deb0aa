//! The outcome of an attempt, and what it means for the e-mail.

use std::time::Duration;

use entity::email::Status;
use entity::{TimeOrNever, Timestamp, email, email_attempt};
use sea_orm::Set;

use crate::domain::app::App;
use crate::domain::error::{Error, Result};
use crate::metrics::Attempt;

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The transport's name; for one that delegates to others, the one that was used.
    pub transport: String,
    /// The transport's own words.
    pub response: String,
    /// What they mean for the e-mail.
    pub verdict: Verdict,
}

/// What the transport's answer means for the e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was accepted.
    Delivered,
    /// Not now; perhaps later.
    Transient,
    /// Never.
    Permanent,
    /// It is not the e-mail's fault: no e-mail can be sent at the moment.
    Unavailable,
    /// Nobody knows: the attempt was interrupted, and does not count.
    Interrupted,
    /// There was no attempt: nobody has begun to send it.
    Unbegun,
}

impl Verdict {
    /// What is written down of an attempt, if there was one.
    pub(super) fn stored(self) -> Option<email_attempt::Outcome> {
        match self {
            Self::Delivered => Some(email_attempt::Outcome::Delivered),
            Self::Transient => Some(email_attempt::Outcome::TransientFailure),
            Self::Permanent => Some(email_attempt::Outcome::PermanentFailure),
            Self::Unavailable => Some(email_attempt::Outcome::Unavailable),
            Self::Interrupted => Some(email_attempt::Outcome::Interrupted),
            Self::Unbegun => None,
        }
    }

    /// What operators count it as, if there was an attempt.
    pub fn attempt(self) -> Option<Attempt> {
        match self {
            Self::Delivered => Some(Attempt::Delivered),
            Self::Transient => Some(Attempt::Transient),
            Self::Permanent => Some(Attempt::Permanent),
            Self::Unavailable => Some(Attempt::Unavailable),
            Self::Interrupted => Some(Attempt::Interrupted),
            Self::Unbegun => None,
        }
    }
}

impl Outcome {
    /// The attempt was interrupted before the transport answered: the e-mail is requeued.
    pub fn interrupted(app: &App) -> Self {
        Self {
            transport: app.settings.mail.transport.clone(),
            response: "The server stopped before the transport answered.".to_owned(),
            verdict: Verdict::Interrupted,
        }
    }

    /// The e-mail was claimed ahead of need, and is given back: it is requeued as if it had not been
    /// claimed.
    pub fn unbegun(app: &App) -> Self {
        Self {
            transport: app.settings.mail.transport.clone(),
            response: "Nobody has begun to send it.".to_owned(),
            verdict: Verdict::Unbegun,
        }
    }

    /// Whether anybody has begun to send the e-mail.
    pub fn is_of_attempt(&self) -> bool {
        self.verdict != Verdict::Unbegun
    }
}

pub(super) fn unclaimed(now: Timestamp) -> email::ActiveModel {
    email::ActiveModel {
        changed_at: Set(now),
        claim_id: Set(None),
        lease_until: Set(None),
        ..Default::default()
    }
}

/// The state of an e-mail that was not delivered; where it is to be tried again, it is `due` then.
pub(super) fn after_failure(
    app: &App,
    email: &email::Model,
    outcome: &Outcome,
    due: TimeOrNever,
) -> email::ActiveModel {
    let now = app.clock.now();
    let is_last = email.attempt_count.unsigned_abs() >= app.settings.mail.queue.max_attempts;
    let has_lost_its_purpose = email.expires_at.is_some_and(|end| end <= now);
    let last_error = Set(Some(outcome.response.clone()));
    match outcome.verdict {
        _ if has_lost_its_purpose => email::ActiveModel {
            status: Set(Status::Cancelled),
            last_error,
            ..unclaimed(now)
        },
        // The transport is paused for as long, so waiting costs the e-mail no attempt.
        Verdict::Unavailable => email::ActiveModel {
            status: Set(Status::Queued),
            attempt_count: Set(email.attempt_count.saturating_sub(1)),
            next_attempt_at: Set(due),
            last_error,
            ..unclaimed(now)
        },
        Verdict::Interrupted => email::ActiveModel {
            status: Set(Status::Queued),
            attempt_count: Set(email.attempt_count.saturating_sub(1)),
            next_attempt_at: Set(now.into()),
            ..unclaimed(now)
        },
        Verdict::Unbegun => email::ActiveModel {
            status: Set(Status::Queued),
            attempt_count: Set(email.attempt_count.saturating_sub(1)),
            next_attempt_at: Set(due),
            ..unclaimed(now)
        },
        Verdict::Transient if !is_last => email::ActiveModel {
            status: Set(Status::Queued),
            next_attempt_at: Set(due),
            last_error,
            ..unclaimed(now)
        },
        _ => email::ActiveModel {
            status: Set(Status::Failed),
            last_error,
            ..unclaimed(now)
        },
    }
}

/// The wait before the next attempt: twice as long each time up to a limit, and up to a fifth
/// shorter or longer, so that e-mails which failed together are not all retried together.
pub(super) fn back_off(
    first: Duration,
    at_most: Duration,
    email: &email::Model,
) -> Result<Duration> {
    let doublings = email
        .attempt_count
        .saturating_sub(1)
        .clamp(0, 30)
        .unsigned_abs();
    let wait = first.saturating_mul(1 << doublings).min(at_most);
    let random = getrandom::u32().map_err(Error::internal)?;
    Ok(wait.mul_f64(0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX)))
}
