//! What time it is: the one place that asks the operating system.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use entity::Timestamp;

/// The server's clock. It can be set forward, so that a test sees an invitation expire without
/// waiting for it.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_micros: AtomicI64,
}

impl Clock {
    /// A clock that shows the system's time.
    pub fn system() -> Self {
        Self::default()
    }

    /// The time now.
    #[allow(
        clippy::disallowed_methods,
        reason = "everybody else asks this function"
    )]
    pub fn now(&self) -> Timestamp {
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(
            Timestamp(0)
                .after(since_1970)
                .0
                .saturating_add(self.ahead()),
        )
    }

    /// How far the clock is ahead of the system's, in microseconds.
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
