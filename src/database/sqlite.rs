//! Reading from SQLite on the thread that asks.
//!
//! SQLite is a library: a query is a call, which most often takes some ten microseconds. sqlx gives
//! each connection a thread, and a request that crosses over and back for each of its queries spends
//! more time on that than on the queries (docs/performance.md). Here a query runs where it is asked
//! for. It is broken off after a moment, and begun anew on a thread that may block, if it turns out
//! to be a long one, or has to wait for a lock.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};
use rusqlite::{ErrorCode, OpenFlags};
use sea_orm::{DbErr, RuntimeErr, Statement, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::row::Kind;

/// How many instructions of SQLite's virtual machine lie between two looks at the patience that is
/// left.
const LOOKS_EVERY: i32 = 1000;

/// How many looks a query may take on the thread that asks: about a millisecond.
const A_MOMENT: i64 = 50;

/// How long a query waits for a lock, on a thread that may block.
const WAITS_AT_MOST: Duration = Duration::from_secs(10);

/// How many statements a connection keeps prepared.
const PREPARED: usize = 128;

/// Connections to the file that only read. They are opened as they are needed.
#[derive(Debug)]
pub struct Readers {
    file: PathBuf,
    is_read_only: bool,
    /// The one that was used last is used next.
    idle: Mutex<Vec<Connection>>,
    room: Arc<Semaphore>,
}

impl Readers {
    /// As many connections at a time as that.
    pub fn new(file: &Path, is_read_only: bool, connections: u32) -> Self {
        Self {
            file: file.to_owned(),
            is_read_only,
            idle: Mutex::default(),
            room: Arc::new(Semaphore::new(connections as usize)),
        }
    }

    /// The rows that a query finds.
    pub async fn rows(&self, query: Statement) -> Result<Vec<Row>, DbErr> {
        // A task that asks again and again must let others have the thread now and then.
        tokio::task::coop::consume_budget().await;
        let permit = self.enter().await?;
        let connection = match self.idle().pop() {
            Some(connection) => connection,
            None => Connection::open(&self.file, self.is_read_only).map_err(failed)?,
        };
        connection.patience.store(A_MOMENT, Ordering::Relaxed);
        let found = connection.query(&query, Duration::ZERO);
        let (connection, found) = match found {
            Err(error) if takes_longer(&error) => {
                Box::pin(at_leisure(connection, query, permit)).await?
            }
            found => (connection, found),
        };
        self.idle().push(connection);
        found.map_err(failed)
    }

    /// Waits until there is room for one more query.
    async fn enter(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        if let Ok(permit) = self.room.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let closed = |_| DbErr::Conn(RuntimeErr::Internal("the database was closed".to_owned()));
        Box::pin(self.room.clone().acquire_owned())
            .await
            .map_err(closed)
    }

    /// Lets no more queries begin, and closes the connections that are not in use.
    pub fn close(&self) {
        self.room.close();
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a query on a thread that may block, until it is done or nobody waits for it any more.
async fn at_leisure(
    connection: Connection,
    query: Statement,
    permit: OwnedSemaphorePermit,
) -> Result<(Connection, rusqlite::Result<Vec<Row>>), DbErr> {
    let _broken_off_when_dropped = BreakOff(connection.patience.clone());
    connection.patience.store(i64::MAX, Ordering::Relaxed);
    let run = move || {
        let found = connection.query(&query, WAITS_AT_MOST);
        drop(permit);
        (connection, found)
    };
    tokio::task::spawn_blocking(run)
        .await
        .map_err(|error| DbErr::Custom(error.to_string()))
}

/// Ends a query's patience.
struct BreakOff(Arc<AtomicI64>);

impl Drop for BreakOff {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Whether a query was broken off because it takes longer than a moment, or has to wait for a lock.
fn takes_longer(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn failed(error: rusqlite::Error) -> DbErr {
    DbErr::Query(RuntimeErr::Internal(error.to_string()))
}

#[derive(Debug)]
struct Connection {
    connection: rusqlite::Connection,
    /// How many more looks the query that runs may take.
    patience: Arc<AtomicI64>,
}

impl Connection {
    fn open(file: &Path, is_read_only: bool) -> rusqlite::Result<Self> {
        // The log's index is written by those who read, too, unless the whole file may not be.
        let access = if is_read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(file, flags)?;
        // Nothing waits on the thread that asks, not even here.
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "query_only", true)?;
        // Otherwise some statements are prepared anew for each value.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        let patience = Arc::new(AtomicI64::new(i64::MAX));
        let left = patience.clone();
        let is_over = move || left.fetch_sub(1, Ordering::Relaxed) <= 0;
        connection.progress_handler(LOOKS_EVERY, Some(is_over))?;
        Ok(Self {
            connection,
            patience,
        })
    }

    /// The rows that the query finds as long as there is patience left, after waiting at most so long for
    /// a lock.
    fn query(&self, query: &Statement, wait: Duration) -> rusqlite::Result<Vec<Row>> {
        self.connection.busy_timeout(wait)?;
        let mut statement = self.connection.prepare_cached(&query.sql)?;
        let values = query.values.iter().flat_map(|values| &values.0);
        for (place, value) in values.enumerate() {
            statement.raw_bind_parameter(place + 1, bound(value)?)?;
        }
        let width = statement.column_count();
        let mut found = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let mut values = Vec::with_capacity(width);
            for column in 0..width {
                values.push(owned(row.get_ref(column)?));
            }
            found.push(Row(values));
        }
        Ok(found)
    }
}

/// A text that is none can be read as bytes only.
fn owned(value: ValueRef<'_>) -> Stored {
    match value {
        ValueRef::Null => Stored::Null,
        ValueRef::Integer(number) => Stored::Integer(number),
        ValueRef::Real(number) => Stored::Real(number),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Stored::Text(text.to_owned()),
            Err(_) => Stored::Blob(text.to_owned()),
        },
        ValueRef::Blob(bytes) => Stored::Blob(bytes.to_owned()),
    }
}

/// A value as the statement takes it, the same as sqlx makes of it.
fn bound(value: &Value) -> rusqlite::Result<ToSqlOutput<'_>> {
    let number = |number: Option<i64>| match number {
        Some(number) => ToSqlOutput::Owned(Stored::Integer(number)),
        None => ToSqlOutput::Owned(Stored::Null),
    };
    Ok(match value {
        Value::Bool(value) => number(value.map(i64::from)),
        Value::SmallInt(value) => number(value.map(i64::from)),
        Value::Int(value) => number(value.map(i64::from)),
        Value::BigInt(value) => number(*value),
        // A limit or an offset.
        Value::BigUnsigned(value) => {
            number(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
        }
        Value::String(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
        Value::Bytes(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
        Value::Uuid(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Blob(value.as_bytes())),
        Value::String(None) | Value::Bytes(None) | Value::Uuid(None) => number(None),
        other => {
            let kind = format!("a value that is not stored: {other:?}");
            return Err(rusqlite::Error::ToSqlConversionFailure(kind.into()));
        }
    })
}

/// A row as SQLite holds it, where a column takes any value.
#[derive(Debug)]
pub struct Row(Vec<Stored>);

impl Row {
    /// The value of a column; none if it is not of that kind, or there is no such column.
    pub(super) fn value(&self, column: usize, kind: Kind) -> Option<Value> {
        Some(match (self.0.get(column)?, kind) {
            (Stored::Null, Kind::Bool) => Value::Bool(None),
            (Stored::Null, Kind::Small) => Value::SmallInt(None),
            (Stored::Null, Kind::Medium) => Value::Int(None),
            (Stored::Null, Kind::Big) => Value::BigInt(None),
            (Stored::Null, Kind::Uuid) => Value::Uuid(None),
            (Stored::Null, Kind::Text) => Value::String(None),
            (Stored::Null, Kind::Bytes) => Value::Bytes(None),
            (Stored::Integer(number), Kind::Bool) => (*number != 0).into(),
            (Stored::Integer(number), Kind::Small) => i16::try_from(*number).ok()?.into(),
            (Stored::Integer(number), Kind::Medium) => i32::try_from(*number).ok()?.into(),
            (Stored::Integer(number), Kind::Big) => (*number).into(),
            (Stored::Text(text), Kind::Text) => text.clone().into(),
            (Stored::Blob(bytes), Kind::Uuid) => Uuid::from_slice(bytes).ok()?.into(),
            (Stored::Blob(bytes), Kind::Bytes) => bytes.clone().into(),
            _ => return None,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use sea_orm::DbBackend;
    use tokio::time::timeout;

    use super::*;

    /// How long anything here may take.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A database of its own, with room for one query at a time.
    fn readers() -> (tempfile::TempDir, Readers) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("usher.db");
        rusqlite::Connection::open(&file).unwrap();
        (folder, Readers::new(&file, false, 1))
    }

    /// Counts as far as that.
    fn count_to(last: &str) -> Statement {
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE {last}) SELECT COUNT(*) FROM n"
        );
        Statement::from_string(DbBackend::Sqlite, sql)
    }

    async fn number(readers: &Readers, query: Statement) -> i64 {
        let rows = timeout(PATIENCE, readers.rows(query)).await.unwrap();
        match rows.unwrap()[0].value(0, Kind::Big) {
            Some(Value::BigInt(Some(number))) => number,
            other => unreachable!("{other:?}"),
        }
    }

    /// There is one thread, on which a short query asked for later is answered first.
    #[tokio::test]
    async fn a_long_query_leaves_the_thread_to_others() {
        let (folder, readers) = readers();
        let others = Readers::new(&folder.path().join("usher.db"), false, 1);
        let answered = Mutex::new(Vec::new());
        let ask = async |readers: &Readers, last| {
            let number = number(readers, count_to(last)).await;
            answered.lock().unwrap().push(number);
        };
        tokio::join!(ask(&readers, "i < 1000000"), ask(&others, "i < 3"));
        assert_eq!(*answered.lock().unwrap(), [3, 1_000_000]);
    }

    #[tokio::test]
    async fn a_task_that_asks_again_and_again_leaves_the_thread_to_others() {
        let (_folder, readers) = readers();
        let done = Mutex::new(Vec::new());
        let asks = async {
            for _ in 0..1000 {
                number(&readers, count_to("i < 3")).await;
            }
            done.lock().unwrap().push("the thousand queries");
        };
        let others = async { done.lock().unwrap().push("another task") };
        tokio::join!(biased; asks, others);
        assert_eq!(done.lock().unwrap()[0], "another task");
    }

    #[tokio::test]
    async fn a_query_that_nobody_waits_for_ends() {
        let (_folder, readers) = readers();
        let endless = readers.rows(count_to("i > 0"));
        timeout(Duration::from_millis(50), endless)
            .await
            .unwrap_err();
        // There is room for one query only.
        assert_eq!(number(&readers, count_to("i < 3")).await, 3);
    }

    /// Another process may hold the whole file for a while.
    #[tokio::test]
    async fn a_query_waits_for_a_lock() {
        let (folder, readers) = readers();
        let other = rusqlite::Connection::open(folder.path().join("usher.db")).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let (number, ()) = tokio::join!(number(&readers, count_to("i < 3")), async {
            tokio::task::yield_now().await;
            other.execute_batch("COMMIT").unwrap();
        });
        assert_eq!(number, 3);
    }

    #[tokio::test]
    async fn nothing_is_written_and_nothing_else_is_read_for_what_is_asked() {
        let (_folder, readers) = readers();
        let sql = |sql: &str| Statement::from_string(DbBackend::Sqlite, sql);
        assert!(readers.rows(sql("CREATE TABLE t (i)")).await.is_err());
        let rows = readers.rows(sql("SELECT CAST(x'ff' AS TEXT), 'a', 300, NULL"));
        let row = rows.await.unwrap().pop().unwrap();
        assert_eq!(row.value(0, Kind::Text), None, "no UTF-8");
        assert_eq!(row.value(1, Kind::Big), None, "no number");
        assert_eq!(row.value(2, Kind::Small), Some(300_i16.into()));
        assert_eq!(row.value(3, Kind::Uuid), Some(Value::Uuid(None)));
        assert_eq!(row.value(4, Kind::Big), None, "no column");
    }
}
