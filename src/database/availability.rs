//! Whether the database is there.
//!
//! Each query's outcome tells: an answer, whatever it says, comes from a database that is there; an
//! error of the connection, or silence, is a reason to look (`pool.rs` does). Whoever looks and finds
//! nobody says so here, once, and once more when the database is back. In between, nothing is asked
//! of it, and everybody who would wait for it hears at once that it is away.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError};
use tokio::sync::watch;
use tokio::time::Instant;

use super::sqlite;

/// PostgreSQL, appendix A: connection exceptions, too many connections, a full disk, a login or a database
/// that is refused, and a server that stops, has crashed, starts, or closes what was idle.
const SQL_STATES: [(&str, Cause); 10] = [
    ("28", Cause::LetsNobodyIn),
    ("3D000", Cause::LetsNobodyIn),
    ("53100", Cause::DiskFull),
    ("08", Cause::BrokenOff),
    ("53300", Cause::Full),
    ("57P01", Cause::Closing),
    ("57P02", Cause::Closing),
    ("57P03", Cause::Closing),
    ("57P05", Cause::BrokenOff),
    ("25006", Cause::ReadOnly),
];

/// MySQL and MariaDB: too many connections, a full disk or table, a login or a database that is refused, a
/// server that stops or takes no changes, a connection that broke off or was ended, and a node that has left
/// its Galera cluster.
const MYSQL_ERRORS: [(u16, Cause); 21] = [
    (1044, Cause::LetsNobodyIn),
    (1045, Cause::LetsNobodyIn),
    (1049, Cause::LetsNobodyIn),
    (1698, Cause::LetsNobodyIn),
    (1021, Cause::DiskFull),
    (1114, Cause::DiskFull),
    (1290, Cause::ReadOnly),
    (1836, Cause::ReadOnly),
    (1040, Cause::Full),
    (1047, Cause::Closing),
    (1053, Cause::Closing),
    (1152, Cause::BrokenOff),
    (1158, Cause::BrokenOff),
    (1159, Cause::BrokenOff),
    (1160, Cause::BrokenOff),
    (1161, Cause::BrokenOff),
    (1184, Cause::BrokenOff),
    (1203, Cause::Full),
    (1927, Cause::BrokenOff),
    (3169, Cause::BrokenOff),
    (4031, Cause::BrokenOff),
];

/// Why the database is away, as far as it matters to anybody but its operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody listens there.
    Refused,
    /// It takes connections, and says nothing.
    Silent,
    /// A connection ended.
    BrokenOff,
    /// It stops or starts.
    Closing,
    /// It has no connection to spare, or the pool has none.
    Full,
    /// It refuses the login, or no longer has the database.
    LetsNobodyIn,
    /// It is a stand-by, or was told to take no changes.
    ReadOnly,
    /// Its disk is full, so that it takes no changes. It can be read.
    DiskFull,
    /// SQLite's file may not be written to. It can be read.
    WriteProtected,
    /// The disk with SQLite's file reports an error.
    DiskError,
    /// SQLite's file is damaged.
    Damaged,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "it refuses connections",
            Self::Silent => "it says nothing",
            Self::BrokenOff => "the connection broke off",
            Self::Closing => "it is stopping or starting",
            Self::Full => "it has no connection to spare",
            Self::LetsNobodyIn => "it refuses the login",
            Self::ReadOnly => "it is a stand-by, or set to take no changes",
            Self::DiskFull => "its disk is full",
            Self::WriteProtected => "its file may not be written to",
            Self::DiskError => "its disk reports an error",
            Self::Damaged => "its file is damaged",
        })
    }
}

/// The database is away, or takes no changes: an error that is no fault of the query's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database {}: {cause}", self.symptom())]
pub struct Away {
    /// Why.
    pub cause: Cause,
    /// What it, or the system, said, for the log.
    pub(super) said: String,
}

impl Away {
    /// When it is worth trying again.
    pub const RETRY_AFTER: Duration = Duration::from_secs(2);

    pub(super) fn new(cause: Cause, said: impl Into<String>) -> Self {
        let said = said.into();
        Self { cause, said }
    }

    /// What whoever needs it notices.
    pub fn symptom(&self) -> &'static str {
        match self.cause {
            Cause::DiskFull | Cause::WriteProtected => "takes no changes",
            Cause::DiskError | Cause::Damaged => "does not work",
            _ => "does not respond",
        }
    }

    /// Whether it is there, but where it keeps its data is in trouble.
    pub(super) fn is_of_storage(&self) -> bool {
        matches!(
            self.cause,
            Cause::DiskFull | Cause::WriteProtected | Cause::DiskError | Cause::Damaged
        )
    }

    /// What an error says of the database, unless it is one of the query's own.
    pub fn of(error: &DbErr) -> Option<Self> {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => {
                Some(Self::new(Cause::Full, error.to_string()))
            }
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
            | DbErr::Conn(RuntimeErr::Internal(_)) => {
                Some(Self::new(Cause::BrokenOff, error.to_string()))
            }
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::of_sqlx(error),
            _ => None,
        }
    }

    pub(super) fn of_sqlx(error: &SqlxError) -> Option<Self> {
        use std::io::ErrorKind;
        let cause = match error {
            SqlxError::Io(io) => {
                let known = io.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
                if let Some(known) = known {
                    return Some(known.clone());
                }
                match io.kind() {
                    ErrorKind::ConnectionRefused | ErrorKind::NotFound => Cause::Refused,
                    ErrorKind::TimedOut => Cause::Silent,
                    _ => Cause::BrokenOff,
                }
            }
            // A connection that ends while it begins has said something that is no word of the protocol.
            SqlxError::Protocol(_) | SqlxError::Tls(_) | SqlxError::PoolClosed => Cause::BrokenOff,
            SqlxError::PoolTimedOut => Cause::Full,
            SqlxError::Database(error) => cause_of(&**error)?,
            _ => return None,
        };
        Some(Self::new(cause, super::server::innermost(error)))
    }
}

impl From<Away> for SqlxError {
    fn from(away: Away) -> Self {
        Self::Io(std::io::Error::other(away))
    }
}

impl From<Away> for DbErr {
    fn from(away: Away) -> Self {
        Self::Conn(RuntimeErr::SqlxError(Arc::new(away.into())))
    }
}

fn cause_of(error: &dyn DatabaseError) -> Option<Cause> {
    if let Some(failure) = error.try_downcast_ref::<sqlite::Failure>() {
        return failure.of_storage();
    }
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        let of_number = MYSQL_ERRORS
            .iter()
            .find(|(number, _)| *number == error.number());
        return of_number.map(|(_, cause)| *cause);
    }
    let code = error.code()?;
    let of_state = SQL_STATES.iter().find(|(state, _)| code.starts_with(state));
    of_state.map(|(_, cause)| *cause)
}

/// What is known of the database.
#[derive(Debug)]
pub(super) struct Availability {
    away: watch::Sender<Option<Away>>,
    begun: Instant,
    /// When it answered last, in microseconds since then.
    answered: AtomicU64,
    is_being_looked_at: AtomicBool,
}

impl Availability {
    /// Of a database that has just answered.
    pub(super) fn new() -> Self {
        Self {
            away: watch::Sender::new(None),
            begun: Instant::now(),
            answered: AtomicU64::new(0),
            is_being_looked_at: AtomicBool::new(false),
        }
    }

    /// Why it is away, unless it is there.
    pub(super) fn away(&self) -> Option<Away> {
        self.away.borrow().clone()
    }

    /// Waits until it is away.
    pub(super) async fn gone(&self) -> Away {
        let mut away = self.away.subscribe();
        loop {
            if let Some(away) = away.borrow_and_update().clone() {
                return away;
            }
            // The sender lives as long as this does.
            if away.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until it has been away, and is back.
    pub(super) async fn returned(&self) {
        self.gone().await;
        let mut away = self.away.subscribe();
        if away.wait_for(Option::is_none).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// It has answered a query.
    pub(super) fn note_answer(&self) {
        let since = self.begun.elapsed().as_micros();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.answered.store(since, Ordering::Relaxed);
    }

    /// Whether it has answered anybody since then.
    pub(super) fn has_answered_since(&self, then: Instant) -> bool {
        self.begun + Duration::from_micros(self.answered.load(Ordering::Relaxed)) >= then
    }

    /// Whether nobody looks yet whether it is there. Whoever asks does so from now on.
    pub(super) fn begins_to_be_looked_at(&self) -> bool {
        !self.is_being_looked_at.swap(true, Ordering::Relaxed)
    }

    /// Whoever looked has done so.
    pub(super) fn was_looked_at(&self) {
        self.is_being_looked_at.store(false, Ordering::Relaxed);
    }

    /// It is away.
    pub(super) fn has_gone(&self, away: Away) {
        tracing::error!(
            error = away.said,
            "the database does not respond: {}; requests are refused until it does",
            away.cause
        );
        self.away.send_replace(Some(away));
    }

    /// It is back.
    pub(super) fn is_back(&self, after: Duration) {
        tracing::info!(seconds = after.as_secs_f64(), "the database responds again");
        self.away.send_replace(None);
    }
}
