//! Whether changes are refused because the disk is full.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A smaller change may still find room while larger ones do not: that is not yet the end.
const OVER_AFTER: Duration = Duration::from_secs(10);

/// When a change was refused last, if that is not over. Its beginning and its end are said in the log, once
/// each.
#[derive(Debug, Default)]
pub struct Full(Mutex<Option<Instant>>);

impl Full {
    /// A change was refused.
    pub fn has_refused(&self, said: &str) {
        if self.last().replace(Instant::now()).is_none() {
            tracing::error!(
                error = said,
                "the database takes no changes: its disk is full; requests that change something are refused until there is room"
            );
        }
    }

    /// A change was stored.
    pub fn has_stored(&self) {
        let mut last = self.last();
        if last.is_some_and(|last| last.elapsed() > OVER_AFTER) {
            *last = None;
            tracing::info!("the database takes changes again");
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
