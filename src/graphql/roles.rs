//! The API of roles.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object, Result};

use super::context::ContextExt;
use super::guard::{Requires, SignedIn, requires, signed_in};
use super::ids;
use super::limits::page_complexity;
use super::page::{connection, page_request};
use super::scalars::DateTime;
use super::users::{UserConnection, users_page};
use crate::app::App;
use crate::domain::applications::{Permission, ROLES_VIEW, USERS_VIEW};
use crate::domain::roles;
use crate::domain::users::UserFilter;

mod administration;

pub use administration::{RoleMutation, RoleViewerCan};

/// What can be asked about roles.
#[derive(Default)]
pub struct RoleQuery;

#[Object]
impl RoleQuery {
    /// One role; null where there is none with this ID.
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

    /// All roles, the oldest first.
    #[graphql(
        guard = Requires(ROLES_VIEW),
        directive = requires::apply(ROLES_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As many from the beginning: 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "As many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<RoleConnection> {
        let request = page_request(roles::ORDER, (first, after, last, before))?;
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

    /// What people see, such as "Digital Channel Manager".
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn name(&self) -> &str {
        &self.0.row.name
    }

    /// Stable identifier, such as "DigitalChannelManager"; unique.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn code_name(&self) -> &str {
        &self.0.row.code_name
    }

    /// What it is for.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn description(&self) -> &str {
        &self.0.row.description
    }

    /// The built-in Administrator role: holds every permission and can be neither edited nor
    /// deleted.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn is_protected(&self) -> bool {
        self.0.row.is_protected
    }

    /// What it grants, in the catalogue's order.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        Ok(ctx.app()?.catalogue.in_order(&self.0.permissions))
    }

    /// What is stored with it and the configuration no longer declares: it grants nothing.
    #[graphql(guard = Requires(ROLES_VIEW), directive = requires::apply(ROLES_VIEW))]
    async fn unknown_permissions(&self) -> Vec<Permission> {
        self.0.unknown.iter().cloned().collect()
    }

    /// What the viewer may do to it.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn viewer_can(&self) -> RoleViewerCan {
        RoleViewerCan(self.0.clone())
    }

    /// Who holds it, by name.
    #[graphql(
        guard = Requires(USERS_VIEW),
        directive = requires::apply(USERS_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As many from the beginning: 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "As many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<UserConnection> {
        let holders = UserFilter {
            role_ids: Some(vec![self.0.row.id]),
            ..Default::default()
        };
        users_page(ctx, holders, None, (first, after, last, before)).await
    }

    /// When it was made.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn created_at(&self) -> DateTime {
        self.0.row.created_at.into()
    }

    /// When it, or what it grants, last changed.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn updated_at(&self) -> DateTime {
        self.0.row.updated_at.into()
    }
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
