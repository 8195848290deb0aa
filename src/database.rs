//! The connection to the database: how it is opened, brought up to date, read from and written to.

use std::sync::Arc;
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::sea_query::{Expr, ExprTrait, Func, IntoColumnRef, SimpleExpr};
use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use secrecy::ExposeSecret;

use crate::clock::Clock;
use crate::config;

mod file;
mod rows;

pub use file::DatabaseFile;
pub use rows::{Found, StoredId};

/// A database that any number of tasks can use at the same time.
///
/// SQLite takes one writer at a time and answers a second one with an error, so there all writes go
/// through a single connection, and whoever wants to write waits for it in line; readers have
/// connections of their own and are never held up. PostgreSQL and MariaDB use one pool for both.
#[derive(Clone, Debug)]
pub struct Database {
    readers: DatabaseConnection,
    writer: DatabaseConnection,
    reported: Arc<rows::Reported>,
}

/// Why a database could not be opened: a sentence that says which one, and what to look at.
#[derive(Debug, thiserror::Error)]
#[error("database {url}: {reason}")]
pub struct OpenError {
    /// The address, without its password.
    url: String,
    reason: String,
}

impl OpenError {
    fn new(url: &str, reason: String) -> Self {
        Self {
            url: config::without_password(url),
            reason,
        }
    }
}

impl Database {
    /// Whether the address can be used, as far as that can be said without opening anything.
    ///
    /// # Errors
    ///
    /// A reason.
    pub fn check(config: &config::Database) -> Result<(), String> {
        let url = config.url.expose_secret();
        let (scheme, _) = url.split_once(':').unwrap_or_default();
        let parsed = match scheme {
            "sqlite" => return DatabaseFile::of(url).map(drop),
            "postgres" | "postgresql" => url.parse::<PgConnectOptions>().map(drop),
            _ => url.parse::<MySqlConnectOptions>().map(drop),
        };
        parsed.map_err(|error| root_cause(&error))
    }

    /// Makes sure that SQLite's file is there, and that its owner alone can read it. Other databases
    /// look after their own files.
    ///
    /// # Errors
    ///
    /// An address that names no file, and a file that may not or cannot be created.
    pub fn prepare(config: &config::Database) -> Result<(), OpenError> {
        let url = config.url.expose_secret();
        let file = DatabaseFile::of(url).map_err(|reason| OpenError::new(url, reason))?;
        if let Some(file) = file {
            file.create_if_missing()
                .map_err(|reason| OpenError::new(url, reason))?;
            file.make_private();
        }
        Ok(())
    }

    /// Refuses SQLite's file if it is not there; whether another database is, its server says.
    ///
    /// # Errors
    ///
    /// A sentence that says where the file was looked for, and how to name another.
    pub fn must_exist(config: &config::Database) -> Result<(), OpenError> {
        let url = config.url.expose_secret();
        let refuse = |reason| OpenError::new(url, reason);
        match DatabaseFile::of(url).map_err(refuse)? {
            Some(file) => file.must_exist().map_err(refuse),
            None => Ok(()),
        }
    }

    /// Refuses a schema that is not this version's.
    ///
    /// # Errors
    ///
    /// A sentence that says what to do.
    pub async fn must_be_migrated(&self, config: &config::Database) -> Result<(), OpenError> {
        let refuse = |reason| OpenError::new(config.url.expose_secret(), reason);
        match self.pending_migrations().await {
            Ok(0) => Ok(()),
            Ok(count) if count == Migrator::migrations().len() => {
                Err(refuse(format!("it is empty. {}", file::ELSEWHERE)))
            }
            Ok(count) => Err(refuse(format!(
                "its schema is older than this version, which has {count} further migrations; run usher migrate first"
            ))),
            Err(error) => Err(refuse(error.to_string())),
        }
    }

    /// Connects to a database that is there; see [`prepare`](Self::prepare).
    ///
    /// # Errors
    ///
    /// An address that cannot be read, and a database that does not answer.
    pub async fn open(config: &config::Database) -> Result<Self, OpenError> {
        let url = config.url.expose_secret();
        let failed = |reason: String| OpenError::new(url, reason);
        DatabaseFile::of(url).map_err(failed)?;
        reach(url).await.map_err(failed)?;
        let connect = async |connections: u32| {
            sea_orm::Database::connect(options(url, connections))
                .await
                .map_err(|error| failed(root_cause(&error)))
        };
        let readers = connect(config.max_connections).await?;
        let writer = match readers.get_database_backend() {
            DbBackend::Sqlite => connect(1).await?,
            _ => readers.clone(),
        };
        Ok(Self {
            readers,
            writer,
            reported: Arc::default(),
        })
    }

    /// Brings the schema up to date, and returns how many migrations that took.
    pub async fn migrate(&self) -> Result<usize, DbErr> {
        let lock = self.lock().await?;
        let pending = self.pending_migrations().await?;
        Migrator::up(&self.writer, None).await?;
        self.unlock(lock).await?;
        Ok(pending)
    }

    /// Holds off other servers that start at the same time, until [`unlock`](Self::unlock). On SQLite
    /// there are none.
    async fn lock(&self) -> Result<Option<DatabaseTransaction>, DbErr> {
        // Any number and any name will do, as long as they are always the same.
        let lock = match self.writer.get_database_backend() {
            DbBackend::Postgres => "SELECT pg_advisory_xact_lock(8519046207)",
            DbBackend::MySql => "SELECT GET_LOCK('usher.migrate', 60)",
            _ => return Ok(None),
        };
        let transaction = self.begin().await?;
        transaction.execute_unprepared(lock).await?;
        Ok(Some(transaction))
    }

    async fn unlock(&self, lock: Option<DatabaseTransaction>) -> Result<(), DbErr> {
        let Some(transaction) = lock else {
            return Ok(());
        };
        if self.writer.get_database_backend() == DbBackend::MySql {
            transaction
                .execute_unprepared("SELECT RELEASE_LOCK('usher.migrate')")
                .await?;
        }
        transaction.commit().await
    }

    /// How many migrations the schema lacks.
    pub async fn pending_migrations(&self) -> Result<usize, DbErr> {
        Ok(Migrator::get_pending_migrations_read_only(&self.readers)
            .await?
            .len())
    }

    /// A connection for reading outside of a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// Begins a transaction that writes. Dropped without a commit, it leaves no trace.
    ///
    /// On SQLite everybody else who wants to write waits until it ends: nothing slow belongs in it,
    /// and it must not be begun by somebody who already holds one.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = match self.writer.get_database_backend() {
            DbBackend::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..Default::default()
            },
            // MariaDB's own default would show a transaction the rows as they were at its first
            // query, long after it had waited for a lock.
            _ => TransactionOptions {
                isolation_level: Some(IsolationLevel::ReadCommitted),
                ..Default::default()
            },
        };
        self.writer.begin_with_options(options).await
    }

    /// The database's own time as an expression, in microseconds since 1970: the clock by which
    /// leases run, because several servers share it.
    pub fn now(&self, clock: &Clock) -> SimpleExpr {
        let now = match self.writer.get_database_backend() {
            DbBackend::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
            DbBackend::Postgres => {
                "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
            }
            _ => "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)",
        };
        Expr::cust(now).add(clock.ahead())
    }

    /// Whether a column's text contains the term, every character of which stands for itself.
    ///
    /// `LIKE` would need the term escaped, and takes several times as long on SQLite.
    pub fn contains(&self, column: impl IntoColumnRef, term: &str) -> SimpleExpr {
        // No stored text holds it, and PostgreSQL takes it for an attack.
        if term.contains('\0') {
            return Expr::val(1).eq(0);
        }
        let position = match self.writer.get_database_backend() {
            DbBackend::Postgres => "STRPOS",
            _ => "INSTR",
        };
        Expr::from(Func::cust(position).arg(Expr::col(column)).arg(term)).gt(0)
    }

    /// Closes all connections.
    pub async fn close(self) -> Result<(), DbErr> {
        self.readers.close().await?;
        self.writer.close().await
    }
}

/// Tries whether anybody listens there. The pool itself would try for half a minute, and then say
/// nothing but that time ran out.
async fn reach(url: &str) -> Result<(), String> {
    let Ok(url) = url::Url::parse(url) else {
        return Ok(());
    };
    let port = match url.scheme() {
        "postgres" | "postgresql" => 5432,
        "mysql" | "mariadb" => 3306,
        _ => return Ok(()),
    };
    // Without a host, the connection goes through a socket in the file system.
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return Ok(());
    };
    let attempt = tokio::net::TcpStream::connect((host, url.port().unwrap_or(port)));
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the host does not respond".to_owned()),
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

fn options(url: &str, connections: u32) -> ConnectOptions {
    // sqlx knows MariaDB by its ancestor's name only.
    let url = match url.strip_prefix("mariadb:") {
        Some(rest) => format!("mysql:{rest}"),
        None => url.to_owned(),
    };
    let is_sqlite = url.starts_with("sqlite:");
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .connect_timeout(CONNECT_TIMEOUT)
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false)
        // A SQLite connection cannot go stale, and asking costs a third of a request.
        .test_before_acquire(!is_sqlite)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                // It was there, or was created for its owner alone, before it was opened.
                .create_if_missing(false)
                .pragma("journal_mode", "WAL")
                // What was answered for must survive a power cut.
                .pragma("synchronous", "FULL")
                .busy_timeout(Duration::from_secs(10))
        });
    options
}

/// The innermost error's words: those around it repeat that a connection failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    if text.contains("(code: 14)") {
        "the file cannot be opened; does the folder exist, and may this user write to it?"
            .to_owned()
    } else {
        text
    }
}
