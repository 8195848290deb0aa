//! A user, and what leads on from one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object, Result};
use entity::{RoleId, UserId, user};

use super::{UserStatus, UserViewerCan};
use crate::domain::applications::{EVENT_LOG_VIEW, Permission, USERS_VIEW};
use crate::domain::invitations::InvitationFilter;
use crate::domain::sessions::{self, MAX_SESSIONS};
use crate::domain::users::policy::{Standing, UserAction};
use crate::domain::{events, invitations, roles, users};
use crate::graphql::applications::Application;
use crate::graphql::context::ContextExt;
use crate::graphql::events::{EventConnection, EventFilter, events_page};
use crate::graphql::guard::{Requires, RequiresUnlessOwn, requires, requires_unless_own};
use crate::graphql::ids;
use crate::graphql::invitations::{Invitation, InvitationConnection, invitations_page};
use crate::graphql::level::{Member, Shared, grouped};
use crate::graphql::limits::{list_complexity, page_complexity};
use crate::graphql::page::{PageArguments, default_first};
use crate::graphql::roles::Role;
use crate::graphql::scalars::{DateTime, EmailAddress, given};
use crate::graphql::sessions::Session;

/// A person who has been invited, whether or not they have signed up yet.
#[derive(Clone, Description)]
pub struct User(pub(super) Member<users::User, Leads>);

/// What users lead to.
#[derive(Default)]
pub(super) struct Leads {
    roles: Shared<RoleId, Role>,
    invitations: Shared<UserId, Invitation>,
    sessions: Shared<UserId, Vec<Session>>,
    standings: Shared<UserId, Standing>,
}

impl From<users::User> for User {
    fn from(user: users::User) -> Self {
        Self(user.into())
    }
}

impl User {
    /// Users who were loaded together.
    pub fn together(users: Vec<users::User>) -> Vec<Self> {
        Member::together(users).map(Self).collect()
    }

    /// The user with this ID, if there is one.
    pub async fn find(ctx: &Context<'_>, id: Option<UserId>) -> Result<Option<Self>> {
        let Some(id) = id else {
            return Ok(None);
        };
        Ok(users::find(ctx.app()?, id).await?.map(Self::from))
    }

    /// The users with these IDs, each under their own.
    pub async fn find_all(
        ctx: &Context<'_>,
        ids: impl IntoIterator<Item = UserId>,
    ) -> Result<HashMap<UserId, Self>> {
        // In order, and each once: the same question is asked in the same words.
        let ids: BTreeSet<UserId> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = users::find_all(ctx.app()?, ids).await?;
        let users = Self::together(found).into_iter();
        Ok(users.map(|user| (user.row().id, user)).collect())
    }

    /// Whether the viewer may do this to the user now.
    pub async fn may(&self, ctx: &Context<'_>, action: UserAction) -> Result<bool> {
        let standing = self.0.leads().standings.of(&self.row().id, async {
            let (app, all) = (ctx.app()?, self.0.all());
            Ok(Standing::of_all(app, app.db.read(), all, UserAction::ALL).await?)
        });
        let (actor, user) = (ctx.actor()?, self.0.row());
        let is_allowed = |standing: Standing| standing.allows(&actor, user, action).is_ok();
        Ok(standing.await?.is_some_and(is_allowed) && action.would_change(user))
    }

    /// The roles that the user holds, sorted by name.
    pub async fn held_roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        let mut held = Vec::new();
        for role in self.role_list(ctx).await? {
            let all = async {
                let ids = self.0.all().flat_map(|user| user.role_ids.iter().copied());
                let ids: Vec<RoleId> = BTreeSet::from_iter(ids).into_iter().collect();
                let roles = Role::together(roles::by_ids(ctx.app()?, &ids).await?);
                Ok(roles
                    .into_iter()
                    .map(|role| (role.row().id, role))
                    .collect())
            };
            let known = self.0.leads().roles.of(&role.row.id, all).await?;
            held.push(known.unwrap_or_else(|| role.into()));
        }
        Ok(held)
    }

    /// As stored.
    pub fn row(&self) -> &user::Model {
        &self.0.row().row
    }

    fn own_or(&self, permission: Permission) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.row().id, permission)
    }

    async fn role_list(&self, ctx: &Context<'_>) -> Result<Vec<Arc<roles::Role>>> {
        Ok(roles::by_ids(ctx.app()?, &self.0.row().role_ids).await?)
    }
}

/// The future of each field is as large as that of the largest, and is moved about for each user of a
/// list: what few ask for is boxed.
#[Object(use_type_description)]
impl User {
    /// Opaque and globally unique.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.row().id)
    }

    /// The e-mail address, as it was entered.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn email(&self) -> EmailAddress {
        EmailAddress(self.row().email.clone())
    }

    /// The first name; null if none was given.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn first_name(&self) -> Option<&str> {
        given(&self.row().first_name)
    }

    /// The last name; null if none was given.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn last_name(&self) -> Option<&str> {
        given(&self.row().last_name)
    }

    /// First and last name, or the e-mail address if both are empty.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn display_name(&self) -> String {
        self.0.row().display_name()
    }

    /// The state of the account.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn status(&self) -> UserStatus {
        self.row().status().into()
    }

    /// The roles that the user holds, sorted by name.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        self.held_roles(ctx).await
    }

    /// What the user may do now, in catalogue order: everything that their roles grant while they are active,
    /// and nothing otherwise.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        if self.row().status() != user::Status::Active {
            return Ok(Vec::new());
        }
        self.granted_permissions(ctx).await
    }

    /// Everything that the user's roles grant, in catalogue order. It takes effect while they are active.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn granted_permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        let rights = roles::union(&self.role_list(ctx).await?);
        Ok(ctx.app()?.catalogue.in_order(rights.in_force()))
    }

    /// The user's dashboard: the applications that their roles let them view, in catalogue order.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn applications(&self, ctx: &Context<'_>) -> Result<Vec<Application>> {
        let rights = roles::union(&self.role_list(ctx).await?);
        let visible = ctx.app()?.catalogue.visible_with(rights.in_force());
        Ok(visible.into_iter().map(Application).collect())
    }

    /// The newest invitation; null if the user was never invited.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn invitation(&self, ctx: &Context<'_>) -> Result<Option<Invitation>> {
        let newest = async {
            let app = ctx.app()?;
            let ids: Vec<UserId> = self.0.all().map(|user| user.row.id).collect();
            let newest = invitations::newest_of(app, app.db.read(), &ids).await?;
            let newest = Invitation::together(newest).into_iter();
            Ok(newest
                .map(|invitation| (invitation.row().user_id, invitation))
                .collect())
        };
        self.0.leads().invitations.of(&self.row().id, newest).await
    }

    /// All invitations of the user that are still kept, newest first.
    #[graphql(
        guard = self.own_or(USERS_VIEW),
        directive = requires_unless_own::apply(USERS_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn invitations(
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
    ) -> Result<InvitationConnection> {
        let own = InvitationFilter {
            user: Some(self.row().id),
            ..InvitationFilter::default()
        };
        let arguments = PageArguments::new(first, after, last, before);
        Box::pin(invitations_page(ctx, own, None, arguments)).await
    }

    /// Where the user is signed in, newest first.
    #[graphql(
        guard = self.own_or(USERS_VIEW),
        directive = requires_unless_own::apply(USERS_VIEW),
        complexity = "list_complexity(MAX_SESSIONS as usize, child_complexity)"
    )]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let all = async {
            let ids = self.0.all().map(|user| user.row.id);
            let sessions = Session::together(sessions::list_of(ctx.app()?, ids).await?);
            Ok(grouped(
                sessions
                    .into_iter()
                    .map(|session| (session.row().user_id, session)),
            ))
        };
        let own = self.0.leads().sessions.of(&self.row().id, all).await?;
        Ok(own.unwrap_or_default())
    }

    /// What the viewer is allowed to do to this user.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn viewer_can(&self) -> UserViewerCan {
        UserViewerCan(self.clone())
    }

    /// What this user did and what was done to them, newest first; null for those who may not see it.
    #[graphql(
        guard = Requires(EVENT_LOG_VIEW),
        directive = requires::apply(EVENT_LOG_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn events(
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
        #[graphql(desc = "Which of them to return.")] filter: Option<EventFilter>,
    ) -> Result<Option<EventConnection>> {
        let about = events::EventFilter {
            about: Some(self.row().id),
            ..filter
                .map(EventFilter::decode)
                .transpose()?
                .unwrap_or_default()
        };
        let arguments = PageArguments::new(first, after, last, before);
        Box::pin(events_page(ctx, about, arguments)).await.map(Some)
    }

    /// When the user was invited.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.row().created_at.into()
    }

    /// When the e-mail address, names, roles or status last changed.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn updated_at(&self) -> DateTime {
        self.row().updated_at.into()
    }

    /// When the user last signed in; null if they never have.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn last_signed_in_at(&self) -> Option<DateTime> {
        self.row().last_signed_in_at.0.map(DateTime)
    }
}
