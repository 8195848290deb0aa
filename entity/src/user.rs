//! The table `users`: one row per person.

use sea_orm::entity::prelude::*;
use std::fmt;

use crate::{TimeOrNever, Timestamp, UserId};

/// A person who has been invited, whether or not they have signed up yet.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// A UUIDv7, so that rows lie in the order of their making.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// The address as it was entered; e-mails go here.
    pub email: String,
    /// The address's normal form, which is unique, and by which users are found and sorted.
    pub email_normal: String,
    /// The first name; may be empty.
    pub first_name: String,
    /// The last name; may be empty.
    pub last_name: String,
    /// "First Last" in lower case, or the normal address if both are empty: the sort key by name.
    pub name_key: String,
    /// Address and names in lower case, one per line, for searching.
    pub search_text: String,
    /// Empty until the user has chosen a password; void once they have to choose another one.
    pub password_hash: Option<PasswordHash>,
    /// When the user was deactivated, if they are.
    pub deactivated_at: Option<Timestamp>,
    /// When the user was invited.
    pub created_at: Timestamp,
    /// When the e-mail address, names, roles or status last changed.
    pub updated_at: Timestamp,
    /// When the user last signed in.
    pub last_signed_in_at: TimeOrNever,
}

impl Model {
    /// The user's state, which follows from whether they have a password and whether they are
    /// deactivated; it is not stored separately, so it can never contradict them.
    pub fn status(&self) -> Status {
        match (&self.deactivated_at, &self.password_hash) {
            (Some(_), _) => Status::Deactivated,
            (None, None) => Status::Invited,
            (None, Some(_)) => Status::Active,
        }
    }
}

/// The state of a user's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Invited, but has not chosen a password yet.
    Invited,
    /// Has a password and can sign in.
    Active,
    /// Blocked from signing in by an administrator, whether or not there is a password.
    Deactivated,
}

/// A password's hash as a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$…`.
///
/// It is left out when a row is printed, so that it cannot end up in a log.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct PasswordHash(pub String);

impl PasswordHash {
    /// Stands in the place of a password that nobody may use any more, until its user chooses a new
    /// one: no password has it as its hash.
    pub fn void() -> Self {
        Self("!".to_owned())
    }

    /// Whether it is [`void`](Self::void).
    pub fn is_void(&self) -> bool {
        *self == Self::void()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The tables that refer to this one.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The roles that the user holds.
    #[sea_orm(has_many = "crate::user_role::Entity")]
    UserRole,
}

impl ActiveModelBehavior for ActiveModel {}
