//! Lists of invitations: how they are filtered and sorted.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use entity::{Timestamp, UserId, invitation};
use uuid::Uuid;

use super::InvitationStatus;
use super::object::Invitation;
use crate::domain::applications::{EMAIL_QUEUE_VIEW, USERS_VIEW};
use crate::domain::{UserError, invitations};
use crate::graphql::context::ContextExt;
use crate::graphql::emails::EmailStatus;
use crate::graphql::error::{check_search, flaw_of_search};
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::limits::page_complexity;
use crate::graphql::page::{
    OrderDirection, PageArguments, connection, default_first, page_request,
};
use crate::graphql::scalars::DateTime;

/// The lists of invitations.
#[derive(Default)]
pub struct InvitationListQuery;

#[Object]
impl InvitationListQuery {
    /// All invitations that match the filter and are still kept, newest first unless `orderBy` says
    /// otherwise.
    #[graphql(
        guard = Requires(USERS_VIEW),
        directive = requires::apply(USERS_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they are the field's arguments")]
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
        #[graphql(desc = "Which invitations to return.")] filter: Option<InvitationFilter>,
        #[graphql(desc = "How to sort the list.")] order_by: Option<InvitationOrder>,
    ) -> Result<InvitationConnection> {
        let filter = match filter {
            Some(filter) => filter.decode(ctx)?,
            None => invitations::InvitationFilter::default(),
        };
        let arguments = PageArguments::new(first, after, last, before);
        invitations_page(ctx, filter, order_by, arguments).await
    }
}

/// A page of invitations, for every field that returns one.
pub async fn invitations_page(
    ctx: &Context<'_>,
    filter: invitations::InvitationFilter,
    order_by: Option<InvitationOrder>,
    arguments: PageArguments,
) -> Result<InvitationConnection> {
    let order = order_by.unwrap_or(InvitationOrder {
        field: InvitationOrderField::CreatedAt,
        direction: OrderDirection::Desc,
    });
    let keyset = invitations::InvitationOrderField::from(order.field)
        .keyset(order.direction == OrderDirection::Desc);
    let request = page_request(keyset.order, arguments)?;
    let page = invitations::page(ctx.app()?, &filter, &keyset, &request).await?;
    Ok(InvitationConnection::new(page, filter))
}

/// Filters invitations. Conditions are combined with AND; omitted ones are ignored.
#[derive(InputObject)]
pub struct InvitationFilter {
    /// Invitations in any of these states.
    #[graphql(validator(max_items = 100))]
    statuses: Option<Vec<InvitationStatus>>,
    /// Invitations sent by this user.
    invited_by_id: Option<ID>,
    /// Invitations of this user.
    user_id: Option<ID>,
    /// Invitations whose link expires before this time.
    expires_before: Option<DateTime>,
    /// Invitations sent after this time.
    created_after: Option<DateTime>,
    /// Invitations that were carried by an e-mail in any of these states. Requires `email-queue.view`.
    #[graphql(validator(max_items = 100))]
    email_statuses: Option<Vec<EmailStatus>>,
    /// Case-insensitive substring of the invited user's e-mail address, first name or last name. `%` and
    /// `_` have no special meaning. Up to 200 characters.
    search: Option<String>,
}

impl InvitationFilter {
    /// What is wrong with the filter where it is a mutation's input `filter`.
    pub(super) fn flaw(&self) -> Option<UserError> {
        flaw_of_search("search", self.search.as_deref())
    }

    pub(super) fn decode(self, ctx: &Context<'_>) -> Result<invitations::InvitationFilter> {
        check_search("search", self.search.as_deref())?;
        if self.email_statuses.is_some() {
            ctx.caller()?.must_hold(&EMAIL_QUEUE_VIEW)?;
        }
        let now = ctx.app()?.clock.now();
        // An ID of some other kind invited nobody, and was not invited.
        let user = |id: ID| ids::decode(&id).unwrap_or(UserId(Uuid::nil()));
        Ok(invitations::InvitationFilter {
            statuses: self
                .statuses
                .map(|statuses| (statuses.into_iter().map(Into::into).collect(), now)),
            invited_by: self.invited_by_id.map(user),
            user: self.user_id.map(user),
            expires_before: self.expires_before.map(Timestamp::from),
            created_after: self.created_after.map(Timestamp::from),
            email_statuses: self
                .email_statuses
                .map(|statuses| statuses.into_iter().map(Into::into).collect()),
            search: self.search,
        })
    }
}

/// How a list of invitations is sorted.
#[derive(InputObject)]
pub struct InvitationOrder {
    /// The field to sort by.
    field: InvitationOrderField,
    /// The sort direction.
    direction: OrderDirection,
}

/// The fields that invitations can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "invitations::InvitationOrderField")]
pub enum InvitationOrderField {
    /// When the invitation was sent.
    CreatedAt,
    /// When the link expires.
    ExpiresAt,
}

connection! {
    /// A page of invitations.
    InvitationConnection, InvitationEdge of Invitation, from invitation::Model; invitations::count where invitations::InvitationFilter
}
