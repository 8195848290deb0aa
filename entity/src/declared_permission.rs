//! The table `declared_permissions`: what the Administrator role is worth.

use sea_orm::entity::prelude::*;

/// A permission that the configuration declares, or has declared at some time: the Administrator role
/// grants it whenever it does.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "declared_permissions")]
pub struct Model {
    /// `<application>.<action>`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub permission: String,
}

/// No query joins it.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
