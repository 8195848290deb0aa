//! The subscription to changes in the e-mail queue.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Enum, ID, Result, SimpleObject, Subscription};
use entity::EmailId;
use futures_util::Stream;
use futures_util::stream;
use tokio::time::Instant;

use super::context::{Caller, ContextExt};
use super::emails::{Email, EmailFilter};
use super::guard::{Requires, requires};
use super::ids;
use super::scalars::DateTime;
use crate::domain::App;
use crate::domain::applications::EMAIL_QUEUE_VIEW;
use crate::domain::emails::changes::{self, Watch};
use crate::domain::emails::watchers::{ChangeKind, Changed};
use crate::domain::{self, Actor, emails, sessions};

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
        let app = ctx.app()?.clone();
        let mut watch = Watch::new(app.clone());
        if let Some(since) = since {
            watch = watch.since(&filter, since.into()).await?;
        }
        let watcher = Watcher {
            watch,
            app,
            caller: ctx.caller()?.clone(),
            filter,
            changed: VecDeque::new(),
            found: VecDeque::new(),
            refreshed_at: Instant::now(),
            is_over: false,
        };
        Ok(stream::unfold(watcher, |mut watcher| async move {
            let event = watcher.next().await.transpose()?;
            watcher.is_over |= event.is_err();
            Some((event.map_err(Into::into), watcher))
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

/// For how long what a watcher may do is relied on, while they are told of what was read.
const RELIED_ON_FOR: Duration = Duration::from_secs(1);

/// Someone who is watching the queue.
struct Watcher {
    app: Arc<App>,
    caller: Arc<Caller>,
    filter: emails::EmailFilter,
    watch: Watch,
    /// What they have not been told about yet.
    changed: VecDeque<Changed>,
    /// What was read of it.
    found: VecDeque<EmailChange>,
    refreshed_at: Instant,
    is_over: bool,
}

impl Watcher {
    /// Waits for the next change to report; `None` after an error.
    async fn next(&mut self) -> domain::Result<Option<EmailChange>> {
        if self.is_over {
            return Ok(None);
        }
        while self.found.is_empty() {
            if self.changed.is_empty() {
                self.changed.extend(self.watch.next().await?);
            }
            // Read again after each change, and at least as often as the queue is polled: what they
            // were allowed to do when they subscribed does not count.
            let actor = self.refresh().await?;
            let some = self.changed.len().min(READ_AT_A_TIME);
            let changed: Vec<Changed> = self.changed.drain(..some).collect();
            self.found.extend(self.read(&actor, changed).await?);
        }
        if self.refreshed_at.elapsed() > RELIED_ON_FOR {
            self.refresh().await?;
        }
        Ok(self.found.pop_front())
    }

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
            let emails = changes::find_matching(&self.app, actor, &self.filter, &ids).await?;
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

    async fn refresh(&mut self) -> domain::Result<Actor> {
        self.refreshed_at = Instant::now();
        let actor = sessions::refresh(&self.app, &self.caller.actor()).await?;
        self.caller.refreshed(actor.clone());
        actor.must_hold(&EMAIL_QUEUE_VIEW)?;
        Ok(actor)
    }
}
