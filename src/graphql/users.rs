//! The API of users.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result};
use entity::{Timestamp, user};

use super::applications::Application;
use super::context::ContextExt;
use super::error::bad_request;
use super::events::{EventConnection, events_page};
use super::guard::{Requires, RequiresUnlessOwn, public, requires, requires_unless_own};
use super::ids;
use super::invitations::{Invitation, InvitationStatus};
use super::limits::page_complexity;
use super::page::{PageArguments, connection, page_request};
use super::roles::Role;
use super::scalars::{DateTime, EmailAddress};
use crate::domain::applications::{EVENT_LOG_VIEW, Permission, USERS_VIEW};
use crate::domain::events::EventFilter;
use crate::domain::text::MAX_SEARCH_LENGTH;
use crate::domain::{invitations, roles, users};

mod administration;

pub use administration::{UserMutation, UserViewerCan};

/// What can be asked about users.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// Who is asking; null for an anonymous caller.
    #[graphql(directive = public::apply())]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let actor = ctx.actor()?;
        let signed_in = actor.signed_in().ok();
        Ok(signed_in.map(|signed_in| User::from(signed_in.user.clone())))
    }

    /// One user; null where there is none with this ID.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's ID.")] id: ID,
    ) -> Result<Option<User>> {
        Ok(match ids::decode(&id) {
            Some(id) => users::find(ctx.app()?, id).await?.map(User::from),
            None => None,
        })
    }

    /// Users, by name unless another order is asked for.
    #[graphql(
        guard = Requires(USERS_VIEW),
        directive = requires::apply(USERS_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As many from the beginning: 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "As many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which users.")] filter: Option<UserFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<UserOrder>,
    ) -> Result<UserConnection> {
        let now = ctx.app()?.clock.now();
        let filter = match filter {
            Some(filter) => filter.decode(now)?,
            None => users::UserFilter::default(),
        };
        users_page(ctx, filter, order_by, (first, after, last, before)).await
    }
}

/// A page of users, for every field that has one.
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
    if asks_for_invitations(ctx) {
        let ids: Vec<_> = page.rows.iter().map(|(_, user)| user.user.row.id).collect();
        let newest = invitations::newest_of(app.db.read(), &ids).await?;
        for (_, user) in &mut page.rows {
            let own = newest
                .iter()
                .find(|invitation| invitation.user_id == user.user.row.id);
            user.invitation = Some(own.cloned());
        }
    }
    Ok(UserConnection::new(page, filter))
}

/// Whether the invitations of a page's users will be read, so that one query can fetch them all.
fn asks_for_invitations(ctx: &Context<'_>) -> bool {
    let asked = ctx.look_ahead();
    asked.field("nodes").field("invitation").exists()
        || asked
            .field("edges")
            .field("node")
            .field("invitation")
            .exists()
}

/// Which users; what is left out does not narrow.
#[derive(InputObject)]
pub struct UserFilter {
    /// Case-insensitive substring of the address or of either name. `%` and `_` stand for
    /// themselves. Up to 200 characters.
    search: Option<String>,
    /// In any of these states.
    #[graphql(validator(max_items = 100))]
    status: Option<Vec<UserStatus>>,
    /// Holders of any of these roles: up to 100.
    #[graphql(validator(max_items = 100))]
    role_ids: Option<Vec<ID>>,
    /// Their newest invitation is in any of these states.
    #[graphql(validator(max_items = 100))]
    invitation_status: Option<Vec<InvitationStatus>>,
    /// Invited after this time.
    created_after: Option<DateTime>,
    /// Invited before this time.
    created_before: Option<DateTime>,
    /// Last signed in after this time.
    last_signed_in_after: Option<DateTime>,
    /// Last signed in before this time, or never.
    last_signed_in_before: Option<DateTime>,
}

impl UserFilter {
    fn decode(self, now: Timestamp) -> Result<users::UserFilter> {
        let length = self.search.as_ref().map_or(0, |term| term.chars().count());
        if length > MAX_SEARCH_LENGTH {
            return Err(bad_request(format!(
                "`search` has at most {MAX_SEARCH_LENGTH} characters."
            )));
        }
        Ok(users::UserFilter {
            search: self.search,
            statuses: self
                .status
                .map(|statuses| statuses.into_iter().map(Into::into).collect()),
            // What is no role's ID is held by nobody.
            role_ids: self
                .role_ids
                .map(|role_ids| role_ids.iter().filter_map(ids::decode).collect()),
            invitation: self
                .invitation_status
                .map(|statuses| (statuses.into_iter().map(Into::into).collect(), now)),
            created_after: self.created_after.map(Timestamp::from),
            created_before: self.created_before.map(Timestamp::from),
            signed_in_after: self.last_signed_in_after.map(Timestamp::from),
            signed_in_before: self.last_signed_in_before.map(Timestamp::from),
        })
    }
}

/// The order of a list of users.
#[derive(InputObject)]
pub struct UserOrder {
    /// By what.
    field: UserOrderField,
    /// Which way.
    direction: OrderDirection,
}

/// What users can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "users::UserOrderField")]
pub enum UserOrderField {
    /// The address.
    Email,
    /// The display name.
    Name,
    /// When they were invited.
    CreatedAt,
    /// When they last signed in; those who never did come before all others.
    LastSignedInAt,
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// Upwards: from A to Z, from old to new.
    Asc,
    /// Downwards.
    Desc,
}

/// Where a user stands between the invitation and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "user::Status")]
pub enum UserStatus {
    /// Has no password yet.
    Invited,
    /// Has a password and may sign in.
    Active,
    /// Is shut out.
    Deactivated,
}

/// A person who was invited, and may have signed up since.
#[derive(Clone, Description)]
pub struct User {
    user: users::User,
    /// The newest invitation, where it was read together with others.
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
    fn own_or(&self, permission: Permission) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.user.row.id, permission)
    }

    async fn role_list(&self, ctx: &Context<'_>) -> Result<Vec<std::sync::Arc<roles::Role>>> {
        Ok(roles::by_ids(ctx.app()?, &self.user.role_ids).await?)
    }
}

#[Object(use_type_description)]
impl User {
    /// Opaque and globally unique.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.user.row.id)
    }

    /// The address, as it was typed.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn email(&self) -> EmailAddress {
        EmailAddress(self.user.row.email.clone())
    }

    /// May be empty.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn first_name(&self) -> &str {
        &self.user.row.first_name
    }

    /// May be empty.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn last_name(&self) -> &str {
        &self.user.row.last_name
    }

    /// First and last name, or the address where neither is known.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn display_name(&self) -> String {
        self.user.display_name()
    }

    /// Whether they have signed up, and may sign in.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn status(&self) -> UserStatus {
        self.user.row.status().into()
    }

    /// The roles that they hold, by name.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        Ok(self.role_list(ctx).await?.into_iter().map(Role).collect())
    }

    /// Effective permissions: the union over the user's roles, in the catalogue's order.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        let permissions = roles::union(self.role_list(ctx).await?.iter());
        Ok(ctx.app()?.catalogue.in_order(&permissions))
    }

    /// The dashboard: the applications this user may view, in the catalogue's order.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn applications(&self, ctx: &Context<'_>) -> Result<Vec<Application>> {
        let permissions = roles::union(self.role_list(ctx).await?.iter());
        let visible = ctx.app()?.catalogue.visible_with(&permissions);
        Ok(visible.into_iter().map(Application).collect())
    }

    /// The newest invitation, if the user was ever invited.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn invitation(&self, ctx: &Context<'_>) -> Result<Option<Invitation>> {
        let newest = match &self.invitation {
            Some(known) => known.clone(),
            None => {
                let id = self.user.row.id;
                invitations::newest_of(ctx.app()?.db.read(), &[id])
                    .await?
                    .pop()
            }
        };
        Ok(newest.map(Invitation))
    }

    /// What the viewer may do to them.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn viewer_can(&self) -> UserViewerCan {
        UserViewerCan(self.user.clone())
    }

    /// What they did, and what was done to them, the newest first.
    #[graphql(
        guard = Requires(EVENT_LOG_VIEW),
        directive = requires::apply(EVENT_LOG_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As many from the beginning: 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "As many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<EventConnection> {
        let about = EventFilter {
            about: Some(self.user.row.id),
            ..EventFilter::default()
        };
        events_page(ctx, about, (first, after, last, before)).await
    }

    /// When they were invited.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.user.row.created_at.into()
    }

    /// When their address, names, roles or state last changed.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn updated_at(&self) -> DateTime {
        self.user.row.updated_at.into()
    }

    /// When they last began a session; null where they never did.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn last_signed_in_at(&self) -> Option<DateTime> {
        self.user.row.last_signed_in_at.0.map(DateTime)
    }
}

connection! {
    /// A page of users.
    UserConnection, UserEdge of User; users::count where users::UserFilter
}
