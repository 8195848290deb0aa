//! SQLite on the thread that asks.
//!
//! SQLite is a library: a statement is a call, which most often takes some ten microseconds. sqlx gives
//! each connection a thread, and a request that crosses over and back for each of its statements spends
//! more time on that than on the statements (docs/performance.md). Here a statement runs where it is
//! asked for, unless it takes longer than a moment, or has to wait: that happens on a thread that may
//! block.

mod connection;
mod failure;
mod readers;
mod value;
mod writer;

pub use connection::Access;
pub use failure::Failure;
pub use readers::Readers;
pub use value::Row;
pub use writer::{Turn, Writer};
