//! The API of sessions: signing in and out, and where one is signed in.

use async_graphql::{Context, Description, ID, InputObject, Object, Result};
use entity::session;

use super::context::ContextExt;
use super::error::{payload, payloads};
use super::guard::{SignedIn, public, signed_in};
use super::ids;
use super::scalars::{DateTime, EmailAddress};
use super::users::User;
use crate::domain::passwords::Password;
use crate::domain::sessions;

/// What can be asked about sessions.
#[derive(Default)]
pub struct SessionQuery;

#[Object]
impl SessionQuery {
    /// Where the viewer is signed in, the newest first.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let own = sessions::list(ctx.app()?, &ctx.actor()?).await?;
        Ok(own.into_iter().map(Session).collect())
    }
}

/// What can be done with sessions.
#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Begins a session. It is also set as an HttpOnly cookie.
    #[graphql(directive = public::apply())]
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Address and password.")] input: SignInInput,
    ) -> Result<SignInPayload> {
        let caller = ctx.caller()?;
        let password = Password::new(&input.password);
        let is_kept = input.keep_signed_in.unwrap_or(true);
        let email = &input.email.0;
        let outcome =
            sessions::sign_in(ctx.app()?, &caller.actor(), email, password, is_kept).await;
        payload(caller.heed(outcome), |session| {
            caller.signed_in(&session);
            SignInPayload {
                token: Some(session.token.expose().to_owned()),
                session: Some(Session(session.signed_in.session.clone())),
                user: Some(session.signed_in.user.clone().into()),
                ..Default::default()
            }
        })
    }

    /// Ends one of the viewer's own sessions, such as one on a device that was lost.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] input: RevokeSessionInput,
    ) -> Result<RevokeSessionPayload> {
        let outcome = sessions::revoke(ctx.app()?, &ctx.actor()?, ids::decode(&input.id)).await;
        payload(outcome, |id| RevokeSessionPayload {
            revoked_id: Some(ids::encode(id)),
            ..Default::default()
        })
    }

    /// Ends all of the viewer's own sessions but the one that the request was sent with.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn revoke_other_sessions(&self, ctx: &Context<'_>) -> Result<RevokeOtherSessionsPayload> {
        let outcome = sessions::revoke_others(ctx.app()?, &ctx.actor()?).await;
        payload(outcome, |count| RevokeOtherSessionsPayload {
            count: Some(count),
            ..Default::default()
        })
    }

    /// Ends the session that the request was sent with. Without one there is nothing to do.
    #[graphql(directive = public::apply())]
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutPayload> {
        let outcome = sessions::sign_out(ctx.app()?, &ctx.actor()?).await;
        payload(outcome, |()| {
            if let Ok(caller) = ctx.caller() {
                caller.signed_out();
            }
            SignOutPayload::default()
        })
    }
}

/// Who wants to sign in.
#[derive(InputObject)]
pub struct SignInInput {
    /// The address, in any case.
    email: EmailAddress,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// Whether the session outlives the browser and may go unused for long; false on somebody else's
    /// computer. True where it is left out.
    keep_signed_in: Option<bool>,
}

/// Which session to end.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// One of the viewer's own sessions.
    id: ID,
}

payloads! {
    /// `token` goes into `Authorization: Bearer`; the same session is also set as an HttpOnly
    /// cookie.
    SignInPayload {
        /// The bearer token, shown only here; null where signing in was refused.
        token: String,
        /// The session; null where signing in was refused.
        session: Session,
        /// Who is signed in now; null where signing in was refused.
        user: User,
    }

    /// The session has ended.
    SignOutPayload {}

    /// The session that was ended.
    RevokeSessionPayload {
        /// Its ID; null where nothing was ended.
        revoked_id: ID,
    }

    /// The other sessions have ended.
    RevokeOtherSessionsPayload {
        /// How many there were; null where nothing was ended.
        count: u64,
    }
}

/// A client in which the viewer is signed in.
#[derive(Description)]
pub struct Session(pub session::Model);

#[Object(use_type_description)]
impl Session {
    /// Opaque and globally unique.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    pub async fn id(&self) -> ID {
        ids::encode(self.0.id)
    }

    /// When it began.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last used, to the minute.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn last_used_at(&self) -> DateTime {
        self.0.last_used_at.into()
    }

    /// When it ends unless it is used before.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }

    /// What the client called itself at sign-in.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// The address that the sign-in came from.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn ip_address(&self) -> Option<&str> {
        self.0.ip_address.as_deref()
    }

    /// Whether this request was sent with it.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn is_current(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.actor()?.signed_in()?.session.id == self.0.id)
    }
}
