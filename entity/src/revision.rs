//! The table `revisions`: counters of how often something has changed.

use sea_orm::entity::prelude::*;

/// The subject of the counter that moves with every change of a role or its permissions.
pub const ROLES: &str = "roles";

/// The subject of the counter whose row is locked by whatever may remove an administrator.
pub const ADMINISTRATORS: &str = "administrators";

/// One counter. A server keeps what it counts in memory until the number changes, and whoever
/// changes what it counts holds this row's lock until the change is committed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revisions")]
pub struct Model {
    /// What is counted: [`ROLES`], [`ADMINISTRATORS`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// Rises by one with each change.
    pub revision: i64,
}

/// The table has no relations.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
