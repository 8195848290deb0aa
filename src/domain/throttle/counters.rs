//! Counters in the database: how often something was done, and when it may be done again.

use std::time::Duration;

use entity::{Timestamp, throttle};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Set};

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

/// Counts, unless the counter's row cannot be read.
async fn count_in_row(
    app: &App,
    transaction: &Transaction,
    counter: &Counter,
) -> Result<Option<Counted>> {
    use throttle::Column;
    let now = app.clock.now();
    insert_missing(transaction, counter, now).await?;
    let settings = &app.settings.throttle;
    let forgotten = now.before(settings.forget_after);
    // The one conditional statement: of two at once the second waits for the first one's lock, and
    // then sees whether it may still be counted.
    let counted = throttle::Entity::update_many()
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
    let Some(wait) = wait_after(
        row.attempts.unsigned_abs(),
        counter.free,
        settings.delay,
        counter.delay_at_most,
    ) else {
        return Ok(Some(Counted::Free));
    };
    throttle::Entity::update_many()
        .set(throttle::ActiveModel {
            blocked_until: Set(now.after(wait)),
            ..Default::default()
        })
        .filter(Column::Subject.eq(&counter.subject))
        .write(transaction)
        .await?;
    Ok(Some(Counted::BeforeDelay))
}

async fn insert_missing(
    transaction: &Transaction,
    counter: &Counter,
    now: Timestamp,
) -> Result<()> {
    let row = throttle::ActiveModel {
        subject: Set(counter.subject.clone()),
        account: Set(counter.account.clone()),
        attempts: Set(0),
        blocked_until: Set(Timestamp(0)),
        counted_since: Set(now),
    };
    throttle::Entity::insert(row)
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
