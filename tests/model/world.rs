//! What the model knows: who there is, what they may do, and where they are signed in. It keeps nothing
//! of how it is stored, so that it stays small enough to be believed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Who may turn up. The first three are there from the beginning.
pub const ADDRESSES: [&str; 6] = [
    "admin@example.com",
    "manager@kbank.com",
    "plain@kbank.com",
    "anna@kbank.com",
    "berta@kbank.com",
    "carl@kbank.com",
];

/// What people choose from.
pub const PASSWORDS: [&str; 2] = [crate::support::PASSWORD, "brittle-lantern-58-canoe"];

/// What roles there may be, by their code names. The first is built in; the next two belong to the
/// manager and the plain user at the beginning.
pub const ROLES: [&str; 5] = ["Administrator", "Manager", "Plain", "Third", "Fourth"];

/// What a role may grant. Each has `view` of whatever else it has, so that nothing is implied.
/// Whoever holds the last may do to administrators what they may do to each other.
pub const GRANTS: [&[&str]; 8] = [
    &[],
    &["users.view"],
    &["users.view", "users.create"],
    &["users.view", "users.update", "roles.view"],
    &[
        "email-queue.view",
        "email-queue.update",
        "email-queue.delete",
    ],
    MANAGER,
    &[
        "users.view",
        "users.create",
        "users.update",
        "users.delete",
        "roles.view",
        "roles.create",
        "roles.update",
        "roles.delete",
        "email-queue.view",
        "email-queue.update",
        "email-queue.delete",
        "event-log.view",
    ],
    EVERYTHING,
];

/// What the Administrator role grants: all that is declared.
pub const EVERYTHING: &[&str] = &[
    "users.view",
    "users.create",
    "users.update",
    "users.delete",
    "roles.view",
    "roles.create",
    "roles.update",
    "roles.delete",
    "email-queue.view",
    "email-queue.view-sensitive",
    "email-queue.update",
    "email-queue.delete",
    "event-log.view",
    "content-hub.view",
    "content-hub.create",
    "content-hub.update",
    "content-hub.delete",
    "channel-management.view",
    "channel-management.update",
    "digital-marketing.view",
    "digital-marketing.create",
];

/// What the manager's role grants at the beginning, unless it grants everything.
pub const MANAGER: &[&str] = &[
    "users.view",
    "users.create",
    "users.update",
    "users.delete",
    "roles.view",
    "roles.create",
    "roles.update",
    "roles.delete",
];

/// How many browsers there are: the administrator's, the manager's, the plain user's, and one in which
/// nobody is signed in at the beginning.
pub const BROWSERS: usize = 4;

/// How many working links a user is sent at most on their own request.
const MOST_REQUESTED: usize = 3;

/// All of it. Users, roles and sessions keep their places when they are gone, so that whoever was meant
/// before a change is meant after it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct World {
    pub users: Vec<User>,
    pub roles: Vec<Role>,
    pub sessions: Vec<Session>,
    pub is_paused: bool,
    /// What the last step was to leave in the log and in the queue.
    pub news: Vec<News>,
    links: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// An index of [`ADDRESSES`].
    pub address: usize,
    pub name: u8,
    pub password: Password,
    pub is_deactivated: bool,
    /// Indices of [`World::roles`].
    pub roles: BTreeSet<usize>,
    /// The link with which they may sign up.
    pub invitation: Option<u32>,
    /// The links with which they may choose another password.
    pub resets: Vec<u32>,
    pub is_gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// Not signed up.
    None,
    /// To be chosen anew.
    Void,
    /// An index of [`PASSWORDS`].
    Chosen(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// An index of [`ROLES`].
    pub code: usize,
    pub name: u8,
    /// An index of [`GRANTS`]; none for the Administrator role, which grants everything.
    pub grants: Option<usize>,
    pub is_gone: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// An index of [`World::users`].
    pub user: usize,
    /// Whose browser still has its token.
    pub browser: Option<usize>,
    pub is_over: bool,
}

/// What somebody may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    pub are_unlimited: bool,
    pub permissions: BTreeSet<&'static str>,
}

/// What a change leaves behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// An event, and who caused it.
    Event(String, String),
    /// An e-mail's kind and recipient.
    Mail(String, String),
}

impl Rights {
    pub fn cover(&self, others: &Self) -> bool {
        self.are_unlimited || others.permissions.is_subset(&self.permissions)
    }

    pub fn allow(&self, permission: &str) -> bool {
        self.are_unlimited || self.permissions.contains(permission)
    }
}

impl User {
    pub fn is_active(&self) -> bool {
        !self.is_gone && !self.is_deactivated && self.password != Password::None
    }

    pub fn is_invited(&self) -> bool {
        !self.is_gone && !self.is_deactivated && self.password == Password::None
    }
}

/// Every sequence begins with nearly the same one, so that a failure is easier to read without it.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grants = self.roles.get(1).and_then(|role| role.grants);
        write!(f, "a world whose manager has grants {grants:?}")
    }
}

impl World {
    /// What the setting up of a sequence makes, with those grants for the manager.
    pub fn beginning(manager: usize) -> Self {
        let mut world = Self::default();
        for (code, grants) in [(0, None), (1, Some(manager)), (2, Some(0))] {
            world.roles.push(Role {
                code,
                name: 0,
                grants,
                is_gone: false,
            });
        }
        for address in 0..3 {
            world.users.push(User {
                address,
                name: 0,
                password: Password::Chosen(0),
                is_deactivated: false,
                roles: BTreeSet::from([address]),
                invitation: None,
                resets: Vec::new(),
                is_gone: false,
            });
            world.begin_session(address, address);
        }
        world
    }

    pub fn user_at(&self, address: usize) -> Option<usize> {
        let has_it = |user: &User| !user.is_gone && user.address == address;
        self.users.iter().position(has_it)
    }

    pub fn role_called(&self, code: usize) -> Option<usize> {
        let has_it = |role: &Role| !role.is_gone && role.code == code;
        self.roles.iter().position(has_it)
    }

    /// The session whose token a browser has, unless it is over.
    pub fn session_in(&self, browser: usize) -> Option<usize> {
        let is_it = |session: &Session| !session.is_over && session.browser == Some(browser);
        self.sessions.iter().position(is_it)
    }

    pub fn rights_of_role(&self, role: usize) -> Rights {
        let role = &self.roles[role];
        Rights {
            are_unlimited: role.grants.is_none() && !role.is_gone,
            permissions: match role.grants {
                _ if role.is_gone => BTreeSet::new(),
                Some(grants) => GRANTS[grants].iter().copied().collect(),
                None => EVERYTHING.iter().copied().collect(),
            },
        }
    }

    pub fn rights_of(&self, user: usize) -> Rights {
        let mut all = Rights::default();
        for role in &self.users[user].roles {
            let rights = self.rights_of_role(*role);
            all.are_unlimited |= rights.are_unlimited;
            all.permissions.extend(rights.permissions);
        }
        all
    }

    /// Whether somebody else is left who administers, if this user does.
    pub fn would_lose_administrator(&self, user: usize) -> bool {
        let administers = |user: &User| user.is_active() && user.roles.contains(&0);
        let has_password = |user: &User| user.password != Password::Void;
        let others = self.users.iter().enumerate();
        let mut others = others
            .filter(|(index, _)| *index != user)
            .map(|(_, user)| user);
        administers(&self.users[user])
            && !others.any(|user| administers(user) && has_password(user))
    }

    pub fn begin_session(&mut self, user: usize, browser: usize) {
        if let Some(before) = self.session_in(browser) {
            self.sessions[before].browser = None;
        }
        self.sessions.push(Session {
            user,
            browser: Some(browser),
            is_over: false,
        });
    }

    /// Ends the sessions of a user, but for one; returns whether there were any.
    pub fn end_sessions(&mut self, user: usize, except: Option<usize>) -> bool {
        let mut any = false;
        for (index, session) in self.sessions.iter_mut().enumerate() {
            if session.user == user && Some(index) != except && !session.is_over {
                session.is_over = true;
                any = true;
            }
        }
        any
    }

    pub fn end_links(&mut self, user: usize) {
        self.users[user].resets.clear();
        self.users[user].invitation = None;
    }

    pub fn invite(&mut self, user: usize) {
        self.links += 1;
        self.users[user].invitation = Some(self.links);
        self.mail("invitation", user);
    }

    pub fn send_reset(&mut self, user: usize, kind: &str) {
        self.links += 1;
        self.users[user].resets.push(self.links);
        self.mail(kind, user);
    }

    pub fn may_request_reset(&self, user: usize) -> bool {
        self.users[user].is_active() && self.users[user].resets.len() < MOST_REQUESTED
    }

    pub fn mail(&mut self, kind: &str, user: usize) {
        let to = ADDRESSES[self.users[user].address];
        self.news.push(News::Mail(kind.to_owned(), to.to_owned()));
    }

    /// Two hours later: invitations still work, links for another password do not.
    pub fn wait(&mut self) {
        for user in &mut self.users {
            user.resets.clear();
        }
    }

    /// What can be seen of it.
    pub fn seen(&self) -> Seen {
        let code = |role: &usize| ROLES[self.roles[*role].code].to_owned();
        let users = self.users.iter().filter(|user| !user.is_gone).map(|user| {
            let seen = SeenUser {
                name: name(user.name),
                password: match user.password {
                    Password::None => "none",
                    Password::Void => "void",
                    Password::Chosen(_) => "chosen",
                },
                is_deactivated: user.is_deactivated,
                roles: user.roles.iter().map(code).collect(),
                open_invitations: usize::from(user.invitation.is_some()),
                open_resets: user.resets.len(),
            };
            (ADDRESSES[user.address].to_owned(), seen)
        });
        let roles = self
            .roles
            .iter()
            .filter(|role| !role.is_gone && role.grants.is_some());
        let roles = roles.map(|role| {
            let granted = GRANTS[role.grants.unwrap_or_default()].iter();
            let granted: BTreeSet<String> = granted.map(|code| (*code).to_owned()).collect();
            (
                ROLES[role.code].to_owned(),
                (role_name(role.code, role.name), granted),
            )
        });
        let sessions = self.sessions.iter().filter(|session| !session.is_over);
        let mut sessions: Vec<_> = sessions
            .map(|session| {
                let address = ADDRESSES[self.users[session.user].address];
                (address.to_owned(), session.browser)
            })
            .collect();
        sessions.sort();
        Seen {
            users: users.collect(),
            roles: roles.collect(),
            sessions,
            is_paused: self.is_paused,
        }
    }
}

/// A user's first name.
pub fn name(number: u8) -> String {
    match number {
        0 => String::new(),
        number => format!("Name {number}"),
    }
}

/// A role's name.
pub fn role_name(code: usize, number: u8) -> String {
    match number {
        0 => ROLES[code].to_owned(),
        number => format!("{} {number}", ROLES[code]),
    }
}

/// What the model and the database have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub users: BTreeMap<String, SeenUser>,
    /// Name and permissions by code name, without the Administrator role.
    pub roles: BTreeMap<String, (String, BTreeSet<String>)>,
    /// Whose they are, and which browser has the token.
    pub sessions: Vec<(String, Option<usize>)>,
    pub is_paused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenUser {
    pub name: String,
    pub password: &'static str,
    pub is_deactivated: bool,
    pub roles: BTreeSet<String>,
    pub open_invitations: usize,
    pub open_resets: usize,
}
