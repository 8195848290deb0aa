//! The API, which is thin: a resolver decodes its input, calls the domain, and encodes the outcome.
//! The permission that it requires is stated on it twice: as the guard that checks it, and as the
//! directive that `schema.graphql` shows.

pub mod applications;
pub mod context;
pub mod effects;
pub mod email_changes;
pub mod email_queue;
pub mod emails;
pub mod error;
pub mod events;
pub mod explanation;
pub mod guard;
pub mod ids;
pub mod invitations;
pub mod level;
pub mod limits;
pub mod live;
pub mod many;
pub mod nodes;
pub mod nulls;
pub mod operations;
pub mod outcome;
pub mod page;
pub mod passwords;
pub mod patch;
pub mod payload;
pub mod roles;
pub mod scalars;
pub mod schema;
pub mod server;
pub mod sessions;
pub mod users;
pub mod variables;
pub mod watcher;

pub use schema::{Schema, schema, sdl};
