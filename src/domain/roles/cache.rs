//! The roles in memory, from which every request learns what its caller may do.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use entity::RoleId;

use super::model::Role;

/// All roles as of one revision.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// The counter of [`entity::revision::ROLES`] at the time; it starts at 1, so the empty snapshot is
    /// older than any.
    pub(super) revision: i64,
    pub(super) roles: HashMap<RoleId, Arc<Role>>,
}

/// The roles in memory. There are few, every request needs them, and they seldom change; the query
/// that identifies a caller also tells whether they have.
#[derive(Debug, Default)]
pub struct RoleCache(RwLock<Arc<Snapshot>>);

impl RoleCache {
    pub(super) fn current(&self) -> Arc<Snapshot> {
        // The lock is held for a pointer's copy: nothing in between can panic.
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn replace(&self, snapshot: Arc<Snapshot>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.revision < snapshot.revision {
            *current = snapshot;
        }
    }
}
