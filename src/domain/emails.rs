//! The e-mail queue: how e-mails get into it, and who may see what of them.
//!
//! How they leave it is in [`delivery`], what administrators do with them in [`administration`].

use std::collections::HashMap;

use entity::email::{Priority, Status};
use entity::{
    EmailId, InvitationId, PasswordResetId, TimeOrNever, Timestamp, UserId, email, email_attempt,
    invitation, password_reset,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, Set, Value,
};
use uuid::Uuid;

use super::actor::{Actor, Principal};
use super::error::{Error, Result};
use super::links::address::SecretLink;
use super::throttle::limits;
use super::{EmailAddress, text};
use crate::config;
use crate::database::{Transaction, Write};
use crate::domain::app::App;
pub use crate::email_templates::EmailKind;
use crate::email_templates::EmailTemplate;

pub mod administration;
pub mod changes;
pub mod delivery;
pub mod domain_limits;
mod listing;
mod pausing;
pub mod retention;
mod state;
mod visibility;
pub mod watchers;

pub use listing::{EmailFilter, EmailOrderField, count, find_briefly, of_invitations, page};
pub use pausing::{pause, resume, transport_has_answered};
pub use state::{
    OldestDue, counts, failed_since, oldest_due, oldest_due_age, queue_state, recent_counts,
    recipients_of,
};
use visibility::as_seen_by;
pub use visibility::{Email, MASK};

/// An e-mail to be queued.
#[derive(Debug)]
pub struct NewEmail<'a> {
    /// What it says, and the data for it.
    pub template: EmailTemplate<'a>,
    /// One alone: a copy would share its secret link.
    pub to: &'a EmailAddress,
    /// How urgent it is.
    pub priority: Priority,
    /// The secret link in it, if there is one.
    pub secret_link: Option<SecretLink>,
    /// What it is for. It is not sent once that has ended.
    pub purpose: Purpose,
    /// When it becomes useless, if ever.
    pub expires_at: Option<Timestamp>,
}

/// What an e-mail is for, and what its secret link grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It carries the link of this invitation.
    Invitation(InvitationId),
    /// It carries the link of this password reset.
    PasswordReset(PasswordResetId),
    /// It only informs.
    None,
}

/// Counts an e-mail before it is queued. Use [`Change::count_email`](super::change::Change::count_email).
///
/// # Errors
///
/// [`TooManyAttempts`](super::UserErrorCode::TooManyAttempts) if the recipient has been sent too many of its
/// kind of late. What causes the e-mail must not happen then.
pub(super) async fn count_one(
    app: &App,
    transaction: &Transaction,
    actor: &Actor,
    (template, to): (&EmailTemplate<'_>, &EmailAddress),
    expires_at: Option<Timestamp>,
) -> Result<()> {
    if !is_counted(actor, template) {
        return Ok(());
    }
    let useful_for = expires_at.map(|end| end.since(app.clock.now()));
    limits::email(app, transaction, template.kind(), to, useful_for).await
}

/// The same for e-mails of the same kind to different recipients. Use
/// [`Change::count_emails`](super::change::Change::count_emails).
pub(super) async fn count_each(
    app: &App,
    transaction: &Transaction,
    actor: &Actor,
    template: &EmailTemplate<'_>,
    new: &[(EmailAddress, Timestamp)],
) -> Result<Vec<Result<()>>> {
    if !is_counted(actor, template) {
        return Ok(new.iter().map(|_| Ok(())).collect());
    }
    let now = app.clock.now();
    let new = new.iter().map(|(to, end)| (to, Some(end.since(now))));
    limits::emails(app, transaction, template.kind(), new).await
}

/// Writes e-mails that were counted into the queue, a few hundred at most, with one statement. Use
/// [`Change::queue`](super::change::Change::queue).
pub(super) async fn insert(
    app: &App,
    transaction: &Transaction,
    new: impl IntoIterator<Item = NewEmail<'_>>,
) -> Result<Vec<email::Model>> {
    let rows = new.into_iter().map(|new| row(app, new));
    let rows: Vec<email::Model> = rows.collect::<Result<_>>()?;
    if rows.is_empty() {
        return Ok(rows);
    }
    let all = rows.iter().cloned();
    email::Entity::insert_many(all.map(|row| email::ActiveModel::from(row).reset_all()))
        .write(transaction)
        .await?;
    Ok(rows)
}

fn row(app: &App, new: NewEmail<'_>) -> Result<email::Model> {
    let written = app
        .email_templates
        .render(&new.template)
        .map_err(Error::internal)?;
    let id: EmailId = app.new_id();
    let now = app.clock.now();
    Ok(email::Model {
        id,
        kind: new.template.kind().to_owned(),
        status: Status::Queued,
        priority: new.priority,
        from_mailbox: app.settings.mail.from.mailbox().to_owned(),
        recipients: new.to.as_typed().to_owned(),
        recipients_key: text::fold(new.to.as_typed()),
        subject_key: text::fold(&written.subject),
        subject: written.subject,
        text_body: written.text,
        html_body: written.html,
        token_at: new.secret_link.as_ref().and_then(|link| link.token_at),
        secret_link: new.secret_link.map(|link| link.url),
        invitation_id: match new.purpose {
            Purpose::Invitation(id) => Some(id),
            Purpose::PasswordReset(_) | Purpose::None => None,
        },
        password_reset_id: match new.purpose {
            Purpose::PasswordReset(id) => Some(id),
            Purpose::Invitation(_) | Purpose::None => None,
        },
        expires_at: new.expires_at,
        message_id: message_id(id, &app.settings.mail.from),
        attempt_count: 0,
        last_error: None,
        next_attempt_at: now.into(),
        claim_id: None,
        lease_until: None,
        created_at: now,
        sent_at: TimeOrNever::NEVER,
        changed_at: now,
    })
}

/// Whether so many of these e-mails would be a nuisance to their recipient that they are refused. An
/// operator at the server's own terminal may repeat anything. A notice of a new password is never
/// refused: it may be the only sign of an attack, and a link that works must set one.
fn is_counted(actor: &Actor, template: &EmailTemplate<'_>) -> bool {
    let is_protection = matches!(template, EmailTemplate::PasswordChanged { .. });
    !matches!(actor.principal, Principal::Server) && !is_protection
}

/// An ID under the sender's domain (RFC 5322, section 3.6.4), the same for every attempt, so that a
/// recipient's server recognises an e-mail that reaches it twice.
fn message_id(id: EmailId, sender: &config::Sender) -> String {
    format!("<{}@{}>", id.0, sender.domain().unwrap_or("localhost"))
}

/// Ends the purpose of the e-mails that carry these links, of which `column` says which: queued ones are
/// cancelled, one that is being sent is not retried, and no row keeps the link.
pub(super) async fn end_purpose<I: Copy + Into<Value>>(
    app: &App,
    transaction: &Transaction,
    column: email::Column,
    links: &[I],
) -> Result<()> {
    let now = app.clock.now();
    let of_these = column.is_in(links.iter().copied());
    // This comes first: it waits for a worker that is just requeuing one of them, and the second
    // statement then finds it queued.
    email::Entity::update_many()
        .set(email::ActiveModel {
            secret_link: Set(None),
            expires_at: Set(Some(now)),
            ..Default::default()
        })
        .filter(of_these.clone())
        .write(transaction)
        .await?;
    email::Entity::update_many()
        .set(cancelled(now))
        .filter(of_these)
        .filter(email::Column::Status.eq(Status::Queued))
        .write(transaction)
        .await?;
    Ok(())
}

/// What changes in an e-mail that is cancelled.
fn cancelled(now: Timestamp) -> email::ActiveModel {
    email::ActiveModel {
        status: Set(Status::Cancelled),
        next_attempt_at: Set(TimeOrNever::NEVER),
        changed_at: Set(now),
        ..Default::default()
    }
}

/// The e-mails whose purpose has not ended.
fn still_serves(now: Timestamp) -> Condition {
    Condition::any()
        .add(email::Column::ExpiresAt.is_null())
        .add(email::Column::ExpiresAt.gt(now))
}

/// The e-mail with this ID.
pub async fn find(app: &App, actor: &Actor, id: EmailId) -> Result<Option<Email>> {
    Ok(find_all(app, actor, [id]).await?.pop())
}

/// The e-mails with these IDs, in no order, with one query for all of them.
pub async fn find_all(
    app: &App,
    actor: &Actor,
    ids: impl IntoIterator<Item = EmailId>,
) -> Result<Vec<Email>> {
    let these = email::Entity::find().filter(email::Column::Id.is_in(ids));
    let rows = app.db.all(app.db.read(), these).await?;
    as_seen_by(app, actor, rows).await
}

/// The attempts to send these e-mails, oldest first, with one query for all of them.
pub async fn attempts_of(
    app: &App,
    ids: impl IntoIterator<Item = EmailId>,
) -> Result<Vec<email_attempt::Model>> {
    let oldest_first = email_attempt::Entity::find()
        .filter(email_attempt::Column::EmailId.is_in(ids))
        .order_by_asc(email_attempt::Column::StartedAt)
        .order_by_asc(email_attempt::Column::Id);
    Ok(app.db.all(app.db.read(), oldest_first).await?)
}

/// Whom the links in these e-mails are for, with one query each for invitations and password resets.
pub async fn users_of(
    app: &App,
    emails: impl IntoIterator<Item = &email::Model> + Clone,
) -> Result<HashMap<EmailId, UserId>> {
    let all = || emails.clone().into_iter();
    let db = app.db.read();
    let mut users: HashMap<Uuid, UserId> = HashMap::new();
    let invitations: Vec<InvitationId> = all().filter_map(|email| email.invitation_id).collect();
    if !invitations.is_empty() {
        let these = invitation::Entity::find().filter(invitation::Column::Id.is_in(invitations));
        let found = app.db.all(db, these).await?;
        users.extend(found.into_iter().map(|found| (found.id.0, found.user_id)));
    }
    let resets: Vec<PasswordResetId> = all().filter_map(|email| email.password_reset_id).collect();
    if !resets.is_empty() {
        let these = password_reset::Entity::find().filter(password_reset::Column::Id.is_in(resets));
        let found = app.db.all(db, these).await?;
        users.extend(found.into_iter().map(|found| (found.id.0, found.user_id)));
    }
    Ok(all()
        .filter_map(|email| {
            let invitation = email.invitation_id.map(|id| id.0);
            let link = invitation.or(email.password_reset_id.map(|id| id.0))?;
            Some((email.id, *users.get(&link)?))
        })
        .collect())
}
