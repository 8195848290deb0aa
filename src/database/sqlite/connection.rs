//! A connection to SQLite's file, and how long its statements may take.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, ErrorCode, OpenFlags};
use sea_orm::{DbErr, Statement};

use super::value::{Row, bound, owned};

/// How many instructions of SQLite's virtual machine lie between two looks at the patience that is
/// left.
const LOOKS_EVERY: i32 = 1000;

/// How many looks a query may take on the thread that asks: about a millisecond.
const A_MOMENT: i64 = 50;

/// How long a statement waits for a lock, on a thread that may block.
const WAITS_AT_MOST: Duration = Duration::from_secs(10);

/// How many statements a connection keeps prepared.
const PREPARED: usize = 128;

/// What may be done with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading and writing.
    Full,
    /// Reading alone: not even the log's index may be written.
    ReadOnly,
}

/// A connection to the file.
#[derive(Debug)]
pub(super) struct Connection {
    connection: rusqlite::Connection,
    /// How many more looks the statement that runs may take.
    patience: Arc<AtomicI64>,
}

impl Connection {
    /// One that only reads.
    pub(super) fn open_to_read(file: &Path, access: Access) -> rusqlite::Result<Self> {
        let opened = Self::open(file, access)?;
        opened.connection.pragma_update(None, "query_only", true)?;
        Ok(opened)
    }

    /// The one that writes.
    pub(super) fn open_to_write(file: &Path, access: Access) -> rusqlite::Result<Self> {
        let opened = Self::open(file, access)?;
        let connection = &opened.connection;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What is deleted is gone from the file, too: it may be of somebody who was erased.
        connection.pragma_update(None, "secure_delete", true)?;
        // What was answered for must survive a power cut.
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(opened)
    }

    fn open(file: &Path, access: Access) -> rusqlite::Result<Self> {
        // The log's index is written by those who read, too.
        let access = match access {
            Access::Full => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(file, flags)?;
        // Nothing waits on the thread that asks, not even here.
        connection.busy_timeout(Duration::ZERO)?;
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

    /// The rows that the query finds within a moment, and without waiting for a lock.
    ///
    /// # Errors
    ///
    /// One for which [`takes_longer`] is true, among others. Nothing has changed then.
    pub(super) fn query(&self, query: &Statement) -> rusqlite::Result<Vec<Row>> {
        self.have(A_MOMENT, Duration::ZERO)?;
        self.rows(query)
    }

    /// The rows that the query finds, however long it takes.
    pub(super) fn query_patiently(&self, query: &Statement) -> rusqlite::Result<Vec<Row>> {
        self.be_patient()?;
        self.rows(query)
    }

    /// Lets what follows take as long as it takes.
    pub(super) fn be_patient(&self) -> rusqlite::Result<()> {
        self.have(i64::MAX, WAITS_AT_MOST)
    }

    /// How many rows the statement has changed. It waits for no lock.
    pub(super) fn execute(&self, statement: &Statement) -> rusqlite::Result<usize> {
        // Broken off, it would take its whole transaction with it.
        self.have(i64::MAX, Duration::ZERO)?;
        self.prepared(statement)?.raw_execute()
    }

    /// Does what takes no values: begins and ends transactions. It waits for no lock.
    pub(super) fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.have(i64::MAX, Duration::ZERO)?;
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// The same, waiting for a lock if it has to.
    pub(super) fn run_patiently(&self, sql: &str) -> rusqlite::Result<()> {
        self.be_patient()?;
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Does one or several statements as they are written, without keeping them.
    pub(super) fn run_batch(&self, sql: &str) -> rusqlite::Result<()> {
        self.have(i64::MAX, Duration::ZERO)?;
        self.connection.execute_batch(sql)
    }

    /// Whether a transaction is open. SQLite ends one by itself after some errors.
    pub(super) fn is_in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Breaks off the query that runs when it is dropped.
    pub(super) fn broken_off_when_dropped(&self) -> BreakOff {
        BreakOff(self.patience.clone())
    }

    fn have(&self, looks: i64, wait: Duration) -> rusqlite::Result<()> {
        self.patience.store(looks, Ordering::Relaxed);
        self.connection.busy_timeout(wait)
    }

    fn prepared(&self, statement: &Statement) -> rusqlite::Result<CachedStatement<'_>> {
        let mut prepared = self.connection.prepare_cached(&statement.sql)?;
        let values = statement.values.iter().flat_map(|values| &values.0);
        for (place, value) in values.enumerate() {
            prepared.raw_bind_parameter(place + 1, bound(value)?)?;
        }
        Ok(prepared)
    }

    /// The rows that the query finds, as long as there is patience left.
    pub(super) fn rows(&self, query: &Statement) -> rusqlite::Result<Vec<Row>> {
        let mut prepared = self.prepared(query)?;
        let width = prepared.column_count();
        let mut found = Vec::new();
        let mut rows = prepared.raw_query();
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

/// Ends a query's patience.
pub(super) struct BreakOff(Arc<AtomicI64>);

impl Drop for BreakOff {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Whether a statement was broken off because it takes longer than a moment, or has to wait for a lock.
pub(super) fn takes_longer(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Does something on a thread that may block.
pub(super) async fn at_leisure<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DbErr> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| DbErr::Custom(error.to_string()))
}
