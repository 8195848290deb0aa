//! The event log: who did what, when, from where, and what it changed.
//!
//! An event is written in the transaction of the change that it records: neither can exist without
//! the other. No event ever contains a secret.

use entity::id::Id;
use entity::{EmailId, SessionId, event};
use sea_orm::{ActiveModelTrait, EntityTrait};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::actor::{Actor, Principal};
use super::error::{Error, Result};
use super::roles::model::Role;
use super::text;
use super::users::model::User;
use crate::database::{Transaction, Write};
use crate::domain::app::App;

mod listing;
mod retention;
pub mod watching;

pub use listing::{ActorKind, Event, EventFilter, ORDER, count, find_all, page};
pub use retention::prune;

/// What the server itself is called as an actor.
const SERVER: &str = "server";

/// What somebody who is not signed in is called as an actor.
const ANONYMOUS: &str = "anonymous";

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The kinds of events in the log. The codes are stored, and their meaning never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it is stored.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

actions! {
    /// A user was invited.
    UserInvited = "user.invited",
    /// An invited user was sent a new link; the previous one stopped working.
    InvitationResent = "invitation.resent",
    /// An invitation was revoked.
    InvitationRevoked = "invitation.revoked",
    /// An invited user accepted the invitation and chose a password.
    InvitationAccepted = "invitation.accepted",
    /// A user's e-mail address, names or roles were changed.
    UserUpdated = "user.updated",
    /// A user changed their own names.
    ProfileUpdated = "profile.updated",
    /// A deactivated user was reactivated.
    UserActivated = "user.activated",
    /// A user was deactivated.
    UserDeactivated = "user.deactivated",
    /// A user was deleted.
    UserDeleted = "user.deleted",
    /// A user was deleted, and whatever said who they are; or that of somebody who had been deleted before.
    UserErased = "user.erased",
    /// An administrator ended all of a user's sessions.
    UserSessionsEnded = "user.sessions-ended",
    /// A role was created.
    RoleCreated = "role.created",
    /// A role was changed.
    RoleUpdated = "role.updated",
    /// A role was deleted.
    RoleDeleted = "role.deleted",
    /// A user signed in: with their password, or by accepting an invitation.
    SignedIn = "session.began",
    /// An attempt to sign in failed: the e-mail address or password was incorrect, or the user is
    /// not allowed to sign in.
    SignInFailed = "session.refused",
    /// After too many failed attempts to sign in, or to change the password, the next one has to wait.
    SignInThrottled = "session.throttled",
    /// A user signed out.
    SignedOut = "session.ended",
    /// A user ended one of their sessions, or all but the current one, without signing out.
    SessionRevoked = "session.revoked",
    /// A user changed their own password.
    PasswordChanged = "password.changed",
    /// A wrong current password was entered where a signed-in user changes theirs: once a minute,
    /// however many are tried.
    PasswordChangeRefused = "password.refused",
    /// A password reset was requested, by somebody or by a change that makes the user choose a new one.
    PasswordResetRequested = "password-reset.requested",
    /// A password was reset through a link.
    PasswordReset = "password-reset.completed",
    /// Someone was refused for lack of a permission.
    PermissionRefused = "permission.refused",
    /// A secret link was shown to someone: that in an e-mail, or that of an invitation without one.
    LinkShown = "email.link-shown",
    /// E-mails were put back into the queue.
    EmailsRetried = "emails.retried",
    /// E-mails were cancelled.
    EmailsCancelled = "emails.cancelled",
    /// E-mails were deleted.
    EmailsDeleted = "emails.deleted",
    /// A test e-mail was queued.
    TestEmailSent = "email.test-queued",
    /// The e-mail queue was paused.
    EmailQueuePaused = "email-queue.paused",
    /// The e-mail queue was resumed.
    EmailQueueResumed = "email-queue.resumed",
    /// A backup was restored: what happened between it and this is undone.
    DatabaseRestored = "database.restored",
}

impl Action {
    /// Reads what [`code`](Self::code) wrote.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.code() == code)
    }
}

/// What an event is about.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    kind: &'static str,
    id: Option<Uuid>,
    label: String,
}

impl Subject {
    /// Nothing in particular.
    pub fn none() -> Self {
        Self::default()
    }

    /// The object with that ID, which people know by that label.
    pub fn new<I: Id>(id: I, label: impl Into<String>) -> Self {
        Self {
            kind: I::PREFIX,
            id: Some(id.into()),
            label: label.into(),
        }
    }

    /// Something that has no ID, or none that is known: an address that somebody entered, a
    /// permission, several objects at once.
    pub fn labelled(label: impl Into<String>) -> Self {
        Self {
            kind: "",
            id: None,
            label: label.into(),
        }
    }

    /// An e-mail.
    pub fn email(id: EmailId, recipients: &str) -> Self {
        Self::new(id, recipients)
    }

    /// A session of this user.
    pub fn session(id: SessionId, user: &User) -> Self {
        Self::new(id, user.row.email.clone())
    }
}

impl From<&User> for Subject {
    fn from(user: &User) -> Self {
        Self::new(user.row.id, user.row.email.clone())
    }
}

impl From<&Role> for Subject {
    fn from(role: &Role) -> Self {
        Self::new(role.row.id, role.row.name.clone())
    }
}

/// A field that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field's name in the API.
    pub field: String,
    /// The previous value; `None` if there was none. The entries of a list are joined.
    pub before: Option<String>,
    /// The new value; `None` if there is none. The entries of a list are joined.
    pub after: Option<String>,
    /// What has changed in a list; `None` for a field that is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListChange>,
}

/// What has changed in a list, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListChange {
    /// The entries that were not in it before.
    pub added: Vec<String>,
    /// The entries that are in it no longer.
    pub removed: Vec<String>,
}

impl ListChange {
    fn between(before: &[String], after: &[String]) -> Self {
        let without = |these: &[String], others: &[String]| {
            let left = these.iter().filter(|entry| !others.contains(entry));
            left.cloned().collect()
        };
        Self {
            added: without(after, before),
            removed: without(before, after),
        }
    }
}

/// The fields that were changed, and only those.
#[derive(Clone, Debug, Default)]
pub struct Changes(Vec<FieldChange>);

impl Changes {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the field, if its value has changed. An empty value is as good as none.
    #[must_use]
    pub fn field(
        self,
        name: &str,
        before: impl Into<Option<String>>,
        after: impl Into<Option<String>>,
    ) -> Self {
        self.value(name, before.into(), after.into(), None)
    }

    /// Adds the field, whose value is a list, if the list has changed.
    #[must_use]
    pub fn list(self, name: &str, before: &[String], after: &[String]) -> Self {
        let list = ListChange::between(before, after);
        self.value(
            name,
            Some(before.join(", ")),
            Some(after.join(", ")),
            Some(list),
        )
    }

    fn value(
        mut self,
        name: &str,
        before: Option<String>,
        after: Option<String>,
        list: Option<ListChange>,
    ) -> Self {
        let is_given = |value: &String| !value.is_empty();
        let (before, after) = (before.filter(is_given), after.filter(is_given));
        if before != after {
            self.0.push(FieldChange {
                field: name.to_owned(),
                before,
                after,
                list,
            });
        }
        self
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes events of one kind with one statement, in the transaction of what they record: up to a few
/// hundred.
pub(super) async fn insert(
    app: &App,
    transaction: &Transaction,
    actor: &Actor,
    action: Action,
    events: impl IntoIterator<Item = (Subject, Changes)>,
) -> Result<()> {
    let events: Vec<event::ActiveModel> = events
        .into_iter()
        .map(|(subject, changes)| event(app, actor, action, subject, &changes))
        .collect::<Result<_>>()?;
    if events.is_empty() {
        return Ok(());
    }
    event::Entity::insert_many(events)
        .write(transaction)
        .await?;
    Ok(())
}

fn event(
    app: &App,
    actor: &Actor,
    action: Action,
    subject: Subject,
    changes: &Changes,
) -> Result<event::ActiveModel> {
    let signed_in = actor.signed_in().ok();
    let event = event::Model {
        id: app.new_id(),
        created_at: app.clock.now(),
        actor_id: actor.user_id(),
        actor_label: match &actor.principal {
            Principal::User(signed_in) => signed_in.user.row.email.clone(),
            Principal::Server => SERVER.to_owned(),
            Principal::Anonymous => ANONYMOUS.to_owned(),
        },
        session_id: signed_in.map(|signed_in| signed_in.session.id),
        ip_address: actor.client.ip_address.map(|address| address.to_string()),
        action: action.code().to_owned(),
        subject_type: subject.kind.to_owned(),
        subject_id: subject.id,
        subject_label: subject.label.chars().take(500).collect(),
        changes: serde_json::to_string(&changes.0).map_err(Error::internal)?,
        user_agent: actor.client.user_agent.as_deref().map(text::user_agent),
    };
    Ok(event::ActiveModel::from(event).reset_all())
}
