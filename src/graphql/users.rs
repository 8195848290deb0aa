//! The API for users.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result};
use entity::{RoleId, Timestamp, UserId, user};
use uuid::Uuid;

use super::applications::Application;
use super::context::ContextExt;
use super::error::{check_search, exactly_one_of};
use super::events::{EventConnection, EventFilter, events_page};
use super::guard::{Requires, RequiresUnlessOwn, public, requires, requires_unless_own};
use super::ids;
use super::invitations::{Invitation, InvitationConnection, InvitationStatus, invitations_page};
use super::limits::{list_complexity, page_complexity};
use super::page::{
    OrderDirection, PageArguments, connection, default_first, is_asked_of_nodes, page_request,
};
use super::roles::Role;
use super::scalars::{DateTime, EmailAddress, given};
use super::sessions::Session;
use crate::domain::applications::{EVENT_LOG_VIEW, Permission, USERS_VIEW};
use crate::domain::invitations::InvitationFilter;
use crate::domain::sessions::{self, MAX_SESSIONS};
use crate::domain::{email_address, events, invitations, roles, users};

mod administration;

pub use administration::{UserMutation, UserViewerCan};

/// The queries about users.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The signed-in user; null for an anonymous caller.
    #[graphql(directive = public::apply())]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let actor = ctx.actor()?;
        let signed_in = actor.signed_in().ok();
        Ok(signed_in.map(|signed_in| User::from(signed_in.user.clone())))
    }

    /// The user with this ID or this e-mail address; null if there is none. Exactly one of the two has to be
    /// given.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's ID.")] id: Option<ID>,
        #[graphql(desc = "The user's e-mail address, in upper or lower case.")] email: Option<
            EmailAddress,
        >,
    ) -> Result<Option<User>> {
        match (id, email) {
            (Some(id), None) => User::find(ctx, ids::decode(&id)).await,
            (None, Some(EmailAddress(email))) => {
                let app = ctx.app()?;
                let normal = email_address::account(&email);
                let user = users::find_by_email(app, app.db.read(), &normal).await?;
                Ok(user.map(User::from))
            }
            _ => Err(exactly_one_of("id", "email")),
        }
    }

    /// All users that match the filter, sorted by name unless `orderBy` says otherwise.
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
        #[graphql(desc = "Which users to return.")] filter: Option<UserFilter>,
        #[graphql(desc = "How to sort the list.")] order_by: Option<UserOrder>,
    ) -> Result<UserConnection> {
        let filter = UserFilter::decode(filter, ctx).await?;
        users_page(
            ctx,
            filter,
            order_by,
            PageArguments::new(first, after, last, before),
        )
        .await
    }
}

/// A page of users, for every field that returns one.
pub async fn users_page(
    ctx: &Context<'_>,
    filter: users::UserFilter,
    order_by: Option<UserOrder>,
    arguments: PageArguments,
) -> Result<UserConnection> {
    let order = order_by.unwrap_or(UserOrder {
        field: UserOrderField::Name,
        direction: OrderDirection::Asc,
    });
    let keyset =
        users::UserOrderField::from(order.field).keyset(order.direction == OrderDirection::Desc);
    let request = page_request(keyset.order, arguments)?;
    let app = ctx.app()?;
    let mut page = users::page(app, &filter, &keyset, &request)
        .await?
        .map(User::from);
    if is_asked_of_nodes(ctx, "invitation") {
        let ids: Vec<_> = page.rows.iter().map(|(_, user)| user.user.row.id).collect();
        let newest = invitations::newest_of(app, app.db.read(), &ids).await?;
        for (_, user) in &mut page.rows {
            let own = newest
                .iter()
                .find(|invitation| invitation.user_id == user.user.row.id);
            user.invitation = Some(own.cloned());
        }
    }
    Ok(UserConnection::new(page, filter))
}

/// Filters users. Conditions are combined with AND; omitted ones are ignored.
#[derive(InputObject)]
pub struct UserFilter {
    /// Case-insensitive substring of the e-mail address, first name or last name. `%` and `_` have
    /// no special meaning. Up to 200 characters.
    search: Option<String>,
    /// Users in any of these states.
    #[graphql(validator(max_items = 100))]
    statuses: Option<Vec<UserStatus>>,
    /// Users who hold any of these roles (up to 100).
    #[graphql(validator(max_items = 100))]
    role_ids: Option<Vec<ID>>,
    /// Users who hold all of these roles (up to 100).
    #[graphql(validator(max_items = 100))]
    has_all_role_ids: Option<Vec<ID>>,
    /// True for users who hold no role, false for those who hold at least one.
    without_roles: Option<bool>,
    /// Users who may do this now: active ones, of whose roles at least one grants the permission.
    permission: Option<Permission>,
    /// Users with any of these e-mail addresses (up to 100), in upper or lower case.
    #[graphql(validator(max_items = 100))]
    emails: Option<Vec<EmailAddress>>,
    /// Users who were sent an invitation by this user.
    invited_by_id: Option<ID>,
    /// Users whose newest invitation is in any of these states.
    #[graphql(validator(max_items = 100))]
    invitation_statuses: Option<Vec<InvitationStatus>>,
    /// Users invited after this time.
    created_after: Option<DateTime>,
    /// Users invited before this time.
    created_before: Option<DateTime>,
    /// Users whose e-mail address, names, roles or status changed after this time.
    updated_after: Option<DateTime>,
    /// Users who last signed in after this time.
    last_signed_in_after: Option<DateTime>,
    /// Users who last signed in before this time, or never have.
    last_signed_in_before: Option<DateTime>,
}

impl UserFilter {
    /// Converts it to the domain's filter; without one, everybody matches.
    ///
    /// # Errors
    ///
    /// `BAD_REQUEST` for a search term that is too long.
    pub async fn decode(filter: Option<Self>, ctx: &Context<'_>) -> Result<users::UserFilter> {
        match filter {
            Some(filter) => filter.decoded(ctx).await,
            None => Ok(users::UserFilter::default()),
        }
    }

    async fn decoded(self, ctx: &Context<'_>) -> Result<users::UserFilter> {
        check_search("search", self.search.as_deref())?;
        let app = ctx.app()?;
        let now = app.clock.now();
        // An ID that is not a role's is held by nobody.
        let role = |id: &ID| ids::decode(id).unwrap_or(RoleId(Uuid::nil()));
        let all = self.has_all_role_ids.unwrap_or_default();
        let mut has_all_role_ids: Vec<RoleId> = all.iter().map(role).collect();
        has_all_role_ids.sort();
        has_all_role_ids.dedup();
        let may_by = match &self.permission {
            Some(permission) => Some(roles::granting(app, permission).await?),
            None => None,
        };
        let account = |email: EmailAddress| email_address::account(&email.0);
        Ok(users::UserFilter {
            has_all_role_ids,
            without_roles: self.without_roles,
            may_by,
            emails: self
                .emails
                .map(|emails| emails.into_iter().map(account).collect()),
            // An ID of some other kind invited nobody.
            invited_by: self
                .invited_by_id
                .map(|id| ids::decode(&id).unwrap_or(UserId(Uuid::nil()))),
            updated_after: self.updated_after.map(Timestamp::from),
            search: self.search,
            statuses: self
                .statuses
                .map(|statuses| statuses.into_iter().map(Into::into).collect()),
            // An ID that is not a role's is held by nobody.
            role_ids: self
                .role_ids
                .map(|role_ids| role_ids.iter().filter_map(ids::decode).collect()),
            invitation: self
                .invitation_statuses
                .map(|statuses| (statuses.into_iter().map(Into::into).collect(), now)),
            created_after: self.created_after.map(Timestamp::from),
            created_before: self.created_before.map(Timestamp::from),
            signed_in_after: self.last_signed_in_after.map(Timestamp::from),
            signed_in_before: self.last_signed_in_before.map(Timestamp::from),
        })
    }
}

/// How a list of users is sorted.
#[derive(InputObject)]
pub struct UserOrder {
    /// The field to sort by.
    field: UserOrderField,
    /// The sort direction.
    direction: OrderDirection,
}

/// The fields that users can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "users::UserOrderField")]
pub enum UserOrderField {
    /// The e-mail address.
    Email,
    /// The display name.
    Name,
    /// When the user was invited.
    CreatedAt,
    /// When the user last signed in. Users who never have come first in ascending order.
    LastSignedInAt,
    /// When the e-mail address, names, roles or status last changed.
    UpdatedAt,
    /// The status: invited, active, deactivated.
    Status,
}

/// The state of a user's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "user::Status")]
pub enum UserStatus {
    /// Invited, but has not chosen a password yet.
    Invited,
    /// Has a password and can sign in.
    Active,
    /// Blocked from signing in by an administrator.
    Deactivated,
}

/// A person who has been invited, whether or not they have signed up yet.
#[derive(Clone, Description)]
pub struct User {
    user: users::User,
    /// The newest invitation, if it was loaded together with those of other users.
    invitation: Option<Option<entity::invitation::Model>>,
}

impl From<users::User> for User {
    fn from(user: users::User) -> Self {
        Self {
            user,
            invitation: None,
        }
    }
}

impl User {
    /// A user whose newest invitation is known, if there is one.
    pub fn with_invitation(user: users::User, newest: Option<entity::invitation::Model>) -> Self {
        let invitation = Some(newest);
        Self { user, invitation }
    }
}

impl User {
    /// The user with this ID, if there is one.
    pub async fn find(ctx: &Context<'_>, id: Option<UserId>) -> Result<Option<Self>> {
        let Some(id) = id else {
            return Ok(None);
        };
        Ok(users::find(ctx.app()?, id).await?.map(Self::from))
    }

    fn own_or(&self, permission: Permission) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.user.row.id, permission)
    }

    async fn role_list(&self, ctx: &Context<'_>) -> Result<Vec<std::sync::Arc<roles::Role>>> {
        Ok(roles::by_ids(ctx.app()?, &self.user.role_ids).await?)
    }
}

/// The future of each field is as large as that of the largest, and is moved about for each user of a
/// list: what few ask for is boxed.
#[Object(use_type_description)]
impl User {
    /// Opaque and globally unique.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.user.row.id)
    }

    /// The e-mail address, as it was entered.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn email(&self) -> EmailAddress {
        EmailAddress(self.user.row.email.clone())
    }

    /// The first name; null if none was given.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn first_name(&self) -> Option<&str> {
        given(&self.user.row.first_name)
    }

    /// The last name; null if none was given.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn last_name(&self) -> Option<&str> {
        given(&self.user.row.last_name)
    }

    /// First and last name, or the e-mail address if both are empty.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn display_name(&self) -> String {
        self.user.display_name()
    }

    /// The state of the account.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn status(&self) -> UserStatus {
        self.user.row.status().into()
    }

    /// The roles that the user holds, sorted by name.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        Ok(self
            .role_list(ctx)
            .await?
            .into_iter()
            .map(Role::from)
            .collect())
    }

    /// The effective permissions: everything that the user's roles grant, in catalogue order.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        let rights = roles::union(&self.role_list(ctx).await?);
        Ok(ctx.app()?.catalogue.in_order(rights.in_force()))
    }

    /// The user's dashboard: the applications that they may view, in catalogue order.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn applications(&self, ctx: &Context<'_>) -> Result<Vec<Application>> {
        let rights = roles::union(&self.role_list(ctx).await?);
        let visible = ctx.app()?.catalogue.visible_with(rights.in_force());
        Ok(visible.into_iter().map(Application).collect())
    }

    /// The newest invitation; null if the user was never invited.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn invitation(&self, ctx: &Context<'_>) -> Result<Option<Invitation>> {
        let newest = match &self.invitation {
            Some(known) => known.clone(),
            None => {
                let (app, ids) = (ctx.app()?, [self.user.row.id]);
                let newest = invitations::newest_of(app, app.db.read(), &ids);
                Box::pin(newest).await?.pop()
            }
        };
        Ok(newest.map(Invitation::from))
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
            user: Some(self.user.row.id),
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
        let all = Box::pin(sessions::list_of(ctx.app()?, self.user.row.id)).await?;
        Ok(all.into_iter().map(Session).collect())
    }

    /// What the viewer is allowed to do to this user.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn viewer_can(&self) -> UserViewerCan {
        UserViewerCan(self.user.clone())
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
            about: Some(self.user.row.id),
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
        self.user.row.created_at.into()
    }

    /// When the e-mail address, names, roles or status last changed.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn updated_at(&self) -> DateTime {
        self.user.row.updated_at.into()
    }

    /// When the user last signed in; null if they never have.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn last_signed_in_at(&self) -> Option<DateTime> {
        self.user.row.last_signed_in_at.0.map(DateTime)
    }
}

connection! {
    /// A page of users.
    UserConnection, UserEdge of User; users::count where users::UserFilter
}
