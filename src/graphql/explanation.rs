//! The API for explanations: why a user may, or may not, do something.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::context::ContextExt;
use super::guard::{Requires, requires};
use super::ids;
use super::roles::Role;
use crate::domain::applications::{Permission, USERS_VIEW};
use crate::domain::explanation::{self, Obstacle};
use crate::domain::users;

/// The queries about permissions.
#[derive(Default)]
pub struct ExplanationQuery;

#[Object]
impl ExplanationQuery {
    /// Explains whether a user has a permission, and why. Null if there is no such user.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn explain_permission(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's ID.")] user_id: ID,
        #[graphql(desc = "The permission, such as \"users.view\".")] permission: Permission,
    ) -> Result<Option<PermissionExplanation>> {
        let app = ctx.app()?;
        let user = match ids::decode(&user_id) {
            Some(id) => users::find(app, id).await?,
            None => None,
        };
        let Some(user) = user else {
            return Ok(None);
        };
        let explanation = explanation::explain(app, &user, &permission).await?;
        Ok(Some(PermissionExplanation {
            is_granted: explanation.obstacle.is_none(),
            roles: explanation.roles.into_iter().map(Role::from).collect(),
            obstacle: explanation.obstacle.map(Into::into),
        }))
    }
}

/// Whether a user has a permission, and why.
#[derive(SimpleObject)]
pub struct PermissionExplanation {
    /// Whether the user has the permission.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    is_granted: bool,
    /// The user's roles that grant it.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    roles: Vec<Role>,
    /// Why the user does not have the permission; null if they do.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    obstacle: Option<PermissionObstacle>,
}

/// Why a user does not have a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Obstacle")]
pub enum PermissionObstacle {
    /// The user is deactivated.
    Deactivated,
    /// The user has not signed up yet.
    Invited,
    /// There is no such permission.
    UnknownPermission,
    /// None of the user's roles grants the permission.
    NoRole,
}
