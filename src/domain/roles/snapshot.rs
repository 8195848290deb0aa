//! How the roles get into memory, and what is read from there.

use std::sync::Arc;

use entity::{RoleId, revision, role, role_permission};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::Role;
use super::cache::Snapshot;
use crate::database::Source;
use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::rights::Rights;

/// The rights of a user who holds these roles, as of the revision or a later one.
pub async fn rights_of(app: &App, ids: &[RoleId], revision: i64) -> Result<Rights> {
    let mut snapshot = app.roles.current();
    if snapshot.revision < revision {
        snapshot = Box::pin(reload(app)).await?;
    }
    Ok(union(ids.iter().filter_map(|id| snapshot.roles.get(id))))
}

/// The roles with these IDs, sorted by name. IDs without a role are ignored.
pub async fn by_ids(app: &App, ids: &[RoleId]) -> Result<Vec<Arc<Role>>> {
    let mut snapshot = app.roles.current();
    if ids.iter().any(|id| !snapshot.roles.contains_key(id)) {
        snapshot = Box::pin(reload(app)).await?;
    }
    let mut roles: Vec<_> = ids
        .iter()
        .filter_map(|id| snapshot.roles.get(id).cloned())
        .collect();
    roles.sort_by(|a, b| (&a.row.name, a.row.id).cmp(&(&b.row.name, b.row.id)));
    Ok(roles)
}

/// All roles, as of now, in no order.
pub async fn all(app: &App) -> Result<Vec<Arc<Role>>> {
    let revision = current_revision(app, app.db.read()).await?;
    let mut snapshot = app.roles.current();
    if snapshot.revision < revision || revision == 0 {
        snapshot = Box::pin(reload(app)).await?;
    }
    Ok(snapshot.roles.values().cloned().collect())
}

/// The same as a transaction sees it, including its own changes to roles. What is not committed yet
/// never gets into memory.
pub async fn by_ids_in(app: &App, db: &impl Source, ids: &[RoleId]) -> Result<Vec<Arc<Role>>> {
    let revision = current_revision(app, db).await?;
    by_ids_at(app, db, ids, revision).await
}

/// The same, where the transaction has already read the counter of [`entity::revision::ROLES`].
pub async fn by_ids_at(
    app: &App,
    db: &impl Source,
    ids: &[RoleId],
    revision: i64,
) -> Result<Vec<Arc<Role>>> {
    let snapshot = app.roles.current();
    if snapshot.revision == revision && ids.iter().all(|id| snapshot.roles.contains_key(id)) {
        return by_ids(app, ids).await;
    }
    let rows = role::Entity::find()
        .filter(role::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(role::Column::Name)
        .order_by_asc(role::Column::Id);
    let rows = app.db.all(db, rows).await?;
    let roles = super::load(db, app, rows).await?;
    Ok(roles.into_iter().map(Arc::new).collect())
}

/// What the roles grant together.
pub fn union<'a>(roles: impl IntoIterator<Item = &'a Arc<Role>>) -> Rights {
    Rights::union(roles.into_iter().map(|role| &role.rights))
}

/// The same of the roles with these IDs, as a transaction sees them.
pub async fn granted_by(app: &App, db: &impl Source, ids: &[RoleId]) -> Result<Rights> {
    Ok(union(&by_ids_in(app, db, ids).await?))
}

async fn reload(app: &App) -> Result<Arc<Snapshot>> {
    let db = app.db.read();
    // The counter first: a change in between makes the snapshot too old, never too new.
    let revision = current_revision(app, db).await?;
    let roles = read(app, db).await?;
    let roles = roles
        .into_iter()
        .map(|role| (role.row.id, Arc::new(role)))
        .collect();
    let snapshot = Arc::new(Snapshot { revision, roles });
    app.roles.replace(snapshot.clone());
    Ok(snapshot)
}

/// All roles, as they are stored, by age.
pub(super) async fn read(app: &App, db: &impl Source) -> Result<Vec<Role>> {
    let rows = role::Entity::find().order_by_asc(role::Column::Id);
    // A role that cannot be read grants nothing; it must not keep everybody out.
    let rows = app.db.find(db, rows).await?.rows;
    super::with_rights(db, app, rows, role_permission::Entity::find()).await
}

/// Zero, with which no snapshot is kept, if it cannot be read.
async fn current_revision(app: &App, db: &impl Source) -> Result<i64> {
    let row = revision::Entity::find_by_id(revision::ROLES);
    let row = app.db.one(db, row).await?;
    Ok(row.map_or(0, |row| row.revision))
}
