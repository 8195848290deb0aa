//! Payloads: what the mutations return.

use async_graphql::{Context, Result};

use super::context::ContextExt;
use super::error::UserError;
use crate::domain;

/// What a mutation returns.
pub trait Payload: Sized {
    /// Nothing was changed, for these reasons.
    fn refused(user_errors: Vec<UserError>) -> Self;
}

/// Declares payloads: what was changed, null if nothing was, and `userErrors`.
macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(::async_graphql::SimpleObject)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// All errors in the input. If there are any, nothing was changed.
            pub user_errors: Vec<$crate::graphql::error::UserError>,
        }

        impl $name {
            /// Everything was changed.
            fn new($($field: impl Into<$type>),*) -> Self {
                Self { $($field: Some($field.into()),)* user_errors: Vec::new() }
            }
        }

        impl $crate::graphql::payload::Payload for $name {
            fn refused(user_errors: Vec<$crate::graphql::error::UserError>) -> Self {
                Self { user_errors, $($field: None,)* }
            }
        }
    )*};
}
pub(crate) use payloads;

/// Turns the outcome of an operation into a mutation's payload. Notes when to try again, if the
/// outcome says so, for the response's header.
pub fn payload<T, P: Payload>(
    ctx: &Context<'_>,
    outcome: domain::Result<T>,
    accepted: impl FnOnce(T) -> P,
) -> Result<P> {
    note_change(ctx, &outcome)?;
    rehearsed(ctx, outcome, accepted)
}

/// The same of an operation that has changed nothing, whatever came of it: of a dry run.
pub fn rehearsed<T, P: Payload>(
    ctx: &Context<'_>,
    outcome: domain::Result<T>,
    accepted: impl FnOnce(T) -> P,
) -> Result<P> {
    match outcome {
        Ok(value) => Ok(accepted(value)),
        Err(domain::Error::Refused(errors)) => {
            ctx.caller()?.note_retry_after(&errors);
            Ok(P::refused(errors.into_iter().map(Into::into).collect()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Adds what kept the server from the last of many, after it had done something, to the answer's errors.
pub fn note_stop(ctx: &Context<'_>, error: domain::Error) {
    let error = match error {
        domain::Error::Unavailable(away) => domain::Error::OutcomeUnknown(away),
        other => other,
    };
    note_rehearsal_stop(ctx, error);
}

/// The same where nothing was done: in a dry run.
pub fn note_rehearsal_stop(ctx: &Context<'_>, error: domain::Error) {
    let error = async_graphql::Error::from(error).into_server_error(ctx.item.pos);
    ctx.add_error(ctx.set_error_path(error));
}

/// Notes what a mutation came to: once something was changed, or may have been, nothing that fails after
/// that may be told as if nothing had been done.
pub fn note_change<T>(ctx: &Context<'_>, outcome: &domain::Result<T>) -> Result<()> {
    if matches!(outcome, Ok(_) | Err(domain::Error::OutcomeUnknown(_))) {
        ctx.caller()?.may_have_changed();
    }
    Ok(())
}
