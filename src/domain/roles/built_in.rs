//! The Administrator role: how it comes to be, and what the configuration makes of it.

use entity::{RoleId, declared_permission, role};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::writing::{codes, count_change, insert};
use super::{ADMINISTRATOR, Role};
use crate::database::Write;
use crate::domain::applications::Permissions;
use crate::domain::change::Change;
use crate::domain::error::{Error, Result};
use crate::domain::events::{Action, Changes};
use crate::domain::{invitations, text, users};

/// Creates the built-in role if the database does not have it yet, and notes what the configuration
/// declares for the first time: the role is worth all that was ever declared. Those who hold it and
/// have not signed up yet get a new link when it comes to grant more.
pub async fn ensure_administrator(change: &Change<'_>) -> Result<RoleId> {
    let (app, db) = (change.app(), change.db());
    let protected = role::Entity::find().filter(role::Column::IsProtected.eq(true));
    let found = app.db.find(db, protected).await?;
    if let Some(id) = found.unreadable.first() {
        let error = format!("the built-in role, {id} in the table roles, cannot be read");
        return Err(Error::internal(error));
    }
    let known = super::load(db, app, found.rows).await?.pop();
    let new = note_declared(change).await?;
    if let Some(role) = known {
        if !new.is_empty() {
            record_growth(change, &role, &new).await?;
        }
        return Ok(role.row.id);
    }
    count_change(change).await?;
    let now = app.clock.now();
    let row = role::Model {
        id: app.new_id(),
        name: ADMINISTRATOR.to_owned(),
        code_name: ADMINISTRATOR.to_owned(),
        code_name_key: text::fold(ADMINISTRATOR),
        description: "Holds every permission there is.".to_owned(),
        is_protected: true,
        is_managed: false,
        created_at: now,
        updated_at: now,
    };
    let role = insert(change, row, Permissions::new()).await?;
    Ok(role.row.id)
}

/// Stores the permissions that are declared for the first time, and returns them.
async fn note_declared(change: &Change<'_>) -> Result<Permissions> {
    let app = change.app();
    let known = super::ever_declared(app, change.db()).await?;
    let mut new = (**app.catalogue.permissions()).clone();
    new.retain(|permission| !known.contains(permission));
    if !new.is_empty() {
        let rows = new
            .iter()
            .map(|permission| declared_permission::ActiveModel {
                permission: Set(permission.code().to_owned()),
            });
        declared_permission::Entity::insert_many(rows)
            .write(change.db())
            .await?;
        count_change(change).await?;
    }
    Ok(new)
}

/// The Administrator role has come to grant more, by the configuration.
async fn record_growth(change: &Change<'_>, role: &Role, new: &Permissions) -> Result<()> {
    let changes = Changes::none().list("permissions", &[], &codes(new));
    change
        .record_with(Action::RoleUpdated, role, changes)
        .await?;
    let invited = users::invited_holders(change.app(), change.db(), role.row.id).await?;
    invitations::renew(change, &invited).await.map(drop)
}
