//! How roles are created, changed and deleted.

use std::collections::{HashMap, HashSet};

use entity::{RoleId, Timestamp, UserId, role};
use sea_orm::{EntityTrait, QuerySelect};

use super::policy::{self, RoleAction};
use super::writing::{Values, add, change_to, codes, count_change};
use super::{Role, input};
use crate::database::Write;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::Permissions;
use crate::domain::change::{self, Change};
use crate::domain::effects::Effects;
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{Action, Changes, Subject};
use crate::domain::patch::{Patch, must_be_unchanged};
use crate::domain::rights::Rights;
use crate::domain::{text, users};

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
    /// The codes of permissions to grant besides.
    pub add_permissions: Option<Vec<String>>,
    /// The codes of permissions to grant no longer.
    pub remove_permissions: Option<Vec<String>>,
    /// When the caller knows the role to have changed last; nothing, if it does not matter.
    pub expected_updated_at: Option<Timestamp>,
    /// Whether it is only told what the change would come to.
    pub is_dry_run: bool,
}

/// A role that was changed, or would be.
#[derive(Debug)]
pub struct UpdatedRole {
    /// As it is after the change.
    pub role: Role,
    /// What the change comes to.
    pub effects: Effects,
}

/// Changes a role. Permissions that are stored with it but no longer declared stay.
///
/// # Errors
///
/// Those of [`policy::check`] for [`RoleAction::Update`], and errors for the values.
pub async fn update(app: &App, actor: &Actor, input: RoleChange) -> Result<UpdatedRole> {
    let input = &input;
    change::make(app, actor, |mut change| async move {
        let role = find_for(&mut change, input.id, RoleAction::Update).await?;
        must_be_unchanged(role.row.updated_at, input.expected_updated_at, "role")?;
        let values = values_after(&change, &role, input)?;
        let (changed, renewed) = change_to(&change, &role, values).await?;
        let holders = super::user_counts_in(app, change.db(), &[role.row.id]).await?;
        let updated = UpdatedRole {
            effects: Effects {
                users: holders.values().sum(),
                invitations_renewed: renewed,
                ..Effects::between(&role.rights, &changed.rights)
            },
            role: changed,
        };
        if input.is_dry_run {
            return change.abandon(updated).await;
        }
        change.commit(updated).await
    })
    .await
}

fn values_after(change: &Change<'_>, role: &Role, input: &RoleChange) -> Result<Values> {
    let mut errors = UserErrors::default();
    let name = errors.check(input.name.over(&role.row.name, input::name));
    let description = &input.description;
    let description = errors.check(description.over(&role.row.description, input::description));
    let permissions = match (&input.permissions, adjusting(input)) {
        (Patch::Keep, None) => Some(role.rights.in_force().clone()),
        (Patch::Keep, Some(_)) => errors.check_all(adjusted(change, role, input))?,
        (_, Some(field)) => errors.check(Err(permissions_twice(field))),
        (Patch::Clear, None) => errors.check(Err(permissions_required())),
        (Patch::Set(codes), None) => errors
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

/// What the role grants, with those permissions that come and without those that go.
fn adjusted(change: &Change<'_>, role: &Role, input: &RoleChange) -> Result<Permissions> {
    let catalogue = &change.app().catalogue;
    let before = role.rights.in_force();
    let mut after = before.clone();
    let removed = match &input.remove_permissions {
        Some(codes) => input::removable(catalogue, codes)?,
        None => Permissions::new(),
    };
    after.retain(|permission| !removed.contains(permission));
    if let Some(codes) = &input.add_permissions {
        let added = input::grantable(catalogue, change.actor(), codes);
        after
            .extend(added.map_err(|error| error.in_the_place_of("permissions", "addPermissions"))?);
    }
    let after = input::with_implied(after, before);
    if let Some(both) = removed.intersection(&after).next() {
        let message = format!("{both} comes with what is added. Leave it out of one of the two.");
        return Err(UserError::new(UserErrorCode::Invalid, "removePermissions", message).into());
    }
    Ok(after)
}

/// The field that says what comes or goes, beside the list of all.
fn adjusting(input: &RoleChange) -> Option<&'static str> {
    let add = input.add_permissions.as_ref().map(|_| "addPermissions");
    let remove = input.remove_permissions.as_ref();
    add.or(remove.map(|_| "removePermissions"))
}

fn permissions_twice(field: &'static str) -> UserError {
    let message = "Provide either `permissions`, or `addPermissions` and `removePermissions`.";
    UserError::new(UserErrorCode::Invalid, field, message)
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
    /// Whether it is only told what the deletion would come to.
    pub is_dry_run: bool,
}

/// Deletes a role.
///
/// # Errors
///
/// Those of [`policy::check`] for [`RoleAction::Delete`]; [`UserErrorCode::WrongState`] with the
/// number of holders, unless it is forced.
pub async fn delete(app: &App, actor: &Actor, deletion: RoleDeletion) -> Result<(RoleId, Effects)> {
    change::make(app, actor, |mut change| async move {
        let role = find_for(&mut change, deletion.id, RoleAction::Delete).await?;
        let holders = policy::roles_of_holders(app, change.db(), role.row.id).await?;
        let effects = Effects {
            users: holders.len() as u64,
            ..Effects::between(&role.rights, &Rights::default())
        };
        if deletion.is_dry_run {
            return change.abandon((role.row.id, effects)).await;
        }
        if !holders.is_empty() && !deletion.force {
            return Err(is_held_by(holders.len()));
        }
        role::Entity::delete_by_id(role.row.id)
            .write(change.db())
            .await?;
        let changes = Changes::none()
            .field("name", role.row.name.clone(), None)
            .list("permissions", &codes(role.rights.in_force()), &[]);
        change
            .record_with(Action::RoleDeleted, &role, changes)
            .await?;
        record_losses(&change, &role, holders).await?;
        change.commit((role.row.id, effects)).await
    })
    .await
}

fn is_held_by(holders: usize) -> Error {
    let users = match holders {
        1 => "1 user holds".to_owned(),
        holders => format!("{holders} users hold"),
    };
    let message = format!("{users} this role. Remove it from them first, or pass `force: true`.");
    let error = UserError::new(UserErrorCode::WrongState, "id", message);
    error.with("holders", holders).into()
}

/// How many holders of a deleted role are dealt with in one statement.
const HOLDERS_AT_ONCE: usize = 200;

/// Notes of each user who held the deleted role that their roles have changed, and records it as an event of
/// their own.
async fn record_losses(
    change: &Change<'_>,
    role: &Role,
    holders: HashMap<UserId, Vec<RoleId>>,
) -> Result<()> {
    let (app, db) = (change.app(), change.db());
    let mut holders: Vec<(UserId, Vec<RoleId>)> = holders.into_iter().collect();
    // In the order in which all lock them.
    holders.sort_by_key(|(user, _)| user.0);
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
        users::touch(change, ids.clone()).await?;
        let mut emails = users::emails_of(app, db, ids).await?;
        let losses = some.iter().filter_map(|(user, role_ids)| {
            let after = super::names(&others, role_ids);
            let before = [after.as_slice(), std::slice::from_ref(&role.row.name)].concat();
            let subject = Subject::new(*user, emails.remove(user)?);
            Some((subject, Changes::none().list("roles", &before, &after)))
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
