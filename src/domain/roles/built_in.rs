//! The Administrator role: how it comes to be, and what the configuration makes of it.

use entity::{RoleId, declared_permission, role};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};

use super::administration::{bump_revision, codes, insert};
use super::{ADMINISTRATOR, Role};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::applications::Permissions;
use crate::domain::emails::Queued;
use crate::domain::error::{Error, Result};
use crate::domain::events::{self, Action, Changes};
use crate::domain::{invitations, text, users};

/// Creates the built-in role if the database does not have it yet, and notes what the configuration
/// declares for the first time: the role is worth all that was ever declared. Those who hold it and
/// have not signed up yet get a new link when it comes to grant more.
pub async fn ensure_administrator(
    app: &App,
    transaction: &DatabaseTransaction,
) -> Result<(RoleId, Vec<Queued>)> {
    let protected = role::Entity::find().filter(role::Column::IsProtected.eq(true));
    let found = app.db.find(transaction, protected).await?;
    if let Some(id) = found.unreadable.first() {
        let error = format!("the built-in role, {id} in the table roles, cannot be read");
        return Err(Error::internal(error));
    }
    let known = super::load(transaction, app, found.rows).await?.pop();
    let new = note_declared(app, transaction).await?;
    if let Some(role) = known {
        let letters = match new.is_empty() {
            true => Vec::new(),
            false => announce_growth(app, transaction, &role, &new).await?,
        };
        return Ok((role.row.id, letters));
    }
    bump_revision(transaction).await?;
    let now = app.clock.now();
    let row = role::Model {
        id: app.new_id(),
        name: ADMINISTRATOR.to_owned(),
        code_name: ADMINISTRATOR.to_owned(),
        code_name_key: text::fold(ADMINISTRATOR),
        description: "Holds every permission there is.".to_owned(),
        is_protected: true,
        created_at: now,
        updated_at: now,
    };
    let role = insert(transaction, app, row, Permissions::new()).await?;
    Ok((role.row.id, Vec::new()))
}

/// Stores the permissions that are declared for the first time, and returns them.
async fn note_declared(app: &App, transaction: &DatabaseTransaction) -> Result<Permissions> {
    let known = super::ever_declared(app, transaction).await?;
    let mut new = (**app.catalogue.permissions()).clone();
    new.retain(|permission| !known.contains(permission));
    if !new.is_empty() {
        let rows = new
            .iter()
            .map(|permission| declared_permission::ActiveModel {
                permission: Set(permission.code().to_owned()),
            });
        declared_permission::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await?;
        bump_revision(transaction).await?;
    }
    Ok(new)
}

/// The Administrator role has come to grant more, by the configuration.
async fn announce_growth(
    app: &App,
    transaction: &DatabaseTransaction,
    role: &Role,
    new: &Permissions,
) -> Result<Vec<Queued>> {
    let server = Actor::server();
    let changes = Changes::none().field("permissions", None, codes(new));
    let action = Action::RoleUpdated;
    events::record(app, transaction, &server, action, role, changes).await?;
    let invited = users::invited_holders(transaction, role.row.id).await?;
    invitations::renew(app, &server, transaction, &invited).await
}
