//! Roles: what they are, what they grant, and how they are found.

use std::collections::HashMap;
use std::sync::Arc;

use entity::{RoleId, role, role_permission};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::applications::{Catalogue, Permission, Permissions};
use super::error::Result;
use super::page::{Keyset, Order, Page, PageRequest, SortKey, SortKeyKind};
use crate::app::App;

mod administration;
mod assignment;
mod input;
pub mod policy;
mod snapshot;

pub use administration::{
    NewRole, RoleChange, RoleDeletion, create, delete, ensure_administrator, update,
};
pub use assignment::assignable;
pub use snapshot::{RoleCache, by_ids, by_ids_in, permissions_of, union};

/// The code name of the built-in role that holds every permission.
pub const ADMINISTRATOR: &str = "Administrator";

/// A role and what it grants.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its row.
    pub row: role::Model,
    /// The declared permissions that it grants; the protected role grants all of them.
    pub permissions: Arc<Permissions>,
    /// Permissions stored with the role that the configuration no longer declares: they grant
    /// nothing until they are declared again.
    pub unknown: Arc<Permissions>,
}

impl Role {
    fn new(row: role::Model, stored: Permissions, catalogue: &Catalogue) -> Self {
        let (declared, unknown): (Permissions, Permissions) = stored
            .into_iter()
            .partition(|permission| catalogue.declares(permission));
        let permissions = match row.is_protected {
            true => catalogue.permissions().clone(),
            false => Arc::new(declared),
        };
        Self {
            row,
            permissions,
            unknown: Arc::new(unknown),
        }
    }
}

fn assemble(
    rows: Vec<role::Model>,
    grants: Vec<role_permission::Model>,
    catalogue: &Catalogue,
) -> impl Iterator<Item = Role> {
    let mut permissions: HashMap<RoleId, Permissions> = HashMap::new();
    for grant in grants {
        permissions
            .entry(grant.role_id)
            .or_default()
            .insert(Permission::from_code(grant.permission));
    }
    rows.into_iter().map(move |row| {
        let stored = permissions.remove(&row.id).unwrap_or_default();
        Role::new(row, stored, catalogue)
    })
}

/// Reads roles with their permissions.
async fn load(db: &impl ConnectionTrait, app: &App, rows: Vec<role::Model>) -> Result<Vec<Role>> {
    let ids: Vec<RoleId> = rows.iter().map(|row| row.id).collect();
    let grants = role_permission::Entity::find()
        .filter(role_permission::Column::RoleId.is_in(ids))
        .all(db)
        .await?;
    Ok(assemble(rows, grants, &app.catalogue).collect())
}

/// One role.
pub async fn find(app: &App, id: RoleId) -> Result<Option<Role>> {
    let db = app.db.read();
    let row = role::Entity::find_by_id(id).one(db).await?;
    Ok(load(db, app, row.into_iter().collect()).await?.pop())
}

/// The order of [`page`]: oldest first.
const BY_AGE: Keyset<role::Entity> = Keyset {
    order: Order {
        name: "roles",
        key: SortKeyKind::Number,
    },
    column: role::Column::CreatedAt,
    id: role::Column::Id,
    descending: false,
    keys: |row| (SortKey::Number(row.created_at.0), row.id.0),
};

/// A page of the roles, oldest first.
pub async fn page(app: &App, request: &PageRequest) -> Result<Page<Role>> {
    let db = app.db.read();
    let page = BY_AGE.page(db, role::Entity::find(), request).await?;
    page.try_map_all(async |rows| load(db, app, rows).await)
        .await
}

/// What [`page`]'s cursors are recognised by.
pub const ORDER: Order = BY_AGE.order;

/// How many roles there are.
pub async fn count(app: &App) -> Result<u64> {
    Ok(role::Entity::find().count(app.db.read()).await?)
}

/// The names of roles as an event shows them; deleted ones are shown by ID.
pub fn names(roles: &[Arc<Role>], ids: &[RoleId]) -> String {
    let mut names: Vec<String> = ids
        .iter()
        .map(|id| {
            let role = roles.iter().find(|role| role.row.id == *id);
            role.map_or_else(|| id.0.to_string(), |role| role.row.name.clone())
        })
        .collect();
    names.sort();
    names.join(", ")
}
