//! What comes with a request: the application and the caller, who gathers what the response is to
//! carry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::Context;
use entity::UserId;

use super::error::internal;
use super::outcome::{DeviceToken, Note, Outcome, SessionCookie};
use crate::domain::App;
use crate::domain::applications::Permission;
use crate::domain::emails::Email;
use crate::domain::password_resets::Completed;
use crate::domain::sessions::NewSession;
use crate::domain::{self, Actor, UserError};

/// Who sent a request, as the resolvers of its operations share it.
///
/// Signing in or out changes it for the rest of the document: the fields of `signIn`'s own payload
/// are read by the user who has just signed in.
#[derive(Debug)]
pub struct Caller(Mutex<State>);

#[derive(Debug)]
struct State {
    actor: Actor,
    /// Who they have proved to be without beginning a session.
    proven: Option<UserId>,
    outcome: Outcome,
}

impl State {
    fn note(&mut self, note: Note) {
        self.outcome.note(self.actor.clone(), note);
    }
}

impl Caller {
    /// The sender of a request.
    pub fn new(actor: Actor) -> Self {
        Self(Mutex::new(State {
            actor,
            proven: None,
            outcome: Outcome::default(),
        }))
    }

    /// Nothing here can be left half-made by a panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who the caller is now.
    pub fn actor(&self) -> Actor {
        self.state().actor.clone()
    }

    /// Whether the caller is this user, by a session or by a link.
    pub fn is(&self, user: UserId) -> bool {
        let state = self.state();
        state.actor.user_id() == Some(user) || state.proven == Some(user)
    }

    /// Refuses a caller without the permission, and notes it for the event log.
    ///
    /// # Errors
    ///
    /// [`domain::Error::Unauthenticated`] and [`domain::Error::Forbidden`].
    pub fn must_hold(&self, permission: &Permission) -> domain::Result<()> {
        let mut state = self.state();
        let checked = state.actor.must_hold(permission);
        if let Err(domain::Error::Forbidden(permission)) = &checked {
            state.note(Note::Refused(permission.clone()));
        }
        checked
    }

    /// Notes for the event log that an e-mail's secret link is shown, if it is.
    pub fn note_showing(&self, email: &Email) {
        if email.link().is_some() {
            let row = email.row();
            let note = Note::LinkShown(row.id, row.recipients.clone());
            self.state().note(note);
        }
    }

    /// Something was changed by the operation, or may have been.
    pub fn may_have_changed(&self) {
        self.state().outcome.may_have_changed = true;
    }

    /// Notes when to try again, if any of the errors says so, for the response's header.
    pub fn note_retry_after(&self, errors: &[UserError]) {
        let wait = errors.iter().filter_map(|error| error.retry_after).max();
        let outcome = &mut self.state().outcome;
        outcome.retry_after = wait.max(outcome.retry_after);
    }

    /// Someone has proved with a link that they are this user, without beginning a session: they
    /// may read what the payload tells them about themselves.
    pub fn proved_to_be(&self, reset: &Completed) {
        let mut state = self.state();
        state.proven = Some(reset.user.row.id);
        state.outcome.device = Some(DeviceToken {
            token: reset.device.expose().to_owned(),
            is_kept: true,
        });
    }

    /// Continues as the user who has just signed in.
    pub fn signed_in(&self, session: &NewSession) {
        let is_kept = session.signed_in.session.is_kept;
        let mut state = self.state();
        state.actor = Actor::user(session.signed_in.clone(), state.actor.client.clone());
        state.outcome.session = Some(SessionCookie::Set {
            token: session.token.expose().to_owned(),
            is_kept,
        });
        state.outcome.device = Some(DeviceToken {
            token: session.device.expose().to_owned(),
            is_kept,
        });
    }

    /// Continues as nobody.
    pub fn signed_out(&self) {
        let mut state = self.state();
        state.actor = Actor::anonymous(state.actor.client.clone());
        state.outcome.session = Some(SessionCookie::Clear);
    }

    /// Continues as the same caller with current permissions, which can change during a
    /// subscription.
    pub fn refreshed(&self, actor: Actor) {
        self.state().actor = actor;
    }

    /// What has come of the operation so far. The next one begins with nothing.
    pub fn take_outcome(&self) -> Outcome {
        std::mem::take(&mut self.state().outcome)
    }
}

/// Shortcuts to what comes with a request.
pub trait ContextExt {
    /// What every request shares; an error where nobody has put it beside the request.
    fn app(&self) -> async_graphql::Result<&Arc<App>>;
    /// Who sent the request.
    fn caller(&self) -> async_graphql::Result<&Arc<Caller>>;
    /// Who the caller is at this point of the document.
    fn actor(&self) -> async_graphql::Result<Actor>;
}

impl ContextExt for Context<'_> {
    fn app(&self) -> async_graphql::Result<&Arc<App>> {
        shared(self)
    }

    fn caller(&self) -> async_graphql::Result<&Arc<Caller>> {
        shared(self)
    }

    fn actor(&self) -> async_graphql::Result<Actor> {
        Ok(self.caller()?.actor())
    }
}

/// What `http` has put beside the request.
fn shared<'a, T: Send + Sync + 'static>(ctx: &'a Context<'_>) -> async_graphql::Result<&'a Arc<T>> {
    ctx.data().map_err(|error| internal(&error.message))
}
