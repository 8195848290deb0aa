//! Sessions: signing in and out, and who a token belongs to.

use std::sync::Arc;
use std::time::Duration;

use entity::{SessionId, UserId, session, user};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
};

use super::actor::{Actor, SignedIn};
use super::change::{self, Change};
use super::error::{Result, UserError, UserErrorCode};
use super::events::{Action, Subject};
use super::retention::remove_in_batches;
use super::text;
use super::tokens::Token;
use super::users::User;
use super::{devices, roles};
use crate::database::{Source, StoredId, Transaction, Write, update_row};
use crate::domain::app::App;

mod identification;
pub mod owner;
mod sign_in;

pub use identification::{authenticate, refresh};
pub use sign_in::sign_in;

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

/// How long a session may go unused.
fn idle_timeout(app: &App, is_kept: bool) -> Duration {
    let settings = &app.settings.sessions;
    if is_kept {
        settings.idle_timeout
    } else {
        settings.idle_timeout_unless_kept.min(settings.idle_timeout)
    }
}

/// Begins a session for a user who has just proved who they are, and who causes the rest of the change.
/// One that is kept outlives the browser, and may go unused for a long time.
pub async fn begin(change: &mut Change<'_>, mut user: User, is_kept: bool) -> Result<NewSession> {
    let (app, db) = (change.app(), change.db());
    let client = change.actor().client.clone();
    let settings = &app.settings.sessions;
    let now = app.clock.now();
    let ends_at = now.after(settings.absolute_timeout);
    let token = Token::generate()?;
    let session = session::Model {
        id: app.new_id(),
        user_id: user.row.id,
        token_hash: token.hash(),
        user_agent: client.user_agent.as_deref().map(text::user_agent),
        ip_address: client.ip_address.map(|address| address.to_string()),
        created_at: now,
        last_used_at: now,
        expires_at: now.after(idle_timeout(app, is_kept)).min(ends_at),
        ends_at,
        is_kept,
    };
    session::Entity::insert(session::ActiveModel::from(session.clone()).reset_all())
        .write(db)
        .await?;
    end_oldest_of(app, db, user.row.id).await?;
    let device = devices::remember(change, user.row.id, Some(session.id)).await?;
    let changed = user::ActiveModel {
        last_signed_in_at: Set(now.into()),
        ..user.row.into()
    };
    user.row = update_row(db, changed).await?;
    let rights = roles::granted_by(app, db, &user.role_ids).await?;
    let signed_in = Arc::new(SignedIn {
        user,
        session,
        rights,
    });
    change.act_as(Actor::user(signed_in.clone(), client));
    Ok(NewSession {
        token,
        device,
        signed_in,
    })
}

/// Ends the oldest sessions of a user who has more than [`MAX_SESSIONS`].
async fn end_oldest_of(app: &App, transaction: &Transaction, user: UserId) -> Result<()> {
    let oldest = session::Entity::find()
        .filter(session::Column::UserId.eq(user))
        .order_by_desc(session::Column::CreatedAt)
        .order_by_desc(session::Column::Id)
        .offset(MAX_SESSIONS)
        .limit(MAX_SESSIONS);
    let oldest = app.db.ids(transaction, oldest).await?;
    if !oldest.is_empty() {
        session::Entity::delete_many()
            .filter(StoredId::any_of::<session::Entity>(oldest))
            .write(transaction)
            .await?;
    }
    Ok(())
}

/// Ends the actor's own session. Not being signed in is not an error: there is nothing to do.
pub async fn sign_out(app: &App, actor: &Actor) -> Result<()> {
    let Ok(signed_in) = actor.signed_in() else {
        return Ok(());
    };
    change::make(app, actor, |change| async move {
        let ended = session::Entity::delete_by_id(signed_in.session.id)
            .write(change.db())
            .await?;
        // Another request may have ended it, and recorded that.
        if ended > 0 {
            change.record(Action::SignedOut, &signed_in.user).await?;
        }
        change.commit(()).await
    })
    .await
}

/// The actor's own sessions that have not ended, newest first.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<session::Model>> {
    list_of(app, [actor.signed_in()?.user.row.id]).await
}

/// The sessions of these users that have not ended, newest first, with one query for all of them.
pub async fn list_of(
    app: &App,
    users: impl IntoIterator<Item = UserId>,
) -> Result<Vec<session::Model>> {
    let newest_first = current(app)
        .filter(session::Column::UserId.is_in(users))
        .order_by_desc(session::Column::CreatedAt)
        .order_by_desc(session::Column::Id);
    Ok(app.db.all(app.db.read(), newest_first).await?)
}

/// The session with this ID, if it has not ended.
pub async fn find(app: &App, id: SessionId) -> Result<Option<session::Model>> {
    Ok(find_all(app, [id]).await?.pop())
}

/// Those of the sessions with these IDs that have not ended, in no order.
pub async fn find_all(
    app: &App,
    ids: impl IntoIterator<Item = SessionId>,
) -> Result<Vec<session::Model>> {
    let found = current(app).filter(session::Column::Id.is_in(ids));
    Ok(app.db.all(app.db.read(), found).await?)
}

fn current(app: &App) -> Select<session::Entity> {
    session::Entity::find().filter(session::Column::ExpiresAt.gt(app.clock.now()))
}

/// Ends one of the actor's own sessions, which may be the current one. Whatever else the ID names is left
/// alone, and nothing is said about it: a session of the actor's that has ended cannot be told from somebody
/// else's, and whether that one is alive is not the actor's business.
///
/// # Errors
///
/// [`Invalid`](UserErrorCode::Invalid) for `id`, if it is of another type.
pub async fn revoke(app: &App, actor: &Actor, id: Option<SessionId>) -> Result<SessionId> {
    let signed_in = actor.signed_in()?;
    let user = &signed_in.user;
    let id = id.ok_or_else(|| is_no_session("id"))?;
    change::make(app, actor, |change| async move {
        if end_one_of(change.db(), user.row.id, id).await? > 0 {
            let subject = Subject::session(id, user);
            change.record(Action::SessionRevoked, subject).await?;
        }
        change.commit(id).await
    })
    .await
}

/// An ID of another type.
pub fn is_no_session(field: &'static str) -> UserError {
    UserError::new(
        UserErrorCode::Invalid,
        field,
        "This is not the ID of a session.",
    )
}

/// Ends all of the actor's own sessions except the current one, and returns how many.
pub async fn revoke_others(app: &App, actor: &Actor) -> Result<u64> {
    let signed_in = actor.signed_in()?;
    let user = &signed_in.user;
    change::make(app, actor, |mut change| async move {
        change.confirm_and_lock(Some(user.row.id)).await?;
        let ended = end_all_of(change.db(), user.row.id, Some(signed_in.session.id)).await?;
        if ended > 0 {
            change.record(Action::SessionRevoked, user).await?;
        }
        change.commit(ended).await
    })
    .await
}

/// Ends all sessions of a user, except possibly one, and returns how many. The devices on which
/// they began are no longer known.
pub async fn end_all_of(
    transaction: &Transaction,
    user: UserId,
    except: Option<SessionId>,
) -> Result<u64> {
    devices::forget_all_of(transaction, user, except).await?;
    let mut sessions = session::Entity::delete_many().filter(session::Column::UserId.eq(user));
    if let Some(except) = except {
        sessions = sessions.filter(session::Column::Id.ne(except));
    }
    Ok(sessions.write(transaction).await?)
}

/// Ends one session of a user, and returns how many that were: none if it has ended, or is not theirs. The device
/// on which it began is no longer known.
pub async fn end_one_of(transaction: &Transaction, user: UserId, id: SessionId) -> Result<u64> {
    let ended = session::Entity::delete_many()
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::UserId.eq(user))
        .write(transaction)
        .await?;
    if ended > 0 {
        devices::forget(transaction, id).await?;
    }
    Ok(ended)
}

/// Deletes sessions that have ended, and with them the record of where they came from.
pub async fn prune(app: &App) -> Result<()> {
    let ended = session::Entity::find().filter(session::Column::ExpiresAt.lte(app.clock.now()));
    remove_in_batches(app, &ended).await
}

/// How many sessions of a user have not ended.
pub async fn count_of(app: &App, db: &impl Source, user: UserId) -> Result<u64> {
    let own = current(app).filter(session::Column::UserId.eq(user));
    Ok(app.db.count(db, own).await?)
}

/// How many sessions have not ended.
pub async fn count(app: &App) -> Result<u64> {
    Ok(app.db.count(app.db.read(), current(app)).await?)
}
