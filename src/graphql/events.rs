//! The API of the event log.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::{EmailId, InvitationId, RoleId, SessionId, Timestamp, UserId};
use uuid::Uuid;

use super::context::ContextExt;
use super::guard::{Requires, requires};
use super::ids;
use super::limits::page_complexity;
use super::page::{PageArguments, connection, page_request};
use super::scalars::DateTime;
use super::users::User;
use crate::domain::applications::{EVENT_LOG_VIEW, USERS_VIEW};
use crate::domain::events::{self, Action};
use crate::domain::users;

/// What can be asked about the event log.
#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// What happened, the newest first.
    #[graphql(
        guard = Requires(EVENT_LOG_VIEW),
        directive = requires::apply(EVENT_LOG_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As many from the beginning: 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "As many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which events.")] filter: Option<EventFilter>,
    ) -> Result<EventConnection> {
        let filter = filter.map(EventFilter::decode).unwrap_or_default();
        events_page(ctx, filter, (first, after, last, before)).await
    }
}

/// A page of events, for every field that has one.
pub async fn events_page(
    ctx: &Context<'_>,
    filter: events::EventFilter,
    arguments: PageArguments,
) -> Result<EventConnection> {
    let request = page_request(events::ORDER, arguments)?;
    let page = events::page(ctx.app()?, &filter, &request).await?;
    Ok(EventConnection::new(page, filter))
}

/// Which events; what is left out does not narrow.
#[derive(InputObject)]
pub struct EventFilter {
    /// What this user did.
    actor_id: Option<ID>,
    /// What was done to this user, role, session or e-mail.
    subject_id: Option<ID>,
    /// Any of these.
    #[graphql(validator(max_items = 100))]
    action: Option<Vec<EventAction>>,
    /// After this time.
    created_after: Option<DateTime>,
    /// Before this time.
    created_before: Option<DateTime>,
}

impl EventFilter {
    fn decode(self) -> events::EventFilter {
        // What is no ID of the kind did nothing, and nothing was done to it.
        events::EventFilter {
            actor: self
                .actor_id
                .map(|id| ids::decode(&id).unwrap_or(UserId(Uuid::nil()))),
            subject: self
                .subject_id
                .map(|id| subject(&id).unwrap_or(Uuid::nil())),
            about: None,
            actions: self
                .action
                .map(|actions| actions.into_iter().map(Into::into).collect()),
            created_after: self.created_after.map(Timestamp::from),
            created_before: self.created_before.map(Timestamp::from),
        }
    }
}

fn subject(id: &ID) -> Option<Uuid> {
    ids::decode::<UserId>(id)
        .map(Uuid::from)
        .or_else(|| ids::decode::<RoleId>(id).map(Uuid::from))
        .or_else(|| ids::decode::<SessionId>(id).map(Uuid::from))
        .or_else(|| ids::decode::<InvitationId>(id).map(Uuid::from))
        .or_else(|| ids::decode::<EmailId>(id).map(Uuid::from))
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Action")]
pub enum EventAction {
    /// Somebody was invited.
    UserInvited,
    /// An invited user was sent a new link; the old one is void.
    InvitationResent,
    /// An invitation was withdrawn.
    InvitationRevoked,
    /// An invited user has chosen a password.
    InvitationAccepted,
    /// A user's address, names or roles were changed.
    UserUpdated,
    /// A user changed their own names.
    ProfileUpdated,
    /// A deactivated user was let in again.
    UserActivated,
    /// A user was shut out.
    UserDeactivated,
    /// A user was deleted.
    UserDeleted,
    /// A role was made.
    RoleCreated,
    /// A role was changed.
    RoleUpdated,
    /// A role was deleted.
    RoleDeleted,
    /// A session began with a password.
    SignedIn,
    /// Address and password did not belong together, or the user may not sign in.
    SignInFailed,
    /// A session was ended by its own user from within.
    SignedOut,
    /// A session was ended from outside of it.
    SessionRevoked,
    /// A user changed their own password.
    PasswordChanged,
    /// A password reset was asked for.
    PasswordResetRequested,
    /// A password was reset by a link.
    PasswordReset,
    /// Somebody asked for what they lack the permission for, which `subjectLabel` names.
    PermissionRefused,
    /// The secret link of a letter was shown to somebody.
    LinkShown,
    /// E-mails were put back into the queue.
    EmailsRetried,
    /// E-mails were withdrawn.
    EmailsCancelled,
    /// E-mails were deleted.
    EmailsDeleted,
    /// A test e-mail was queued.
    TestEmailSent,
    /// The e-mail queue was stopped.
    EmailQueuePaused,
    /// The e-mail queue was set going again.
    EmailQueueResumed,
}

/// One thing that happened. Events are never changed; old ones are removed after the time that the
/// configuration says.
#[derive(Clone, Description)]
pub struct Event(pub events::Event);

impl From<events::Event> for Event {
    fn from(event: events::Event) -> Self {
        Self(event)
    }
}

#[Object(use_type_description)]
impl Event {
    /// Opaque and globally unique.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.0.row.id)
    }

    /// When.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.0.row.created_at.into()
    }

    /// What was done; null where a newer version of the server wrote it, see `actionCode`.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn action(&self) -> Option<EventAction> {
        self.0.action.map(Into::into)
    }

    /// What was done, as it is stored: such as "user.invited".
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn action_code(&self) -> &str {
        &self.0.row.action
    }

    /// Who did it; null for the server itself, for somebody who was not signed in, and for a user
    /// who is deleted.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        Ok(match self.0.row.actor_id {
            Some(id) => users::find(ctx.app()?, id).await?.map(User::from),
            None => None,
        })
    }

    /// What the actor was called at the time: their address, "server", or "anonymous".
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn actor_label(&self) -> &str {
        &self.0.row.actor_label
    }

    /// The session in which they did it.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn session_id(&self) -> Option<ID> {
        self.0.row.session_id.map(ids::encode)
    }

    /// The address that the request came from.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn ip_address(&self) -> Option<&str> {
        self.0.row.ip_address.as_deref()
    }

    /// The ID of what it was done to, which may be gone since.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn subject_id(&self) -> Option<ID> {
        let id = self.0.row.subject_id?;
        match self.0.row.subject_type.as_str() {
            "user" => Some(ids::encode(UserId(id))),
            "role" => Some(ids::encode(RoleId(id))),
            "session" => Some(ids::encode(SessionId(id))),
            "email" => Some(ids::encode(EmailId(id))),
            _ => None,
        }
    }

    /// What the subject was called at the time.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn subject_label(&self) -> &str {
        &self.0.row.subject_label
    }

    /// The changed fields before and after; never a secret.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn changes(&self) -> Vec<EventChange> {
        let changes = self.0.changes.iter().cloned();
        changes
            .map(|change| EventChange {
                field: change.field,
                before: change.before,
                after: change.after,
            })
            .collect()
    }
}

/// A field that was changed.
#[derive(SimpleObject)]
pub struct EventChange {
    /// Its name in this API.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    field: String,
    /// What it was; null where it was not set.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    before: Option<String>,
    /// What it is now; null where it was taken away.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    after: Option<String>,
}

connection! {
    /// A page of events.
    EventConnection, EventEdge of Event; events::count where events::EventFilter
}
