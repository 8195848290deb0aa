//! Permissions, and the catalogue of applications that they belong to: the server's own and those
//! that the deployment declares.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::config;

/// The right to do one thing in one application: `<application>.<action>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(Cow<'static, str>);

/// See users.
pub const USERS_VIEW: Permission = Permission::new("users.view");
/// Invite users.
pub const USERS_CREATE: Permission = Permission::new("users.create");
/// Edit, activate and deactivate users, and assign their roles.
pub const USERS_UPDATE: Permission = Permission::new("users.update");
/// Delete users.
pub const USERS_DELETE: Permission = Permission::new("users.delete");
/// See roles and what they grant.
pub const ROLES_VIEW: Permission = Permission::new("roles.view");
/// Create roles.
pub const ROLES_CREATE: Permission = Permission::new("roles.create");
/// Edit roles.
pub const ROLES_UPDATE: Permission = Permission::new("roles.update");
/// Delete roles.
pub const ROLES_DELETE: Permission = Permission::new("roles.delete");
/// See the e-mail queue.
pub const EMAIL_QUEUE_VIEW: Permission = Permission::new("email-queue.view");
/// Read secret links in it.
pub const EMAIL_QUEUE_VIEW_SENSITIVE: Permission = Permission::new("email-queue.view-sensitive");
/// Retry and cancel e-mails, pause and resume the queue, and send test e-mails.
pub const EMAIL_QUEUE_UPDATE: Permission = Permission::new("email-queue.update");
/// Delete e-mails.
pub const EMAIL_QUEUE_DELETE: Permission = Permission::new("email-queue.delete");
/// See who did what, and when.
pub const EVENT_LOG_VIEW: Permission = Permission::new("event-log.view");

impl Permission {
    const fn new(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// The permission with this code, whether or not the catalogue declares it.
    pub fn from_code(code: impl Into<String>) -> Self {
        Self(Cow::Owned(code.into()))
    }

    /// Such as `users.view`.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// The application's code: the part before the dot.
    pub fn application(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(code, _)| code)
    }

    /// The part after the dot.
    pub fn action(&self) -> &str {
        self.0.split_once('.').map_or("", |(_, action)| action)
    }

    /// The permission to see the same application.
    pub fn view(&self) -> Self {
        Self::from_code(format!("{}.{VIEW}", self.application()))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long the description of an application may be, in characters.
const MAX_DESCRIPTION_LENGTH: usize = 1_000;

/// A set of permissions.
pub type Permissions = BTreeSet<Permission>;

/// The action that every application has, and that any other one implies.
pub const VIEW: &str = "view";

/// An entry of the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The slug, such as `email-queue`.
    pub code: String,
    /// What people see; permissions go by the code.
    pub name: String,
    /// What it is for, in a sentence; may be empty.
    pub description: String,
    /// Whether it is one of the server's own.
    pub is_built_in: bool,
    /// The permissions in it, `view` first.
    pub permissions: Vec<ApplicationPermission>,
    /// Its address, if the deployment declares one.
    pub url: Option<String>,
}

/// A permission in an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationPermission {
    /// Always one of the application that lists it.
    pub permission: Permission,
    /// What it allows, in a sentence.
    pub description: String,
}

/// All applications and permissions, in the order in which users see them.
#[derive(Clone, Debug)]
pub struct Catalogue {
    applications: Vec<Arc<Application>>,
    permissions: Arc<Permissions>,
}

/// Code, name, what it is for, and each action with what it allows.
type BuiltIn = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// The server's own applications.
const BUILT_IN: &[BuiltIn] = &[
    (
        "users",
        "Users",
        "People, their roles and their invitations.",
        &[
            (VIEW, "See users and their roles."),
            ("create", "Invite users."),
            (
                "update",
                "Edit, activate and deactivate users, and assign their roles.",
            ),
            ("delete", "Delete users."),
        ],
    ),
    (
        "roles",
        "Roles",
        "Named sets of permissions.",
        &[
            (VIEW, "See roles and what they grant."),
            ("create", "Make roles."),
            ("update", "Edit roles."),
            ("delete", "Delete roles."),
        ],
    ),
    (
        "email-queue",
        "E-mail queue",
        "E-mails that were sent, and those that wait to be.",
        &[
            (VIEW, "See queued and sent e-mails."),
            ("view-sensitive", "Read the secret links in e-mails."),
            (
                "update",
                "Retry and cancel e-mails, pause and resume the queue, and send test e-mails.",
            ),
            ("delete", "Delete e-mails."),
        ],
    ),
    (
        "event-log",
        "Event log",
        "Who did what to whom, and when.",
        &[(VIEW, "See who did what, and when.")],
    ),
];

impl Catalogue {
    /// The server's own applications and the deployment's.
    ///
    /// # Errors
    ///
    /// A sentence for each invalid declaration: a code that is not a slug or already in use, a name
    /// or an action that is missing.
    pub fn new(declared: &[config::Application]) -> Result<Self, Vec<String>> {
        let mut applications: Vec<_> = BUILT_IN.iter().map(built_in).collect();
        let mut problems = Vec::new();
        for entry in declared {
            if applications.iter().any(|known| known.code == entry.code) {
                problems.push(format!(
                    "applications: the code {:?} is already in use",
                    entry.code
                ));
            }
            problems.extend(problems_of(entry));
            applications.push(declared_application(entry));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let permissions = applications
            .iter()
            .flat_map(|application| &application.permissions)
            .map(|entry| entry.permission.clone())
            .collect();
        Ok(Self {
            applications: applications.into_iter().map(Arc::new).collect(),
            permissions: Arc::new(permissions),
        })
    }

    /// All applications.
    pub fn applications(&self) -> &[Arc<Application>] {
        &self.applications
    }

    /// All permissions, which the Administrator role holds.
    pub fn permissions(&self) -> &Arc<Permissions> {
        &self.permissions
    }

    /// Whether this permission exists.
    pub fn declares(&self, permission: &Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// The applications that somebody with these permissions may see.
    pub fn visible_with(&self, permissions: &Permissions) -> Vec<Arc<Application>> {
        self.applications
            .iter()
            .filter(|application| permissions.contains(&application.view()))
            .cloned()
            .collect()
    }

    /// The applications in which somebody with these permissions may do anything, each with what that
    /// is, in catalogue order.
    pub fn by_application(
        &self,
        permissions: &Permissions,
    ) -> Vec<(Arc<Application>, Vec<Permission>)> {
        self.applications
            .iter()
            .map(|application| {
                let all = application
                    .permissions
                    .iter()
                    .map(|entry| &entry.permission);
                let held = all.filter(|permission| permissions.contains(permission));
                (application.clone(), held.cloned().collect::<Vec<_>>())
            })
            .filter(|(_, held)| !held.is_empty())
            .collect()
    }

    /// The permissions in catalogue order; those that it does not declare are left out.
    pub fn in_order(&self, permissions: &Permissions) -> Vec<Permission> {
        self.applications
            .iter()
            .flat_map(|application| &application.permissions)
            .map(|entry| &entry.permission)
            .filter(|permission| permissions.contains(permission))
            .cloned()
            .collect()
    }
}

impl ApplicationPermission {
    fn new(application: &str, action: &str, description: String) -> Self {
        Self {
            permission: Permission::from_code(format!("{application}.{action}")),
            description,
        }
    }
}

impl Application {
    /// The permission to see the application.
    pub fn view(&self) -> Permission {
        Permission::from_code(format!("{}.{VIEW}", self.code))
    }
}

fn built_in((code, name, description, actions): &BuiltIn) -> Application {
    let described = |(action, description): &(&str, &str)| {
        ApplicationPermission::new(code, action, (*description).to_owned())
    };
    Application {
        code: (*code).to_owned(),
        name: (*name).to_owned(),
        description: (*description).to_owned(),
        is_built_in: true,
        permissions: actions.iter().map(described).collect(),
        url: None,
    }
}

fn declared_application(entry: &config::Application) -> Application {
    let described = |action: &String| {
        ApplicationPermission::new(&entry.code, action, describe(action, &entry.name))
    };
    Application {
        code: entry.code.clone(),
        name: entry.name.clone(),
        description: entry.description.clone(),
        is_built_in: false,
        permissions: entry.actions.iter().map(described).collect(),
        url: entry.url.clone(),
    }
}

/// Describes "view" in "Content hub" as "View in Content hub."
fn describe(action: &str, application: &str) -> String {
    let words = action.replace(['-', '_'], " ");
    let mut letters = words.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{} in {application}.", letters.as_str())
}

fn problems_of(entry: &config::Application) -> Vec<String> {
    let mut problems = Vec::new();
    if !is_slug(&entry.code) {
        problems.push(format!(
            "applications: the code {:?} may contain only lower-case letters, digits and single hyphens",
            entry.code
        ));
    }
    if texts::invisible::trim(&entry.name).is_empty()
        || entry.name.contains(char::is_control)
        || texts::invisible::find(&entry.name).is_some()
    {
        problems.push(format!(
            "applications: {:?} needs a one-line name",
            entry.code
        ));
    }
    if entry.description.chars().count() > MAX_DESCRIPTION_LENGTH
        || entry.description.contains(char::is_control)
        || texts::invisible::find(&entry.description).is_some()
    {
        problems.push(format!(
            "applications: {:?} can have a description of one line and {MAX_DESCRIPTION_LENGTH} characters at most",
            entry.code
        ));
    }
    if entry.actions.first().is_none_or(|action| action != VIEW) {
        problems.push(format!(
            "applications: the actions of {:?} must begin with \"view\"",
            entry.code
        ));
    }
    for (index, action) in entry.actions.iter().enumerate() {
        if !is_slug(action) || entry.actions[..index].contains(action) {
            problems.push(format!(
                "applications: the action {action:?} of {:?} is listed twice, or contains something other than lower-case letters, digits and single hyphens",
                entry.code
            ));
        }
    }
    problems
}

fn is_slug(text: &str) -> bool {
    text.len() <= 100
        && text.split('-').all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declare(code: &str, actions: &[&str]) -> config::Application {
        config::Application {
            code: code.to_owned(),
            name: "An application".to_owned(),
            description: String::new(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            url: None,
        }
    }

    #[test]
    fn a_declared_application_follows_the_built_in_ones() {
        let catalogue = Catalogue::new(&[declare("content-hub", &["view", "publish"])]).unwrap();
        let codes: Vec<_> = catalogue
            .applications()
            .iter()
            .map(|application| application.code.as_str())
            .collect();
        assert_eq!(
            codes,
            ["users", "roles", "email-queue", "event-log", "content-hub"]
        );
        assert!(catalogue.declares(&Permission::from_code("content-hub.publish")));
    }

    #[test]
    fn a_declaration_that_cannot_be_is_refused_by_name() {
        for (entry, complaint) in [
            (declare("users", &["view"]), "already in use"),
            (declare("Content Hub", &["view"]), "lower-case"),
            (declare("content--hub", &["view"]), "lower-case"),
            (declare("content-hub", &[]), "begin with \"view\""),
            (
                declare("content-hub", &["edit", "view"]),
                "begin with \"view\"",
            ),
            (declare("content-hub", &["view", "view"]), "twice"),
            (declare("content-hub", &["view", "a.b"]), "lower-case"),
        ] {
            let problems = Catalogue::new(std::slice::from_ref(&entry)).unwrap_err();
            assert!(
                problems.iter().any(|problem| problem.contains(complaint)),
                "{entry:?}: {problems:?}"
            );
        }
    }
}
