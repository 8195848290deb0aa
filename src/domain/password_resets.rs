//! Password resets: links with which users who have forgotten their password choose a new one.

use entity::email::Priority;
use entity::{Timestamp, UserId, password_reset, user};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter};

use super::actor::Actor;
use super::change::{self, Change};
use super::emails::{NewEmail, Purpose};
use super::error::{Error, Result};
use super::events::Action;
use super::links::address::SecretLink;
use super::passwords::{self, Password};
use super::tokens::{self, Token};
use super::users::policy::{self, UserAction};
use super::users::{self, User};
use super::{devices, email_address, links, sessions, throttle};
use crate::database::Write;
use crate::domain::app::App;
use crate::email_templates::EmailTemplate;

mod requests;
mod requirement;
mod retention;

pub use requests::{answer_requests, request};
pub use requirement::require_new_password;
pub use retention::prune;

/// Sends a user a link on behalf of an administrator, who never sees it.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::SendPasswordReset`], and of [`Change::queue`].
pub async fn send_for(app: &App, actor: &Actor, id: Option<UserId>) -> Result<User> {
    change::make(app, actor, |mut change| async move {
        let user = policy::find_for(&mut change, id, UserAction::SendPasswordReset).await?;
        change.record(Action::PasswordResetRequested, &user).await?;
        send(&change, &user).await?;
        change.commit(user).await
    })
    .await
}

/// The outcome of a request for a link that no e-mail brings.
#[derive(Debug)]
pub enum PrintedLink {
    /// The link, and when it stops working.
    Created {
        /// Whoever opens it chooses the user's password.
        link: String,
        /// From when on it no longer works.
        expires_at: Timestamp,
    },
    /// Nobody has the address.
    Unknown,
    /// They have not chosen a first password yet.
    Invited,
    /// They cannot sign in, and a link would not work.
    Deactivated,
}

/// Creates a link for an active user on the server's own behalf, and sends no e-mail. For operators
/// who have access to the server's database, when e-mails do not arrive.
pub async fn create_by_server(app: &App, email: &str) -> Result<PrintedLink> {
    let account = &email_address::account(email);
    change::make(app, &Actor::server(), |change| async move {
        let Some(user) = users::find_by_email_locked(app, change.db(), account).await? else {
            return change.abandon(PrintedLink::Unknown).await;
        };
        match user.row.status() {
            user::Status::Invited => return change.abandon(PrintedLink::Invited).await,
            user::Status::Deactivated => return change.abandon(PrintedLink::Deactivated).await,
            user::Status::Active => {}
        }
        change.record(Action::PasswordResetRequested, &user).await?;
        let (reset, link) = create(&change, &user).await?;
        let expires_at = reset.expires_at;
        change
            .commit(PrintedLink::Created {
                link: link.url,
                expires_at,
            })
            .await
    })
    .await
}

/// Creates the reset and its e-mail.
async fn send(change: &Change<'_>, user: &User) -> Result<()> {
    let (reset, link) = create(change, user).await?;
    let email = NewEmail {
        template: EmailTemplate::PasswordReset {
            recipient: &user.display_name(),
            expires_at: reset.expires_at,
        },
        to: &user.address(),
        priority: Priority::High,
        secret_link: Some(link),
        purpose: Purpose::PasswordReset(reset.id),
        expires_at: Some(reset.expires_at),
    };
    change.queue(email).await.map(drop)
}

/// Creates the reset, and returns it with its link. Links that were sent before keep working until
/// they expire or one of them is used: anyone may request a link, and must not be able to revoke
/// those of others.
async fn create(change: &Change<'_>, user: &User) -> Result<(password_reset::Model, SecretLink)> {
    let app = change.app();
    let now = app.clock.now();
    let token = Token::generate()?;
    let reset = password_reset::Model {
        id: app.new_id(),
        user_id: user.row.id,
        token_hash: token.hash(),
        created_at: now,
        expires_at: now.after(app.settings.passwords.reset_valid_for),
        used_at: None,
        revoked_at: None,
    };
    password_reset::Entity::insert(password_reset::ActiveModel::from(reset.clone()).reset_all())
        .write(change.db())
        .await?;
    let link = SecretLink::of_password_reset(app, &token);
    Ok((reset, link))
}

/// Revokes any links of the user that still work. For a change of the password or the address, and a
/// deactivation.
pub async fn revoke_open(change: &Change<'_>, user: UserId) -> Result<()> {
    links::revoke_open::<password_reset::Entity>(change, user).await
}

/// A password that has been reset.
#[derive(Debug)]
pub struct Completed {
    /// The user, who has proved who they are.
    pub user: User,
    /// By which the device is known from now on.
    pub device: Token,
}

/// Sets a new password with the token from a link. Of any number of attempts with one token,
/// exactly one succeeds; one that is refused leaves the token usable. All of the user's sessions
/// end, and they are notified by e-mail.
///
/// # Errors
///
/// [`links::invalid`] or [`links::expired`], and the password policy's errors for `newPassword`.
pub async fn complete(
    app: &App,
    actor: &Actor,
    token: &str,
    password: Password,
) -> Result<Completed> {
    let (reset, user) = find_by_token(app, token).await?;
    let hash = &passwords::hash_new(
        app,
        &actor.client,
        "newPassword",
        password,
        &user.password_context(),
    )
    .await?;

    change::make(app, actor, |change| async move {
        // Read again: the user may have been deactivated while the password was hashed. Whoever changes
        // a user and their links locks the user first.
        let mut user = users::find_locked(app, change.db(), user.row.id)
            .await?
            .filter(|user| user.row.status() == user::Status::Active)
            .ok_or_else(links::invalid::<password_reset::Entity>)?;
        links::use_up::<password_reset::Entity>(&change, reset.id).await?;
        user.row = passwords::set(&change, user.row, hash.clone()).await?;
        revoke_open(&change, user.row.id).await?;
        sessions::end_all_of(change.db(), user.row.id, None).await?;
        throttle::unblock(app, change.db(), &user.row.email_normal).await?;
        let device = devices::remember(&change, user.row.id, None).await?;
        passwords::give_notice(&change, &user).await?;
        change.record(Action::PasswordReset, &user).await?;
        change.commit(Completed { user, device }).await
    })
    .await
}

/// The reset that a token belongs to. Looking it up does not use up the token.
pub async fn preview(app: &App, token: &str) -> Result<Option<password_reset::Model>> {
    let with_it = password_reset::Entity::find()
        .filter(password_reset::Column::TokenHash.eq(tokens::hash(token)));
    Ok(app.db.one(app.db.read(), with_it).await?)
}

/// Whom a token's link was sent to, as long as it works.
pub async fn pending_user(app: &App, token: &str) -> Result<Option<User>> {
    match find_by_token(app, token).await {
        Ok((_, user)) => Ok(Some(user)),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn find_by_token(app: &App, token: &str) -> Result<(password_reset::Model, User)> {
    let invalid = links::invalid::<password_reset::Entity>;
    let reset = preview(app, token).await?.ok_or_else(invalid)?;
    match reset.status(app.clock.now()) {
        password_reset::Status::Pending => {}
        password_reset::Status::Expired => {
            return Err(links::expired::<password_reset::Entity>());
        }
        password_reset::Status::Used | password_reset::Status::Revoked => return Err(invalid()),
    }
    let user = users::find(app, reset.user_id)
        .await?
        .filter(|user| user.row.status() == user::Status::Active)
        .ok_or_else(invalid)?;
    Ok((reset, user))
}
