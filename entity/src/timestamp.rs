//! How points in time are stored, and what stands for "never".

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{self, ArrayType, ColumnType, ValueTypeErr};
use sea_orm::{ColIdx, DeriveValueType, QueryResult, TryGetError, TryGetable, Value};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z, in a `BIGINT`.
///
/// SQLite has no date type, MySQL's `TIMESTAMP` ends in 2038 and drops fractions unless told
/// otherwise, PostgreSQL's `timestamptz` keeps six digits. An integer compares, sorts and rounds
/// the same on all of them, and a keyset cursor can carry it without loss.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    DeriveValueType,
    Serialize,
    Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This point in time as a calendar date and time. Outside the calendar's range (some 262,000
    /// years either way), it is the nearest date that there is.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// The point in time that lies `duration` after this one.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// The point in time that lies `duration` before this one.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

/// When something happened or will happen, if ever.
///
/// Stored in a column that is never null: "never" is the smallest number there is, and so comes
/// before every time. Databases do not agree where nulls belong in an order, and a keyset page
/// cannot continue behind one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOrNever(pub Option<Timestamp>);

impl TimeOrNever {
    /// Not yet, or not any more.
    pub const NEVER: Self = Self(None);

    const STORED_NEVER: i64 = i64::MIN;

    /// The number that stands for it in the database, and sorts as it does.
    pub fn stored(self) -> i64 {
        self.0.map_or(Self::STORED_NEVER, |at| at.0)
    }

    /// The reverse of [`stored`](Self::stored).
    pub fn from_stored(number: i64) -> Self {
        Self((number != Self::STORED_NEVER).then_some(Timestamp(number)))
    }
}

impl From<Timestamp> for TimeOrNever {
    fn from(at: Timestamp) -> Self {
        Self(Some(at))
    }
}

impl From<TimeOrNever> for Value {
    fn from(time: TimeOrNever) -> Self {
        time.stored().into()
    }
}

impl TryGetable for TimeOrNever {
    fn try_get_by<I: ColIdx>(row: &QueryResult, column: I) -> Result<Self, TryGetError> {
        i64::try_get_by(row, column).map(Self::from_stored)
    }
}

impl sea_query::ValueType for TimeOrNever {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <i64 as sea_query::ValueType>::try_from(value).map(Self::from_stored)
    }

    fn type_name() -> String {
        "TimeOrNever".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::BigInt
    }

    fn column_type() -> ColumnType {
        ColumnType::BigInteger
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
