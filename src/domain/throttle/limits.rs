//! What is counted without being a guess: e-mails to one recipient, and changes to one's own account.

use std::time::Duration;

use entity::UserId;
use sha2::{Digest, Sha256};

use super::counters::{Counted, Counter, count, count_each};
use crate::database::Transaction;
use crate::domain::EmailAddress;
use crate::domain::app::App;
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::metrics::Throttled;

/// Counts an e-mail of one kind to one recipient, whoever causes it. The next one waits no longer
/// than this one is useful, so that the recipient always has a link that works.
///
/// # Errors
///
/// [`UserErrorCode::TooManyAttempts`] with the time to wait. What causes the e-mail must not happen.
pub async fn email(
    app: &App,
    transaction: &Transaction,
    kind: &str,
    to: &EmailAddress,
    useful_for: Option<Duration>,
) -> Result<()> {
    let counter = of_email(app, kind, to, useful_for);
    allowed(app, count(app, transaction, &counter).await?, EMAIL)
}

/// The same for e-mails to different recipients, a few hundred at most: whether each of them may be sent.
///
/// # Errors
///
/// What is no recipient's fault.
pub async fn emails(
    app: &App,
    transaction: &Transaction,
    kind: &str,
    new: impl IntoIterator<Item = (&EmailAddress, Option<Duration>)>,
) -> Result<Vec<Result<()>>> {
    let of_each = |(to, useful_for)| of_email(app, kind, to, useful_for);
    let counters: Vec<Counter> = new.into_iter().map(of_each).collect();
    if counters.is_empty() {
        return Ok(Vec::new());
    }
    let counted = count_each(app, transaction, &counters).await?;
    let counted = counted.into_iter();
    Ok(counted.map(|it| allowed(app, it, EMAIL)).collect())
}

const EMAIL: (Throttled, &str) = (Throttled::Email, "e-mails to this address");

fn of_email(app: &App, kind: &str, to: &EmailAddress, useful_for: Option<Duration>) -> Counter {
    let settings = &app.settings.throttle;
    let longest = settings.email_delay_at_most;
    Counter {
        subject: format!("{kind} to {}", digest(to.normal())),
        account: None,
        free: settings.emails_per_recipient,
        delay_at_most: useful_for.map_or(longest, |useful_for| Ord::min(useful_for, longest)),
    }
}

/// Counts a change that a user makes to their own account: anybody may make them, and each is
/// recorded for long.
///
/// # Errors
///
/// [`UserErrorCode::TooManyAttempts`] with the time to wait.
pub async fn own_change(app: &App, transaction: &Transaction, user: UserId) -> Result<()> {
    let settings = &app.settings.throttle;
    let counter = Counter {
        subject: own_changes_of(user),
        account: None,
        free: settings.own_changes,
        delay_at_most: settings.delay_at_most,
    };
    let counted = count(app, transaction, &counter).await?;
    allowed(app, counted, (Throttled::OwnChange, "changes"))
}

/// By what a user's changes to their own account are counted.
pub(super) fn own_changes_of(user: UserId) -> String {
    format!("changes by {}", user.0)
}

/// `what` is counted so for operators, and told the caller in these words.
fn allowed(app: &App, counted: Counted, (kind, what): (Throttled, &str)) -> Result<()> {
    match counted {
        Counted::Free | Counted::BeforeDelay => Ok(()),
        Counted::Blocked(wait) => {
            app.metrics.throttled(kind);
            Err(too_many(what, wait))
        }
    }
}

/// Whole seconds, rounded up: whoever waits that long is allowed to try again.
pub(super) fn too_many(what: &str, wait: Duration) -> Error {
    let seconds = (wait.as_micros().div_ceil(1_000_000)).clamp(1, 1 << 32);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    UserError {
        retry_after: Some(Duration::from_secs(seconds)),
        ..UserError::new(
            UserErrorCode::TooManyAttempts,
            None,
            format!("Too many {what}. Try again in {seconds} {unit}."),
        )
    }
    .into()
}

/// Accounts are not stored in plain text: which ones were guessed at, even if they do not exist, is
/// nobody's business.
pub(super) fn digest(account: &str) -> String {
    hex(&Sha256::digest(account.as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
