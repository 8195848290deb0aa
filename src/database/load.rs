//! How many connections there are, and how many wait for one: for operators.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How busy the connections to the database are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Those that are in use.
    pub used: usize,
    /// Those that are open, and that nobody uses.
    pub idle: usize,
    /// The most that there may be.
    pub max: usize,
    /// How many wait for one.
    pub waiting: usize,
}

/// How many of something are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Tally {
    /// Counts one more, until what is returned is dropped.
    pub(super) fn count(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.0.clone())
    }

    /// How many there are.
    pub(super) fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
