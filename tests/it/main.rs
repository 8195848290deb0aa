//! The proof: everything here goes through a real socket to a real server on a freshly migrated
//! database, which is SQLite unless `TEST_DATABASE_URL` names another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that finds nothing has failed"
)]

mod support;

mod command_line;
mod emails;
mod endpoint;
mod hardening;
mod invitations;
mod limits;
mod nodes;
mod password_resets;
mod passwords;
mod permissions;
mod roles;
mod schema;
mod secrets;
mod security;
mod sessions;
mod throttle;
mod tidy;
mod users;
mod walkthrough;
