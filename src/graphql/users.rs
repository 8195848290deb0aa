//! The API for users.

use async_graphql::{Context, Enum, ID, Object, Result};
use entity::user;

use super::context::ContextExt;
use super::error::exactly_one_of;
use super::guard::{Requires, public, requires};
use super::ids;
use super::limits::page_complexity;
use super::page::{PageArguments, default_first};
use super::scalars::EmailAddress;
use crate::domain::applications::USERS_VIEW;
use crate::domain::{email_address, users};

mod administration;
mod listing;
mod many;
mod object;

pub use administration::{UserMutation, UserViewerCan};
pub use listing::{UserConnection, UserFilter, UserOrder, users_page};
pub use many::UsersMutation;
pub use object::User;

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
