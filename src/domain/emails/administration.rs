//! What administrators do with e-mails: retry, cancel and delete them, and queue a test e-mail.
//!
//! They choose e-mails by ID or by a filter. Each ID is meant: if the operation is impossible for
//! one of them, nothing is changed, and every reason is reported. A filter skips the e-mails for
//! which the operation is impossible.

use entity::email::{Priority, Status};
use entity::{EmailId, Timestamp, email};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter,
    QuerySelect, Select, Set,
};

use super::{
    Email, EmailFilter, NewEmail, Purpose, as_seen_by, cancelled, delivery, queue, still_serves,
};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::email_address;
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{self, Action, Changes, Subject};
use crate::letters::Letter;

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
    Filter(EmailFilter),
}

impl Selection {
    /// By ID or by filter, exactly one of the two.
    ///
    /// # Errors
    ///
    /// [`Required`](UserErrorCode::Required) for neither, [`Invalid`](UserErrorCode::Invalid) for
    /// both.
    pub fn new(ids: Option<Vec<Option<EmailId>>>, filter: Option<EmailFilter>) -> Result<Self> {
        let code = match (ids, filter) {
            (Some(ids), None) => return Ok(Self::Ids(ids)),
            (None, Some(filter)) => return Ok(Self::Filter(filter)),
            (None, None) => UserErrorCode::Required,
            (Some(_), Some(_)) => UserErrorCode::Invalid,
        };
        Err(UserError::new(code, None, "Provide either `ids` or `filter`, not both.").into())
    }
}

/// What can be done with e-mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Requeue failed and cancelled e-mails, and make queued ones due that wait for a later attempt.
    Retry,
    /// Cancel queued and failed e-mails.
    Cancel,
    /// Delete e-mails with their attempts, unless they are being sent.
    Delete,
}

impl Deed {
    fn action(self) -> Action {
        match self {
            Self::Retry => Action::EmailsRetried,
            Self::Cancel => Action::EmailsCancelled,
            Self::Delete => Action::EmailsDeleted,
        }
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
    fn obstacle(self, email: &email::Model, now: Timestamp) -> Option<&'static str> {
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
        transaction: &DatabaseTransaction,
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
                email::Entity::delete_many()
                    .filter(of_these)
                    .exec(transaction)
                    .await?;
                return Ok(());
            }
        };
        email::Entity::update_many()
            .set(change)
            .filter(of_these)
            .exec(transaction)
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

/// Does it with the chosen e-mails, and returns how many it was done with: not those for which there
/// was nothing to do.
///
/// # Errors
///
/// For `ids`, at their index: invalid, not found, [`WrongState`](UserErrorCode::WrongState).
pub async fn change(app: &App, actor: &Actor, deed: Deed, meant: &Selection) -> Result<u64> {
    let now = app.clock.now();
    let transaction = app.db.begin().await?;
    let meant = match meant {
        Selection::Ids(ids) => by_ids(app, &transaction, ids, deed, now).await?,
        Selection::Filter(filter) => {
            let possible = filter.select(app).filter(deed.possible(now));
            lock(app, possible, &transaction).await?
        }
    };
    for ids in meant.chunks(BATCH) {
        deed.perform(&transaction, ids, now).await?;
    }
    if !meant.is_empty() {
        record(app, &transaction, actor, deed, &meant).await?;
    }
    transaction.commit().await?;
    if deed == Deed::Retry {
        app.mail_queued.notify_one();
    }
    for id in &meant {
        delivery::changed(app, *id);
    }
    Ok(meant.len() as u64)
}

/// The e-mails' IDs. Their rows stay locked until the transaction ends, so no worker claims them.
async fn lock(
    app: &App,
    select: Select<email::Entity>,
    transaction: &DatabaseTransaction,
) -> Result<Vec<EmailId>> {
    let select = select
        .select_only()
        .column(email::Column::Id)
        .lock(LockType::Update);
    let locked: Vec<Locked> = app.db.all_as(transaction, select).await?;
    Ok(locked.into_iter().map(|email| email.id).collect())
}

#[derive(FromQueryResult)]
struct Locked {
    id: EmailId,
}

async fn by_ids(
    app: &App,
    transaction: &DatabaseTransaction,
    ids: &[Option<EmailId>],
    deed: Deed,
    now: Timestamp,
) -> Result<Vec<EmailId>> {
    let error = |code, message: &str| UserError::new(code, "ids", message);
    if ids.is_empty() {
        return Err(error(UserErrorCode::Required, "Provide at least one ID.").into());
    }
    if ids.len() > MAX_IDS {
        let message = format!("Provide at most {MAX_IDS} IDs.");
        return Err(error(UserErrorCode::TooLong, &message).into());
    }
    let found = email::Entity::find()
        .filter(email::Column::Id.is_in(ids.iter().flatten().copied()))
        .lock(LockType::Update);
    let found = app.db.all(transaction, found).await?;
    let mut errors = UserErrors::default();
    let mut meant = Vec::new();
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
        match deed.obstacle(email, now) {
            Some(message) => {
                errors.push(error(UserErrorCode::WrongState, message).at(index));
            }
            None if meant.contains(id) || deed.is_done(email, now) => {}
            None => meant.push(*id),
        }
    }
    errors.finish(Some(meant))
}

/// One event for all of them; for a single e-mail, it says who the recipient was.
async fn record(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    deed: Deed,
    meant: &[EmailId],
) -> Result<()> {
    let subject = match meant {
        [id] if deed != Deed::Delete => {
            let email = app
                .db
                .one(transaction, email::Entity::find_by_id(*id))
                .await?;
            let recipients = email.map(|email| email.recipients);
            Subject::email(*id, &recipients.unwrap_or_default())
        }
        [id] => Subject::email(*id, ""),
        _ => Subject::labelled(format!("{} e-mails", meant.len())),
    };
    let changes = Changes::none().field("count", None, meant.len().to_string());
    events::record(app, transaction, actor, deed.action(), subject, changes).await
}

/// Queues a test e-mail, which takes the same path as every other e-mail.
///
/// # Errors
///
/// For `to`: required, too long, or not an address; and those of [`queue`].
pub async fn send_test(app: &App, actor: &Actor, to: &str) -> Result<Email> {
    let to = email_address::read("to", to)?;
    let transaction = app.db.begin().await?;
    let sender = actor
        .signed_in()
        .ok()
        .map(|sender| sender.user.display_name());
    let new = NewEmail {
        letter: Letter::Test {
            sender: sender.as_deref(),
            queued_at: app.clock.now(),
        },
        to: &to,
        // Somebody is watching for it.
        priority: Priority::High,
        secret_link: None,
        purpose: Purpose::None,
        expires_at: None,
    };
    let queued = queue(app, &transaction, actor, new).await?;
    let row = queued.row().clone();
    let subject = Subject::email(row.id, &row.recipients);
    let (action, none) = (Action::TestEmailSent, Changes::none());
    events::record(app, &transaction, actor, action, subject, none).await?;
    transaction.commit().await?;
    queued.announce(app);
    let seen = as_seen_by(app, actor, vec![row]).await?.pop();
    seen.ok_or_else(|| Error::internal("an e-mail was lost on its way to its reader"))
}
