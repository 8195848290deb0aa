//! A transaction that writes, on any database.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    QueryTrait, RuntimeErr, SqlxError, Statement, TryIntoModel,
};

use super::load::Counted;
use super::row::{Row, Source};
use super::sqlite;

/// A transaction. Dropped without a commit, it leaves no trace.
#[derive(Debug)]
pub struct Transaction {
    pub(super) inner: Inner,
    /// Counts it as long as it has its connection, where somebody counts.
    pub(super) open: Option<Counted>,
}

#[derive(Debug)]
pub(super) enum Inner {
    /// Of SQLite's only writer.
    Sqlite(sqlite::Turn),
    /// Of a database server.
    Server(DatabaseTransaction),
}

impl Source for Transaction {
    fn backend(&self) -> DbBackend {
        match &self.inner {
            Inner::Sqlite(_) => DbBackend::Sqlite,
            Inner::Server(transaction) => transaction.get_database_backend(),
        }
    }

    async fn rows(&self, query: Statement) -> Result<Vec<Row>, DbErr> {
        match &self.inner {
            Inner::Sqlite(turn) => {
                let rows = turn.rows(query).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Inner::Server(transaction) => Box::pin(transaction.rows(query)).await,
        }
    }
}

impl Transaction {
    /// Does several statements as they are written, without values.
    pub async fn execute_batch(&self, sql: &str) -> Result<(), DbErr> {
        match &self.inner {
            Inner::Sqlite(turn) => turn.execute_batch(sql).await,
            Inner::Server(transaction) => transaction.execute_unprepared(sql).await.map(drop),
        }
    }

    /// Undoes all of it.
    pub async fn rollback(self) -> Result<(), DbErr> {
        match self.inner {
            Inner::Sqlite(turn) => {
                drop(turn);
                Ok(())
            }
            Inner::Server(transaction) => transaction.rollback().await,
        }
    }

    /// Stores all of it. Changes are stored by [`Database::commit`](super::Database::commit).
    pub async fn commit(self) -> Result<(), DbErr> {
        match self.inner {
            Inner::Sqlite(turn) => turn.commit().await,
            Inner::Server(transaction) => transaction.commit().await,
        }
    }
}

/// Inserts, updates and deletions.
pub trait Write: QueryTrait + Sized {
    /// Changes a few rows, and returns how many.
    fn write(self, db: &Transaction) -> impl Future<Output = Result<u64, DbErr>> + Send {
        let statement = self.build(db.backend());
        async move {
            match &db.inner {
                Inner::Sqlite(turn) => turn.execute(&statement).await,
                Inner::Server(transaction) => {
                    let done = Box::pin(transaction.execute_raw(statement)).await?;
                    Ok(done.rows_affected())
                }
            }
        }
    }

    /// Changes any number of rows, and returns how many. On SQLite that happens on a thread that may
    /// block.
    fn write_many(self, db: &Transaction) -> impl Future<Output = Result<u64, DbErr>> + Send {
        let statement = self.build(db.backend());
        async move {
            match &db.inner {
                Inner::Sqlite(turn) => turn.execute_at_leisure(statement).await,
                Inner::Server(transaction) => {
                    let done = Box::pin(transaction.execute_raw(statement)).await?;
                    Ok(done.rows_affected())
                }
            }
        }
    }
}

impl<Q: QueryTrait> Write for Q {}

/// Changes the columns of a row that are set, and returns the row. The others are as they were read, by a
/// transaction that has locked it.
///
/// # Errors
///
/// A row that is not there, among others.
pub async fn update_row<A>(db: &Transaction, row: A) -> Result<ModelOf<A>, DbErr>
where
    A: ActiveModelTrait + TryIntoModel<ModelOf<A>>,
{
    let changed = A::Entity::update(row.clone()).validate()?.write(db).await?;
    if changed == 0 {
        return Err(DbErr::RecordNotUpdated);
    }
    row.try_into_model()
}

type ModelOf<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

/// Whether a row was refused because another has the same value where it must be unique.
pub fn is_duplicate(error: &DbErr) -> bool {
    database_error(error).is_some_and(|error| error.is_unique_violation())
}

/// Whether a row was refused because it refers to one that is not there.
pub fn is_dangling(error: &DbErr) -> bool {
    database_error(error).is_some_and(|error| error.is_foreign_key_violation())
}

/// What the database itself has said.
pub(super) fn database_error(error: &DbErr) -> Option<&dyn sea_orm::sqlx::error::DatabaseError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            SqlxError::Database(error) => Some(&**error),
            _ => None,
        },
        _ => None,
    }
}
