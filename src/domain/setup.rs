//! The first administrator, whom only the server itself can invite.

use entity::RoleId;
use entity::user::Status;
use sea_orm::{DatabaseTransaction, PaginatorTrait};

use super::actor::Actor;
use super::error::{Error, Result};
use super::events::{self, Action, Changes};
use super::invitations::{self, Invited};
use super::password_resets::{self, RequiredPassword};
use super::users::{self, User};
use super::{EmailAddress, roles};
use crate::app::App;
use crate::letters::NewPasswordReason;

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
/// first time, and invites the configured administrator if there are no users yet.
pub async fn run(app: &App) -> Result<Setup> {
    let administrator = app.administrator.clone();
    let transaction = app.db.begin().await?;
    // Servers that start at the same time do this one after the other.
    users::policy::lock_administrators(&transaction).await?;
    let (role, mut letters) = roles::ensure_administrator(app, &transaction).await?;
    let setup = if users::is_there_any(&transaction).await? {
        let user = users::find_by_email(app, &transaction, administrator.normal()).await?;
        let waits =
            |user: &User| user.row.status() == Status::Invited && user.role_ids.contains(&role);
        match user.filter(waits) {
            Some(_) => Setup::Waiting(administrator),
            None => Setup::Done,
        }
    } else {
        let (_, letter) =
            invitations::invite_by_server(app, &transaction, &administrator, role).await?;
        letters.push(letter);
        Setup::Invited(administrator)
    };
    transaction.commit().await?;
    for letter in letters {
        letter.announce(app);
    }
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
    let transaction = app.db.begin().await?;
    // One after the other, with whatever else makes administrators or takes them away.
    users::policy::lock_administrators(&transaction).await?;
    let (role, mut letters) = roles::ensure_administrator(app, &transaction).await?;
    let user = match users::find_by_email(app, &transaction, email.normal()).await? {
        Some(user) => users::find_locked(app, &transaction, user.row.id).await?,
        None => None,
    };
    let outcome = match user.map(|user| (user.row.status(), user)) {
        None | Some((Status::Invited, _)) => {
            let (invited, letter) =
                invitations::invite_by_server(app, &transaction, email, role).await?;
            letters.push(letter);
            NewAdministrator::Invited(Box::new(invited))
        }
        Some((Status::Active, user)) if user.role_ids.contains(&role) => NewAdministrator::Active,
        Some((Status::Active, user)) => {
            let RequiredPassword { link, letter } = promote(app, &transaction, user, role).await?;
            letters.push(letter);
            NewAdministrator::Promoted { link }
        }
        Some((Status::Deactivated, _)) => NewAdministrator::Deactivated,
    };
    transaction.commit().await?;
    for letter in letters {
        letter.announce(app);
    }
    Ok(outcome)
}

/// Makes an active user an administrator, and closes their account until they choose a new password.
async fn promote(
    app: &App,
    transaction: &DatabaseTransaction,
    mut user: User,
    role: RoleId,
) -> Result<RequiredPassword> {
    let server = Actor::server();
    users::add_roles(transaction, user.row.id, [role]).await?;
    let before = user.role_ids.clone();
    user.role_ids.push(role);
    let known = roles::by_ids_in(app, transaction, &user.role_ids).await?;
    let changes = Changes::none().field(
        "roles",
        roles::names(&known, &before),
        roles::names(&known, &user.role_ids),
    );
    let action = Action::UserUpdated;
    events::record(app, transaction, &server, action, &user, changes).await?;
    let reason = NewPasswordReason::Promotion;
    password_resets::require_new_password(app, transaction, &server, &mut user, reason)
        .await?
        .ok_or_else(|| Error::internal("an active user was sent no link"))
}

/// How many active users hold the built-in role.
pub async fn count_administrators(app: &App) -> Result<u64> {
    Ok(users::active_administrators().count(app.db.read()).await?)
}
