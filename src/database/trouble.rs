//! SQLite's errors in words: which are the file's, the disk's or the folder's, and what is to be done.

use sea_orm::DbErr;
use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::sqlx::postgres::PgDatabaseError;

use super::transaction::database_error;

/// SQLite's result codes (<https://sqlite.org/rescode.html>), without what extends them.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const IO_ERROR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// What an operator makes of it.
fn meaning(code: i32) -> Option<&'static str> {
    Some(match code & 0xff {
        BUSY | LOCKED => "another program holds the database; stop it, and try again",
        READ_ONLY => "this user may not write to the file, or the file system takes no writes",
        IO_ERROR => "the disk reports an error",
        CORRUPT | NOT_A_DATABASE => {
            "the file is damaged, or is no database; put a backup in its place with `usher restore FILE --replace`"
        }
        FULL => "the disk is full; nothing was changed",
        CANNOT_OPEN => {
            "the file cannot be opened; does the folder exist, and may this user write to it?"
        }
        _ => return None,
    })
}

/// An error of SQLite's in words for the operator.
pub(super) fn in_words(error: &rusqlite::Error) -> String {
    let code = error.sqlite_error().map(|error| error.extended_code);
    with_meaning(code, error.to_string())
}

/// An error of any database's in words for the operator.
pub fn explained(error: &DbErr) -> String {
    let text = super::server::innermost(error);
    with_meaning(sqlite_code(error), text)
}

fn with_meaning(code: Option<i32>, text: String) -> String {
    match code.and_then(meaning) {
        Some(meaning) => format!("{meaning} ({text})"),
        None => text,
    }
}

/// The result code, where the database is SQLite's.
fn sqlite_code(error: &DbErr) -> Option<i32> {
    let error = database_error(error)?;
    let is_of_a_server = error.try_downcast_ref::<PgDatabaseError>().is_some()
        || error.try_downcast_ref::<MySqlDatabaseError>().is_some();
    if is_of_a_server {
        return None;
    }
    error.code()?.parse().ok()
}
