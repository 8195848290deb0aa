//! Scalars. They pass text on as it came; the domain decides whether it is acceptable, and answers
//! with a user error that names the field.

use async_graphql::{Description, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};
use entity::Timestamp;

use crate::domain::applications::Permission;

/// A point in time, as an RFC 3339 string such as `2026-11-21T09:30:00.000000Z`. Responses are
/// always in UTC, to the microsecond; input may have any offset.
#[derive(Clone, Copy, Debug, Description)]
pub struct DateTime(pub Timestamp);

impl From<Timestamp> for DateTime {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl From<DateTime> for Timestamp {
    fn from(time: DateTime) -> Self {
        time.0
    }
}

#[Scalar(
    use_type_description,
    specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let time = match value {
            Value::String(text) => text.parse::<chrono::DateTime<Utc>>().ok(),
            _ => None,
        };
        let time = time.ok_or_else(|| {
            InputValueError::custom(
                "write a date, a time and an offset as RFC 3339 does, such as 2026-11-21T09:30:00Z",
            )
        })?;
        Ok(Self(time.into()))
    }

    // All that is stored: a time that a client reads here and filters by is the same one.
    fn to_value(&self) -> Value {
        let text = self.0.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true);
        Value::String(text)
    }
}

/// An e-mail address (an RFC 5321 mailbox). Stored as it was entered, compared case-insensitively.
#[derive(Clone, Debug, Description)]
pub struct EmailAddress(pub String);

#[Scalar(
    use_type_description,
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2"
)]
impl ScalarType for EmailAddress {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A permission, `<application>.<action>`, such as `users.view` or `email-queue.update`.
#[Scalar(name = "PermissionCode")]
impl ScalarType for Permission {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self::from_code)
    }

    fn to_value(&self) -> Value {
        Value::String(self.code().to_owned())
    }
}

/// A text that was given, which is stored as an empty one where it was not.
pub fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn text<T: async_graphql::InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::expected_type(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_read_with_any_offset_and_written_in_utc() {
        for (read, written) in [
            ("2026-11-21T09:30:00Z", "2026-11-21T09:30:00.000000Z"),
            ("2026-11-21T10:30:00+01:00", "2026-11-21T09:30:00.000000Z"),
            ("2026-11-21T09:30:00.25Z", "2026-11-21T09:30:00.250000Z"),
            ("2026-11-21T09:30:00.123456Z", "2026-11-21T09:30:00.123456Z"),
        ] {
            let time = DateTime::parse(Value::from(read)).ok();
            let time = time.map(|time| time.to_value());
            assert_eq!(time, Some(Value::from(written)), "{read}");
        }
        assert!(DateTime::parse(Value::from("tomorrow")).is_err());
        assert!(DateTime::parse(Value::from(1_795_253_400)).is_err());
    }
}
