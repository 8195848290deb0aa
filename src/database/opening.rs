//! How a database is found, tried, waited for and connected to, by what the configuration says of it.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectOptions;
use secrecy::ExposeSecret;

use super::server::Sessions;
use super::{
    Connections, Database, DatabaseFile, Lock, Reader, explained, galera, pool, server, sqlite,
    storage,
};
use crate::config;

/// Why a database could not be opened: a sentence that says which one, and what to look at.
#[derive(Debug, thiserror::Error)]
#[error("database {url}: {reason}")]
pub struct OpenError {
    /// The address, without its password.
    url: String,
    reason: String,
}

impl OpenError {
    pub(super) fn new(url: &str, reason: String) -> Self {
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
    /// Why it cannot be used, in words for the operator.
    pub fn check(config: &config::Database) -> Result<(), String> {
        let url = config.url.expose_secret();
        if url.starts_with("sqlite:") {
            DatabaseFile::of(url).map(drop)
        } else {
            server::check_address(url)
        }
    }

    /// Makes sure that SQLite's file is there, and that its owner alone can read it. Other databases
    /// look after their own files.
    ///
    /// # Errors
    ///
    /// An address that names no file; a file that may not or cannot be created, or that is not this
    /// user's to write to.
    pub fn prepare(config: &config::Database) -> Result<(), OpenError> {
        let url = config.url.expose_secret();
        let file = DatabaseFile::of(url).map_err(|reason| OpenError::new(url, reason))?;
        if let Some(file) = file {
            file.create_if_missing()
                .map_err(|reason| OpenError::new(url, reason))?;
            file.may_be_used()
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

    /// Keeps other servers off SQLite's file, which is there, for as long as what is returned lives. Other
    /// databases take any number of them.
    ///
    /// # Errors
    ///
    /// A sentence: another process is at work on it.
    pub fn lock(config: &config::Database) -> Result<Option<Lock>, OpenError> {
        let url = config.url.expose_secret();
        let refuse = |reason| OpenError::new(url, reason);
        let file = DatabaseFile::of(url).map_err(refuse)?;
        file.as_ref().map(Lock::take).transpose().map_err(refuse)
    }

    /// Waits for a database server that is not there yet, for `database.wait` at most; `say` is told once
    /// why. What is wrong then, and with any other database, [`open`](Self::open) says.
    pub async fn wait_for(config: &config::Database, say: impl FnOnce(&str)) {
        if let Ok(None) = DatabaseFile::of(config.url.expose_secret()) {
            server::wait_for(config, say).await;
        }
    }

    /// Opens further connections with that password. Those that are open stay.
    ///
    /// # Errors
    ///
    /// An address that cannot be read.
    pub fn renew_password(&self, config: &config::Database) -> Result<(), OpenError> {
        match &self.reader.connections {
            Connections::Sqlite { .. } => Ok(()),
            Connections::Server(pool) => pool
                .renew_password(config)
                .map_err(|reason| OpenError::new(config.url.expose_secret(), reason)),
        }
    }

    /// Connects to a database that is there; see [`prepare`](Self::prepare).
    ///
    /// # Errors
    ///
    /// An address that cannot be read, a database that does not answer, and one that is too old.
    pub async fn open(config: &config::Database) -> Result<Self, OpenError> {
        let url = config.url.expose_secret();
        let failed = |reason: String| OpenError::new(url, reason);
        let file = DatabaseFile::of(url).map_err(failed)?;
        let connections = match file {
            Some(file) => {
                let in_words = |error| failed(explained(&error));
                let migrator = sea_orm::Database::connect(to_file(url)).await;
                let migrator = migrator.map_err(in_words)?;
                let (path, access) = (file.path(), file.access());
                let readers = sqlite::Readers::new(&path, access, config.max_connections);
                Connections::Sqlite {
                    readers: Arc::new(readers),
                    writer: sqlite::Writer::open(&path, access).map_err(in_words)?,
                    migrator,
                }
            }
            None => Connections::Server(pool::Pool::open(config).await.map_err(failed)?),
        };
        Ok(Self {
            reader: Reader {
                connections,
                storage: Arc::new(storage::Storage::new()),
                asked: Arc::default(),
            },
            reported: Arc::default(),
            rehearsal: Arc::default(),
        })
    }
}

/// To SQLite's file, through the one connection that writes.
fn to_file(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false)
        // It cannot go stale, and asking costs a third of a request.
        .test_before_acquire(false)
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

/// To a server, through a pool.
pub(super) fn to_server(config: &config::Database, sessions: Sessions) -> ConnectOptions {
    let statements = sessions.statement_cache(config.statement_cache);
    let mut options = ConnectOptions::new(server::in_sqlx_words(config.url.expose_secret()));
    options
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .idle_timeout(config.idle_timeout)
        .max_lifetime(config.max_lifetime)
        .sqlx_logging(false)
        .test_before_acquire(true)
        .map_sqlx_postgres_opts(move |postgres| {
            server::postgres(postgres).statement_cache_capacity(statements)
        })
        .map_sqlx_mysql_opts(move |mysql| server::mysql(mysql).statement_cache_capacity(statements))
        .map_sqlx_mysql_pool_opts(galera::wait_for_the_cluster);
    options
}
