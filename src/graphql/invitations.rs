//! The API for invitations.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::invitation;

use super::context::ContextExt;
use super::guard::{Requires, public, requires};
use super::ids;
use super::payload::{payload, payloads};
use super::scalars::{DateTime, EmailAddress, given};
use super::sessions::Session;
use super::users::User;
use crate::domain::applications::{USERS_CREATE, USERS_VIEW};
use crate::domain::invitations::{Acceptance, NewUser, Subject, Wishes};
use crate::domain::passwords::Password;
use crate::domain::{self, invitations};

mod changes;
mod listing;
mod many;
mod object;

pub use changes::InvitationChangesMutation;
pub use listing::{InvitationConnection, InvitationFilter, InvitationListQuery, invitations_page};
pub use many::InvitationsMutation;
pub use object::Invitation;

/// The queries about invitations.
#[derive(Default)]
pub struct InvitationQuery;

#[Object]
impl InvitationQuery {
    /// The invitation with this ID; null if there is none.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation's ID.")] id: ID,
    ) -> Result<Option<Invitation>> {
        Ok(match ids::decode(&id) {
            Some(id) => invitations::find(ctx.app()?, id)
                .await?
                .map(Invitation::from),
            None => None,
        })
    }

    /// The invitation that a link's token belongs to; null for an unknown token. Looking it up does
    /// not use up the token.
    #[graphql(directive = public::apply())]
    async fn invitation_by_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the link.", secret)] token: String,
    ) -> Result<Option<InvitationPreview>> {
        let app = ctx.app()?;
        let found = invitations::preview(app, &token).await?;
        Ok(found.map(|found| {
            let status = found.invitation.status(app.clock.now());
            let name = |name: &str| given(name).map(str::to_owned);
            // A link that no longer works reveals no more than its holder knew when it was sent.
            let user = Some(found.user.row).filter(|_| status == invitation::Status::Pending);
            let (first_name, last_name) = user
                .map(|user| (name(&user.first_name), name(&user.last_name)))
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

/// The mutations for invitations.
#[derive(Default)]
pub struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Invites a person: sends them an e-mail with a link for choosing a password.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    async fn invite_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person to invite, and their roles.")] input: InviteUserInput,
    ) -> Result<InviteUserPayload> {
        let role_ids = input.role_ids.unwrap_or_default();
        let new = NewUser {
            email: input.email.0,
            first_name: input.first_name.unwrap_or_default(),
            last_name: input.last_name.unwrap_or_default(),
            role_ids: role_ids.iter().map(ids::decode).collect(),
            role_code_names: input.role_code_names.unwrap_or_default(),
            wishes: Wishes {
                message: input.message,
                valid_for_seconds: input.valid_for_seconds.map(i64::from),
                redirect_url: input.redirect_url,
                is_without_email: !input.send_email,
            },
        };
        let key = input.idempotency_key.as_deref();
        let outcome = invitations::invite(ctx.app()?, &ctx.actor()?, new, key).await;
        payload(ctx, outcome, |invited| InviteUserPayload {
            link: invited.link.filter(|_| !invited.is_sent),
            ..InviteUserPayload::new(invited.user, invited.invitation, "")
        })
    }

    /// Sends an invited user a new link, even if the previous one has expired or was revoked. The
    /// previous link stops working.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    async fn resend_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation to send again.")] input: ResendInvitationInput,
    ) -> Result<ResendInvitationPayload> {
        let outcome = match subject(input.invitation_id, input.user_id) {
            Ok(subject) => invitations::resend(ctx.app()?, &ctx.actor()?, subject).await,
            Err(error) => Err(error),
        };
        payload(ctx, outcome, |sent| {
            ResendInvitationPayload::new(sent.invitation, sent.user)
        })
    }

    /// Revokes an open invitation: its link stops working, and if its e-mail is still queued, it is
    /// cancelled.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation to revoke.")] input: RevokeInvitationInput,
    ) -> Result<RevokeInvitationPayload> {
        let outcome = match subject(input.invitation_id, input.user_id) {
            Ok(subject) => invitations::revoke(ctx.app()?, &ctx.actor()?, subject).await,
            Err(error) => Err(error),
        };
        payload(ctx, outcome, |(invitation, user)| {
            RevokeInvitationPayload::new(invitation, user)
        })
    }

    /// Accepts an invitation: sets the password and signs the user in. A token works only once.
    #[graphql(directive = public::apply())]
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the link and the chosen password.")]
        input: AcceptInvitationInput,
    ) -> Result<AcceptInvitationPayload> {
        let caller = ctx.caller()?;
        let acceptance = Acceptance {
            token: input.token,
            password: Password::new(&input.password),
            first_name: input.first_name,
            last_name: input.last_name,
        };
        let outcome = invitations::accept(ctx.app()?, &caller.actor(), acceptance).await;
        payload(ctx, outcome, |accepted| {
            let session = &accepted.session;
            caller.signed_in(session);
            let (row, user) = (&session.signed_in.session, &session.signed_in.user);
            let session = Session::from(row.clone());
            let token = accepted.session.token.expose();
            AcceptInvitationPayload {
                redirect_url: accepted.redirect_url,
                ..AcceptInvitationPayload::new(token, session, user.clone(), "")
            }
        })
    }
}

/// Reads whose invitation it is about.
fn subject(invitation: Option<ID>, user: Option<ID>) -> domain::Result<Subject> {
    Subject::new(
        invitation.as_ref().map(ids::decode),
        user.as_ref().map(ids::decode),
    )
}

/// The person to invite. At least one role is needed, by `roleIds` or `roleCodeNames`; the roles must not grant
/// permissions that the caller lacks.
#[derive(InputObject)]
pub struct InviteUserInput {
    /// Their e-mail address; it must not belong to another user.
    email: EmailAddress,
    /// Their first name, up to 100 characters. They can correct it when they accept.
    first_name: Option<String>,
    /// Their last name, up to 100 characters. They can correct it when they accept.
    last_name: Option<String>,
    /// Roles that the user is to hold (up to 100, together with those by their code names).
    role_ids: Option<Vec<ID>>,
    /// Roles that the user is to hold, by their code names, in upper or lower case.
    role_code_names: Option<Vec<String>>,
    /// What the e-mail quotes as the caller's words: plain text of up to 500 characters, which may have several
    /// lines, and in which no address of a page stands.
    message: Option<String>,
    /// How many seconds the link works: from 300 up to what the server allows. By default, as long as the server
    /// is set to.
    valid_for_seconds: Option<i32>,
    /// The page to which the invited person is led after they have accepted, on an origin that
    /// `links.redirect_origins` names.
    redirect_url: Option<String>,
    /// Whether the link is sent by e-mail. If not, `link` returns it, this once; that requires
    /// `email-queue.view-sensitive`.
    #[graphql(default = true)]
    send_email: bool,
    /// A text that no other input has, such as a UUID: 1 to 255 characters. Whoever sends the same input again
    /// with the same key, within 24 hours, invites nobody twice: the payload has the user and the invitation as
    /// they are by then, but never the `link`, which is shown once; `NOT_FOUND` if they were deleted since. With
    /// another input, the key is refused with `IDEMPOTENCY_KEY_REUSED`. What was refused has not used its key.
    idempotency_key: Option<String>,
}

/// The invitation to send again: either `invitationId` or `userId`, not both.
#[derive(InputObject)]
pub struct ResendInvitationInput {
    /// The ID of an invitation, which may have ended. Its user is sent a new one.
    invitation_id: Option<ID>,
    /// The ID of the invited user.
    user_id: Option<ID>,
}

/// The invitation to revoke: either `invitationId` or `userId`, not both.
#[derive(InputObject)]
pub struct RevokeInvitationInput {
    /// The ID of the invitation.
    invitation_id: Option<ID>,
    /// The ID of the invited user.
    user_id: Option<ID>,
}

/// The token, the chosen password, and optional corrections to the name.
#[derive(InputObject)]
pub struct AcceptInvitationInput {
    /// The token from the link.
    #[graphql(secret)]
    token: String,
    /// The password to set; it must satisfy `passwordPolicy`.
    #[graphql(secret)]
    password: String,
    /// Overrides the first name given in the invitation.
    first_name: Option<String>,
    /// Overrides the last name given in the invitation.
    last_name: Option<String>,
}

payloads! {
    /// The result of `inviteUser`.
    InviteUserPayload {
        /// The invited user; null if there are `userErrors`.
        user: User,
        /// The invitation; null if there are `userErrors`.
        invitation: Invitation,
        /// The link, shown only here and only once; null unless `sendEmail` is false, and if the person was
        /// invited before with the same `idempotencyKey`.
        link: String,
    }

    /// The result of `resendInvitation`.
    ResendInvitationPayload {
        /// The new invitation; null if there are `userErrors`.
        invitation: Invitation,
        /// The invited user; null if there are `userErrors`.
        user: User,
    }

    /// The result of `revokeInvitation`.
    RevokeInvitationPayload {
        /// The revoked invitation; null if there are `userErrors`.
        invitation: Invitation,
        /// The user who had been invited; null if there are `userErrors`.
        user: User,
    }

    /// The result of `acceptInvitation`. The session is also set as an HttpOnly cookie,
    /// which browsers keep for pages of the same site. A payload without `userErrors` need not have a
    /// session: check `session`, because a later version may ask for a further step first.
    AcceptInvitationPayload {
        /// The session's bearer token, shown only here; null if there is no `session`.
        token: String,
        /// The new session; null if there are `userErrors`, or a further step is needed.
        session: Session,
        /// The user, now signed in; null if there is no `session`.
        user: User,
        /// The page to lead the user to, on an origin that the server's settings allow; null if the invitation
        /// leads nowhere.
        redirect_url: String,
    }
}

/// The state of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "invitation::Status")]
pub enum InvitationStatus {
    /// The link works.
    Pending,
    /// The link was used.
    Accepted,
    /// The link was not used in time.
    Expired,
    /// The invitation was revoked, or replaced by a newer one.
    Revoked,
}

/// What anyone with the link can see before choosing a password.
#[derive(SimpleObject)]
pub struct InvitationPreview {
    /// The e-mail address that the invitation was sent to.
    #[graphql(directive = public::apply())]
    email: EmailAddress,
    /// The first name given in the invitation; null if none was given or the link no longer works.
    #[graphql(directive = public::apply())]
    first_name: Option<String>,
    /// The last name given in the invitation; null if none was given or the link no longer works.
    #[graphql(directive = public::apply())]
    last_name: Option<String>,
    /// The state of the invitation.
    #[graphql(directive = public::apply())]
    status: InvitationStatus,
    /// When the link expires.
    #[graphql(directive = public::apply())]
    expires_at: DateTime,
}
