//! Usher's database schema: one file a migration, each of which is never edited once it is released.
//!
//! A migration spells its tables and columns out in strings and does not use the `entity` crate:
//! it must go on creating the tables of its day whatever becomes of the entities.

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::{MigratorTrait, seaql_migrations};

mod columns;
mod m20261121_000001_users;
mod m20261121_000002_roles;
mod m20261121_000003_invitations;
mod m20261121_000004_sessions;
mod m20261121_000005_password_resets;
mod m20261121_000006_emails;
mod m20261121_000007_events;
mod m20261121_000008_throttles;
mod m20261125_000009_devices;
mod m20261125_000010_declared_permissions;
mod m20261125_000011_pruning;
mod m20261128_000012_filters;
mod m20261128_000013_queue_lists;
mod m20261128_000014_link_tokens;
mod m20261128_000015_lists;
mod m20261128_000016_invitation_redirects;
mod m20261128_000017_outcomes;
mod m20261128_000018_managed_roles;
mod m20261129_000019_idempotency_keys;
mod search;

/// Brings a database up to the schema that this version of the server works with.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_users::Migration),
            Box::new(m20261121_000002_roles::Migration),
            Box::new(m20261121_000003_invitations::Migration),
            Box::new(m20261121_000004_sessions::Migration),
            Box::new(m20261121_000005_password_resets::Migration),
            Box::new(m20261121_000006_emails::Migration),
            Box::new(m20261121_000007_events::Migration),
            Box::new(m20261121_000008_throttles::Migration),
            Box::new(m20261125_000009_devices::Migration),
            Box::new(m20261125_000010_declared_permissions::Migration),
            Box::new(m20261125_000011_pruning::Migration),
            Box::new(m20261128_000012_filters::Migration),
            Box::new(m20261128_000013_queue_lists::Migration),
            Box::new(m20261128_000014_link_tokens::Migration),
            Box::new(m20261128_000015_lists::Migration),
            Box::new(m20261128_000016_invitation_redirects::Migration),
            Box::new(m20261128_000017_outcomes::Migration),
            Box::new(m20261128_000018_managed_roles::Migration),
            Box::new(m20261129_000019_idempotency_keys::Migration),
        ]
    }
}
