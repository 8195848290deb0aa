//! The connections that are kept for the next mail.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use super::session::Session;

pub(super) struct Pool {
    /// As many as there may be connections.
    slots: Semaphore,
    /// The last one used is at the end.
    idle: Mutex<Vec<(Session, Instant)>>,
    idle_timeout: Duration,
}

impl Pool {
    pub fn new(size: usize, idle_timeout: Duration) -> Self {
        Self {
            slots: Semaphore::new(size.min(Semaphore::MAX_PERMITS)),
            idle: Mutex::default(),
            idle_timeout,
        }
    }

    /// Waits until there may be one more connection in use.
    pub async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so that there always is one.
        self.slots.acquire().await.ok()
    }

    /// The connection that was used last, unless it has been idle for too long.
    pub fn take(&self) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|(_, since)| since.elapsed() < self.idle_timeout);
        idle.pop().map(|(session, _)| session)
    }

    /// For the next mail, if the connection is still good for one.
    pub fn keep(&self, session: Session) {
        if session.is_open() {
            self.idle().push((session, Instant::now()));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Session, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
