//! The e-mail queue: how e-mails get into it, and who may see what of them.
//!
//! How they leave it is in [`delivery`], what administrators do with them in [`administration`].

use std::collections::HashMap;

use entity::email::{Priority, Status};
use entity::{
    EmailId, InvitationId, PasswordResetId, TimeOrNever, Timestamp, UserId, email, email_attempt,
    invitation, user_role,
};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, Set,
};

use super::actor::{Actor, Who};
use super::applications::EMAIL_QUEUE_VIEW_SENSITIVE;
use super::error::{Error, Result};
use super::{EmailAddress, roles, text, throttle};
use crate::app::App;
use crate::config;
use crate::letters::{Letter, RenderedLetter};

pub mod administration;
pub mod changes;
pub mod delivery;
pub mod lanes;
mod listing;
pub mod retention;
mod state;

pub use listing::{EmailFilter, EmailOrderField, count, page};
pub use state::{counts, oldest_due_age, pause, queue_state, resume};

/// Replaces the link in a body for a reader who may not see it.
pub const MASK: &str = "[secret link]";

/// An e-mail to be queued.
#[derive(Debug)]
pub struct NewEmail<'a> {
    /// Its content.
    pub letter: Letter<'a>,
    /// The recipient.
    pub to: &'a EmailAddress,
    /// How urgent it is.
    pub priority: Priority,
    /// The secret link in it, if there is one.
    pub secret_link: Option<String>,
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

/// Queues an e-mail that the actor causes, in the transaction of the change that it announces:
/// neither can exist without the other.
///
/// # Errors
///
/// [`TooManyAttempts`](super::UserErrorCode::TooManyAttempts) if the recipient has been sent too many of its
/// kind of late. The change must not be made then.
pub async fn queue(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    new: NewEmail<'_>,
) -> Result<Queued> {
    if is_counted(actor, &new.letter) {
        let useful_for = new.expires_at.map(|end| end.since(app.clock.now()));
        throttle::email(app, transaction, new.letter.kind(), new.to, useful_for).await?;
    }
    let written = app.letters.write(&new.letter).map_err(Error::internal)?;
    let id: EmailId = app.new_id();
    let now = app.clock.now();
    let row = email::Model {
        id,
        kind: new.letter.kind().to_owned(),
        status: Status::Queued,
        priority: new.priority,
        from_mailbox: app.settings.mail.from.mailbox().to_owned(),
        recipients: new.to.as_typed().to_owned(),
        recipients_key: text::fold(new.to.as_typed()),
        subject_key: text::fold(&written.subject),
        subject: written.subject,
        text_body: written.text,
        html_body: written.html,
        secret_link: new.secret_link,
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
    };
    email::ActiveModel::from(row.clone())
        .reset_all()
        .insert(transaction)
        .await?;
    Ok(Queued(row))
}

/// Whether so many of these e-mails would be a nuisance to their recipient that they are refused. An
/// operator at the server's own terminal may repeat anything. A notice of a new password is never
/// refused: it may be the only sign of an attack, and a link that works must set one.
fn is_counted(actor: &Actor, letter: &Letter<'_>) -> bool {
    let is_protection = matches!(letter, Letter::PasswordChanged { .. });
    !matches!(actor.who, Who::Server) && !is_protection
}

/// A queued e-mail that neither the worker nor any watcher has heard of yet.
#[derive(Debug)]
#[must_use = "after the commit, announce it"]
pub struct Queued(email::Model);

impl Queued {
    /// Its row.
    pub fn row(&self) -> &email::Model {
        &self.0
    }

    /// Wakes the worker and notifies watchers; to be called after the commit.
    pub fn announce(self, app: &App) {
        app.mail_queued.notify_one();
        delivery::changed(app, self.0.id);
    }
}

/// An ID under the sender's domain (RFC 5322, section 3.6.4), the same for every attempt, so that a
/// recipient's server recognises an e-mail that reaches it twice.
fn message_id(id: EmailId, sender: &config::Sender) -> String {
    format!("<{}@{}>", id.0, sender.domain().unwrap_or("localhost"))
}

/// Ends the purpose of an invitation's e-mails: queued ones are cancelled, one that is being sent
/// is not retried, and no row keeps the link.
pub async fn end_purpose(
    app: &App,
    transaction: &DatabaseTransaction,
    invitations: &[InvitationId],
) -> Result<()> {
    if invitations.is_empty() {
        return Ok(());
    }
    let of_these = email::Column::InvitationId.is_in(invitations.iter().copied());
    end_purpose_where(app, transaction, of_these).await
}

/// The same for the e-mails of password resets.
pub async fn end_purpose_of_resets(
    app: &App,
    transaction: &DatabaseTransaction,
    resets: &[PasswordResetId],
) -> Result<()> {
    if resets.is_empty() {
        return Ok(());
    }
    let of_these = email::Column::PasswordResetId.is_in(resets.iter().copied());
    end_purpose_where(app, transaction, of_these).await
}

async fn end_purpose_where(
    app: &App,
    transaction: &DatabaseTransaction,
    of_these: Expr,
) -> Result<()> {
    let now = app.clock.now();
    // This comes first: it waits for a worker that is just requeuing one of them, and the second
    // statement then finds it queued.
    email::Entity::update_many()
        .set(email::ActiveModel {
            secret_link: Set(None),
            expires_at: Set(Some(now)),
            ..Default::default()
        })
        .filter(of_these.clone())
        .exec(transaction)
        .await?;
    email::Entity::update_many()
        .set(cancelled(now))
        .filter(of_these)
        .filter(email::Column::Status.eq(Status::Queued))
        .exec(transaction)
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

/// An e-mail as one reader may see it.
#[derive(Clone, Debug)]
pub struct Email {
    row: email::Model,
    link: Option<String>,
}

impl Email {
    /// Everything about the e-mail except its bodies and its link, which depend on the reader.
    pub fn row(&self) -> &email::Model {
        &self.row
    }

    /// The secret link, if it still serves a purpose and this reader may see it.
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// The text, with the link masked unless this reader may see it.
    pub fn text_body(&self) -> String {
        RenderedLetter::fill_in(&self.row.text_body, self.link().unwrap_or(MASK))
    }

    /// The HTML, with the link masked unless this reader may see it.
    pub fn html_body(&self) -> String {
        RenderedLetter::fill_in_html(&self.row.html_body, self.link().unwrap_or(MASK))
    }
}

/// Decides which links the reader may see. A link must still serve a purpose, and the reader must
/// hold `email-queue.view-sensitive` and be able to assign every role of the invited user. Otherwise
/// anyone who reads the queue could take over an account with more permissions than their own.
async fn as_seen_by(app: &App, actor: &Actor, rows: Vec<email::Model>) -> Result<Vec<Email>> {
    let visible = match actor.holds(&EMAIL_QUEUE_VIEW_SENSITIVE) {
        true => invitations_within(app, actor, &rows).await?,
        false => Vec::new(),
    };
    Ok(rows
        .into_iter()
        .map(|mut row| {
            let link = row.secret_link.take();
            let may_see = row.invitation_id.is_some_and(|id| visible.contains(&id));
            Email {
                link: link.filter(|_| may_see),
                row,
            }
        })
        .collect())
}

/// The e-mails' invitations that are pending, and whose users' roles the actor could assign.
async fn invitations_within(
    app: &App,
    actor: &Actor,
    rows: &[email::Model],
) -> Result<Vec<InvitationId>> {
    let linked: Vec<InvitationId> = rows
        .iter()
        .filter(|row| row.secret_link.is_some())
        .filter_map(|row| row.invitation_id)
        .collect();
    if linked.is_empty() {
        return Ok(Vec::new());
    }
    let db = app.db.read();
    let now = app.clock.now();
    let linked = invitation::Entity::find().filter(invitation::Column::Id.is_in(linked));
    let pending: Vec<invitation::Model> = (app.db.all(db, linked).await?)
        .into_iter()
        .filter(|invitation| invitation.status(now) == invitation::Status::Pending)
        .collect();
    let mut role_ids: HashMap<UserId, Vec<_>> = HashMap::new();
    let invited = pending.iter().map(|invitation| invitation.user_id);
    let held = user_role::Entity::find().filter(user_role::Column::UserId.is_in(invited));
    for held in app.db.all(db, held).await? {
        role_ids.entry(held.user_id).or_default().push(held.role_id);
    }
    let mut visible = Vec::new();
    for invitation in pending {
        let ids = role_ids.remove(&invitation.user_id).unwrap_or_default();
        let rights = roles::union(&roles::by_ids(app, &ids).await?);
        if roles::policy::may_assign(actor, &rights) {
            visible.push(invitation.id);
        }
    }
    Ok(visible)
}

/// The e-mail with this ID.
pub async fn find(app: &App, actor: &Actor, id: EmailId) -> Result<Option<Email>> {
    let found = email::Entity::find_by_id(id);
    let found = app.db.one(app.db.read(), found).await?;
    let found = found.into_iter().collect();
    Ok(as_seen_by(app, actor, found).await?.pop())
}

/// The e-mails that carried an invitation, newest first.
pub async fn of_invitation(app: &App, actor: &Actor, id: InvitationId) -> Result<Vec<Email>> {
    let rows = email::Entity::find()
        .filter(email::Column::InvitationId.eq(id))
        .order_by_desc(email::Column::CreatedAt)
        .order_by_desc(email::Column::Id);
    let rows = app.db.all(app.db.read(), rows).await?;
    as_seen_by(app, actor, rows).await
}

/// The attempts to send an e-mail, oldest first.
pub async fn attempts(app: &App, id: EmailId) -> Result<Vec<email_attempt::Model>> {
    let oldest_first = email_attempt::Entity::find()
        .filter(email_attempt::Column::EmailId.eq(id))
        .order_by_asc(email_attempt::Column::StartedAt)
        .order_by_asc(email_attempt::Column::Id);
    Ok(app.db.all(app.db.read(), oldest_first).await?)
}
