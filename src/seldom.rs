//! Saying what happens again and again only now and then.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often the same trouble is logged.
const EVERY: Duration = Duration::from_secs(60);

/// Lets something be said at most once a minute.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether it is time to say it. Whoever is told so says it.
    pub fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= EVERY);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_once_a_minute() {
        let seldom = Seldom::default();
        let mut said = 0;
        for _ in 0..600 {
            said += usize::from(seldom.is_due());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(said, 10);
    }
}
