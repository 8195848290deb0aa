//! Roles as code: a start makes and keeps the roles that the configuration declares.

use std::collections::HashMap;

use entity::role;
use sea_orm::{EntityTrait, QuerySelect};

use super::declared::DeclaredRole;
use super::writing::{Values, add, change_to, count_change};
use super::{Role, snapshot};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::change::{self, Change};
use crate::domain::error::Result;

/// Makes the roles that the configuration declares and the database does not have, sets the others to what
/// is declared, and leaves to people those that are declared no longer. Where nothing differs, nothing is
/// written.
pub async fn keep_declared(app: &App) -> Result<()> {
    let roles = snapshot::read(app, app.db.read()).await?;
    if steps(&app.declared_roles, &roles).is_empty() {
        return Ok(());
    }
    change::make(app, &Actor::server(), |change| async move {
        // Servers that start at the same time do this one after the other, and only the first has anything
        // to do.
        count_change(&change).await?;
        let roles = snapshot::read(app, change.db()).await?;
        let steps = steps(&app.declared_roles, &roles);
        if steps.is_empty() {
            return change.abandon(()).await;
        }
        for step in steps {
            step.take(&change).await?;
        }
        change.commit(()).await
    })
    .await
}

/// What is to be done so that the roles are what the configuration declares.
enum Step<'a> {
    Create(&'a DeclaredRole),
    Change(&'a Role, Values),
}

/// Changes first, in the order of the roles, which is the same on every server.
fn steps<'a>(declared: &'a [DeclaredRole], roles: &'a [Role]) -> Vec<Step<'a>> {
    let mut missing: HashMap<String, &DeclaredRole> =
        declared.iter().map(|role| (role.key(), role)).collect();
    let mut steps = Vec::new();
    for role in roles.iter().filter(|role| !role.row.is_protected) {
        let before = Values::of(role);
        let after = match missing.remove(&role.row.code_name_key) {
            Some(declared) => Values::declared(declared),
            None => Values {
                is_managed: false,
                ..before.clone()
            },
        };
        if before != after {
            steps.push(Step::Change(role, after));
        }
    }
    let is_missing = |role: &&DeclaredRole| missing.contains_key(&role.key());
    steps.extend(declared.iter().filter(is_missing).map(Step::Create));
    steps
}

impl Values {
    fn declared(declared: &DeclaredRole) -> Self {
        Self {
            name: declared.name.clone(),
            description: declared.description.clone(),
            permissions: declared.permissions.clone(),
            is_managed: true,
        }
    }
}

impl Step<'_> {
    async fn take(self, change: &Change<'_>) -> Result<()> {
        match self {
            Self::Create(declared) => {
                let now = change.app().clock.now();
                let row = role::Model {
                    id: change.app().new_id(),
                    name: declared.name.clone(),
                    code_name: declared.code_name.clone(),
                    code_name_key: declared.key(),
                    description: declared.description.clone(),
                    is_protected: false,
                    is_managed: true,
                    created_at: now,
                    updated_at: now,
                };
                add(change, row, declared.permissions.clone()).await?;
            }
            Self::Change(role, values) => {
                // Whoever assigns it meanwhile waits, or has done so and is known.
                let locked = role::Entity::find_by_id(role.row.id).lock_exclusive();
                change.app().db.one(change.db(), locked).await?;
                change_to(change, role, values).await?;
            }
        }
        Ok(())
    }
}
