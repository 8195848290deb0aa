//! What a user is.

use entity::{RoleId, user};

use crate::domain::EmailAddress;
use crate::domain::passwords::password::Context;

/// A user and the IDs of their roles.
#[derive(Clone, Debug)]
pub struct User {
    /// As stored; the role IDs are in a table of their own.
    pub row: user::Model,
    /// The roles that they hold.
    pub role_ids: Vec<RoleId>,
}

impl User {
    /// First and last name, or the e-mail address if both are empty.
    pub fn display_name(&self) -> String {
        display_name(&self.row.email, &self.row.first_name, &self.row.last_name)
    }

    /// Where e-mails to them go.
    pub fn address(&self) -> EmailAddress {
        EmailAddress::stored(&self.row.email, &self.row.email_normal)
    }

    /// What somebody who guesses their password would try first.
    pub fn password_context(&self) -> Context<'_> {
        Context {
            email: &self.row.email,
            first_name: &self.row.first_name,
            last_name: &self.row.last_name,
        }
    }
}

pub(super) fn display_name(email: &str, first_name: &str, last_name: &str) -> String {
    match format!("{first_name} {last_name}").trim() {
        "" => email.to_owned(),
        name => name.to_owned(),
    }
}
