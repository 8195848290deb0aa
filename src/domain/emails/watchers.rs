//! What those who watch the e-mail queue on this server are told.

use std::sync::{Mutex, PoisonError};

use entity::email::Status;
use entity::{EmailId, Timestamp};
use sea_orm::DbErr;
use tokio::sync::{Mutex as AsyncMutex, broadcast};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::database::{FromRow, Row};

/// How many changes are kept for a watcher who falls behind. One who falls behind further looks at the
/// rows, and misses nothing.
const CHANGES_KEPT: usize = 1024;

/// What has become of an e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It was queued, and nothing else has happened to it.
    Queued,
    /// It changed its state.
    Changed,
    /// It was deleted.
    Deleted,
}

/// How an e-mail last changed.
#[derive(Clone, Copy, Debug)]
pub struct Changed {
    /// Which one.
    pub id: EmailId,
    /// What has become of it.
    pub kind: ChangeKind,
    /// When.
    pub(super) at: Timestamp,
}

/// From the ID, the time of the last change, and the time of the first.
impl FromRow for Changed {
    fn from_row(row: &Row) -> Result<Self, DbErr> {
        let (at, created_at): (Timestamp, Timestamp) = (row.get(1)?, row.get(2)?);
        Ok(Self {
            id: row.get(0)?,
            kind: if at == created_at {
                ChangeKind::Queued
            } else {
                ChangeKind::Changed
            },
            at,
        })
    }
}

/// The number of e-mails in each state, in the order of the states, including those without any.
pub type Counts = Vec<(Status, u64)>;

/// What this server's watchers are told.
#[derive(Debug)]
pub struct EmailChanges {
    news: broadcast::Sender<Changed>,
    /// Looks for changes while somebody watches.
    looking: Mutex<Option<JoinHandle<()>>>,
    /// When the e-mails in each state were last counted, and how many there were.
    pub(super) counted: AsyncMutex<Option<(Instant, Counts)>>,
}

impl Default for EmailChanges {
    fn default() -> Self {
        Self {
            news: broadcast::Sender::new(CHANGES_KEPT),
            looking: Mutex::default(),
            counted: AsyncMutex::default(),
        }
    }
}

impl EmailChanges {
    /// Tells one more, and begins to `look` for changes if nobody does so yet.
    pub(super) fn subscribe(
        &self,
        look: impl FnOnce() -> JoinHandle<()>,
    ) -> broadcast::Receiver<Changed> {
        let news = self.news.subscribe();
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if looking.as_ref().is_none_or(JoinHandle::is_finished) {
            *looking = Some(look());
        }
        news
    }

    /// Tells every watcher; one who has fallen too far behind looks at the rows instead.
    pub(super) fn tell(&self, changed: Changed) {
        // It is not an error if the last one has just left.
        let _ = self.news.send(changed);
    }

    /// Whether nobody watches any more. Whoever begins to watch from now on starts another task.
    pub(super) fn is_over(&self) -> bool {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = self.news.receiver_count() == 0;
        if is_over {
            *looking = None;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn one_task_looks_for_all_who_watch() {
        let changes = EmailChanges::default();
        let begun = Cell::new(0);
        let subscribe = || {
            changes.subscribe(|| {
                begun.set(begun.get() + 1);
                tokio::spawn(std::future::pending())
            })
        };
        let (one, other) = (subscribe(), subscribe());
        assert_eq!(begun.get(), 1);
        drop(one);
        assert!(!changes.is_over());
        drop(other);
        assert!(changes.is_over());
        let _later = subscribe();
        assert_eq!(begun.get(), 2);
    }
}
