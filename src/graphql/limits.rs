//! How large a GraphQL document may be: parses it and measures it before anything else walks it.
//! Says nothing about the schema, which validation does, nor about the values of variables.
//!
//! The library's parser recurses once per bracket and overflows the stack on 4 KiB of them, so the
//! text is scanned first. Its validation expands fragments wherever they are spread, so their sizes
//! are computed first, each one once. All of it takes time linear in the size of the text.

use async_graphql::Pos;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::{self, parse_query};

mod complexity;
mod scan;
#[cfg(test)]
mod tests;
mod values;
mod walk;

pub use complexity::{MAX_COMPLEXITY, explain, list_complexity, page_complexity, rows_complexity};
pub use values::Limits;

/// Why a document is refused. The texts are for the client and repeat nothing from the document.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not a GraphQL document, or its fragments form a cycle.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where.
        at: Pos,
    },
    /// It exceeds a limit.
    #[error("The document has more than {limit} {what}.")]
    Exceeded {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
        /// Where it becomes too much.
        at: Pos,
    },
}

/// Parses a document if it is within the limits. Nothing needs to parse it again.
///
/// # Errors
///
/// What exceeds a limit, and what is no document.
pub fn parse_within(limits: &Limits, query: &str) -> Result<ExecutableDocument, Refusal> {
    scan::scan(limits, query)?;
    let document = parse_query(query).map_err(not_a_document)?;
    walk::walk(limits, &document)?;
    Ok(document)
}

/// What both the scan and the walk bound.
const NESTING: &str = "levels of nested brackets and fragments";

/// Refuses a count above its limit. The position is only asked for then.
fn within(
    count: usize,
    limit: usize,
    what: &'static str,
    at: impl FnOnce() -> Pos,
) -> Result<(), Refusal> {
    if count <= limit {
        return Ok(());
    }
    let at = at();
    Err(Refusal::Exceeded { what, limit, at })
}

/// The parser's own messages repeat lines and names from the document.
fn not_a_document(error: parser::Error) -> Refusal {
    let message = match &error {
        parser::Error::Syntax { message, .. } => {
            // The first lines show the document; the last one tells what was expected.
            let expected = message.lines().last().unwrap_or_default();
            let expected = expected.trim_start_matches([' ', '=']);
            let expected: String = expected.chars().take(160).collect();
            format!("Syntax error: {expected}.")
        }
        parser::Error::MultipleOperations { .. } => {
            "An anonymous operation must be the only one.".to_owned()
        }
        parser::Error::OperationDuplicated { .. } => {
            "Two operations have the same name.".to_owned()
        }
        parser::Error::FragmentDuplicated { .. } => "Two fragments have the same name.".to_owned(),
        parser::Error::MissingOperation => "The document contains no operation.".to_owned(),
        _ => "This is not a GraphQL document.".to_owned(),
    };
    let at = error
        .positions()
        .next()
        .unwrap_or(Pos { line: 1, column: 1 });
    Refusal::Invalid { message, at }
}
