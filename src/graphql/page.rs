//! Relay connections (<https://relay.dev/graphql/connections.htm>): their arguments, and the types
//! that the nouns declare with `connection!`.

use async_graphql::{Context, Enum, Result, SimpleObject};

use super::error::bad_request;
use crate::domain::page::{Cursor, DEFAULT_SIZE, MAX_SIZE, Order, Page, PageRequest};

/// The direction in which a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// Ascending: A to Z, oldest first.
    Asc,
    /// Descending: Z to A, newest first.
    Desc,
}

/// The position of a page in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether there are items after this page.
    has_next_page: bool,
    /// Whether there are items before this page.
    has_previous_page: bool,
    /// The cursor of the first item; null if the page is empty.
    start_cursor: Option<String>,
    /// The cursor of the last item; null if the page is empty.
    end_cursor: Option<String>,
}

impl PageInfo {
    /// The information about that page.
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

/// How many items `first` asks for where a request does not say.
pub fn default_first() -> Option<i32> {
    i32::try_from(DEFAULT_SIZE).ok()
}

/// The arguments `first`, `after`, `last` and `before` of a connection.
#[derive(Debug)]
pub struct PageArguments {
    /// As many from the beginning.
    pub first: Option<i32>,
    /// Only what comes after this cursor.
    pub after: Option<String>,
    /// As many from the end.
    pub last: Option<i32>,
    /// Only what comes before this cursor.
    pub before: Option<String>,
}

impl PageArguments {
    /// The arguments in the order in which fields declare them.
    pub fn new(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Self {
        Self {
            first,
            after,
            last,
            before,
        }
    }
}

/// Whether the request asks the list's nodes for this field, so that one query can fetch it for all of
/// them. It is `ctx`'s own field that is the list.
pub fn is_asked_of_nodes(ctx: &Context<'_>, field: &str) -> bool {
    let list = ctx.look_ahead();
    let nodes = [list.field("nodes"), list.field("edges").field("node")];
    nodes.iter().any(|node| node.field(field).exists())
}

/// The same of a field of what that field leads to, such as the bodies of each invitation's e-mails.
pub fn is_asked_below_nodes(ctx: &Context<'_>, field: &str, below: &str) -> bool {
    let list = ctx.look_ahead();
    let nodes = [list.field("nodes"), list.field("edges").field("node")];
    (nodes.iter()).any(|node| node.field(field).field(below).exists())
}

/// Reads a connection's arguments: a page of the list in that order.
///
/// # Errors
///
/// `BAD_REQUEST` for a size out of bounds, for `last` together with a `first` that is not the default, and
/// for a cursor that this server did not make for a list in this order.
pub fn page_request(order: Order, arguments: PageArguments) -> Result<PageRequest> {
    let PageArguments {
        first,
        after,
        last,
        before,
    } = arguments;
    let (name, size) = match (first, last) {
        // Whoever does not say `first` gets its default.
        (Some(_), Some(_)) if first != default_first() => {
            return Err(bad_request("Provide either `first` or `last`, not both."));
        }
        (first, None) => ("first", first),
        (_, last) => ("last", last),
    };
    let size = match size.map(u32::try_from) {
        None => DEFAULT_SIZE,
        Some(Ok(size)) if (1..=MAX_SIZE).contains(&size) => size,
        Some(_) => {
            return Err(bad_request(format!(
                "`{name}` must be between 1 and {MAX_SIZE}."
            )));
        }
    };
    let place = |name: &str, cursor: Option<String>| match cursor {
        None => Ok(None),
        Some(text) => Cursor::decode(&text)
            .filter(|cursor| cursor.is_of(order))
            .map(Some)
            .ok_or_else(|| bad_request(format!("`{name}` is not a cursor from this list."))),
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
/// `$counted` is what the list was filtered by, from which `$count` finds `totalCount`, only if it
/// is requested.
macro_rules! connection {
    ($(#[$doc:meta])* $connection:ident, $edge:ident of $node:ty; $count:path where $counted:ty) => {
        $(#[$doc])*
        #[derive(::async_graphql::Description)]
        pub struct $connection {
            page: $crate::domain::page::Page<$node>,
            counted: $counted,
        }

        impl $connection {
            /// A page of the items that match `counted`.
            pub fn new<T: Into<$node>>(page: $crate::domain::page::Page<T>, counted: $counted) -> Self {
                Self { page: page.map(Into::into), counted }
            }
        }

        #[::async_graphql::Object(use_type_description)]
        impl $connection {
            /// The items, each with its cursor.
            async fn edges(&self) -> Vec<$edge> {
                self.page
                    .rows
                    .iter()
                    .map(|(cursor, node)| $edge { cursor: cursor.encode(), node: node.clone() })
                    .collect()
            }

            /// The items.
            async fn nodes(&self) -> Vec<$node> {
                self.page.rows.iter().map(|(_, node)| node.clone()).collect()
            }

            /// The position of the page in the list.
            async fn page_info(&self) -> $crate::graphql::page::PageInfo {
                $crate::graphql::page::PageInfo::of(&self.page)
            }

            /// The total number of items in the list. Counted only when requested.
            async fn total_count(&self, ctx: &::async_graphql::Context<'_>) -> ::async_graphql::Result<u64> {
                Ok($count($crate::graphql::context::ContextExt::app(ctx)?, &self.counted).await?)
            }
        }

        /// An item and its cursor.
        #[derive(::async_graphql::SimpleObject)]
        pub struct $edge {
            /// The item's cursor, for `after` and `before`.
            cursor: String,
            /// The item.
            node: $node,
        }
    };
}
pub(crate) use connection;
