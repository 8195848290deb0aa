//! How roles are created, changed and deleted.

use std::collections::{HashMap, HashSet};

use entity::{RoleId, UserId, revision, role, role_permission};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use super::policy::{self, RoleAction};
use super::{Role, input};
use crate::database::{Write, is_duplicate, update_row};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::{Permission, Permissions};
use crate::domain::change::{self, Change};
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{Action, Changes, Subject};
use crate::domain::patch::Patch;
use crate::domain::{invitations, revisions, text, users};

/// A role to create.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// As typed; trimmed and checked when the role is made.
    pub name: String,
    /// The code name; derived from the name if there is none.
    pub code_name: Option<String>,
    /// May be empty.
    pub description: String,
    /// The codes of the permissions to grant.
    pub permissions: Vec<String>,
}

/// Creates a role.
///
/// # Errors
///
/// For `name`, `codeName`, `description` and `permissions`: required, too long, invalid, taken, not
/// found, or more than the actor holds.
pub async fn create(app: &App, actor: &Actor, new: NewRole) -> Result<Role> {
    let mut errors = UserErrors::default();
    let name = errors.check(input::name(&new.name));
    let code_name = errors.check(match &new.code_name {
        Some(code_name) => input::given_code_name(code_name),
        None => input::derived_code_name(name.as_deref().unwrap_or_default()),
    });
    let description = errors.check(input::description(&new.description));
    let permissions =
        errors.check_all(input::grantable(&app.catalogue, actor, &new.permissions))?;
    let permissions = permissions.map(|granted| input::with_implied(granted, &Permissions::new()));
    let (name, code_name, description, permissions) =
        errors.finish((name, code_name, description, permissions))?;
    let now = app.clock.now();
    let row = &role::Model {
        id: app.new_id(),
        name,
        code_name_key: text::fold(&code_name),
        code_name,
        description,
        is_protected: false,
        is_managed: false,
        created_at: now,
        updated_at: now,
    };

    let permissions = &permissions;
    change::make(app, actor, |mut change| async move {
        count_change(&change).await?;
        change.confirm().await?;
        let role = add(&change, row.clone(), permissions.clone()).await?;
        change.commit(role).await
    })
    .await
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
        .field("permissions", None, codes(role.rights.in_force()))
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

/// The changes to make to a role. `None` stands for an ID that is not a role's.
#[derive(Clone, Debug)]
pub struct RoleChange {
    /// Which role.
    pub id: Option<RoleId>,
    /// As typed; the code name stays as it is.
    pub name: Patch<String>,
    /// What it is for.
    pub description: Patch<String>,
    /// The codes of all permissions to grant.
    pub permissions: Patch<Vec<String>>,
}

/// Changes a role. Permissions that are stored with it but no longer declared stay.
///
/// # Errors
///
/// Those of [`policy::check`] for [`RoleAction::Update`], and errors for the values.
pub async fn update(app: &App, actor: &Actor, input: RoleChange) -> Result<Role> {
    let input = &input;
    change::make(app, actor, |mut change| async move {
        let role = find_for(&mut change, input.id, RoleAction::Update).await?;
        let values = values_after(&change, &role, input)?;
        let changed = change_to(&change, &role, values).await?;
        change.commit(changed).await
    })
    .await
}

fn values_after(change: &Change<'_>, role: &Role, input: &RoleChange) -> Result<Values> {
    let mut errors = UserErrors::default();
    let name = errors.check(input.name.over(&role.row.name, input::name));
    let description = &input.description;
    let description = errors.check(description.over(&role.row.description, input::description));
    let permissions = match &input.permissions {
        Patch::Keep => Some(role.rights.in_force().clone()),
        Patch::Clear => errors.check(Err(permissions_required())),
        Patch::Set(codes) => errors
            .check_all(input::grantable(
                &change.app().catalogue,
                change.actor(),
                codes,
            ))?
            .map(|granted| input::with_implied(granted, role.rights.in_force())),
    };
    let (name, description, permissions) = errors.finish((name, description, permissions))?;
    Ok(Values {
        name,
        description,
        permissions: permissions.union(role.rights.unknown()).cloned().collect(),
        is_managed: role.row.is_managed,
    })
}

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

/// Changes a role, which is locked, and records what has changed. Those who hold it and have not signed up
/// yet get a new link when it comes to grant more.
pub(super) async fn change_to(change: &Change<'_>, role: &Role, values: Values) -> Result<Role> {
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
        .field(
            "permissions",
            codes(&before),
            codes(changed.rights.in_force()),
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
    if !role.rights.cover(&changed.rights) {
        let invited = users::invited_holders(app, change.db(), role.row.id).await?;
        invitations::renew(change, &invited).await?;
    }
    Ok(changed)
}

fn permissions_required() -> UserError {
    UserError::new(
        UserErrorCode::Required,
        "permissions",
        "Provide a list of permissions; it may be empty.",
    )
}

/// A role to delete. `None` stands for an ID that is not a role's.
#[derive(Clone, Copy, Debug)]
pub struct RoleDeletion {
    /// Which role.
    pub id: Option<RoleId>,
    /// Whether to delete it even if users hold it.
    pub force: bool,
}

/// Deletes a role.
///
/// # Errors
///
/// Those of [`policy::check`] for [`RoleAction::Delete`]; [`UserErrorCode::WrongState`] with the
/// number of holders, unless it is forced.
pub async fn delete(app: &App, actor: &Actor, deletion: RoleDeletion) -> Result<RoleId> {
    change::make(app, actor, |mut change| async move {
        let role = find_for(&mut change, deletion.id, RoleAction::Delete).await?;
        let holders = policy::roles_of_holders(app, change.db(), role.row.id).await?;
        if !holders.is_empty() && !deletion.force {
            return Err(is_held_by(holders.len()));
        }
        role::Entity::delete_by_id(role.row.id)
            .write(change.db())
            .await?;
        let changes = Changes::none()
            .field("name", role.row.name.clone(), None)
            .field("permissions", codes(role.rights.in_force()), None);
        change
            .record_with(Action::RoleDeleted, &role, changes)
            .await?;
        record_losses(&change, &role, holders).await?;
        change.commit(role.row.id).await
    })
    .await
}

fn is_held_by(holders: usize) -> Error {
    let users = match holders {
        1 => "1 user holds".to_owned(),
        holders => format!("{holders} users hold"),
    };
    refused(
        UserErrorCode::WrongState,
        &format!("{users} this role. Remove it from them first, or pass `force: true`."),
    )
}

/// How many holders of a deleted role are dealt with in one statement.
const HOLDERS_AT_ONCE: usize = 200;

/// Records the changed roles of each user who held the deleted role, as an event of their own.
async fn record_losses(
    change: &Change<'_>,
    role: &Role,
    holders: HashMap<UserId, Vec<RoleId>>,
) -> Result<()> {
    let (app, db) = (change.app(), change.db());
    let mut holders: Vec<(UserId, Vec<RoleId>)> = holders.into_iter().collect();
    for (_, role_ids) in &mut holders {
        role_ids.retain(|id| *id != role.row.id);
    }
    let others: HashSet<RoleId> = holders
        .iter()
        .flat_map(|(_, role_ids)| role_ids)
        .copied()
        .collect();
    let others: Vec<RoleId> = others.into_iter().collect();
    let others = super::by_ids_in(app, db, &others).await?;
    for some in holders.chunks(HOLDERS_AT_ONCE) {
        let ids = some.iter().map(|(user, _)| *user);
        let mut emails = users::emails_of(app, db, ids).await?;
        let losses = some.iter().filter_map(|(user, role_ids)| {
            let after = super::names(&others, role_ids);
            let before = if after.is_empty() {
                role.row.name.clone()
            } else {
                format!("{after}, {}", role.row.name)
            };
            let subject = Subject::new(*user, emails.remove(user)?);
            Some((subject, Changes::none().field("roles", before, after)))
        });
        change.record_all(Action::UserUpdated, losses).await?;
    }
    Ok(())
}

/// The role, if the actor may do this to it. Who the actor is, is read again; the role stays locked until
/// the change is made.
async fn find_for(change: &mut Change<'_>, id: Option<RoleId>, action: RoleAction) -> Result<Role> {
    count_change(change).await?;
    change.confirm().await?;
    let (app, db) = (change.app(), change.db());
    let id = id.ok_or_else(|| refused(UserErrorCode::Invalid, "This is not the ID of a role."))?;
    let locked = role::Entity::find_by_id(id).lock_exclusive();
    let row = app.db.one(db, locked).await?;
    let role = super::load(db, app, row.into_iter().collect())
        .await?
        .pop()
        .ok_or_else(|| refused(UserErrorCode::NotFound, "There is no such role."))?;
    policy::check(app, db, change.actor(), &role, action).await?;
    Ok(role)
}

fn refused(code: UserErrorCode, message: &str) -> Error {
    UserError::new(code, "id", message).into()
}

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
pub(super) fn codes(permissions: &Permissions) -> String {
    let codes: Vec<&str> = permissions.iter().map(Permission::code).collect();
    codes.join(", ")
}

fn taken(code_name: &str) -> UserError {
    UserError::new(
        UserErrorCode::Taken,
        "codeName",
        format!("A role with the code name {code_name} already exists."),
    )
}
