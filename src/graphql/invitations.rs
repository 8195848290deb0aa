//! The API of invitations.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::invitation;

use super::context::ContextExt;
use super::emails::Email;
use super::error::{payload, payloads};
use super::guard::{Requires, RequiresUnlessOwn, public, requires, requires_unless_own};
use super::ids;
use super::scalars::{DateTime, EmailAddress};
use super::sessions::Session;
use super::users::User;
use crate::domain::applications::{EMAIL_QUEUE_VIEW, Permission, USERS_CREATE, USERS_VIEW};
use crate::domain::invitations::{Acceptance, NewUser};
use crate::domain::passwords::Password;
use crate::domain::{emails, invitations, users};

/// What can be asked about invitations.
#[derive(Default)]
pub struct InvitationQuery;

#[Object]
impl InvitationQuery {
    /// The invitation that a link belongs to; null for a token that was never issued. Looking at it
    /// does not use it up.
    #[graphql(directive = public::apply())]
    async fn invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token in the link.", secret)] token: String,
    ) -> Result<Option<InvitationPreview>> {
        let app = ctx.app()?;
        let found = invitations::preview(app, &token).await?;
        Ok(found.map(|found| {
            let status = found.invitation.status(app.clock.now());
            // A link that no longer works tells no more than its holder knew when it was sent.
            let user = Some(found.user.row).filter(|_| status == invitation::Status::Pending);
            let (first_name, last_name) = user
                .map(|user| (user.first_name, user.last_name))
                .unwrap_or_default();
            InvitationPreview {
                email: EmailAddress(found.invitation.email),
                first_name,
                last_name,
                status: status.into(),
                expires_at: found.invitation.expires_at.into(),
            }
        }))
    }
}

/// What can be done with invitations.
#[derive(Default)]
pub struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Invites somebody: they get a letter with a link, by which they choose a password.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    async fn invite_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom to invite, and as what.")] input: InviteUserInput,
    ) -> Result<InviteUserPayload> {
        let new = NewUser {
            email: input.email.0,
            first_name: input.first_name.unwrap_or_default(),
            last_name: input.last_name.unwrap_or_default(),
            role_ids: input.role_ids.iter().map(ids::decode).collect(),
        };
        let outcome = invitations::invite(ctx.app()?, &ctx.actor()?, new).await;
        payload(outcome, |invited| InviteUserPayload {
            user: Some(invited.user.into()),
            invitation: Some(Invitation(invited.invitation)),
            ..Default::default()
        })
    }

    /// Sends an invited user a new link, whatever became of the last one, which is void from then
    /// on.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    async fn resend_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom.")] input: ResendInvitationInput,
    ) -> Result<ResendInvitationPayload> {
        let id = ids::decode(&input.user_id);
        let outcome = invitations::resend(ctx.app()?, &ctx.actor()?, id).await;
        payload(outcome, |invitation| ResendInvitationPayload {
            invitation: Some(Invitation(invitation)),
            ..Default::default()
        })
    }

    /// Withdraws an open invitation: its link no longer works, and a letter that waits is not sent.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] input: RevokeInvitationInput,
    ) -> Result<RevokeInvitationPayload> {
        let id = ids::decode(&input.user_id);
        let outcome = invitations::revoke(ctx.app()?, &ctx.actor()?, id).await;
        payload(outcome, |invitation| RevokeInvitationPayload {
            invitation: Some(Invitation(invitation)),
            ..Default::default()
        })
    }

    /// Accepts an invitation: sets the password and signs in. A token works once.
    #[graphql(directive = public::apply())]
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the password.")] input: AcceptInvitationInput,
    ) -> Result<AcceptInvitationPayload> {
        let caller = ctx.caller()?;
        let acceptance = Acceptance {
            token: input.token,
            password: Password::new(&input.password),
            first_name: input.first_name,
            last_name: input.last_name,
        };
        let outcome = invitations::accept(ctx.app()?, &caller.actor(), acceptance).await;
        payload(caller.heed(outcome), |session| {
            caller.signed_in(&session);
            AcceptInvitationPayload {
                token: Some(session.token.expose().to_owned()),
                session: Some(Session(session.signed_in.session.clone())),
                user: Some(session.signed_in.user.clone().into()),
                ..Default::default()
            }
        })
    }
}

/// Somebody to be invited.
#[derive(InputObject)]
pub struct InviteUserInput {
    /// Their address; it must not be another user's.
    email: EmailAddress,
    /// Up to 100 characters. They can correct it when they accept.
    first_name: Option<String>,
    /// Up to 100 characters. They can correct it when they accept.
    last_name: Option<String>,
    /// At least one role; none of them can grant more than the caller holds.
    role_ids: Vec<ID>,
}

/// Whom to send a new link.
#[derive(InputObject)]
pub struct ResendInvitationInput {
    /// The user's ID.
    user_id: ID,
}

/// Whose invitation to withdraw.
#[derive(InputObject)]
pub struct RevokeInvitationInput {
    /// The user's ID.
    user_id: ID,
}

/// What an invited person sends.
#[derive(InputObject)]
pub struct AcceptInvitationInput {
    /// The token in the link.
    #[graphql(secret)]
    token: String,
    /// The password that they choose; `passwordPolicy` says what it must be like.
    #[graphql(secret)]
    password: String,
    /// A name other than the one that they were invited by.
    first_name: Option<String>,
    /// A name other than the one that they were invited by.
    last_name: Option<String>,
}

payloads! {
    /// The user who was invited.
    InviteUserPayload {
        /// The user; null where the invitation was refused.
        user: User,
        /// The invitation; null where it was refused.
        invitation: Invitation,
    }

    /// The new invitation.
    ResendInvitationPayload {
        /// The invitation; null where it was refused.
        invitation: Invitation,
    }

    /// The invitation that was withdrawn.
    RevokeInvitationPayload {
        /// The invitation; null where it was refused.
        invitation: Invitation,
    }

    /// The session that accepting has begun.
    AcceptInvitationPayload {
        /// The bearer token, shown only here; null where accepting was refused.
        token: String,
        /// The session; null where accepting was refused.
        session: Session,
        /// Who is signed in now; null where accepting was refused.
        user: User,
    }
}

/// What has become of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "invitation::Status")]
pub enum InvitationStatus {
    /// The link works.
    Pending,
    /// The link was used.
    Accepted,
    /// The link was not used in time.
    Expired,
    /// The link was withdrawn, or voided by a newer one.
    Revoked,
}

/// What an anonymous holder of the link sees before choosing a password. Reading it never uses the
/// token up.
#[derive(SimpleObject)]
pub struct InvitationPreview {
    /// The address that it was sent to.
    #[graphql(directive = public::apply())]
    email: EmailAddress,
    /// The name that they were invited by; empty where there is none, or the link no longer works.
    #[graphql(directive = public::apply())]
    first_name: String,
    /// The name that they were invited by; empty where there is none, or the link no longer works.
    #[graphql(directive = public::apply())]
    last_name: String,
    /// Whether the link works.
    #[graphql(directive = public::apply())]
    status: InvitationStatus,
    /// From when on the link no longer works.
    #[graphql(directive = public::apply())]
    expires_at: DateTime,
}

/// A link that was sent to somebody, by which they can choose their first password.
#[derive(Description)]
pub struct Invitation(pub invitation::Model);

impl Invitation {
    fn own_or(&self, permission: Permission) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.0.user_id, permission)
    }
}

#[Object(use_type_description)]
impl Invitation {
    /// Opaque and globally unique.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.0.id)
    }

    /// Whom it invites.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        let user = users::find(ctx.app()?, self.0.user_id).await?;
        let user = user.ok_or_else(|| super::error::internal("an invitation without its user"))?;
        Ok(user.into())
    }

    /// Whether its link works.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn status(&self, ctx: &Context<'_>) -> Result<InvitationStatus> {
        Ok(self.0.status(ctx.app()?.clock.now()).into())
    }

    /// Null when the first administrator was invited by the server itself, or the inviter is
    /// deleted.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        Ok(match self.0.invited_by {
            Some(id) => users::find(ctx.app()?, id).await?.map(User::from),
            None => None,
        })
    }

    /// The queued mails that carried this invitation, newest first.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn emails(&self, ctx: &Context<'_>) -> Result<Vec<Email>> {
        let mails = emails::of_invitation(ctx.app()?, &ctx.actor()?, self.0.id).await?;
        Ok(mails.into_iter().map(Email).collect())
    }

    /// When it was sent.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// From when on its link no longer works.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }

    /// When its link was used.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn accepted_at(&self) -> Option<DateTime> {
        self.0.accepted_at.map(DateTime)
    }
}
