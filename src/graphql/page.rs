//! Relay connections (<https://relay.dev/graphql/connections.htm>): their arguments, and the types
//! that the nouns declare with `connection!`.

use async_graphql::{Result, SimpleObject};

use super::error::bad_request;
use crate::domain::page::{Cursor, DEFAULT_SIZE, MAX_SIZE, Page, PageRequest};

/// Where a page lies in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether there are rows after this page.
    has_next_page: bool,
    /// Whether there are rows before this page.
    has_previous_page: bool,
    /// The cursor of the first row; null where there is none.
    start_cursor: Option<String>,
    /// The cursor of the last row; null where there is none.
    end_cursor: Option<String>,
}

impl PageInfo {
    /// Of that page.
    pub fn of<T>(page: &Page<T>) -> Self {
        let cursor = |row: Option<&(Cursor, T)>| row.map(|(cursor, _)| cursor.encode());
        Self {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: cursor(page.rows.first()),
            end_cursor: cursor(page.rows.last()),
        }
    }
}

/// The arguments `first`, `after`, `last` and `before` of a connection.
pub type PageArguments = (Option<i32>, Option<String>, Option<i32>, Option<String>);

/// Reads a connection's arguments: a page of the list in that order.
///
/// # Errors
///
/// `BAD_REQUEST` for a size out of bounds, `first` together with `last`, and a cursor that was not
/// made by this server for a list in this order.
pub fn page_request(
    order: &str,
    (first, after, last, before): PageArguments,
) -> Result<PageRequest> {
    let (name, size) = match (first, last) {
        (Some(_), Some(_)) => {
            return Err(bad_request("Give either `first` or `last`, not both."));
        }
        (Some(first), None) => ("first", Some(first)),
        (None, last) => ("last", last),
    };
    let size = match size.map(u32::try_from) {
        None => DEFAULT_SIZE,
        Some(Ok(size)) if (1..=MAX_SIZE).contains(&size) => size,
        Some(_) => {
            return Err(bad_request(format!(
                "`{name}` must be from 1 to {MAX_SIZE}."
            )));
        }
    };
    let place = |name: &str, cursor: Option<String>| match cursor {
        None => Ok(None),
        Some(text) => Cursor::decode(&text)
            .filter(|cursor| cursor.is_of(order))
            .map(Some)
            .ok_or_else(|| bad_request(format!("`{name}` is not a cursor of this list."))),
    };
    Ok(PageRequest {
        after: place("after", after)?,
        before: place("before", before)?,
        from_end: last.is_some(),
        size,
    })
}

/// Declares the connection and the edge of a type.
///
/// `$counted` is what the list was narrowed by, from which `$count` finds `totalCount`: only when it
/// is asked for.
macro_rules! connection {
    ($(#[$doc:meta])* $connection:ident, $edge:ident of $node:ty; $count:path where $counted:ty) => {
        $(#[$doc])*
        #[derive(::async_graphql::Description)]
        pub struct $connection {
            page: $crate::domain::page::Page<$node>,
            counted: $counted,
        }

        impl $connection {
            /// A page of those that `counted` narrows the list to.
            pub fn new<T: Into<$node>>(page: $crate::domain::page::Page<T>, counted: $counted) -> Self {
                Self { page: page.map(Into::into), counted }
            }
        }

        #[::async_graphql::Object(use_type_description)]
        impl $connection {
            /// The rows, each with its cursor.
            async fn edges(&self) -> Vec<$edge> {
                self.page
                    .rows
                    .iter()
                    .map(|(cursor, node)| $edge { cursor: cursor.encode(), node: node.clone() })
                    .collect()
            }

            /// The rows.
            async fn nodes(&self) -> Vec<$node> {
                self.page.rows.iter().map(|(_, node)| node.clone()).collect()
            }

            /// Where the page lies in the list.
            async fn page_info(&self) -> $crate::graphql::page::PageInfo {
                $crate::graphql::page::PageInfo::of(&self.page)
            }

            /// How many there are in all. Counted only when asked for.
            async fn total_count(&self, ctx: &::async_graphql::Context<'_>) -> ::async_graphql::Result<u64> {
                Ok($count($crate::graphql::context::ContextExt::app(ctx)?, &self.counted).await?)
            }
        }

        /// A row and its place in the list.
        #[derive(::async_graphql::SimpleObject)]
        pub struct $edge {
            /// The row's place, for `after` and `before`.
            cursor: String,
            /// The row.
            node: $node,
        }
    };
}
pub(crate) use connection;
