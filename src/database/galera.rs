//! Galera: clusters of MariaDB or MySQL, of which every node takes writes.
//!
//! Transactions run on one node, with its locks, and are compared with those of the others when they
//! commit: of two that have changed the same row, the second loses (error 1213), and is made again. Two
//! things are different from a single server. A node may lag behind: each connection waits until its node has
//! applied what the cluster had committed when the statement began (`wsrep_sync_wait`), so that what was
//! revoked on one node is revoked on all. And `GET_LOCK` is known to one node alone: servers that
//! migrate hold each other off by a row.
//! See <https://mariadb.com/docs/galera-cluster>.

use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::mysql::{MySqlConnection, MySqlPoolOptions};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::time::{Instant, sleep};

use super::is_lost_race;

/// `ON` where the server is a node of a cluster; other servers say `OFF`, or know no such variable.
const IS_NODE: &str = "SHOW VARIABLES LIKE 'wsrep_on'";

/// Has each connection wait for what the cluster has committed: before it reads or begins a transaction (1),
/// updates or deletes (2), and inserts (4).
pub(super) fn wait_for_the_cluster(pool: MySqlPoolOptions) -> MySqlPoolOptions {
    pool.after_connect(|connection, _| Box::pin(wait_on(connection)))
}

async fn wait_on(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let found: Option<(String, String)> = sqlx::query_as(IS_NODE)
        .fetch_optional(&mut *connection)
        .await?;
    if found.is_some_and(|(_, value)| value == "ON") {
        sqlx::query("SET SESSION wsrep_sync_wait = 7")
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Whether the server is a node of a cluster.
pub(super) async fn is_node(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::MySql {
        return Ok(false);
    }
    let asked = Statement::from_string(DbBackend::MySql, IS_NODE);
    match db.query_one_raw(asked).await? {
        Some(row) => Ok(row.try_get_by_index::<String>(1)? == "ON"),
        None => Ok(false),
    }
}

/// For how long a server that migrates is believed to be there. It says so again before each migration; while
/// one runs, the cluster answers nobody.
const LEASE: Duration = Duration::from_secs(30);

/// How long a lease that has run out is watched, before it is taken over: a server that was held up by
/// its own migration renews it first.
const WATCHED_FOR: Duration = Duration::from_secs(5);

/// How often servers that wait for their turn try again.
const TRIES_EVERY: Duration = Duration::from_millis(250);

/// The right to migrate, which one server of a cluster has at a time.
#[derive(Debug)]
pub(super) struct Lease<'a> {
    db: &'a DatabaseConnection,
    /// What it is told apart by from others.
    holder: String,
}

impl<'a> Lease<'a> {
    /// Waits for the lease; none, if another server keeps it for longer than that.
    pub(super) async fn take(
        db: &'a DatabaseConnection,
        wait: Duration,
    ) -> Result<Option<Self>, DbErr> {
        let give_up_at = Instant::now() + wait;
        let random = getrandom::u64().map_err(|error| DbErr::Custom(error.to_string()))?;
        let holder = format!("{random:016x}");
        let lease = Self { db, holder };
        loop {
            match lease.try_to_take().await {
                Ok(true) => return Ok(Some(lease)),
                Ok(false) => {}
                // Another node was first.
                Err(error) if is_lost_race(&error) => {}
                Err(error) => return Err(error),
            }
            if Instant::now() >= give_up_at {
                return Ok(None);
            }
            sleep(TRIES_EVERY).await;
        }
    }

    async fn try_to_take(&self) -> Result<bool, DbErr> {
        // It stands outside of the migrations, which it guards.
        self.execute(
            "CREATE TABLE IF NOT EXISTS migration_lease (
                id INT NOT NULL PRIMARY KEY, holder VARCHAR(36) NOT NULL, ends_at BIGINT NOT NULL
            ) ENGINE = InnoDB",
            [],
        )
        .await?;
        self.execute("INSERT IGNORE INTO migration_lease VALUES (1, '', 0)", [])
            .await?;
        let now = super::time_of(DbBackend::MySql);
        let asked = format!("SELECT holder, ends_at, {now} FROM migration_lease WHERE id = 1");
        let asked = Statement::from_string(DbBackend::MySql, asked);
        let Some(row) = self.db.query_one_raw(asked).await? else {
            return Ok(false);
        };
        let (holder, ends_at, now): (String, i64, i64) = (
            row.try_get_by_index(0)?,
            row.try_get_by_index(1)?,
            row.try_get_by_index(2)?,
        );
        if !holder.is_empty() {
            if ends_at > now {
                return Ok(false);
            }
            sleep(WATCHED_FOR).await;
        }
        self.hold_if(
            "holder = ? AND ends_at = ?",
            [holder.into(), ends_at.into()],
        )
        .await
    }

    /// Says that this server is still there. Returns whether it has the lease.
    pub(super) async fn renew(&self) -> Result<bool, DbErr> {
        loop {
            let held = self.hold_if("holder = ?", [self.holder.as_str().into()]);
            match held.await {
                // Those who wait ask for the same row.
                Err(error) if is_lost_race(&error) => sleep(TRIES_EVERY).await,
                held => return held,
            }
        }
    }

    async fn hold_if<const N: usize>(
        &self,
        condition: &str,
        values: [sea_orm::Value; N],
    ) -> Result<bool, DbErr> {
        let ends_at = format!(
            "{} + {}",
            super::time_of(DbBackend::MySql),
            LEASE.as_micros()
        );
        let sql = format!(
            "UPDATE migration_lease SET holder = '{}', ends_at = {ends_at} WHERE id = 1 AND {condition}",
            self.holder
        );
        Ok(self.execute(&sql, values).await? == 1)
    }

    /// Lets the next one migrate; if that fails, when the lease has run out.
    pub(super) async fn give_back(self) {
        let sql = "UPDATE migration_lease SET holder = '', ends_at = 0 WHERE id = 1 AND holder = ?";
        if let Err(error) = self.execute(sql, [self.holder.as_str().into()]).await {
            tracing::warn!(%error, "the next server has to wait before it can migrate");
        }
    }

    async fn execute<const N: usize>(
        &self,
        sql: &str,
        values: [sea_orm::Value; N],
    ) -> Result<u64, DbErr> {
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
        Ok(self.db.execute_raw(statement).await?.rows_affected())
    }
}
