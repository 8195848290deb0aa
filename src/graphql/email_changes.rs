//! The subscription to changes in the e-mail queue.

use std::collections::{HashMap, VecDeque};

use async_graphql::{Context, Enum, ID, Result, SimpleObject, Subscription};
use entity::{EmailId, Timestamp};
use futures_util::Stream;

use super::emails::{Email, EmailFilter};
use super::guard::{Requires, requires};
use super::ids;
use super::scalars::DateTime;
use super::watcher::{Reports, Watcher, reports};
use crate::domain::applications::EMAIL_QUEUE_VIEW;
use crate::domain::emails::changes::{self, Watch};
use crate::domain::emails::watchers::{ChangeKind, Changed};
use crate::domain::{self, Actor, emails};

/// The subscriptions to e-mails.
#[derive(Default)]
pub struct EmailSubscription;

#[Subscription]
impl EmailSubscription {
    /// Reports each e-mail that is queued, changes its state or is deleted. Changes in quick succession may
    /// be merged into one. Ends with an error when the session ends or the permission is revoked.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn email_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Reports only e-mails that match after the change. Deleted ones no longer match anything, and are always reported."
        )]
        filter: Option<EmailFilter>,
        #[graphql(
            desc = "Reports first what matches and has changed since this time already, up to 1,000 e-mails: whoever waits for an e-mail need not have begun before it was queued."
        )]
        since: Option<DateTime>,
    ) -> Result<impl Stream<Item = Result<EmailChange>>> {
        let filter = filter
            .map(EmailFilter::decode)
            .transpose()?
            .unwrap_or_default();
        let watcher = Watcher::new(ctx)?;
        let backlog = since.map(|since| (&filter, Timestamp::from(since)));
        let watch = Watch::begin(watcher.app.clone(), backlog).await?;
        Ok(reports(QueueReader {
            watcher,
            watch,
            filter,
            changed: VecDeque::new(),
            found: VecDeque::new(),
        }))
    }
}

/// What has become of an e-mail.
#[derive(SimpleObject)]
pub struct EmailChange {
    /// What has become of it.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    kind: EmailChangeKind,
    /// The ID of the e-mail.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    email_id: ID,
    /// The e-mail as it is now; null if it was deleted.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    email: Option<Email>,
}

impl EmailChange {
    fn new(changed: Changed, email: Option<emails::Email>) -> Self {
        Self {
            kind: changed.kind.into(),
            email_id: ids::encode(changed.id),
            email: email.map(Email::from),
        }
    }
}

/// What can become of an e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "ChangeKind")]
pub enum EmailChangeKind {
    /// It was queued, and nothing else has happened to it.
    Queued,
    /// It changed its state.
    Changed,
    /// An administrator deleted it. What is removed because it is old is not reported.
    Deleted,
}

/// How many e-mails are read at a time: so many wait in memory for a watcher who reads slowly.
const READ_AT_A_TIME: usize = 10;

/// Someone who reads what becomes of the e-mails in the queue.
struct QueueReader {
    watcher: Watcher,
    watch: Watch,
    filter: emails::EmailFilter,
    /// What they have not been told about yet.
    changed: VecDeque<Changed>,
    /// What was read of it.
    found: VecDeque<EmailChange>,
}

impl Reports for QueueReader {
    type Item = EmailChange;

    async fn next(&mut self) -> domain::Result<EmailChange> {
        loop {
            if let Some(change) = self.found.pop_front() {
                self.watcher.must_still_hold(&EMAIL_QUEUE_VIEW).await?;
                return Ok(change);
            }
            if self.changed.is_empty() {
                self.changed.extend(self.watch.next().await?);
            }
            // Read again after each change, and at least as often as the queue is polled.
            let actor = self.watcher.refresh().await?;
            actor.must_hold(&EMAIL_QUEUE_VIEW)?;
            let some = self.changed.len().min(READ_AT_A_TIME);
            let changed: Vec<Changed> = self.changed.drain(..some).collect();
            self.found.extend(self.read(&actor, changed).await?);
        }
    }
}

impl QueueReader {
    /// Those of the changes that the watcher wants to know, with the e-mails as they are now.
    async fn read(&self, actor: &Actor, changed: Vec<Changed>) -> domain::Result<Vec<EmailChange>> {
        let is_there = |change: &&Changed| change.kind != ChangeKind::Deleted;
        let ids: Vec<EmailId> = changed
            .iter()
            .filter(is_there)
            .map(|change| change.id)
            .collect();
        let mut found: HashMap<EmailId, emails::Email> = HashMap::new();
        if !ids.is_empty() {
            let emails =
                changes::find_matching(&self.watcher.app, actor, &self.filter, &ids).await?;
            found.extend(emails.into_iter().map(|email| (email.row().id, email)));
        }
        let changed = changed.into_iter();
        Ok(changed
            .filter_map(|change| match change.kind {
                ChangeKind::Deleted => Some(EmailChange::new(change, None)),
                ChangeKind::Queued | ChangeKind::Changed => {
                    Some(EmailChange::new(change, Some(found.remove(&change.id)?)))
                }
            })
            .collect())
    }
}
