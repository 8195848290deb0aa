//! Which roles may be assigned to a user.

use std::sync::Arc;

use entity::{RoleId, UserId};

use super::{Role, by_ids_in, union};
use crate::domain::change::Change;
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::users;

/// How many roles one request may contain.
const MAX_ROLES: usize = 100;

/// Checks the roles that a user is to hold: they exist, and whoever causes the change holds all that they
/// grant.
///
/// # Errors
///
/// For `roleIds`, or each of them.
pub async fn assignable(change: &Change<'_>, ids: &[Option<RoleId>]) -> Result<Vec<RoleId>> {
    let error = |code, message: &str| UserError::new(code, "roleIds", message);
    if ids.is_empty() {
        return Err(error(UserErrorCode::Required, "Choose at least one role.").into());
    }
    if ids.len() > MAX_ROLES {
        let message = format!("Choose at most {MAX_ROLES} roles.");
        return Err(error(UserErrorCode::TooLong, &message).into());
    }
    let known: Vec<RoleId> = ids.iter().flatten().copied().collect();
    let found = by_ids_in(change.app(), change.db(), &known).await?;
    let mut errors = Vec::new();
    let mut accepted = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let Some(id) = id else {
            errors.push(error(UserErrorCode::Invalid, "This is not the ID of a role.").at(index));
            continue;
        };
        match found.iter().find(|role| role.row.id == *id) {
            None => {
                errors.push(error(UserErrorCode::NotFound, "There is no such role.").at(index));
            }
            Some(role) if !change.actor().covers(&role.rights) => {
                let message = format!(
                    "You cannot grant the role {}: it includes permissions that you do not have.",
                    role.row.name
                );
                errors.push(error(UserErrorCode::ExceedsOwnPermissions, &message).at(index));
            }
            Some(_) if accepted.contains(id) => {}
            Some(_) => accepted.push(*id),
        }
    }
    if errors.is_empty() {
        Ok(accepted)
    } else {
        Err(Error::Refused(errors))
    }
}

/// Assigns roles that were [`assignable`] to a user, in addition to those that they have, and returns
/// them. From then on they do not change until the transaction ends, because the database locks what
/// an assignment refers to; whatever came to grant more before that is refused.
pub async fn assign(change: &Change<'_>, user: UserId, ids: &[RoleId]) -> Result<Vec<Arc<Role>>> {
    users::add_roles(change.db(), user, ids.iter().copied()).await?;
    let assigned = by_ids_in(change.app(), change.db(), ids).await?;
    if change.actor().covers(&union(&assigned)) {
        Ok(assigned)
    } else {
        Err(UserError::new(
            UserErrorCode::ExceedsOwnPermissions,
            "roleIds",
            "One of these roles has just come to grant permissions that you do not have.",
        )
        .into())
    }
}
