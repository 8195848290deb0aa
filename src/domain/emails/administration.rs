//! What administrators do with mails: try them again, withdraw them, delete them, and queue one to
//! see whether mail goes out at all.
//!
//! They say which by identifiers or by a filter. An identifier is meant: where it cannot be done,
//! nothing is, and each reason is told. A filter takes what it finds: what cannot be done is passed
//! over.

use entity::email::{Priority, Status};
use entity::{EmailId, LastTime, Timestamp, email};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Select, Set,
};

use super::{Email, EmailFilter, NewEmail, Purpose, as_seen_by, delivery, queue};
use crate::app::App;
use crate::domain::EmailAddress;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{self, Action, Changes, Subject};
use crate::mail::letters::Letter;

/// The most identifiers that one request may name.
const MAX_IDS: usize = 500;

/// How many mails one statement changes: databases bound the number of parameters.
const BATCH: usize = 500;

/// Which mails are meant: by identifier or by filter, exactly one of the two.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// These; `None` stands for an identifier that is no mail's.
    pub ids: Option<Vec<Option<EmailId>>>,
    /// All that this matches.
    pub filter: Option<EmailFilter>,
}

/// Something that can be done with mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Retry,
    Cancel,
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

    /// The mails that it can be done with.
    fn possible(self, now: Timestamp) -> Condition {
        use email::Column;
        match self {
            // The letter of a purpose that has ended would lead nowhere.
            Self::Retry => Condition::all()
                .add(Column::Status.is_in([Status::Failed, Status::Cancelled]))
                .add(
                    Condition::any()
                        .add(Column::ExpiresAt.is_null())
                        .add(Column::ExpiresAt.gt(now)),
                ),
            Self::Cancel => {
                Condition::all().add(Column::Status.is_in([Status::Queued, Status::Failed]))
            }
            // What a worker holds, it would send although it is gone.
            Self::Delete => Condition::all().add(Column::Status.ne(Status::Sending)),
        }
    }

    /// Why it cannot be done with that mail.
    fn obstacle(self, email: &email::Model, now: Timestamp) -> Option<&'static str> {
        let has_ended = email.expires_at.is_some_and(|end| end <= now);
        match (self, email.status) {
            (Self::Retry, Status::Failed | Status::Cancelled) if has_ended => {
                Some("What this mail was for has ended; a new one has to be made.")
            }
            (Self::Retry, Status::Failed | Status::Cancelled) => None,
            (Self::Retry, _) => Some("Only what has failed or was cancelled can be tried again."),
            (Self::Cancel, Status::Queued | Status::Failed) => None,
            (Self::Cancel, _) => Some("Only what is queued or has failed can be cancelled."),
            (Self::Delete, Status::Sending) => {
                Some("It is just being sent; wait until that is over.")
            }
            (Self::Delete, _) => None,
        }
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
                // As many attempts as a new one has.
                attempt_count: Set(0),
                changed_at: Set(now),
                ..Default::default()
            },
            Self::Cancel => email::ActiveModel {
                status: Set(Status::Cancelled),
                next_attempt_at: Set(LastTime::NEVER),
                changed_at: Set(now),
                ..Default::default()
            },
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

/// Queues mails again that have failed or were cancelled, and returns how many.
///
/// # Errors
///
/// For `ids`, at their index: invalid, not found, [`WrongState`](UserErrorCode::WrongState); neither
/// or both of `ids` and `filter`.
pub async fn retry(app: &App, actor: &Actor, chosen: &Chosen) -> Result<u64> {
    let count = change(app, actor, chosen, Deed::Retry).await?;
    app.mail_queued.notify_one();
    Ok(count)
}

/// Withdraws mails that wait or have failed, and returns how many. Errors as for [`retry`].
pub async fn cancel(app: &App, actor: &Actor, chosen: &Chosen) -> Result<u64> {
    change(app, actor, chosen, Deed::Cancel).await
}

/// Deletes mails with their attempts, unless they are just being sent, and returns how many. Errors
/// as for [`retry`].
pub async fn delete(app: &App, actor: &Actor, chosen: &Chosen) -> Result<u64> {
    change(app, actor, chosen, Deed::Delete).await
}

async fn change(app: &App, actor: &Actor, chosen: &Chosen, deed: Deed) -> Result<u64> {
    let now = app.clock.now();
    let transaction = app.db.begin().await?;
    let meant = match (&chosen.ids, &chosen.filter) {
        (Some(ids), None) => by_ids(&transaction, ids, deed, now).await?,
        (None, Some(filter)) => {
            lock(filter.select(app).filter(deed.possible(now)), &transaction).await?
        }
        (None, None) => return Err(choose(UserErrorCode::Required)),
        (Some(_), Some(_)) => return Err(choose(UserErrorCode::Invalid)),
    };
    for ids in meant.chunks(BATCH) {
        deed.perform(&transaction, ids, now).await?;
    }
    if !meant.is_empty() {
        record(app, &transaction, actor, deed, &meant).await?;
    }
    transaction.commit().await?;
    for id in &meant {
        delivery::changed(app, *id);
    }
    Ok(meant.len() as u64)
}

fn choose(code: UserErrorCode) -> Error {
    UserError::new(code, None, "Say which e-mails: either `ids` or `filter`.").into()
}

/// The mails' keys, whose rows no worker claims until the transaction has ended.
async fn lock(
    select: Select<email::Entity>,
    transaction: &DatabaseTransaction,
) -> Result<Vec<EmailId>> {
    Ok(select
        .select_only()
        .column(email::Column::Id)
        .lock(LockType::Update)
        .into_tuple()
        .all(transaction)
        .await?)
}

async fn by_ids(
    transaction: &DatabaseTransaction,
    ids: &[Option<EmailId>],
    deed: Deed,
    now: Timestamp,
) -> Result<Vec<EmailId>> {
    let error = |code, message: &str| UserError::new(code, "ids", message);
    if ids.is_empty() {
        return Err(error(UserErrorCode::Required, "Name at least one e-mail.").into());
    }
    if ids.len() > MAX_IDS {
        return Err(error(UserErrorCode::TooLong, "Name at most 500 e-mails.").into());
    }
    let found = email::Entity::find()
        .filter(email::Column::Id.is_in(ids.iter().flatten().copied()))
        .lock(LockType::Update)
        .all(transaction)
        .await?;
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
            None if meant.contains(id) => {}
            None => meant.push(*id),
        }
    }
    errors.into_result()?;
    Ok(meant)
}

/// One event for all of them; of a single mail it tells whom that was for.
async fn record(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    deed: Deed,
    meant: &[EmailId],
) -> Result<()> {
    let subject = match meant {
        [id] if deed != Deed::Delete => {
            let recipients: Option<String> = email::Entity::find_by_id(*id)
                .select_only()
                .column(email::Column::Recipients)
                .into_tuple()
                .one(transaction)
                .await?;
            Subject::email(*id, &recipients.unwrap_or_default())
        }
        [id] => Subject::email(*id, ""),
        _ => Subject::unknown(format!("{} e-mails", meant.len())),
    };
    let changes = Changes::none().field("count", None, meant.len().to_string());
    events::record(app, transaction, actor, deed.action(), subject, changes).await
}

/// Queues a letter that says nothing but that mail goes out. It takes the way that all letters take.
///
/// # Errors
///
/// For `to`: required, too long, or no address.
pub async fn send_test(app: &App, actor: &Actor, to: &str) -> Result<Email> {
    let to = EmailAddress::parse("to", to)?;
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
        // Somebody sits and waits for it.
        priority: Priority::High,
        secret_link: None,
        purpose: Purpose::None,
        expires_at: None,
    };
    let row = queue(app, &transaction, new).await?;
    let subject = Subject::email(row.id, &row.recipients);
    let (action, none) = (Action::TestEmailSent, Changes::none());
    events::record(app, &transaction, actor, action, subject, none).await?;
    transaction.commit().await?;
    super::queued(app, row.id);
    let seen = as_seen_by(app, actor, vec![row]).await?.pop();
    seen.ok_or_else(|| Error::internal("a mail was lost on its way to its reader"))
}
