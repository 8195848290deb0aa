//! A row as it comes from a connection, and what rows can be read from.

use sea_orm::sea_query::{ColumnType, ValueType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable,
    QueryResult, Statement, TryIntoModel, Value,
};
use uuid::Uuid;

use super::sqlite;

/// What rows can be read from: a transaction, or the database outside of one.
pub trait Source: Sync {
    /// Which database it is.
    fn backend(&self) -> DbBackend;

    /// The rows that a query finds.
    fn rows(&self, query: Statement) -> impl Future<Output = Result<Vec<Row>, DbErr>> + Send;
}

impl<C: ConnectionTrait> Source for C {
    fn backend(&self) -> DbBackend {
        self.get_database_backend()
    }

    async fn rows(&self, query: Statement) -> Result<Vec<Row>, DbErr> {
        let rows = self.query_all_raw(query).await?;
        Ok(rows.into_iter().map(Row::Pooled).collect())
    }
}

/// One row. Its columns are known by their place, counted from 0.
#[derive(Debug)]
pub enum Row {
    /// From one of the pools and transactions of sea-orm.
    Pooled(QueryResult),
    /// From a connection that reads SQLite's file by itself.
    Sqlite(sqlite::Row),
}

/// A table whose rows can be read whole.
pub trait Table: EntityTrait<ActiveModel: TryIntoModel<<Self as EntityTrait>::Model>> {}

impl<E: EntityTrait<ActiveModel: TryIntoModel<<E as EntityTrait>::Model>>> Table for E {}

/// What is made of the columns of a row.
pub trait FromRow: Sized {
    /// Reads the columns.
    ///
    /// # Errors
    ///
    /// A column that is not there, or that holds something else.
    fn from_row(row: &Row) -> Result<Self, DbErr>;
}

/// A single value is the first column.
impl<T: ValueType> FromRow for T {
    fn from_row(row: &Row) -> Result<Self, DbErr> {
        row.get(0)
    }
}

impl Row {
    /// The value of one column.
    ///
    /// # Errors
    ///
    /// A column that is not there, or that holds something else.
    pub fn get<T: ValueType>(&self, column: usize) -> Result<T, DbErr> {
        let value = self.value(column, Kind::of(&T::column_type())?)?;
        T::try_from(value).map_err(|_| holds_something_else(column))
    }

    /// A whole row of a table, whose columns begin at this one, in their order.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn model<E: Table>(&self, first: usize) -> Result<E::Model, DbErr> {
        let mut model = <E::ActiveModel as ActiveModelTrait>::default();
        for (place, column) in E::Column::iter().enumerate() {
            let place = first + place;
            let kind = Kind::of(column.def().get_column_type())?;
            model
                .try_set(column, self.value(place, kind)?)
                .map_err(|_| holds_something_else(place))?;
        }
        model.try_into_model()
    }

    pub(super) fn value(&self, column: usize, kind: Kind) -> Result<Value, DbErr> {
        match self {
            Self::Pooled(row) => pooled(row, column, kind),
            Self::Sqlite(row) => row
                .value(column, kind)
                .ok_or_else(|| holds_something_else(column)),
        }
    }
}

/// How the values of a column are kept, which is the same on all databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A number of 16 bits.
    Small,
    /// A number of 32 bits.
    Medium,
    /// A number of 64 bits.
    Big,
    /// A UUID.
    Uuid,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
}

impl Kind {
    pub(super) fn of(column: &ColumnType) -> Result<Self, DbErr> {
        Ok(match column {
            ColumnType::Boolean => Self::Bool,
            ColumnType::SmallInteger => Self::Small,
            ColumnType::Integer => Self::Medium,
            ColumnType::BigInteger => Self::Big,
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text => Self::Text,
            ColumnType::Binary(_) | ColumnType::VarBinary(_) | ColumnType::Blob => Self::Bytes,
            other => return Err(DbErr::Type(format!("columns of {other:?} are not read"))),
        })
    }
}

fn pooled(row: &QueryResult, column: usize, kind: Kind) -> Result<Value, DbErr> {
    Ok(match kind {
        Kind::Bool => row.try_get_by_index::<Option<bool>>(column)?.into(),
        Kind::Small => row.try_get_by_index::<Option<i16>>(column)?.into(),
        Kind::Medium => row.try_get_by_index::<Option<i32>>(column)?.into(),
        Kind::Big => row.try_get_by_index::<Option<i64>>(column)?.into(),
        Kind::Uuid => row.try_get_by_index::<Option<Uuid>>(column)?.into(),
        Kind::Text => row.try_get_by_index::<Option<String>>(column)?.into(),
        Kind::Bytes => row.try_get_by_index::<Option<Vec<u8>>>(column)?.into(),
    })
}

fn holds_something_else(column: usize) -> DbErr {
    DbErr::Type(format!("column {column} holds something else"))
}
