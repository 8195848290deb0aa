//! The table `email_deletions`: which e-mails were deleted a short while ago, for those who watch the queue
//! from another server.

use sea_orm::entity::prelude::*;

use crate::{EmailId, Timestamp};

/// An e-mail that is gone.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_deletions")]
pub struct Model {
    /// The ID that it had.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailId,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

/// The table has no relations.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
