//! The caller of an operation, and what they may do.

use std::net::IpAddr;
use std::sync::Arc;

use entity::{TokenHash, UserId, session};

use super::applications::Permission;
use super::error::{Error, Result};
use super::rights::Rights;
use super::users::model::User;

/// Whoever causes an operation, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who it is.
    pub principal: Principal,
    /// Where the request comes from.
    pub client: Client,
}

/// Who somebody is.
#[derive(Clone, Debug)]
pub enum Principal {
    /// Somebody who is not signed in.
    Anonymous,
    /// A signed-in user.
    User(Arc<SignedIn>),
    /// The server itself, or whoever runs its commands; may do everything.
    Server,
}

/// A user and the session they are using, as of the beginning of the request.
#[derive(Debug)]
pub struct SignedIn {
    /// As of the beginning of the request.
    pub user: User,
    /// By which they were identified; it may have ended since.
    pub session: session::Model,
    /// What the user's roles grant together.
    pub rights: Rights,
}

/// Where a request comes from, as far as that can be known.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The IP address, seen through the proxies that the configuration trusts.
    pub ip_address: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// The digest of the device token that it presents, known or not; see
    /// [`devices`](super::devices).
    pub device: Option<TokenHash>,
}

impl Actor {
    /// Somebody who is not signed in.
    pub fn anonymous(client: Client) -> Self {
        Self {
            principal: Principal::Anonymous,
            client,
        }
    }

    /// A signed-in user.
    pub fn user(signed_in: Arc<SignedIn>, client: Client) -> Self {
        Self {
            principal: Principal::User(signed_in),
            client,
        }
    }

    /// The server itself, or an operator at its command line; see [`Principal::Server`].
    pub fn server() -> Self {
        Self {
            principal: Principal::Server,
            client: Client::default(),
        }
    }

    /// The signed-in user.
    pub fn signed_in(&self) -> Result<&Arc<SignedIn>> {
        match &self.principal {
            Principal::User(signed_in) => Ok(signed_in),
            Principal::Anonymous | Principal::Server => Err(Error::Unauthenticated),
        }
    }

    /// The signed-in user's ID.
    pub fn user_id(&self) -> Option<UserId> {
        self.signed_in().ok().map(|signed_in| signed_in.user.row.id)
    }

    /// Checks that the caller has the permission.
    pub fn must_hold(&self, permission: &Permission) -> Result<()> {
        match self.principal {
            Principal::Anonymous => Err(Error::Unauthenticated),
            _ if self.holds(permission) => Ok(()),
            _ => Err(Error::Forbidden(permission.clone())),
        }
    }

    /// Whether they have the permission.
    pub fn holds(&self, permission: &Permission) -> bool {
        match &self.principal {
            Principal::Anonymous => false,
            Principal::User(signed_in) => signed_in.rights.allow(permission),
            Principal::Server => true,
        }
    }

    /// Whether they have all of these rights themselves, and so could grant them.
    pub fn covers(&self, rights: &Rights) -> bool {
        match &self.principal {
            Principal::Anonymous => false,
            Principal::User(signed_in) => signed_in.rights.cover(rights),
            Principal::Server => true,
        }
    }
}
