//! The rules: what may be done with users, roles, invitations, sessions, passwords and e-mails.
//!
//! Operations are free functions over the [`App`] and the calling [`Actor`]. They
//! talk to the database and decide; they know nothing about GraphQL, HTTP and mail protocols. A
//! permission that does not depend on data has been checked by the API's guard before they are
//! called; every rule that does depend on data is here, once.

pub mod actor;
pub mod app;
pub mod applications;
pub mod change;
pub mod devices;
pub mod effects;
pub mod email_address;
pub mod emails;
pub mod erasure;
pub mod error;
pub mod events;
pub mod explanation;
mod filters;
pub mod idempotency_keys;
pub mod invitations;
pub mod links;
pub mod many;
pub mod networks;
pub mod page;
pub mod password_resets;
pub mod passwords;
pub mod patch;
pub mod queue;
pub mod recovery;
pub mod refusals;
pub mod retention;
pub mod revisions;
pub mod rights;
pub mod roles;
pub mod sessions;
pub mod setup;
pub mod text;
pub mod throttle;
pub mod tokens;
pub mod users;

pub use actor::{Actor, Client, Principal, SignedIn};
pub use app::App;
pub use error::{Error, Result, UserError, UserErrorCode};
pub use texts::EmailAddress;
