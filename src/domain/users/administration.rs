//! What administrators do with users, and users with their own profiles.

use entity::email::Priority;
use entity::{RoleId, UserId, user, user_role};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set, SqlErr,
};

use super::policy::{self, UserAction};
use super::{DerivedColumns, User};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::emails::{self, NewEmail, Purpose, Queued};
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{self, Action, Changes};
use crate::domain::patch::Patch;
use crate::domain::{
    EmailAddress, email_address, invitations, password_resets, roles, sessions, throttle,
};
use crate::letters::{Letter, NewPasswordReason};

/// The changes to make to a user. `None` stands for an ID that is not a user's, or not a role's.
#[derive(Clone, Debug)]
pub struct UserChange {
    /// The user.
    pub id: Option<UserId>,
    /// The e-mail address.
    pub email: Patch<String>,
    /// The first name.
    pub first_name: Patch<String>,
    /// The last name.
    pub last_name: Patch<String>,
    /// All roles that the user is to hold.
    pub role_ids: Patch<Vec<Option<RoleId>>>,
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
/// [`LastAdministrator`](UserErrorCode::LastAdministrator); and those of [`emails::queue`].
pub async fn update(app: &App, actor: &Actor, change: UserChange) -> Result<User> {
    let transaction = app.db.begin().await?;
    let assigns_roles = change.role_ids.is_asked_for();
    if assigns_roles {
        policy::lock_administrators(&transaction).await?;
    }
    let (ref actor, user) =
        policy::find_for(app, &transaction, actor, change.id, UserAction::Update).await?;
    if assigns_roles {
        policy::check(app, &transaction, actor, &user, UserAction::AssignRoles).await?;
    }

    let mut errors = UserErrors::default();
    let email = errors.check(email_after(&user, change.email));
    let (first_name, last_name) = names_after(&user, change.first_name, change.last_name);
    let (first_name, last_name) = (errors.check(first_name), errors.check(last_name));
    let role_ids =
        errors.check_all(roles_after(app, &transaction, actor, &user, change.role_ids).await?);
    if let Some(email) = &email
        && is_somebody_elses(app, &transaction, email, user.row.id).await?
    {
        errors.push(super::email_taken());
    }
    let address_changes = email
        .as_ref()
        .is_some_and(|email| email.normal() != user.row.email_normal);
    // Otherwise, an unattended session could be used to take over the account by a password reset.
    if address_changes && actor.user_id() == Some(user.row.id) {
        errors.push(UserError::new(
            UserErrorCode::OwnAccount,
            "email",
            "You cannot change your own e-mail address. Ask another administrator to change it.",
        ));
    }
    let (((email, first_name), last_name), role_ids) =
        errors.finish(email.zip(first_name).zip(last_name).zip(role_ids))?;

    let mut letters = Vec::new();
    if address_changes {
        // The links were sent to an address that is no longer theirs.
        end_links(app, &transaction, user.row.id).await?;
        letters.extend(notify_old_address(app, &transaction, actor, &user).await?);
    }
    if assigns_roles {
        replace_roles(app, &transaction, actor, &user, &role_ids).await?;
    }
    let mut changed = User {
        row: rename(app, &transaction, &user, &email, first_name, last_name).await?,
        role_ids,
    };
    let changes = changes(app, &transaction, &user, &changed).await?;
    if !changes.is_empty() {
        events::record(
            app,
            &transaction,
            actor,
            Action::UserUpdated,
            &changed,
            changes,
        )
        .await?;
    }
    if address_changes && user.row.password_hash.is_some() {
        let administrator = &actor.signed_in()?.user.display_name();
        let reason = NewPasswordReason::NewAddress { administrator };
        let required =
            password_resets::require_new_password(app, &transaction, actor, &mut changed, reason);
        letters.extend(required.await?.map(|required| required.letter));
    }
    if rises(app, &transaction, &user, &changed).await? {
        letters.extend(invitations::renew(app, actor, &transaction, &[user.row.id]).await?);
    }
    transaction.commit().await?;
    for letter in letters {
        letter.announce(app);
    }
    Ok(changed)
}

/// Whether the user's roles grant more than before.
async fn rises(
    app: &App,
    transaction: &DatabaseTransaction,
    before: &User,
    after: &User,
) -> Result<bool> {
    let granted = async |user: &User| -> Result<_> {
        let held = roles::by_ids_in(app, transaction, &user.role_ids).await?;
        Ok(roles::union(&held))
    };
    Ok(!granted(before).await?.cover(&granted(after).await?))
}

/// Notifies a user who has a password that their address is being changed, in case it should not be:
/// whoever reads e-mails to the new one can reset the password.
async fn notify_old_address(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    user: &User,
) -> Result<Option<Queued>> {
    if user.row.password_hash.is_none() {
        return Ok(None);
    }
    let notice = NewEmail {
        letter: Letter::EmailChanged {
            recipient: &user.display_name(),
            changed_at: app.clock.now(),
            administrator: &actor.signed_in()?.user.display_name(),
        },
        to: &user.address(),
        priority: Priority::High,
        secret_link: None,
        purpose: Purpose::None,
        expires_at: None,
    };
    emails::queue(app, transaction, actor, notice)
        .await
        .map(Some)
}

/// Changes the actor's own names.
///
/// # Errors
///
/// For `firstName` and `lastName`: too long, invalid; and those of [`throttle::own_change`].
pub async fn update_profile(
    app: &App,
    actor: &Actor,
    first_name: Patch<String>,
    last_name: Patch<String>,
) -> Result<User> {
    let own = actor.signed_in()?.user.row.id;
    let transaction = app.db.begin().await?;
    let actor = &sessions::confirm(app, &transaction, actor).await?;
    let user = super::find_locked(app, &transaction, own)
        .await?
        .ok_or(Error::Unauthenticated)?;
    let mut errors = UserErrors::default();
    let (first_name, last_name) = names_after(&user, first_name, last_name);
    let (first_name, last_name) = (errors.check(first_name), errors.check(last_name));
    let (first_name, last_name) = errors.finish(first_name.zip(last_name))?;
    let email = user.address();
    let changed = User {
        row: rename(app, &transaction, &user, &email, first_name, last_name).await?,
        role_ids: user.role_ids.clone(),
    };
    let changes = changes(app, &transaction, &user, &changed).await?;
    if !changes.is_empty() {
        throttle::own_change(app, &transaction, own).await?;
        events::record(
            app,
            &transaction,
            actor,
            Action::ProfileUpdated,
            &changed,
            changes,
        )
        .await?;
    }
    transaction.commit().await?;
    Ok(changed)
}

/// Reactivates a deactivated user, who becomes active, or invited if they have no password yet.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::Activate`].
pub async fn activate(app: &App, actor: &Actor, id: Option<UserId>) -> Result<User> {
    let transaction = app.db.begin().await?;
    let (ref actor, mut user) =
        policy::find_for(app, &transaction, actor, id, UserAction::Activate).await?;
    user.row = user::ActiveModel {
        id: Set(user.row.id),
        deactivated_at: Set(None),
        updated_at: Set(app.clock.now()),
        ..Default::default()
    }
    .update(&transaction)
    .await?;
    let action = Action::UserActivated;
    events::record(app, &transaction, actor, action, &user, Changes::none()).await?;
    transaction.commit().await?;
    Ok(user)
}

/// Deactivates a user: their sessions and open links stop working at once, on every server.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::Deactivate`].
pub async fn deactivate(app: &App, actor: &Actor, id: Option<UserId>) -> Result<User> {
    let transaction = app.db.begin().await?;
    policy::lock_administrators(&transaction).await?;
    let (ref actor, mut user) =
        policy::find_for(app, &transaction, actor, id, UserAction::Deactivate).await?;
    let now = app.clock.now();
    user.row = user::ActiveModel {
        id: Set(user.row.id),
        deactivated_at: Set(Some(now)),
        updated_at: Set(now),
        ..Default::default()
    }
    .update(&transaction)
    .await?;
    end_sessions_and_links(app, &transaction, user.row.id).await?;
    let action = Action::UserDeactivated;
    events::record(app, &transaction, actor, action, &user, Changes::none()).await?;
    transaction.commit().await?;
    Ok(user)
}

/// Ends all sessions of a user, who can sign in again. Returns the user, and how many they were.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::EndSessions`].
pub async fn end_sessions(app: &App, actor: &Actor, id: Option<UserId>) -> Result<(User, u64)> {
    let transaction = app.db.begin().await?;
    let (ref actor, user) =
        policy::find_for(app, &transaction, actor, id, UserAction::EndSessions).await?;
    let ended = sessions::end_all_of(&transaction, user.row.id, None).await?;
    if ended > 0 {
        let action = Action::UserSessionsEnded;
        events::record(app, &transaction, actor, action, &user, Changes::none()).await?;
    }
    transaction.commit().await?;
    Ok((user, ended))
}

/// Deletes a user, with their sessions, roles and invitations. E-mails and events that mention them
/// are kept for the usual retention period.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::Delete`].
pub async fn delete(app: &App, actor: &Actor, id: Option<UserId>) -> Result<UserId> {
    let transaction = app.db.begin().await?;
    policy::lock_administrators(&transaction).await?;
    let (ref actor, user) =
        policy::find_for(app, &transaction, actor, id, UserAction::Delete).await?;
    end_sessions_and_links(app, &transaction, user.row.id).await?;
    user::Entity::delete_by_id(user.row.id)
        .exec(&transaction)
        .await?;
    let action = Action::UserDeleted;
    let changes = Changes::none().field("email", user.row.email.clone(), None);
    events::record(app, &transaction, actor, action, &user, changes).await?;
    transaction.commit().await?;
    Ok(user.row.id)
}

async fn end_sessions_and_links(
    app: &App,
    transaction: &DatabaseTransaction,
    user: UserId,
) -> Result<()> {
    sessions::end_all_of(transaction, user, None).await?;
    end_links(app, transaction, user).await
}

/// Revokes every link that was sent to the user.
async fn end_links(app: &App, transaction: &DatabaseTransaction, user: UserId) -> Result<()> {
    password_resets::void_open(app, transaction, user).await?;
    invitations::void_open(app, transaction, user).await
}

fn email_after(user: &User, email: Patch<String>) -> std::result::Result<EmailAddress, UserError> {
    match email {
        Patch::Keep => Ok(user.address()),
        Patch::Clear => email_address::read("email", ""),
        Patch::Set(typed) => email_address::read("email", &typed),
    }
}

/// The first and the last name after a change.
fn names_after(
    user: &User,
    first_name: Patch<String>,
    last_name: Patch<String>,
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

async fn is_somebody_elses(
    app: &App,
    transaction: &DatabaseTransaction,
    email: &EmailAddress,
    own: UserId,
) -> Result<bool> {
    let owner = super::find_by_email(app, transaction, email.normal()).await?;
    Ok(owner.is_some_and(|owner| owner.row.id != own))
}

/// The roles that the user is to hold, all of which the actor could grant.
async fn roles_after(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    user: &User,
    role_ids: Patch<Vec<Option<RoleId>>>,
) -> Result<std::result::Result<Vec<RoleId>, Vec<UserError>>> {
    match role_ids {
        Patch::Keep => Ok(Ok(user.role_ids.clone())),
        Patch::Clear => roles::assignable(app, transaction, actor, &[]).await,
        Patch::Set(ids) => roles::assignable(app, transaction, actor, &ids).await,
    }
}

async fn replace_roles(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    user: &User,
    role_ids: &[RoleId],
) -> Result<()> {
    let kept = roles::by_ids_in(app, transaction, role_ids).await?;
    if !kept.iter().any(|role| role.row.is_protected) {
        policy::must_leave_an_administrator(app, transaction, user, UserAction::AssignRoles)
            .await?;
    }
    user_role::Entity::delete_many()
        .filter(user_role::Column::UserId.eq(user.row.id))
        .exec(transaction)
        .await?;
    roles::assign(app, transaction, actor, user.row.id, role_ids).await?;
    Ok(())
}

/// Stores address and names, and the columns that are derived from them.
async fn rename(
    app: &App,
    transaction: &DatabaseTransaction,
    user: &User,
    email: &EmailAddress,
    first_name: String,
    last_name: String,
) -> Result<user::Model> {
    let derived = DerivedColumns::of(email, &first_name, &last_name);
    user::ActiveModel {
        id: Set(user.row.id),
        email: Set(email.as_typed().to_owned()),
        email_normal: Set(email.normal().to_owned()),
        first_name: Set(first_name),
        last_name: Set(last_name),
        name_key: Set(derived.name_key),
        search_text: Set(derived.search_text),
        updated_at: Set(app.clock.now()),
        ..Default::default()
    }
    .update(transaction)
    .await
    .map_err(|error| match error.sql_err() {
        // Somebody else took this address a moment ago.
        Some(SqlErr::UniqueConstraintViolation(_)) => super::email_taken().into(),
        _ => error.into(),
    })
}

async fn changes(
    app: &App,
    transaction: &DatabaseTransaction,
    before: &User,
    after: &User,
) -> Result<Changes> {
    let mut ids = before.role_ids.clone();
    ids.extend(&after.role_ids);
    let known = roles::by_ids_in(app, transaction, &ids).await?;
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
        .field(
            "roles",
            roles::names(&known, &before.role_ids),
            roles::names(&known, &after.role_ids),
        ))
}
