//! What may be done to a role. The mutations apply these rules, and `viewerCan` tells a front end
//! in advance what they would say.

use std::collections::HashMap;

use entity::{RoleId, UserId, user_role};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};

use super::Role;
use crate::database::Source;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::{
    Permission, ROLES_DELETE, ROLES_UPDATE, USERS_CREATE, USERS_UPDATE,
};
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::rights::Rights;

/// What can be done to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleAction {
    /// Change it.
    Update,
    /// Delete it.
    Delete,
}

impl RoleAction {
    /// The permission that it requires, whichever role it is done to.
    pub fn permission(self) -> Permission {
        match self {
            Self::Update => ROLES_UPDATE,
            Self::Delete => ROLES_DELETE,
        }
    }
}

/// Checks that the actor may do this to the role.
///
/// # Errors
///
/// The missing permission; otherwise the reason, as an error of the input `id`.
pub async fn check(
    app: &App,
    db: &impl Source,
    actor: &Actor,
    role: &Role,
    action: RoleAction,
) -> Result<()> {
    actor.must_hold(&action.permission())?;
    if role.row.is_protected {
        return Err(refused(
            UserErrorCode::Protected,
            "The built-in Administrator role cannot be edited or deleted.",
        ));
    }
    if !actor.covers(&role.rights) {
        return Err(refused(
            UserErrorCode::ExceedsOwnPermissions,
            "This role grants permissions that you do not have.",
        ));
    }
    match action {
        RoleAction::Update => Ok(()),
        RoleAction::Delete => may_be_taken_from_its_holders(app, db, actor, role).await,
    }
}

/// Whether [`check`] would succeed, for front ends. A role that users hold can be deleted by force.
pub async fn may(app: &App, actor: &Actor, role: &Role, action: RoleAction) -> Result<bool> {
    match check(app, app.db.read(), actor, role, action).await {
        Ok(()) => Ok(true),
        Err(Error::Internal(cause)) => Err(Error::Internal(cause)),
        Err(_) => Ok(false),
    }
}

/// Whether the actor could assign roles with these rights to a user: they hold all of them.
pub fn may_assign(actor: &Actor, rights: &Rights) -> bool {
    actor.covers(rights) && (actor.holds(&USERS_CREATE) || actor.holds(&USERS_UPDATE))
}

/// Deleting a role changes the roles of all who hold it.
async fn may_be_taken_from_its_holders(
    app: &App,
    db: &impl Source,
    actor: &Actor,
    role: &Role,
) -> Result<()> {
    if let Some(own) = actor.user_id()
        && let own = holders(role.row.id).filter(user_role::Column::UserId.eq(own))
        && app.db.count(db, own).await? > 0
    {
        return Err(refused(
            UserErrorCode::OwnAccount,
            "You hold this role yourself, and you cannot change your own roles.",
        ));
    }
    // Holders may be many, but the roles that they hold besides are few.
    let held = held_by_holders(role.row.id)
        .select_only()
        .column(user_role::Column::RoleId)
        .distinct();
    let role_ids: Vec<RoleId> = app.db.values(db, held).await?;
    let rights = super::union(&super::by_ids_in(app, db, &role_ids).await?);
    if actor.covers(&rights) {
        Ok(())
    } else {
        Err(refused(
            UserErrorCode::ExceedsOwnPermissions,
            "A user with this role has permissions that you do not have.",
        ))
    }
}

/// The users who hold the role, each with all of their roles.
pub async fn roles_of_holders(
    app: &App,
    db: &impl Source,
    role: RoleId,
) -> Result<HashMap<UserId, Vec<RoleId>>> {
    let mut holders: HashMap<UserId, Vec<RoleId>> = HashMap::new();
    for held in app.db.all(db, held_by_holders(role)).await? {
        holders.entry(held.user_id).or_default().push(held.role_id);
    }
    Ok(holders)
}

fn holders(role: RoleId) -> Select<user_role::Entity> {
    user_role::Entity::find().filter(user_role::Column::RoleId.eq(role))
}

/// Whatever roles the role's holders hold.
fn held_by_holders(role: RoleId) -> Select<user_role::Entity> {
    let users = holders(role)
        .select_only()
        .column(user_role::Column::UserId)
        .into_query();
    user_role::Entity::find().filter(user_role::Column::UserId.in_subquery(users))
}

fn refused(code: UserErrorCode, message: &str) -> Error {
    UserError::new(code, "id", message).into()
}
