//! The API for roles.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object, Result, SimpleObject};
use entity::{RoleId, role};

use super::applications::Application;
use super::context::ContextExt;
use super::error::exactly_one_of;
use super::guard::{Requires, SignedIn, requires, signed_in};
use super::ids;
use super::level::{Member, Shared};
use super::limits::page_complexity;
use super::page::{PageArguments, connection, default_first};
use super::scalars::{DateTime, given};
use super::users::{UserConnection, UserFilter, UserOrder, users_page};
use crate::domain::applications::{Permission, ROLES_VIEW, USERS_VIEW};
use crate::domain::rights::Rights;
use crate::domain::roles;
use crate::domain::roles::policy::{self, RoleAction};

mod administration;
mod listing;

pub use administration::{RoleMutation, RoleViewerCan};
use listing::{RoleFilter, RoleOrder, roles_page};

/// The queries about roles.
#[derive(Default)]
pub struct RoleQuery;

#[Object]
impl RoleQuery {
    /// The role with this ID or this code name; null if there is none. Exactly one of the two has to be given.
    #[graphql(guard = Requires(ROLES_VIEW), directive = requires::apply(ROLES_VIEW))]
    async fn role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role's ID.")] id: Option<ID>,
        #[graphql(desc = "The role's code name, in upper or lower case.")] code_name: Option<
            String,
        >,
    ) -> Result<Option<Role>> {
        let app = ctx.app()?;
        Ok(match (id, code_name) {
            (Some(id), None) => match ids::decode(&id) {
                Some(id) => roles::find(app, id).await?.map(Role::from),
                None => None,
            },
            (None, Some(name)) => {
                let role = roles::find_by_code_name(app, &name).await?;
                role.map(Role::from)
            }
            _ => return Err(exactly_one_of("id", "codeName")),
        })
    }

    /// All roles that match the filter, oldest first unless `orderBy` says otherwise.
    #[graphql(
        guard = Requires(ROLES_VIEW),
        directive = requires::apply(ROLES_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they are the field's arguments")]
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
        #[graphql(desc = "Which roles to return.")] filter: Option<RoleFilter>,
        #[graphql(desc = "How to sort the list.")] order_by: Option<RoleOrder>,
    ) -> Result<RoleConnection> {
        let arguments = PageArguments::new(first, after, last, before);
        roles_page(ctx, filter, order_by, arguments).await
    }
}

/// A named set of permissions.
#[derive(Clone, Description)]
pub struct Role(Member<roles::Role, Leads>);

/// What roles lead to.
#[derive(Default)]
struct Leads {
    user_counts: Shared<RoleId, u64>,
    /// What the holders of each may do together.
    reach: Shared<RoleId, Rights>,
}

impl From<Arc<roles::Role>> for Role {
    fn from(role: Arc<roles::Role>) -> Self {
        Self(role.into())
    }
}

impl From<roles::Role> for Role {
    fn from(role: roles::Role) -> Self {
        Self(role.into())
    }
}

impl Role {
    /// Roles that were loaded together.
    pub fn together(roles: Vec<impl Into<Arc<roles::Role>>>) -> Vec<Self> {
        Member::together(roles).map(Self).collect()
    }

    /// As stored.
    pub fn row(&self) -> &role::Model {
        &self.0.row().row
    }

    fn rights(&self) -> &Rights {
        &self.0.row().rights
    }

    /// Whether the viewer may do this to the role now.
    async fn may(&self, ctx: &Context<'_>, action: RoleAction) -> Result<bool> {
        // What the role itself says is looked at first: that asks the database nothing.
        let (actor, role) = (ctx.actor()?, self.0.row());
        if policy::allows(&actor, role, action, &Rights::default()).is_err() {
            return Ok(false);
        }
        if action == RoleAction::Update {
            return Ok(true);
        }
        let reach = self.0.leads().reach.of(&self.row().id, async {
            let app = ctx.app()?;
            let ids: Vec<RoleId> = self.0.all().map(|role| role.row.id).collect();
            Ok(policy::reach_of_all(app, app.db.read(), &ids).await?)
        });
        let reach = reach.await?.unwrap_or_default();
        Ok(policy::allows(&actor, role, action, &reach).is_ok())
    }
}

#[Object(use_type_description)]
impl Role {
    /// Opaque and globally unique.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    pub async fn id(&self) -> ID {
        ids::encode(self.row().id)
    }

    /// The display name, such as "Digital Channel Manager".
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn name(&self) -> &str {
        &self.row().name
    }

    /// A stable, unique identifier, such as "DigitalChannelManager".
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn code_name(&self) -> &str {
        &self.row().code_name
    }

    /// What the role is for; null if nothing was written.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn description(&self) -> Option<&str> {
        given(&self.row().description)
    }

    /// Whether this is the built-in Administrator role, which holds every permission and cannot be
    /// edited or deleted.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn is_protected(&self) -> bool {
        self.row().is_protected
    }

    /// Whether the server's configuration declares this role. It is then kept as it is declared there, and
    /// cannot be edited or deleted here.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn is_managed(&self) -> bool {
        self.row().is_managed
    }

    /// The permissions that the role grants, in catalogue order.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        Ok(ctx.app()?.catalogue.in_order(self.rights().in_force()))
    }

    /// The same permissions by application, in catalogue order. Applications in which the role grants
    /// nothing are left out.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn applications(&self, ctx: &Context<'_>) -> Result<Vec<RoleApplication>> {
        let granted = ctx
            .app()?
            .catalogue
            .by_application(self.rights().in_force());
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
        Some(self.rights().unknown().iter().cloned().collect())
    }

    /// What the viewer is allowed to do to this role.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn viewer_can(&self) -> RoleViewerCan {
        RoleViewerCan(self.clone())
    }

    /// How many users hold the role, in whatever state; null for those who may not see them.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn user_count(&self, ctx: &Context<'_>) -> Result<Option<u64>> {
        let counts = async {
            let ids: Vec<RoleId> = self.0.all().map(|role| role.row.id).collect();
            Ok(roles::user_counts(ctx.app()?, &ids).await?)
        };
        let count = self
            .0
            .leads()
            .user_counts
            .of(&self.row().id, counts)
            .await?;
        Ok(Some(count.unwrap_or(0)))
    }

    /// The users who hold the role and match the filter, sorted by name unless `orderBy` says otherwise;
    /// null for those who may not see them.
    #[graphql(
        guard = Requires(USERS_VIEW),
        directive = requires::apply(USERS_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they are the field's arguments")]
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
        #[graphql(desc = "Which of them to return.")] filter: Option<UserFilter>,
        #[graphql(desc = "How to sort the list.")] order_by: Option<UserOrder>,
    ) -> Result<Option<UserConnection>> {
        let mut holders = Box::pin(UserFilter::decode(filter, ctx)).await?;
        if !holders.has_all_role_ids.contains(&self.row().id) {
            holders.has_all_role_ids.push(self.row().id);
        }
        let arguments = PageArguments::new(first, after, last, before);
        Box::pin(users_page(ctx, holders, order_by, arguments))
            .await
            .map(Some)
    }

    /// When the role was created.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn created_at(&self) -> DateTime {
        self.row().created_at.into()
    }

    /// When the role or its permissions last changed.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn updated_at(&self) -> DateTime {
        self.row().updated_at.into()
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
    RoleConnection, RoleEdge of Role, from Arc<roles::Role>; roles::count where roles::RoleFilter
}
