//! How lists of users are filtered and sorted.

use async_graphql::{Context, Enum, ID, InputObject, Result};
use entity::{RoleId, Timestamp, UserId};
use uuid::Uuid;

use super::{User, UserStatus};
use crate::domain::applications::Permission;
use crate::domain::{UserError, email_address, roles, users};
use crate::graphql::context::ContextExt;
use crate::graphql::error::{check_search, flaw_of_search};
use crate::graphql::ids;
use crate::graphql::invitations::InvitationStatus;
use crate::graphql::page::{OrderDirection, PageArguments, connection, page_request};
use crate::graphql::scalars::{DateTime, EmailAddress};

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
    let page = users::page(ctx.app()?, &filter, &keyset, &request).await?;
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

    /// What is wrong with the filter where it is a mutation's input `filter`.
    pub fn flaw(&self) -> Option<UserError> {
        flaw_of_search("search", self.search.as_deref())
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

connection! {
    /// A page of users.
    UserConnection, UserEdge of User, from users::User; users::count where users::UserFilter
}
