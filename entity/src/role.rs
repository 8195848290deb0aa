//! The table `roles`: named sets of permissions.

use sea_orm::entity::prelude::*;

use crate::{RoleId, Timestamp};

/// A set of permissions that users can hold.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "roles")]
pub struct Model {
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RoleId,
    /// The display name, such as "Digital Channel Manager".
    pub name: String,
    /// The stable identifier, such as "DigitalChannelManager". It never changes.
    pub code_name: String,
    /// The code name in lower case: two that differ only in case are the same.
    pub code_name_key: String,
    /// What the role is for; may be empty.
    pub description: String,
    /// Whether this is the built-in Administrator role, which holds every permission and cannot be
    /// edited or deleted.
    pub is_protected: bool,
    /// Whether the configuration declares it, and the API therefore leaves it alone.
    pub is_managed: bool,
    /// When the role was made.
    pub created_at: Timestamp,
    /// When the role or its permissions last changed.
    pub updated_at: Timestamp,
}

/// No query joins it.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
