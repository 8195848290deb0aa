//! The table `throttles`: how often something was done, and when it may be done again.

use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// The count of one thing, such as guesses at an account from one network, or e-mails to one
/// recipient.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "throttles")]
pub struct Model {
    /// What is counted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// The digest of the account's address, known or not, so that all counts of an account can be
    /// lifted at once.
    pub account: Option<String>,
    /// How often it was done; of guesses, the wrong ones in a row.
    pub attempts: i32,
    /// Until when the next one is refused.
    pub blocked_until: Timestamp,
    /// Since when it is counted; after a while, that is forgotten.
    pub counted_since: Timestamp,
}

/// The table has no relations.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
