//! How many WebSockets, event streams and subscriptions each may have: they last as long as their
//! client wants, and each costs the server something all the while.

use std::sync::Arc;

use entity::UserId;
use poem::http::StatusCode;

use super::response::Refusal;
use crate::domain::{Actor, queue};
use crate::quota::{Quota, Share};

/// How many WebSockets and event streams together, and how many subscriptions, one user may have:
/// enough for a person with many tabs on several devices.
pub const MAX_PER_USER: usize = 100;

/// Who holds what is bounded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    User(UserId),
    /// Somebody who is not signed in, by their network.
    Client(String),
}

impl From<&Actor> for Holder {
    fn from(actor: &Actor) -> Self {
        match actor.user_id() {
            Some(user) => Self::User(user),
            None => Self::Client(queue::holder(&actor.client)),
        }
    }
}

/// What is open at the moment.
#[derive(Clone)]
pub(super) struct OpenStreams {
    connections: Arc<Quota<Holder>>,
    subscriptions: Arc<Quota<Holder>>,
    /// As many as they could have connections; also where they come through a proxy.
    max_per_client: usize,
}

/// One of them, until it is dropped.
pub(super) type OpenStream = Share<Holder>;

impl OpenStreams {
    /// None is open yet.
    pub(super) fn new(max_per_client: usize) -> Self {
        Self {
            connections: Arc::default(),
            subscriptions: Arc::default(),
            max_per_client,
        }
    }

    /// One more WebSocket or event stream.
    ///
    /// # Errors
    ///
    /// Where they have as many as they may.
    pub(super) fn open(&self, actor: &Actor) -> Result<OpenStream, Refusal> {
        self.take(&self.connections, actor, "WebSockets and event streams")
    }

    /// One more subscription, on whichever connection.
    ///
    /// # Errors
    ///
    /// Where they have as many as they may.
    pub(super) fn subscribe(&self, actor: &Actor) -> Result<OpenStream, Refusal> {
        self.take(&self.subscriptions, actor, "subscriptions")
    }

    fn take(
        &self,
        quota: &Quota<Holder>,
        actor: &Actor,
        what: &str,
    ) -> Result<OpenStream, Refusal> {
        let holder = Holder::from(actor);
        let at_most = match holder {
            Holder::User(_) => MAX_PER_USER,
            Holder::Client(_) => self.max_per_client,
        };
        quota.take(holder, at_most).ok_or_else(|| {
            let message = format!("You have {at_most} {what} open already; close some first.");
            Refusal::limit_exceeded(StatusCode::TOO_MANY_REQUESTS, message)
        })
    }
}
