//! The API for the event log.

use async_graphql::{Context, Enum, Object, Result};

use super::guard::{Requires, requires};
use super::limits::page_complexity;
use super::page::{PageArguments, default_first};
use crate::domain::applications::EVENT_LOG_VIEW;
use crate::domain::events::Action;

mod listing;
mod object;

pub use listing::{EventConnection, EventFilter, events_page};
pub use object::Event;

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
