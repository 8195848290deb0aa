//! How large a response may be. Validation adds it up, which knows the schema and the variables; here
//! is what a list counts for.

use async_graphql::ServerError;

use crate::domain::page::{DEFAULT_SIZE, MAX_SIZE};
use crate::graphql::error::Code;

/// How many fields a response may have, by what the document requests: a field of a page counts once
/// for each row that the page may have. Otherwise pages within pages could multiply to any number.
pub const MAX_COMPLEXITY: usize = 20_000;

/// What validation says of a document that exceeds [`MAX_COMPLEXITY`], and nothing else.
const TOO_COMPLEX: &str = "Query is too complex.";

/// Has an error of validation say what the limit is, if it is that the document exceeds it.
pub fn explain(error: &mut ServerError) {
    if error.message == TOO_COMPLEX && error.extensions.is_none() {
        error.message = format!("The response could have more than {MAX_COMPLEXITY} fields.");
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", Code::LimitExceeded.as_str());
    }
}

/// The complexity of a page: everything that is selected from it, for each row that it may have.
pub fn page_complexity(first: Option<i32>, last: Option<i32>, selected: usize) -> usize {
    let rows = last.or(first).and_then(|rows| usize::try_from(rows).ok());
    list_complexity(rows.unwrap_or(DEFAULT_SIZE as usize), selected)
}

/// The complexity of a list with this many rows.
pub fn list_complexity(rows: usize, selected: usize) -> usize {
    // The library adds these up, and must not overflow.
    let rows = rows.min(MAX_SIZE as usize);
    rows.saturating_mul(selected).clamp(1, 1 << 32)
}

/// The complexity of what is selected for each row of an input, which may have so many.
pub fn rows_complexity(rows: usize, at_most: usize, selected: usize) -> usize {
    rows.clamp(1, at_most).saturating_mul(selected).min(1 << 32)
}

/// How long introspection's lists are in a schema such as this one. They lead from type to type, in
/// circles, so a short document could request any number of fields.
pub(super) fn introspected_rows(field: &str) -> usize {
    match field {
        "types" => 200,
        "possibleTypes" => 50,
        "fields" | "enumValues" => 40,
        "inputFields" => 20,
        "args" | "directives" => 10,
        "interfaces" => 5,
        _ => 1,
    }
}
