//! What comes with a request: the application, who asks, and what the answer shall carry.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_graphql::Context;

use super::error::internal;
use crate::app::App;
use crate::domain::sessions::NewSession;
use crate::domain::{Actor, Client};

/// Who sent a request.
///
/// Signing in or out changes it for what follows in the same document: the fields of `signIn`'s own
/// payload are read by the user who has just signed in.
#[derive(Debug)]
pub struct Caller {
    actor: RwLock<Actor>,
    cookie: Mutex<Option<CookieChange>>,
    /// Where the request comes from.
    pub client: Client,
}

/// What shall become of the session cookie.
#[derive(Clone, Debug)]
pub enum CookieChange {
    /// The session whose token this is begins.
    Set(String),
    /// The session has ended.
    Clear,
}

impl Caller {
    /// Somebody who sends a request.
    pub fn new(actor: Actor, client: Client) -> Self {
        Self {
            actor: RwLock::new(actor),
            cookie: Mutex::default(),
            client,
        }
    }

    /// Who it is now.
    pub fn actor(&self) -> Actor {
        self.actor
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Goes on as the user who has just signed in.
    pub fn signed_in(&self, session: &NewSession) {
        self.become_actor(
            Actor::User(session.signed_in.clone()),
            CookieChange::Set(session.token.expose().to_owned()),
        );
    }

    /// Goes on as nobody.
    pub fn signed_out(&self) {
        self.become_actor(Actor::Anonymous, CookieChange::Clear);
    }

    fn become_actor(&self, actor: Actor, change: CookieChange) {
        *self.actor.write().unwrap_or_else(PoisonError::into_inner) = actor;
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }

    /// What shall become of the cookie, after the document was executed.
    pub fn cookie_change(&self) -> Option<CookieChange> {
        self.cookie
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// Short ways to what comes with a request.
pub trait ContextExt {
    /// The application.
    fn app(&self) -> async_graphql::Result<&App>;
    /// Who sent the request.
    fn caller(&self) -> async_graphql::Result<&Caller>;
    /// Who asks at this point of the document.
    fn actor(&self) -> async_graphql::Result<Actor>;
}

impl ContextExt for Context<'_> {
    fn app(&self) -> async_graphql::Result<&App> {
        let app = self
            .data::<Arc<App>>()
            .map_err(|error| internal(&error.message))?;
        Ok(app)
    }

    fn caller(&self) -> async_graphql::Result<&Caller> {
        let caller = self
            .data::<Arc<Caller>>()
            .map_err(|error| internal(&error.message))?;
        Ok(caller)
    }

    fn actor(&self) -> async_graphql::Result<Actor> {
        Ok(self.caller()?.actor())
    }
}
