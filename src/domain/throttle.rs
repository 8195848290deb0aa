//! Throttling: how often somebody may guess a password or a token, and when they may guess again.
//!
//! Guesses are counted in the database, so that the count survives restarts and is shared by all
//! servers, and before they are evaluated, so that a hundred simultaneous guesses count as a
//! hundred. An account is known by a digest of the address that was entered: unknown addresses are
//! throttled just like known ones.
//!
//! Three things are counted. An account from one client address: a few guesses. Anything from one
//! client address: many more, since a whole office may share it. An account from all addresses
//! together, against attackers who have many: there the wait stays short. The latter two do not apply
//! to a client address from which the account's user has signed in before, or has used a link that was
//! e-mailed to them, so that no stranger can lock a user out.

use std::net::IpAddr;
use std::time::Duration;

use entity::{Timestamp, throttle};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use super::actor::Actor;
use super::error::{Error, Result, UserError, UserErrorCode};
use crate::app::App;

mod turns;

pub use turns::Turns;

/// For how long a client address counts as its user's own.
const TRUSTED_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What is being guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A password.
    Password,
    /// The token of a link.
    Token,
    /// Nothing; but each request for a reset can cause an e-mail.
    PasswordReset,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::PasswordReset => "reset",
        }
    }
}

/// A guess that has been counted, and may be evaluated.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    counters: Vec<Counter>,
    /// Whether the next guess is delayed, unless this one turns out to be right.
    pub delays_the_next: bool,
    _turn: Option<OwnedSemaphorePermit>,
}

#[derive(Clone, Debug)]
struct Counter {
    subject: String,
    account: Option<String>,
    /// How many attempts are not delayed.
    free: u32,
    delay_at_most: Duration,
    kind: Kind,
}

impl Counter {
    /// Whether it applies to a client address that is, or is not, trusted as the user's own.
    fn holds_for(&self, is_trusted: bool) -> bool {
        !is_trusted || self.kind == Kind::Pair
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An account from one client address.
    Pair,
    /// An account from everywhere.
    Account,
    /// A client address.
    Client,
}

/// Counts a guess at an account, or at a token, which belongs to none.
///
/// # Errors
///
/// [`UserErrorCode::TooManyAttempts`] with the time to wait. That guess counts for the client address
/// alone: whoever tries again and again, without waiting, waits longer.
pub async fn attempt(
    app: &App,
    actor: &Actor,
    scope: Scope,
    account: Option<&str>,
) -> Result<Attempt> {
    let mut counters = counters(app, actor, scope, account);
    // Those who have to wait anyway must not keep others waiting for their turn.
    if let Some(wait) = wait_of(app, &counters).await? {
        return refuse(app, &counters, wait).await;
    }
    let turn = match (scope, account) {
        (Scope::Password, Some(account)) => Some(app.turns.of(app, &digest(account)).await?),
        _ => None,
    };
    let transaction = app.db.begin().await?;
    let now = app.clock.now();
    let is_trusted = is_trusted(&transaction, &counters, now).await?;
    counters.retain(|counter| counter.holds_for(is_trusted));
    let delays_the_next = match count_all(app, &transaction, &counters, now).await? {
        Counted::Free => false,
        Counted::BeforeDelay => true,
        Counted::Blocked(wait) => {
            // The transaction is dropped, and with it what the other counters have counted.
            drop(transaction);
            return refuse(app, &counters, wait).await;
        }
    };
    transaction.commit().await?;
    Ok(Attempt {
        counters,
        delays_the_next,
        _turn: turn,
    })
}

/// How long a guess would currently have to wait, without counting it.
async fn wait_of(app: &App, counters: &[Counter]) -> Result<Option<Duration>> {
    let now = app.clock.now();
    let subjects = counters.iter().map(|counter| counter.subject.as_str());
    let rows = throttle::Entity::find()
        .filter(throttle::Column::Subject.is_in(subjects))
        .all(app.db.read())
        .await?;
    let row_of = |counter: &Counter| rows.iter().find(|row| row.subject == counter.subject);
    let is_trusted = counters
        .iter()
        .filter(|counter| counter.kind == Kind::Pair)
        .filter_map(row_of)
        .any(|row| row.trusted_until > now);
    Ok(counters
        .iter()
        .filter(|counter| counter.holds_for(is_trusted))
        .filter_map(row_of)
        .filter(|row| row.blocked_until > now)
        .map(|row| row.blocked_until.since(now))
        .max())
}

async fn refuse(app: &App, counters: &[Counter], wait: Duration) -> Result<Attempt> {
    let transaction = app.db.begin().await?;
    for counter in counters
        .iter()
        .filter(|counter| counter.kind == Kind::Client)
    {
        count(app, &transaction, counter, app.clock.now()).await?;
    }
    transaction.commit().await?;
    Err(too_many(wait))
}

/// Whole seconds, rounded up: whoever waits that long is allowed to try again.
fn too_many(wait: Duration) -> Error {
    let seconds = (wait.as_micros().div_ceil(1_000_000)).clamp(1, 1 << 32);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    UserError {
        retry_after: Some(Duration::from_secs(seconds)),
        ..UserError::new(
            UserErrorCode::TooManyAttempts,
            None,
            format!("Too many attempts. Try again in {seconds} {unit}."),
        )
    }
    .into()
}

fn counters(app: &App, actor: &Actor, scope: Scope, account: Option<&str>) -> Vec<Counter> {
    let settings = &app.settings.throttle;
    let client = actor.client.ip_address.map_or("-".to_owned(), network);
    let name = scope.name();
    let mut counters = vec![Counter {
        subject: format!("{name} from {client}"),
        account: None,
        free: settings.client_attempts,
        delay_at_most: settings.delay_at_most,
        kind: Kind::Client,
    }];
    if let Some(account) = account {
        let account = digest(account);
        counters.push(Counter {
            subject: format!("{name} of {account} from {client}"),
            account: Some(account.clone()),
            free: settings.account_attempts,
            delay_at_most: settings.delay_at_most,
            kind: Kind::Pair,
        });
        counters.push(Counter {
            subject: format!("{name} of {account}"),
            account: Some(account),
            free: settings.account_attempts_in_all,
            delay_at_most: settings.account_delay_at_most,
            kind: Kind::Account,
        });
    }
    // Everybody takes the rows' locks in this order, so that no two requests deadlock.
    counters.sort_by(|one, other| one.subject.cmp(&other.subject));
    counters
}

/// One customer's network: an IPv6 customer has at least 2⁶⁴ addresses (RFC 6177).
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            format!("{}/64", std::net::Ipv6Addr::from_bits(prefix))
        }
    }
}

/// Accounts are not stored in plain text: which ones were guessed at, even if they do not exist, is
/// nobody's business.
fn digest(account: &str) -> String {
    Sha256::digest(account.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The outcome of counting a guess, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    /// The next one may follow at once.
    Free,
    /// The next one is delayed.
    BeforeDelay,
    /// It was not counted: it came too early by this much.
    Blocked(Duration),
}

/// Counts the guess for each counter, and returns the worst outcome.
async fn count_all(
    app: &App,
    transaction: &DatabaseTransaction,
    counters: &[Counter],
    now: Timestamp,
) -> Result<Counted> {
    let mut worst = Counted::Free;
    for counter in counters {
        let counted = count(app, transaction, counter, now).await?;
        // sea-query's trait would take `worst.max` for an expression.
        worst = Ord::max(worst, counted);
    }
    Ok(worst)
}

async fn is_trusted(
    transaction: &DatabaseTransaction,
    counters: &[Counter],
    now: Timestamp,
) -> Result<bool> {
    let Some(pair) = counters.iter().find(|counter| counter.kind == Kind::Pair) else {
        return Ok(false);
    };
    let known = throttle::Entity::find_by_id(pair.subject.clone())
        .one(transaction)
        .await?;
    Ok(known.is_some_and(|known| known.trusted_until > now))
}

async fn count(
    app: &App,
    transaction: &DatabaseTransaction,
    counter: &Counter,
    now: Timestamp,
) -> Result<Counted> {
    use throttle::Column;
    insert_missing(transaction, counter, now).await?;
    let settings = &app.settings.throttle;
    let forgotten = now.before(settings.forget_after);
    // The one conditional statement: of two guesses at once the second waits for the first one's
    // lock, and then sees whether it may still be counted.
    let counted = throttle::Entity::update_many()
        .col_expr(
            Column::Attempts,
            Expr::case(Expr::col(Column::CountedSince).lt(forgotten), 1)
                .finally(Expr::col(Column::Attempts).add(1))
                .into(),
        )
        .col_expr(
            Column::CountedSince,
            Expr::case(Expr::col(Column::CountedSince).lt(forgotten), now)
                .finally(Expr::col(Column::CountedSince))
                .into(),
        )
        .filter(Column::Subject.eq(&counter.subject))
        .filter(Column::BlockedUntil.lte(now))
        .exec(transaction)
        .await?;
    let row = throttle::Entity::find_by_id(counter.subject.clone())
        .one(transaction)
        .await?
        .ok_or_else(|| Error::internal("a throttle has lost its row"))?;
    if counted.rows_affected == 0 {
        return Ok(Counted::Blocked(row.blocked_until.since(now)));
    }
    let Some(wait) = wait_after(
        row.attempts.unsigned_abs(),
        counter.free,
        settings.delay,
        counter.delay_at_most,
    ) else {
        return Ok(Counted::Free);
    };
    throttle::Entity::update_many()
        .set(throttle::ActiveModel {
            blocked_until: Set(now.after(wait)),
            ..Default::default()
        })
        .filter(Column::Subject.eq(&counter.subject))
        .exec(transaction)
        .await?;
    Ok(Counted::BeforeDelay)
}

async fn insert_missing(
    transaction: &DatabaseTransaction,
    counter: &Counter,
    now: Timestamp,
) -> Result<()> {
    let row = throttle::ActiveModel {
        subject: Set(counter.subject.clone()),
        account: Set(counter.account.clone()),
        attempts: Set(0),
        blocked_until: Set(Timestamp(0)),
        trusted_until: Set(Timestamp(0)),
        counted_since: Set(now),
    };
    throttle::Entity::insert(row)
        .on_conflict(
            OnConflict::column(throttle::Column::Subject)
                .do_nothing_on([throttle::Column::Subject])
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// How long the next guess has to wait: not at all up to the free ones, then twice as long each
/// time.
fn wait_after(attempts: u32, free: u32, first: Duration, at_most: Duration) -> Option<Duration> {
    let doublings = Ord::min(attempts.checked_sub(free)?, 30);
    Some(first.saturating_mul(1 << doublings).min(at_most))
}

/// The guess was right: the account's counts are reset, this client address is trusted as its
/// user's own, and the client's count is restored.
pub async fn succeeded(
    app: &App,
    transaction: &DatabaseTransaction,
    attempt: &Attempt,
) -> Result<()> {
    use throttle::Column;
    let now = app.clock.now();
    for counter in &attempt.counters {
        match counter.kind {
            Kind::Client => take_back_one(transaction, counter).await?,
            Kind::Pair | Kind::Account => {
                let mut fresh = throttle::ActiveModel {
                    attempts: Set(0),
                    blocked_until: Set(Timestamp(0)),
                    ..Default::default()
                };
                if counter.kind == Kind::Pair {
                    fresh.trusted_until = Set(now.after(TRUSTED_FOR));
                }
                throttle::Entity::update_many()
                    .set(fresh)
                    .filter(Column::Subject.eq(&counter.subject))
                    .exec(transaction)
                    .await?;
            }
        }
    }
    Ok(())
}

/// The guess was not evaluated, or was not a guess: everything is as if it had never been made.
pub async fn take_back(app: &App, attempt: &Attempt) -> Result<()> {
    let transaction = app.db.begin().await?;
    for counter in &attempt.counters {
        take_back_one(&transaction, counter).await?;
    }
    transaction.commit().await?;
    Ok(())
}

async fn take_back_one(transaction: &DatabaseTransaction, counter: &Counter) -> Result<()> {
    use throttle::Column;
    throttle::Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
        .col_expr(Column::BlockedUntil, Expr::value(Timestamp(0)))
        .filter(Column::Subject.eq(&counter.subject))
        .filter(Column::Attempts.gt(0))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Lifts all restrictions on an account whose user has proved who they are by an e-mailed link, and
/// trusts the client address that they did so from.
pub async fn lift(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    account: &str,
) -> Result<()> {
    let now = app.clock.now();
    for counter in counters(app, actor, Scope::Password, Some(account)) {
        if counter.kind == Kind::Pair {
            insert_missing(transaction, &counter, now).await?;
            throttle::Entity::update_many()
                .set(throttle::ActiveModel {
                    trusted_until: Set(now.after(TRUSTED_FOR)),
                    ..Default::default()
                })
                .filter(throttle::Column::Subject.eq(&counter.subject))
                .exec(transaction)
                .await?;
        }
    }
    throttle::Entity::update_many()
        .set(throttle::ActiveModel {
            attempts: Set(0),
            blocked_until: Set(Timestamp(0)),
            ..Default::default()
        })
        .filter(throttle::Column::Account.eq(digest(account)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Removes counts that no longer matter.
pub async fn prune(app: &App) -> Result<()> {
    use throttle::Column;
    let now = app.clock.now();
    let forgotten = now.before(app.settings.throttle.forget_after);
    let transaction = app.db.begin().await?;
    throttle::Entity::delete_many()
        .filter(Column::CountedSince.lt(forgotten))
        .filter(Column::BlockedUntil.lt(now))
        .filter(Column::TrustedUntil.lt(now))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_limit() {
        let second = Duration::from_secs;
        let wait = |attempts| wait_after(attempts, 5, second(10), second(900));
        assert_eq!(wait(4), None);
        assert_eq!(wait(5), Some(second(10)));
        assert_eq!(wait(7), Some(second(40)));
        assert_eq!(wait(20), Some(second(900)));
        assert_eq!(wait(u32::MAX), Some(second(900)));
    }

    #[test]
    fn an_ipv6_customer_is_one_client() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }
}
