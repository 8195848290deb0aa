//! What one user may do to another. The mutations apply these rules, and `viewerCan` tells a front
//! end in advance what they would say.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use entity::{RoleId, UserId, invitation, revision, user};
use sea_orm::QuerySelect;

use super::User;
use crate::database::{Source, Transaction};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::{Permission, USERS_CREATE, USERS_DELETE, USERS_UPDATE};
use crate::domain::change::Change;
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::invitations::newest::newest_of;
use crate::domain::revisions;
use crate::domain::rights::Rights;
use crate::domain::roles::{self, Role};

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
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Update,
        Self::AssignRoles,
        Self::Activate,
        Self::Deactivate,
        Self::Delete,
        Self::EndSessions,
        Self::SendPasswordReset,
        Self::ResendInvitation,
        Self::RevokeInvitation,
    ];

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

    /// Whether there is anything to do: it succeeds as well where the wish is fulfilled already.
    pub fn would_change(self, target: &User) -> bool {
        let is_deactivated = target.row.status() == user::Status::Deactivated;
        match self {
            Self::Activate => is_deactivated,
            Self::Deactivate => !is_deactivated,
            _ => true,
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
/// Those of [`Standing::allows`].
pub async fn check(
    app: &App,
    db: &impl Source,
    actor: &Actor,
    target: &User,
    action: UserAction,
) -> Result<()> {
    let standing = Standing::of(app, db, target, action).await?;
    standing.allows(actor, target, action)
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

/// What the rules go by besides the user's own row.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What their roles grant together.
    rights: Rights,
    has_pending_invitation: bool,
    /// Whether no active administrator remains without them.
    is_last_administrator: bool,
}

impl Standing {
    /// The standing of one user, so far as this action depends on it.
    async fn of(app: &App, db: &impl Source, user: &User, action: UserAction) -> Result<Self> {
        let standing = Self::of_all(app, db, [user], &[action]).await?;
        let standing = standing.into_values().next();
        standing.ok_or_else(|| Error::internal("a user without a standing"))
    }

    /// The standing of each of these users, so far as these actions depend on it: at most one query each
    /// for roles, invitations and administrators.
    pub async fn of_all<'u>(
        app: &App,
        db: &impl Source,
        users: impl IntoIterator<Item = &'u User> + Clone,
        actions: &[UserAction],
    ) -> Result<HashMap<UserId, Self>> {
        let all = || users.clone().into_iter();
        let role_ids: BTreeSet<RoleId> = all().flat_map(|user| user.role_ids.clone()).collect();
        let role_ids: Vec<RoleId> = role_ids.into_iter().collect();
        let held: HashMap<RoleId, Arc<Role>> = (roles::by_ids_in(app, db, &role_ids).await?)
            .into_iter()
            .map(|role| (role.row.id, role))
            .collect();
        let held_by = |user: &User| {
            let ids = user.role_ids.iter();
            ids.filter_map(|id| held.get(id)).collect::<Vec<_>>()
        };
        let is_administrator = |user: &User| {
            user.row.status() == user::Status::Active
                && held_by(user).iter().any(|role| role.row.is_protected)
        };

        let depends = |on: &[UserAction]| actions.iter().any(|action| on.contains(action));
        let invited: Vec<UserId> = all()
            .filter(|_| depends(&[UserAction::RevokeInvitation]))
            .filter(|user| user.row.status() == user::Status::Invited)
            .map(|user| user.row.id)
            .collect();
        let newest = if invited.is_empty() {
            Vec::new()
        } else {
            newest_of(app, db, &invited).await?
        };
        let now = app.clock.now();
        let is_pending = |user: &User| {
            let mut newest = newest.iter().filter(|newest| newest.user_id == user.row.id);
            newest.any(|newest| newest.status(now) == invitation::Status::Pending)
        };

        let may_end = [
            UserAction::Deactivate,
            UserAction::Delete,
            UserAction::AssignRoles,
        ];
        let administrators = if depends(&may_end) && all().any(is_administrator) {
            two_active_administrators(app, db).await?
        } else {
            Vec::new()
        };
        let standing = all().map(|user| {
            let standing = Self {
                rights: roles::union(held_by(user)),
                has_pending_invitation: is_pending(user),
                is_last_administrator: is_administrator(user)
                    && !administrators.iter().any(|id| *id != user.row.id),
            };
            (user.row.id, standing)
        });
        Ok(standing.collect())
    }

    /// Checks that the actor may do this to the user, whose standing this is.
    ///
    /// # Errors
    ///
    /// The missing permission; otherwise the reason, as an error of the action's input. Whether the last
    /// administrator would lose the role is checked where the new roles are known, see
    /// [`must_leave_an_administrator`].
    pub fn allows(&self, actor: &Actor, target: &User, action: UserAction) -> Result<()> {
        actor.must_hold(&action.permission())?;
        let is_own = actor.user_id() == Some(target.row.id);
        if is_own && let Some(instead) = action.instead_of_own() {
            return Err(refused(action, UserErrorCode::OwnAccount, instead));
        }
        must_cover(actor, &self.rights, action)?;
        self.is_in_the_right_state(target, action)?;
        if matches!(action, UserAction::Deactivate | UserAction::Delete) {
            self.leaves_an_administrator(action)?;
        }
        Ok(())
    }

    fn is_in_the_right_state(&self, target: &User, action: UserAction) -> Result<()> {
        let status = target.row.status();
        let (is_right, message) = match action {
            UserAction::Update | UserAction::AssignRoles | UserAction::Delete => return Ok(()),
            // The wish is fulfilled already.
            UserAction::Activate | UserAction::Deactivate => return Ok(()),
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
                status == user::Status::Invited && self.has_pending_invitation,
                "This user has no pending invitation.",
            ),
        };
        if is_right {
            Ok(())
        } else {
            Err(refused(action, UserErrorCode::WrongState, message))
        }
    }

    fn leaves_an_administrator(&self, action: UserAction) -> Result<()> {
        if self.is_last_administrator {
            let message = "This is the last active administrator.";
            return Err(refused(action, UserErrorCode::LastAdministrator, message));
        }
        Ok(())
    }
}

/// Two are enough to know whether there is another.
async fn two_active_administrators(app: &App, db: &impl Source) -> Result<Vec<UserId>> {
    let some = super::active_administrators()
        .select_only()
        .column(user::Column::Id)
        .limit(2);
    Ok(app.db.values(db, some).await?)
}

fn refused(action: UserAction, code: UserErrorCode, message: &str) -> Error {
    UserError::new(code, action.input(), message).into()
}

/// Checks that an active administrator remains if this user ceases to be one.
///
/// # Errors
///
/// [`LastAdministrator`](UserErrorCode::LastAdministrator), of the action's input.
pub async fn must_leave_an_administrator(
    app: &App,
    db: &impl Source,
    target: &User,
    action: UserAction,
) -> Result<()> {
    let standing = Standing::of(app, db, target, action).await?;
    standing.leaves_an_administrator(action)
}

/// Whatever may remove an administrator holds this lock until it is committed: if two requests
/// would each leave only the administrator that the other one removes, the second sees what the
/// first has done.
pub async fn lock_administrators(transaction: &Transaction) -> Result<()> {
    revisions::count_change(transaction, revision::ADMINISTRATORS).await
}
