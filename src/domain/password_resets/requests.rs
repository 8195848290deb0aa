//! Requests for a link by those who have forgotten their password.
//!
//! The response to a request is the same, and takes as long, whoever the address belongs to: the
//! request is stored and nothing else. The mail worker answers it after the response.

use std::net::IpAddr;

use entity::{password_reset, password_reset_request, user};
use sea_orm::sea_query::{LockBehavior, LockType, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use crate::database::Write;
use crate::domain::actor::{Actor, Client};
use crate::domain::app::App;
use crate::domain::change::{self, Change};
use crate::domain::error::{Error, Result};
use crate::domain::events::{Action, Subject};
use crate::domain::throttle::{self, Scope};
use crate::domain::users::{self, User};
use crate::domain::{email_address, links};

/// A user who has this many working links is not sent another one on request.
const MAX_OPEN: u64 = 3;

/// Stores a request to reset the password of this address.
///
/// # Errors
///
/// Errors for the address, and [`TooManyAttempts`](crate::domain::UserErrorCode::TooManyAttempts), whether or
/// not anybody has the address.
pub async fn request(app: &App, actor: &Actor, email: &str) -> Result<()> {
    let account = &email_address::read_account("email", email)?;
    // Each request counts, and is not taken back: it can cause an e-mail.
    let _counted = throttle::attempt(app, actor, Scope::PasswordReset, account).await?;
    change::make(app, actor, |change| async move {
        let row = password_reset_request::ActiveModel {
            id: Set(app.new_id()),
            email_normal: Set(account.clone()),
            ip_address: Set(actor.client.ip_address.map(|address| address.to_string())),
            created_at: Set(app.clock.now()),
        };
        password_reset_request::Entity::insert(row)
            .write(change.db())
            .await?;
        change.wakes_worker();
        change.commit(()).await
    })
    .await
}

/// Sends the requested links. Requests for unknown addresses, or for users who cannot sign in, are
/// dropped, and so is one that cannot be answered: those behind it must not wait for it.
pub async fn answer_requests(app: &App) -> Result<()> {
    // Usually there are none, and then no write has to wait in line just to find that out.
    let any = password_reset_request::Entity::find().limit(1);
    if app.db.count(app.db.read(), any).await? == 0 {
        return Ok(());
    }
    let mut failed = None;
    loop {
        match answer_oldest(app).await? {
            Answered::None => return Ok(()),
            Answered::One => {}
            // They have been sent too many e-mails, which is not told either.
            Answered::Failed(request, Error::Refused(_)) => drop_recorded(app, &request).await?,
            Answered::Failed(_, error) if error.away().is_some() => return Err(error),
            Answered::Failed(request, error) if failed == Some(request.id) => {
                tracing::error!(?error, id = %request.id.0, "a request for a password reset was dropped");
                drop_request(app, password_reset_request::Column::Id.eq(request.id)).await?;
            }
            // It has a second try.
            Answered::Failed(request, _) => failed = Some(request.id),
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
    Failed(password_reset_request::Model, Error),
}

async fn answer_oldest(app: &App) -> Result<Answered> {
    change::make(app, &Actor::server(), |mut change| async move {
        let oldest = password_reset_request::Entity::find()
            .order_by_asc(password_reset_request::Column::Id)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .limit(1);
        let mut oldest = app.db.find(change.db(), oldest).await?;
        if let Some(unreadable) = oldest.unreadable.pop() {
            remove(&change, unreadable.is_id()).await?;
            return change.commit(Answered::One).await;
        }
        let Some(request) = oldest.rows.pop() else {
            return change.abandon(Answered::None).await;
        };
        match answer(&mut change, &request).await {
            Ok(()) => change.commit(Answered::One).await,
            Err(error) if error.is_lost_race() => Err(error),
            Err(error) => change.abandon(Answered::Failed(request, error)).await,
        }
    })
    .await
}

async fn answer(change: &mut Change<'_>, request: &password_reset_request::Model) -> Result<()> {
    remove(change, password_reset_request::Column::Id.eq(request.id)).await?;
    // They may be about to be deactivated, which ends all links.
    let user =
        users::find_by_email_locked(change.app(), change.db(), &request.email_normal).await?;
    record(change, request, user.as_ref()).await?;
    if let Some(user) = user.filter(|user| user.row.status() == user::Status::Active)
        // Their inbox already has enough e-mails with working links.
        && count_open(change, &user).await? < MAX_OPEN
    {
        super::send(change, &user).await?;
    }
    Ok(())
}

/// Records the request as that of whoever sent it.
async fn record(
    change: &mut Change<'_>,
    request: &password_reset_request::Model,
    user: Option<&User>,
) -> Result<()> {
    let ip_address = request.ip_address.as_deref();
    change.act_as(Actor::anonymous(Client {
        ip_address: ip_address.and_then(|text| text.parse::<IpAddr>().ok()),
        ..Client::default()
    }));
    let subject = match user {
        Some(user) => Subject::from(user),
        None => Subject::labelled(&request.email_normal),
    };
    change.record(Action::PasswordResetRequested, subject).await
}

/// How many of the user's links still work.
async fn count_open(change: &Change<'_>, user: &User) -> Result<u64> {
    use password_reset::Column;
    let still_open = password_reset::Entity::find()
        .filter(Column::UserId.eq(user.row.id))
        .filter(links::open::<password_reset::Entity>())
        .filter(Column::ExpiresAt.gt(change.app().clock.now()));
    Ok(change.app().db.count(change.db(), still_open).await?)
}

async fn drop_recorded(app: &App, request: &password_reset_request::Model) -> Result<()> {
    change::make(app, &Actor::server(), |mut change| async move {
        remove(&change, password_reset_request::Column::Id.eq(request.id)).await?;
        let user = users::find_by_email(app, change.db(), &request.email_normal).await?;
        record(&mut change, request, user.as_ref()).await?;
        change.commit(()).await
    })
    .await
}

async fn drop_request(app: &App, which: SimpleExpr) -> Result<()> {
    let which = &which;
    change::make(app, &Actor::server(), |change| async move {
        remove(&change, which.clone()).await?;
        change.commit(()).await
    })
    .await
}

async fn remove(change: &Change<'_>, which: SimpleExpr) -> Result<()> {
    password_reset_request::Entity::delete_many()
        .filter(which)
        .write(change.db())
        .await?;
    Ok(())
}
