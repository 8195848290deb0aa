//! Lists of invitations. What their nodes lead to is loaded once for a whole page.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use entity::{InvitationId, Timestamp, UserId, invitation};
use uuid::Uuid;

use super::InvitationStatus;
use super::object::{Invitation, Loaded};
use crate::domain::applications::{EMAIL_QUEUE_VIEW, USERS_VIEW};
use crate::domain::{emails, invitations, users};
use crate::graphql::context::ContextExt;
use crate::graphql::emails::EmailStatus;
use crate::graphql::error::check_search;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::limits::page_complexity;
use crate::graphql::page::{
    OrderDirection, PageArguments, connection, default_first, is_asked_below_nodes,
    is_asked_of_nodes, page_request,
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
    let app = ctx.app()?;
    let page = invitations::page(app, &filter, &keyset, &request).await?;
    let rows: Vec<_> = page.rows.iter().map(|(_, row)| row).collect();
    let users = load_users(ctx, &rows).await?;
    let emails = load_emails(ctx, &rows).await?;
    let page = page.map(|row| {
        let both = [Some(row.user_id), row.invited_by];
        let users = users.as_ref().map(|users| {
            let ids = both.into_iter().flatten();
            ids.filter_map(|id| users.get(&id).cloned()).collect()
        });
        let emails = emails
            .as_ref()
            .map(|emails| emails.get(&row.id).cloned().unwrap_or_default());
        Invitation::with(row, Loaded { users, emails })
    });
    Ok(InvitationConnection::new(page, filter))
}

/// Those who were invited, and those who did so, as far as the request asks for them.
async fn load_users(
    ctx: &Context<'_>,
    rows: &[&invitation::Model],
) -> Result<Option<HashMap<UserId, users::User>>> {
    let wants_user = is_asked_of_nodes(ctx, "user") || is_asked_of_nodes(ctx, "roles");
    let wants_inviter = is_asked_of_nodes(ctx, "invitedBy");
    if !wants_user && !wants_inviter {
        return Ok(None);
    }
    let invited = rows.iter().map(|row| row.user_id);
    let inviters = rows.iter().filter_map(|row| row.invited_by);
    let mut ids: Vec<UserId> = invited.filter(|_| wants_user).collect();
    ids.extend(inviters.filter(|_| wants_inviter));
    ids.sort();
    ids.dedup();
    let found = users::find_all(ctx.app()?, ids).await?;
    let by_id = found.into_iter().map(|user| (user.row.id, user));
    Ok(Some(by_id.collect()))
}

/// Their e-mails, for a reader who may see them.
async fn load_emails(
    ctx: &Context<'_>,
    rows: &[&invitation::Model],
) -> Result<Option<HashMap<InvitationId, Vec<emails::Email>>>> {
    if !is_asked_of_nodes(ctx, "emails") || !ctx.actor()?.holds(&EMAIL_QUEUE_VIEW) {
        return Ok(None);
    }
    let with_bodies = BODIES
        .into_iter()
        .any(|field| is_asked_below_nodes(ctx, "emails", field));
    let ids: Vec<InvitationId> = rows.iter().map(|row| row.id).collect();
    Ok(Some(emails_of(ctx, &ids, with_bodies).await?))
}

/// The fields of an e-mail that show what it says.
pub(super) const BODIES: [&str; 3] = ["textBody", "htmlBody", "source"];

/// The e-mails of these invitations, each one's newest first.
pub(super) async fn emails_of(
    ctx: &Context<'_>,
    ids: &[InvitationId],
    with_bodies: bool,
) -> Result<HashMap<InvitationId, Vec<emails::Email>>> {
    let mut by_invitation: HashMap<_, Vec<_>> = HashMap::new();
    for email in emails::of_invitations(ctx.app()?, &ctx.actor()?, ids, with_bodies).await? {
        if let Some(id) = email.row().invitation_id {
            by_invitation.entry(id).or_default().push(email);
        }
    }
    Ok(by_invitation)
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
    fn decode(self, ctx: &Context<'_>) -> Result<invitations::InvitationFilter> {
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
    InvitationConnection, InvitationEdge of Invitation; invitations::count where invitations::InvitationFilter
}
