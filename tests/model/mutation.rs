//! What somebody may ask for: every mutation of the schema, except those in [`LEFT_OUT`].

use serde_json::{Value, json};

use crate::world::{ADDRESSES, GRANTS, PASSWORDS, ROLES, name, role_name};

/// The mutations that the model leaves out, each with the reason.
pub const LEFT_OUT: &[(&str, &str)] = &[
    (
        "checkPassword",
        "it stores nothing and depends on nothing that is stored",
    ),
    (
        "inviteUsers",
        "it does for each of many people what inviteUser does for one",
    ),
];

/// A mutation. People are meant by their addresses, roles by their code names, all as indices; whoever
/// is not there is meant by an ID that nobody has.
#[derive(Clone, Debug)]
pub enum Mutation {
    AcceptInvitation {
        link: Link,
        password: usize,
    },
    ActivateUser(usize),
    CancelEmails(Chosen),
    ChangePassword {
        current: usize,
        new: usize,
    },
    CreateRole {
        role: usize,
        grants: usize,
    },
    DeactivateUser(usize),
    DeleteEmails(Chosen),
    DeleteRole {
        role: usize,
        force: bool,
    },
    DeleteUser(usize),
    /// The same to each of them, one after the other.
    Each(Change, Vec<usize>),
    EndUserSessions {
        address: usize,
        /// Only the session in that browser, whosever it is.
        only: Option<usize>,
    },
    InviteUser {
        address: usize,
        roles: Vec<usize>,
    },
    PauseEmailQueue,
    RequestPasswordReset(usize),
    ResendInvitation(usize),
    ResetPassword {
        link: Link,
        password: usize,
    },
    ResumeEmailQueue,
    RetryEmails(Chosen),
    RevokeInvitation(usize),
    RevokeOtherSessions,
    /// The session in that browser, whosever it is.
    RevokeSession(usize),
    SendPasswordReset(usize),
    SendTestEmail(usize),
    SignIn {
        address: usize,
        password: usize,
    },
    SignOut,
    UpdateProfile {
        name: u8,
    },
    UpdateRole {
        role: usize,
        name: Option<u8>,
        grants: Option<usize>,
    },
    UpdateUser {
        address: usize,
        to: Option<usize>,
        name: Option<u8>,
        roles: Option<Vec<usize>>,
    },
}

/// What can be done to many users at once.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Activate,
    Deactivate,
    Delete,
    Resend,
    Revoke,
}

impl Change {
    /// The same, to one of them.
    pub fn to(self, user: usize) -> Mutation {
        match self {
            Self::Activate => Mutation::ActivateUser(user),
            Self::Deactivate => Mutation::DeactivateUser(user),
            Self::Delete => Mutation::DeleteUser(user),
            Self::Resend => Mutation::ResendInvitation(user),
            Self::Revoke => Mutation::RevokeInvitation(user),
        }
    }

    /// The input that names them.
    pub fn list(self) -> &'static str {
        match self {
            Self::Activate | Self::Deactivate | Self::Delete => "ids",
            Self::Resend | Self::Revoke => "userIds",
        }
    }
}

/// A link that somebody follows.
#[derive(Clone, Debug)]
pub enum Link {
    /// One that works, of the user with this address.
    Of(usize),
    /// One whose purpose has ended: the newest, or one before it.
    Dead(usize),
}

/// E-mails.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// By ID: the newest, or one before it.
    One(usize),
    /// By a filter that all match.
    All,
}

/// Who may.
pub enum Access {
    Public,
    SignedIn,
    Requires(&'static str),
}

/// The IDs and tokens that a mutation needs now.
pub trait Ids {
    fn user(&self, address: usize) -> String;
    fn role(&self, code: usize) -> String;
    fn session(&self, browser: usize) -> String;
    fn email(&self, nth: usize) -> String;
    fn invitation(&self, link: &Link) -> String;
    fn reset(&self, link: &Link) -> String;
}

impl Mutation {
    /// Its name in the schema, and who may.
    pub fn field(&self) -> (&'static str, Access) {
        use Access::{Public, Requires, SignedIn};
        match self {
            Self::AcceptInvitation { .. } => ("acceptInvitation", Public),
            Self::ActivateUser(_) => ("activateUser", Requires("users.update")),
            Self::CancelEmails(_) => ("cancelEmails", Requires("email-queue.update")),
            Self::ChangePassword { .. } => ("changePassword", SignedIn),
            Self::CreateRole { .. } => ("createRole", Requires("roles.create")),
            Self::DeactivateUser(_) => ("deactivateUser", Requires("users.update")),
            Self::DeleteEmails(_) => ("deleteEmails", Requires("email-queue.delete")),
            Self::DeleteRole { .. } => ("deleteRole", Requires("roles.delete")),
            Self::DeleteUser(_) => ("deleteUser", Requires("users.delete")),
            Self::Each(change, _) => match change {
                Change::Activate => ("activateUsers", Requires("users.update")),
                Change::Deactivate => ("deactivateUsers", Requires("users.update")),
                Change::Delete => ("deleteUsers", Requires("users.delete")),
                Change::Resend => ("resendInvitations", Requires("users.create")),
                Change::Revoke => ("revokeInvitations", Requires("users.create")),
            },
            Self::EndUserSessions { .. } => ("endUserSessions", Requires("users.update")),
            Self::InviteUser { .. } => ("inviteUser", Requires("users.create")),
            Self::PauseEmailQueue => ("pauseEmailQueue", Requires("email-queue.update")),
            Self::RequestPasswordReset(_) => ("requestPasswordReset", Public),
            Self::ResendInvitation(_) => ("resendInvitation", Requires("users.create")),
            Self::ResetPassword { .. } => ("resetPassword", Public),
            Self::ResumeEmailQueue => ("resumeEmailQueue", Requires("email-queue.update")),
            Self::RetryEmails(_) => ("retryEmails", Requires("email-queue.update")),
            Self::RevokeInvitation(_) => ("revokeInvitation", Requires("users.create")),
            Self::RevokeOtherSessions => ("revokeOtherSessions", SignedIn),
            Self::RevokeSession(_) => ("revokeSession", SignedIn),
            Self::SendPasswordReset(_) => ("sendPasswordReset", Requires("users.update")),
            Self::SendTestEmail(_) => ("sendTestEmail", Requires("email-queue.update")),
            Self::SignIn { .. } => ("signIn", Public),
            Self::SignOut => ("signOut", Public),
            Self::UpdateProfile { .. } => ("updateProfile", SignedIn),
            Self::UpdateRole { .. } => ("updateRole", Requires("roles.update")),
            Self::UpdateUser { .. } => ("updateUser", Requires("users.update")),
        }
    }

    /// Whether it begins a session in the browser that asks for it.
    pub fn signs_in(&self) -> bool {
        matches!(self, Self::SignIn { .. } | Self::AcceptInvitation { .. })
    }

    /// Whether it takes an idempotency key.
    pub fn takes_key(&self) -> bool {
        matches!(self, Self::InviteUser { .. } | Self::SendTestEmail(_))
    }

    /// Whether it is about what is in the queue, with which the worker has to do at the same time.
    pub fn is_about_emails(&self) -> bool {
        matches!(
            self,
            Self::CancelEmails(_) | Self::DeleteEmails(_) | Self::RetryEmails(_)
        )
    }

    /// Its input, if it has any.
    pub fn input(&self, ids: &impl Ids) -> Option<Value> {
        let role_ids =
            |roles: &[usize]| roles.iter().map(|role| ids.role(*role)).collect::<Vec<_>>();
        let emails = |chosen: &Chosen| match chosen {
            Chosen::One(nth) => json!({ "ids": [ids.email(*nth)] }),
            Chosen::All => json!({ "filter": {} }),
        };
        Some(match self {
            Self::AcceptInvitation { link, password } => {
                json!({ "token": ids.invitation(link), "password": PASSWORDS[*password] })
            }
            Self::ResetPassword { link, password } => {
                json!({ "token": ids.reset(link), "newPassword": PASSWORDS[*password] })
            }
            Self::ActivateUser(user) | Self::DeactivateUser(user) | Self::DeleteUser(user) => {
                json!({ "id": ids.user(*user) })
            }
            Self::Each(change, users) => {
                let ids: Vec<_> = users.iter().map(|user| ids.user(*user)).collect();
                json!({ change.list(): ids })
            }
            Self::EndUserSessions { address, only } => {
                let mut input = json!({ "userId": ids.user(*address) });
                if let Some(browser) = only {
                    input["sessionId"] = json!(ids.session(*browser));
                }
                input
            }
            Self::ResendInvitation(user)
            | Self::RevokeInvitation(user)
            | Self::SendPasswordReset(user) => json!({ "userId": ids.user(*user) }),
            Self::CancelEmails(chosen) | Self::DeleteEmails(chosen) | Self::RetryEmails(chosen) => {
                emails(chosen)
            }
            Self::ChangePassword { current, new } => json!({
                "currentPassword": PASSWORDS[*current],
                "newPassword": PASSWORDS[*new],
            }),
            Self::CreateRole { role, grants } => json!({
                "name": ROLES[*role],
                "codeName": ROLES[*role],
                "permissions": GRANTS[*grants],
            }),
            Self::DeleteRole { role, force } => json!({ "id": ids.role(*role), "force": force }),
            Self::InviteUser { address, roles } => {
                json!({ "email": ADDRESSES[*address], "roleIds": role_ids(roles) })
            }
            Self::RequestPasswordReset(address) => json!({ "email": ADDRESSES[*address] }),
            Self::RevokeSession(browser) => json!({ "id": ids.session(*browser) }),
            Self::SendTestEmail(address) => json!({ "to": ADDRESSES[*address] }),
            Self::SignIn { address, password } => {
                json!({ "email": ADDRESSES[*address], "password": PASSWORDS[*password] })
            }
            Self::UpdateProfile { name: number } => json!({ "firstName": name(*number) }),
            Self::UpdateRole { role, name, grants } => {
                let mut input = json!({ "id": ids.role(*role) });
                if let Some(number) = name {
                    input["name"] = json!(role_name(*role, *number));
                }
                if let Some(grants) = grants {
                    input["permissions"] = json!(GRANTS[*grants]);
                }
                input
            }
            Self::UpdateUser {
                address,
                to,
                name: number,
                roles,
            } => {
                let mut input = json!({ "id": ids.user(*address) });
                if let Some(to) = to {
                    input["email"] = json!(ADDRESSES[*to]);
                }
                if let Some(number) = number {
                    input["firstName"] = json!(name(*number));
                }
                if let Some(roles) = roles {
                    input["roleIds"] = json!(role_ids(roles));
                }
                input
            }
            Self::PauseEmailQueue
            | Self::ResumeEmailQueue
            | Self::RevokeOtherSessions
            | Self::SignOut => return None,
        })
    }
}
