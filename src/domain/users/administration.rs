//! What administrators do with users, and users with their own profiles.

use std::sync::Arc;

use entity::email::Priority;
use entity::{RoleId, SessionId, Timestamp, UserId, user, user_role};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::policy::{self, UserAction};
use super::{DerivedColumns, RoleChoice, User, UserFilter, listing};
use crate::database::{Write, is_duplicate, update_row};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::change::{self, Change};
use crate::domain::effects::Effects;
use crate::domain::emails::{NewEmail, Purpose};
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{Action, Changes};
use crate::domain::patch::{Patch, must_be_unchanged};
use crate::domain::{
    EmailAddress, email_address, invitations, password_resets, roles, sessions, throttle,
};
use crate::email_templates::{EmailTemplate, NewPasswordReason};

/// The changes to make to a user. `None` stands for an ID that is not a user's, or not a role's.
#[derive(Clone, Debug)]
pub struct UserChange {
    /// Whom to change; the values are checked once they are found.
    pub id: Option<UserId>,
    /// As typed; refused if somebody else has it.
    pub email: Patch<String>,
    /// As typed; may be empty.
    pub first_name: Patch<String>,
    /// As typed; may be empty.
    pub last_name: Patch<String>,
    /// The roles that the user is to hold.
    pub roles: RoleChoice,
    /// When the caller knows the user to have changed last; nothing, if it does not matter.
    pub expected_updated_at: Option<Timestamp>,
    /// Whether it is only told what the change would come to.
    pub is_dry_run: bool,
}

/// A user who was changed, or would be.
#[derive(Debug)]
pub struct Updated {
    /// As they are after the change.
    pub user: User,
    /// What the change comes to.
    pub effects: Effects,
}

/// Changes a user's address, names or roles. With a new address, somebody who has a password is
/// notified at the old one; their sessions end and their password becomes void, and they choose a new
/// one with a link that is sent to the new address: whoever knew the password need not be whoever the
/// address belongs to.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::Update`], and of [`policy::check`] for
/// [`UserAction::AssignRoles`] if roles are given; errors for the values;
/// [`OwnAccount`](UserErrorCode::OwnAccount) for the actor's own address;
/// [`LastAdministrator`](UserErrorCode::LastAdministrator); and those of [`Change::queue`].
pub async fn update(app: &App, actor: &Actor, input: UserChange) -> Result<Updated> {
    let input = &input;
    change::make(app, actor, |mut change| async move {
        let updated = update_in(&mut change, input).await?;
        if input.is_dry_run {
            return change.abandon(updated).await;
        }
        change.commit(updated).await
    })
    .await
}

async fn update_in(change: &mut Change<'_>, input: &UserChange) -> Result<Updated> {
    let assigns_roles = input.roles.is_asked_for();
    if assigns_roles {
        policy::lock_administrators(change.db()).await?;
    }
    let user = policy::find_for(change, input.id, UserAction::Update).await?;
    if assigns_roles {
        let (app, actor) = (change.app(), change.actor());
        policy::check(app, change.db(), actor, &user, UserAction::AssignRoles).await?;
    }

    must_be_unchanged(user.row.updated_at, input.expected_updated_at, "user")?;

    let mut errors = UserErrors::default();
    let email = errors.check(email_after(&user, &input.email));
    let (first_name, last_name) = names_after(&user, &input.first_name, &input.last_name);
    let (first_name, last_name) = (errors.check(first_name), errors.check(last_name));
    let role_ids = errors.check_all(input.roles.after(change, &user).await)?;
    if let Some(email) = &email
        && is_somebody_elses(change, email, user.row.id).await?
    {
        errors.push(super::email_taken());
    }
    let address_changes = email
        .as_ref()
        .is_some_and(|email| email.normal() != user.row.email_normal);
    // Otherwise, an unattended session could be used to take over the account by a password reset.
    if address_changes && change.actor().user_id() == Some(user.row.id) {
        errors.push(UserError::new(
            UserErrorCode::OwnAccount,
            "email",
            "You cannot change your own e-mail address. Ask another administrator to change it.",
        ));
    }
    let (email, first_name, last_name, role_ids) =
        errors.finish((email, first_name, last_name, role_ids))?;

    if address_changes {
        // The links were sent to an address that is no longer theirs.
        end_links(change, user.row.id).await?;
        notify_old_address(change, &user).await?;
    }
    if assigns_roles {
        let replaced = replace_roles(change, &user, &role_ids).await;
        replaced.map_err(|error| input.roles.explain(error))?;
    }
    let mut changed = User {
        row: rename(change, &user, &email, first_name, last_name).await?,
        role_ids,
    };
    let changes = changes(change, &user, &changed).await?;
    if !changes.is_empty() {
        change
            .record_with(Action::UserUpdated, &changed, changes)
            .await?;
    }
    let (app, db) = (change.app(), change.db());
    let before = roles::granted_by(app, db, &user.role_ids).await?;
    let after = roles::granted_by(app, db, &changed.role_ids).await?;
    let mut effects = Effects {
        users: 1,
        ..Effects::between(&before, &after)
    };
    if address_changes && user.row.password_hash.is_some() {
        effects.sessions_ended = sessions::count_of(app, db, user.row.id).await?;
        let administrator = &change.actor().signed_in()?.user.display_name();
        let reason = NewPasswordReason::NewAddress { administrator };
        password_resets::require_new_password(change, &mut changed, reason).await?;
    }
    if !before.cover(&after) {
        effects.invitations_renewed = invitations::renew(change, &[user.row.id]).await?;
    }
    let user = changed;
    Ok(Updated { user, effects })
}

/// Notifies a user who has a password that their address is being changed, in case it should not be:
/// whoever reads e-mails to the new one can reset the password.
async fn notify_old_address(change: &Change<'_>, user: &User) -> Result<()> {
    if user.row.password_hash.is_none() {
        return Ok(());
    }
    let notice = NewEmail {
        template: EmailTemplate::EmailChanged {
            recipient: &user.display_name(),
            changed_at: change.app().clock.now(),
            administrator: &change.actor().signed_in()?.user.display_name(),
        },
        to: &user.address(),
        priority: Priority::High,
        secret_link: None,
        purpose: Purpose::None,
        expires_at: None,
    };
    change.queue(notice).await.map(drop)
}

/// Changes the actor's own names.
///
/// # Errors
///
/// For `firstName` and `lastName`: too long, invalid; and those of [`throttle::limits::own_change`].
pub async fn update_profile(
    app: &App,
    actor: &Actor,
    first_name: Patch<String>,
    last_name: Patch<String>,
) -> Result<User> {
    let own = actor.signed_in()?.user.row.id;
    let (first_name, last_name) = (&first_name, &last_name);
    change::make(app, actor, |mut change| async move {
        change.confirm_and_lock(Some(own)).await?;
        let user = super::find_locked(app, change.db(), own)
            .await?
            .ok_or(Error::Unauthenticated)?;
        let mut errors = UserErrors::default();
        let (first_name, last_name) = names_after(&user, first_name, last_name);
        let (first_name, last_name) = (errors.check(first_name), errors.check(last_name));
        let (first_name, last_name) = errors.finish((first_name, last_name))?;
        let changed = User {
            row: rename(&change, &user, &user.address(), first_name, last_name).await?,
            role_ids: user.role_ids.clone(),
        };
        let changes = changes(&change, &user, &changed).await?;
        if !changes.is_empty() {
            throttle::limits::own_change(app, change.db(), own).await?;
            change
                .record_with(Action::ProfileUpdated, &changed, changes)
                .await?;
        }
        change.commit(changed).await
    })
    .await
}

/// Which user is meant.
#[derive(Clone, Debug)]
pub struct Meant {
    /// Their ID; `None` stands for one that is not a user's.
    pub id: Option<UserId>,
    /// What has to be so of them still, if they were chosen by that.
    pub only_if: Option<Arc<UserFilter>>,
}

impl From<Option<UserId>> for Meant {
    fn from(id: Option<UserId>) -> Self {
        Self { id, only_if: None }
    }
}

impl Meant {
    /// The user, as [`policy::find_for`] does it.
    ///
    /// # Errors
    ///
    /// Its errors, and [`WrongState`](UserErrorCode::WrongState) for somebody who is no longer as they were.
    pub(super) async fn find_for(
        &self,
        change: &mut Change<'_>,
        action: UserAction,
    ) -> Result<User> {
        let user = policy::find_for(change, self.id, action).await?;
        let (app, db) = (change.app(), change.db());
        if let Some(filter) = &self.only_if
            && !listing::does_match(app, db, filter, user.row.id).await?
        {
            let message = "This user no longer matches the filter.";
            return Err(UserError::new(UserErrorCode::WrongState, "id", message).into());
        }
        Ok(user)
    }
}

/// Reactivates a deactivated user, who becomes active, or invited if they have no password yet. One who is
/// not deactivated stays as they are.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::Activate`], and for a user who is no longer as they were
/// meant.
pub async fn activate(app: &App, actor: &Actor, meant: Meant) -> Result<User> {
    let meant = &meant;
    change::make(app, actor, |mut change| async move {
        let mut user = meant.find_for(&mut change, UserAction::Activate).await?;
        if user.row.status() == user::Status::Deactivated {
            user.row = set_deactivated_at(&change, user.row, None).await?;
            change.record(Action::UserActivated, &user).await?;
        }
        change.commit(user).await
    })
    .await
}

async fn set_deactivated_at(
    change: &Change<'_>,
    user: user::Model,
    time: Option<Timestamp>,
) -> Result<user::Model> {
    let changed = user::ActiveModel {
        deactivated_at: Set(time),
        updated_at: Set(change.app().clock.now()),
        ..user.into()
    };
    Ok(update_row(change.db(), changed).await?)
}

/// Deactivates a user: their sessions and open links stop working at once, on every server. One who is
/// deactivated already stays as they are.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::Deactivate`], and for a user who is no longer as they were
/// meant.
pub async fn deactivate(app: &App, actor: &Actor, meant: Meant) -> Result<User> {
    let meant = &meant;
    change::make(app, actor, |mut change| async move {
        policy::lock_administrators(change.db()).await?;
        let mut user = meant.find_for(&mut change, UserAction::Deactivate).await?;
        if user.row.status() != user::Status::Deactivated {
            user.row = set_deactivated_at(&change, user.row, Some(app.clock.now())).await?;
            end_sessions_and_links(&change, user.row.id).await?;
            change.record(Action::UserDeactivated, &user).await?;
        }
        change.commit(user).await
    })
    .await
}

/// Ends all sessions of a user, or only one; they can sign in again. Returns the user, and how many they were.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::EndSessions`].
pub async fn end_sessions(
    app: &App,
    actor: &Actor,
    id: Option<UserId>,
    only: Option<SessionId>,
) -> Result<(User, u64)> {
    change::make(app, actor, |mut change| async move {
        let user = policy::find_for(&mut change, id, UserAction::EndSessions).await?;
        let ended = match only {
            Some(session) => sessions::end_one_of(change.db(), user.row.id, session).await?,
            None => sessions::end_all_of(change.db(), user.row.id, None).await?,
        };
        if ended > 0 {
            change.record(Action::UserSessionsEnded, &user).await?;
        }
        change.commit((user, ended)).await
    })
    .await
}

pub(super) async fn end_sessions_and_links(change: &Change<'_>, user: UserId) -> Result<()> {
    sessions::end_all_of(change.db(), user, None).await?;
    end_links(change, user).await
}

/// Revokes every link that was sent to the user.
async fn end_links(change: &Change<'_>, user: UserId) -> Result<()> {
    password_resets::revoke_open(change, user).await?;
    invitations::revoke_open(change, user).await
}

fn email_after(user: &User, email: &Patch<String>) -> std::result::Result<EmailAddress, UserError> {
    match email {
        Patch::Keep => Ok(user.address()),
        Patch::Clear => email_address::read("email", ""),
        Patch::Set(typed) => email_address::read("email", typed),
    }
}

/// The first and the last name after a change.
fn names_after(
    user: &User,
    first_name: &Patch<String>,
    last_name: &Patch<String>,
) -> (
    std::result::Result<String, UserError>,
    std::result::Result<String, UserError>,
) {
    let (first, last) = (&user.row.first_name, &user.row.last_name);
    (
        first_name.over(first, |typed| super::name("firstName", typed)),
        last_name.over(last, |typed| super::name("lastName", typed)),
    )
}

async fn is_somebody_elses(change: &Change<'_>, email: &EmailAddress, own: UserId) -> Result<bool> {
    let owner = super::find_by_email(change.app(), change.db(), email.normal()).await?;
    Ok(owner.is_some_and(|owner| owner.row.id != own))
}

async fn replace_roles(change: &Change<'_>, user: &User, role_ids: &[RoleId]) -> Result<()> {
    let kept = roles::by_ids_in(change.app(), change.db(), role_ids).await?;
    if !kept.iter().any(|role| role.row.is_protected) {
        let action = UserAction::AssignRoles;
        policy::must_leave_an_administrator(change.app(), change.db(), user, action).await?;
    }
    // What stays is not touched: somebody may be changing those roles.
    let missing = |ids: &[RoleId], others: &[RoleId]| -> Vec<RoleId> {
        let missing = ids.iter().filter(|id| !others.contains(id));
        missing.copied().collect()
    };
    let lost = missing(&user.role_ids, role_ids);
    user_role::Entity::delete_many()
        .filter(user_role::Column::UserId.eq(user.row.id))
        .filter(user_role::Column::RoleId.is_in(lost))
        .write(change.db())
        .await?;
    let gained = missing(role_ids, &user.role_ids);
    roles::assign(change, user.row.id, &gained).await?;
    Ok(())
}

/// Stores address and names, and the columns that are derived from them.
async fn rename(
    change: &Change<'_>,
    user: &User,
    email: &EmailAddress,
    first_name: String,
    last_name: String,
) -> Result<user::Model> {
    let derived = DerivedColumns::of(email, &first_name, &last_name);
    let changed = user::ActiveModel {
        email: Set(email.as_typed().to_owned()),
        email_normal: Set(email.normal().to_owned()),
        first_name: Set(first_name),
        last_name: Set(last_name),
        name_key: Set(derived.name_key),
        search_text: Set(derived.search_text),
        updated_at: Set(change.app().clock.now()),
        ..user.row.clone().into()
    };
    update_row(change.db(), changed).await.map_err(|error| {
        if is_duplicate(&error) {
            // Somebody else took this address a moment ago.
            super::email_taken().into()
        } else {
            error.into()
        }
    })
}

async fn changes(change: &Change<'_>, before: &User, after: &User) -> Result<Changes> {
    let mut ids = before.role_ids.clone();
    ids.extend(&after.role_ids);
    let known = roles::by_ids_in(change.app(), change.db(), &ids).await?;
    Ok(Changes::none()
        .field("email", before.row.email.clone(), after.row.email.clone())
        .field(
            "firstName",
            before.row.first_name.clone(),
            after.row.first_name.clone(),
        )
        .field(
            "lastName",
            before.row.last_name.clone(),
            after.row.last_name.clone(),
        )
        .list(
            "roles",
            &roles::names(&known, &before.role_ids),
            &roles::names(&known, &after.role_ids),
        ))
}
