//! Counters in the database: how often something was done, and when it may be done again.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use entity::{Timestamp, throttle};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, UpdateMany,
};

use crate::database::{Transaction, Write};
use crate::domain::app::App;
use crate::domain::error::{Error, Result};

/// What is counted, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    /// What is counted: its row's key.
    pub subject: String,
    /// The digest of the account, if proving to be its user resets the count.
    pub account: Option<String>,
    /// How often it may be done without a delay.
    pub free: u32,
    /// However often it is done, the next one waits no longer than this.
    pub delay_at_most: Duration,
}

impl Counter {
    /// Whether it is an account's, from wherever, and not a network's, whatever is attempted there.
    pub fn is_of_account(&self) -> bool {
        self.account.is_some()
    }

    /// When a delay that has begun by now ends at the latest. A later end was set by a clock that was
    /// wrong, and is passed over.
    fn latest_end(&self, now: Timestamp) -> Timestamp {
        now.after(self.delay_at_most)
    }

    /// How long the next one has to wait after that many.
    fn wait_after(&self, app: &App, attempts: u32) -> Option<Duration> {
        let first = app.settings.throttle.delay;
        wait_after(attempts, self.free, first, self.delay_at_most)
    }
}

/// The outcome of counting, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    /// The next one may follow at once.
    Free,
    /// The next one is delayed.
    BeforeDelay,
    /// It was not counted: it came too early by this much.
    Blocked(Duration),
}

/// Counts for each counter, and returns the worst outcome.
pub(super) async fn count_all(
    app: &App,
    transaction: &Transaction,
    counters: &[Counter],
) -> Result<Counted> {
    let mut worst = Counted::Free;
    for counter in counters {
        let counted = count(app, transaction, counter).await?;
        // sea-query's trait would take `worst.max` for an expression.
        worst = Ord::max(worst, counted);
    }
    Ok(worst)
}

/// How long the longest current delay still lasts, without counting.
pub(super) async fn wait_of(app: &App, counters: &[Counter]) -> Result<Option<Duration>> {
    let now = app.clock.now();
    let subjects = counters.iter().map(|counter| counter.subject.as_str());
    let rows = throttle::Entity::find().filter(throttle::Column::Subject.is_in(subjects));
    let rows = app.db.all(app.db.read(), rows).await?;
    let blocks = |row: &throttle::Model| {
        let counter = counters
            .iter()
            .find(|counter| counter.subject == row.subject);
        let latest = counter.map(|counter| counter.latest_end(now));
        row.blocked_until > now && latest.is_some_and(|latest| row.blocked_until <= latest)
    };
    let longest = rows.into_iter().filter(blocks).map(|row| row.blocked_until);
    Ok(longest.max().map(|until| until.since(now)))
}

pub(super) async fn count(
    app: &App,
    transaction: &Transaction,
    counter: &Counter,
) -> Result<Counted> {
    if let Some(counted) = count_in_row(app, transaction, counter).await? {
        return Ok(counted);
    }
    // Its row cannot be read, which must not keep anybody waiting for ever: counting begins anew.
    throttle::Entity::delete_by_id(counter.subject.clone())
        .write(transaction)
        .await?;
    count_in_row(app, transaction, counter)
        .await?
        .ok_or_else(|| Error::internal("a throttle has lost its row"))
}

/// Counts for each of these counters by itself, a few hundred at most and no two of the same subject, and
/// returns each one's outcome. It takes three statements, however many there are, and a further one for each
/// delay that begins.
pub(super) async fn count_each(
    app: &App,
    transaction: &Transaction,
    counters: &[Counter],
) -> Result<Vec<Counted>> {
    use throttle::Column;
    let now = app.clock.now();
    // Everybody takes the rows' locks in this order, so that no two changes deadlock.
    let mut sorted: Vec<&Counter> = counters.iter().collect();
    sorted.sort_by(|one, other| one.subject.cmp(&other.subject));
    insert_missing(transaction, sorted.iter().copied(), now).await?;
    let subjects = sorted.iter().map(|counter| counter.subject.as_str());
    let rows = throttle::Entity::find()
        .filter(Column::Subject.is_in(subjects))
        .order_by_asc(Column::Subject)
        .lock_exclusive();
    let rows = app.db.all(transaction, rows).await?.into_iter();
    let rows: HashMap<_, _> = rows.map(|row| (row.subject.clone(), row)).collect();

    let forgotten = now.before(app.settings.throttle.forget_after);
    let mut outcomes = Vec::with_capacity(counters.len());
    let mut counted = Vec::new();
    let mut blocked: BTreeMap<Timestamp, Vec<&str>> = BTreeMap::new();
    for counter in counters {
        let Some(row) = rows.get(&counter.subject) else {
            // It cannot be read.
            outcomes.push(count(app, transaction, counter).await?);
            continue;
        };
        if row.blocked_until > now && row.blocked_until <= counter.latest_end(now) {
            outcomes.push(Counted::Blocked(row.blocked_until.since(now)));
            continue;
        }
        counted.push(counter.subject.as_str());
        let attempts = if row.counted_since < forgotten {
            1
        } else {
            row.attempts.unsigned_abs().saturating_add(1)
        };
        outcomes.push(match counter.wait_after(app, attempts) {
            Some(wait) => {
                let until = now.after(wait);
                blocked.entry(until).or_default().push(&counter.subject);
                Counted::BeforeDelay
            }
            None => Counted::Free,
        });
    }
    if !counted.is_empty() {
        one_more(now, forgotten)
            .filter(Column::Subject.is_in(counted))
            .write(transaction)
            .await?;
    }
    for (until, subjects) in blocked {
        block(transaction, until, Column::Subject.is_in(subjects)).await?;
    }
    Ok(outcomes)
}

/// Counts, unless the counter's row cannot be read.
async fn count_in_row(
    app: &App,
    transaction: &Transaction,
    counter: &Counter,
) -> Result<Option<Counted>> {
    use throttle::Column;
    let now = app.clock.now();
    insert_missing(transaction, [counter], now).await?;
    let forgotten = now.before(app.settings.throttle.forget_after);
    // The one conditional statement: of two at once the second waits for the first one's lock, and
    // then sees whether it may still be counted.
    let counted = one_more(now, forgotten)
        .filter(Column::Subject.eq(&counter.subject))
        .filter(
            Condition::any()
                .add(Column::BlockedUntil.lte(now))
                .add(Column::BlockedUntil.gt(counter.latest_end(now))),
        )
        .write(transaction)
        .await?;
    let row = throttle::Entity::find_by_id(counter.subject.clone());
    let Some(row) = app.db.one(transaction, row).await? else {
        return Ok(None);
    };
    if counted == 0 {
        return Ok(Some(Counted::Blocked(row.blocked_until.since(now))));
    }
    let Some(wait) = counter.wait_after(app, row.attempts.unsigned_abs()) else {
        return Ok(Some(Counted::Free));
    };
    let this = Column::Subject.eq(&counter.subject);
    block(transaction, now.after(wait), this).await?;
    Ok(Some(Counted::BeforeDelay))
}

/// Adds one to the count; what is forgotten begins anew.
fn one_more(now: Timestamp, forgotten: Timestamp) -> UpdateMany<throttle::Entity> {
    use throttle::Column;
    throttle::Entity::update_many()
        .col_expr(
            Column::Attempts,
            Expr::case(Expr::col(Column::CountedSince).lt(forgotten), 1)
                .case(Expr::col(Column::Attempts).gte(i32::MAX), i32::MAX)
                .finally(Expr::col(Column::Attempts).add(1))
                .into(),
        )
        .col_expr(
            Column::CountedSince,
            Expr::case(Expr::col(Column::CountedSince).lt(forgotten), now)
                .finally(Expr::col(Column::CountedSince))
                .into(),
        )
}

/// Begins a delay.
async fn block(transaction: &Transaction, until: Timestamp, rows: Expr) -> Result<()> {
    throttle::Entity::update_many()
        .set(throttle::ActiveModel {
            blocked_until: Set(until),
            ..Default::default()
        })
        .filter(rows)
        .write(transaction)
        .await?;
    Ok(())
}

async fn insert_missing(
    transaction: &Transaction,
    counters: impl IntoIterator<Item = &Counter>,
    now: Timestamp,
) -> Result<()> {
    let rows = counters.into_iter().map(|counter| throttle::ActiveModel {
        subject: Set(counter.subject.clone()),
        account: Set(counter.account.clone()),
        attempts: Set(0),
        blocked_until: Set(Timestamp(0)),
        counted_since: Set(now),
    });
    throttle::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::column(throttle::Column::Subject)
                .do_nothing_on([throttle::Column::Subject])
                .to_owned(),
        )
        .write(transaction)
        .await?;
    Ok(())
}

/// How long the next one has to wait: not at all up to the free ones, then twice as long each time.
fn wait_after(attempts: u32, free: u32, first: Duration, at_most: Duration) -> Option<Duration> {
    let doublings = Ord::min(attempts.checked_sub(free)?, 30);
    Some(first.saturating_mul(1 << doublings).min(at_most))
}

/// Counting begins anew for these rows.
pub(super) async fn reset(transaction: &Transaction, rows: Expr) -> Result<()> {
    throttle::Entity::update_many()
        .set(throttle::ActiveModel {
            attempts: Set(0),
            blocked_until: Set(Timestamp(0)),
            ..Default::default()
        })
        .filter(rows)
        .write(transaction)
        .await?;
    Ok(())
}

/// As if it had never been counted, and with it the delay that it began.
pub(super) async fn undo(transaction: &Transaction, counter: &Counter) -> Result<()> {
    use throttle::Column;
    throttle::Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
        .col_expr(Column::BlockedUntil, Expr::value(Timestamp(0)))
        .filter(Column::Subject.eq(&counter.subject))
        .filter(Column::Attempts.gt(0))
        .write(transaction)
        .await?;
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
}
