//! Those who watch: what subscriptions have in common.
//!
//! Each asks again who is watching before it tells anything, and ends with an error once they may no longer
//! know it.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Result};
use futures_util::{Stream, stream};
use tokio::time::Instant;

use super::context::{Caller, ContextExt};
use crate::domain::App;
use crate::domain::applications::Permission;
use crate::domain::{self, Actor, sessions};

/// For how long what a watcher may do is relied on, while they are told of what was read.
const RELIED_ON_FOR: Duration = Duration::from_secs(1);

/// What there is to report, one after the other.
pub trait Reports: Send {
    /// What is reported.
    type Item: Send;

    /// Waits for the next.
    fn next(&mut self) -> impl Future<Output = domain::Result<Self::Item>> + Send;
}

/// A stream of it that ends after an error.
pub fn reports<R: Reports>(from: R) -> impl Stream<Item = Result<R::Item>> {
    stream::unfold(Some(from), |from| async move {
        let mut from = from?;
        Some(match from.next().await {
            Ok(item) => (Ok(item), Some(from)),
            Err(error) => (Err(error.into()), None),
        })
    })
}

/// Who is watching.
pub struct Watcher {
    /// What every request shares.
    pub app: Arc<App>,
    caller: Arc<Caller>,
    refreshed_at: Instant,
}

impl Watcher {
    /// Whoever sent the subscription.
    pub fn new(ctx: &Context<'_>) -> Result<Self> {
        Ok(Self {
            app: ctx.app()?.clone(),
            caller: ctx.caller()?.clone(),
            refreshed_at: Instant::now(),
        })
    }

    /// Who they are by now: what they were allowed to do when they subscribed does not count.
    ///
    /// # Errors
    ///
    /// [`domain::Error::Unauthenticated`] once their session has ended.
    pub async fn refresh(&mut self) -> domain::Result<Actor> {
        self.refreshed_at = Instant::now();
        let actor = sessions::refresh(&self.app, &self.caller.actor()).await?;
        self.caller.refreshed(actor.clone());
        Ok(actor)
    }

    /// Checks that they may still be told what was read for them, however long they took to read what came
    /// before it.
    ///
    /// # Errors
    ///
    /// Those of [`refresh`](Self::refresh), and [`domain::Error::Forbidden`].
    pub async fn must_still_hold(&mut self, permission: &Permission) -> domain::Result<()> {
        if self.refreshed_at.elapsed() > RELIED_ON_FOR {
            self.refresh().await?.must_hold(permission)?;
        }
        Ok(())
    }
}
