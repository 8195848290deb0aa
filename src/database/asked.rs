//! For tests: which queries are asked outside of transactions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use sea_orm::Statement;

/// The queries that were asked, if somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Asked {
    are_noted: AtomicBool,
    queries: Mutex<Vec<Statement>>,
}

impl Asked {
    /// Notes a query, if they are noted.
    pub(super) fn note(&self, query: &Statement) {
        if self.are_noted.load(Ordering::Relaxed) {
            let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
            queries.push(query.clone());
        }
    }

    /// Those since the last time, from the first time on.
    pub(super) fn take(&self) -> Vec<Statement> {
        self.are_noted.store(true, Ordering::Relaxed);
        std::mem::take(&mut *self.queries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
