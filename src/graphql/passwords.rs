//! The API of passwords: the policy, changing one, and resetting a forgotten one.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::context::ContextExt;
use super::error::{UserErrorCode, payload, payloads};
use super::guard::{Requires, SignedIn, public, requires, signed_in};
use super::ids;
use super::scalars::EmailAddress;
use super::users::User;
use crate::domain::applications::USERS_UPDATE;
use crate::domain::password_resets;
use crate::domain::passwords::{self, Password};

/// What can be asked about passwords.
#[derive(Default)]
pub struct PasswordQuery;

#[Object]
impl PasswordQuery {
    /// What a new password must be like, for forms that help to choose one.
    #[graphql(directive = public::apply())]
    async fn password_policy(&self, ctx: &Context<'_>) -> Result<PasswordPolicy> {
        let policy = passwords::policy(ctx.app()?);
        Ok(PasswordPolicy {
            min_length: policy.min_length,
            max_length: policy.max_length,
            min_score: policy.min_score,
        })
    }
}

/// What can be done with passwords.
#[derive(Default)]
pub struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Says how hard a password is to guess, why, and how to mend it, for forms that help to choose
    /// one. It keeps nothing, and is a mutation so that a password never stands in a URL.
    #[graphql(directive = public::apply())]
    async fn check_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password, and whose it shall be.")] input: CheckPasswordInput,
    ) -> Result<CheckPasswordPayload> {
        let actor = ctx.actor()?;
        let own = actor.signed_in().ok().map(|viewer| &viewer.user.row);
        let email = input.email.map(|email| email.0);
        let typed = |typed: Option<String>, own: Option<&String>| {
            let mut text = typed.or(own.cloned()).unwrap_or_default();
            // Longer ones are refused where they are stored.
            text.truncate(text.floor_char_boundary(MAX_CONTEXT));
            text
        };
        let email = typed(email, own.map(|own| &own.email));
        let first_name = typed(input.first_name, own.map(|own| &own.first_name));
        let last_name = typed(input.last_name, own.map(|own| &own.last_name));
        let context = passwords::Context {
            email: &email,
            first_name: &first_name,
            last_name: &last_name,
        };
        let password = Password::new(&input.password);
        let outcome = passwords::assess(ctx.app()?, password, &context).await;
        payload(outcome, |assessment| CheckPasswordPayload {
            assessment: Some(PasswordAssessment {
                score: assessment.score,
                is_acceptable: assessment.refusal.is_none(),
                reason: assessment.refusal.map(|refusal| refusal.code.into()),
                warning: assessment.warning,
                suggestions: assessment.suggestions,
            }),
            ..Default::default()
        })
    }

    /// Changes the viewer's own password. Their other sessions end, and a notice is mailed.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The current and the new password.")] input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload> {
        let caller = ctx.caller()?;
        let current = Password::new(&input.current_password);
        let new = Password::new(&input.new_password);
        let outcome = passwords::change(ctx.app()?, &caller.actor(), current, new).await;
        payload(caller.heed(outcome), |user| ChangePasswordPayload {
            user: Some(user.into()),
            ..Default::default()
        })
    }

    /// Asks for a link by which a forgotten password can be replaced. It answers alike, and as fast,
    /// whether or not the address is known.
    #[graphql(directive = public::apply())]
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose password.")] input: RequestPasswordResetInput,
    ) -> Result<RequestPasswordResetPayload> {
        let caller = ctx.caller()?;
        let outcome = password_resets::request(ctx.app()?, &caller.actor(), &input.email.0).await;
        payload(caller.heed(outcome), |()| {
            RequestPasswordResetPayload::default()
        })
    }

    /// Replaces a forgotten password by the token of a link. All of the user's sessions end, and a
    /// notice is mailed; it does not sign in.
    #[graphql(directive = public::apply())]
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the new password.")] input: ResetPasswordInput,
    ) -> Result<ResetPasswordPayload> {
        let caller = ctx.caller()?;
        let new = Password::new(&input.new_password);
        let outcome =
            password_resets::complete(ctx.app()?, &caller.actor(), &input.token, new).await;
        payload(caller.heed(outcome), |user| {
            caller.proved_to_be(user.row.id);
            ResetPasswordPayload {
                user: Some(user.into()),
                ..Default::default()
            }
        })
    }

    /// Sends a user a link by which they can choose a new password. Nobody but they learns it.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn send_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose password.")] input: SendPasswordResetInput,
    ) -> Result<SendPasswordResetPayload> {
        let id = ids::decode(&input.user_id);
        let outcome = password_resets::send_for(ctx.app()?, &ctx.actor()?, id).await;
        payload(outcome, |user| SendPasswordResetPayload {
            user: Some(user.into()),
            ..Default::default()
        })
    }
}

/// The most bytes of an address or a name that a password is compared with.
const MAX_CONTEXT: usize = 400;

/// A password that somebody thinks of choosing.
#[derive(InputObject)]
pub struct CheckPasswordInput {
    /// The password.
    #[graphql(secret)]
    password: String,
    /// Whose it shall be; the viewer's own address where it is left out.
    email: Option<EmailAddress>,
    /// Likewise.
    first_name: Option<String>,
    /// Likewise.
    last_name: Option<String>,
}

/// The viewer's current and new password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// Who has found an open session does not know it.
    #[graphql(secret)]
    current_password: String,
    /// `passwordPolicy` says what it must be like.
    #[graphql(secret)]
    new_password: String,
}

/// Who has forgotten their password.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// Their address, in any case.
    email: EmailAddress,
}

/// What the holder of a link sends.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// The token in the link.
    #[graphql(secret)]
    token: String,
    /// `passwordPolicy` says what it must be like.
    #[graphql(secret)]
    new_password: String,
}

/// Whose password shall be replaced.
#[derive(InputObject)]
pub struct SendPasswordResetInput {
    /// An active user.
    user_id: ID,
}

payloads! {
    /// How hard the password is to guess.
    CheckPasswordPayload {
        /// What was found.
        assessment: PasswordAssessment,
    }

    /// The password was changed.
    ChangePasswordPayload {
        /// Whose it is; null where it was not changed.
        user: User,
    }

    /// The request was noted; it says nothing about whether there is such a user.
    RequestPasswordResetPayload {}

    /// The password was replaced.
    ResetPasswordPayload {
        /// Whose it is; null where it was not replaced.
        user: User,
    }

    /// The link was sent.
    SendPasswordResetPayload {
        /// To whom; null where none was sent.
        user: User,
    }
}

/// What was found about a password.
#[derive(SimpleObject)]
pub struct PasswordAssessment {
    /// By zxcvbn, from 0 (guessed at once) to 4 (very hard to guess).
    #[graphql(directive = public::apply())]
    score: u8,
    /// Whether it would be taken.
    #[graphql(directive = public::apply())]
    is_acceptable: bool,
    /// Why it would not be.
    #[graphql(directive = public::apply())]
    reason: Option<UserErrorCode>,
    /// Why it is easy to guess, as far as there is one reason.
    #[graphql(directive = public::apply())]
    warning: Option<String>,
    /// How to make it harder to guess.
    #[graphql(directive = public::apply())]
    suggestions: Vec<String>,
}

/// What a new password must be like.
#[derive(SimpleObject)]
pub struct PasswordPolicy {
    /// The fewest characters.
    #[graphql(directive = public::apply())]
    min_length: usize,
    /// The most bytes of UTF-8.
    #[graphql(directive = public::apply())]
    max_length: usize,
    /// The lowest score by zxcvbn, from 0 to 4.
    #[graphql(directive = public::apply())]
    min_score: u8,
}
