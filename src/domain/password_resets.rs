//! Password resets: links with which users who have forgotten their password choose a new one.
//!
//! The response to a request is the same, and takes as long, whoever the address belongs to: the
//! request is stored and nothing else. The mail worker processes it after the response.

use std::net::IpAddr;

use entity::email::Priority;
use entity::{
    PasswordResetId, PasswordResetRequestId, Timestamp, UserId, password_reset,
    password_reset_request, user,
};
use sea_orm::sea_query::{LockBehavior, LockType, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, ModelTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set, TransactionTrait,
};

use super::actor::{Actor, Client};
use super::emails::{self, NewEmail, Purpose, Queued};
use super::error::{Error, Result, UserError, UserErrorCode};
use super::events::{self, Action, Changes, Subject};
use super::passwords::{self, Password};
use super::throttle::{self, Scope};
use super::tokens::{self, Token};
use super::users::policy::{self, UserAction};
use super::users::{self, User};
use super::{devices, email_address, sessions};
use crate::app::App;
use crate::letters::Letter;

mod requirement;
mod retention;

pub use requirement::{RequiredPassword, require_new_password};
pub use retention::prune;

/// A user who has this many working links is not sent another one on request.
const MAX_OPEN: u64 = 3;

/// Stores a request to reset the password of this address.
///
/// # Errors
///
/// Errors for the address, and [`TooManyAttempts`](UserErrorCode::TooManyAttempts), whether or not
/// anybody has the address.
pub async fn request(app: &App, actor: &Actor, email: &str) -> Result<()> {
    let account = email_address::read_account("email", email)?;
    // Each request counts, and is not taken back: it can cause an e-mail.
    let _counted = throttle::attempt(app, actor, Scope::PasswordReset, &account).await?;
    let transaction = app.db.begin().await?;
    password_reset_request::ActiveModel {
        id: Set(app.new_id()),
        email_normal: Set(account),
        ip_address: Set(actor.client.ip_address.map(|address| address.to_string())),
        created_at: Set(app.clock.now()),
    }
    .insert(&transaction)
    .await?;
    transaction.commit().await?;
    app.mail_queued.notify_one();
    Ok(())
}

/// Sends the requested links. Requests for unknown addresses, or for users who cannot sign in, are
/// dropped, and so is one that cannot be answered: those behind it must not wait for it.
pub async fn answer_requests(app: &App) -> Result<()> {
    // Usually there are none, and then no write has to wait in line just to find that out.
    let any = password_reset_request::Entity::find().limit(1);
    if any.count(app.db.read()).await? == 0 {
        return Ok(());
    }
    let mut failed = None;
    loop {
        match answer_one_request(app).await? {
            Answered::None => return Ok(()),
            Answered::One => {}
            // A deadlock is no fault of the request's: it has a second try.
            Answered::Failed(id, error) if failed == Some(id) => {
                tracing::error!(?error, id = %id.0, "a request for a password reset was dropped");
                remove_request(app, password_reset_request::Column::Id.eq(id)).await?;
            }
            Answered::Failed(id, _) => failed = Some(id),
        }
    }
}

/// What became of the oldest request.
enum Answered {
    /// There was none.
    None,
    /// It is done.
    One,
    /// It is still there.
    Failed(PasswordResetRequestId, Error),
}

async fn answer_one_request(app: &App) -> Result<Answered> {
    let transaction = app.db.begin().await?;
    let oldest = password_reset_request::Entity::find()
        .order_by_asc(password_reset_request::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .limit(1);
    let mut oldest = app.db.find(&transaction, oldest).await?;
    if let Some(unreadable) = oldest.unreadable.pop() {
        drop(transaction);
        remove_request(app, unreadable.is_id()).await?;
        return Ok(Answered::One);
    }
    let Some(request) = oldest.rows.pop() else {
        return Ok(Answered::None);
    };
    let id = request.id;
    let answered = async {
        let letter = answer(app, &transaction, &request).await?;
        request.delete(&transaction).await?;
        transaction.commit().await?;
        Ok(letter)
    };
    match answered.await {
        Ok(letter) => {
            if let Some(letter) = letter {
                letter.announce(app);
            }
            Ok(Answered::One)
        }
        Err(error) => Ok(Answered::Failed(id, error)),
    }
}

async fn remove_request(app: &App, which: SimpleExpr) -> Result<()> {
    let transaction = app.db.begin().await?;
    password_reset_request::Entity::delete_many()
        .filter(which)
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

async fn answer(
    app: &App,
    transaction: &DatabaseTransaction,
    request: &password_reset_request::Model,
) -> Result<Option<Queued>> {
    let user = match users::find_by_email(app, transaction, &request.email_normal).await? {
        // They may be about to be deactivated, which ends all links.
        Some(user) => users::find_locked(app, transaction, user.row.id).await?,
        None => None,
    };
    let actor = Actor::anonymous(Client {
        ip_address: request
            .ip_address
            .as_deref()
            .and_then(|text| text.parse::<IpAddr>().ok()),
        ..Client::default()
    });
    let subject = match &user {
        Some(user) => Subject::from(user),
        None => Subject::labelled(&request.email_normal),
    };
    let action = Action::PasswordResetRequested;
    events::record(app, transaction, &actor, action, subject, Changes::none()).await?;
    let Some(user) = user.filter(|user| user.row.status() == user::Status::Active) else {
        return Ok(None);
    };
    // Their inbox already has enough e-mails with working links.
    if count_open(app, transaction, user.row.id).await? >= MAX_OPEN {
        return Ok(None);
    }
    // Whether they have been sent too many e-mails is not told either: the request is dropped.
    let nested = transaction.begin().await?;
    match send(app, &nested, &actor, &user).await {
        Ok(letter) => {
            nested.commit().await?;
            Ok(Some(letter))
        }
        Err(Error::Refused(_)) => {
            nested.rollback().await?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// How many of the user's links still work.
async fn count_open(app: &App, transaction: &DatabaseTransaction, user: UserId) -> Result<u64> {
    use password_reset::Column;
    Ok(password_reset::Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::UsedAt.is_null())
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(app.clock.now()))
        .count(transaction)
        .await?)
}

/// Sends a user a link on behalf of an administrator, who never sees it.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::SendPasswordReset`], and of [`emails::queue`].
pub async fn send_for(app: &App, actor: &Actor, id: Option<UserId>) -> Result<User> {
    let transaction = app.db.begin().await?;
    let allowed = UserAction::SendPasswordReset;
    let (ref actor, user) = policy::find_for(app, &transaction, actor, id, allowed).await?;
    let action = Action::PasswordResetRequested;
    events::record(app, &transaction, actor, action, &user, Changes::none()).await?;
    let letter = send(app, &transaction, actor, &user).await?;
    transaction.commit().await?;
    letter.announce(app);
    Ok(user)
}

/// The outcome of a request for a link that no e-mail brings.
#[derive(Debug)]
pub enum PrintedLink {
    /// The link, and when it stops working.
    Created {
        /// Whoever opens it chooses the user's password.
        link: String,
        /// From when on it no longer works.
        expires_at: Timestamp,
    },
    /// Nobody has the address.
    Unknown,
    /// They have not chosen a first password yet.
    Invited,
    /// They cannot sign in, and a link would not work.
    Deactivated,
}

/// Creates a link for an active user on the server's own behalf, and sends no e-mail. For operators
/// who have access to the server's database, when e-mails do not arrive.
pub async fn create_by_server(app: &App, email: &str) -> Result<PrintedLink> {
    let transaction = app.db.begin().await?;
    let user = match users::find_by_email(app, &transaction, &email_address::account(email)).await?
    {
        Some(user) => users::find_locked(app, &transaction, user.row.id).await?,
        None => None,
    };
    let Some(user) = user else {
        return Ok(PrintedLink::Unknown);
    };
    match user.row.status() {
        user::Status::Invited => return Ok(PrintedLink::Invited),
        user::Status::Deactivated => return Ok(PrintedLink::Deactivated),
        user::Status::Active => {}
    }
    let (actor, action) = (Actor::server(), Action::PasswordResetRequested);
    events::record(app, &transaction, &actor, action, &user, Changes::none()).await?;
    let (reset, link) = create(app, &transaction, &user).await?;
    transaction.commit().await?;
    Ok(PrintedLink::Created {
        link,
        expires_at: reset.expires_at,
    })
}

/// Creates the reset and its e-mail.
async fn send(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    user: &User,
) -> Result<Queued> {
    let (reset, link) = create(app, transaction, user).await?;
    emails::queue(
        app,
        transaction,
        actor,
        NewEmail {
            letter: Letter::PasswordReset {
                recipient: &user.display_name(),
                expires_at: reset.expires_at,
            },
            to: &user.address(),
            priority: Priority::High,
            secret_link: Some(link),
            purpose: Purpose::PasswordReset(reset.id),
            expires_at: Some(reset.expires_at),
        },
    )
    .await
}

/// Creates the reset, and returns it with its link. Links that were sent before keep working until
/// they expire or one of them is used: anyone may request a link, and must not be able to revoke
/// those of others.
async fn create(
    app: &App,
    transaction: &DatabaseTransaction,
    user: &User,
) -> Result<(password_reset::Model, String)> {
    let now = app.clock.now();
    let token = Token::generate()?;
    let reset = password_reset::Model {
        id: app.new_id(),
        user_id: user.row.id,
        token_hash: token.hash(),
        created_at: now,
        expires_at: now.after(app.settings.passwords.reset_valid_for),
        used_at: None,
        revoked_at: None,
    };
    password_reset::ActiveModel::from(reset.clone())
        .reset_all()
        .insert(transaction)
        .await?;
    let link = app.link(&app.settings.links.password_reset, &token);
    Ok((reset, link))
}

/// Revokes any links of the user that still work, and ends the purpose of their e-mails. For a
/// change of the password or the address, and a deactivation.
pub async fn void_open(app: &App, transaction: &DatabaseTransaction, user: UserId) -> Result<()> {
    use password_reset::Column;
    let open = password_reset::Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::UsedAt.is_null())
        .filter(Column::RevokedAt.is_null());
    let open: Vec<PasswordResetId> = (app.db.all(transaction, open).await?)
        .into_iter()
        .map(|reset| reset.id)
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    password_reset::Entity::update_many()
        .set(password_reset::ActiveModel {
            revoked_at: Set(Some(app.clock.now())),
            ..Default::default()
        })
        .filter(Column::Id.is_in(open.iter().copied()))
        .exec(transaction)
        .await?;
    emails::end_purpose_of_resets(app, transaction, &open).await
}

/// A password that has been reset.
#[derive(Debug)]
pub struct Completed {
    /// The user, who has proved who they are.
    pub user: User,
    /// By which the device is known from now on.
    pub device: Token,
}

/// Sets a new password with the token from a link. Of any number of attempts with one token,
/// exactly one succeeds; one that is refused leaves the token usable. All of the user's sessions
/// end, and they are notified by e-mail.
///
/// # Errors
///
/// [`TokenInvalid`](UserErrorCode::TokenInvalid) or [`TokenExpired`](UserErrorCode::TokenExpired)
/// for `token`, and the password policy's errors for `newPassword`.
pub async fn complete(
    app: &App,
    actor: &Actor,
    token: &str,
    password: Password,
) -> Result<Completed> {
    let (reset, user) = find_by_token(app, token).await?;
    let hash = passwords::hash_new(
        app,
        &actor.client,
        "newPassword",
        password,
        &user.password_context(),
    )
    .await?;

    let transaction = app.db.begin().await?;
    // Read again: the user may have been deactivated while the password was hashed. Whoever changes
    // a user and their links locks the user first.
    let mut user = users::find_locked(app, &transaction, user.row.id)
        .await?
        .filter(|user| user.row.status() == user::Status::Active)
        .ok_or_else(token_invalid)?;
    use_up(app, &transaction, reset.id).await?;
    user.row = passwords::set(app, &transaction, user.row.id, hash).await?;
    emails::end_purpose_of_resets(app, &transaction, &[reset.id]).await?;
    void_open(app, &transaction, user.row.id).await?;
    sessions::end_all_of(&transaction, user.row.id, None).await?;
    throttle::lift(app, &transaction, &user.row.email_normal).await?;
    let device = devices::remember(app, &transaction, &actor.client, user.row.id, None).await?;
    let notice = passwords::give_notice(app, &transaction, actor, &user).await?;
    let action = Action::PasswordReset;
    events::record(app, &transaction, actor, action, &user, Changes::none()).await?;
    transaction.commit().await?;
    notice.announce(app);
    Ok(Completed { user, device })
}

/// The reset that a token belongs to. Looking it up does not use up the token.
pub async fn preview(app: &App, token: &str) -> Result<Option<password_reset::Model>> {
    let with_it = password_reset::Entity::find()
        .filter(password_reset::Column::TokenHash.eq(tokens::hash(token)));
    Ok(app.db.one(app.db.read(), with_it).await?)
}

async fn find_by_token(app: &App, token: &str) -> Result<(password_reset::Model, User)> {
    let reset = preview(app, token).await?.ok_or_else(token_invalid)?;
    match reset.status(app.clock.now()) {
        password_reset::Status::Pending => {}
        password_reset::Status::Expired => return Err(token_expired()),
        password_reset::Status::Used | password_reset::Status::Revoked => {
            return Err(token_invalid());
        }
    }
    let user = users::find(app, reset.user_id)
        .await?
        .filter(|user| user.row.status() == user::Status::Active)
        .ok_or_else(token_invalid)?;
    Ok((reset, user))
}

/// Marks the reset as used if it still works: the one place where a race is decided.
async fn use_up(app: &App, transaction: &DatabaseTransaction, id: PasswordResetId) -> Result<()> {
    use password_reset::Column;
    let now = app.clock.now();
    let used = password_reset::Entity::update_many()
        .set(password_reset::ActiveModel {
            used_at: Set(Some(now)),
            ..Default::default()
        })
        .filter(Column::Id.eq(id))
        .filter(Column::UsedAt.is_null())
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec(transaction)
        .await?;
    match used.rows_affected {
        1 => Ok(()),
        _ => Err(token_invalid()),
    }
}

fn token_invalid() -> Error {
    UserError::new(
        UserErrorCode::TokenInvalid,
        "token",
        "This link is invalid or has already been used. Ask for a new one.",
    )
    .into()
}

fn token_expired() -> Error {
    UserError::new(
        UserErrorCode::TokenExpired,
        "token",
        "This link has expired. Ask for a new one.",
    )
    .into()
}
