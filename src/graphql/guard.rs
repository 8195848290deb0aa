//! Who may read a field: guards that act, and the directives that say so in `schema.graphql`.
//!
//! Each guarded field carries the pair on one line, and a test proves that the two agree:
//!
//! ```text
//! #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
//! ```
//!
//! A guard never asks the database: what the caller may do was found together with who they are.

#![allow(
    non_camel_case_types,
    missing_docs,
    reason = "the macro makes a type of each directive, named as the directive is"
)]

use async_graphql::{Context, Guard, Result, TypeDirective};
use entity::UserId;

use super::context::ContextExt;
use crate::domain::applications::Permission;

/// Available to anyone, signed in or not.
#[TypeDirective(location = "FieldDefinition", composable = "")]
pub fn public() {}

/// Available to anyone who is signed in.
#[TypeDirective(location = "FieldDefinition", name = "signedIn", composable = "")]
pub fn signed_in() {}

// Apollo Federation has a directive `@requires`, which means another thing.
/// Available to callers who hold the permission.
#[TypeDirective(
    location = "FieldDefinition",
    name = "requiresPermission",
    composable = ""
)]
pub fn requires(
    #[graphql(desc = "The permission, such as \"users.view\".")] permission: Permission,
) {
}

/// Available to users for their own data, and otherwise to callers who hold the permission.
#[TypeDirective(
    location = "FieldDefinition",
    name = "requiresPermissionUnlessOwn",
    composable = ""
)]
pub fn requires_unless_own(
    #[graphql(desc = "The permission, such as \"users.view\".")] permission: Permission,
) {
}

/// The guard of `@signedIn`.
pub struct SignedIn;

impl Guard for SignedIn {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        ctx.actor()?.signed_in()?;
        Ok(())
    }
}

/// The guard of `@requiresPermission`.
pub struct Requires(pub Permission);

impl Guard for Requires {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        Ok(ctx.caller()?.must_hold(&self.0)?)
    }
}

/// The guard of `@requiresPermissionUnlessOwn`: whose data it is, and what others need.
pub struct RequiresUnlessOwn(pub UserId, pub Permission);

impl Guard for RequiresUnlessOwn {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        let caller = ctx.caller()?;
        if caller.is(self.0) {
            return Ok(());
        }
        Ok(caller.must_hold(&self.1)?)
    }
}
