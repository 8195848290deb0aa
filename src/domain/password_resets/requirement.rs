//! Passwords that have to be chosen anew, because somebody other than the account's user may know the
//! old one.

use entity::email::Priority;
use entity::user::{self, PasswordHash};
use sea_orm::DatabaseTransaction;

use super::{create, void_open};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::emails::{self, NewEmail, Purpose, Queued};
use crate::domain::error::Result;
use crate::domain::events::{self, Action, Changes};
use crate::domain::users::User;
use crate::domain::{passwords, sessions};
use crate::letters::{Letter, NewPasswordReason};

/// The link with which a user chooses a password that they have to choose.
#[derive(Debug)]
pub struct RequiredPassword {
    /// For those who may pass it on themselves.
    pub link: String,
    /// The e-mail that brings it.
    pub letter: Queued,
}

/// Ends whatever would let anybody into the account of a user who has a password: their sessions, the
/// links that were sent to them, and the password itself. An active user is sent a link for choosing a
/// new one; a deactivated user can request one when they are active again. With the link they prove
/// that they read e-mails to their address.
pub async fn require_new_password(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    user: &mut User,
    reason: NewPasswordReason<'_>,
) -> Result<Option<RequiredPassword>> {
    let id = user.row.id;
    sessions::end_all_of(transaction, id, None).await?;
    void_open(app, transaction, id).await?;
    user.row = passwords::set(app, transaction, id, PasswordHash::void()).await?;
    if user.row.status() != user::Status::Active {
        return Ok(None);
    }
    let action = Action::PasswordResetRequested;
    events::record(app, transaction, actor, action, &*user, Changes::none()).await?;
    let (reset, link) = create(app, transaction, user).await?;
    let letter = NewEmail {
        letter: Letter::PasswordRequired {
            recipient: &user.display_name(),
            reason,
            expires_at: reset.expires_at,
        },
        to: &user.address(),
        priority: Priority::High,
        secret_link: Some(link.clone()),
        purpose: Purpose::PasswordReset(reset.id),
        expires_at: Some(reset.expires_at),
    };
    let letter = emails::queue(app, transaction, actor, letter).await?;
    Ok(Some(RequiredPassword { link, letter }))
}
