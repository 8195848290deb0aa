//! The subscription to changes in the e-mail queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Result, Subscription};
use entity::EmailId;
use futures_util::Stream;
use futures_util::stream;
use tokio::time::Instant;

use super::context::{Caller, ContextExt};
use super::emails::{Email, EmailFilter};
use super::guard::{Requires, requires};
use crate::domain::App;
use crate::domain::applications::EMAIL_QUEUE_VIEW;
use crate::domain::emails::changes::{self, Watch};
use crate::domain::{self, Actor, emails, sessions};

/// The subscriptions to e-mails.
#[derive(Default)]
pub struct EmailSubscription;

#[Subscription]
impl EmailSubscription {
    /// Reports each e-mail that is queued or changes state. Changes in quick succession may be
    /// merged into one. Ends with an error when the session ends or the permission is revoked.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn email_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Reports only e-mails that match after the change.")] filter: Option<
            EmailFilter,
        >,
    ) -> Result<impl Stream<Item = Result<Email>>> {
        let filter = filter
            .map(EmailFilter::decode)
            .transpose()?
            .unwrap_or_default();
        let app = ctx.app()?.clone();
        let watcher = Watcher {
            watch: Watch::new(app.clone()),
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
            Some((event.map(Email::from).map_err(Into::into), watcher))
        }))
    }
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
    changed: VecDeque<EmailId>,
    /// What was read of it.
    found: VecDeque<emails::Email>,
    refreshed_at: Instant,
    is_over: bool,
}

impl Watcher {
    /// Waits for the next e-mail to report; `None` after an error.
    async fn next(&mut self) -> domain::Result<Option<emails::Email>> {
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
            let ids: Vec<EmailId> = self.changed.drain(..some).collect();
            if !ids.is_empty() {
                let found = changes::find_matching(&self.app, &actor, &self.filter, &ids).await?;
                self.found.extend(found);
            }
        }
        if self.refreshed_at.elapsed() > RELIED_ON_FOR {
            self.refresh().await?;
        }
        Ok(self.found.pop_front())
    }

    async fn refresh(&mut self) -> domain::Result<Actor> {
        self.refreshed_at = Instant::now();
        let actor = sessions::refresh(&self.app, &self.caller.actor()).await?;
        self.caller.refreshed(actor.clone());
        actor.must_hold(&EMAIL_QUEUE_VIEW)?;
        Ok(actor)
    }
}
