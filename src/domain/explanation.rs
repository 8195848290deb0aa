//! Why a user may, or may not, do something.

use std::sync::Arc;

use entity::user::Status;

use super::applications::Permission;
use super::error::Result;
use super::roles::{self, Role};
use super::users::User;
use crate::domain::app::App;

/// Whether a user has a permission, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The user's roles that grant it.
    pub roles: Vec<Arc<Role>>,
    /// Why the user does not have the permission; `None` if they do.
    pub obstacle: Option<Obstacle>,
}

/// Why a user does not have a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// The user is deactivated.
    Deactivated,
    /// The user has not signed up yet.
    Invited,
    /// The catalogue declares no such permission.
    UnknownPermission,
    /// None of the user's roles grants the permission.
    NoRole,
}

/// Explains whether the user has the permission.
pub async fn explain(app: &App, user: &User, permission: &Permission) -> Result<Explanation> {
    let held = roles::by_ids(app, &user.role_ids).await?;
    let roles: Vec<Arc<Role>> = held
        .into_iter()
        .filter(|role| role.rights.allow(permission))
        .collect();
    let obstacle = match user.row.status() {
        _ if !app.catalogue.declares(permission) => Some(Obstacle::UnknownPermission),
        _ if roles.is_empty() => Some(Obstacle::NoRole),
        Status::Deactivated => Some(Obstacle::Deactivated),
        Status::Invited => Some(Obstacle::Invited),
        Status::Active => None,
    };
    Ok(Explanation { roles, obstacle })
}
