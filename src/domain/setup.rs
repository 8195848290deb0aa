//! The first administrator, whom only the server itself can invite.

use entity::user::Status;
use sea_orm::PaginatorTrait;

use super::actor::Actor;
use super::error::{Error, Result};
use super::events::{self, Action, Changes};
use super::invitations::{self, Invited};
use super::{EmailAddress, roles, users};
use crate::app::App;

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

/// Creates the built-in role if it is missing, and invites the configured administrator if there
/// are no users yet.
pub async fn run(app: &App) -> Result<Setup> {
    let administrator = administrator(app)?;
    let transaction = app.db.begin().await?;
    // Servers that start at the same time do this one after the other.
    users::policy::lock_administrators(&transaction).await?;
    let role = roles::ensure_administrator(app, &transaction).await?;
    if !users::is_there_any(&transaction).await? {
        let (_, letter) =
            invitations::invite_by_server(app, &transaction, &administrator, role).await?;
        transaction.commit().await?;
        letter.announce(app);
        return Ok(Setup::Invited(administrator));
    }
    let user = users::find_by_email(&transaction, &administrator).await?;
    transaction.commit().await?;
    Ok(match user {
        Some(user) if user.row.status() == Status::Invited => Setup::Waiting(administrator),
        _ => Setup::Done,
    })
}

fn administrator(app: &App) -> Result<EmailAddress> {
    EmailAddress::parse("setup.administrator", &app.settings.setup.administrator)
        .map_err(|error| Error::internal(error.message))
}

/// The outcome of a request for a new administrator.
#[derive(Debug)]
pub enum NewAdministrator {
    /// They were invited; their earlier links stopped working.
    Invited(Box<Invited>),
    /// They had already signed up, and are Administrator now if they were not before.
    Active,
    /// They are deactivated, and stay so.
    Deactivated,
}

/// Invites a person as Administrator, or sends an invited one a new link. For operators who have
/// access to the server's database, and perhaps no other way in.
pub async fn invite_administrator(app: &App, email: &EmailAddress) -> Result<NewAdministrator> {
    let transaction = app.db.begin().await?;
    // One after the other, with whatever else makes administrators or takes them away.
    users::policy::lock_administrators(&transaction).await?;
    let role = roles::ensure_administrator(app, &transaction).await?;
    let user = users::find_by_email(&transaction, email).await?;
    let outcome = match user.as_ref().map(|user| (user, user.row.status())) {
        None | Some((_, Status::Invited)) => {
            let (invited, letter) =
                invitations::invite_by_server(app, &transaction, email, role).await?;
            transaction.commit().await?;
            letter.announce(app);
            return Ok(NewAdministrator::Invited(Box::new(invited)));
        }
        Some((user, Status::Active)) => {
            if !user.role_ids.contains(&role) {
                users::add_roles(&transaction, user.row.id, [role]).await?;
                let changes = Changes::none().field("roles", None, roles::ADMINISTRATOR.to_owned());
                let server = Actor::server();
                let action = Action::UserUpdated;
                events::record(app, &transaction, &server, action, user, changes).await?;
            }
            NewAdministrator::Active
        }
        Some((_, Status::Deactivated)) => NewAdministrator::Deactivated,
    };
    transaction.commit().await?;
    Ok(outcome)
}

/// How many active users hold the built-in role.
pub async fn count_administrators(app: &App) -> Result<u64> {
    Ok(users::active_administrators().count(app.db.read()).await?)
}
