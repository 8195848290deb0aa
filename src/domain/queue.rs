//! Waiting for one's turn: how many may, in all and from one client, so that nobody has to wait behind
//! everything that one client asks for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::actor::Client;
use super::error::{Error, Result};
use super::networks::customer_network;
use crate::quota::{Quota, Share};

/// By then a full queue has been worked off, or nearly so.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// By what clients are told apart: the network of an IPv6 customer is one client.
pub fn holder(client: &Client) -> String {
    client
        .ip_address
        .map_or_else(|| "unknown".to_owned(), customer_network)
}

/// How many may be in a queue.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of all clients together.
    pub in_all: usize,
    /// Of one client.
    pub per_client: usize,
}

/// Those who wait, or are being served.
#[derive(Debug, Default)]
pub struct Queue {
    all: Arc<AtomicUsize>,
    clients: Quota<String>,
}

impl Queue {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Joins the queue, until what is returned is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] where as many wait as may.
    pub fn join(&self, client: &Client, bounds: Bounds) -> Result<Waiting> {
        let busy = || Error::Busy {
            retry_after: RETRY_AFTER,
        };
        let share = self.clients.take(holder(client), bounds.per_client);
        let waiting = Waiting {
            _share: share.ok_or_else(busy)?,
            count: self.all.fetch_add(1, Ordering::Relaxed) + 1,
            all: self.all.clone(),
        };
        if waiting.count <= bounds.in_all {
            Ok(waiting)
        } else {
            Err(busy())
        }
    }
}

/// A place in a queue.
#[derive(Debug)]
pub struct Waiting {
    _share: Share<String>,
    count: usize,
    all: Arc<AtomicUsize>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A semaphore for each of many names; those that nobody uses take no memory for long.
#[derive(Debug, Default)]
pub struct Semaphores(Mutex<HashMap<String, Weak<Semaphore>>>);

impl Semaphores {
    /// The one of this name; it has so many permits if it is new.
    pub fn named(&self, name: &str, permits: usize) -> Arc<Semaphore> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = known.get(name).and_then(Weak::upgrade) {
            return semaphore;
        }
        known.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(permits));
        known.insert(name.to_owned(), Arc::downgrade(&semaphore));
        semaphore
    }
}
