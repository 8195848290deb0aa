//! Values as SQLite holds them, where a column takes any.

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};
use sea_orm::Value;
use uuid::Uuid;

use crate::database::row::Kind;

/// A text that is none can be read as bytes only.
pub(super) fn owned(value: ValueRef<'_>) -> Stored {
    match value {
        ValueRef::Null => Stored::Null,
        ValueRef::Integer(number) => Stored::Integer(number),
        ValueRef::Real(number) => Stored::Real(number),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Stored::Text(text.to_owned()),
            Err(_) => Stored::Blob(text.to_owned()),
        },
        ValueRef::Blob(bytes) => Stored::Blob(bytes.to_owned()),
    }
}

/// A value as the statement takes it, the same as sqlx makes of it.
pub(super) fn bound(value: &Value) -> rusqlite::Result<ToSqlOutput<'_>> {
    let number = |number: Option<i64>| match number {
        Some(number) => ToSqlOutput::Owned(Stored::Integer(number)),
        None => ToSqlOutput::Owned(Stored::Null),
    };
    Ok(match value {
        Value::Bool(value) => number(value.map(i64::from)),
        Value::SmallInt(value) => number(value.map(i64::from)),
        Value::Int(value) => number(value.map(i64::from)),
        Value::BigInt(value) => number(*value),
        // A limit or an offset.
        Value::BigUnsigned(value) => {
            number(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
        }
        Value::String(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
        Value::Bytes(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
        Value::Uuid(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Blob(value.as_bytes())),
        Value::String(None) | Value::Bytes(None) | Value::Uuid(None) => number(None),
        other => {
            let kind = format!("a value that is not stored: {other:?}");
            return Err(rusqlite::Error::ToSqlConversionFailure(kind.into()));
        }
    })
}

/// A row as SQLite holds it, where a column takes any value.
#[derive(Debug)]
pub struct Row(pub(super) Vec<Stored>);

impl Row {
    /// The value of a column; none if it is not of that kind, or there is no such column.
    pub(in crate::database) fn value(&self, column: usize, kind: Kind) -> Option<Value> {
        Some(match (self.0.get(column)?, kind) {
            (Stored::Null, Kind::Bool) => Value::Bool(None),
            (Stored::Null, Kind::Small) => Value::SmallInt(None),
            (Stored::Null, Kind::Medium) => Value::Int(None),
            (Stored::Null, Kind::Big) => Value::BigInt(None),
            (Stored::Null, Kind::Uuid) => Value::Uuid(None),
            (Stored::Null, Kind::Text) => Value::String(None),
            (Stored::Null, Kind::Bytes) => Value::Bytes(None),
            (Stored::Integer(number), Kind::Bool) => (*number != 0).into(),
            (Stored::Integer(number), Kind::Small) => i16::try_from(*number).ok()?.into(),
            (Stored::Integer(number), Kind::Medium) => i32::try_from(*number).ok()?.into(),
            (Stored::Integer(number), Kind::Big) => (*number).into(),
            (Stored::Text(text), Kind::Text) => text.clone().into(),
            (Stored::Blob(bytes), Kind::Uuid) => Uuid::from_slice(bytes).ok()?.into(),
            (Stored::Blob(bytes), Kind::Bytes) => bytes.clone().into(),
            _ => return None,
        })
    }
}
