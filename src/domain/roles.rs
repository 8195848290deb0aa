//! Roles: what they are, what they grant, and how they are made.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use entity::{RoleId, revision, role, role_permission};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr,
    EntityTrait, PaginatorTrait, QueryFilter, SqlErr,
};

use super::actor::Actor;
use super::applications::{Catalogue, Permission, Permissions};
use super::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use super::events::{self, Action, Changes};
use super::page::{Keyset, Page, PageRequest, SortKey};
use super::text;
use crate::app::App;

/// The code name of the built-in role that holds every permission.
pub const ADMINISTRATOR: &str = "Administrator";

/// A role with what it grants.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its row.
    pub row: role::Model,
    /// What it grants, of what the catalogue declares; the protected role grants everything.
    pub permissions: Arc<Permissions>,
}

impl Role {
    fn new(row: role::Model, stored: Permissions, catalogue: &Catalogue) -> Self {
        let permissions = match row.is_protected {
            true => catalogue.permissions().clone(),
            false => Arc::new(
                stored
                    .into_iter()
                    .filter(|permission| catalogue.declares(permission))
                    .collect(),
            ),
        };
        Self { row, permissions }
    }
}

/// All roles as of one revision.
#[derive(Debug, Default)]
struct Snapshot {
    /// What the counter of [`revision::ROLES`] showed; it starts at 1, so the empty snapshot is
    /// older than any.
    revision: i64,
    roles: HashMap<RoleId, Arc<Role>>,
}

/// The roles in memory. There are few, every request needs them, and they seldom change; the query
/// that identifies a caller tells whether they have.
#[derive(Debug, Default)]
pub struct RoleCache(RwLock<Arc<Snapshot>>);

impl RoleCache {
    fn current(&self) -> Arc<Snapshot> {
        // The lock is held for a pointer's copy: nothing in between can panic.
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn replace(&self, snapshot: Arc<Snapshot>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.revision < snapshot.revision {
            *current = snapshot;
        }
    }
}

/// The permissions of somebody who holds these roles, as of the revision or a later one.
pub async fn permissions_of(app: &App, ids: &[RoleId], revision: i64) -> Result<Arc<Permissions>> {
    let mut snapshot = app.roles.current();
    if snapshot.revision < revision {
        snapshot = reload(app).await?;
    }
    Ok(union(ids.iter().filter_map(|id| snapshot.roles.get(id))))
}

/// The roles with these keys, in the order of their names. A key without a role is left out.
pub async fn by_ids(app: &App, ids: &[RoleId]) -> Result<Vec<Arc<Role>>> {
    let mut snapshot = app.roles.current();
    if ids.iter().any(|id| !snapshot.roles.contains_key(id)) {
        snapshot = reload(app).await?;
    }
    let mut roles: Vec<_> = ids
        .iter()
        .filter_map(|id| snapshot.roles.get(id).cloned())
        .collect();
    roles.sort_by(|a, b| (&a.row.name, a.row.id).cmp(&(&b.row.name, b.row.id)));
    Ok(roles)
}

/// What the roles grant together.
pub fn union<'a>(roles: impl Iterator<Item = &'a Arc<Role>>) -> Arc<Permissions> {
    let mut roles = roles;
    let Some(first) = roles.next() else {
        return Arc::default();
    };
    roles.fold(first.permissions.clone(), |all, role| {
        if role.permissions.is_subset(&all) {
            all
        } else {
            Arc::new(all.union(&role.permissions).cloned().collect())
        }
    })
}

async fn reload(app: &App) -> Result<Arc<Snapshot>> {
    let db = app.db.read();
    // The counter first: a change in between makes the snapshot too old, never too new.
    let revision = current_revision(db).await?;
    let rows = role::Entity::find().all(db).await?;
    let grants = role_permission::Entity::find().all(db).await?;
    let roles = assemble(rows, grants, &app.catalogue)
        .map(|role| (role.row.id, Arc::new(role)))
        .collect();
    let snapshot = Arc::new(Snapshot { revision, roles });
    app.roles.replace(snapshot.clone());
    Ok(snapshot)
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

/// The order of [`page`]: the oldest first.
const BY_AGE: Keyset<role::Entity> = Keyset {
    name: "roles",
    column: role::Column::CreatedAt,
    id: role::Column::Id,
    descending: false,
    keys: |row| (SortKey::Number(row.created_at.0), row.id.0),
};

/// A page of the roles, the oldest first.
pub async fn page(app: &App, request: &PageRequest) -> Result<Page<Role>> {
    let db = app.db.read();
    let page = BY_AGE.page(db, role::Entity::find(), request).await?;
    let (places, rows): (Vec<_>, Vec<_>) = page.rows.into_iter().unzip();
    Ok(Page {
        rows: places.into_iter().zip(load(db, app, rows).await?).collect(),
        has_next: page.has_next,
        has_previous: page.has_previous,
    })
}

/// The name under which places in [`page`]'s order go.
pub const ORDER: &str = BY_AGE.name;

/// How many roles there are.
pub async fn count(app: &App) -> Result<u64> {
    Ok(role::Entity::find().count(app.db.read()).await?)
}

/// A role to be made.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// What people see.
    pub name: String,
    /// What programs see; derived from the name where there is none.
    pub code_name: Option<String>,
    /// May be empty.
    pub description: String,
    /// The codes of what it shall grant.
    pub permissions: Vec<String>,
}

/// Makes a role.
///
/// # Errors
///
/// For `name`, `codeName`, `description` and `permissions`: required, too long, invalid, taken, not
/// found, or more than the actor holds.
pub async fn create(app: &App, actor: &Actor, new: NewRole) -> Result<Role> {
    let mut errors = UserErrors::default();
    let name = errors.check(name(&new.name));
    let code_name = errors.check(match &new.code_name {
        Some(code_name) => given_code_name(code_name),
        None => derived_code_name(name.as_deref().unwrap_or_default()),
    });
    let description = errors.check(text::lines("description", &new.description, 1000));
    let permissions = errors.check_all(grantable(app, actor, &new.permissions));
    errors.into_result()?;
    let (Some(name), Some(code_name), Some(description), Some(permissions)) =
        (name, code_name, description, permissions)
    else {
        return Err(Error::internal("an input was refused without an error"));
    };

    let transaction = app.db.begin().await?;
    bump_revision(&transaction).await?;
    let now = app.clock.now();
    let row = role::Model {
        id: app.new_id(),
        name,
        code_name_key: text::key(&code_name),
        code_name,
        description,
        is_protected: false,
        created_at: now,
        updated_at: now,
    };
    let role = insert(&transaction, app, row, permissions).await?;
    let changes = Changes::none()
        .field("name", None, role.row.name.clone())
        .field("permissions", None, codes(&role.permissions));
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

/// Makes the built-in role where the database does not have it yet, and returns its key.
pub async fn ensure_administrator(app: &App, transaction: &DatabaseTransaction) -> Result<RoleId> {
    let key = text::key(ADMINISTRATOR);
    let existing = role::Entity::find()
        .filter(role::Column::CodeNameKey.eq(&key))
        .one(transaction)
        .await?;
    if let Some(row) = existing {
        return Ok(row.id);
    }
    bump_revision(transaction).await?;
    let now = app.clock.now();
    let row = role::Model {
        id: app.new_id(),
        name: ADMINISTRATOR.to_owned(),
        code_name: ADMINISTRATOR.to_owned(),
        code_name_key: key,
        description: "Holds every permission there is.".to_owned(),
        is_protected: true,
        created_at: now,
        updated_at: now,
    };
    let role = insert(transaction, app, row, Permissions::new()).await?;
    Ok(role.row.id)
}

async fn insert(
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
    if !permissions.is_empty() {
        let grants = permissions
            .iter()
            .map(|permission| role_permission::ActiveModel {
                role_id: Set(row.id),
                permission: Set(permission.code().to_owned()),
            });
        role_permission::Entity::insert_many(grants)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(Role::new(row, permissions, &app.catalogue))
}

/// Counts a change of the roles. The row stays locked until the transaction ends, so changes of
/// roles happen one after the other, on every server.
async fn bump_revision(transaction: &DatabaseTransaction) -> Result<()> {
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

async fn current_revision(db: &impl ConnectionTrait) -> std::result::Result<i64, DbErr> {
    let row = revision::Entity::find_by_id(revision::ROLES)
        .one(db)
        .await?;
    row.map(|row| row.revision)
        .ok_or_else(|| DbErr::RecordNotFound("revisions.roles".to_owned()))
}

/// Permissions as an event shows them.
fn codes(permissions: &Permissions) -> String {
    let codes: Vec<&str> = permissions.iter().map(Permission::code).collect();
    codes.join(", ")
}

fn name(typed: &str) -> std::result::Result<String, UserError> {
    let name = text::line("name", typed, 100)?;
    match name.is_empty() {
        true => Err(UserError::new(
            UserErrorCode::Required,
            "name",
            "Enter a name.",
        )),
        false => Ok(name),
    }
}

fn given_code_name(code_name: &str) -> std::result::Result<String, UserError> {
    let error = |code, message: &str| Err(UserError::new(code, "codeName", message));
    if code_name.is_empty() {
        return error(
            UserErrorCode::Required,
            "Enter a code name, or leave it out to have it made from the name.",
        );
    }
    if code_name.len() > 100 {
        return error(UserErrorCode::TooLong, "Enter at most 100 characters.");
    }
    if !code_name.chars().all(is_code_name_character) {
        return error(
            UserErrorCode::Invalid,
            "Use letters from A to Z, digits, '_', '-' and '.' only.",
        );
    }
    Ok(code_name.to_owned())
}

/// "Digital Channel Manager" is called "DigitalChannelManager".
fn derived_code_name(name: &str) -> std::result::Result<String, UserError> {
    let code_name: String = name
        .chars()
        .filter(|c| is_code_name_character(*c))
        .collect();
    match code_name.is_empty() && !name.is_empty() {
        true => Err(UserError::new(
            UserErrorCode::Required,
            "codeName",
            "Enter a code name: none can be made from this name.",
        )),
        false => Ok(code_name),
    }
}

fn is_code_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn taken(code_name: &str) -> UserError {
    UserError::new(
        UserErrorCode::Taken,
        "codeName",
        format!("There is a role with the code name {code_name} already."),
    )
}

/// Reads permission codes, adds what they imply, and refuses what the actor could not grant.
fn grantable(
    app: &App,
    actor: &Actor,
    codes: &[String],
) -> std::result::Result<Permissions, Vec<UserError>> {
    let mut errors = Vec::new();
    let mut permissions = Permissions::new();
    for (index, code) in codes.iter().enumerate() {
        let permission = Permission::from_code(code);
        if !app.catalogue.declares(&permission) {
            errors.push(
                UserError::new(
                    UserErrorCode::NotFound,
                    "permissions",
                    "There is no such permission; `applications` lists all.",
                )
                .at(index),
            );
        } else if !actor.holds(&permission) {
            errors.push(
                UserError::new(
                    UserErrorCode::ExceedsOwnPermissions,
                    "permissions",
                    format!("You cannot grant {permission}, which you do not hold yourself."),
                )
                .at(index),
            );
        } else {
            // Whoever may change a thing may see it.
            permissions.insert(permission.view());
            permissions.insert(permission);
        }
    }
    match errors.is_empty() {
        true => Ok(permissions),
        false => Err(errors),
    }
}
