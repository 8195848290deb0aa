//! The API for passwords: the policy, changing one, and resetting a forgotten one.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::password_reset;

use super::context::ContextExt;
use super::error::UserErrorCode;
use super::guard::{Requires, SignedIn, public, requires, signed_in};
use super::ids;
use super::payload::{payload, payloads};
use super::scalars::{DateTime, EmailAddress};
use super::users::User;
use crate::domain::applications::USERS_UPDATE;
use crate::domain::passwords::{self, Password};
use crate::domain::{invitations, password_resets, users};

mod feedback;

use feedback::{PasswordSuggestion, PasswordWarning};

/// The queries about passwords.
#[derive(Default)]
pub struct PasswordQuery;

#[Object]
impl PasswordQuery {
    /// The rules that a new password must meet, for forms that help users choose one.
    #[graphql(directive = public::apply())]
    async fn password_policy(&self, ctx: &Context<'_>) -> Result<PasswordPolicy> {
        let policy = passwords::policy(ctx.app()?);
        Ok(PasswordPolicy {
            min_length: policy.min_length,
            max_length: policy.max_length,
            min_score: policy.min_score,
        })
    }

    /// The password reset that a link's token belongs to; null for an unknown token. Looking it up
    /// does not use up the token.
    #[graphql(directive = public::apply())]
    async fn password_reset_by_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the link.", secret)] token: String,
    ) -> Result<Option<PasswordResetPreview>> {
        let app = ctx.app()?;
        let found = password_resets::preview(app, &token).await?;
        let Some(reset) = found else {
            return Ok(None);
        };
        let status = reset.status(app.clock.now());
        let user = match status {
            password_reset::Status::Pending => users::find(app, reset.user_id).await?,
            _ => None,
        };
        Ok(Some(PasswordResetPreview {
            status: status.into(),
            expires_at: reset.expires_at.into(),
            email: user.map(|user| EmailAddress(user.row.email)),
        }))
    }
}

/// The mutations for passwords.
#[derive(Default)]
pub struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Estimates how hard a password is to guess and suggests improvements, for forms that help
    /// users choose one. Nothing is stored. It is a mutation so that a password never appears in a
    /// URL.
    #[graphql(directive = public::apply())]
    async fn check_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password, and the user that it is for.")] input: CheckPasswordInput,
    ) -> Result<CheckPasswordPayload> {
        let user = person(ctx, &input).await?;
        let own = user.as_ref().map(|user| &user.row);
        let email = input.email.map(|email| email.0);
        let typed = |typed: Option<String>, own: Option<&String>| {
            let mut text = typed.or(own.cloned()).unwrap_or_default();
            // Longer ones are rejected where they would be stored.
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
        let outcome = passwords::assess(ctx.app()?, &ctx.actor()?.client, password, &context).await;
        let assessment = outcome.map(|assessment| PasswordAssessment {
            score: assessment.score,
            is_acceptable: assessment.refusal.is_none(),
            reason: assessment.refusal.map(|refusal| refusal.code.into()),
            warning_code: (assessment.warning.as_ref()).map(|(code, _)| (*code).into()),
            warning: assessment.warning.map(|(_, english)| english),
            suggestion_codes: (assessment.suggestions.iter())
                .map(|(code, _)| (*code).into())
                .collect(),
            suggestions: (assessment.suggestions.into_iter())
                .map(|(_, english)| english)
                .collect(),
        });
        payload(ctx, assessment, CheckPasswordPayload::new)
    }

    /// Changes the viewer's own password. Their other sessions end, and they are notified by
    /// e-mail.
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
        payload(ctx, outcome, ChangePasswordPayload::new)
    }

    /// Requests a link for resetting a forgotten password. The response is the same, and takes as
    /// long, whether or not the address is known.
    #[graphql(directive = public::apply())]
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user whose password was forgotten.")]
        input: RequestPasswordResetInput,
    ) -> Result<RequestPasswordResetPayload> {
        let caller = ctx.caller()?;
        let outcome = password_resets::request(ctx.app()?, &caller.actor(), &input.email.0).await;
        payload(ctx, outcome, |()| RequestPasswordResetPayload::new())
    }

    /// Sets a new password with the token from a reset link. All of the user's sessions end, and
    /// they are notified by e-mail. It does not sign them in.
    #[graphql(directive = public::apply())]
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the link and the new password.")]
        input: ResetPasswordInput,
    ) -> Result<ResetPasswordPayload> {
        let caller = ctx.caller()?;
        let new = Password::new(&input.new_password);
        let outcome =
            password_resets::complete(ctx.app()?, &caller.actor(), &input.token, new).await;
        payload(ctx, outcome, |reset| {
            caller.proved_to_be(&reset);
            ResetPasswordPayload::new(reset.user)
        })
    }

    /// Sends a user a link for choosing a new password. Only the user receives it.
    #[graphql(guard = Requires(USERS_UPDATE), directive = requires::apply(USERS_UPDATE))]
    async fn send_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user to send the link to.")] input: SendPasswordResetInput,
    ) -> Result<SendPasswordResetPayload> {
        let id = ids::decode(&input.user_id);
        let outcome = password_resets::send_for(ctx.app()?, &ctx.actor()?, id).await;
        payload(ctx, outcome, SendPasswordResetPayload::new)
    }
}

/// How many bytes of an e-mail address or a name a password is compared with.
const MAX_CONTEXT: usize = 400;

/// A password to check, and the user that it is for.
#[derive(InputObject)]
pub struct CheckPasswordInput {
    /// The password to check.
    #[graphql(secret)]
    password: String,
    /// The token of the invitation that the password is for. Its user's address and names, which the
    /// password should not resemble, are the defaults below; those of the viewer without a token, and none
    /// for a link that no longer works.
    #[graphql(secret)]
    invitation_token: Option<String>,
    /// The token of the password reset that the password is for.
    #[graphql(secret)]
    password_reset_token: Option<String>,
    /// The user's e-mail address, which the password should not resemble.
    email: Option<EmailAddress>,
    /// The user's first name, which the password should not resemble.
    first_name: Option<String>,
    /// The user's last name, which the password should not resemble.
    last_name: Option<String>,
}

/// Whom a password is for: whom the link was sent to, or the viewer.
async fn person(ctx: &Context<'_>, input: &CheckPasswordInput) -> Result<Option<users::User>> {
    let app = ctx.app()?;
    if let Some(token) = &input.invitation_token {
        return Ok(invitations::pending_user(app, token).await?);
    }
    if let Some(token) = &input.password_reset_token {
        return Ok(password_resets::pending_user(app, token).await?);
    }
    let actor = ctx.actor()?;
    Ok(actor.signed_in().ok().map(|viewer| viewer.user.clone()))
}

/// The viewer's current and new password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// Proves that the caller is the account's owner, not someone at an unlocked device.
    #[graphql(secret)]
    current_password: String,
    /// The password to set; it must satisfy `passwordPolicy`.
    #[graphql(secret)]
    new_password: String,
}

/// The user whose password was forgotten.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// The user's e-mail address; case does not matter.
    email: EmailAddress,
}

/// The token and the new password.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// The token from the link.
    #[graphql(secret)]
    token: String,
    /// The password to set; it must satisfy `passwordPolicy`.
    #[graphql(secret)]
    new_password: String,
}

/// The user to send the link to.
#[derive(InputObject)]
pub struct SendPasswordResetInput {
    /// The ID of an active user.
    user_id: ID,
}

payloads! {
    /// The result of `checkPassword`.
    CheckPasswordPayload {
        /// The assessment; null if there are `userErrors`.
        assessment: PasswordAssessment,
    }

    /// The result of `changePassword`.
    ChangePasswordPayload {
        /// The user whose password was changed; null if there are `userErrors`.
        user: User,
    }

    /// The result of `requestPasswordReset`. It does not reveal whether the address is known.
    RequestPasswordResetPayload {}

    /// The result of `resetPassword`.
    ResetPasswordPayload {
        /// The user whose password was reset; null if there are `userErrors`.
        user: User,
    }

    /// The result of `sendPasswordReset`.
    SendPasswordResetPayload {
        /// The user to whom the link was sent; null if there are `userErrors`.
        user: User,
    }
}

/// The state of a password reset link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "password_reset::Status")]
pub enum PasswordResetStatus {
    /// The link works.
    Pending,
    /// The link was not used in time.
    Expired,
    /// The link was used.
    Used,
    /// The link was revoked, because the password or the e-mail address was changed or the user was
    /// deactivated.
    Revoked,
}

/// What anyone with the link can see before choosing a new password.
#[derive(SimpleObject)]
pub struct PasswordResetPreview {
    /// The state of the link.
    #[graphql(directive = public::apply())]
    status: PasswordResetStatus,
    /// When the link expires.
    #[graphql(directive = public::apply())]
    expires_at: DateTime,
    /// The user's e-mail address, under which a password manager stores the new password; null
    /// unless the link works.
    #[graphql(directive = public::apply())]
    email: Option<EmailAddress>,
}

/// How hard a password is to guess, and whether it would be accepted.
#[derive(SimpleObject)]
pub struct PasswordAssessment {
    /// The zxcvbn score, from 0 (trivial to guess) to 4 (very hard to guess).
    #[graphql(directive = public::apply())]
    score: u8,
    /// Whether the password would be accepted.
    #[graphql(directive = public::apply())]
    is_acceptable: bool,
    /// Why the password would not be accepted; null if it would.
    #[graphql(directive = public::apply())]
    reason: Option<UserErrorCode>,
    /// Why the password is easy to guess, in English, if there is one main reason.
    #[graphql(directive = public::apply())]
    warning: Option<String>,
    /// The same for front ends that translate it.
    #[graphql(directive = public::apply())]
    warning_code: Option<PasswordWarning>,
    /// How to make the password harder to guess, in English.
    #[graphql(directive = public::apply())]
    suggestions: Vec<String>,
    /// The same for front ends that translate it, in the same order.
    #[graphql(directive = public::apply())]
    suggestion_codes: Vec<PasswordSuggestion>,
}

/// The rules that a new password must meet.
#[derive(SimpleObject)]
pub struct PasswordPolicy {
    /// The minimum length, in characters.
    #[graphql(directive = public::apply())]
    min_length: usize,
    /// The maximum length, in bytes of UTF-8.
    #[graphql(directive = public::apply())]
    max_length: usize,
    /// The minimum zxcvbn score, from 0 to 4.
    #[graphql(directive = public::apply())]
    min_score: u8,
}
