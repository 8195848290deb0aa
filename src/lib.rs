//! Usher manages the people who use an application: users, roles, invitations, passwords, and the
//! queue that delivers their e-mail, behind one GraphQL API.
//!
//! # How a request travels
//!
//! Take `inviteUser`. [`http`] turns the bearer token or the cookie into an [`Actor`](domain::Actor).
//! The guard on the field checks the permission. `graphql/invitations.rs` decodes the input and calls
//! `domain/invitations.rs`, which checks the rules and writes user, invitation (the token's digest
//! only) and e-mail in one [change](domain::change). After the commit it wakes the worker in [`mail`], which
//! claims the mail under a lease, hands it to the transport, and records what became of it.
//!
//! ```text
//! cli ----> server ----> http ----> graphql ----.
//!              |                       |        |
//!              |                       v        v
//!              '--> mail::worker    mail::messages
//!                      |    |            |      |
//!                      |    v            |      |
//!                      |  transports <---'      |
//!                      v                        v
//!                   domain, around its context, App
//!                      |            |           |
//!                      v            v           v
//!              email_templates   database    metrics, quota
//!                      |          |     |
//!                      v          v     v
//!                   config <------'   entity, migration, clock
//! ```
//!
//! One noun has the same name in each place: `entity/src/invitation.rs` is the row,
//! `src/domain/invitations.rs` the rules, `src/graphql/invitations.rs` the API, and
//! `tests/it/invitations.rs` the proof.

// The optimiser computes the layout of nested async blocks, and those of the routes nest deeply.
#![recursion_limit = "256"]

pub mod clock;
pub mod color;
pub mod config;
pub mod database;
pub mod demo;
pub mod domain;
pub mod email_templates;
pub mod graphql;
pub mod http;
pub mod log;
pub mod mail;
pub mod metrics;
pub mod quota;
pub mod seldom;
pub mod server;
pub mod telemetry;
