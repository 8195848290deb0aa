//! Which roles may be assigned to a user.

use entity::RoleId;
use sea_orm::ConnectionTrait;

use super::by_ids_in;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::error::{Result, UserError, UserErrorCode};

/// How many roles one request may contain.
const MAX_ROLES: usize = 100;

/// Checks the roles that a user is to hold: they exist, and the actor holds all that they grant.
pub async fn assignable(
    app: &App,
    db: &impl ConnectionTrait,
    actor: &Actor,
    ids: &[Option<RoleId>],
) -> Result<std::result::Result<Vec<RoleId>, Vec<UserError>>> {
    let error = |code, message: &str| UserError::new(code, "roleIds", message);
    if ids.is_empty() {
        return Ok(Err(vec![error(
            UserErrorCode::Required,
            "Choose at least one role.",
        )]));
    }
    if ids.len() > MAX_ROLES {
        return Ok(Err(vec![error(
            UserErrorCode::TooLong,
            &format!("Choose at most {MAX_ROLES} roles."),
        )]));
    }
    let known: Vec<RoleId> = ids.iter().flatten().copied().collect();
    let found = by_ids_in(app, db, &known).await?;
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
            Some(role) if !actor.holds_all(&role.permissions) => {
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
    Ok(match errors.is_empty() {
        true => Ok(accepted),
        false => Err(errors),
    })
}
