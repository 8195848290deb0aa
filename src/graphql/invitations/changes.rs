//! The API for sending many invitations again, and for revoking many.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use entity::invitation;
use futures_util::TryFutureExt;

use super::{Invitation, InvitationFilter};
use crate::domain::applications::USERS_CREATE;
use crate::domain::invitations::{self, Invited, Subject};
use crate::domain::many::{AT_MOST, Chosen, Place};
use crate::domain::{self, users};
use crate::graphql::context::ContextExt;
use crate::graphql::error::UserError;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::limits::rows_complexity;
use crate::graphql::many::{ChangeOutcome, NamedBy, Told, each, named_count};
use crate::graphql::payload::{payload, payloads};
use crate::graphql::users::User;

/// The mutations for many invitations that were sent before.
#[derive(Default)]
pub struct InvitationChangesMutation;

#[Object]
impl InvitationChangesMutation {
    /// Sends up to 500 invited users a new link, each as `resendInvitation` does: who cannot be sent one keeps
    /// nobody else from it.
    #[graphql(
        guard = Requires(USERS_CREATE),
        directive = requires::apply(USERS_CREATE),
        complexity = "rows_complexity(named_count([&input.invitation_ids, &input.user_ids]), AT_MOST, child_complexity)"
    )]
    async fn resend_invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitations to send again.")] input: ResendInvitationsInput,
    ) -> Result<ResendInvitationsPayload> {
        let (app, actor) = (ctx.app()?, &ctx.actor()?);
        let sent = |sent: Invited| (sent.invitation, sent.user);
        let resend = |subject| invitations::resend(app, actor, subject).map_ok(sent);
        let lists = lists(input.invitation_ids, input.user_ids);
        let results = change_each(ctx, lists, input.filter, resend).await?;
        payload(ctx, results, ResendInvitationsPayload::new)
    }

    /// Revokes up to 500 open invitations, each as `revokeInvitation` does: one that cannot be revoked keeps no
    /// other from it.
    #[graphql(
        guard = Requires(USERS_CREATE),
        directive = requires::apply(USERS_CREATE),
        complexity = "rows_complexity(named_count([&input.invitation_ids, &input.user_ids]), AT_MOST, child_complexity)"
    )]
    async fn revoke_invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitations to revoke.")] input: RevokeInvitationsInput,
    ) -> Result<RevokeInvitationsPayload> {
        let (app, actor) = (ctx.app()?, &ctx.actor()?);
        let revoke = |subject| invitations::revoke(app, actor, subject);
        let lists = lists(input.invitation_ids, input.user_ids);
        let results = change_each(ctx, lists, input.filter, revoke).await?;
        payload(ctx, results, RevokeInvitationsPayload::new)
    }
}

const INVITATION_IDS: &str = "invitationIds";
const USER_IDS: &str = "userIds";

type Lists = [(&'static str, Option<Vec<ID>>); 2];

fn lists(invitations: Option<Vec<ID>>, users: Option<Vec<ID>>) -> Lists {
    [(INVITATION_IDS, invitations), (USER_IDS, users)]
}

/// Makes a change to each of the invitations that the input names.
async fn change_each<F>(
    ctx: &Context<'_>,
    lists: Lists,
    filter: Option<InvitationFilter>,
    change: impl Fn(Subject) -> F,
) -> Result<domain::Result<Vec<ChangeInvitationsResult>>>
where
    F: Future<Output = domain::Result<Changed>> + Send,
{
    let (ids, chosen) = match chosen(ctx, lists, filter).await? {
        Ok(chosen) => chosen,
        Err(error) => return Ok(Err(error)),
    };
    let told = each(ctx, &chosen, change).await?;
    Ok(told.map(|told| results(ids, told)))
}

/// An invitation as it is after a change, and whom it is for.
type Changed = (invitation::Model, users::User);

/// The IDs as clients see them, and whose invitations are meant.
async fn chosen(
    ctx: &Context<'_>,
    lists: Lists,
    filter: Option<InvitationFilter>,
) -> Result<domain::Result<(Vec<ID>, Chosen<Subject>)>> {
    let named = match NamedBy::new(lists, filter) {
        Ok(named) => named,
        Err(error) => return Ok(Err(error)),
    };
    let (ids, subjects, place) = match named {
        NamedBy::List(field, ids) => {
            let subject = |id: &ID| match field {
                USER_IDS => Subject::User(ids::decode(id)),
                _ => Subject::Invitation(ids::decode(id)),
            };
            let subjects = ids.iter().map(subject).collect();
            (ids, subjects, Place::List(field))
        }
        NamedBy::Filter(filter) => {
            if let Some(error) = filter.flaw() {
                return Ok(Err(error.into()));
            }
            let filter = filter.decode(ctx)?;
            // One more than there may be, so that too many are known to be.
            let found = invitations::matching(ctx.app()?, &filter, AT_MOST + 1).await?;
            let ids = found.iter().map(|id| ids::encode(*id)).collect();
            let subjects = found.into_iter().map(Some).map(Subject::Invitation);
            (ids, subjects.collect(), Place::Filter)
        }
    };
    Ok(Chosen::new(subjects, place).map(|chosen| (ids, chosen)))
}

fn results(ids: Vec<ID>, told: Vec<Told<Changed>>) -> Vec<ChangeInvitationsResult> {
    let changed = || told.iter().filter_map(|told| told.changed.clone());
    let invitations = changed().map(|(invitation, _)| invitation).collect();
    let mut invitations = Invitation::together(invitations).into_iter();
    let users = changed().map(|(_, user)| user).collect();
    let mut users = User::together(users).into_iter();
    let results = ids.into_iter().zip(told).map(|(id, told)| {
        let is_done = told.changed.is_some();
        ChangeInvitationsResult {
            id,
            outcome: told.outcome,
            invitation: is_done.then(|| invitations.next()).flatten(),
            user: is_done.then(|| users.next()).flatten(),
            user_errors: told.user_errors,
        }
    });
    results.collect()
}

/// The invitations to send again: exactly one of the three.
#[derive(InputObject)]
pub struct ResendInvitationsInput {
    /// The IDs of up to 500 invitations.
    invitation_ids: Option<Vec<ID>>,
    /// The IDs of up to 500 users, whose newest invitations are meant.
    user_ids: Option<Vec<ID>>,
    /// Of each user the newest invitation, if it matches this filter: up to 500.
    filter: Option<InvitationFilter>,
}

/// The invitations to revoke: exactly one of the three.
#[derive(InputObject)]
pub struct RevokeInvitationsInput {
    /// The IDs of up to 500 invitations.
    invitation_ids: Option<Vec<ID>>,
    /// The IDs of up to 500 users, whose newest invitations are meant.
    user_ids: Option<Vec<ID>>,
    /// Of each user the newest invitation, if it matches this filter: up to 500.
    filter: Option<InvitationFilter>,
}

payloads! {
    /// The result of `resendInvitations`.
    ResendInvitationsPayload {
        /// What has become of each, in the order of the input; null if there are `userErrors`.
        results: Vec<ChangeInvitationsResult>,
    }

    /// The result of `revokeInvitations`.
    RevokeInvitationsPayload {
        /// What has become of each, in the order of the input; null if there are `userErrors`.
        results: Vec<ChangeInvitationsResult>,
    }
}

/// What has become of one of many invitations.
// Only payloads hold it: their mutations are guarded.
#[derive(SimpleObject)]
pub struct ChangeInvitationsResult {
    /// The ID of the invitation or of the user, as the input has it.
    id: ID,
    /// What has become of the invitation.
    outcome: ChangeOutcome,
    /// The new invitation, or the revoked one; null unless it was done.
    invitation: Option<Invitation>,
    /// The invited user; null unless it was done.
    user: Option<User>,
    /// Why it was not done, with the place in the input, such as `["input", "userIds", "3"]`.
    user_errors: Vec<UserError>,
}
