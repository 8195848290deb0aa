//! Scalars. They carry text as it came; whether it is acceptable is decided in the domain, which
//! answers with a user error that names the field.

use async_graphql::{Description, InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::domain::applications::Permission;

/// One e-mail address, an RFC 5321 mailbox; kept as typed, compared case-insensitively.
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

/// `<application>.<action>`, such as `users.view` or `email-queue.update`.
#[Scalar(name = "PermissionCode")]
impl ScalarType for Permission {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self::from_code)
    }

    fn to_value(&self) -> Value {
        Value::String(self.code().to_owned())
    }
}

fn text<T: async_graphql::InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::expected_type(other)),
    }
}
