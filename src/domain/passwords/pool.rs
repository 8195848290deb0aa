//! A bounded number of threads for work that keeps a core busy for long.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config;
use crate::domain::actor::Client;
use crate::domain::error::{Error, Result};
use crate::domain::queue::{Bounds, Queue, Semaphores, holder};

/// Runs computations off the threads that serve requests: a few at a time, while a bounded number of
/// others wait for their turn without holding a thread.
///
/// Clients take turns: each has no more computations in line for the workers than there are workers,
/// and its others wait behind those. So whoever comes next waits for the number of clients, and not
/// for the number of computations that one of them asks for.
#[derive(Debug)]
pub(super) struct Pool {
    workers: Arc<Semaphore>,
    workers_count: usize,
    clients: Semaphores,
    /// Who runs or waits for their turn, and how many may.
    pending: Queue,
    bounds: Bounds,
}

impl Pool {
    /// So many run at a time, and as many wait as the settings allow, or that part of them.
    pub(super) fn new(workers: usize, settings: &config::Passwords, part: usize) -> Self {
        let with_workers = |queue: usize| workers.saturating_add(queue / part);
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            workers_count: workers,
            clients: Semaphores::default(),
            pending: Queue::default(),
            bounds: Bounds {
                in_all: with_workers(settings.hash_queue),
                per_client: with_workers(settings.hash_queue_per_client),
            },
        }
    }

    /// How many computations run or wait for their turn.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many may.
    pub(super) fn max_pending(&self) -> usize {
        self.bounds.in_all
    }

    /// Runs a computation for a client when a worker is free.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] where as many wait as may.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        client: &Client,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        // Counted from the call on: whoever waits holds a request open.
        let pending = self.pending.join(client, self.bounds)?;
        let clients = self.clients.named(&holder(client), self.workers_count);
        let turn = clients.acquire_owned().await.map_err(Error::internal)?;
        let workers = self.workers.clone();
        let worker = workers.acquire_owned().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || {
            // A client that goes away does not stop the computation: it keeps its place until the end.
            let _place = (worker, turn, pending);
            compute()
        })
        .await
        .map_err(Error::internal)
    }
}
