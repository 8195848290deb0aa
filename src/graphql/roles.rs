//! The API for roles.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object, Result, SimpleObject};

use super::applications::Application;
use super::context::ContextExt;
use super::guard::{Requires, SignedIn, requires, signed_in};
use super::ids;
use super::limits::page_complexity;
use super::page::{PageArguments, connection, default_first, page_request};
use super::scalars::{DateTime, given};
use super::users::{UserConnection, users_page};
use crate::domain::App;
use crate::domain::applications::{Permission, ROLES_VIEW, USERS_VIEW};
use crate::domain::roles;
use crate::domain::users::UserFilter;

mod administration;

pub use administration::{RoleMutation, RoleViewerCan};

/// The queries about roles.
#[derive(Default)]
pub struct RoleQuery;

#[Object]
impl RoleQuery {
    /// The role with this ID; null if there is none.
    #[graphql(guard = Requires(ROLES_VIEW), directive = requires::apply(ROLES_VIEW))]
    async fn role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role's ID.")] id: ID,
    ) -> Result<Option<Role>> {
        Ok(match ids::decode(&id) {
            Some(id) => roles::find(ctx.app()?, id).await?.map(Role::from),
            None => None,
        })
    }

    /// All roles, oldest first.
    #[graphql(
        guard = Requires(ROLES_VIEW),
        directive = requires::apply(ROLES_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first n items (1–100). The default does not count together with `last`.",
            default_with = "default_first()"
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last n items (1–100).")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<RoleConnection> {
        let request = page_request(roles::ORDER, PageArguments::new(first, after, last, before))?;
        let page = roles::page(ctx.app()?, &request).await?;
        Ok(RoleConnection::new(page, All))
    }
}

/// A named set of permissions.
#[derive(Clone, Description)]
pub struct Role(pub Arc<roles::Role>);

impl From<roles::Role> for Role {
    fn from(role: roles::Role) -> Self {
        Self(Arc::new(role))
    }
}

#[Object(use_type_description)]
impl Role {
    /// Opaque and globally unique.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    pub async fn id(&self) -> ID {
        ids::encode(self.0.row.id)
    }

    /// The display name, such as "Digital Channel Manager".
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn name(&self) -> &str {
        &self.0.row.name
    }

    /// A stable, unique identifier, such as "DigitalChannelManager".
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn code_name(&self) -> &str {
        &self.0.row.code_name
    }

    /// What the role is for; null if nothing was written.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn description(&self) -> Option<&str> {
        given(&self.0.row.description)
    }

    /// Whether this is the built-in Administrator role, which holds every permission and cannot be
    /// edited or deleted.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn is_protected(&self) -> bool {
        self.0.row.is_protected
    }

    /// The permissions that the role grants, in catalogue order.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        Ok(ctx.app()?.catalogue.in_order(self.0.rights.in_force()))
    }

    /// The same permissions by application, in catalogue order. Applications in which the role grants
    /// nothing are left out.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn applications(&self, ctx: &Context<'_>) -> Result<Vec<RoleApplication>> {
        let granted = ctx
            .app()?
            .catalogue
            .by_application(self.0.rights.in_force());
        Ok(granted
            .into_iter()
            .map(|(application, permissions)| RoleApplication {
                application: Application(application),
                permissions,
            })
            .collect())
    }

    /// Permissions stored with the role that the configuration no longer declares. They grant
    /// nothing. Null for those who may not see them.
    #[graphql(guard = Requires(ROLES_VIEW), directive = requires::apply(ROLES_VIEW))]
    async fn unknown_permissions(&self) -> Option<Vec<Permission>> {
        Some(self.0.rights.unknown().iter().cloned().collect())
    }

    /// What the viewer is allowed to do to this role.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn viewer_can(&self) -> RoleViewerCan {
        RoleViewerCan(self.0.clone())
    }

    /// The users who hold the role, sorted by name; null for those who may not see them.
    #[graphql(
        guard = Requires(USERS_VIEW),
        directive = requires::apply(USERS_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first n items (1–100). The default does not count together with `last`.",
            default_with = "default_first()"
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last n items (1–100).")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<Option<UserConnection>> {
        let holders = UserFilter {
            role_ids: Some(vec![self.0.row.id]),
            ..Default::default()
        };
        let arguments = PageArguments::new(first, after, last, before);
        Box::pin(users_page(ctx, holders, None, arguments))
            .await
            .map(Some)
    }

    /// When the role was created.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn created_at(&self) -> DateTime {
        self.0.row.created_at.into()
    }

    /// When the role or its permissions last changed.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn updated_at(&self) -> DateTime {
        self.0.row.updated_at.into()
    }
}

/// What a role grants in one application.
#[derive(SimpleObject)]
pub struct RoleApplication {
    /// The application.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    application: Application,
    /// The permissions in it that the role grants, in catalogue order; at least one.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    permissions: Vec<Permission>,
}

connection! {
    /// A page of roles.
    RoleConnection, RoleEdge of Role; count where All
}

/// Roles are not filtered.
pub struct All;

async fn count(app: &App, _: &All) -> crate::domain::Result<u64> {
    roles::count(app).await
}
