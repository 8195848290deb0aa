//! SQLite's errors, as those of the other databases are.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use sea_orm::sqlx::error::{DatabaseError, ErrorKind};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::database::Cause;

/// What SQLite says: its own words, and its extended result code (<https://sqlite.org/rescode.html>).
#[derive(Clone, Debug)]
pub struct Failure {
    message: String,
    code: Option<i32>,
}

impl Failure {
    /// What it says of the file and its disk, whatever was asked of them.
    pub fn of_storage(&self) -> Option<Cause> {
        use rusqlite::ffi;
        // The lowest byte, without what extends it.
        match self.code? & 0xff {
            ffi::SQLITE_FULL => Some(Cause::DiskFull),
            ffi::SQLITE_IOERR => Some(Cause::DiskError),
            ffi::SQLITE_READONLY => Some(Cause::WriteProtected),
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Some(Cause::Damaged),
            _ => None,
        }
    }
}

/// As all errors of databases reach those who ask.
pub(super) fn failed(error: rusqlite::Error) -> DbErr {
    Failure::from(&error).into()
}

impl From<&rusqlite::Error> for Failure {
    fn from(error: &rusqlite::Error) -> Self {
        Self {
            message: error.to_string(),
            code: error.sqlite_error().map(|error| error.extended_code),
        }
    }
}

impl From<Failure> for DbErr {
    fn from(failure: Failure) -> Self {
        let error = SqlxError::Database(Box::new(failure));
        Self::Query(RuntimeErr::SqlxError(Arc::new(error)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.code {
            Some(code) => write!(f, " (code: {code})"),
            None => Ok(()),
        }
    }
}

impl Error for Failure {}

impl DatabaseError for Failure {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.code.map(|code| code.to_string().into())
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        use rusqlite::ffi;
        match self.code {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                ErrorKind::UniqueViolation
            }
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => ErrorKind::ForeignKeyViolation,
            Some(ffi::SQLITE_CONSTRAINT_NOTNULL) => ErrorKind::NotNullViolation,
            Some(ffi::SQLITE_CONSTRAINT_CHECK) => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}
