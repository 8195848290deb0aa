//! What follows a restored backup. It shows the past: what was revoked, used or sent since then would be
//! in force again, to be used or sent once more. Here it is ended, or held until somebody has looked.

use entity::email::Status;
use entity::{
    device, email, email_queue, invitation, password_reset, password_reset_request, session,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::actor::Actor;
use super::change::{self, Change};
use super::emails::queue_state;
use super::error::Result;
use super::events::{Action, Changes, Subject};
use super::links;
use crate::database::Write;
use crate::domain::app::App;

/// What stays in force, because whoever restored the backup knows that nobody has ended it since.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keep {
    /// Whoever was signed in remains so.
    pub sessions: bool,
    /// Invitations and password resets that were open remain so.
    pub links: bool,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recovered {
    /// How many sessions were ended.
    pub sessions: u64,
    /// How many invitations were ended.
    pub invitations: u64,
    /// How many password resets were ended.
    pub password_resets: u64,
    /// How many e-mails wait in the queue, which is paused.
    pub emails: u64,
}

/// Pauses the queue, and ends all sessions and all links that are open, unless they are to be kept.
pub async fn run(app: &App, keep: Keep) -> Result<Recovered> {
    change::make(app, &Actor::server(), |change| async move {
        let mut recovered = Recovered::default();
        pause_queue(&change).await?;
        if !keep.sessions {
            device::Entity::delete_many()
                .write_many(change.db())
                .await?;
            let ended = session::Entity::delete_many()
                .write_many(change.db())
                .await?;
            recovered.sessions = ended;
        }
        if !keep.links {
            password_reset_request::Entity::delete_many()
                .write_many(change.db())
                .await?;
            recovered.invitations = links::revoke_all_open::<invitation::Entity>(&change).await?;
            recovered.password_resets =
                links::revoke_all_open::<password_reset::Entity>(&change).await?;
        }
        let unsent = email::Column::Status.is_in([Status::Queued, Status::Sending]);
        let unsent = email::Entity::find().filter(unsent);
        recovered.emails = app.db.count(change.db(), unsent).await?;
        let ended = |count: u64| (count > 0).then(|| count.to_string());
        let changes = Changes::none()
            .field("sessions", ended(recovered.sessions), None)
            .field("invitations", ended(recovered.invitations), None)
            .field("passwordResets", ended(recovered.password_resets), None);
        change
            .record_with(Action::DatabaseRestored, Subject::none(), changes)
            .await?;
        change.commit(recovered).await
    })
    .await
}

/// By nobody; whoever had paused it before stays named.
async fn pause_queue(change: &Change<'_>) -> Result<()> {
    let state = queue_state(change.app(), change.db()).await?;
    if state.paused_at.is_some() {
        return Ok(());
    }
    email_queue::Entity::update_many()
        .set(email_queue::ActiveModel {
            paused_at: Set(Some(change.app().clock.now())),
            paused_by: Set(None),
            ..Default::default()
        })
        .filter(email_queue::Column::Id.eq(email_queue::ONLY))
        .write(change.db())
        .await?;
    change
        .record(Action::EmailQueuePaused, Subject::none())
        .await
}
