//! Sessions: signing in and out, and who a token belongs to.

use std::sync::Arc;
use std::time::Duration;

use entity::{SessionId, UserId, session, user};
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, Set,
};

use super::actor::{Actor, Client, SignedIn};
use super::error::{Error, Result, UserError, UserErrorCode};
use super::events::{Action, Changes, Subject};
use super::passwords::Password;
use super::throttle::{self, Scope};
use super::tokens::Token;
use super::users::{self, User};
use super::{EmailAddress, devices, events, roles};
use crate::app::App;
use crate::database::StoredId;

mod identification;

pub use identification::{authenticate, confirm, confirm_and_lock, refresh};

/// How many characters of a client's `User-Agent` are kept.
const MAX_USER_AGENT_LENGTH: usize = 500;

/// How many sessions a user can have at a time: a program that keeps signing in, and never out,
/// ends its own oldest ones.
pub const MAX_SESSIONS: u64 = 100;

/// A session that has just begun: the only moment at which its token is known.
#[derive(Debug)]
pub struct NewSession {
    /// For `Authorization: Bearer`, or the cookie.
    pub token: Token,
    /// By which the device is known from now on.
    pub device: Token,
    /// The user who is now signed in, and the session.
    pub signed_in: Arc<SignedIn>,
}

/// Begins a session for a user who knows their password.
///
/// # Errors
///
/// [`UserErrorCode::InvalidCredentials`], in the same words and after the same work for an address
/// that is unknown, invited or deactivated and for a wrong password.
pub async fn sign_in(
    app: &App,
    actor: &Actor,
    email: &str,
    password: Password,
    is_kept: bool,
) -> Result<NewSession> {
    let address = EmailAddress::parse(email).ok();
    // What is no address by today's rules may have been one when it was stored.
    let account = match &address {
        Some(address) => address.normal().to_owned(),
        // What is no address by today's rules may have been one when it was stored, though none is
        // as long as what a stranger can send.
        None => {
            let end = email.floor_char_boundary(EmailAddress::MAX_TEXT);
            texts::fold(texts::invisible::trim(&email[..end]))
        }
    };
    let guess = throttle::attempt(app, actor, Scope::Password, &account).await?;
    let known = users::find_by_email(app.db.read(), &account).await?;
    let may_sign_in = |user: &User| user.row.status() == user::Status::Active;
    let candidate = known.clone().filter(may_sign_in);
    let hash = candidate
        .as_ref()
        .and_then(|user| user.row.password_hash.clone());
    let password = password.usable();
    let rehashed = password.duplicate();
    let matches = match app
        .passwords
        .verify(&actor.client, password, hash.clone())
        .await
    {
        Ok(matches) => matches,
        Err(error) => {
            throttle::take_back(app, &guess).await?;
            return Err(error);
        }
    };
    let (Some(user), true) = (candidate, matches) else {
        let subject = match (&known, &address) {
            (Some(user), _) => Subject::from(user),
            (None, Some(address)) => Subject::labelled(address.normal()),
            (None, None) => Subject::none(),
        };
        let transaction = app.db.begin().await?;
        let throttled = guess.delays_the_next.then_some(Action::SignInThrottled);
        for action in [Action::SignInFailed].into_iter().chain(throttled) {
            let subject = subject.clone();
            events::record(app, &transaction, actor, action, subject, Changes::none()).await?;
        }
        transaction.commit().await?;
        return Err(invalid_credentials());
    };

    let rehashed = match &hash {
        Some(hash) if app.passwords.is_outdated(hash) => {
            Some(app.passwords.hash(&actor.client, rehashed).await?)
        }
        _ => None,
    };
    let transaction = app.db.begin().await?;
    // The user may have been deactivated, or changed the password, while it was being verified.
    let user = users::find_locked(&transaction, user.row.id)
        .await?
        .filter(|current| may_sign_in(current) && current.row.password_hash == hash)
        .ok_or_else(invalid_credentials)?;
    if rehashed.is_some() {
        user::ActiveModel {
            id: Set(user.row.id),
            password_hash: Set(rehashed),
            ..Default::default()
        }
        .update(&transaction)
        .await?;
    }
    let session = begin(app, &transaction, &actor.client, user, is_kept).await?;
    throttle::succeeded(&transaction, &guess).await?;
    let signed_in = Actor::user(session.signed_in.clone(), actor.client.clone());
    let subject = Subject::from(&session.signed_in.user);
    events::record(
        app,
        &transaction,
        &signed_in,
        Action::SignedIn,
        subject,
        Changes::none(),
    )
    .await?;
    transaction.commit().await?;
    Ok(session)
}

fn invalid_credentials() -> Error {
    UserError::new(
        UserErrorCode::InvalidCredentials,
        None,
        "Incorrect e-mail address or password.",
    )
    .into()
}

/// How long a session may go unused.
fn idle_timeout(app: &App, is_kept: bool) -> Duration {
    let settings = &app.settings.sessions;
    match is_kept {
        true => settings.idle_timeout,
        false => settings.idle_timeout_unless_kept.min(settings.idle_timeout),
    }
}

/// Begins a session for a user who has just proved who they are. One that is kept outlives the
/// browser, and may go unused for a long time.
pub async fn begin(
    app: &App,
    transaction: &DatabaseTransaction,
    client: &Client,
    mut user: User,
    is_kept: bool,
) -> Result<NewSession> {
    let settings = &app.settings.sessions;
    let now = app.clock.now();
    let ends_at = now.after(settings.absolute_timeout);
    let token = Token::generate()?;
    let session = session::Model {
        id: app.new_id(),
        user_id: user.row.id,
        token_hash: token.hash(),
        user_agent: client
            .user_agent
            .as_ref()
            .map(|agent| agent.chars().take(MAX_USER_AGENT_LENGTH).collect()),
        ip_address: client.ip_address.map(|address| address.to_string()),
        created_at: now,
        last_used_at: now,
        expires_at: now.after(idle_timeout(app, is_kept)).min(ends_at),
        ends_at,
        is_kept,
    };
    session::ActiveModel::from(session.clone())
        .reset_all()
        .insert(transaction)
        .await?;
    end_oldest_of(transaction, user.row.id).await?;
    let device = devices::remember(app, transaction, client, user.row.id, Some(session.id)).await?;
    user.row.last_signed_in_at = now.into();
    user::ActiveModel {
        id: Set(user.row.id),
        last_signed_in_at: Set(user.row.last_signed_in_at),
        ..Default::default()
    }
    .update(transaction)
    .await?;
    let rights = roles::union(&roles::by_ids_in(app, transaction, &user.role_ids).await?);
    Ok(NewSession {
        token,
        device,
        signed_in: Arc::new(SignedIn {
            user,
            session,
            rights,
        }),
    })
}

/// Ends the oldest sessions of a user who has more than [`MAX_SESSIONS`].
async fn end_oldest_of(transaction: &DatabaseTransaction, user: UserId) -> Result<()> {
    let oldest: Vec<SessionId> = session::Entity::find()
        .select_only()
        .column(session::Column::Id)
        .filter(session::Column::UserId.eq(user))
        .order_by_desc(session::Column::CreatedAt)
        .order_by_desc(session::Column::Id)
        .offset(MAX_SESSIONS)
        .limit(MAX_SESSIONS)
        .into_tuple()
        .all(transaction)
        .await?;
    if !oldest.is_empty() {
        session::Entity::delete_many()
            .filter(session::Column::Id.is_in(oldest))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

/// Ends the actor's own session. Not being signed in is not an error: there is nothing to do.
pub async fn sign_out(app: &App, actor: &Actor) -> Result<()> {
    let Ok(signed_in) = actor.signed_in() else {
        return Ok(());
    };
    let transaction = app.db.begin().await?;
    let ended = session::Entity::delete_by_id(signed_in.session.id)
        .exec(&transaction)
        .await?;
    // Another request may have ended it, and recorded that.
    if ended.rows_affected > 0 {
        let action = Action::SignedOut;
        let subject = Subject::from(&signed_in.user);
        events::record(app, &transaction, actor, action, subject, Changes::none()).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The actor's own sessions that have not ended, newest first.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<session::Model>> {
    list_of(app, actor.signed_in()?.user.row.id).await
}

/// The sessions of a user that have not ended, newest first.
pub async fn list_of(app: &App, user: UserId) -> Result<Vec<session::Model>> {
    Ok(current(app)
        .filter(session::Column::UserId.eq(user))
        .order_by_desc(session::Column::CreatedAt)
        .order_by_desc(session::Column::Id)
        .all(app.db.read())
        .await?)
}

/// The session with this ID, if it has not ended.
pub async fn find(app: &App, id: SessionId) -> Result<Option<session::Model>> {
    Ok(current(app)
        .filter(session::Column::Id.eq(id))
        .one(app.db.read())
        .await?)
}

fn current(app: &App) -> Select<session::Entity> {
    session::Entity::find().filter(session::Column::ExpiresAt.gt(app.clock.now()))
}

/// Ends one of the actor's own sessions, which may be the current one.
///
/// # Errors
///
/// [`NotFound`](UserErrorCode::NotFound) for `id`, whether there is no such session or it is
/// somebody else's.
pub async fn revoke(app: &App, actor: &Actor, id: Option<SessionId>) -> Result<SessionId> {
    let signed_in = actor.signed_in()?;
    let user = &signed_in.user;
    let Some(id) = id else {
        return Err(UserError::new(
            UserErrorCode::Invalid,
            "id",
            "This is not the ID of a session.",
        )
        .into());
    };
    let transaction = app.db.begin().await?;
    let ended = session::Entity::delete_many()
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::UserId.eq(user.row.id))
        .exec(&transaction)
        .await?;
    if ended.rows_affected == 0 {
        return Err(
            UserError::new(UserErrorCode::NotFound, "id", "You have no such session.").into(),
        );
    }
    devices::forget(&transaction, id).await?;
    let subject = Subject::session(id, user);
    let action = Action::SessionRevoked;
    events::record(app, &transaction, actor, action, subject, Changes::none()).await?;
    transaction.commit().await?;
    Ok(id)
}

/// Ends all of the actor's own sessions except the current one, and returns how many.
pub async fn revoke_others(app: &App, actor: &Actor) -> Result<u64> {
    let signed_in = actor.signed_in()?;
    let user = &signed_in.user;
    let transaction = app.db.begin().await?;
    confirm(app, &transaction, actor).await?;
    let ended = end_all_of(&transaction, user.row.id, Some(signed_in.session.id)).await?;
    if ended > 0 {
        let action = Action::SessionRevoked;
        events::record(app, &transaction, actor, action, user, Changes::none()).await?;
    }
    transaction.commit().await?;
    Ok(ended)
}

/// Ends all sessions of a user, except possibly one, and returns how many. The devices on which
/// they began are no longer known.
pub async fn end_all_of(
    transaction: &DatabaseTransaction,
    user: UserId,
    except: Option<SessionId>,
) -> Result<u64> {
    devices::forget_all_of(transaction, user, except).await?;
    let mut sessions = session::Entity::delete_many().filter(session::Column::UserId.eq(user));
    if let Some(except) = except {
        sessions = sessions.filter(session::Column::Id.ne(except));
    }
    Ok(sessions.exec(transaction).await?.rows_affected)
}

const PRUNED_AT_ONCE: u64 = 500;

/// Deletes sessions that have ended, and with them the record of where they came from.
pub async fn prune(app: &App) -> Result<()> {
    while prune_some(app).await? == PRUNED_AT_ONCE {}
    Ok(())
}

async fn prune_some(app: &App) -> Result<u64> {
    let transaction = app.db.begin().await?;
    // Those that are just being ended are skipped, not waited for.
    let ended = session::Entity::find()
        .filter(session::Column::ExpiresAt.lte(app.clock.now()))
        .limit(PRUNED_AT_ONCE)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let ended = app.db.ids(&transaction, ended).await?;
    let pruned = session::Entity::delete_many()
        .filter(StoredId::any_of(ended))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(pruned.rows_affected)
}

/// How many sessions have not ended.
pub async fn count(app: &App) -> Result<u64> {
    Ok(current(app).count(app.db.read()).await?)
}
