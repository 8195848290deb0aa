//! Partial changes as the API says them: what is left out, null, or a value.

use async_graphql::MaybeUndefined;

use crate::domain::patch::Patch;

/// How the API says what the domain calls a patch.
pub fn patch<T>(value: MaybeUndefined<T>) -> Patch<T> {
    match value {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value),
    }
}
