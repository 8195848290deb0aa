//! Devices: browsers, and programs that behave like one, from which a user has signed in before.
//!
//! Each holds a secret of its own, a cookie, which grants nothing but a throttle of its own: while
//! strangers guess at an account, its user still signs in from a device that is known (OWASP, "Slow
//! Down Online Guessing Attacks with Device Cookies").

use std::time::Duration;

use entity::{SessionId, TokenHash, UserId, device, user};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, Iterable, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait, Set,
};

use super::actor::Client;
use super::change::Change;
use super::error::Result;
use super::retention::remove_in_batches;
use super::tokens::Token;
use crate::database::{FromRow, Row, Transaction, Write};
use crate::domain::app::App;

/// For how long a device is known after its user has last signed in.
pub const KNOWN_FOR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How many devices of a user are known at a time: the newest.
const MAX_DEVICES: u64 = 100;

/// The device that the client presents, if it is one of this account's user.
pub async fn known(app: &App, client: &Client, account: &str) -> Result<Option<TokenHash>> {
    let Some(presented) = &client.device else {
        return Ok(None);
    };
    // The account is not a part of the query: it takes as long whichever it is.
    let found = device::Entity::find_by_id(presented.clone())
        .filter(device::Column::ExpiresAt.gt(app.clock.now()))
        .join(JoinType::InnerJoin, device::Relation::User.def())
        .column(user::Column::EmailNormal);
    let mut found: Vec<Known> = app.db.all_as(app.db.read(), found).await?;
    Ok(found
        .pop()
        .filter(|known| known.email_normal == account)
        .map(|known| known.device.token_hash))
}

/// A device, and whose it is.
struct Known {
    device: device::Model,
    email_normal: String,
}

impl FromRow for Known {
    fn from_row(row: &Row) -> std::result::Result<Self, DbErr> {
        Ok(Self {
            device: row.model::<device::Entity>(0)?,
            email_normal: row.get(device::Column::iter().count())?,
        })
    }
}

/// From now on the client's device is known as this user's, by a new token; the one that it
/// presented is used up. The session is the one that has just begun there, if one has.
pub async fn remember(
    change: &Change<'_>,
    user: UserId,
    session: Option<SessionId>,
) -> Result<Token> {
    use device::Column;
    if let Some(presented) = &change.actor().client.device {
        device::Entity::delete_many()
            .filter(Column::TokenHash.eq(presented.clone()))
            .filter(Column::UserId.eq(user))
            .write(change.db())
            .await?;
    }
    let token = Token::generate()?;
    let row = device::ActiveModel {
        token_hash: Set(token.hash()),
        user_id: Set(user),
        session_id: Set(session),
        expires_at: Set(change.app().clock.now().after(KNOWN_FOR)),
    };
    device::Entity::insert(row).write(change.db()).await?;
    forget_oldest_of(change.app(), change.db(), user).await?;
    Ok(token)
}

async fn forget_oldest_of(app: &App, transaction: &Transaction, user: UserId) -> Result<()> {
    use device::Column;
    let oldest = device::Entity::find()
        .select_only()
        .column(Column::TokenHash)
        .filter(Column::UserId.eq(user))
        .order_by_desc(Column::ExpiresAt)
        .order_by_desc(Column::TokenHash)
        .offset(MAX_DEVICES)
        .limit(MAX_DEVICES);
    let oldest: Vec<TokenHash> = app.db.values(transaction, oldest).await?;
    if !oldest.is_empty() {
        device::Entity::delete_many()
            .filter(Column::TokenHash.is_in(oldest))
            .write(transaction)
            .await?;
    }
    Ok(())
}

/// Forgets all devices of a user, except possibly the one on which this session began.
pub async fn forget_all_of(
    transaction: &Transaction,
    user: UserId,
    except: Option<SessionId>,
) -> Result<()> {
    use device::Column;
    let mut devices = device::Entity::delete_many().filter(Column::UserId.eq(user));
    if let Some(except) = except {
        let others = Condition::any()
            .add(Column::SessionId.ne(except))
            .add(Column::SessionId.is_null());
        devices = devices.filter(others);
    }
    devices.write(transaction).await?;
    Ok(())
}

/// Forgets the device on which this session began.
pub async fn forget(transaction: &Transaction, session: SessionId) -> Result<()> {
    device::Entity::delete_many()
        .filter(device::Column::SessionId.eq(session))
        .write(transaction)
        .await?;
    Ok(())
}

/// Removes devices that are no longer known.
pub async fn prune(app: &App) -> Result<()> {
    let old = device::Entity::find().filter(device::Column::ExpiresAt.lte(app.clock.now()));
    remove_in_batches(app, &old).await
}
