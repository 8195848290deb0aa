//! Partial changes as the API expresses them: omitted, null, or a value.

use async_graphql::MaybeUndefined;

use crate::domain::patch::Patch;

/// Converts the API's notation into the domain's patch.
pub fn patch<T>(value: MaybeUndefined<T>) -> Patch<T> {
    match value {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value),
    }
}
