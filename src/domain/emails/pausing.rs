//! Stopping the queue and having it go on, by whoever may.

use entity::email_queue;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::delivery::transport_pause;
use super::queue_state;
use crate::database::Write;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::change;
use crate::domain::error::Result;
use crate::domain::events::{Action, Subject};

/// Pauses the queue: e-mails that are being sent are finished, and no others are started. A queue
/// that is already paused keeps the time and the user of the first pause.
pub async fn pause(app: &App, actor: &Actor) -> Result<()> {
    change::make(app, actor, |change| async move {
        let stopped = email_queue::Entity::update_many()
            .set(email_queue::ActiveModel {
                paused_at: Set(Some(app.clock.now())),
                paused_by: Set(actor.user_id()),
                ..Default::default()
            })
            .filter(email_queue::Column::Id.eq(email_queue::ONLY))
            .filter(email_queue::Column::PausedAt.is_null())
            .write(change.db())
            .await?;
        if stopped > 0 {
            change
                .record(Action::EmailQueuePaused, Subject::none())
                .await?;
        }
        change.commit(()).await
    })
    .await
}

/// Resumes the queue, and has an unavailable transport tried at once.
pub async fn resume(app: &App, actor: &Actor) -> Result<()> {
    change::make(app, actor, |change| async move {
        let mut state = queue_state(app, change.db()).await?;
        let resumed = email_queue::Entity::update_many()
            .set(email_queue::ActiveModel {
                paused_at: Set(None),
                paused_by: Set(None),
                ..Default::default()
            })
            .filter(email_queue::Column::Id.eq(email_queue::ONLY))
            .filter(email_queue::Column::PausedAt.is_not_null())
            .write(change.db())
            .await?;
        let was_unavailable = state.transport_failed_at.is_some();
        if was_unavailable || state.transport_retry_at.is_some() {
            transport_pause::end(&change, &mut state).await?;
        }
        if resumed > 0 || was_unavailable {
            change
                .record(Action::EmailQueueResumed, Subject::none())
                .await?;
        }
        change.wakes_worker();
        change.commit(()).await
    })
    .await
}

/// Says that the transport has just taken an e-mail which was not of the queue: the queue goes on, if it
/// waited for that. Returns whether it did.
pub async fn transport_has_answered(app: &App) -> Result<bool> {
    change::make(app, &Actor::server(), |change| async move {
        let mut state = queue_state(app, change.db()).await?;
        let has_waited = state.transport_failed_at.is_some();
        if has_waited {
            transport_pause::end(&change, &mut state).await?;
            change.wakes_worker();
        }
        change.commit(has_waited).await
    })
    .await
}
