//! A change: one unit of work, from the beginning of its transaction to all that follows its commit.
//!
//! Whatever belongs to a change goes through it: who causes it, which events are recorded, which e-mails
//! are queued. The worker and the watchers of the queue hear of the e-mails after the commit, and only
//! then.
//!
//! A database that runs several transactions at once may end one because it lost a race against
//! another. Such a change is made again, whole; therefore nothing outside of the transaction happens
//! in it. What must not happen twice, such as hashing a password, comes before.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entity::{EmailId, Timestamp, UserId, email};

use tracing::Instrument;

use super::EmailAddress;
use super::actor::Actor;
use super::emails::{self, NewEmail};
use super::error::{Error, Result};
use super::events::{self, Action, Changes, Subject};
use crate::database::Transaction;
use crate::domain::app::App;
use crate::email_templates::EmailTemplate;
use crate::telemetry;

mod confirmation;

/// How often a change is made at most, each time because the previous one lost a race.
const MAX_ATTEMPTS: u32 = 8;

/// How long the first repetition waits at most. Each further one may wait twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// A change that is being made. Dropped without [`commit`](Self::commit), it leaves no trace.
#[derive(Debug)]
pub struct Change<'a> {
    app: &'a App,
    transaction: Transaction,
    actor: Actor,
    news: Mutex<News>,
    is_committing: Arc<AtomicBool>,
}

/// What is told after the commit.
#[derive(Debug, Default)]
struct News {
    /// The e-mails that were queued or have changed.
    emails: Vec<EmailId>,
    /// Whether the worker has something to do.
    is_work: bool,
}

/// What a change came to: the only way to make one is to commit it, or to abandon it knowingly.
#[derive(Debug)]
#[must_use]
pub struct Made<T>(T);

/// Makes a change that the actor causes, and makes it again where it loses a race.
///
/// # Errors
///
/// Those of `work`; nothing was changed then, unless it is [`Error::OutcomeUnknown`].
pub async fn make<'a, T, F>(
    app: &'a App,
    actor: &Actor,
    work: impl Fn(Change<'a>) -> F,
) -> Result<T>
where
    F: Future<Output = Result<Made<T>>>,
{
    let mut attempt = 1;
    loop {
        let is_committing = Arc::default();
        let once = async {
            let change = Change::begin(app, actor, Arc::clone(&is_committing)).await?;
            work(change).await
        };
        let span = tracing::info_span!(
            target: telemetry::TARGET,
            "database change",
            otel.kind = "client",
            db.system.name = app.db.kind()
        );
        let made = unless_away(app, once, &is_committing).instrument(span);
        match made.await {
            Ok(Made(value)) => return Ok(value),
            Err(error) if error.is_lost_race() && attempt < MAX_ATTEMPTS => {
                app.metrics.lost_race();
                tracing::debug!(?error, attempt, "a change lost a race and is made again");
                tokio::time::sleep(wait_before_next(attempt)?).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Makes a change once, unless the database is away. What is being committed then is waited for: only
/// that knows whether it may have been stored.
async fn unless_away<T>(
    app: &App,
    once: impl Future<Output = Result<T>>,
    is_committing: &AtomicBool,
) -> Result<T> {
    let mut once = pin!(once);
    let made = match app.db.while_there(&mut once).await {
        Ok(made) => made,
        Err(_) if is_committing.load(Ordering::Relaxed) => once.await,
        Err(away) => return Err(away.into()),
    };
    if let Err(Error::Unavailable(away) | Error::OutcomeUnknown(away)) = &made {
        app.db.look_because(away);
    }
    made
}

/// Writes events that belong to no change: somebody was refused, or shown a secret.
pub async fn record_apart(app: &App, events: &[(Actor, Action, Subject)]) -> Result<()> {
    make(app, &Actor::server(), |mut change| async move {
        for (actor, action, subject) in events {
            change.act_as(actor.clone());
            change.record(*action, subject.clone()).await?;
        }
        change.commit(()).await
    })
    .await
}

/// Random, so that those who raced against each other do not do so again.
fn wait_before_next(attempt: u32) -> Result<Duration> {
    let longest = FIRST_WAIT * 2_u32.saturating_pow(attempt - 1);
    let random = getrandom::u32().map_err(Error::internal)?;
    Ok(longest.mul_f64(f64::from(random) / f64::from(u32::MAX)))
}

impl<'a> Change<'a> {
    async fn begin(app: &'a App, actor: &Actor, is_committing: Arc<AtomicBool>) -> Result<Self> {
        Ok(Self {
            app,
            transaction: app.db.begin().await?,
            actor: actor.clone(),
            news: Mutex::default(),
            is_committing,
        })
    }

    /// The server's parts.
    pub fn app(&self) -> &'a App {
        self.app
    }

    /// The transaction, to read and write by.
    pub fn db(&self) -> &Transaction {
        &self.transaction
    }

    /// Whoever causes it, with the rights that they had when the request came in, or, once confirmed,
    /// that they have now.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Reads again who causes it, who may have been deactivated, or lost a role, while the request waited for
    /// its turn. Until the change is made, nobody can change their account.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] if the session has ended; [`Error::Forbidden`] if the actor has lost any
    /// permission since the request came in, because it may be the one that was required.
    pub async fn confirm(&mut self) -> Result<()> {
        self.confirm_and_lock(None).await
    }

    /// The same for a change to a user, perhaps the actor, whose row is locked for it.
    pub async fn confirm_and_lock(&mut self, target: Option<UserId>) -> Result<()> {
        self.actor =
            confirmation::confirm(self.app, &self.transaction, &self.actor, target).await?;
        Ok(())
    }

    /// From here on somebody else causes it: whoever has just signed in.
    pub fn act_as(&mut self, actor: Actor) {
        self.actor = actor;
    }

    /// Records what is done.
    pub async fn record(&self, action: Action, subject: impl Into<Subject>) -> Result<()> {
        self.record_with(action, subject, Changes::none()).await
    }

    /// Records what is done, and what it changes.
    pub async fn record_with(
        &self,
        action: Action,
        subject: impl Into<Subject>,
        changes: Changes,
    ) -> Result<()> {
        self.record_all(action, [(subject.into(), changes)]).await
    }

    /// Records the same action for up to a few hundred subjects, with one statement.
    pub async fn record_all(
        &self,
        action: Action,
        done: impl IntoIterator<Item = (Subject, Changes)>,
    ) -> Result<()> {
        events::insert(self.app, &self.transaction, &self.actor, action, done).await
    }

    /// Queues an e-mail: neither it nor the change that it announces can exist without the other.
    ///
    /// # Errors
    ///
    /// [`TooManyAttempts`](super::UserErrorCode::TooManyAttempts) if the recipient has been sent too many of
    /// its kind of late. The change must not be made then.
    pub async fn queue(&self, new: NewEmail<'_>) -> Result<email::Model> {
        self.count_email(&new.template, new.to, new.expires_at)
            .await?;
        let queued = self.queue_counted([new]).await?.pop();
        queued.ok_or_else(|| Error::internal("an e-mail was not queued"))
    }

    /// Counts an e-mail that is about to be queued.
    ///
    /// # Errors
    ///
    /// [`TooManyAttempts`](super::UserErrorCode::TooManyAttempts), as for [`queue`](Self::queue). Nothing was
    /// written then.
    pub async fn count_email(
        &self,
        template: &EmailTemplate<'_>,
        to: &EmailAddress,
        expires_at: Option<Timestamp>,
    ) -> Result<()> {
        let (app, db) = (self.app, &self.transaction);
        emails::count_one(app, db, &self.actor, (template, to), expires_at).await
    }

    /// Counts e-mails of the same kind to different recipients, each of which expires at that time: up to a few
    /// hundred. Each has its own outcome, as that of [`count_email`](Self::count_email).
    ///
    /// # Errors
    ///
    /// What is no recipient's fault.
    pub async fn count_emails(
        &self,
        template: &EmailTemplate<'_>,
        new: &[(EmailAddress, Timestamp)],
    ) -> Result<Vec<Result<()>>> {
        emails::count_each(self.app, &self.transaction, &self.actor, template, new).await
    }

    /// Queues e-mails that were counted, with one statement: up to a few hundred.
    pub async fn queue_counted(
        &self,
        new: impl IntoIterator<Item = NewEmail<'_>>,
    ) -> Result<Vec<email::Model>> {
        let queued = emails::insert(self.app, &self.transaction, new).await?;
        if !queued.is_empty() {
            self.has_changed(queued.iter().map(|email| email.id));
            self.wakes_worker();
        }
        Ok(queued)
    }

    /// Tells those who watch the queue of these e-mails, after the commit.
    pub fn has_changed(&self, emails: impl IntoIterator<Item = EmailId>) {
        self.news().emails.extend(emails);
    }

    /// Wakes the mail worker, after the commit.
    pub fn wakes_worker(&self) {
        self.news().is_work = true;
    }

    fn news(&self) -> std::sync::MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores all of it, and tells those who wait for it.
    pub async fn commit<T>(self, value: T) -> Result<Made<T>> {
        self.is_committing.store(true, Ordering::Relaxed);
        self.app.db.commit(self.transaction).await?;
        let news = self
            .news
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for email in news.emails {
            // It is not an error if nobody watches.
            let _ = self.app.email_changed.send(email);
        }
        if news.is_work {
            self.app.mail_queued.notify_one();
        }
        Ok(Made(value))
    }

    /// Stores nothing of it, since there is nothing to change after all.
    pub async fn abandon<T>(self, value: T) -> Result<Made<T>> {
        self.transaction.rollback().await?;
        Ok(Made(value))
    }
}
