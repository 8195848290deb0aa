//! Errors as clients see them: `userErrors` for what they can mend, and top-level errors with a code
//! for everything else.

use async_graphql::{Enum, ErrorExtensions, SimpleObject};

use crate::domain;

/// Something that the caller can mend. Never used for authentication or authorization failures.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// For programs.
    code: UserErrorCode,
    /// Path to the offending input, such as `["input", "email"]`; null when no single input is at
    /// fault.
    field: Option<Vec<String>>,
    /// For people: what is wrong, and what to do.
    message: String,
    /// In how many seconds to try again, where that is all there is to do.
    retry_after: Option<u64>,
}

/// What kind of mistake it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::UserErrorCode")]
pub enum UserErrorCode {
    /// It must not be empty.
    Required,
    /// It is not of the form that is asked for.
    Invalid,
    /// It has too many characters.
    TooLong,
    /// Somebody or something else has it already.
    Taken,
    /// There is no such thing.
    NotFound,
    /// Address and password do not belong together.
    InvalidCredentials,
    /// Too many guesses; try again later.
    TooManyAttempts,
    /// The link was never issued, or does not work any more.
    TokenInvalid,
    /// The link was not used in time.
    TokenExpired,
    /// The password has too few characters.
    PasswordTooShort,
    /// The password is easy to guess.
    PasswordTooWeak,
    /// The new password is the old one.
    PasswordUnchanged,
    /// There would be no administrator left.
    LastAdministrator,
    /// Nobody does this to their own account.
    OwnAccount,
    /// It would give away, or touch somebody with, a permission that the caller lacks.
    ExceedsOwnPermissions,
    /// The thing is built in.
    Protected,
    /// It cannot be done in the state that the thing is in.
    WrongState,
}

impl From<domain::UserError> for UserError {
    fn from(error: domain::UserError) -> Self {
        // Every mutation takes one argument, called `input`.
        let field = (!error.field.is_empty()).then(|| {
            std::iter::once("input".to_owned())
                .chain(error.field)
                .collect()
        });
        Self {
            code: error.code.into(),
            field,
            message: error.message,
            retry_after: error.retry_after.map(|wait| wait.as_secs()),
        }
    }
}

/// What a mutation answers with.
pub trait Payload: Sized {
    /// Nothing was changed, for these reasons.
    fn refused(user_errors: Vec<UserError>) -> Self;
}

/// Declares payloads: what was changed, null where nothing was, and `userErrors`.
macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Default, ::async_graphql::SimpleObject)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// All that is wrong with the input. Where there is anything, nothing was changed.
            pub user_errors: Vec<$crate::graphql::error::UserError>,
        }

        impl $crate::graphql::error::Payload for $name {
            fn refused(user_errors: Vec<$crate::graphql::error::UserError>) -> Self {
                Self { user_errors, $($field: None,)* }
            }
        }
    )*};
}
pub(crate) use payloads;

/// Turns the outcome of an operation into a mutation's payload.
pub fn payload<T, P: Payload>(
    outcome: domain::Result<T>,
    accepted: impl FnOnce(T) -> P,
) -> async_graphql::Result<P> {
    match outcome {
        Ok(value) => Ok(accepted(value)),
        Err(domain::Error::Refused(errors)) => {
            Ok(P::refused(errors.into_iter().map(Into::into).collect()))
        }
        Err(error) => Err(error.into()),
    }
}

/// The request asks for something that cannot be: a page of no rows, a cursor of another list.
pub fn bad_request(message: impl Into<String>) -> async_graphql::Error {
    coded(message, Code::BadRequest)
}

/// The server is at fault; the cause goes to its log only.
pub fn internal(cause: &str) -> async_graphql::Error {
    tracing::error!(cause, "a request failed");
    coded("Something went wrong on the server.", Code::Internal)
}

/// What `extensions.code` of a top-level error can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The caller must sign in first.
    Unauthenticated,
    /// The caller lacks a permission, named in `extensions.permission`.
    Forbidden,
    /// The request is malformed, or does not fit the schema.
    BadRequest,
    /// The request has too much of something, or took too long.
    LimitExceeded,
    /// The server has too much to do; `extensions.retryAfter` says when to try again, in seconds.
    RateLimited,
    /// The server is at fault; `extensions.requestId` helps to find the cause.
    Internal,
}

impl Code {
    /// As clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadRequest => "BAD_REQUEST",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Internal => "INTERNAL",
        }
    }
}

fn coded(message: impl Into<String>, code: Code) -> async_graphql::Error {
    async_graphql::Error::new(message)
        .extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

impl From<domain::Error> for async_graphql::Error {
    fn from(error: domain::Error) -> Self {
        match error {
            domain::Error::Unauthenticated => coded("Sign in first.", Code::Unauthenticated),
            domain::Error::Forbidden(permission) => coded(
                format!("This needs the permission {permission}."),
                Code::Forbidden,
            )
            .extend_with(|_, extensions| extensions.set("permission", permission.code())),
            // Mutations answer with a payload; what is left are the arguments of queries.
            domain::Error::Refused(errors) => bad_request(
                errors
                    .into_iter()
                    .map(|error| error.message)
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
            domain::Error::Busy { retry_after } => coded(
                "The server has too much to do. Try again later.",
                Code::RateLimited,
            )
            .extend_with(|_, extensions| extensions.set("retryAfter", retry_after.as_secs())),
            domain::Error::Internal(cause) => {
                tracing::error!(%cause, details = ?cause, "a request failed");
                coded("Something went wrong on the server.", Code::Internal)
            }
        }
    }
}
