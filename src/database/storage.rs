//! Whether the database's storage works: a full disk, one that reports errors, a file that is damaged or
//! may not be written to.
//!
//! A change that was refused for such a reason says so here, and from then on the server is not ready. It
//! tries by itself whether a change is taken again: nobody sends any to a server that is not ready.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::availability::{Away, Cause};

/// A smaller change may still find room while larger ones do not: that is not yet the end.
const OVER_AFTER: Duration = Duration::from_secs(10);

/// How often it is tried whether a change is taken again.
pub const TRIED_EVERY: Duration = Duration::from_secs(2);

/// Why changes are refused, if they are. Its beginning and its end are said in the log, once each.
#[derive(Debug)]
pub(super) struct Storage(watch::Sender<Option<Refused>>);

#[derive(Clone, Debug)]
struct Refused {
    away: Away,
    /// When that happened last.
    at: Instant,
}

impl Storage {
    /// One that works.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Why changes are refused, unless they are taken.
    pub(super) fn refuses(&self) -> Option<Away> {
        self.0.borrow().as_ref().map(|refused| refused.away.clone())
    }

    /// Waits until changes are refused.
    pub(super) async fn has_failed(&self) {
        // The sender lives as long as this does.
        if self.0.subscribe().wait_for(Option::is_some).await.is_err() {
            std::future::pending().await
        }
    }

    /// A change was refused, or a file could not be read.
    pub(super) fn has_refused(&self, away: &Away) {
        let away = away.clone();
        self.0.send_modify(|refused| {
            let cause = refused.as_ref().map(|refused| refused.away.cause);
            // What is damaged stays so, whatever else is wrong.
            if cause == Some(Cause::Damaged) {
                return;
            }
            if cause != Some(away.cause) {
                tracing::error!(
                    error = away.said,
                    "the database takes no changes: {}; requests are refused until that is mended",
                    away.cause
                );
            }
            let at = Instant::now();
            *refused = Some(Refused { away, at });
        });
    }

    /// A change was stored.
    pub(super) fn has_stored(&self) {
        let is_over = |refused: &Refused| {
            refused.at.elapsed() > OVER_AFTER && refused.away.cause != Cause::Damaged
        };
        if !self.0.borrow().as_ref().is_some_and(is_over) {
            return;
        }
        self.0.send_modify(|refused| {
            // Another change may have been refused meanwhile.
            if refused.as_ref().is_some_and(is_over) {
                *refused = None;
                tracing::info!("the database takes changes again");
            }
        });
    }
}
