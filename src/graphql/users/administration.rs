//! The mutations for users, and what the viewer may do to one.

use async_graphql::{Context, Description, ID, InputObject, MaybeUndefined, Object, Result};

use entity::Timestamp;

use super::User;
use crate::domain::applications::{USERS_DELETE, USERS_UPDATE, USERS_VIEW};
use crate::domain::users::policy::UserAction;
use crate::domain::users::{self, AskedRoles, RoleChoice, Updated, UserChange};
use crate::domain::{self, sessions};
use crate::graphql::context::ContextExt;
use crate::graphql::effects::ChangeEffects;
use crate::graphql::guard::{
    Requires, RequiresUnlessOwn, SignedIn, requires, requires_unless_own, signed_in,
};
use crate::graphql::ids;
use crate::graphql::patch::patch;
use crate::graphql::payload::{payload, payloads, rehearsed};
use crate::graphql::scalars::{DateTime, EmailAddress};

/// The mutations for users.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Changes a user's e-mail address, names or roles. Omitted fields stay as they are. Changing
    /// the address revokes the user's open invitation and password reset links; a user who has a
    /// password is notified by an e-mail to the old address.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes to make.")] input: UpdateUserInput,
    ) -> Result<UpdateUserPayload> {
        let app = ctx.app()?;
        let is_dry_run = input.dry_run;
        let outcome = match input.decode() {
            Ok(change) => users::update(app, &ctx.actor()?, change).await,
            Err(error) => Err(error),
        };
        let told = |updated: Updated| {
            let effects = ChangeEffects::new(app, &updated.effects);
            UpdateUserPayload::new(updated.user, effects)
        };
        if is_dry_run {
            return rehearsed(ctx, outcome, |updated| UpdateUserPayload {
                user: None,
                ..told(updated)
            });
        }
        payload(ctx, outcome, told)
    }

    /// Changes the viewer's own names. Omitted fields stay as they are.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes to make.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload> {
        let (first, last) = (patch(input.first_name), patch(input.last_name));
        let outcome = users::update_profile(ctx.app()?, &ctx.actor()?, first, last).await;
        payload(ctx, outcome, UpdateProfilePayload::new)
    }

    /// Reactivates a deactivated user, who becomes active, or invited if they have no password yet. It
    /// succeeds as well if they are not deactivated.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn activate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user to activate.")] input: ActivateUserInput,
    ) -> Result<ActivateUserPayload> {
        let id = ids::decode(&input.id);
        let outcome = users::activate(ctx.app()?, &ctx.actor()?, id.into()).await;
        payload(ctx, outcome, ActivateUserPayload::new)
    }

    /// Deactivates a user. Their sessions and open links stop working at once. It succeeds as well if they
    /// are deactivated already.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user to deactivate.")] input: DeactivateUserInput,
    ) -> Result<DeactivateUserPayload> {
        let id = ids::decode(&input.id);
        let outcome = users::deactivate(ctx.app()?, &ctx.actor()?, id.into()).await;
        payload(ctx, outcome, DeactivateUserPayload::new)
    }

    /// Ends all sessions of another user, or one of them, such as that of a lost device. They can sign in
    /// again; to prevent that, use `deactivateUser`. To end one's own sessions, there are `revokeSession`
    /// and `revokeOtherSessions`.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn end_user_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user whose sessions to end.")] input: EndUserSessionsInput,
    ) -> Result<EndUserSessionsPayload> {
        let id = ids::decode(&input.user_id);
        let only = (input.session_id)
            .map(|id| ids::decode(&id).ok_or_else(|| sessions::is_no_session("sessionId")))
            .transpose();
        let outcome = match only {
            Ok(only) => users::end_sessions(ctx.app()?, &ctx.actor()?, id, only).await,
            Err(error) => Err(error.into()),
        };
        payload(ctx, outcome, |(user, count)| {
            EndUserSessionsPayload::new(user, count)
        })
    }

    /// Deletes a user permanently. E-mails and events that mention them are kept for the usual
    /// retention period, unless `erase` says otherwise.
    #[graphql(guard = Requires(USERS_DELETE), directive = requires::apply(USERS_DELETE))]
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user to delete.")] input: DeleteUserInput,
    ) -> Result<DeleteUserPayload> {
        let id = ids::decode(&input.id);
        let traces = users::Traces::of(input.erase);
        let outcome = users::delete(ctx.app()?, &ctx.actor()?, id.into(), traces).await;
        payload(ctx, outcome, |id| DeleteUserPayload::new(ids::encode(id)))
    }
}

/// The changes to make to a user.
#[derive(InputObject)]
pub struct UpdateUserInput {
    /// The ID of the user to change.
    id: ID,
    /// The new e-mail address; it must not belong to another user. Users cannot change their own.
    email: MaybeUndefined<EmailAddress>,
    /// The new first name, up to 100 characters; null clears it.
    first_name: MaybeUndefined<String>,
    /// The new last name, up to 100 characters; null clears it.
    last_name: MaybeUndefined<String>,
    /// All roles that the user is to hold, at least one; they replace the current ones. Users
    /// cannot change their own roles.
    role_ids: MaybeUndefined<Vec<ID>>,
    /// All roles that the user is to hold, by their code names, in upper or lower case; together with
    /// `roleIds`.
    role_code_names: Option<Vec<String>>,
    /// Roles that the user is to hold as well. Not together with `roleIds` or `roleCodeNames`.
    add_role_ids: Option<Vec<ID>>,
    /// Roles that the user is to hold no longer. Not together with `roleIds` or `roleCodeNames`.
    remove_role_ids: Option<Vec<ID>>,
    /// The user's `updatedAt` as the caller knows it. If somebody has changed the user since, nothing is
    /// changed, and the error is `CHANGED_MEANWHILE`.
    expected_updated_at: Option<DateTime>,
    /// Whether nothing is changed: `effects` then says what would be.
    #[graphql(default)]
    dry_run: bool,
}

impl UpdateUserInput {
    fn decode(self) -> domain::Result<UserChange> {
        let decoded = |ids: Vec<ID>| ids.iter().map(ids::decode).collect();
        let roles = RoleChoice::new(AskedRoles {
            ids: patch(self.role_ids).map(decoded),
            code_names: self.role_code_names,
            add: self.add_role_ids.map(decoded),
            remove: self.remove_role_ids.map(decoded),
        })?;
        Ok(UserChange {
            id: ids::decode(&self.id),
            email: patch(self.email).map(|email| email.0),
            first_name: patch(self.first_name),
            last_name: patch(self.last_name),
            roles,
            expected_updated_at: self.expected_updated_at.map(Timestamp::from),
            is_dry_run: self.dry_run,
        })
    }
}

/// The changes to make to the viewer's own profile.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// The new first name, up to 100 characters; null clears it.
    first_name: MaybeUndefined<String>,
    /// The new last name, up to 100 characters; null clears it.
    last_name: MaybeUndefined<String>,
}

/// The user to activate.
#[derive(InputObject)]
pub struct ActivateUserInput {
    /// The user's ID.
    id: ID,
}

/// The user to deactivate.
#[derive(InputObject)]
pub struct DeactivateUserInput {
    /// The user's ID.
    id: ID,
}

/// The user whose sessions to end.
#[derive(InputObject)]
pub struct EndUserSessionsInput {
    /// The ID of an active user other than the viewer.
    user_id: ID,
    /// The only session to end; all of them if omitted. One that has ended, or is somebody else's, is left
    /// alone.
    session_id: Option<ID>,
}

/// The user to delete.
#[derive(InputObject)]
pub struct DeleteUserInput {
    /// The user's ID.
    id: ID,
    /// Whether to erase whatever says who the user was: e-mails to them, and their names, addresses and IP
    /// addresses in events and elsewhere. Events stay, with the user's ID. Needs `email-queue.delete` as well.
    #[graphql(default)]
    erase: bool,
}

payloads! {
    /// The result of `updateUser`.
    UpdateUserPayload {
        /// The updated user; null if there are `userErrors`, and in a dry run.
        user: User,
        /// What the change comes to; null if there are `userErrors`.
        effects: ChangeEffects,
    }

    /// The result of `updateProfile`.
    UpdateProfilePayload {
        /// The viewer, as updated; null if there are `userErrors`.
        user: User,
    }

    /// The result of `activateUser`.
    ActivateUserPayload {
        /// The reactivated user; null if there are `userErrors`.
        user: User,
    }

    /// The result of `deactivateUser`.
    DeactivateUserPayload {
        /// The deactivated user; null if there are `userErrors`.
        user: User,
    }

    /// The result of `endUserSessions`.
    EndUserSessionsPayload {
        /// The user, with the sessions that are left; null if there are `userErrors`.
        user: User,
        /// The number of sessions that were ended; null if there are `userErrors`.
        count: u64,
    }

    /// The result of `deleteUser`.
    DeleteUserPayload {
        /// The ID of the deleted user; null if there are `userErrors`.
        deleted_id: ID,
    }
}

/// What the viewer is currently allowed to do to a user, by the same rules that the mutations
/// apply.
#[derive(Description)]
pub struct UserViewerCan(pub User);

impl UserViewerCan {
    fn own_or_view(&self) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.0.row().id, USERS_VIEW)
    }
}

#[Object(use_type_description)]
impl UserViewerCan {
    /// Whether the viewer can change the user's names and, unless it is their own account, e-mail
    /// address (`updateUser`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn update(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::Update).await
    }

    /// Whether the viewer can change the user's roles (`updateUser` with `roleIds`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn assign_roles(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::AssignRoles).await
    }

    /// Whether the viewer can reactivate the user (`activateUser`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn activate(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::Activate).await
    }

    /// Whether the viewer can deactivate the user (`deactivateUser`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn deactivate(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::Deactivate).await
    }

    /// Whether the viewer can delete the user (`deleteUser`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn delete(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::Delete).await
    }

    /// Whether the viewer can end the user's sessions (`endUserSessions`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn end_sessions(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::EndSessions).await
    }

    /// Whether the viewer can send the user a password reset link (`sendPasswordReset`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn send_password_reset(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::SendPasswordReset).await
    }

    /// Whether the viewer can send the user a new invitation link (`resendInvitation`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn resend_invitation(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::ResendInvitation).await
    }

    /// Whether the viewer can revoke the user's invitation (`revokeInvitation`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn revoke_invitation(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, UserAction::RevokeInvitation).await
    }
}
