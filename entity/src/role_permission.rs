//! The table `role_permissions`: what a role grants.

use sea_orm::entity::prelude::*;

use crate::RoleId;

/// One permission of one role.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "role_permissions")]
pub struct Model {
    /// Whose; the row goes when the role is deleted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub role_id: RoleId,
    /// `<application>.<action>`. Kept even when the configuration no longer declares it; it then
    /// grants nothing.
    #[sea_orm(primary_key, auto_increment = false)]
    pub permission: String,
}

/// No query joins it.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
