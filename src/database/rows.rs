//! Rows that cannot be read: a later version of the server has written what this one does not know, or
//! somebody has repaired the database by hand. One such row must not keep anybody from the others.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn, QuerySelect,
    QueryTrait, Select, Value,
};
use uuid::Uuid;

use super::Database;
use super::row::{FromRow, Row, Source, Table};

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

/// The value of a row's primary key, or of a part of it, whatever it is.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredId(Value);

/// The rows that were reported as unreadable, so that each is reported once.
#[derive(Debug, Default)]
pub(super) struct Reported(Mutex<HashSet<String>>);

impl Database {
    /// The rows of a table with a column `id` that `select` chooses. Those that cannot be read are
    /// reported in the log, once each.
    pub async fn find<E: Table>(
        &self,
        db: &impl Source,
        select: Select<E>,
    ) -> Result<Found<E::Model>, DbErr> {
        self.find_by(db, select, |row| row.model::<E>(0)).await
    }

    /// The same for some of the columns, of which `id` is the first.
    pub async fn find_as<E: EntityTrait, M: FromRow>(
        &self,
        db: &impl Source,
        select: Select<E>,
    ) -> Result<Found<M>, DbErr> {
        self.find_by(db, select, M::from_row).await
    }

    async fn find_by<E: EntityTrait, M>(
        &self,
        db: &impl Source,
        select: Select<E>,
        read: impl Fn(&Row) -> Result<M, DbErr>,
    ) -> Result<Found<M>, DbErr> {
        let mut found = Found {
            rows: Vec::new(),
            unreadable: Vec::new(),
        };
        let backend = db.backend();
        for row in db.rows(select.build(backend)).await? {
            match self.readable::<E, M>(&row, backend, &read) {
                Some(row) => found.rows.push(row),
                None => found.unreadable.push(StoredId::of(&row, 0, backend)?),
            }
        }
        Ok(found)
    }

    /// The rows of any table that `select` chooses, without those that cannot be read. These are
    /// reported as [`find`](Self::find) does: to whoever asks, they are not there.
    pub async fn all<E: Table>(
        &self,
        db: &impl Source,
        select: Select<E>,
    ) -> Result<Vec<E::Model>, DbErr> {
        self.all_by(db, select, |row| row.model::<E>(0)).await
    }

    /// The same for some of the columns, of which those of the primary key are the first, and for
    /// those of other tables.
    pub async fn all_as<E: EntityTrait, M: FromRow>(
        &self,
        db: &impl Source,
        select: Select<E>,
    ) -> Result<Vec<M>, DbErr> {
        self.all_by(db, select, M::from_row).await
    }

    async fn all_by<E: EntityTrait, M>(
        &self,
        db: &impl Source,
        select: Select<E>,
        read: impl Fn(&Row) -> Result<M, DbErr>,
    ) -> Result<Vec<M>, DbErr> {
        let backend = db.backend();
        let rows = db.rows(select.build(backend)).await?;
        let readable = rows
            .iter()
            .filter_map(|row| self.readable::<E, M>(row, backend, &read));
        Ok(readable.collect())
    }

    /// The one row that `select` can choose; none if it cannot be read, which is reported.
    pub async fn one<E: Table>(
        &self,
        db: &impl Source,
        select: Select<E>,
    ) -> Result<Option<E::Model>, DbErr> {
        Ok(self.all(db, select.limit(1)).await?.pop())
    }

    /// The keys of the rows that `select` chooses, whatever else the rows hold.
    pub async fn ids<E: EntityTrait>(
        &self,
        db: &impl Source,
        select: Select<E>,
    ) -> Result<Vec<StoredId>, DbErr> {
        let key = Expr::col((E::default(), key_of::<E>()));
        let select = select.select_only().expr(key);
        let backend = db.backend();
        let rows = db.rows(select.build(backend)).await?;
        rows.iter()
            .map(|row| StoredId::of(row, 0, backend))
            .collect()
    }

    /// What `select` makes of rows: some of their columns, or values over them all.
    ///
    /// # Errors
    ///
    /// A value that is of another type, as well.
    pub async fn values<E: EntityTrait, M: FromRow>(
        &self,
        db: &impl Source,
        select: Select<E>,
    ) -> Result<Vec<M>, DbErr> {
        let rows = db.rows(select.build(db.backend())).await?;
        rows.iter().map(M::from_row).collect()
    }

    /// How many rows `select` chooses, whether or not they can be read.
    pub async fn count<E: EntityTrait>(
        &self,
        db: &impl Source,
        select: Select<E>,
    ) -> Result<u64, DbErr> {
        let select = select.select_only().expr(Expr::col(Asterisk).count());
        let count: Option<i64> = self.values(db, select).await?.pop();
        Ok(count.map_or(0, i64::unsigned_abs))
    }

    /// The row, unless it cannot be read. Then it is reported.
    fn readable<E: EntityTrait, M>(
        &self,
        row: &Row,
        backend: DbBackend,
        read: impl Fn(&Row) -> Result<M, DbErr>,
    ) -> Option<M> {
        // Sixteen letters read as a UUID, but no other row can refer to them by it.
        let is_text = || {
            key_of::<E>() == "id" && backend == DbBackend::Sqlite && row.get::<String>(0).is_ok()
        };
        let error = match read(row) {
            Ok(_) if is_text() => DbErr::Type("its ID is a text".to_owned()),
            Ok(model) => return Some(model),
            Err(error) => error,
        };
        let key = (0..E::PrimaryKey::iter().count())
            .filter_map(|place| StoredId::of(row, place, backend).ok());
        let key: Vec<String> = key.map(|part| part.to_string()).collect();
        self.report(E::default().table_name(), &key.join(" "), &error);
        None
    }

    fn report(&self, table: &str, id: &str, error: &DbErr) {
        let mut reported = self
            .reported
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if reported.len() < REPORTED && reported.insert(format!("{table} {id}")) {
            tracing::error!(table, id, %error, "a row cannot be read, and is passed over");
        }
    }
}

/// The name of the first column of a table's primary key.
pub fn key_of<E: EntityTrait>() -> &'static str {
    let mut key = E::PrimaryKey::iter();
    key.next().map_or("id", |key| key.into_column().as_str())
}

impl StoredId {
    fn of(row: &Row, column: usize, backend: DbBackend) -> Result<Self, DbErr> {
        let text = || row.get::<String>(column).map(Value::from);
        let bytes = || row.get::<Vec<u8>>(column).map(Value::from);
        Ok(Self(match backend {
            // A column takes any value, which is equal only to one of the same type.
            DbBackend::Sqlite => (row.get::<i64>(column).map(Value::from))
                .or_else(|_| text())
                .or_else(|_| bytes())?,
            // The table with a single row has a number; what is not called `id`, a text or a digest.
            _ => (row.get::<Uuid>(column).map(Value::from))
                .or_else(|_| row.get::<i16>(column).map(Value::from))
                .or_else(|_| text())
                .or_else(|_| bytes())?,
        }))
    }

    /// The rows that have one of them.
    pub fn any_of<E: EntityTrait>(ids: impl IntoIterator<Item = Self>) -> SimpleExpr {
        Expr::col(key_of::<E>()).is_in(ids.into_iter().map(|id| id.0))
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
