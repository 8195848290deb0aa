//! An invitation, and what leads on from one.

use async_graphql::{Context, Description, ID, Object, Result};
use entity::{InvitationId, UserId, invitation};

use super::InvitationStatus;
use crate::domain::applications::{
    EMAIL_QUEUE_VIEW, EMAIL_QUEUE_VIEW_SENSITIVE, Permission, USERS_VIEW,
};
use crate::domain::emails;
use crate::domain::users::policy::UserAction;
use crate::graphql::context::ContextExt;
use crate::graphql::emails::Email;
use crate::graphql::error::internal;
use crate::graphql::guard::{Requires, RequiresUnlessOwn, requires, requires_unless_own};
use crate::graphql::ids;
use crate::graphql::level::{Member, Shared, grouped};
use crate::graphql::roles::Role;
use crate::graphql::scalars::{DateTime, EmailAddress};
use crate::graphql::users::User;

/// A link sent to a new user, with which they choose their first password.
#[derive(Clone, Description)]
pub struct Invitation(Member<invitation::Model, Leads>);

/// What invitations lead to.
#[derive(Default)]
struct Leads {
    users: Shared<UserId, User>,
    inviters: Shared<UserId, User>,
    emails: Shared<InvitationId, Vec<Email>>,
}

impl From<invitation::Model> for Invitation {
    fn from(invitation: invitation::Model) -> Self {
        Self(invitation.into())
    }
}

impl Invitation {
    /// Invitations that were loaded together.
    pub fn together(invitations: Vec<invitation::Model>) -> Vec<Self> {
        Member::together(invitations).map(Self).collect()
    }

    /// As stored.
    pub fn row(&self) -> &invitation::Model {
        self.0.row()
    }

    fn own_or(&self, permission: Permission) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.row().user_id, permission)
    }

    fn status_now(&self, ctx: &Context<'_>) -> Result<invitation::Status> {
        Ok(self.row().status(ctx.app()?.clock.now()))
    }

    async fn invited_user(&self, ctx: &Context<'_>) -> Result<User> {
        let all = User::find_all(ctx, self.0.all().map(|invitation| invitation.user_id));
        let user = self.0.leads().users.of(&self.row().user_id, all).await?;
        user.ok_or_else(|| internal("an invitation without its user"))
    }

    /// The e-mails that carried it, newest first, without their bodies.
    async fn email_list(&self, ctx: &Context<'_>) -> Result<Vec<Email>> {
        let all = async {
            let ids: Vec<InvitationId> = self.0.all().map(|invitation| invitation.id).collect();
            let found = emails::of_invitations(ctx.app()?, &ctx.actor()?, &ids).await?;
            let emails = Email::together(found).into_iter();
            Ok(grouped(emails.filter_map(|email| {
                Some((email.row().invitation_id?, email))
            })))
        };
        let own = self.0.leads().emails.of(&self.row().id, all).await?;
        Ok(own.unwrap_or_default())
    }

    /// The e-mail whose link the viewer may see, if there is one.
    async fn email_with_link(&self, ctx: &Context<'_>) -> Result<Option<Email>> {
        let emails = self.email_list(ctx).await?.into_iter();
        Ok(emails.rev().find(|email| email.as_seen().link().is_some()))
    }
}

#[Object(use_type_description)]
impl Invitation {
    /// Opaque and globally unique.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.row().id)
    }

    /// The invited user.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        self.invited_user(ctx).await
    }

    /// The e-mail address that it was sent to, which the user may have changed since.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn email(&self) -> EmailAddress {
        EmailAddress(self.row().email.clone())
    }

    /// The roles that the link gives, sorted by name: those that the user holds while it is pending. Empty
    /// in every other state.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        if self.status_now(ctx)? != invitation::Status::Pending {
            return Ok(Vec::new());
        }
        self.invited_user(ctx).await?.held_roles(ctx).await
    }

    /// The state of the invitation.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn status(&self, ctx: &Context<'_>) -> Result<InvitationStatus> {
        Ok(self.status_now(ctx)?.into())
    }

    /// Who sent the invitation; null if that user has been deleted, or if it was the server itself,
    /// which invites the first administrator.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Some(id) = self.row().invited_by else {
            return Ok(None);
        };
        let all = User::find_all(
            ctx,
            self.0.all().filter_map(|invitation| invitation.invited_by),
        );
        self.0.leads().inviters.of(&id, all).await
    }

    /// The e-mails that carried this invitation, newest first; null for those who may not see them.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn emails(&self, ctx: &Context<'_>) -> Result<Option<Vec<Email>>> {
        self.email_list(ctx).await.map(Some)
    }

    /// The secret link, by the rules of `Email.link`: null once it has been used, has expired or was
    /// revoked, for a viewer who could not assign every role of the invited user, and if no e-mail carries it
    /// any more.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW_SENSITIVE), directive = requires::apply(EMAIL_QUEUE_VIEW_SENSITIVE))]
    async fn link(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(email) = self.email_with_link(ctx).await? else {
            return Ok(None);
        };
        ctx.caller()?.note_showing(email.as_seen());
        Ok(email.as_seen().link().map(str::to_owned))
    }

    /// What the viewer is allowed to do with this invitation.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn viewer_can(&self) -> InvitationViewerCan {
        InvitationViewerCan(self.clone())
    }

    /// When the invitation was sent.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.row().created_at.into()
    }

    /// When the link expires.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn expires_at(&self) -> DateTime {
        self.row().expires_at.into()
    }

    /// When the invitation was accepted; null if it was not.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn accepted_at(&self) -> Option<DateTime> {
        self.row().accepted_at.map(DateTime)
    }

    /// When the invitation was revoked or replaced by a newer one; null if it was not.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn revoked_at(&self) -> Option<DateTime> {
        self.row().revoked_at.map(DateTime)
    }
}

/// What the viewer is currently allowed to do with an invitation, by the same rules that the mutations
/// apply.
#[derive(Description)]
pub struct InvitationViewerCan(Invitation);

impl InvitationViewerCan {
    fn own_or_view(&self) -> RequiresUnlessOwn {
        self.0.own_or(USERS_VIEW)
    }
}

#[Object(use_type_description)]
impl InvitationViewerCan {
    /// Whether the viewer can send the invited user a new link (`resendInvitation`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn resend(&self, ctx: &Context<'_>) -> Result<bool> {
        let user = self.0.invited_user(ctx).await?;
        user.may(ctx, UserAction::ResendInvitation).await
    }

    /// Whether the viewer can revoke the invitation (`revokeInvitation`).
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn revoke(&self, ctx: &Context<'_>) -> Result<bool> {
        // Of a user's invitations, the newest alone can be pending.
        if self.0.status_now(ctx)? != invitation::Status::Pending {
            return Ok(false);
        }
        let user = self.0.invited_user(ctx).await?;
        user.may(ctx, UserAction::RevokeInvitation).await
    }

    /// Whether the viewer can read the secret link (`link`). Asking this is not recorded; reading it is.
    #[graphql(guard = self.own_or_view(), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn see_link(&self, ctx: &Context<'_>) -> Result<bool> {
        // Who may not see the queue does not learn what is in it.
        if !ctx.actor()?.holds(&EMAIL_QUEUE_VIEW_SENSITIVE) {
            return Ok(false);
        }
        Ok(self.0.email_with_link(ctx).await?.is_some())
    }
}
