//! Errors as clients see them: `userErrors` for what the caller can correct, and top-level errors with a
//! code for everything else.

use async_graphql::{Enum, ErrorExtensions, SimpleObject};

use crate::domain;
use crate::domain::text::MAX_SEARCH_LENGTH;

/// An error that the caller can correct. Never used for authentication or authorization failures.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// Machine-readable code.
    code: UserErrorCode,
    /// Path to the input at fault, such as `["input", "email"]`; null if no single input is at
    /// fault.
    field: Option<Vec<String>>,
    /// Human-readable explanation: what is wrong, and what to do about it.
    message: String,
    /// How many seconds to wait before trying again; null unless waiting is all that is needed.
    retry_after: Option<u64>,
    /// The values in the message, for front ends that say it in their own words: `min` and `max` of a length
    /// or a number of entries, `holders` of a role.
    parameters: Vec<UserErrorParameter>,
}

/// A value in the message of a user error.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserErrorParameter {
    /// The name, such as "min".
    name: String,
    /// The value, such as "12".
    value: String,
}

/// The kinds of user errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::UserErrorCode")]
pub enum UserErrorCode {
    /// The value is missing or empty.
    Required,
    /// The value is not in the required format.
    Invalid,
    /// The text is too long.
    TooLong,
    /// The list has too many entries.
    TooMany,
    /// The value is already in use.
    Taken,
    /// The object does not exist.
    NotFound,
    /// The e-mail address or password is incorrect.
    InvalidCredentials,
    /// There were too many attempts; try again later.
    TooManyAttempts,
    /// The link is unknown, or no longer works.
    TokenInvalid,
    /// The link was not used in time.
    TokenExpired,
    /// The password has too few characters.
    PasswordTooShort,
    /// The password is too easy to guess.
    PasswordTooWeak,
    /// The new password is the same as the current one.
    PasswordUnchanged,
    /// It would leave no active administrator.
    LastAdministrator,
    /// Users cannot do this to their own account.
    OwnAccount,
    /// It would grant, or affect a user who has, a permission that the caller lacks.
    ExceedsOwnPermissions,
    /// The object is built in, or declared by the server's configuration.
    Protected,
    /// The object's current state does not allow this.
    WrongState,
    /// Somebody has changed the object since the caller looked at it (`expectedUpdatedAt`).
    ChangedMeanwhile,
    /// The `idempotencyKey` was used with another input in the last 24 hours.
    IdempotencyKeyReused,
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
            parameters: (error.parameters.into_iter())
                .map(|(name, value)| UserErrorParameter {
                    name: name.to_owned(),
                    value,
                })
                .collect(),
        }
    }
}

/// The request asks for something impossible, such as an empty page or a cursor of another list.
pub fn bad_request(message: impl Into<String>) -> async_graphql::Error {
    coded(message, Code::BadRequest)
}

/// Not exactly one of two arguments was given.
pub fn exactly_one_of(first: &str, second: &str) -> async_graphql::Error {
    bad_request(format!(
        "Provide either `{first}` or `{second}`: exactly one of them."
    ))
}

/// Refuses a search term that is too long.
///
/// # Errors
///
/// `BAD_REQUEST`, which names the input.
pub fn check_search(name: &str, term: Option<&str>) -> async_graphql::Result<()> {
    if term.map_or(0, |term| term.chars().count()) > MAX_SEARCH_LENGTH {
        return Err(bad_request(format!(
            "`{name}` can be at most {MAX_SEARCH_LENGTH} characters long."
        )));
    }
    Ok(())
}

/// What is wrong with the term of this name in a mutation's input `filter`.
pub fn flaw_of_search(name: &'static str, term: Option<&str>) -> Option<domain::UserError> {
    if term.map_or(0, |term| term.chars().count()) <= MAX_SEARCH_LENGTH {
        return None;
    }
    let message = format!("Enter at most {MAX_SEARCH_LENGTH} characters.");
    let code = domain::UserErrorCode::TooLong;
    let error = domain::UserError::new(code, "filter", message);
    Some(error.of(name).with("max", MAX_SEARCH_LENGTH))
}

/// The server is at fault; the cause goes to its log only.
pub fn internal(cause: &str) -> async_graphql::Error {
    tracing::error!(cause, "a request failed");
    coded("Something went wrong on the server.", Code::Internal)
}

/// The values of `extensions.code` in top-level errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The caller must sign in first.
    Unauthenticated,
    /// The caller lacks a permission, named in `extensions.permission`.
    Forbidden,
    /// The request is malformed, or does not match the schema.
    BadRequest,
    /// The request has a digest in place of the query; clients then send the query. The name is
    /// Apollo's, and so is the message, which some of them go by.
    PersistedQueryNotSupported,
    /// The request exceeds a limit, or took too long.
    LimitExceeded,
    /// The server is busy; `extensions.retryAfter` says in how many seconds to try again.
    RateLimited,
    /// The database is away, and nothing was done; `extensions.retryAfter` says in how many seconds to try
    /// again.
    Unavailable,
    /// The database went away while it stored a change, which may have been done: look before you try again.
    OutcomeUnknown,
    /// The server is at fault; `extensions.requestId` helps find the cause.
    Internal,
}

impl Code {
    /// As clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadRequest => "BAD_REQUEST",
            Self::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
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
        let retry_after = error.retry_after().unwrap_or_default().as_secs();
        match error {
            domain::Error::Unauthenticated => coded("Sign in first.", Code::Unauthenticated),
            domain::Error::Forbidden(permission) => coded(
                format!("This requires the permission {permission}."),
                Code::Forbidden,
            )
            .extend_with(|_, extensions| extensions.set("permission", permission.code())),
            // Mutations answer with a payload; this leaves the arguments of queries.
            domain::Error::Refused(errors) => bad_request(
                errors
                    .into_iter()
                    .map(|error| error.message)
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
            domain::Error::Busy { .. } => {
                coded("The server is busy. Try again later.", Code::RateLimited)
                    .extend_with(|_, extensions| extensions.set("retryAfter", retry_after))
            }
            domain::Error::Unavailable(away) => {
                tracing::debug!(%away, "a request found the database away");
                let symptom = away.symptom();
                let message = format!("The database {symptom}. Nothing was done. Try again later.");
                coded(message, Code::Unavailable)
                    .extend_with(|_, extensions| extensions.set("retryAfter", retry_after))
            }
            domain::Error::OutcomeUnknown(away) => {
                tracing::debug!(%away, "a request found the database away as it was committed");
                let message = "The connection to the database broke off while this was being stored. It may have been done: look before you try again.";
                coded(message, Code::OutcomeUnknown)
            }
            domain::Error::Internal(cause) => {
                tracing::error!(%cause, details = ?cause, "a request failed");
                coded("Something went wrong on the server.", Code::Internal)
            }
        }
    }
}
