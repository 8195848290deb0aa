//! What can go wrong with an operation, sorted by who can mend it.

use std::time::Duration;

use sea_orm::DbErr;

use super::applications::Permission;

/// The outcome of an operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation did not happen. Nothing was changed then.
#[derive(Debug)]
pub enum Error {
    /// The caller must sign in first.
    Unauthenticated,
    /// The caller lacks a permission.
    Forbidden(Permission),
    /// The input is at fault: everything that is wrong with it, never empty.
    Refused(Vec<UserError>),
    /// The server has too much to do.
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The server is at fault. The cause is for its log only.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// Something that the caller can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// For programs.
    pub code: UserErrorCode,
    /// The path of the input at fault, such as `["email"]`; empty where no single one is.
    pub field: Vec<String>,
    /// For people: what is wrong, and what to do.
    pub message: String,
    /// When to try again, where that is all there is to do. Whole seconds.
    pub retry_after: Option<Duration>,
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
        }
    }

    /// The same error of another input.
    pub fn of_field(mut self, field: &str) -> Self {
        self.field = vec![field.to_owned()];
        self
    }

    /// The same error of the `index`th entry of its field's list.
    pub fn at(mut self, index: usize) -> Self {
        self.field.push(index.to_string());
        self
    }
}

/// What kind of mistake it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Too many guesses.
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

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        Self::Refused(vec![error])
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::internal(error)
    }
}

impl Error {
    /// A fault of the server's own.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

/// Everything that is wrong with an input, gathered so that it is reported at once.
#[derive(Debug, Default)]
pub struct UserErrors(Vec<UserError>);

impl UserErrors {
    /// Notes an error.
    pub fn push(&mut self, error: UserError) {
        self.0.push(error);
    }

    /// Takes the value, or notes why there is none.
    pub fn check<T>(&mut self, outcome: std::result::Result<T, UserError>) -> Option<T> {
        outcome.map_err(|error| self.push(error)).ok()
    }

    /// Takes the values, or notes why there are none.
    pub fn check_all<T>(&mut self, outcome: std::result::Result<T, Vec<UserError>>) -> Option<T> {
        outcome.map_err(|errors| self.0.extend(errors)).ok()
    }

    /// Everything that was wrong, where something was missing.
    pub fn into_error(self) -> Error {
        Error::Refused(self.0)
    }

    /// Goes on only if nothing was wrong.
    pub fn into_result(self) -> Result<()> {
        match self.0 {
            errors if errors.is_empty() => Ok(()),
            errors => Err(Error::Refused(errors)),
        }
    }
}
