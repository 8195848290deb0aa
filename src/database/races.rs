//! Races between transactions: which errors say that one was lost, and how that is rehearsed.
//!
//! A database that runs transactions side by side may end one of them, through no fault of its own, to
//! let another go on. Whoever makes the change makes it again.

use std::sync::{Mutex, PoisonError};

use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// Serialization failure and deadlock (PostgreSQL, appendix A; the first also MySQL and MariaDB, for
/// error 1213 and for a transaction that another node of a Galera cluster has overtaken).
const SQL_STATES: [&str; 2] = ["40001", "40P01"];

/// MySQL and MariaDB: lock wait time-out, and a row that has changed since the snapshot.
const MYSQL_ERRORS: [u16; 2] = [1205, 1020];

/// SQLite: busy, locked, and busy with a newer snapshot.
const SQLITE_CODES: [&str; 3] = ["5", "6", "517"];

/// What a rehearsed race is lost with.
const REHEARSED: &str = "the transaction lost a race in a rehearsal";

/// Whether the transaction may well succeed when it is tried again.
pub fn is_lost_race(error: &DbErr) -> bool {
    let error = match error {
        DbErr::Custom(text) => return text == REHEARSED,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => error,
        _ => return false,
    };
    let SqlxError::Database(error) = &**error else {
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
            return Err(DbErr::Custom(REHEARSED.to_owned()));
        }
        Ok(())
    }
}
