//! The roles that the configuration declares, as far as it can say so by itself.

use std::collections::HashSet;

use super::input;
use super::model::ADMINISTRATOR;
use crate::config;
use crate::domain::applications::{Catalogue, Permission, Permissions};
use crate::domain::text;

/// A role that the configuration declares. Its texts are checked, and its permissions include those that
/// they imply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredRole {
    /// What programs call it, as the configuration writes it.
    pub code_name: String,
    /// What people call it.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// All that it grants.
    pub permissions: Permissions,
}

impl DeclaredRole {
    /// Checks what is declared, all of it at once. Without a catalogue, which is then refused itself, any
    /// permission will do.
    ///
    /// # Errors
    ///
    /// A sentence for each flaw: a code name that cannot be one, is declared twice or is the built-in
    /// role's, a name or a description that cannot be stored, a permission that no application has.
    pub fn all(
        declared: &[config::Role],
        catalogue: Option<&Catalogue>,
    ) -> Result<Vec<Self>, Vec<String>> {
        let mut problems = Vec::new();
        let mut keys = HashSet::new();
        let mut roles = Vec::new();
        for entry in declared {
            let code_name = &entry.code_name;
            let key = text::fold(code_name);
            if key == text::fold(ADMINISTRATOR) {
                problems.push(format!(
                    "roles: the code name {code_name:?} is the built-in role's, which holds every permission anyway"
                ));
            } else if !keys.insert(key) {
                problems.push(format!(
                    "roles: the code name {code_name:?} is already in use"
                ));
            }
            match Self::new(entry, catalogue) {
                Ok(role) => roles.push(role),
                Err(flaws) => problems.extend(flaws),
            }
        }
        if problems.is_empty() {
            Ok(roles)
        } else {
            Err(problems)
        }
    }

    fn new(entry: &config::Role, catalogue: Option<&Catalogue>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut refuse = |problem: String| problems.push(format!("roles: {problem}"));
        let called = &entry.code_name;
        if input::given_code_name(called).is_err() {
            refuse(format!(
                "the code name {called:?} must have 1 to {} characters: letters from A to Z, digits, '_', '-' and '.'",
                input::MAX_NAME_LENGTH
            ));
        }
        let name = input::name(&entry.name).unwrap_or_else(|flaw| {
            refuse(format!(
                "the name of {called:?} must have 1 to {} characters on one line, without invisible characters and web addresses. {}",
                input::MAX_NAME_LENGTH, flaw.message
            ));
            String::new()
        });
        let description = input::description(&entry.description).unwrap_or_else(|flaw| {
            refuse(format!(
                "the description of {called:?} can have {} characters, without control characters and invisible ones. {}",
                input::MAX_DESCRIPTION_LENGTH, flaw.message
            ));
            String::new()
        });
        let mut permissions = Permissions::new();
        for code in &entry.permissions {
            let permission = Permission::from_code(code);
            if catalogue.is_some_and(|catalogue| !catalogue.declares(&permission)) {
                refuse(format!(
                    "{called:?} grants {code:?}, which no application declares"
                ));
            }
            permissions.insert(permission);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            code_name: called.clone(),
            name,
            description,
            permissions: input::with_implied(permissions, &Permissions::new()),
        })
    }

    /// What it is known by: two code names that differ only in case are the same.
    pub fn key(&self) -> String {
        text::fold(&self.code_name)
    }
}
