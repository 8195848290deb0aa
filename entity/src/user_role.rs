//! The table `user_roles`: who holds which role.

use sea_orm::entity::prelude::*;

use crate::{RoleId, UserId};

/// One role of one user.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_roles")]
pub struct Model {
    /// Who holds it; the row goes when the user is deleted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// What they hold; the row goes when the role is deleted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub role_id: RoleId,
}

/// The tables that this one refers to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// By `user_id`.
    #[sea_orm(
        belongs_to = "crate::user::Entity",
        from = "Column::UserId",
        to = "crate::user::Column::Id"
    )]
    User,
    /// By `role_id`.
    #[sea_orm(
        belongs_to = "crate::role::Entity",
        from = "Column::RoleId",
        to = "crate::role::Column::Id"
    )]
    Role,
}

impl Related<crate::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
