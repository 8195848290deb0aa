//! The subscription to changes in the e-mail queue.

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

/// Someone who is watching the queue.
struct Watcher {
    app: Arc<App>,
    caller: Arc<Caller>,
    filter: emails::EmailFilter,
    watch: Watch,
    /// What they have not been told about yet.
    changed: VecDeque<EmailId>,
    is_over: bool,
}

impl Watcher {
    /// Waits for the next e-mail to report; `None` after an error.
    async fn next(&mut self) -> domain::Result<Option<emails::Email>> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            // Read again for each event, and at least as often as the queue is polled: what they
            // were allowed to do when they subscribed does not count.
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
                None => self.changed.extend(self.watch.next(&self.app).await?),
            }
        }
    }
}
