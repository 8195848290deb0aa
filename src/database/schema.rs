//! The database's schema: whether it is that of this version, and how it becomes that.

use std::time::Duration;

use migration::{Migrator, MigratorTrait, seaql_migrations};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    QuerySelect, Statement,
};
use secrecy::ExposeSecret;

use super::galera::{self, Lease};
use super::transaction::Inner;
use super::{Away, CommitError, Connections, Database, OpenError, Source, Transaction, file};
use crate::config;

/// For how long another server may take over a migration before this one gives up.
const LOCKED_AT_MOST: Duration = Duration::from_secs(60);

/// How the database's schema compares to that of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// It is the same.
    UpToDate,
    /// It lacks this many migrations.
    Behind(usize),
    /// A newer version has applied these migrations, of which this one knows nothing.
    Ahead(Vec<String>),
}

impl Schema {
    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::Behind(Migrator::migrations().len())
    }

    async fn of(database: &Database, db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let refusal = match Migrator::get_pending_migrations_read_only(db).await {
            Ok(pending) if pending.is_empty() => return Ok(Self::UpToDate),
            Ok(pending) => return Ok(Self::Behind(pending.len())),
            Err(error) => error,
        };
        // An unknown migration is an error there, and so is a database that does not answer.
        match Self::of_migrated(database, db).await? {
            ahead @ Self::Ahead(_) => Ok(ahead),
            _ => Err(refusal),
        }
    }

    /// The same of a database in which migrations were counted before, by reading alone.
    async fn of_migrated(database: &Database, db: &impl Source) -> Result<Self, DbErr> {
        let applied = seaql_migrations::Entity::find()
            .select_only()
            .column(seaql_migrations::Column::Version);
        let applied: Vec<String> = database.values(db, applied).await?;
        let known = Migrator::migrations();
        let is_unknown = |name: &String| known.iter().all(|known| known.name() != name);
        let unknown: Vec<String> = applied
            .iter()
            .filter(|name| is_unknown(name))
            .cloned()
            .collect();
        Ok(if !unknown.is_empty() {
            Self::Ahead(unknown)
        } else if applied.len() < known.len() {
            Self::Behind(known.len() - applied.len())
        } else {
            Self::UpToDate
        })
    }
}

/// Why a schema was not brought up to date: a sentence.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A newer version has been here.
    #[error(
        "a newer version of Usher has applied {0} to the schema, which version {version} does not know; start that version or a later one, or restore a backup from before", version = env!("CARGO_PKG_VERSION")
    )]
    Newer(String),
    /// Another server has the lock.
    #[error(
        "another server has been migrating the database for {} seconds; nothing was changed. Try again when it is done", .0.as_secs()
    )]
    Locked(Duration),
    /// This server was silent for so long that another one has gone on.
    #[error(
        "this server took so long to migrate the database that another one has gone on with it. Try again when it is done"
    )]
    Overtaken,
    /// The database has no such locks, as some clusters.
    #[error(
        "the database refuses the lock with which servers hold each other off while they migrate: {0}. Nothing was changed"
    )]
    NoLock(DbErr),
    /// It failed.
    #[error("migration failed: {}", super::explained(.0))]
    Failed(#[from] DbErr),
}

impl Database {
    /// How the schema compares to that of this version.
    pub async fn schema(&self) -> Result<Schema, DbErr> {
        match Schema::of_migrated(self, &self.reader).await {
            Ok(schema) => Ok(schema),
            Err(error) if Away::of(&error).is_some() => Err(error),
            // Perhaps there is nothing yet.
            Err(_) => Schema::of(self, &self.begin_migration().await?).await,
        }
    }

    /// Refuses a schema that is not this version's.
    ///
    /// # Errors
    ///
    /// A sentence that says what to do.
    pub async fn must_be_migrated(&self, config: &config::Database) -> Result<(), OpenError> {
        let reason = match self.schema().await {
            Ok(Schema::UpToDate) => return Ok(()),
            Ok(schema) if schema.is_empty() => format!("it is empty. {}", file::ELSEWHERE),
            Ok(Schema::Behind(count)) => format!(
                "its schema is older than this version, which has {count} further migrations; run usher migrate first"
            ),
            Ok(Schema::Ahead(unknown)) => MigrationError::Newer(unknown.join(", ")).to_string(),
            Err(error) => super::explained(&error),
        };
        Err(OpenError::new(config.url.expose_secret(), reason))
    }

    /// Refuses a database that Usher has never used.
    ///
    /// # Errors
    ///
    /// A sentence that says how to name another.
    pub async fn must_not_be_empty(&self, config: &config::Database) -> Result<(), OpenError> {
        let reason = match self.schema().await {
            Ok(schema) if schema.is_empty() => format!("it is empty. {}", file::ELSEWHERE),
            Ok(_) => return Ok(()),
            Err(error) => super::explained(&error),
        };
        Err(OpenError::new(config.url.expose_secret(), reason))
    }

    /// Brings the schema up to date, and returns how many migrations that took.
    ///
    /// # Errors
    ///
    /// A schema that is newer than this version; a lock that cannot be had; a failed migration.
    pub async fn migrate(&self) -> Result<usize, MigrationError> {
        self.migrate_within(LOCKED_AT_MOST).await
    }

    /// The same, giving up when another server has been migrating for that long.
    ///
    /// # Errors
    ///
    /// As for [`migrate`](Self::migrate).
    pub async fn migrate_within(&self, wait: Duration) -> Result<usize, MigrationError> {
        // Where nothing is missing there is nothing to guard, and any number of servers start at once.
        if pending(self.schema().await?)? == 0 {
            return Ok(0);
        }
        if let Connections::Server(pool) = &self.reader.connections {
            let db = pool.connections();
            if galera::is_node(&db).await? {
                return self.migrate_cluster(&db, wait).await;
            }
        }
        // All on one connection: there may be no other, and it is the one that has the lock.
        let transaction = self.begin_migration().await?;
        lock(&transaction, wait).await?;
        let migrated = self.migrate_in(&transaction).await;
        unlock(&transaction).await?;
        let migrated = migrated?;
        self.commit(Transaction {
            inner: Inner::Server(transaction),
            open: None,
        })
        .await
        .map_err(|error| match error {
            CommitError::Failed(error) => MigrationError::Failed(error),
            CommitError::Unknown(away) => MigrationError::Failed(away.into()),
        })?;
        Ok(migrated)
    }

    /// The same on a cluster, whose nodes do not know of each other's locks. Nothing is lost without a
    /// transaction around all of it: these databases end one with each table that is created.
    async fn migrate_cluster(
        &self,
        db: &DatabaseConnection,
        wait: Duration,
    ) -> Result<usize, MigrationError> {
        let lease = Lease::take(db, wait).await;
        let lease = lease.map_err(MigrationError::NoLock)?;
        let lease = lease.ok_or(MigrationError::Locked(wait))?;
        let migrated = self.migrate_under(db, &lease).await;
        lease.give_back().await;
        migrated
    }

    async fn migrate_under(
        &self,
        db: &DatabaseConnection,
        lease: &Lease<'_>,
    ) -> Result<usize, MigrationError> {
        let mut migrated = 0;
        while pending(Schema::of(self, db).await?)? > 0 {
            if !lease.renew().await? {
                return Err(MigrationError::Overtaken);
            }
            Migrator::up(db, Some(1)).await?;
            migrated += 1;
        }
        Ok(migrated)
    }

    /// What is missing now, which another server may have added in the meantime.
    async fn migrate_in(&self, transaction: &DatabaseTransaction) -> Result<usize, MigrationError> {
        let pending = pending(Schema::of(self, transaction).await?)?;
        if pending > 0 {
            Migrator::up(transaction, None).await?;
        }
        Ok(pending)
    }
}

fn pending(schema: Schema) -> Result<usize, MigrationError> {
    match schema {
        Schema::UpToDate => Ok(0),
        Schema::Behind(pending) => Ok(pending),
        Schema::Ahead(unknown) => Err(MigrationError::Newer(unknown.join(", "))),
    }
}

/// The lock's name on MariaDB, where it is the whole server's and has at most 64 characters.
const LOCK: &str = "LEFT(CONCAT('usher.migrate.', DATABASE()), 64)";

/// Holds off other servers that start at the same time. On SQLite, the transaction does.
async fn lock(transaction: &DatabaseTransaction, wait: Duration) -> Result<(), MigrationError> {
    // Any number and any name will do, as long as they are always the same for a database.
    match transaction.get_database_backend() {
        DbBackend::Postgres => {
            let limit = format!("SET LOCAL lock_timeout = {}", wait.as_millis());
            transaction.execute_unprepared(&limit).await?;
            let locked = transaction
                .execute_unprepared("SELECT pg_advisory_xact_lock(8519046207)")
                .await;
            if let Err(error) = locked {
                // SQLSTATE 55P03, lock_not_available.
                return Err(if error.to_string().contains("lock timeout") {
                    MigrationError::Locked(wait)
                } else {
                    MigrationError::NoLock(error)
                });
            }
            transaction
                .execute_unprepared("SET LOCAL lock_timeout = 0")
                .await?;
        }
        DbBackend::MySql => {
            let locked = format!("SELECT GET_LOCK({LOCK}, {})", wait.as_secs());
            let statement = Statement::from_string(DbBackend::MySql, locked);
            let row = transaction.query_one_raw(statement).await;
            let row = row.map_err(MigrationError::NoLock)?;
            let got: Option<i64> = match row {
                Some(row) => row.try_get_by_index(0)?,
                None => None,
            };
            match got {
                Some(1) => {}
                Some(_) => return Err(MigrationError::Locked(wait)),
                None => {
                    let reason = "GET_LOCK returned NULL".to_owned();
                    return Err(MigrationError::NoLock(DbErr::Custom(reason)));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

async fn unlock(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DbBackend::MySql {
        transaction
            .execute_unprepared(&format!("SELECT RELEASE_LOCK({LOCK})"))
            .await?;
    }
    Ok(())
}
