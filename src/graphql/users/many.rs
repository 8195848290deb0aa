//! The API for changing many users at once.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use entity::UserId;
use futures_util::TryFutureExt;

use super::{User, UserFilter};
use crate::domain;
use crate::domain::applications::{USERS_DELETE, USERS_UPDATE};
use crate::domain::many::{AT_MOST, Chosen, Place};
use crate::domain::users::{self, Meant};
use crate::graphql::context::ContextExt;
use crate::graphql::error::UserError;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::limits::rows_complexity;
use crate::graphql::many::{ChangeOutcome, NamedBy, Told, each, named_count};
use crate::graphql::payload::{payload, payloads};

/// The mutations for many users.
#[derive(Default)]
pub struct UsersMutation;

#[Object]
impl UsersMutation {
    /// Reactivates up to 500 users, each as `activateUser` does: who cannot be reactivated keeps nobody else
    /// from it.
    #[graphql(
        guard = Requires(USERS_UPDATE),
        directive = requires::apply(USERS_UPDATE),
        complexity = "rows_complexity(named_count([&input.ids]), AT_MOST, child_complexity)"
    )]
    async fn activate_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The users to activate.")] input: ActivateUsersInput,
    ) -> Result<ActivateUsersPayload> {
        let (app, actor) = (ctx.app()?, &ctx.actor()?);
        let activate = |meant| users::activate(app, actor, meant).map_ok(Some);
        let results = change_each(ctx, input.ids, input.filter, activate).await?;
        payload(ctx, results, ActivateUsersPayload::new)
    }

    /// Deactivates up to 500 users, each as `deactivateUser` does: who cannot be deactivated keeps nobody else
    /// from it.
    #[graphql(
        guard = Requires(USERS_UPDATE),
        directive = requires::apply(USERS_UPDATE),
        complexity = "rows_complexity(named_count([&input.ids]), AT_MOST, child_complexity)"
    )]
    async fn deactivate_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The users to deactivate.")] input: DeactivateUsersInput,
    ) -> Result<DeactivateUsersPayload> {
        let (app, actor) = (ctx.app()?, &ctx.actor()?);
        let deactivate = |meant| users::deactivate(app, actor, meant).map_ok(Some);
        let results = change_each(ctx, input.ids, input.filter, deactivate).await?;
        payload(ctx, results, DeactivateUsersPayload::new)
    }

    /// Deletes up to 500 users permanently, each as `deleteUser` does: who cannot be deleted keeps nobody else
    /// from it.
    #[graphql(
        guard = Requires(USERS_DELETE),
        directive = requires::apply(USERS_DELETE),
        complexity = "rows_complexity(named_count([&input.ids]), AT_MOST, child_complexity)"
    )]
    async fn delete_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The users to delete.")] input: DeleteUsersInput,
    ) -> Result<DeleteUsersPayload> {
        let (app, actor) = (ctx.app()?, &ctx.actor()?);
        let traces = users::Traces::of(input.erase);
        let delete = |meant| users::delete(app, actor, meant, traces).map_ok(|_| None);
        let results = change_each(ctx, input.ids, input.filter, delete).await?;
        payload(ctx, results, DeleteUsersPayload::new)
    }
}

/// Makes a change to each of the users that the input names. It returns the user, if there still is one.
async fn change_each<F>(
    ctx: &Context<'_>,
    ids: Option<Vec<ID>>,
    filter: Option<UserFilter>,
    change: impl Fn(Meant) -> F,
) -> Result<domain::Result<Vec<ChangeUsersResult>>>
where
    F: Future<Output = domain::Result<Option<users::User>>> + Send,
{
    let Named {
        ids,
        chosen,
        filter,
    } = match named(ctx, ids, filter).await? {
        Ok(named) => named,
        Err(error) => return Ok(Err(error)),
    };
    let meant = |id| {
        let only_if = filter.clone();
        Meant { id, only_if }
    };
    let told = each(ctx, &chosen, |id| change(meant(id))).await?;
    Ok(told.map(|told| results(ids, told)))
}

/// The users that an input names.
struct Named {
    /// Their IDs as clients see them.
    ids: Vec<ID>,
    chosen: Chosen<Option<UserId>>,
    /// What they were found by.
    filter: Option<Arc<users::UserFilter>>,
}

async fn named(
    ctx: &Context<'_>,
    ids: Option<Vec<ID>>,
    filter: Option<UserFilter>,
) -> Result<domain::Result<Named>> {
    let named = match NamedBy::new([("ids", ids)], filter) {
        Ok(named) => named,
        Err(error) => return Ok(Err(error)),
    };
    let (ids, place, filter) = match named {
        NamedBy::List(field, ids) => (ids, Place::List(field), None),
        NamedBy::Filter(filter) => {
            if let Some(error) = filter.flaw() {
                return Ok(Err(error.into()));
            }
            let filter = UserFilter::decode(Some(filter), ctx).await?;
            // One more than there may be, so that too many are known to be.
            let found = users::matching(ctx.app()?, &filter, AT_MOST + 1).await?;
            let ids = found.into_iter().map(ids::encode).collect();
            (ids, Place::Filter, Some(Arc::new(filter)))
        }
    };
    let chosen = Chosen::new(ids.iter().map(ids::decode).collect(), place);
    Ok(chosen.map(|chosen| Named {
        ids,
        chosen,
        filter,
    }))
}

fn results(ids: Vec<ID>, told: Vec<Told<Option<users::User>>>) -> Vec<ChangeUsersResult> {
    let changed = told
        .iter()
        .filter_map(|told| told.changed.clone().flatten());
    let mut users = User::together(changed.collect()).into_iter();
    let results = ids
        .into_iter()
        .zip(told)
        .map(|(id, told)| ChangeUsersResult {
            id,
            outcome: told.outcome,
            user: told.changed.flatten().and_then(|_| users.next()),
            user_errors: told.user_errors,
        });
    results.collect()
}

/// The users to reactivate: either `ids` or `filter`, not both.
#[derive(InputObject)]
pub struct ActivateUsersInput {
    /// The IDs of up to 500 users.
    ids: Option<Vec<ID>>,
    /// All users that match this filter, up to 500.
    filter: Option<UserFilter>,
}

/// The users to deactivate: either `ids` or `filter`, not both.
#[derive(InputObject)]
pub struct DeactivateUsersInput {
    /// The IDs of up to 500 users.
    ids: Option<Vec<ID>>,
    /// All users that match this filter, up to 500.
    filter: Option<UserFilter>,
}

/// The users to delete: either `ids` or `filter`, not both.
#[derive(InputObject)]
pub struct DeleteUsersInput {
    /// The IDs of up to 500 users.
    ids: Option<Vec<ID>>,
    /// All users that match this filter, up to 500.
    filter: Option<UserFilter>,
    /// As for `deleteUser`.
    #[graphql(default)]
    erase: bool,
}

payloads! {
    /// The result of `activateUsers`.
    ActivateUsersPayload {
        /// What has become of each user, in the order of the input; null if there are `userErrors`.
        results: Vec<ChangeUsersResult>,
    }

    /// The result of `deactivateUsers`.
    DeactivateUsersPayload {
        /// What has become of each user, in the order of the input; null if there are `userErrors`.
        results: Vec<ChangeUsersResult>,
    }

    /// The result of `deleteUsers`.
    DeleteUsersPayload {
        /// What has become of each user, in the order of the input; null if there are `userErrors`.
        results: Vec<ChangeUsersResult>,
    }
}

/// What has become of one of many users.
// Only payloads hold it: their mutations are guarded.
#[derive(SimpleObject)]
pub struct ChangeUsersResult {
    /// The ID of the user, as the input has it.
    id: ID,
    /// What has become of the user.
    outcome: ChangeOutcome,
    /// The user as they are now; null unless it was done, and if they were deleted.
    user: Option<User>,
    /// Why it was not done, with the place in the input, such as `["input", "ids", "3"]`.
    user_errors: Vec<UserError>,
}
