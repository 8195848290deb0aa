//! Users: who they are, and how they are found.

use std::collections::HashMap;

use entity::user::Status;
use entity::{RoleId, UserId, role, user, user_role};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, RelationTrait, Select, Set,
};

use super::EmailAddress;
use super::error::{Result, UserError, UserErrorCode};
use super::text;
use crate::database::{Source, Transaction, Write, is_dangling};
use crate::domain::app::App;
use crate::domain::change::Change;

mod administration;
mod deletion;
mod holding;
mod listing;
pub mod model;
pub mod policy;
mod role_choice;

pub use administration::{
    Meant, Updated, UserChange, activate, deactivate, end_sessions, update, update_profile,
};
pub use deletion::{Traces, delete};
pub use listing::{UserFilter, UserOrderField, count, matching, page};
pub use model::User;
use model::display_name;
pub use role_choice::{AskedRoles, RoleChoice};

/// The maximum length of a first or last name, in characters.
pub const MAX_NAME_LENGTH: usize = 100;

/// The user with this ID.
pub async fn find(app: &App, id: UserId) -> Result<Option<User>> {
    find_in(app, app.db.read(), id).await
}

/// The user with this ID, as a transaction sees them.
pub async fn find_in(app: &App, db: &impl Source, id: UserId) -> Result<Option<User>> {
    find_one(app, db, user::Entity::find_by_id(id)).await
}

/// The users with these IDs, in no order, with one query for all of them.
pub async fn find_all(app: &App, ids: impl IntoIterator<Item = UserId>) -> Result<Vec<User>> {
    find_all_in(app, app.db.read(), ids).await
}

/// The same as a transaction sees them.
pub async fn find_all_in(
    app: &App,
    db: &impl Source,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<Vec<User>> {
    let these = user::Entity::find().filter(user::Column::Id.is_in(ids));
    let rows = app.db.all(db, these).await?;
    with_roles(app, db, rows).await
}

/// The addresses of these users.
pub async fn emails_of(
    app: &App,
    db: &impl Source,
    users: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, String>> {
    let these = user::Entity::find().filter(user::Column::Id.is_in(users));
    let rows = app.db.all(db, these).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.email)).collect())
}

/// The users who hold this role and have not signed up yet.
pub async fn invited_holders(app: &App, db: &impl Source, role: RoleId) -> Result<Vec<UserId>> {
    let invited = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .join(JoinType::InnerJoin, user::Relation::UserRole.def())
        .filter(user_role::Column::RoleId.eq(role))
        .filter(has_status(user::Status::Invited))
        .order_by_asc(user::Column::Id);
    Ok(app.db.values(db, invited).await?)
}

/// How a user's row is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowLock {
    /// Nobody changes the user, but others may rely on that as well. Where the same user does many things at
    /// once, they do not wait for each other; and on a Galera cluster, what arrives from other nodes and
    /// refers to the user does not end the transaction.
    Shared,
    /// The user is about to be changed.
    Exclusive,
}

/// Locks these users' rows until the transaction ends, in the order of their IDs. Whoever changes a user,
/// or what hangs on one, locks the user first: after the counters of [`entity::revision`], and before all
/// else.
pub async fn lock(transaction: &Transaction, mut users: Vec<(UserId, RowLock)>) -> Result<()> {
    let backend = transaction.backend();
    // There, whoever writes has all of it for themselves.
    if backend == DbBackend::Sqlite {
        return Ok(());
    }
    users.sort_by_key(|(id, _)| id.0);
    for (id, lock) in users {
        let row = user::Entity::find_by_id(id)
            .select_only()
            .column(user::Column::Id);
        let locked = match (lock, backend) {
            (RowLock::Exclusive, _) => row.lock_exclusive().build(backend),
            // MariaDB does not know FOR SHARE, and MySQL knows both.
            (RowLock::Shared, DbBackend::MySql) => {
                let mut locked = row.build(backend);
                locked.sql.push_str(" LOCK IN SHARE MODE");
                locked
            }
            (RowLock::Shared, _) => row.lock_shared().build(backend),
        };
        transaction.rows(locked).await?;
    }
    Ok(())
}

/// The user with this ID, whose row stays locked until the transaction ends.
pub async fn find_locked(app: &App, transaction: &Transaction, id: UserId) -> Result<Option<User>> {
    let locked = user::Entity::find_by_id(id).lock_exclusive();
    find_one(app, transaction, locked).await
}

/// The user with the e-mail address that has this normal form.
pub async fn find_by_email(app: &App, db: &impl Source, normal: &str) -> Result<Option<User>> {
    // No stored text holds it, and PostgreSQL takes it for an attack.
    if normal.contains('\0') {
        return Ok(None);
    }
    let with_it = user::Entity::find().filter(user::Column::EmailNormal.eq(normal));
    find_one(app, db, with_it).await
}

/// The users with the e-mail addresses that have these normal forms, a few hundred at most.
pub async fn find_by_emails(app: &App, db: &impl Source, normal: &[&str]) -> Result<Vec<User>> {
    let with_them = user::Entity::find().filter(
        user::Column::EmailNormal.is_in(normal.iter().copied().filter(|text| !text.contains('\0'))),
    );
    let rows = app.db.all(db, with_them).await?;
    with_roles(app, db, rows).await
}

/// The same, whose row stays locked until the transaction ends.
pub async fn find_by_email_locked(
    app: &App,
    transaction: &Transaction,
    normal: &str,
) -> Result<Option<User>> {
    match find_by_email(app, transaction, normal).await? {
        Some(user) => find_locked(app, transaction, user.row.id).await,
        None => Ok(None),
    }
}

async fn find_one(
    app: &App,
    db: &impl Source,
    select: Select<user::Entity>,
) -> Result<Option<User>> {
    let row = app.db.one(db, select).await?;
    Ok(with_roles(app, db, row.into_iter().collect()).await?.pop())
}

/// [`user::Model::status`] as a condition.
fn has_status(status: Status) -> Condition {
    use user::Column::{DeactivatedAt, PasswordHash};
    match status {
        Status::Deactivated => Condition::all().add(DeactivatedAt.is_not_null()),
        Status::Invited => Condition::all()
            .add(DeactivatedAt.is_null())
            .add(PasswordHash.is_null()),
        Status::Active => Condition::all()
            .add(DeactivatedAt.is_null())
            .add(PasswordHash.is_not_null()),
    }
}

/// Those who hold the built-in role and can sign in.
pub fn active_administrators() -> Select<user::Entity> {
    user::Entity::find()
        .join(JoinType::InnerJoin, user::Relation::UserRole.def())
        .join(JoinType::InnerJoin, user_role::Relation::Role.def())
        .filter(role::Column::IsProtected.eq(true))
        .filter(has_status(Status::Active))
        .filter(user::Column::PasswordHash.ne(user::PasswordHash::void()))
}

/// Reads the roles of all these users with one query.
async fn with_roles(app: &App, db: &impl Source, rows: Vec<user::Model>) -> Result<Vec<User>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = rows.iter().map(|row| row.id);
    let held = user_role::Entity::find().filter(user_role::Column::UserId.is_in(ids));
    let held = app.db.all(db, held).await?;
    let mut role_ids: HashMap<UserId, Vec<RoleId>> = HashMap::new();
    for user_role in held {
        role_ids
            .entry(user_role.user_id)
            .or_default()
            .push(user_role.role_id);
    }
    Ok(rows
        .into_iter()
        .map(|row| User {
            role_ids: role_ids.remove(&row.id).unwrap_or_default(),
            row,
        })
        .collect())
}

/// The columns that are derived from a user's address and names.
pub struct DerivedColumns {
    /// See [`user::Model::name_key`].
    pub name_key: String,
    /// See [`user::Model::search_text`].
    pub search_text: String,
}

impl DerivedColumns {
    /// Has to be called whenever one of the three changes.
    pub fn of(email: &EmailAddress, first_name: &str, last_name: &str) -> Self {
        Self {
            name_key: text::fold(&display_name(email.normal(), first_name, last_name)),
            // A search term holds no line break, so it never matches across two of them.
            search_text: text::fold(&format!("{}\n{first_name}\n{last_name}", email.as_typed())),
        }
    }
}

/// Reads a first or last name.
pub fn name(field: &'static str, typed: &str) -> std::result::Result<String, UserError> {
    text::name(field, typed, MAX_NAME_LENGTH)
}

/// Notes of these users, a few hundred at most, that their roles have changed.
pub async fn touch(change: &Change<'_>, users: impl IntoIterator<Item = UserId>) -> Result<()> {
    user::Entity::update_many()
        .set(user::ActiveModel {
            updated_at: Set(change.app().clock.now()),
            ..Default::default()
        })
        .filter(user::Column::Id.is_in(users))
        .write(change.db())
        .await?;
    Ok(())
}

/// Assigns these roles to a user, in addition to those that they have.
pub async fn add_roles(
    transaction: &Transaction,
    user: UserId,
    roles: impl IntoIterator<Item = RoleId>,
) -> Result<()> {
    add_all_roles(transaction, roles.into_iter().map(|role| (user, role)))
        .await
        .map_err(|error| {
            if !is_dangling(&error) {
                return error.into();
            }
            // A role was deleted a moment ago.
            let message = "One of these roles no longer exists.";
            UserError::new(UserErrorCode::NotFound, "roleIds", message).into()
        })
}

/// Assigns roles to users who do not have them, with one statement.
///
/// # Errors
///
/// The database's own: a dangling reference, where a role was deleted a moment ago.
pub async fn add_all_roles(
    transaction: &Transaction,
    held: impl IntoIterator<Item = (UserId, RoleId)>,
) -> std::result::Result<(), DbErr> {
    let held = held.into_iter().map(|(user, role)| user_role::ActiveModel {
        user_id: Set(user),
        role_id: Set(role),
    });
    let held: Vec<_> = held.collect();
    if held.is_empty() {
        return Ok(());
    }
    let held = user_role::Entity::insert_many(held);
    held.write(transaction).await.map(drop)
}

/// Whether there is any user at all, whether or not they can be read.
pub async fn is_there_any(app: &App, db: &impl Source) -> Result<bool> {
    Ok(!app
        .db
        .ids(db, user::Entity::find().limit(1))
        .await?
        .is_empty())
}

/// The address belongs to another user.
pub fn email_taken() -> UserError {
    UserError::new(
        UserErrorCode::Taken,
        "email",
        "A user with this e-mail address already exists.",
    )
}
