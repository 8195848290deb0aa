//! The table `password_reset_requests`: addresses that somebody asked a reset for, known or not.
//!
//! Asking writes one row here whoever the address belongs to, so that the answer takes as long for
//! an unknown address as for a known one. What follows from it happens behind the answer.

use sea_orm::entity::prelude::*;

use crate::{PasswordResetRequestId, Timestamp};

/// One request that was not looked at yet.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_reset_requests")]
pub struct Model {
    /// Key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PasswordResetRequestId,
    /// The address's normal form.
    pub email_normal: String,
    /// Where the request came from.
    pub ip_address: Option<String>,
    /// When it came.
    pub created_at: Timestamp,
}

/// The table stands alone.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
