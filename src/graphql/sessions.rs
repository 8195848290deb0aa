//! The API for sessions: signing in and out, and where a user is signed in.

use async_graphql::{Context, Description, ID, InputObject, Object, Result};
use entity::{UserId, session};

use super::context::ContextExt;
use super::error::internal;
use super::guard::{RequiresUnlessOwn, SignedIn, public, requires_unless_own, signed_in};
use super::ids;
use super::level::{Member, Shared};
use super::payload::{payload, payloads};
use super::scalars::{DateTime, EmailAddress};
use super::users::User;
use crate::domain::applications::{Permission, USERS_VIEW};
use crate::domain::passwords::Password;
use crate::domain::sessions;

/// The queries about sessions.
#[derive(Default)]
pub struct SessionQuery;

#[Object]
impl SessionQuery {
    /// The viewer's own sessions, newest first.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let own = sessions::list(ctx.app()?, &ctx.actor()?).await?;
        Ok(Session::together(own))
    }
}

/// The mutations for sessions.
#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Signs in and begins a session. The response also sets an HttpOnly cookie, which browsers keep
    /// for pages of the same site.
    #[graphql(directive = public::apply())]
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The e-mail address and password.")] input: SignInInput,
    ) -> Result<SignInPayload> {
        let caller = ctx.caller()?;
        let password = Password::new(&input.password);
        let email = &input.email.0;
        let outcome = sessions::sign_in(
            ctx.app()?,
            &caller.actor(),
            email,
            password,
            input.keep_signed_in,
        )
        .await;
        payload(ctx, outcome, |session| {
            caller.signed_in(&session);
            let (row, user) = (&session.signed_in.session, &session.signed_in.user);
            SignInPayload::new(
                session.token.expose(),
                Session::from(row.clone()),
                user.clone(),
            )
        })
    }

    /// Ends one of the viewer's own sessions, such as one on a lost device. It succeeds as well if the
    /// viewer has no such session, such as one that has ended already.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: RevokeSessionInput,
    ) -> Result<RevokeSessionPayload> {
        let outcome = sessions::revoke(ctx.app()?, &ctx.actor()?, ids::decode(&input.id)).await;
        payload(ctx, outcome, |id| {
            RevokeSessionPayload::new(ids::encode(id))
        })
    }

    /// Ends all of the viewer's own sessions except the current one.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn revoke_other_sessions(&self, ctx: &Context<'_>) -> Result<RevokeOtherSessionsPayload> {
        let outcome = sessions::revoke_others(ctx.app()?, &ctx.actor()?).await;
        payload(ctx, outcome, RevokeOtherSessionsPayload::new)
    }

    /// Ends the current session. Does nothing if there is none.
    #[graphql(directive = public::apply())]
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutPayload> {
        let outcome = sessions::sign_out(ctx.app()?, &ctx.actor()?).await;
        payload(ctx, outcome, |()| {
            if let Ok(caller) = ctx.caller() {
                caller.signed_out();
            }
            SignOutPayload::new()
        })
    }
}

/// The credentials to sign in with.
#[derive(InputObject)]
pub struct SignInInput {
    /// The e-mail address; case does not matter.
    email: EmailAddress,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// Whether the session outlives the browser and may go unused for a long time. Set it to false
    /// on a shared computer.
    #[graphql(default = true)]
    keep_signed_in: bool,
}

/// The session to end.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// The ID of one of the viewer's own sessions.
    id: ID,
}

payloads! {
    /// The result of `signIn`. Send `token` as `Authorization: Bearer <token>`; browsers can rely
    /// on the HttpOnly cookie instead, on pages of the same site. A payload without `userErrors` need not
    /// have a session: check `session`, because a later version may ask for a further step first.
    SignInPayload {
        /// The session's bearer token, shown only here; null if there is no `session`.
        token: String,
        /// The new session; null if there are `userErrors`, or a further step is needed.
        session: Session,
        /// The user, now signed in; null if there is no `session`.
        user: User,
    }

    /// The result of `signOut`.
    SignOutPayload {}

    /// The result of `revokeSession`.
    RevokeSessionPayload {
        /// The ID of the session that was ended; null if there are `userErrors`.
        revoked_id: ID,
    }

    /// The result of `revokeOtherSessions`.
    RevokeOtherSessionsPayload {
        /// The number of sessions that were ended; null if there are `userErrors`.
        count: u64,
    }
}

/// A client in which a user is signed in.
#[derive(Clone, Description)]
pub struct Session(Member<session::Model, Leads>);

/// What sessions lead to.
#[derive(Default)]
struct Leads {
    users: Shared<UserId, User>,
}

impl From<session::Model> for Session {
    fn from(session: session::Model) -> Self {
        Self(session.into())
    }
}

impl Session {
    /// Sessions that were loaded together.
    pub fn together(sessions: Vec<session::Model>) -> Vec<Self> {
        Member::together(sessions).map(Self).collect()
    }

    /// As stored.
    pub fn row(&self) -> &session::Model {
        self.0.row()
    }

    fn own_or(&self, permission: Permission) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.row().user_id, permission)
    }
}

#[Object(use_type_description)]
impl Session {
    /// Opaque and globally unique.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.row().id)
    }

    /// The user who is signed in.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        let all = User::find_all(ctx, self.0.all().map(|session| session.user_id));
        let user = self.0.leads().users.of(&self.row().user_id, all).await?;
        user.ok_or_else(|| internal("a session without its user"))
    }

    /// When the session began.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.row().created_at.into()
    }

    /// When the session was last used, accurate to the minute.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn last_used_at(&self) -> DateTime {
        self.row().last_used_at.into()
    }

    /// When the session expires if it is not used again.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn expires_at(&self) -> DateTime {
        self.row().expires_at.into()
    }

    /// When the session ends, however much it is used.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn ends_at(&self) -> DateTime {
        self.row().ends_at.into()
    }

    /// Whether the session outlives the browser and may go unused for a long time (`keepSignedIn`).
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn is_kept(&self) -> bool {
        self.row().is_kept
    }

    /// The `User-Agent` header that the client sent at sign-in.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn user_agent(&self) -> Option<&str> {
        self.row().user_agent.as_deref()
    }

    /// The IP address that the sign-in came from.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn ip_address(&self) -> Option<&str> {
        self.row().ip_address.as_deref()
    }

    /// Whether this is the session that the request was made with.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn is_current(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.actor()?.signed_in()?.session.id == self.row().id)
    }
}
