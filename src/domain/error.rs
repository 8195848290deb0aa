//! What can go wrong with an operation, sorted by who can correct it.

use std::time::Duration;

use sea_orm::DbErr;

use super::applications::Permission;
use crate::database::{self, Away, CommitError};

/// The outcome of an operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation did not happen. Nothing was changed, except where that is not known.
#[derive(Debug)]
pub enum Error {
    /// The caller must sign in first.
    Unauthenticated,
    /// The caller lacks a permission.
    Forbidden(Permission),
    /// The input is at fault: all of its errors, of which there is at least one.
    Refused(Vec<UserError>),
    /// The server is busy.
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The database is away, which its operator knows from the log.
    Unavailable(Away),
    /// The database went away while it stored a change: all of it may have been stored, or nothing. It must
    /// not be made again before somebody has looked.
    OutcomeUnknown(Away),
    /// The server is at fault. The cause goes to its log only.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// An error that the caller can correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// Machine-readable code.
    pub code: UserErrorCode,
    /// The path to the input at fault, such as `["email"]`; empty if no single input is at fault.
    pub field: Vec<String>,
    /// Human-readable explanation: what is wrong, and what to do about it.
    pub message: String,
    /// When to try again, in whole seconds, if waiting is all that is needed.
    pub retry_after: Option<Duration>,
    /// The values in the message, by name, for front ends that say it in their own words.
    pub parameters: Vec<(&'static str, String)>,
}

impl UserError {
    /// An error of the input `field`.
    pub fn new(
        code: UserErrorCode,
        field: impl Into<Option<&'static str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            field: field.into().map(str::to_owned).into_iter().collect(),
            message: message.into(),
            retry_after: None,
            parameters: Vec::new(),
        }
    }

    /// The same error for a part of its field.
    pub fn of(mut self, part: &'static str) -> Self {
        self.field.push(part.to_owned());
        self
    }

    /// The same error with a value that its message has.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.parameters.push((name, value.to_string()));
        self
    }

    /// The same error inside of the entry at `index` of the list `field`.
    pub fn within(mut self, field: &str, index: usize) -> Self {
        self.field
            .splice(0..0, [field.to_owned(), index.to_string()]);
        self
    }

    /// The same error for the entry at `index` of its field's list.
    pub fn at(mut self, index: usize) -> Self {
        self.field.push(index.to_string());
        self
    }
}

/// The kinds of user errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Somebody has changed the object since the caller looked at it.
    ChangedMeanwhile,
    /// The idempotency key was used with another input.
    IdempotencyKeyReused,
}

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        Self::Refused(vec![error])
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match Away::of(&error) {
            Some(away) => Self::Unavailable(away),
            None => Self::internal(error),
        }
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Failed(error) => error.into(),
            CommitError::Unknown(away) => Self::OutcomeUnknown(away),
        }
    }
}

impl From<Away> for Error {
    fn from(away: Away) -> Self {
        Self::Unavailable(away)
    }
}

impl Error {
    /// The same errors, where another input stands in the place of the one that they name.
    pub fn in_the_place_of(mut self, named: &str, actual: &str) -> Self {
        if let Self::Refused(errors) = &mut self {
            for field in errors
                .iter_mut()
                .filter_map(|error| error.field.first_mut())
            {
                if field == named {
                    actual.clone_into(field);
                }
            }
        }
        self
    }

    /// Whether the database ended the transaction because it lost a race against another, and it may
    /// well succeed when it is tried again.
    pub fn is_lost_race(&self) -> bool {
        match self {
            Self::Internal(cause) => cause.downcast_ref().is_some_and(database::is_lost_race),
            _ => false,
        }
    }

    /// Why the database is away, if that is all that is wrong.
    pub fn away(&self) -> Option<&Away> {
        match self {
            Self::Unavailable(away) | Self::OutcomeUnknown(away) => Some(away),
            _ => None,
        }
    }

    /// When to try again, if waiting is all that is needed.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } => Some(*retry_after),
            Self::Unavailable(_) => Some(Away::RETRY_AFTER),
            _ => None,
        }
    }

    /// Says in the log what could not be done, unless the log says already that the database is away.
    pub fn report(&self, what: &str) {
        if self.away().is_none() {
            tracing::error!(error = ?self, "{what}");
        }
    }

    /// In words for an operator: without what only a programmer makes something of.
    pub fn explained(&self) -> String {
        match self {
            Self::Internal(cause) => match cause.downcast_ref() {
                Some(error) => database::explained(error),
                None => cause.to_string(),
            },
            Self::Refused(errors) => {
                let messages: Vec<&str> =
                    errors.iter().map(|error| error.message.as_str()).collect();
                messages.join(" ")
            }
            Self::Unavailable(away) | Self::OutcomeUnknown(away) => away.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// The server is at fault.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

/// The errors in an input, collected so that all of them are reported at once.
#[derive(Debug, Default)]
pub struct UserErrors(Vec<UserError>);

impl UserErrors {
    /// Adds an error.
    pub fn push(&mut self, error: UserError) {
        self.0.push(error);
    }

    /// Returns the value, or adds the reason why there is none.
    pub fn check<T>(&mut self, outcome: std::result::Result<T, UserError>) -> Option<T> {
        outcome.map_err(|error| self.push(error)).ok()
    }

    /// Returns the value, or adds the reasons why there is none.
    ///
    /// # Errors
    ///
    /// What is not the input's fault.
    pub fn check_all<T>(&mut self, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Error::Refused(errors)) => {
                self.0.extend(errors);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// All of them, in the order in which they were found.
    pub fn into_all(self) -> Vec<UserError> {
        self.0
    }

    /// All of the checked values, if there were no errors.
    pub fn finish<C: Checked>(self, values: C) -> Result<C::Values> {
        match values.all() {
            Some(values) if self.0.is_empty() => Ok(values),
            None if self.0.is_empty() => {
                Err(Error::internal("a value was refused without an error"))
            }
            _ => Err(Error::Refused(self.0)),
        }
    }
}

/// Values that were checked, each of which may be missing.
pub trait Checked {
    /// All of them.
    type Values;

    /// All of them, unless one is missing.
    fn all(self) -> Option<Self::Values>;
}

macro_rules! checked {
    ($($value:ident: $type:ident),+) => {
        impl<$($type),+> Checked for ($(Option<$type>,)+) {
            type Values = ($($type,)+);

            fn all(self) -> Option<Self::Values> {
                let ($($value,)+) = self;
                Some(($($value?,)+))
            }
        }
    };
}

checked!(a: A);
checked!(a: A, b: B);
checked!(a: A, b: B, c: C);
checked!(a: A, b: B, c: C, d: D);
