//! The subscription to the e-mail queue.

use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::{Context, Result, Subscription};
use entity::EmailId;
use futures_util::Stream;
use futures_util::stream;

use super::context::{Caller, ContextExt};
use super::emails::{Email, EmailFilter};
use super::guard::{Requires, requires};
use crate::app::App;
use crate::domain::applications::EMAIL_QUEUE_VIEW;
use crate::domain::emails::changes::{self, Watch};
use crate::domain::{self, emails, sessions};

/// What can be watched.
#[derive(Default)]
pub struct EmailSubscription;

#[Subscription]
impl EmailSubscription {
    /// A mail was queued or changed its state. Changes that follow each other closely may come as
    /// one. It ends with an error when the session ends, or the permission is taken away.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn email_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these mails, by what they have become.")] filter: Option<
            EmailFilter,
        >,
    ) -> Result<impl Stream<Item = Result<Email>>> {
        let filter = filter
            .map(EmailFilter::decode)
            .transpose()?
            .unwrap_or_default();
        let app = ctx.shared_app()?;
        let watcher = Watcher {
            watch: Watch::new(&app),
            app,
            caller: ctx.shared_caller()?,
            filter,
            changed: VecDeque::new(),
            is_over: false,
        };
        Ok(stream::unfold(watcher, |mut watcher| async move {
            let event = watcher.next().await.transpose()?;
            watcher.is_over |= event.is_err();
            Some((event.map(Email).map_err(Into::into), watcher))
        }))
    }
}

/// Somebody who watches the queue.
struct Watcher {
    app: Arc<App>,
    caller: Arc<Caller>,
    filter: emails::EmailFilter,
    watch: Watch,
    /// What they have not been told yet.
    changed: VecDeque<EmailId>,
    is_over: bool,
}

impl Watcher {
    /// Waits for the next mail that they are to be told of; nothing after an error, or once the
    /// server stops.
    async fn next(&mut self) -> domain::Result<Option<emails::Email>> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            // Read again for each event, and at least as often as the queue is looked at: what they
            // might do when they subscribed does not count.
            let actor = sessions::refresh(&self.app, &self.caller.actor()).await?;
            self.caller.refreshed(actor.clone());
            actor.must_hold(&EMAIL_QUEUE_VIEW)?;
            match self.changed.pop_front() {
                Some(id) => {
                    let email = changes::find_matching(&self.app, &actor, &self.filter, id).await?;
                    if email.is_some() {
                        return Ok(email);
                    }
                }
                None => match self.watch.next(&self.app).await? {
                    Some(news) => self.changed.extend(news),
                    None => return Ok(None),
                },
            }
        }
    }
}
