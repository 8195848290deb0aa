//! The API of passwords: the policy.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::context::ContextExt;
use super::guard::public;
use crate::domain::passwords;

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
