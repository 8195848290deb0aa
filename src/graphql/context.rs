//! What comes with a request: the application, the caller, and what the response is to carry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_graphql::Context;
use entity::{EmailId, UserId};

use super::error::internal;
use crate::domain::App;
use crate::domain::applications::Permission;
use crate::domain::change;
use crate::domain::emails::Email;
use crate::domain::events::{Action, Subject};
use crate::domain::password_resets::Completed;
use crate::domain::refusals::Refusal;
use crate::domain::sessions::NewSession;
use crate::domain::{self, Actor};

/// Who sent a request.
///
/// Signing in or out changes it for the rest of the document: the fields of `signIn`'s own payload
/// are read by the user who has just signed in.
#[derive(Debug)]
pub struct Caller(Mutex<State>);

/// What is known of a caller at this point of the document.
#[derive(Debug)]
struct State {
    actor: Actor,
    cookie: Option<CookieChange>,
    /// The token by which the caller's device is known from now on.
    device: Option<DeviceToken>,
    notes: Vec<(Actor, Note)>,
    retry_after: Option<Duration>,
    /// Who they have proved to be without beginning a session.
    proven: Option<UserId>,
}

/// What must be written into the event log before the response leaves: guards and resolvers that
/// only read do not write themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The caller lacks this permission.
    Refused(Permission),
    /// The caller was shown the secret link of this e-mail.
    LinkShown(EmailId, String),
}

impl Note {
    /// What must be noted when an e-mail is shown to a reader: that its secret link is shown, if it
    /// is.
    pub fn showing(email: &Email) -> Option<Self> {
        let row = email.row();
        email
            .link()
            .map(|_| Self::LinkShown(row.id, row.recipients.clone()))
    }
}

/// What is to happen to the session cookie.
#[derive(Clone, Debug)]
pub enum CookieChange {
    /// A session begins.
    Set {
        /// Its token.
        token: String,
        /// Whether it outlives the browser.
        is_kept: bool,
    },
    /// The session has ended.
    Clear,
}

/// By what a device is known.
#[derive(Clone, Debug)]
pub struct DeviceToken {
    /// The secret.
    pub token: String,
    /// Whether it outlives the browser.
    pub is_kept: bool,
}

impl Caller {
    /// The sender of a request.
    pub fn new(actor: Actor) -> Self {
        Self(Mutex::new(State {
            actor,
            cookie: None,
            device: None,
            notes: Vec::new(),
            retry_after: None,
            proven: None,
        }))
    }

    /// Nothing here can be left half-made by a panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes when to try again, if the outcome says so, for the response's header.
    pub fn note_retry_after<T>(&self, outcome: domain::Result<T>) -> domain::Result<T> {
        if let Err(domain::Error::Refused(errors)) = &outcome {
            let wait = errors.iter().filter_map(|error| error.retry_after).max();
            let mut state = self.state();
            state.retry_after = wait.max(state.retry_after);
        }
        outcome
    }

    /// When to try again, if anything in the response says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.state().retry_after
    }

    /// Someone has proved with a link that they are this user, without beginning a session: they
    /// may read what the payload tells them about themselves.
    pub fn proved_to_be(&self, reset: &Completed) {
        let mut state = self.state();
        state.proven = Some(reset.user.row.id);
        state.device = Some(DeviceToken {
            token: reset.device.expose().to_owned(),
            is_kept: true,
        });
    }

    /// Whether the caller is this user, by a session or by a link.
    pub fn is(&self, user: UserId) -> bool {
        let state = self.state();
        state.actor.user_id() == Some(user) || state.proven == Some(user)
    }

    /// Leaves a note, once.
    pub fn note(&self, note: Note) {
        let mut state = self.state();
        let actor = state.actor.clone();
        let is_known = state
            .notes
            .iter()
            .any(|(by, known)| by.user_id() == actor.user_id() && *known == note);
        if !is_known {
            state.notes.push((actor, note));
        }
    }

    /// Writes the notes into the event log. The response must not leave before that is done.
    pub async fn write_notes(&self, app: &App) -> domain::Result<()> {
        let notes = std::mem::take(&mut self.state().notes);
        let is_news = |(actor, note): &(Actor, Note)| match (note, actor.user_id()) {
            (Note::Refused(permission), Some(user)) => {
                let refusal = Refusal::Permission(permission.clone());
                app.refusals.is_news(user, refusal, app.clock.now())
            }
            _ => true,
        };
        // Each by whoever the caller was at that point: a document may sign in and out.
        let events: Vec<_> = notes
            .into_iter()
            .filter(is_news)
            .map(|(actor, note)| match note {
                Note::Refused(permission) => (
                    actor,
                    Action::PermissionRefused,
                    Subject::labelled(permission.code()),
                ),
                Note::LinkShown(id, recipients) => {
                    (actor, Action::LinkShown, Subject::email(id, &recipients))
                }
            })
            .collect();
        if events.is_empty() {
            return Ok(());
        }
        change::record_apart(app, &events).await
    }

    /// Who the caller is now.
    pub fn actor(&self) -> Actor {
        self.state().actor.clone()
    }

    /// Continues as the user who has just signed in.
    pub fn signed_in(&self, session: &NewSession) {
        let mut state = self.state();
        state.actor = Actor::user(session.signed_in.clone(), state.actor.client.clone());
        state.cookie = Some(CookieChange::Set {
            token: session.token.expose().to_owned(),
            is_kept: session.signed_in.session.is_kept,
        });
        state.device = Some(DeviceToken {
            token: session.device.expose().to_owned(),
            is_kept: session.signed_in.session.is_kept,
        });
    }

    /// Continues as nobody.
    pub fn signed_out(&self) {
        let mut state = self.state();
        state.actor = Actor::anonymous(state.actor.client.clone());
        state.cookie = Some(CookieChange::Clear);
    }

    /// Continues as the same caller with current permissions, which can change during a
    /// subscription.
    pub fn refreshed(&self, actor: Actor) {
        self.state().actor = actor;
    }

    /// What is to happen to the cookie, once the document was executed.
    pub fn cookie_change(&self) -> Option<CookieChange> {
        self.state().cookie.take()
    }

    /// The token by which the device is known from now on, once the document was executed.
    pub fn device_token(&self) -> Option<DeviceToken> {
        self.state().device.take()
    }
}

/// Shortcuts to what comes with a request.
pub trait ContextExt {
    /// The application.
    fn app(&self) -> async_graphql::Result<&App>;
    /// Who sent the request.
    fn caller(&self) -> async_graphql::Result<&Caller>;
    /// Who the caller is at this point of the document.
    fn actor(&self) -> async_graphql::Result<Actor>;
    /// The application, to keep for as long as a subscription lasts.
    fn shared_app(&self) -> async_graphql::Result<Arc<App>>;
    /// The subscriber, to keep for as long as a subscription lasts.
    fn shared_caller(&self) -> async_graphql::Result<Arc<Caller>>;
}

impl ContextExt for Context<'_> {
    fn app(&self) -> async_graphql::Result<&App> {
        Ok(shared(self)?)
    }

    fn caller(&self) -> async_graphql::Result<&Caller> {
        Ok(shared(self)?)
    }

    fn actor(&self) -> async_graphql::Result<Actor> {
        Ok(self.caller()?.actor())
    }

    fn shared_app(&self) -> async_graphql::Result<Arc<App>> {
        shared(self).cloned()
    }

    fn shared_caller(&self) -> async_graphql::Result<Arc<Caller>> {
        shared(self).cloned()
    }
}

/// What was put beside the request.
fn shared<'a, T: Send + Sync + 'static>(ctx: &'a Context<'_>) -> async_graphql::Result<&'a Arc<T>> {
    ctx.data().map_err(|error| internal(&error.message))
}
