//! The connection to the database: how it is opened, brought up to date, read from and written to.

use std::sync::Arc;

use entity::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use secrecy::ExposeSecret;

use crate::clock::Clock;
use crate::config;

mod asked;
mod availability;
mod backup;
mod copy;
mod examination;
mod file;
mod galera;
mod load;
mod lock;
mod opening;
mod pool;
mod races;
mod restore;
mod row;
mod rows;
mod schema;
mod search;
mod server;
mod sqlite;
mod storage;
mod transaction;
mod trouble;

pub use availability::{Away, Cause};
pub use backup::Contents;
pub use copy::{Copied, Progress};
pub use file::DatabaseFile;
pub use load::Load;
pub use lock::Lock;
pub use opening::OpenError;
pub use races::{is_lost_race, lost};
pub use restore::Restore;
pub use row::{FromRow, Row, Source, Table};
pub use rows::{Found, StoredId, key_of};
pub use schema::{MigrationError, Schema};
pub use storage::TRIED_EVERY;
use transaction::Inner;
pub use transaction::{Transaction, Write, is_dangling, is_duplicate, update_row};
pub use trouble::explained;

/// A database that any number of tasks can use at the same time.
///
/// SQLite takes one writer at a time and answers a second one with an error, so there all writes go
/// through a single connection, and whoever wants to write waits for it in line; readers have
/// connections of their own and are never held up. PostgreSQL and MariaDB use one pool for both.
#[derive(Clone, Debug)]
pub struct Database {
    reader: Reader,
    reported: Arc<rows::Reported>,
    rehearsal: Arc<races::Rehearsal>,
}

/// Reads outside of transactions.
#[derive(Clone, Debug)]
pub struct Reader {
    connections: Connections,
    storage: Arc<storage::Storage>,
    asked: Arc<asked::Asked>,
}

#[derive(Clone, Debug)]
enum Connections {
    /// To SQLite's file.
    Sqlite {
        readers: Arc<sqlite::Readers>,
        writer: sqlite::Writer,
        migrator: DatabaseConnection,
    },
    /// To a database server.
    Server(Arc<pool::Pool>),
}

impl Source for Reader {
    fn backend(&self) -> DbBackend {
        match &self.connections {
            Connections::Sqlite { .. } => DbBackend::Sqlite,
            Connections::Server(pool) => pool.backend(),
        }
    }

    async fn rows(&self, query: Statement) -> Result<Vec<Row>, DbErr> {
        self.asked.note(&query);
        // Every resolver holds one of these futures, and is moved with it: a small one is quicker.
        match &self.connections {
            Connections::Sqlite { readers, .. } => {
                let found = readers.rows(query).await;
                let rows = found.inspect_err(|error| self.note_trouble(error))?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connections::Server(pool) => Box::pin(pool.rows(query)).await,
        }
    }
}

impl Reader {
    /// Notes what a query's error says of the database's storage, if it says anything.
    fn note_trouble(&self, error: &DbErr) {
        if let Some(away) = Away::of(error).filter(Away::is_of_storage) {
            self.storage.has_refused(&away);
        }
    }
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub enum CommitError {
    /// Nothing was stored.
    Failed(DbErr),
    /// The connection broke off before the database had said whether it has stored everything or nothing.
    Unknown(Away),
}

impl Database {
    /// Asks what time it is on the database, and sets the clock by it.
    ///
    /// # Errors
    ///
    /// A database that does not answer.
    pub async fn set_clock(&self, clock: &Clock) -> Result<(), DbErr> {
        let backend = self.reader.backend();
        let query = Statement::from_string(backend, format!("SELECT {}", time_of(backend)));
        let asked = Clock::system_now();
        let rows = self.reader.rows(query).await?;
        let answered = Clock::system_now();
        let row = rows
            .first()
            .ok_or_else(|| DbErr::RecordNotFound("the time".to_owned()))?;
        let database = Timestamp(row.get(0)?);
        if let Some(ahead) = clock.note_database_time(asked, database, answered) {
            tracing::warn!(
                seconds = ahead / 1_000_000,
                "the database's clock is ahead of this machine's by this much; Usher goes by the database's"
            );
        }
        Ok(())
    }

    /// For reading outside of a transaction.
    pub fn read(&self) -> &Reader {
        &self.reader
    }

    /// For tests: the queries that were asked outside of transactions since the last time.
    pub fn take_asked(&self) -> Vec<Statement> {
        self.reader.asked.take()
    }

    /// Begins a transaction that writes. Dropped without a commit, it leaves no trace.
    ///
    /// On SQLite everybody else who wants to write waits until it ends: nothing slow belongs in it,
    /// and it must not be begun by somebody who already holds one.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        match &self.reader.connections {
            Connections::Sqlite { writer, .. } => Ok(Transaction {
                inner: Inner::Sqlite(writer.begin().await?),
                open: None,
            }),
            Connections::Server(pool) => {
                let (transaction, open) = pool.begin().await?;
                Ok(Transaction {
                    inner: Inner::Server(transaction),
                    open: Some(open),
                })
            }
        }
    }

    /// Begins the transaction in which the schema changes, by sea-orm's own means.
    async fn begin_migration(&self) -> Result<DatabaseTransaction, DbErr> {
        match &self.reader.connections {
            Connections::Sqlite { migrator, .. } => {
                let options = TransactionOptions {
                    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                    ..Default::default()
                };
                migrator.begin_with_options(options).await
            }
            Connections::Server(pool) => Ok(pool.begin().await?.0),
        }
    }

    /// Commits a transaction that [`begin`](Self::begin) has begun.
    ///
    /// # Errors
    ///
    /// Where it is not known whether everything was stored or nothing, it must not be done again by
    /// itself.
    pub async fn commit(&self, transaction: Transaction) -> Result<(), CommitError> {
        self.rehearsal.commit().map_err(CommitError::Failed)?;
        match (&self.reader.connections, transaction) {
            (
                Connections::Server(pool),
                Transaction {
                    inner: Inner::Server(transaction),
                    open: _open,
                },
            ) => pool.commit(transaction).await?,
            (_, transaction) => {
                let committed = transaction.commit().await;
                committed.map_err(CommitError::Failed)?;
            }
        }
        self.reader.storage.has_stored();
        Ok(())
    }

    /// Waits for what becomes of a piece of work that asks the database, unless the database is away;
    /// then the work is dropped where it stands.
    ///
    /// # Errors
    ///
    /// If it is away.
    pub async fn while_there<T>(&self, work: impl Future<Output = T>) -> Result<T, Away> {
        match &self.reader.connections {
            Connections::Sqlite { .. } => Ok(work.await),
            Connections::Server(pool) => pool.while_there(work).await,
        }
    }

    /// What becomes of a query that takes a database that is there no time.
    ///
    /// # Errors
    ///
    /// The query's; and if it takes longer than that, that the database is away.
    pub async fn in_a_moment<T>(
        &self,
        query: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        match &self.reader.connections {
            Connections::Sqlite { .. } => query.await,
            Connections::Server(pool) => pool.in_a_moment(query).await,
        }
    }

    /// Somebody has found that the database is away, or takes no changes: has it looked whether it is
    /// there, beside whatever else goes on, or says so in the log.
    pub fn look_because(&self, away: &Away) {
        match &self.reader.connections {
            _ if away.is_of_storage() => self.reader.storage.has_refused(away),
            Connections::Sqlite { .. } => {}
            Connections::Server(pool) => pool.look_because(Some(away.clone())),
        }
    }

    /// Why changes are refused, unless they are taken as far as is known.
    pub fn refuses_changes(&self) -> Option<Away> {
        self.reader.storage.refuses()
    }

    /// Waits until changes are refused because of where the database keeps its data.
    pub async fn storage_has_failed(&self) {
        self.reader.storage.has_failed().await;
    }

    /// Tries whether a change is taken again, after they were refused.
    pub async fn try_again(&self, config: &config::Database) {
        let file = DatabaseFile::of(config.url.expose_secret());
        if self.try_writing(file.ok().flatten()).await.is_ok() {
            self.reader.storage.has_stored();
        }
    }

    /// Waits until the database has been away, and is back.
    pub async fn returned(&self) {
        match &self.reader.connections {
            Connections::Sqlite { .. } => std::future::pending().await,
            Connections::Server(pool) => pool.availability().returned().await,
        }
    }

    /// Which kind of database it is.
    pub fn kind(&self) -> &'static str {
        match self.reader.backend() {
            DbBackend::Sqlite => "sqlite",
            DbBackend::Postgres => "postgresql",
            // MariaDB among them.
            _ => "mysql",
        }
    }

    /// How busy its connections are.
    pub fn load(&self) -> Load {
        match &self.reader.connections {
            Connections::Sqlite {
                readers, writer, ..
            } => {
                let (readers, writer) = (readers.load(), writer.load());
                Load {
                    used: readers.used + writer.used,
                    idle: readers.idle + writer.idle,
                    max: readers.max + writer.max,
                    waiting: readers.waiting + writer.waiting,
                }
            }
            Connections::Server(pool) => pool.load(),
        }
    }

    /// For tests: those of the next commits fail, as if they had lost a race, whose number `is_lost`
    /// chooses, from 1 on.
    pub fn rehearse_races(&self, is_lost: fn(u64) -> bool) {
        self.rehearsal.begin(is_lost);
    }

    /// The database's own time as an expression, in microseconds since 1970: the clock by which
    /// leases run, because several servers share it.
    pub fn now(&self, clock: &Clock) -> SimpleExpr {
        let now = time_of(self.reader.backend());
        Expr::cust(now).add(clock.ahead())
    }

    /// Closes all connections.
    pub async fn close(self) -> Result<(), DbErr> {
        match &self.reader.connections {
            Connections::Sqlite {
                readers,
                writer,
                migrator,
                ..
            } => {
                readers.close();
                writer.close().await;
                migrator.clone().close().await
            }
            Connections::Server(pool) => pool.close().await,
        }
    }
}

/// The database's own time in SQL, in microseconds since 1970.
fn time_of(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
        DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        _ => "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)",
    }
}
