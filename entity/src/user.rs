//! The table `users`: one row a person.

use sea_orm::entity::prelude::*;
use std::fmt;

use crate::{LastTime, Timestamp, UserId};

/// A person who was invited, signs in, or did so once.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// The address as it was typed; letters go here.
    pub email: String,
    /// The address's normal form: what is compared, sorted by, and unique.
    pub email_normal: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// "First Last" in lower case, or the normal address where neither is known: the sort key by name.
    pub name_key: String,
    /// Address and names in lower case, a line each: what a search looks through.
    pub search_text: String,
    /// Nobody has chosen a password yet while this is empty.
    pub password_hash: Option<PasswordHash>,
    /// When the user was shut out, if they are.
    pub deactivated_at: Option<Timestamp>,
    /// When the user was invited.
    pub created_at: Timestamp,
    /// When the row last changed in a way that people see.
    pub updated_at: Timestamp,
    /// When the user last began a session.
    pub last_signed_in_at: LastTime,
}

impl Model {
    /// The user's state, which follows from whether they have a password and are shut out; it is
    /// not stored beside the two, so it can never contradict them.
    pub fn status(&self) -> Status {
        match (&self.deactivated_at, &self.password_hash) {
            (Some(_), _) => Status::Deactivated,
            (None, None) => Status::Invited,
            (None, Some(_)) => Status::Active,
        }
    }
}

/// Where a user stands between the invitation and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Invited, and has no password yet.
    Invited,
    /// Has a password and may sign in.
    Active,
    /// Shut out: cannot sign in, whether or not there is a password.
    Deactivated,
}

/// A password's hash as a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$…`.
///
/// It is left out when a row is printed, so that it cannot wander into a log.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct PasswordHash(pub String);

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
    /// The invitations that the user was sent.
    #[sea_orm(has_many = "crate::invitation::Entity")]
    Invitation,
    /// Where the user is signed in.
    #[sea_orm(has_many = "crate::session::Entity")]
    Session,
}

impl Related<crate::user_role::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::UserRole.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
