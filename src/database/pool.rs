//! The connections to a database server, and how its absence is noticed.
//!
//! Whoever has waited for it for a while has it looked at: by a connection of its own, because those of
//! the pool may be waiting for a network that has gone, or may all be in use. One look is under way at
//! a time. If it finds nobody, and nobody else has been answered meanwhile, the database is away.
//!
//! When it is back, it gets a new pool: the old one's connections may be waiting for a server that was
//! taken from the network without a word, which the system notices after a quarter of an hour.

use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, Statement, TransactionOptions, TransactionTrait,
};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep, timeout};

use super::CommitError;
use super::availability::{Availability, Away, Cause};
use super::load::{Counted, Load, Tally};
use super::row::{Row, Source};
use super::server::{self, Sessions};
use crate::config;
use crate::seldom::Seldom;

/// How often a database that is away is looked at.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// How long connections may take to say goodbye.
const CLOSED_WITHIN: Duration = Duration::from_secs(2);

/// The connections to a database server.
#[derive(Debug)]
pub(super) struct Pool {
    config: RwLock<config::Database>,
    sessions: Sessions,
    unavailable_after: Duration,
    connections: RwLock<DatabaseConnection>,
    availability: Availability,
    /// Says that the database is there although a request has found it away.
    contradiction: Seldom,
    /// Queries and beginnings of transactions, which have a connection or wait for one.
    asking: Tally,
    /// Transactions that have their connection.
    transactions: Tally,
}

impl Pool {
    /// Connects to a server that is there.
    ///
    /// # Errors
    ///
    /// A sentence: an address that cannot be read, a server that does not answer, and one that is too old.
    pub(super) async fn open(config: &config::Database) -> Result<Arc<Self>, String> {
        let sessions = server::reach(config).await?;
        if sessions == Sessions::Shared {
            tracing::info!(
                "a pooler stands before PostgreSQL, and shares its sessions: each query runs in a transaction"
            );
        }
        let connections = sea_orm::Database::connect(super::opening::to_server(config, sessions));
        let connections = connections
            .await
            .map_err(|error| server::innermost(&error))?;
        Ok(Arc::new(Self {
            config: RwLock::new(config.clone()),
            sessions,
            unavailable_after: config.unavailable_after,
            connections: RwLock::new(connections),
            availability: Availability::new(),
            contradiction: Seldom::default(),
            asking: Tally::default(),
            transactions: Tally::default(),
        }))
    }

    /// Which database it is.
    pub(super) fn backend(&self) -> DbBackend {
        self.connections().get_database_backend()
    }

    /// The rows that a query finds outside of a transaction.
    pub(super) async fn rows(self: &Arc<Self>, query: Statement) -> Result<Vec<Row>, DbErr> {
        let connections = self.connections();
        let _asking = self.asking.count();
        match self.sessions {
            Sessions::Own => self.ask(connections.rows(query)).await,
            Sessions::Shared => {
                let rows = async {
                    let transaction = begin_shared(&connections).await?;
                    let rows = transaction.rows(query).await?;
                    transaction.commit().await?;
                    Ok(rows)
                };
                self.ask(rows).await
            }
        }
    }

    /// Begins a transaction that writes. It counts as open for as long as what comes with it lives.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<(DatabaseTransaction, Counted), DbErr> {
        let connections = self.connections();
        let _asking = self.asking.count();
        let transaction = match self.sessions {
            Sessions::Own => self.ask(begin(&connections)).await?,
            Sessions::Shared => self.ask(begin_shared(&connections)).await?,
        };
        Ok((transaction, self.transactions.count()))
    }

    /// How busy the connections are. The pool does not say how many wait for one: they are those who ask and
    /// for whom none of the used ones is left.
    pub(super) fn load(&self) -> Load {
        let connections = self.connections();
        let (open, idle) = match connections.get_database_backend() {
            DbBackend::Postgres => {
                let pool = connections.get_postgres_connection_pool();
                (pool.size(), pool.num_idle())
            }
            _ => {
                let pool = connections.get_mysql_connection_pool();
                (pool.size(), pool.num_idle())
            }
        };
        let used = (open as usize).saturating_sub(idle);
        let served = used.saturating_sub(self.transactions.now());
        Load {
            used,
            idle,
            max: self.config().max_connections as usize,
            waiting: self.asking.now().saturating_sub(served),
        }
    }

    /// Commits a transaction that [`begin`](Self::begin) has begun.
    pub(super) async fn commit(
        self: &Arc<Self>,
        transaction: DatabaseTransaction,
    ) -> Result<(), CommitError> {
        if let Some(away) = self.availability.away() {
            return Err(CommitError::Failed(away.into()));
        }
        let committed = self.ask(transaction.commit()).await;
        committed.map_err(|error| match Away::of(&error) {
            Some(away) => CommitError::Unknown(away),
            None => CommitError::Failed(error),
        })
    }

    /// Begins a transaction that only reads, and sees the database as of its first query.
    pub(super) async fn snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        let connections = self.connections();
        match self.sessions {
            Sessions::Own => {
                let options = TransactionOptions {
                    isolation_level: Some(IsolationLevel::RepeatableRead),
                    access_mode: Some(AccessMode::ReadOnly),
                    ..Default::default()
                };
                connections.begin_with_options(options).await
            }
            Sessions::Shared => {
                let transaction = connections.begin().await?;
                let statements =
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; DEALLOCATE ALL";
                transaction.execute_unprepared(statements).await?;
                Ok(transaction)
            }
        }
    }

    /// The connections, as they are now.
    pub(super) fn connections(&self) -> DatabaseConnection {
        let connections = self.connections.read();
        connections.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens further connections with that password, and leaves those that are open.
    ///
    /// # Errors
    ///
    /// An address that cannot be read.
    pub(super) fn renew_password(&self, config: &config::Database) -> Result<(), String> {
        let url = server::in_sqlx_words(config.url.expose_secret());
        let connections = self.connections();
        let mut in_force = self.config.write().unwrap_or_else(PoisonError::into_inner);
        let statements = self.sessions.statement_cache(in_force.statement_cache);
        match self.backend() {
            DbBackend::Postgres => {
                let options = server::postgres(server::read(&url)?);
                let pool = connections.get_postgres_connection_pool();
                pool.set_connect_options(options.statement_cache_capacity(statements));
            }
            DbBackend::MySql => {
                let options = server::mysql(server::read(&url)?);
                let pool = connections.get_mysql_connection_pool();
                pool.set_connect_options(options.statement_cache_capacity(statements));
            }
            _ => {}
        }
        in_force.url = config.url.clone();
        Ok(())
    }

    fn config(&self) -> config::Database {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        config.clone()
    }

    /// What is known of the database.
    pub(super) fn availability(&self) -> &Availability {
        &self.availability
    }

    /// How long it may take over a look, or over a question that takes it no time.
    fn looks_for(&self) -> Duration {
        self.unavailable_after * 3 / 5
    }

    /// How long it is waited for before somebody looks.
    fn patience(&self) -> Duration {
        self.unavailable_after * 2 / 5
    }

    /// Waits for what becomes of the work, unless the database is away; then the work is dropped where it
    /// stands. Nothing is begun while it is known to be away.
    ///
    /// # Errors
    ///
    /// If it is away.
    pub(super) async fn while_there<T>(
        self: &Arc<Self>,
        work: impl Future<Output = T>,
    ) -> Result<T, Away> {
        if let Some(away) = self.availability.away() {
            return Err(away);
        }
        let mut work = pin!(work);
        let mut gone = pin!(self.availability.gone());
        loop {
            tokio::select! {
                biased;
                outcome = &mut work => return Ok(outcome),
                away = &mut gone => return Err(away),
                () = sleep(self.patience()) => self.look_because(None),
            }
        }
    }

    /// The same for a query, whose outcome tells of the database.
    ///
    /// # Errors
    ///
    /// The query's, and as for [`while_there`](Self::while_there).
    pub(super) async fn ask<T>(
        self: &Arc<Self>,
        query: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let outcome = self.while_there(query).await?;
        match outcome.as_ref().err().and_then(Away::of) {
            None => self.availability.note_answer(),
            Some(away) => self.look_because(Some(away)),
        }
        outcome
    }

    /// What becomes of a query that takes a database that is there no time.
    ///
    /// # Errors
    ///
    /// As for [`ask`](Self::ask); and if it takes longer than that, that the database is away.
    pub(super) async fn in_a_moment<T>(
        &self,
        query: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let outcome = timeout(self.looks_for(), query).await;
        outcome.unwrap_or_else(|_| Err(Away::new(Cause::Silent, "it took too long").into()))
    }

    /// Looks whether it is there, beside whatever else goes on, for the given reason if there is one.
    pub(super) fn look_because(self: &Arc<Self>, reason: Option<Away>) {
        if self.availability.away().is_none() && self.availability.begins_to_be_looked_at() {
            let pool = self.clone();
            tokio::spawn(async move {
                pool.look(reason).await;
                pool.availability.was_looked_at();
            });
        }
    }

    /// Looks; if it is away, until it is back.
    async fn look(&self, reason: Option<Away>) {
        let begun = Instant::now();
        // Some servers can tell only whether they take changes at all, not from whom.
        let changes = reason
            .as_ref()
            .is_some_and(|away| away.cause == Cause::ReadOnly);
        let Err(away) = self.probe(changes).await else {
            if let Some(Away { cause, said }) = reason
                && self.contradiction.is_due()
            {
                tracing::warn!(
                    error = said,
                    "the database responds, but a request has found it away: {cause}"
                );
            }
            return;
        };
        if self.availability.has_answered_since(begun) {
            return;
        }
        self.availability.has_gone(away);
        loop {
            sleep(LOOKS_EVERY).await;
            if self.probe(changes).await.is_ok()
                && let Ok(fresh) = self.connect_later().await
            {
                self.replace(fresh);
                self.availability.is_back(begun.elapsed());
                return;
            }
        }
    }

    /// Connections that are opened when they are needed.
    async fn connect_later(&self) -> Result<DatabaseConnection, DbErr> {
        let mut options = super::opening::to_server(&self.config(), self.sessions);
        options.connect_lazy(true);
        sea_orm::Database::connect(options).await
    }

    /// Whether it is there; and, if somebody was told otherwise, whether it takes `changes`.
    async fn probe(&self, changes: bool) -> Result<(), Away> {
        let config = self.config();
        let probe = timeout(self.looks_for(), server::probe(&config, changes));
        let silent = |_| Err(Away::new(Cause::Silent, "it took too long"));
        probe.await.unwrap_or_else(silent)
    }

    fn replace(&self, fresh: DatabaseConnection) {
        let mut connections = self
            .connections
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *connections, fresh);
        drop(connections);
        tokio::spawn(timeout(CLOSED_WITHIN, old.close()));
    }

    /// Closes all connections; those of a database that is away are left to the system.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        let closed = timeout(CLOSED_WITHIN, self.connections().close()).await;
        closed.unwrap_or(Ok(()))
    }
}

async fn begin(connections: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        // MariaDB's own default would show a transaction the rows as they were at its first query, long
        // after it had waited for a lock.
        isolation_level: Some(IsolationLevel::ReadCommitted),
        ..Default::default()
    };
    connections.begin_with_options(options).await
}

/// Begins a transaction in a session that others have used: what they have prepared there bears the names
/// that this connection gives as well.
async fn begin_shared(connections: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let transaction = connections.begin().await?;
    // Without preparing anything, unlike what begins with options.
    let statements = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DEALLOCATE ALL";
    transaction.execute_unprepared(statements).await?;
    Ok(transaction)
}
