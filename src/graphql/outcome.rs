//! What executing an operation leaves beside its response: for the headers, and for the event log.

use std::time::Duration;

use entity::EmailId;

use crate::domain::App;
use crate::domain::applications::Permission;
use crate::domain::change;
use crate::domain::events::{Action, Subject};
use crate::domain::refusals::Refusal;
use crate::domain::{self, Actor, Error};

/// What executing an operation, or several of one request, has left.
#[derive(Debug, Default)]
pub struct Outcome {
    /// False for a document that validation refused.
    pub was_executed: bool,
    /// Whether something may have been changed.
    pub may_have_changed: bool,
    /// What is to happen to the session cookie.
    pub session: Option<SessionCookie>,
    /// The token by which the caller's device is known from now on.
    pub device: Option<DeviceToken>,
    /// When to try again, if anything in the response says so.
    pub retry_after: Option<Duration>,
    notes: Vec<(Actor, Note)>,
}

/// What is to happen to the session cookie.
#[derive(Clone, Debug)]
pub enum SessionCookie {
    /// A session begins; its cookie replaces any that is there.
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
    /// In clear, for the cookie; stored is its digest alone.
    pub token: String,
    /// Whether it outlives the browser.
    pub is_kept: bool,
}

/// What must be written into the event log before the response leaves: guards and resolvers that
/// only read do not write themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// The caller lacks this permission.
    Refused(Permission),
    /// The caller was shown the secret link of this e-mail, which went to these recipients.
    LinkShown(EmailId, String),
}

impl Outcome {
    /// Of what was not executed, and may be tried again by then.
    pub fn of_refusal(retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..Self::default()
        }
    }

    /// Takes a note, once.
    pub(super) fn note(&mut self, actor: Actor, note: Note) {
        let mut notes = self.notes.iter();
        if !notes.any(|(by, known)| by.user_id() == actor.user_id() && *known == note) {
            self.notes.push((actor, note));
        }
    }

    /// Adds the outcome of a later operation of the same request.
    pub fn add(&mut self, later: Self) {
        self.was_executed |= later.was_executed;
        self.may_have_changed |= later.may_have_changed;
        self.session = later.session.or(self.session.take());
        self.device = later.device.or(self.device.take());
        self.retry_after = self.retry_after.max(later.retry_after);
        for (actor, note) in later.notes {
            self.note(actor, note);
        }
    }

    /// Writes the notes into the event log. The response must not leave before that is done.
    ///
    /// # Errors
    ///
    /// If the database fails. What was changed before that stays so.
    pub async fn write_notes(&mut self, app: &App) -> domain::Result<()> {
        for (_, note) in &self.notes {
            if matches!(note, Note::Refused(_)) {
                app.metrics.refused_for_want_of_permission();
            }
        }
        let is_news = |(actor, note): &(Actor, Note)| match (note, actor.user_id()) {
            (Note::Refused(permission), Some(user)) => {
                let refusal = Refusal::Permission(permission.clone());
                app.refusals.is_news(user, refusal, app.clock.now())
            }
            _ => true,
        };
        // Each by whoever the caller was at that point: a document may sign in and out.
        let events: Vec<_> = std::mem::take(&mut self.notes)
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
        let written = change::record_apart(app, &events).await;
        written.map_err(|error| match error {
            Error::Unavailable(away) if self.may_have_changed => Error::OutcomeUnknown(away),
            error => error,
        })
    }
}
