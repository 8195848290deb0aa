//! What a role is.

use entity::role;

use crate::domain::applications::{Catalogue, Permissions};
use crate::domain::rights::Rights;

/// The code name of the built-in role that holds every permission.
pub const ADMINISTRATOR: &str = "Administrator";

/// A role and what it grants.
#[derive(Clone, Debug)]
pub struct Role {
    /// As stored; what it grants is in a table of its own.
    pub row: role::Model,
    /// What it grants.
    pub rights: Rights,
}

impl Role {
    pub(super) fn new(row: role::Model, stored: Permissions, catalogue: &Catalogue) -> Self {
        let rights = if row.is_protected {
            Rights::administrator(stored, catalogue)
        } else {
            Rights::stored(stored, catalogue)
        };
        Self { row, rights }
    }
}
