//! Whose turn it is: guesses at one account are evaluated a few at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::domain::error::{Error, Result};

/// By then, those who wait have had their turn.
const BUSY_FOR: Duration = Duration::from_secs(5);

/// Where guesses at one account wait for their turn: so few are evaluated at once that a user who
/// signs in on all of their devices at the same time is not taken for an attacker.
#[derive(Debug, Default)]
pub struct Turns {
    accounts: Mutex<HashMap<String, Weak<Semaphore>>>,
    waiting: AtomicUsize,
}

impl Turns {
    /// Waits for a turn to evaluate a guess at this account.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if too many are waiting already, for whatever accounts.
    pub(super) async fn of(&self, app: &App, account: &str) -> Result<OwnedSemaphorePermit> {
        let waiting = Waiting::new(&self.waiting);
        if waiting.count > app.settings.passwords.hash_queue {
            return Err(Error::Busy {
                retry_after: BUSY_FOR,
            });
        }
        // One fewer than are free: those that are being evaluated leave one free.
        let together = app.settings.throttle.account_attempts.saturating_sub(1);
        let turns = self.semaphore(account, together.max(1) as usize);
        turns.acquire_owned().await.map_err(Error::internal)
    }

    fn semaphore(&self, account: &str, together: usize) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = accounts.get(account).and_then(Weak::upgrade) {
            return turns;
        }
        accounts.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(together));
        accounts.insert(account.to_owned(), Arc::downgrade(&turns));
        turns
    }
}

struct Waiting<'a> {
    counter: &'a AtomicUsize,
    count: usize,
}

impl<'a> Waiting<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
        Self { counter, count }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}
