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
mod demo;
mod documents;
mod emails;
mod endpoint;
mod invitations;
mod nodes;
mod pages;
mod passwords;
mod permissions;
mod roles;
mod schema;
mod sessions;
mod tidy;
mod users;
mod walkthrough;
