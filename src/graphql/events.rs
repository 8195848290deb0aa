//! The API for the event log.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::{SessionId, Timestamp, UserId};
use uuid::Uuid;

use super::context::ContextExt;
use super::error::check_search;
use super::guard::{Requires, requires};
use super::ids;
use super::limits::page_complexity;
use super::page::{PageArguments, connection, default_first, page_request};
use super::scalars::DateTime;
use super::users::User;
use crate::domain::applications::{EVENT_LOG_VIEW, USERS_VIEW};
use crate::domain::events::{self, Action};

/// The queries about the event log.
#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// The events that match the filter, newest first.
    #[graphql(
        guard = Requires(EVENT_LOG_VIEW),
        directive = requires::apply(EVENT_LOG_VIEW),
        complexity = "page_complexity(first, last, child_complexity)"
    )]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first n items (1–100). The default does not count together with `last`.",
            default_with = "default_first()"
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last n items (1–100).")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which events to return.")] filter: Option<EventFilter>,
    ) -> Result<EventConnection> {
        let filter = filter
            .map(EventFilter::decode)
            .transpose()?
            .unwrap_or_default();
        events_page(ctx, filter, PageArguments::new(first, after, last, before)).await
    }
}

/// A page of events, for every field that returns one.
pub async fn events_page(
    ctx: &Context<'_>,
    filter: events::EventFilter,
    arguments: PageArguments,
) -> Result<EventConnection> {
    let request = page_request(events::ORDER, arguments)?;
    let page = events::page(ctx.app()?, &filter, &request).await?;
    Ok(EventConnection::new(page, filter))
}

/// Filters events. Conditions are combined with AND; omitted ones are ignored.
#[derive(InputObject)]
pub struct EventFilter {
    /// Events caused by this user.
    actor_id: Option<ID>,
    /// Events that affected this user, role, session or e-mail.
    subject_id: Option<ID>,
    /// Events with any of these actions.
    #[graphql(validator(max_items = 100))]
    actions: Option<Vec<EventAction>>,
    /// Events after this time.
    created_after: Option<DateTime>,
    /// Events before this time.
    created_before: Option<DateTime>,
    /// Substring of `actorLabel` or `subjectLabel`; the letters A to Z match in upper and lower case. `%` and
    /// `_` have no special meaning. Up to 200 characters.
    search: Option<String>,
    /// Events caused by requests from this IP address.
    ip_address: Option<String>,
    /// Events that were caused in this session.
    session_id: Option<ID>,
}

impl EventFilter {
    /// Converts it to the domain's filter.
    ///
    /// # Errors
    ///
    /// `BAD_REQUEST` for a search term that is too long.
    pub fn decode(self) -> Result<events::EventFilter> {
        check_search("search", self.search.as_deref())?;
        // An ID of some other kind did nothing, and nothing was done to it.
        Ok(events::EventFilter {
            search: self.search,
            ip_address: self.ip_address,
            session: self
                .session_id
                .map(|id| ids::decode(&id).unwrap_or(SessionId(Uuid::nil()))),
            actor: self
                .actor_id
                .map(|id| ids::decode(&id).unwrap_or(UserId(Uuid::nil()))),
            subject: self
                .subject_id
                .map(|id| ids::decode_any(&id).unwrap_or(Uuid::nil())),
            about: None,
            actions: self
                .actions
                .map(|actions| actions.into_iter().map(Into::into).collect()),
            created_after: self.created_after.map(Timestamp::from),
            created_before: self.created_before.map(Timestamp::from),
        })
    }
}

/// The kinds of events in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Action")]
pub enum EventAction {
    /// A user was invited.
    UserInvited,
    /// An invited user was sent a new link; the previous one stopped working.
    InvitationResent,
    /// An invitation was revoked.
    InvitationRevoked,
    /// An invited user accepted the invitation and chose a password.
    InvitationAccepted,
    /// A user's e-mail address, names or roles were changed.
    UserUpdated,
    /// A user changed their own names.
    ProfileUpdated,
    /// A deactivated user was reactivated.
    UserActivated,
    /// A user was deactivated.
    UserDeactivated,
    /// A user was deleted.
    UserDeleted,
    /// A user was deleted, and whatever said who they are; or that of somebody who had been deleted before.
    UserErased,
    /// An administrator ended all of a user's sessions.
    UserSessionsEnded,
    /// A role was created.
    RoleCreated,
    /// A role was changed.
    RoleUpdated,
    /// A role was deleted.
    RoleDeleted,
    /// A user signed in: with their password, or by accepting an invitation.
    SignedIn,
    /// An attempt to sign in failed: the e-mail address or password was incorrect, or the user is
    /// not allowed to sign in.
    SignInFailed,
    /// After too many failed attempts to sign in, or to change the password, the next one has to wait.
    /// Recorded when the wait begins, next to the `SIGN_IN_FAILED` or after the
    /// `PASSWORD_CHANGE_REFUSED` that caused it; attempts during the wait are not.
    SignInThrottled,
    /// A user signed out.
    SignedOut,
    /// A user ended one of their sessions, or all but the current one, without signing out.
    SessionRevoked,
    /// A user changed their own password.
    PasswordChanged,
    /// In a signed-in user's session, somebody entered a wrong current password to change it. Recorded
    /// once a minute, however many are tried.
    PasswordChangeRefused,
    /// A password reset was requested, or a user has to choose a new password because their address
    /// was changed or `usher invite-administrator` made them an administrator.
    PasswordResetRequested,
    /// A password was reset through a link.
    PasswordReset,
    /// Someone was refused for lack of a permission, which `subjectLabel` names.
    PermissionRefused,
    /// A secret link was shown to someone: that in an e-mail, or that of an invitation without one.
    LinkShown,
    /// E-mails were put back into the queue.
    EmailsRetried,
    /// E-mails were cancelled.
    EmailsCancelled,
    /// E-mails were deleted.
    EmailsDeleted,
    /// A test e-mail was queued.
    TestEmailSent,
    /// The e-mail queue was paused.
    EmailQueuePaused,
    /// The e-mail queue was resumed.
    EmailQueueResumed,
    /// An operator restored a backup of the database: what happened between it and this event is undone.
    /// `changes` counts the sessions and links that were ended.
    DatabaseRestored,
}

/// An entry in the event log. Entries never change; old ones are removed after the configured
/// retention period.
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

    /// When it happened.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.0.row.created_at.into()
    }

    /// What happened; null if a newer version of the server recorded it (see `actionCode`).
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn action(&self) -> Option<EventAction> {
        self.0.action.map(Into::into)
    }

    /// What happened, as the stored code, such as "user.invited".
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn action_code(&self) -> &str {
        &self.0.row.action
    }

    /// The user who did it; null for the server itself, for someone who was not signed in, and for
    /// a user who has been deleted.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::find(ctx, self.0.row.actor_id).await
    }

    /// What the actor was called at the time: an e-mail address, "server" or "anonymous".
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn actor_label(&self) -> &str {
        &self.0.row.actor_label
    }

    /// The ID of the session in which it was done; null outside of any session.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn session_id(&self) -> Option<ID> {
        self.0.row.session_id.map(ids::encode)
    }

    /// The IP address that the request came from.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn ip_address(&self) -> Option<&str> {
        self.0.row.ip_address.as_deref()
    }

    /// The ID of the user, role, session or e-mail that was affected, which may no longer exist;
    /// null if there is none.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn subject_id(&self) -> Option<ID> {
        ids::encode_as(&self.0.row.subject_type, self.0.row.subject_id?)
    }

    /// What the affected object was called at the time.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn subject_label(&self) -> &str {
        &self.0.row.subject_label
    }

    /// The fields that changed, with their values before and after. Never contains a secret.
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
    /// The field's name in this API.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    field: String,
    /// The previous value; null if there was none.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    before: Option<String>,
    /// The new value; null if it was removed.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    after: Option<String>,
}

connection! {
    /// A page of events.
    EventConnection, EventEdge of Event; events::count where events::EventFilter
}
