//! Rows that cannot be read: a later version of the server has written what this one does not know, or
//! somebody has repaired the database by hand. One such row must not keep anybody from the others.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryResult, QuerySelect,
    QueryTrait, Select, Value,
};
use uuid::Uuid;

use super::Database;

/// So many rows are remembered as reported; a table with more has another problem.
const REPORTED: usize = 1000;

/// What a query has found.
#[derive(Debug)]
pub struct Found<M> {
    /// The rows, in their order.
    pub rows: Vec<M>,
    /// Where there are rows that cannot be read.
    pub unreadable: Vec<StoredId>,
}

/// The value of a row's column `id`, whatever it is.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredId(Value);

/// The rows that were reported as unreadable, so that each is reported once.
#[derive(Debug, Default)]
pub(super) struct Reported(Mutex<HashSet<String>>);

impl Database {
    /// The rows of a table with a column `id` that `select` chooses. Those that cannot be read are
    /// reported in the log, once each.
    pub async fn find<E: EntityTrait>(
        &self,
        db: &impl ConnectionTrait,
        select: Select<E>,
    ) -> Result<Found<E::Model>, DbErr> {
        self.find_as(db, select).await
    }

    /// The same for some of the columns, of which `id` is one.
    pub async fn find_as<E: EntityTrait, M: FromQueryResult>(
        &self,
        db: &impl ConnectionTrait,
        select: Select<E>,
    ) -> Result<Found<M>, DbErr> {
        let mut found = Found {
            rows: Vec::new(),
            unreadable: Vec::new(),
        };
        for row in db
            .query_all_raw(select.build(db.get_database_backend()))
            .await?
        {
            let id = StoredId::of(&row, db.get_database_backend())?;
            match M::from_query_result(&row, "") {
                // Sixteen letters read as a UUID, but no other row can refer to them by it.
                Ok(_) if id.is_text() => {
                    let error = DbErr::Type("its ID is a text".to_owned());
                    self.report(E::default().table_name(), &id, &error);
                    found.unreadable.push(id);
                }
                Ok(row) => found.rows.push(row),
                Err(error) => {
                    self.report(E::default().table_name(), &id, &error);
                    found.unreadable.push(id);
                }
            }
        }
        Ok(found)
    }

    /// The IDs of the rows that `select` chooses, whatever else the rows hold.
    pub async fn ids<E: EntityTrait>(
        &self,
        db: &impl ConnectionTrait,
        select: Select<E>,
    ) -> Result<Vec<StoredId>, DbErr> {
        let select = select.select_only().expr(Expr::col((E::default(), "id")));
        let backend = db.get_database_backend();
        let rows = db.query_all_raw(select.build(backend)).await?;
        rows.iter().map(|row| StoredId::of(row, backend)).collect()
    }

    fn report(&self, table: &str, id: &StoredId, error: &DbErr) {
        let mut reported = self
            .reported
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if reported.len() < REPORTED && reported.insert(format!("{table} {id}")) {
            tracing::error!(table, %id, %error, "a row cannot be read, and is passed over");
        }
    }
}

impl StoredId {
    fn of(row: &QueryResult, backend: DbBackend) -> Result<Self, DbErr> {
        let uuid = || row.try_get::<Uuid>("", "id").map(Value::from);
        Ok(Self(match backend {
            // A column takes any value, which is equal only to one of the same type.
            DbBackend::Sqlite => (row.try_get::<i64>("", "id").map(Value::from))
                .or_else(|_| row.try_get::<String>("", "id").map(Value::from))
                .or_else(|_| row.try_get::<Vec<u8>>("", "id").map(Value::from))?,
            // The table with a single row has a number.
            _ => uuid().or_else(|_| row.try_get::<i16>("", "id").map(Value::from))?,
        }))
    }

    fn is_text(&self) -> bool {
        matches!(self.0, Value::String(_))
    }

    /// The rows that have one of them.
    pub fn any_of(ids: impl IntoIterator<Item = Self>) -> SimpleExpr {
        Expr::col("id").is_in(ids.into_iter().map(|id| id.0))
    }

    /// The row that has it.
    pub fn is_id(&self) -> SimpleExpr {
        Expr::col("id").eq(self.0.clone())
    }
}

impl fmt::Display for StoredId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Bytes(Some(bytes)) => match Uuid::from_slice(bytes) {
                Ok(uuid) => uuid.fmt(f),
                Err(_) => write!(f, "{bytes:02x?}"),
            },
            Value::Uuid(Some(uuid)) => uuid.fmt(f),
            other => write!(f, "{other}"),
        }
    }
}
