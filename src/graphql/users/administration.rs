//! The mutations of users, and what the viewer may do to one.

use async_graphql::{Context, Description, ID, InputObject, MaybeUndefined, Object, Result};

use super::User;
use crate::domain::applications::{USERS_DELETE, USERS_UPDATE, USERS_VIEW};
use crate::domain::users::policy::{self, UserAction};
use crate::domain::users::{self, UserChange};
use crate::graphql::context::ContextExt;
use crate::graphql::error::{payload, payloads};
use crate::graphql::guard::{
    Requires, RequiresUnlessOwn, SignedIn, requires, requires_unless_own, signed_in,
};
use crate::graphql::ids;
use crate::graphql::patch::patch;
use crate::graphql::scalars::EmailAddress;

/// What can be done with users.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Changes a user's address, names or roles; what is left out stays as it is. A new address of a
    /// user who has not signed up yet voids their open invitation.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateUserInput,
    ) -> Result<UpdateUserPayload> {
        let change = UserChange {
            id: ids::decode(&input.id),
            email: patch(input.email).map(|email| email.0),
            first_name: patch(input.first_name),
            last_name: patch(input.last_name),
            role_ids: patch(input.role_ids).map(|ids| ids.iter().map(ids::decode).collect()),
        };
        let outcome = users::update(ctx.app()?, &ctx.actor()?, change).await;
        payload(outcome, |user| UpdateUserPayload {
            user: Some(user.into()),
            ..Default::default()
        })
    }

    /// Changes the viewer's own names; what is left out stays as it is.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload> {
        let (first, last) = (patch(input.first_name), patch(input.last_name));
        let outcome = users::update_profile(ctx.app()?, &ctx.actor()?, first, last).await;
        payload(outcome, |user| UpdateProfilePayload {
            user: Some(user.into()),
            ..Default::default()
        })
    }

    /// Lets a deactivated user in again: as active, or as invited where they have no password yet.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn activate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom.")] input: ActivateUserInput,
    ) -> Result<ActivateUserPayload> {
        let id = ids::decode(&input.id);
        let outcome = users::activate(ctx.app()?, &ctx.actor()?, id).await;
        payload(outcome, |user| ActivateUserPayload {
            user: Some(user.into()),
            ..Default::default()
        })
    }

    /// Shuts a user out: their sessions and open links end at once.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom.")] input: DeactivateUserInput,
    ) -> Result<DeactivateUserPayload> {
        let id = ids::decode(&input.id);
        let outcome = users::deactivate(ctx.app()?, &ctx.actor()?, id).await;
        payload(outcome, |user| DeactivateUserPayload {
            user: Some(user.into()),
            ..Default::default()
        })
    }

    /// Deletes a user for good. Letters and events that name them stay until they are old.
    #[graphql(guard = Requires(USERS_DELETE), directive = requires::apply(USERS_DELETE))]
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom.")] input: DeleteUserInput,
    ) -> Result<DeleteUserPayload> {
        let id = ids::decode(&input.id);
        let outcome = users::delete(ctx.app()?, &ctx.actor()?, id).await;
        payload(outcome, |id| DeleteUserPayload {
            deleted_id: Some(ids::encode(id)),
            ..Default::default()
        })
    }
}

/// A change of a user.
#[derive(InputObject)]
pub struct UpdateUserInput {
    /// The user's ID.
    id: ID,
    /// Their address; it must not be another user's.
    email: MaybeUndefined<EmailAddress>,
    /// Up to 100 characters; null empties it.
    first_name: MaybeUndefined<String>,
    /// Up to 100 characters; null empties it.
    last_name: MaybeUndefined<String>,
    /// All roles that they shall hold: at least one. Nobody changes their own.
    role_ids: MaybeUndefined<Vec<ID>>,
}

/// A change of one's own profile.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// Up to 100 characters; null empties it.
    first_name: MaybeUndefined<String>,
    /// Up to 100 characters; null empties it.
    last_name: MaybeUndefined<String>,
}

/// Whom to let in again.
#[derive(InputObject)]
pub struct ActivateUserInput {
    /// The user's ID.
    id: ID,
}

/// Whom to shut out.
#[derive(InputObject)]
pub struct DeactivateUserInput {
    /// The user's ID.
    id: ID,
}

/// Whom to delete.
#[derive(InputObject)]
pub struct DeleteUserInput {
    /// The user's ID.
    id: ID,
}

payloads! {
    /// The user as changed.
    UpdateUserPayload {
        /// The user; null where the change was refused.
        user: User,
    }

    /// The viewer as changed.
    UpdateProfilePayload {
        /// The viewer; null where the change was refused.
        user: User,
    }

    /// The user who is let in again.
    ActivateUserPayload {
        /// The user; null where it was refused.
        user: User,
    }

    /// The user who is shut out.
    DeactivateUserPayload {
        /// The user; null where it was refused.
        user: User,
    }

    /// The user who is gone.
    DeleteUserPayload {
        /// The ID that the user had; null where it was refused.
        deleted_id: ID,
    }
}

/// What the viewer may do to a user at the moment, by the rules that the mutations themselves apply.
#[derive(Description)]
pub struct UserViewerCan(pub users::User);

impl UserViewerCan {
    fn own_or_view(&self) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.0.row.id, USERS_VIEW)
    }

    async fn may(&self, ctx: &Context<'_>, action: UserAction) -> Result<bool> {
        Ok(policy::may(ctx.app()?, &ctx.actor()?, &self.0, action).await?)
    }
}

#[Object(use_type_description)]
impl UserViewerCan {
    /// Change their address and names: `updateUser`.
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn update(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, UserAction::Update).await
    }

    /// Change their roles: `updateUser` with `roleIds`.
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn assign_roles(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, UserAction::AssignRoles).await
    }

    /// Let them in again: `activateUser`.
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn activate(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, UserAction::Activate).await
    }

    /// Shut them out: `deactivateUser`.
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn deactivate(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, UserAction::Deactivate).await
    }

    /// Delete them: `deleteUser`.
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn delete(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, UserAction::Delete).await
    }

    /// Send them a new link: `resendInvitation`.
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn resend_invitation(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, UserAction::ResendInvitation).await
    }

    /// Withdraw their link: `revokeInvitation`.
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn revoke_invitation(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, UserAction::RevokeInvitation).await
    }
}
