//! A bounded number of threads for work that keeps a core busy for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::domain::error::{Error, Result};

/// By then a full queue has been worked off, or nearly so.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Runs computations off the threads that serve requests: a few at a time, while a bounded number of
/// others wait for their turn without holding a thread.
#[derive(Debug)]
pub(super) struct Pool {
    workers: Arc<Semaphore>,
    /// How many computations run or wait for their turn, and how many may.
    pending: Arc<AtomicUsize>,
    pending_at_most: usize,
}

impl Pool {
    /// So many run at a time, and so many wait.
    pub(super) fn new(workers: usize, queue: usize) -> Self {
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            pending: Arc::default(),
            pending_at_most: workers.saturating_add(queue),
        }
    }

    /// How many computations run or wait for their turn.
    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Runs a computation when a worker is free.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] where as many wait as may.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        // Counted from the call on: whoever waits holds a request open.
        let pending = Pending::new(self.pending.clone());
        if pending.count > self.pending_at_most {
            return Err(Error::Busy {
                retry_after: RETRY_AFTER,
            });
        }
        let workers = self.workers.clone();
        let worker = workers.acquire_owned().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || {
            // A client that goes away does not stop the computation: it keeps its place until the end.
            let _place = (worker, pending);
            compute()
        })
        .await
        .map_err(Error::internal)
    }
}

/// A computation that runs or waits.
struct Pending {
    counter: Arc<AtomicUsize>,
    /// How many there are with this one.
    count: usize,
}

impl Pending {
    fn new(counter: Arc<AtomicUsize>) -> Self {
        let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
        Self { counter, count }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}
