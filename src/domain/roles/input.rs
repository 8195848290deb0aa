//! What people type about a role, and what may be made of it.

use crate::domain::actor::Actor;
use crate::domain::applications::{Catalogue, Permission, Permissions};
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::text;

/// The longest name and code name, in characters.
pub(super) const MAX_NAME_LENGTH: usize = 100;

/// The longest description, in characters.
pub(super) const MAX_DESCRIPTION_LENGTH: usize = 1000;

/// How many permissions one request may contain.
const MAX_PERMISSIONS: usize = 1000;

/// What people call the role.
pub(super) fn name(typed: &str) -> std::result::Result<String, UserError> {
    let name = text::line("name", typed, MAX_NAME_LENGTH)?;
    if name.is_empty() {
        let message = "Enter a name.";
        return Err(UserError::new(UserErrorCode::Required, "name", message));
    }
    Ok(name)
}

/// What programs call it, as it was typed.
pub(super) fn given_code_name(code_name: &str) -> std::result::Result<String, UserError> {
    let error = |code, message: &str| Err(UserError::new(code, "codeName", message));
    if code_name.is_empty() {
        return error(
            UserErrorCode::Required,
            "Enter a code name, or omit it to have one derived from the name.",
        );
    }
    if code_name.len() > MAX_NAME_LENGTH {
        let message = format!("Enter at most {MAX_NAME_LENGTH} characters.");
        let error = UserError::new(UserErrorCode::TooLong, "codeName", message);
        return Err(error.with("max", MAX_NAME_LENGTH));
    }
    if !code_name.chars().all(is_code_name_character) {
        return error(
            UserErrorCode::Invalid,
            "Use only letters from A to Z, digits, '_', '-' and '.'.",
        );
    }
    Ok(code_name.to_owned())
}

/// Derives "DigitalChannelManager" from "Digital Channel Manager".
pub(super) fn derived_code_name(name: &str) -> std::result::Result<String, UserError> {
    let code_name: String = name
        .chars()
        .filter(|c| is_code_name_character(*c))
        .collect();
    if code_name.is_empty() && !name.is_empty() {
        Err(UserError::new(
            UserErrorCode::Required,
            "codeName",
            "Enter a code name; none can be derived from this name.",
        ))
    } else {
        Ok(code_name)
    }
}

fn is_code_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// What it is for.
pub(super) fn description(typed: &str) -> std::result::Result<String, UserError> {
    text::lines("description", typed, MAX_DESCRIPTION_LENGTH)
}

/// Completes a list of permissions: an action that is new to the role adds `view` of its
/// application; without such an action, removing `view` also removes the application's other
/// actions.
pub(super) fn with_implied(mut asked: Permissions, before: &Permissions) -> Permissions {
    let without_view: Vec<Permission> = asked
        .iter()
        .filter(|permission| !asked.contains(&permission.view()))
        .cloned()
        .collect();
    for permission in &without_view {
        let application = permission.application();
        let is_taken_away = before.contains(&permission.view())
            && without_view
                .iter()
                .filter(|other| other.application() == application)
                .all(|other| before.contains(other));
        if is_taken_away {
            asked.remove(permission)
        } else {
            asked.insert(permission.view())
        };
    }
    asked
}

/// Reads permission codes, and refuses those that the actor could not grant.
pub(super) fn grantable(
    catalogue: &Catalogue,
    actor: &Actor,
    codes: &[String],
) -> Result<Permissions> {
    read("permissions", codes, |permission| {
        declared(catalogue, permission)?;
        if actor.holds(permission) {
            return Ok(());
        }
        let message = format!("You cannot grant {permission}, which you do not have yourself.");
        Err((UserErrorCode::ExceedsOwnPermissions, message))
    })
}

/// Reads the codes of permissions that are to be granted no longer.
pub(super) fn removable(catalogue: &Catalogue, codes: &[String]) -> Result<Permissions> {
    read("removePermissions", codes, |permission| {
        declared(catalogue, permission)
    })
}

/// What is wrong with one of many.
type Verdict = std::result::Result<(), (UserErrorCode, String)>;

fn declared(catalogue: &Catalogue, permission: &Permission) -> Verdict {
    if catalogue.declares(permission) {
        return Ok(());
    }
    let message = "Unknown permission. Query `applications` for the full list.".to_owned();
    Err((UserErrorCode::NotFound, message))
}

fn read(
    field: &'static str,
    codes: &[String],
    check: impl Fn(&Permission) -> Verdict,
) -> Result<Permissions> {
    if codes.len() > MAX_PERMISSIONS {
        let message = format!("Choose at most {MAX_PERMISSIONS} permissions.");
        let error = UserError::new(UserErrorCode::TooMany, field, message);
        return Err(error.with("max", MAX_PERMISSIONS).into());
    }
    let mut errors = Vec::new();
    let mut permissions = Permissions::new();
    for (index, code) in codes.iter().enumerate() {
        let permission = Permission::from_code(code);
        match check(&permission) {
            Ok(()) => {
                permissions.insert(permission);
            }
            Err((code, message)) => errors.push(UserError::new(code, field, message).at(index)),
        }
    }
    if errors.is_empty() {
        Ok(permissions)
    } else {
        Err(Error::Refused(errors))
    }
}
