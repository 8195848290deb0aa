//! The table `throttles`: how often something was guessed, and when it may be guessed again.

use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// The guesses at one thing: an account from one client address, an account from all of them
/// together, or anything from one client address.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "throttles")]
pub struct Model {
    /// What is counted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// The digest of the account's address, known or not, so that all counts of an account can be
    /// lifted at once.
    pub account: Option<String>,
    /// The number of consecutive wrong guesses.
    pub attempts: i32,
    /// Until when the next one is refused.
    pub blocked_until: Timestamp,
    /// Until when the account's own user is known to come from this client address.
    pub trusted_until: Timestamp,
    /// Since when guesses are counted; after a while, they are forgotten.
    pub counted_since: Timestamp,
}

/// The table has no relations.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
