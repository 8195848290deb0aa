//! Deleting a user, with or without their traces.

use entity::{UserId, user};
use sea_orm::EntityTrait;

use super::administration::{Meant, end_sessions_and_links};
use super::policy::{self, UserAction};
use crate::database::Write;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::EMAIL_QUEUE_DELETE;
use crate::domain::change;
use crate::domain::erasure;
use crate::domain::error::Result;
use crate::domain::events::{Action, Changes};

/// What becomes of a deleted user's e-mails, and of their name in the event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traces {
    /// They are kept for the usual retention period.
    Kept,
    /// Whatever says who the user was is erased at once.
    Erased,
}

impl Traces {
    /// Whether they are to be erased.
    pub fn of(is_erased: bool) -> Self {
        if is_erased { Self::Erased } else { Self::Kept }
    }
}

/// Deletes a user, with their sessions, roles and invitations.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::Delete`], and for a user who is no longer as they were
/// meant. To erase traces, the actor must be allowed to delete e-mails. Events are not deleted, so nothing more
/// is asked for them: what was done, when and by which ID stays, and so does that they were erased, and by whom.
pub async fn delete(app: &App, actor: &Actor, meant: Meant, traces: Traces) -> Result<UserId> {
    let meant = &meant;
    let deleted = change::make(app, actor, |mut change| async move {
        policy::lock_administrators(change.db()).await?;
        let user = meant.find_for(&mut change, UserAction::Delete).await?;
        match traces {
            Traces::Kept => {
                let row = user.row.clone();
                // By the names, whoever was deleted can still be erased.
                let changes = Changes::none()
                    .field("email", row.email, None)
                    .field("firstName", row.first_name, None)
                    .field("lastName", row.last_name, None);
                change
                    .record_with(Action::UserDeleted, &user, changes)
                    .await?;
            }
            Traces::Erased => {
                change.actor().must_hold(&EMAIL_QUEUE_DELETE)?;
                // Before the rows go by which they are found.
                erasure::of_user(&change, &user.row).await?;
            }
        }
        end_sessions_and_links(&change, user.row.id).await?;
        user::Entity::delete_by_id(user.row.id)
            .write(change.db())
            .await?;
        change.commit(user.row.id).await
    })
    .await?;
    if traces == Traces::Erased {
        app.search_to_compact.notify_one();
    }
    Ok(deleted)
}
