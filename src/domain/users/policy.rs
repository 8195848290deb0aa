//! What one user may do to another. The mutations apply these rules, and `viewerCan` tells a front
//! end in advance what they would say.

use entity::{UserId, invitation, revision, user};
use sea_orm::{ColumnTrait, QueryFilter};

use super::User;
use crate::database::{Source, Transaction};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::{Permission, USERS_CREATE, USERS_DELETE, USERS_UPDATE};
use crate::domain::change::Change;
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::invitations::newest::newest_of;
use crate::domain::rights::Rights;
use crate::domain::{revisions, roles};

/// What can be done to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserAction {
    /// Change their address or names.
    Update,
    /// Change their roles.
    AssignRoles,
    /// Reactivate them.
    Activate,
    /// Deactivate them.
    Deactivate,
    /// Delete them.
    Delete,
    /// End all of their sessions.
    EndSessions,
    /// Send them a link for choosing a new password.
    SendPasswordReset,
    /// Send them a new link.
    ResendInvitation,
    /// Revoke their open invitation.
    RevokeInvitation,
}

impl UserAction {
    /// The permission that it requires, whoever it is done to.
    pub fn permission(self) -> Permission {
        match self {
            Self::Update
            | Self::AssignRoles
            | Self::Activate
            | Self::Deactivate
            | Self::EndSessions
            | Self::SendPasswordReset => USERS_UPDATE,
            Self::Delete => USERS_DELETE,
            Self::ResendInvitation | Self::RevokeInvitation => USERS_CREATE,
        }
    }

    /// The name of the input that says which user.
    fn input(self) -> &'static str {
        match self {
            Self::Update | Self::AssignRoles | Self::Activate | Self::Deactivate | Self::Delete => {
                "id"
            }
            Self::EndSessions
            | Self::SendPasswordReset
            | Self::ResendInvitation
            | Self::RevokeInvitation => "userId",
        }
    }

    /// If users cannot do it to their own account: what they can do instead.
    fn instead_of_own(self) -> Option<&'static str> {
        match self {
            Self::AssignRoles | Self::Deactivate | Self::Delete => {
                Some("You cannot do this to your own account. Ask another administrator.")
            }
            Self::EndSessions => Some(
                "You cannot do this to your own account. Use revokeOtherSessions to end your other sessions.",
            ),
            Self::Update
            | Self::Activate
            | Self::SendPasswordReset
            | Self::ResendInvitation
            | Self::RevokeInvitation => None,
        }
    }
}

/// The user, if the actor may do this to them. Who the actor is, is read again; both rows stay locked
/// until the change is made.
///
/// # Errors
///
/// Those of [`Change::confirm`] and [`check`]; [`Invalid`](UserErrorCode::Invalid) if there is no ID, and
/// [`NotFound`](UserErrorCode::NotFound).
pub async fn find_for(
    change: &mut Change<'_>,
    id: Option<UserId>,
    action: UserAction,
) -> Result<User> {
    change.confirm_and_lock(id).await?;
    let id = id.ok_or_else(|| {
        let message = "This is not the ID of a user.";
        refused(action, UserErrorCode::Invalid, message)
    })?;
    let (app, db) = (change.app(), change.db());
    let user = super::find_locked(app, db, id).await?;
    let user =
        user.ok_or_else(|| refused(action, UserErrorCode::NotFound, "There is no such user."))?;
    check(app, db, change.actor(), &user, action).await?;
    Ok(user)
}

/// Checks that the actor may do this to the user now.
///
/// # Errors
///
/// The missing permission; otherwise the reason, as an error of the action's input. Whether the last
/// administrator would lose the role is checked where the new roles are known, see
/// [`must_leave_an_administrator`].
pub async fn check(
    app: &App,
    db: &impl Source,
    actor: &Actor,
    target: &User,
    action: UserAction,
) -> Result<()> {
    actor.must_hold(&action.permission())?;
    let is_own = actor.user_id() == Some(target.row.id);
    if is_own && let Some(instead) = action.instead_of_own() {
        return Err(refused(action, UserErrorCode::OwnAccount, instead));
    }
    let rights = roles::union(&roles::by_ids_in(app, db, &target.role_ids).await?);
    must_cover(actor, &rights, action)?;
    in_the_right_state(app, db, target, action).await?;
    if matches!(action, UserAction::Deactivate | UserAction::Delete) {
        must_leave_an_administrator(app, db, target, action).await?;
    }
    Ok(())
}

/// Checks that the actor has all of the rights of whoever they do this to.
///
/// # Errors
///
/// [`ExceedsOwnPermissions`](UserErrorCode::ExceedsOwnPermissions), as an error of the action's input.
pub fn must_cover(actor: &Actor, rights: &Rights, action: UserAction) -> Result<()> {
    if actor.covers(rights) {
        return Ok(());
    }
    let message = "This user has permissions that you do not have.";
    let code = UserErrorCode::ExceedsOwnPermissions;
    Err(refused(action, code, message))
}

/// Whether [`check`] would succeed, for front ends.
pub async fn may(app: &App, actor: &Actor, target: &User, action: UserAction) -> Result<bool> {
    match check(app, app.db.read(), actor, target, action).await {
        Ok(()) => Ok(true),
        Err(Error::Internal(cause)) => Err(Error::Internal(cause)),
        Err(_) => Ok(false),
    }
}

fn refused(action: UserAction, code: UserErrorCode, message: &str) -> Error {
    UserError::new(code, action.input(), message).into()
}

async fn in_the_right_state(
    app: &App,
    db: &impl Source,
    target: &User,
    action: UserAction,
) -> Result<()> {
    let status = target.row.status();
    let (is_right, message) = match action {
        UserAction::Update | UserAction::AssignRoles | UserAction::Delete => return Ok(()),
        UserAction::Activate => (
            status == user::Status::Deactivated,
            "This user is not deactivated.",
        ),
        UserAction::Deactivate => (
            status != user::Status::Deactivated,
            "This user is already deactivated.",
        ),
        UserAction::EndSessions => (
            status == user::Status::Active,
            "Only active users have sessions.",
        ),
        UserAction::SendPasswordReset => (
            status == user::Status::Active,
            "Only active users can be sent a password reset.",
        ),
        UserAction::ResendInvitation => (
            status == user::Status::Invited,
            "Only users who have not signed up yet can be sent a new invitation.",
        ),
        UserAction::RevokeInvitation => (
            status == user::Status::Invited && has_open_invitation(app, db, target.row.id).await?,
            "This user has no pending invitation.",
        ),
    };
    if is_right {
        Ok(())
    } else {
        Err(refused(action, UserErrorCode::WrongState, message))
    }
}

async fn has_open_invitation(app: &App, db: &impl Source, user: UserId) -> Result<bool> {
    let newest = newest_of(app, db, &[user]).await?.pop();
    Ok(newest.is_some_and(|newest| newest.status(app.clock.now()) == invitation::Status::Pending))
}

/// Checks that an active administrator remains if this user ceases to be one.
pub async fn must_leave_an_administrator(
    app: &App,
    db: &impl Source,
    target: &User,
    action: UserAction,
) -> Result<()> {
    let held = roles::by_ids_in(app, db, &target.role_ids).await?;
    let is_administrator = held.iter().any(|role| role.row.is_protected);
    if !is_administrator || target.row.status() != user::Status::Active {
        return Ok(());
    }
    let others = super::active_administrators().filter(user::Column::Id.ne(target.row.id));
    match app.db.count(db, others).await? {
        0 => Err(refused(
            action,
            UserErrorCode::LastAdministrator,
            "This is the last active administrator.",
        )),
        _ => Ok(()),
    }
}

/// Whatever may remove an administrator holds this lock until it is committed: if two requests
/// would each leave only the administrator that the other one removes, the second sees what the
/// first has done.
pub async fn lock_administrators(transaction: &Transaction) -> Result<()> {
    revisions::count_change(transaction, revision::ADMINISTRATORS).await
}
