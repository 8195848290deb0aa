//! How roles are created, changed and deleted.

use std::collections::{HashMap, HashSet};

use entity::{RoleId, UserId, revision, role, role_permission};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set,
    SqlErr,
};

use super::policy::{self, RoleAction};
use super::{Role, input};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::applications::{Permission, Permissions};
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{self, Action, Changes, Subject};
use crate::domain::patch::Patch;
use crate::domain::{invitations, sessions, text, users};

/// A role to create.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// The display name.
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
    let permissions = errors.check_all(input::grantable(app, actor, &new.permissions));
    let permissions = permissions.map(|granted| input::close(granted, &Permissions::new()));
    let (((name, code_name), description), permissions) =
        errors.finish(name.zip(code_name).zip(description).zip(permissions))?;

    let transaction = app.db.begin().await?;
    bump_revision(&transaction).await?;
    let actor = &sessions::confirm(app, &transaction, actor).await?;
    let now = app.clock.now();
    let row = role::Model {
        id: app.new_id(),
        name,
        code_name_key: text::fold(&code_name),
        code_name,
        description,
        is_protected: false,
        created_at: now,
        updated_at: now,
    };
    let role = insert(&transaction, app, row, permissions).await?;
    let changes = Changes::none()
        .field("name", None, role.row.name.clone())
        .field("permissions", None, codes(role.rights.in_force()));
    events::record(
        app,
        &transaction,
        actor,
        Action::RoleCreated,
        &role,
        changes,
    )
    .await?;
    transaction.commit().await?;
    Ok(role)
}

/// The changes to make to a role. `None` stands for an ID that is not a role's.
#[derive(Clone, Debug)]
pub struct RoleChange {
    /// Which role.
    pub id: Option<RoleId>,
    /// The display name.
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
pub async fn update(app: &App, actor: &Actor, change: RoleChange) -> Result<Role> {
    let transaction = app.db.begin().await?;
    bump_revision(&transaction).await?;
    let actor = &sessions::confirm(app, &transaction, actor).await?;
    let role = find_to_change(app, &transaction, change.id).await?;
    policy::check(app, &transaction, actor, &role, RoleAction::Update).await?;

    let mut errors = UserErrors::default();
    let name = errors.check(change.name.over(&role.row.name, input::name));
    let description = change.description;
    let description = errors.check(description.over(&role.row.description, input::description));
    let permissions = match change.permissions {
        Patch::Keep => Some(role.rights.in_force().clone()),
        Patch::Clear => errors.check(Err(permissions_required())),
        Patch::Set(codes) => {
            let granted = errors.check_all(input::grantable(app, actor, &codes));
            granted.map(|granted| input::close(granted, role.rights.in_force()))
        }
    };
    let ((name, description), permissions) =
        errors.finish(name.zip(description).zip(permissions))?;

    let row = role::ActiveModel {
        id: Set(role.row.id),
        name: Set(name),
        description: Set(description),
        updated_at: Set(app.clock.now()),
        ..Default::default()
    }
    .update(&transaction)
    .await?;
    let stored: Permissions = permissions.union(role.rights.unknown()).cloned().collect();
    replace_permissions(&transaction, role.row.id, &stored).await?;
    let changed = Role::new(row, stored, &app.catalogue);
    let changes = Changes::none()
        .field("name", role.row.name.clone(), changed.row.name.clone())
        .field(
            "description",
            role.row.description.clone(),
            changed.row.description.clone(),
        )
        .field(
            "permissions",
            codes(role.rights.in_force()),
            codes(changed.rights.in_force()),
        );
    if !changes.is_empty() {
        events::record(
            app,
            &transaction,
            actor,
            Action::RoleUpdated,
            &changed,
            changes,
        )
        .await?;
    }
    let letters = match role.rights.cover(&changed.rights) {
        true => Vec::new(),
        false => {
            let invited = users::invited_holders(&transaction, role.row.id).await?;
            invitations::renew(app, actor, &transaction, &invited).await?
        }
    };
    transaction.commit().await?;
    for letter in letters {
        letter.announce(app);
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
    let transaction = app.db.begin().await?;
    bump_revision(&transaction).await?;
    let actor = &sessions::confirm(app, &transaction, actor).await?;
    let role = find_to_change(app, &transaction, deletion.id).await?;
    policy::check(app, &transaction, actor, &role, RoleAction::Delete).await?;
    let holders = policy::roles_of_holders(app, &transaction, role.row.id).await?;
    if !holders.is_empty() && !deletion.force {
        let users = match holders.len() {
            1 => "1 user holds".to_owned(),
            holders => format!("{holders} users hold"),
        };
        return Err(refused(
            UserErrorCode::WrongState,
            &format!("{users} this role. Remove it from them first, or pass `force: true`."),
        ));
    }
    role::Entity::delete_by_id(role.row.id)
        .exec(&transaction)
        .await?;
    let changes = Changes::none()
        .field("name", role.row.name.clone(), None)
        .field("permissions", codes(role.rights.in_force()), None);
    events::record(
        app,
        &transaction,
        actor,
        Action::RoleDeleted,
        &role,
        changes,
    )
    .await?;
    record_losses(app, &transaction, actor, &role, holders).await?;
    transaction.commit().await?;
    Ok(role.row.id)
}

/// How many holders of a deleted role are dealt with in one statement.
const HOLDERS_AT_ONCE: usize = 200;

/// Records the changed roles of each user who held the deleted role, as an event of their own.
async fn record_losses(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    role: &Role,
    holders: HashMap<UserId, Vec<RoleId>>,
) -> Result<()> {
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
    let others = super::by_ids_in(app, transaction, &others).await?;
    for some in holders.chunks(HOLDERS_AT_ONCE) {
        let ids = some.iter().map(|(user, _)| *user);
        let mut emails = users::emails_of(app, transaction, ids).await?;
        let losses = some.iter().filter_map(|(user, role_ids)| {
            let after = super::names(&others, role_ids);
            let before = match after.is_empty() {
                true => role.row.name.clone(),
                false => format!("{after}, {}", role.row.name),
            };
            let subject = Subject::new(*user, emails.remove(user)?);
            Some((subject, Changes::none().field("roles", before, after)))
        });
        events::record_all(app, transaction, actor, Action::UserUpdated, losses).await?;
    }
    Ok(())
}

async fn find_to_change(
    app: &App,
    transaction: &DatabaseTransaction,
    id: Option<RoleId>,
) -> Result<Role> {
    let id = id.ok_or_else(|| refused(UserErrorCode::Invalid, "This is not the ID of a role."))?;
    let row = role::Entity::find_by_id(id).lock_exclusive();
    let row = app.db.one(transaction, row).await?;
    super::load(transaction, app, row.into_iter().collect())
        .await?
        .pop()
        .ok_or_else(|| refused(UserErrorCode::NotFound, "There is no such role."))
}

fn refused(code: UserErrorCode, message: &str) -> Error {
    UserError::new(code, "id", message).into()
}

pub(super) async fn insert(
    transaction: &DatabaseTransaction,
    app: &App,
    row: role::Model,
    permissions: Permissions,
) -> Result<Role> {
    let inserted = role::ActiveModel::from(row.clone())
        .reset_all()
        .insert(transaction)
        .await;
    if let Err(error) = inserted {
        return Err(match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => taken(&row.code_name).into(),
            _ => error.into(),
        });
    }
    replace_permissions(transaction, row.id, &permissions).await?;
    Ok(Role::new(row, permissions, &app.catalogue))
}

async fn replace_permissions(
    transaction: &DatabaseTransaction,
    role: RoleId,
    permissions: &Permissions,
) -> Result<()> {
    role_permission::Entity::delete_many()
        .filter(role_permission::Column::RoleId.eq(role))
        .exec(transaction)
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
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Counts a change to the roles. The row stays locked until the transaction ends, so changes to
/// roles happen one after the other, on every server.
pub(super) async fn bump_revision(transaction: &DatabaseTransaction) -> Result<()> {
    revision::Entity::update_many()
        .col_expr(
            revision::Column::Revision,
            Expr::col(revision::Column::Revision).add(1),
        )
        .filter(revision::Column::Subject.eq(revision::ROLES))
        .exec(transaction)
        .await?;
    Ok(())
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
