//! Passwords that have to be chosen anew, because somebody other than the account's user may know the
//! old one.

use entity::email::Priority;
use entity::user::{self, PasswordHash};

use super::{create, revoke_open};
use crate::domain::change::Change;
use crate::domain::emails::{NewEmail, Purpose};
use crate::domain::error::Result;
use crate::domain::events::Action;
use crate::domain::users::User;
use crate::domain::{passwords, sessions};
use crate::email_templates::{EmailTemplate, NewPasswordReason};

/// Ends whatever would let anybody into the account of a user who has a password: their sessions, the
/// links that were sent to them, and the password itself. An active user is sent a link for choosing a
/// new one, which is returned for those who may pass it on themselves; a deactivated user can request
/// one when they are active again. With the link they prove that they read e-mails to their address.
pub async fn require_new_password(
    change: &Change<'_>,
    user: &mut User,
    reason: NewPasswordReason<'_>,
) -> Result<Option<String>> {
    let id = user.row.id;
    sessions::end_all_of(change.db(), id, None).await?;
    revoke_open(change, id).await?;
    user.row = passwords::set(change, user.row.clone(), PasswordHash::void()).await?;
    if user.row.status() != user::Status::Active {
        return Ok(None);
    }
    change
        .record(Action::PasswordResetRequested, &*user)
        .await?;
    let (reset, link) = create(change, user).await?;
    let email = NewEmail {
        template: EmailTemplate::PasswordRequired {
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
    change.queue(email).await?;
    Ok(Some(link.url))
}
