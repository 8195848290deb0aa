//! The proof: everything here goes through a real socket to a real server on a freshly migrated
//! database, which is SQLite unless `TEST_DATABASE_URL` names another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that finds nothing has failed"
)]

#[allow(dead_code, reason = "the benchmarks use the rest")]
mod support;

#[path = "../../transports/tests/support/smtp.rs"]
#[allow(dead_code, reason = "the transports' own tests use the rest")]
mod smtp;

mod backups;
mod bulk_sending;
mod command_line;
mod cookies;
mod copying;
mod databases;
mod delivery;
mod demo;
mod devices;
mod doctor;
mod documents;
mod email_addresses;
mod email_changes;
mod email_queue;
mod emails;
mod endpoint;
mod environment;
mod erasure;
mod events;
mod faults;
mod files;
mod filters;
mod headers;
mod health;
mod healthcheck;
mod held_open;
mod idempotency_keys;
mod invitation_terms;
mod invitations;
mod inviting_from_a_file;
mod inviting_many;
mod levels;
mod limits;
mod links;
mod live;
mod log;
mod many;
mod masking;
mod metrics;
mod monitoring;
mod names;
mod negotiation;
mod nodes;
mod operation;
mod origins;
mod outages;
mod pages;
mod partial_answers;
mod password_resets;
mod passwords;
mod permissions;
mod query_plans;
mod quotations;
mod races;
mod rehearsal;
mod repetition;
mod rights;
mod roles;
mod round_trips;
mod rows;
mod schema;
mod secrets;
mod security;
mod sessions;
mod slow_readers;
mod sqlite_files;
mod subscriptions;
mod telemetry;
mod throttle;
mod tidy;
mod transport_outages;
mod unsafe_settings;
mod users;
mod variables;
mod versions;
mod walkthrough;
