//! The table `idempotency_keys`: what was done for whoever may ask for the same again.

use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId};

/// What was done with one key of one user.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// A digest of the key, of who has used it and of what for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    /// Who has used it; the row goes when the user is deleted.
    pub user_id: UserId,
    /// A digest of what was asked for.
    pub input_digest: String,
    /// What was done, as JSON: IDs, and no secret.
    pub outcome: String,
    /// When it was used first.
    pub created_at: Timestamp,
}

/// The tables that this one refers to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Who has used it.
    #[sea_orm(
        belongs_to = "crate::user::Entity",
        from = "Column::UserId",
        to = "crate::user::Column::Id"
    )]
    User,
}

impl Related<crate::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
