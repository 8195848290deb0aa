//! How roles are stored, whoever makes or changes them, and what is recorded of it.

use entity::{RoleId, revision, role, role_permission};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};

use super::Role;
use crate::database::{Write, is_duplicate, update_row};
use crate::domain::applications::{Permission, Permissions};
use crate::domain::change::Change;
use crate::domain::error::{Result, UserError, UserErrorCode};
use crate::domain::events::{Action, Changes};
use crate::domain::{invitations, revisions, users};

/// What can be changed about a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) name: String,
    pub(super) description: String,
    /// All that is stored with it, whether or not the configuration declares it.
    pub(super) permissions: Permissions,
    pub(super) is_managed: bool,
}

impl Values {
    /// What they are now.
    pub(super) fn of(role: &Role) -> Self {
        let (in_force, unknown) = (role.rights.in_force(), role.rights.unknown());
        Self {
            name: role.row.name.clone(),
            description: role.row.description.clone(),
            permissions: in_force.union(unknown).cloned().collect(),
            is_managed: role.row.is_managed,
        }
    }
}

/// Adds a role, and records it.
pub(super) async fn add(
    change: &Change<'_>,
    row: role::Model,
    permissions: Permissions,
) -> Result<Role> {
    let role = insert(change, row, permissions).await?;
    let changes = Changes::none()
        .field("name", None, role.row.name.clone())
        .list("permissions", &[], &codes(role.rights.in_force()))
        .field(
            "isManaged",
            None,
            role.row.is_managed.then(|| true.to_string()),
        );
    change
        .record_with(Action::RoleCreated, &role, changes)
        .await?;
    Ok(role)
}

/// Changes a role, which is locked, and records what has changed. Those who hold it and have not signed up
/// yet get a new link when it comes to grant more: returned is how many do.
pub(super) async fn change_to(
    change: &Change<'_>,
    role: &Role,
    values: Values,
) -> Result<(Role, u64)> {
    let app = change.app();
    let changed = role::ActiveModel {
        name: Set(values.name),
        description: Set(values.description),
        is_managed: Set(values.is_managed),
        updated_at: Set(app.clock.now()),
        ..role.row.clone().into()
    };
    let row = update_row(change.db(), changed).await?;
    replace_permissions(change, role.row.id, &values.permissions).await?;
    let changed = Role::new(row, values.permissions, &app.catalogue);
    let is_dropped = |permission: &&Permission| !changed.rights.unknown().contains(*permission);
    let dropped = role.rights.unknown().iter().filter(is_dropped);
    let before: Permissions = role
        .rights
        .in_force()
        .iter()
        .chain(dropped)
        .cloned()
        .collect();
    let changes = Changes::none()
        .field("name", role.row.name.clone(), changed.row.name.clone())
        .field(
            "description",
            role.row.description.clone(),
            changed.row.description.clone(),
        )
        .list(
            "permissions",
            &codes(&before),
            &codes(changed.rights.in_force()),
        )
        .field(
            "isManaged",
            role.row.is_managed.to_string(),
            changed.row.is_managed.to_string(),
        );
    if !changes.is_empty() {
        change
            .record_with(Action::RoleUpdated, &changed, changes)
            .await?;
    }
    let mut renewed = 0;
    if !role.rights.cover(&changed.rights) {
        let invited = users::invited_holders(app, change.db(), role.row.id).await?;
        renewed = invitations::renew(change, &invited).await?;
    }
    Ok((changed, renewed))
}

/// Stores a new role, and nothing about it in the event log.
///
/// # Errors
///
/// [`UserErrorCode::Taken`], if there is one of that code name.
pub(super) async fn insert(
    change: &Change<'_>,
    row: role::Model,
    permissions: Permissions,
) -> Result<Role> {
    let inserted = role::Entity::insert(role::ActiveModel::from(row.clone()).reset_all())
        .write(change.db())
        .await;
    if let Err(error) = inserted {
        return Err(if is_duplicate(&error) {
            taken(&row.code_name).into()
        } else {
            error.into()
        });
    }
    replace_permissions(change, row.id, &permissions).await?;
    Ok(Role::new(row, permissions, &change.app().catalogue))
}

async fn replace_permissions(
    change: &Change<'_>,
    role: RoleId,
    permissions: &Permissions,
) -> Result<()> {
    role_permission::Entity::delete_many()
        .filter(role_permission::Column::RoleId.eq(role))
        .write(change.db())
        .await?;
    if permissions.is_empty() {
        return Ok(());
    }
    let grants = permissions
        .iter()
        .map(|permission| role_permission::ActiveModel {
            role_id: Set(role),
            permission: Set(permission.code().to_owned()),
        });
    role_permission::Entity::insert_many(grants)
        .write(change.db())
        .await?;
    Ok(())
}

/// Counts a change to the roles; see [`revisions::count_change`].
pub(super) async fn count_change(change: &Change<'_>) -> Result<()> {
    revisions::count_change(change.db(), revision::ROLES).await
}

/// Permissions as an event shows them.
pub(super) fn codes(permissions: &Permissions) -> Vec<String> {
    let codes = permissions.iter().map(Permission::code);
    codes.map(str::to_owned).collect()
}

fn taken(code_name: &str) -> UserError {
    UserError::new(
        UserErrorCode::Taken,
        "codeName",
        format!("A role with the code name {code_name} already exists."),
    )
}
