//! Races between transactions: which errors say that one was lost, and how that is rehearsed.
//!
//! A database that runs transactions side by side may end one of them, through no fault of its own, to
//! let another go on. Whoever makes the change makes it again.

use std::sync::{Mutex, PoisonError};

use sea_orm::DbErr;
use sea_orm::sqlx::mysql::MySqlDatabaseError;

use super::transaction::database_error;

/// Serialization failure and deadlock (PostgreSQL, appendix A; the first also MySQL and MariaDB, for
/// error 1213 and for a transaction that another node of a Galera cluster has overtaken).
const SQL_STATES: [&str; 2] = ["40001", "40P01"];

/// MySQL and MariaDB: lock wait time-out, and a row that has changed since the snapshot.
const MYSQL_ERRORS: [u16; 2] = [1205, 1020];

/// SQLite: busy, locked, and busy with a newer snapshot.
const SQLITE_CODES: [&str; 3] = ["5", "6", "517"];

/// How the error begins with which a transaction was lost here, and not by the database.
const LOST: &str = "the transaction was lost with others: ";

/// The error of a transaction that failed through no fault of its own, and of what failed there: it is made
/// again.
pub fn lost(cause: &DbErr) -> DbErr {
    DbErr::Custom(format!("{LOST}{cause}"))
}

/// Whether the transaction may well succeed when it is tried again.
pub fn is_lost_race(error: &DbErr) -> bool {
    if let DbErr::Custom(text) = error {
        return text.starts_with(LOST);
    }
    let Some(error) = database_error(error) else {
        return false;
    };
    if let Some(mysql) = error.try_downcast_ref::<MySqlDatabaseError>()
        && MYSQL_ERRORS.contains(&mysql.number())
    {
        return true;
    }
    let code = error.code().unwrap_or_default();
    SQL_STATES.contains(&&*code) || SQLITE_CODES.contains(&&*code)
}

/// Which of the next commits fail as if they had lost a race.
#[derive(Debug, Default)]
pub(super) struct Rehearsal(Mutex<Option<Script>>);

#[derive(Debug)]
struct Script {
    /// Whether the commit of this number fails, from 1 on.
    is_lost: fn(u64) -> bool,
    commits: u64,
}

impl Rehearsal {
    pub(super) fn begin(&self, is_lost: fn(u64) -> bool) {
        let commits = 0;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Script { is_lost, commits });
    }

    /// # Errors
    ///
    /// If this commit is to fail.
    pub(super) fn commit(&self) -> Result<(), DbErr> {
        let mut rehearsal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(script) = rehearsal.as_mut() else {
            return Ok(());
        };
        script.commits += 1;
        if (script.is_lost)(script.commits) {
            return Err(DbErr::Custom(format!("{LOST}a rehearsal")));
        }
        Ok(())
    }
}
