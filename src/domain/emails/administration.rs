//! What administrators do with e-mails: retry, cancel and delete them, and queue a test e-mail.
//!
//! They choose e-mails by ID or by a filter. Each ID is selected: if the operation is impossible for
//! one of them, nothing is changed, and every reason is reported. A filter skips the e-mails for
//! which the operation is impossible.

use entity::email::{Priority, Status};
use entity::{EmailId, Timestamp, email};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Select, Set};

use super::delivery::transport_pause;
use super::{
    Email, EmailFilter, NewEmail, Purpose, as_seen_by, cancelled, changes, queue_state,
    still_serves,
};
use crate::database::{Transaction, Write};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::{EMAIL_QUEUE_DELETE, EMAIL_QUEUE_UPDATE, Permission};
use crate::domain::change::{self, Change};
use crate::domain::email_address;
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{Action, Changes, Subject};
use crate::domain::idempotency_keys::{self, Key, Operation};
use crate::email_templates::EmailTemplate;

/// How many IDs one request may contain.
const MAX_IDS: usize = 500;

/// How many e-mails one statement changes: databases limit the number of parameters.
const BATCH: usize = 500;

/// The chosen e-mails.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Their IDs; `None` stands for an ID that is not an e-mail's.
    Ids(Vec<Option<EmailId>>),
    /// All e-mails that match this filter.
    Filter(Box<EmailFilter>),
}

/// What can be done with e-mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailAction {
    /// Requeue failed and cancelled e-mails, and make queued ones due that wait for a later attempt.
    Retry,
    /// Cancel queued and failed e-mails.
    Cancel,
    /// Delete e-mails with their attempts, unless they are being sent.
    Delete,
}

impl EmailAction {
    fn event(self) -> Action {
        match self {
            Self::Retry => Action::EmailsRetried,
            Self::Cancel => Action::EmailsCancelled,
            Self::Delete => Action::EmailsDeleted,
        }
    }

    /// The permission that it requires.
    fn permission(self) -> Permission {
        match self {
            Self::Retry | Self::Cancel => EMAIL_QUEUE_UPDATE,
            Self::Delete => EMAIL_QUEUE_DELETE,
        }
    }

    /// Whether the actor could do it with this e-mail now, for front ends.
    pub fn is_allowed(self, actor: &Actor, email: &email::Model, now: Timestamp) -> bool {
        actor.holds(&self.permission()) && self.reason_not(email, now).is_none()
    }

    /// The states in which it is possible.
    fn states(self) -> &'static [Status] {
        match self {
            Self::Retry => &[Status::Queued, Status::Failed, Status::Cancelled],
            Self::Cancel => &[Status::Queued, Status::Failed],
            // A worker would still send an e-mail that it has claimed, even after its deletion.
            Self::Delete => &[
                Status::Queued,
                Status::Sent,
                Status::Failed,
                Status::Cancelled,
            ],
        }
    }

    /// Whether the purpose must not have ended: the link would lead nowhere.
    fn needs_purpose(self) -> bool {
        self == Self::Retry
    }

    /// The e-mails for which it is possible.
    fn possible(self, now: Timestamp) -> Condition {
        let in_state = email::Column::Status.is_in(self.states().iter().copied());
        let in_state = Condition::all().add(in_state);
        match self {
            Self::Retry => in_state.add(still_serves(now)).add(is_due(now).not()),
            Self::Cancel | Self::Delete => in_state,
        }
    }

    /// Whether the e-mail is as it is to be.
    fn is_done(self, email: &email::Model, now: Timestamp) -> bool {
        let is_due = email.status == Status::Queued && email.next_attempt_at <= now.into();
        self == Self::Retry && is_due
    }

    /// Why it is impossible for this e-mail.
    fn reason_not(self, email: &email::Model, now: Timestamp) -> Option<&'static str> {
        if !self.states().contains(&email.status) {
            return Some(match self {
                Self::Retry => "Only queued, failed or cancelled e-mails can be retried.",
                Self::Cancel => "Only queued or failed e-mails can be cancelled.",
                Self::Delete => "This e-mail is being sent right now. Try again in a moment.",
            });
        }
        let has_ended = email.expires_at.is_some_and(|end| end <= now);
        (self.needs_purpose() && has_ended).then_some(
            "The invitation or reset that this e-mail was for has ended. Send a new one.",
        )
    }

    async fn perform(
        self,
        app: &App,
        transaction: &Transaction,
        ids: &[EmailId],
        now: Timestamp,
    ) -> Result<()> {
        let of_these = email::Column::Id.is_in(ids.iter().copied());
        let change = match self {
            Self::Retry => email::ActiveModel {
                status: Set(Status::Queued),
                next_attempt_at: Set(now.into()),
                // As many attempts as a new e-mail has.
                attempt_count: Set(0),
                changed_at: Set(now),
                ..Default::default()
            },
            Self::Cancel => cancelled(now),
            Self::Delete => {
                changes::note_deleted(app, transaction, ids).await?;
                email::Entity::delete_many()
                    .filter(of_these)
                    .write_many(transaction)
                    .await?;
                return Ok(());
            }
        };
        email::Entity::update_many()
            .set(change)
            .filter(of_these)
            .write_many(transaction)
            .await?;
        Ok(())
    }
}

/// The e-mails that the next free worker takes.
fn is_due(now: Timestamp) -> Condition {
    Condition::all()
        .add(email::Column::Status.eq(Status::Queued))
        .add(email::Column::NextAttemptAt.lte(now))
}

/// Does it with the chosen e-mails, and returns those that it was done with: not those for which there was
/// nothing to do.
///
/// # Errors
///
/// For `ids`, at their index: invalid, not found, [`WrongState`](UserErrorCode::WrongState).
pub async fn change(
    app: &App,
    actor: &Actor,
    action: EmailAction,
    selection: &Selection,
) -> Result<Vec<EmailId>> {
    change::make(app, actor, |change| async move {
        let now = app.clock.now();
        let selected = match selection {
            Selection::Ids(ids) => by_ids(&change, ids, action, now).await?,
            Selection::Filter(filter) => {
                let possible = filter
                    .filters(&app.db)
                    .select()
                    .filter(action.possible(now));
                lock(&change, possible).await?
            }
        };
        for ids in selected.chunks(BATCH) {
            action.perform(app, change.db(), ids, now).await?;
        }
        if !selected.is_empty() {
            record(&change, action, &selected).await?;
        }
        if action == EmailAction::Retry {
            change.wakes_worker();
        }
        change.has_changed(selected.iter().copied());
        change.commit(selected).await
    })
    .await
}

/// The e-mails' IDs. Their rows stay locked until the transaction ends, so no worker claims them.
async fn lock(change: &Change<'_>, select: Select<email::Entity>) -> Result<Vec<EmailId>> {
    let select = select
        .select_only()
        .column(email::Column::Id)
        .lock(LockType::Update);
    Ok(change.app().db.all_as(change.db(), select).await?)
}

async fn by_ids(
    change: &Change<'_>,
    ids: &[Option<EmailId>],
    action: EmailAction,
    now: Timestamp,
) -> Result<Vec<EmailId>> {
    let error = |code, message: &str| UserError::new(code, "ids", message);
    if ids.is_empty() {
        return Err(error(UserErrorCode::Required, "Provide at least one ID.").into());
    }
    if ids.len() > MAX_IDS {
        let message = format!("Provide at most {MAX_IDS} IDs.");
        return Err(error(UserErrorCode::TooMany, &message)
            .with("max", MAX_IDS)
            .into());
    }
    let found = email::Entity::find()
        .filter(email::Column::Id.is_in(ids.iter().flatten().copied()))
        .lock(LockType::Update);
    let found = change.app().db.all(change.db(), found).await?;
    let mut errors = UserErrors::default();
    let mut selected = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let Some(id) = id else {
            let message = "This is not the ID of an e-mail.";
            errors.push(error(UserErrorCode::Invalid, message).at(index));
            continue;
        };
        let Some(email) = found.iter().find(|email| email.id == *id) else {
            errors.push(error(UserErrorCode::NotFound, "There is no such e-mail.").at(index));
            continue;
        };
        match action.reason_not(email, now) {
            Some(message) => {
                errors.push(error(UserErrorCode::WrongState, message).at(index));
            }
            None if selected.contains(id) || action.is_done(email, now) => {}
            None => selected.push(*id),
        }
    }
    let (selected,) = errors.finish((Some(selected),))?;
    Ok(selected)
}

/// One event for all of them; for a single e-mail, it says who the recipient was.
async fn record(change: &Change<'_>, action: EmailAction, selected: &[EmailId]) -> Result<()> {
    let subject = match selected {
        [id] if action != EmailAction::Delete => {
            let email = email::Entity::find_by_id(*id);
            let email = change.app().db.one(change.db(), email).await?;
            let recipients = email.map(|email| email.recipients);
            Subject::email(*id, &recipients.unwrap_or_default())
        }
        [id] => Subject::email(*id, ""),
        _ => Subject::labelled(format!("{} e-mails", selected.len())),
    };
    let changes = Changes::none().field("count", None, selected.len().to_string());
    change.record_with(action.event(), subject, changes).await
}

/// Queues a test e-mail, which takes the same path as every other e-mail. With an idempotency key it is queued
/// once, and whoever comes again is shown that one.
///
/// # Errors
///
/// For `to`: required, too long, or not an address; those of [`Key::read`], [`Key::take`] and [`Change::queue`];
/// and for `idempotencyKey`, not found, if the e-mail was deleted since.
pub async fn send_test(app: &App, actor: &Actor, to: &str, key: Option<&str>) -> Result<Email> {
    let mut errors = UserErrors::default();
    let key = errors.check_all(Key::read(Operation::SendTestEmail, key, &to))?;
    let to = errors.check(email_address::read("to", to));
    let (to, key) = &errors.finish((to, key))?;
    let key = key.as_ref();
    let sender = &actor
        .signed_in()
        .ok()
        .map(|sender| sender.user.display_name());
    let row = change::make(app, actor, |mut change| async move {
        change.confirm().await?;
        if let Some(sent) = idempotency_keys::take(&change, key).await? {
            let sent = email::Entity::find_by_id::<EmailId>(sent);
            let sent = app.db.one(change.db(), sent).await?;
            let message = "The e-mail that this key has queued was deleted since.";
            let sent = sent.ok_or_else(|| idempotency_keys::gone(message))?;
            return change.commit(sent).await;
        }
        let new = NewEmail {
            template: EmailTemplate::Test {
                sender: sender.as_deref(),
                queued_at: app.clock.now(),
            },
            to,
            // Somebody is watching for it.
            priority: Priority::High,
            secret_link: None,
            purpose: Purpose::None,
            expires_at: None,
        };
        // Whoever asks for it wants to know how the transport is now.
        let mut state = queue_state(app, change.db()).await?;
        transport_pause::probe_now(&change, &mut state).await?;
        let row = change.queue(new).await?;
        let subject = Subject::email(row.id, &row.recipients);
        change.record(Action::TestEmailSent, subject).await?;
        idempotency_keys::store(&change, key, &row.id).await?;
        change.commit(row).await
    })
    .await?;
    let seen = as_seen_by(app, actor, vec![row]).await?.pop();
    seen.ok_or_else(|| Error::internal("an e-mail was lost on its way to its reader"))
}
