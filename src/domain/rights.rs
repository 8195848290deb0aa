//! What a role, or a person by all of their roles, is worth: the one place where sets of permissions
//! are compared.
//!
//! A permission that the configuration does not declare grants nothing, but it stays with its roles
//! and grants what it did as soon as it is declared again. Whoever gives a role away, or gets hold of
//! an account, gets that as well; so it counts whenever rights are compared.

use std::sync::Arc;

use super::applications::{Catalogue, Permission, Permissions};

/// What a role grants, or several roles together.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    in_force: Arc<Permissions>,
    unknown: Arc<Permissions>,
    is_unlimited: bool,
}

impl Rights {
    /// Those of a role that is stored with these permissions.
    pub fn stored(permissions: Permissions, catalogue: &Catalogue) -> Self {
        let (in_force, unknown): (Permissions, Permissions) = permissions
            .into_iter()
            .partition(|permission| catalogue.declares(permission));
        Self {
            in_force: Arc::new(in_force),
            unknown: Arc::new(unknown),
            is_unlimited: false,
        }
    }

    /// Those of the Administrator role: whatever is declared is in force, and what was declared at
    /// some time will be again when it is declared again.
    pub fn administrator(ever_declared: Permissions, catalogue: &Catalogue) -> Self {
        Self {
            in_force: catalogue.permissions().clone(),
            is_unlimited: true,
            ..Self::stored(ever_declared, catalogue)
        }
    }

    /// What these grant together.
    pub fn union<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        all.into_iter()
            .fold(Self::default(), |together, rights| Self {
                in_force: joined(together.in_force, &rights.in_force),
                unknown: joined(together.unknown, &rights.unknown),
                is_unlimited: together.is_unlimited || rights.is_unlimited,
            })
    }

    /// What may be done with them now.
    pub fn in_force(&self) -> &Permissions {
        &self.in_force
    }

    /// What the configuration does not declare, and may be done as soon as it does.
    pub fn unknown(&self) -> &Permissions {
        &self.unknown
    }

    /// Whether they allow that now.
    pub fn allow(&self, permission: &Permission) -> bool {
        self.in_force.contains(permission)
    }

    /// Whether nobody gets more by the others than they have by these, now or by another
    /// configuration. The Administrator role covers all.
    pub fn cover(&self, others: &Self) -> bool {
        let holds = |permission| self.allow(permission) || self.unknown.contains(permission);
        self.is_unlimited || others.in_force.iter().chain(&*others.unknown).all(holds)
    }

    /// What they allow now and others do not.
    pub fn beyond(&self, others: &Self) -> Permissions {
        self.in_force
            .difference(&others.in_force)
            .cloned()
            .collect()
    }

    /// What they allowed before, and no longer do.
    pub fn lost_since<'a>(&'a self, before: &'a Self) -> Option<&'a Permission> {
        before.in_force.difference(&self.in_force).next()
    }
}

/// The union, without a copy where one has all that the other has.
fn joined(one: Arc<Permissions>, other: &Arc<Permissions>) -> Arc<Permissions> {
    if other.is_subset(&one) {
        one
    } else if one.is_subset(other) {
        other.clone()
    } else {
        Arc::new(one.union(other).cloned().collect())
    }
}
