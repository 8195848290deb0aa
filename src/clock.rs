//! What time it is: the one place that asks the operating system.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use entity::Timestamp;

/// By how much two clocks may differ and still count as one, in microseconds. Less would make the time
/// jump with each measurement.
const TOLERANCE: u64 = 1_000_000;

/// The server's clock. It shows the database's time: several servers share the database, and what one
/// of them queues or lets expire must be due for all at the same time, although their own clocks may
/// be apart. And it can be set forward, so that a test sees an invitation expire without waiting for
/// it.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_micros: AtomicI64,
    /// By how much the database's clock is ahead of the system's.
    database_ahead_micros: AtomicI64,
}

impl Clock {
    /// A clock that shows the system's time, until it learns of the database's.
    pub fn system() -> Self {
        Self::default()
    }

    /// The time by the database's clock, or by a test's.
    pub fn now(&self) -> Timestamp {
        let ahead = self.ahead() + self.database_ahead_micros.load(Ordering::Relaxed);
        Timestamp(Self::system_now().0.saturating_add(ahead))
    }

    /// The operating system's time.
    #[allow(clippy::disallowed_methods, reason = "everybody else asks the clock")]
    pub fn system_now() -> Timestamp {
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(0).after(since_1970)
    }

    /// Learns what time it was on the database, somewhere between two readings of the system's clock.
    /// Returns by how many microseconds the database is ahead now, if that is news.
    pub fn note_database_time(
        &self,
        asked: Timestamp,
        database: Timestamp,
        answered: Timestamp,
    ) -> Option<i64> {
        let known = self.database_ahead_micros.load(Ordering::Relaxed);
        let (least, most) = (database.0 - answered.0, database.0 - asked.0);
        // Whatever the answer took, on the way there or back: a clock that may be right is left alone.
        let nearest = known.clamp(least.min(most), most.max(least));
        if nearest.abs_diff(known) <= TOLERANCE {
            return None;
        }
        let ahead = least + (most - least) / 2;
        self.database_ahead_micros.store(ahead, Ordering::Relaxed);
        Some(ahead)
    }

    /// Watches whether the system's clock is set from now on.
    pub fn watch(&self) -> Watch {
        Watch::new()
    }

    /// How far the clock was set ahead of the database's, in microseconds.
    pub fn ahead(&self) -> i64 {
        self.ahead_micros.load(Ordering::Relaxed)
    }

    /// Sets the clock back, so that a demo has a past.
    pub fn set_back(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        self.ahead_micros.fetch_sub(micros, Ordering::Relaxed);
    }

    /// Sets the clock forward.
    pub fn advance(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        self.ahead_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// Notices when the system's clock is set, by the one that nobody sets.
#[derive(Debug)]
pub struct Watch {
    system: Timestamp,
    steady: Instant,
}

impl Watch {
    fn new() -> Self {
        Self {
            system: Clock::system_now(),
            steady: Instant::now(),
        }
    }

    /// Whether the system's clock was set since the last time.
    pub fn was_set(&mut self) -> bool {
        let before = std::mem::replace(self, Self::new());
        let steady = (self.steady - before.steady).as_micros();
        let steady = i64::try_from(steady).unwrap_or(i64::MAX);
        (self.system.0 - before.system.0).abs_diff(steady) > TOLERANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_clock_that_is_set_is_noticed_once() {
        let mut watch = Watch::new();
        assert!(!watch.was_set());
        watch.system.0 += 2 * SECOND;
        assert!(watch.was_set());
        watch.system.0 -= 2 * SECOND;
        assert!(watch.was_set());
        assert!(!watch.was_set());
    }

    #[test]
    fn the_clock_follows_the_databases_and_does_not_jitter() {
        let clock = Clock::system();
        let note = |asked: i64, database: i64, answered: i64| {
            let seconds = |seconds: i64| Timestamp(seconds * SECOND);
            clock.note_database_time(seconds(asked), seconds(database), seconds(answered))
        };
        // The same time, as far as can be seen, even when the answer is slow.
        assert_eq!(note(100, 100, 100), None);
        assert_eq!(note(100, 109, 110), None);
        // Ten minutes ahead, then the same again, then set right.
        assert_eq!(note(100, 700, 100), Some(600 * SECOND));
        assert_eq!(note(200, 801, 200), None);
        let apart = clock.now().0 - Clock::system_now().0;
        assert!((apart - 600 * SECOND).abs() < SECOND, "{apart}");
        assert_eq!(note(300, 300, 300), Some(0));
        // Two hours behind, and what a test sets forward stays.
        clock.advance(Duration::from_secs(60));
        assert_eq!(note(10_000, 2_800, 10_000), Some(-7_200 * SECOND));
        assert_eq!(clock.ahead(), 60 * SECOND);
        let apart = clock.now().0 - Clock::system_now().0;
        assert!((apart + 7_140 * SECOND).abs() < SECOND, "{apart}");
    }
}
