//! Roles: what they are, what they grant, and how they are found.

use std::collections::HashMap;
use std::sync::Arc;

use entity::{RoleId, declared_permission, role, role_permission};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Select};

use super::applications::{Permission, Permissions};
use super::error::Result;
use crate::database::Source;
use crate::domain::app::App;

mod administration;
mod assignment;
mod built_in;
pub mod cache;
pub mod declared;
mod input;
mod listing;
mod managed;
pub mod model;
pub mod policy;
mod snapshot;
mod writing;

pub use administration::{NewRole, RoleChange, RoleDeletion, UpdatedRole, create, delete, update};
pub use assignment::{Chosen, Known, MAX_ROLES, assign, assignable, removable, too_many};
pub use built_in::ensure_administrator;
pub use listing::{
    RoleFilter, RoleOrderField, count, find_by_code_name, granting, page, user_counts,
    user_counts_in,
};
pub use managed::keep_declared;
pub use model::{ADMINISTRATOR, Role};
pub use snapshot::{by_ids, by_ids_at, by_ids_in, granted_by, rights_of, union};

/// The roles of these rows, with what is stored with each; with the protected one, that is all that
/// was ever declared.
async fn with_rights(
    db: &impl Source,
    app: &App,
    rows: Vec<role::Model>,
    grants: Select<role_permission::Entity>,
) -> Result<Vec<Role>> {
    let mut stored: HashMap<RoleId, Permissions> = HashMap::new();
    for grant in app.db.all(db, grants).await? {
        stored
            .entry(grant.role_id)
            .or_default()
            .insert(Permission::from_code(grant.permission));
    }
    if let Some(protected) = rows.iter().find(|row| row.is_protected) {
        stored.insert(protected.id, ever_declared(app, db).await?);
    }
    let with_rights = |row: role::Model| {
        let stored = stored.remove(&row.id).unwrap_or_default();
        Role::new(row, stored, &app.catalogue)
    };
    Ok(rows.into_iter().map(with_rights).collect())
}

/// All permissions that the configuration declared at some start of a server.
async fn ever_declared(app: &App, db: &impl Source) -> Result<Permissions> {
    let declared = declared_permission::Entity::find();
    let rows = app.db.all(db, declared).await?;
    let codes = rows.into_iter().map(|row| row.permission);
    Ok(codes.map(Permission::from_code).collect())
}

/// Reads roles with their permissions.
async fn load(db: &impl Source, app: &App, rows: Vec<role::Model>) -> Result<Vec<Role>> {
    let ids: Vec<RoleId> = rows.iter().map(|row| row.id).collect();
    let of_these = role_permission::Column::RoleId.is_in(ids);
    with_rights(
        db,
        app,
        rows,
        role_permission::Entity::find().filter(of_these),
    )
    .await
}

/// One role.
pub async fn find(app: &App, id: RoleId) -> Result<Option<Role>> {
    Ok(find_all(app, [id]).await?.pop())
}

/// The roles with these IDs as they are now, in no order, with one query for all of them.
pub async fn find_all(app: &App, ids: impl IntoIterator<Item = RoleId>) -> Result<Vec<Role>> {
    let db = app.db.read();
    let these = role::Entity::find().filter(role::Column::Id.is_in(ids));
    let rows = app.db.all(db, these).await?;
    load(db, app, rows).await
}

/// The names of roles that hold permissions that the configuration does not declare, with these. The
/// Administrator role is left out: it is worth what was ever declared, and cannot be changed.
pub async fn with_undeclared_permissions(app: &App) -> Result<Vec<(String, String)>> {
    let db = app.db.read();
    let rows = role::Entity::find().filter(role::Column::IsProtected.eq(false));
    let rows = app
        .db
        .all(db, rows.order_by_asc(role::Column::Name))
        .await?;
    let roles = load(db, app, rows).await?.into_iter();
    Ok(roles
        .filter(|role| !role.rights.unknown().is_empty())
        .map(|role| {
            (
                role.row.name,
                writing::codes(role.rights.unknown()).join(", "),
            )
        })
        .collect())
}

/// The names of roles as an event shows them, by the alphabet; deleted ones are shown by ID.
pub fn names(roles: &[Arc<Role>], ids: &[RoleId]) -> Vec<String> {
    let mut names: Vec<String> = ids
        .iter()
        .map(|id| {
            let role = roles.iter().find(|role| role.row.id == *id);
            role.map_or_else(|| id.0.to_string(), |role| role.row.name.clone())
        })
        .collect();
    names.sort();
    names
}
