//! The first administrator, whom only the server itself can invite.

use entity::RoleId;
use entity::user::Status;

use super::actor::Actor;
use super::change::{self, Change};
use super::error::{Error, Result};
use super::events::{Action, Changes};
use super::invitations::{self, Invited};
use super::users::{self, User};
use super::{EmailAddress, password_resets, roles};
use crate::domain::app::App;
use crate::email_templates::NewPasswordReason;

/// What the server found, or did, about its first administrator.
#[derive(Debug)]
pub enum Setup {
    /// There was no user: the administrator was invited.
    Invited(EmailAddress),
    /// The administrator was invited at an earlier start and has not accepted yet.
    Waiting(EmailAddress),
    /// There are users already.
    Done,
}

/// Creates the built-in role if it is missing, extends it by what the configuration declares for the
/// first time, and invites the configured administrator if there are no users yet. Then the roles are made
/// what it declares.
pub async fn run(app: &App) -> Result<Setup> {
    let setup = change::make(app, &Actor::server(), |change| async move {
        let administrator = app.administrator.clone();
        // Servers that start at the same time do this one after the other.
        users::policy::lock_administrators(change.db()).await?;
        let role = roles::ensure_administrator(&change).await?;
        if !users::is_there_any(change.app(), change.db()).await? {
            invitations::invite_by_server(&change, &administrator, role).await?;
            return change.commit(Setup::Invited(administrator)).await;
        }
        let user = users::find_by_email(app, change.db(), administrator.normal()).await?;
        let waits =
            |user: &User| user.row.status() == Status::Invited && user.role_ids.contains(&role);
        let setup = match user.filter(waits) {
            Some(_) => Setup::Waiting(administrator),
            None => Setup::Done,
        };
        change.commit(setup).await
    })
    .await?;
    roles::keep_declared(app).await?;
    Ok(setup)
}

/// The outcome of a request for a new administrator.
#[derive(Debug)]
pub enum NewAdministrator {
    /// They were invited; their earlier links stopped working.
    Invited(Box<Invited>),
    /// They had signed up before, and hold the role now. They have to choose a new password with this
    /// link: whoever set the account up may know the old one.
    Promoted {
        /// Also in an e-mail to their address.
        link: String,
    },
    /// They have signed up, and held the role before.
    Active,
    /// They are deactivated, and stay so.
    Deactivated,
}

/// Invites a person as Administrator, or sends an invited one a new link. For operators who have
/// access to the server's database, and perhaps no other way in.
///
/// An operator knows the person by their address, which says nothing about who has signed in to an
/// account with it. One that is promoted is therefore closed to everybody who does not read e-mails to
/// that address: see [`password_resets::require_new_password`].
pub async fn invite_administrator(app: &App, email: &EmailAddress) -> Result<NewAdministrator> {
    change::make(app, &Actor::server(), |change| async move {
        // One after the other, with whatever else makes administrators or takes them away.
        users::policy::lock_administrators(change.db()).await?;
        let role = roles::ensure_administrator(&change).await?;
        let user = users::find_by_email_locked(app, change.db(), email.normal()).await?;
        let outcome = match user.map(|user| (user.row.status(), user)) {
            None | Some((Status::Invited, _)) => {
                let invited = invitations::invite_by_server(&change, email, role).await?;
                NewAdministrator::Invited(Box::new(invited))
            }
            Some((Status::Active, user)) if user.role_ids.contains(&role) => {
                NewAdministrator::Active
            }
            Some((Status::Active, user)) => NewAdministrator::Promoted {
                link: promote(&change, user, role).await?,
            },
            Some((Status::Deactivated, _)) => NewAdministrator::Deactivated,
        };
        change.commit(outcome).await
    })
    .await
}

/// Makes an active user an administrator, and closes their account until they choose a new password
/// with the link that is returned.
async fn promote(change: &Change<'_>, mut user: User, role: RoleId) -> Result<String> {
    users::add_roles(change.db(), user.row.id, [role]).await?;
    let before = user.role_ids.clone();
    user.role_ids.push(role);
    let known = roles::by_ids_in(change.app(), change.db(), &user.role_ids).await?;
    let changes = Changes::none().list(
        "roles",
        &roles::names(&known, &before),
        &roles::names(&known, &user.role_ids),
    );
    change
        .record_with(Action::UserUpdated, &user, changes)
        .await?;
    password_resets::require_new_password(change, &mut user, NewPasswordReason::Promotion)
        .await?
        .ok_or_else(|| Error::internal("an active user was sent no link"))
}

/// How many active users hold the built-in role.
pub async fn count_administrators(app: &App) -> Result<u64> {
    let administrators = users::active_administrators();
    Ok(app.db.count(app.db.read(), administrators).await?)
}
