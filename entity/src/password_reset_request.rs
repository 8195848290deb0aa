//! The table `password_reset_requests`: addresses for which somebody requested a reset, known or
//! not.
//!
//! A request writes one row here, whoever the address belongs to, so that the response takes as
//! long for an unknown address as for a known one. The rest happens after the response.

use sea_orm::entity::prelude::*;

use crate::{PasswordResetRequestId, Timestamp};

/// One request that has not been processed yet.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_reset_requests")]
pub struct Model {
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PasswordResetRequestId,
    /// The address's normal form.
    pub email_normal: String,
    /// Where the request came from.
    pub ip_address: Option<String>,
    /// When it came.
    pub created_at: Timestamp,
}

/// The table has no relations.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
