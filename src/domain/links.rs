//! Secret links that are sent by e-mail: those of invitations and of password resets. Whoever opens one
//! proves that they read e-mails to an address. Each works once, until it expires or is revoked.

use entity::{InvitationId, PasswordResetId, UserId, email, invitation, password_reset};
use sea_orm::sea_query::ValueType;
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Value};

use super::change::Change;
use super::emails;
use super::error::{Error, Result, UserError, UserErrorCode};
use crate::database::Write;

pub mod address;

/// How many links one statement revokes: databases limit the number of parameters.
const REVOKED_AT_ONCE: usize = 500;

/// A table of links that work once.
pub trait Link: EntityTrait {
    /// What identifies one.
    type Id: Copy + Into<Value> + ValueType + Send + Sync;

    /// What the tables have in common.
    const COLUMNS: Columns<Self::Column>;

    /// By which an e-mail refers to the link that it carries.
    const OF_EMAIL: email::Column;

    /// What somebody does whose link does not work.
    const INSTEAD: &'static str;
}

/// The columns that all links have.
pub struct Columns<C> {
    id: C,
    user_id: C,
    used_at: C,
    revoked_at: C,
    expires_at: C,
}

impl Link for invitation::Entity {
    type Id = InvitationId;

    const COLUMNS: Columns<invitation::Column> = Columns {
        id: invitation::Column::Id,
        user_id: invitation::Column::UserId,
        used_at: invitation::Column::AcceptedAt,
        revoked_at: invitation::Column::RevokedAt,
        expires_at: invitation::Column::ExpiresAt,
    };
    const OF_EMAIL: email::Column = email::Column::InvitationId;
    const INSTEAD: &'static str = "Ask for a new invitation.";
}

impl Link for password_reset::Entity {
    type Id = PasswordResetId;

    const COLUMNS: Columns<password_reset::Column> = Columns {
        id: password_reset::Column::Id,
        user_id: password_reset::Column::UserId,
        used_at: password_reset::Column::UsedAt,
        revoked_at: password_reset::Column::RevokedAt,
        expires_at: password_reset::Column::ExpiresAt,
    };
    const OF_EMAIL: email::Column = email::Column::PasswordResetId;
    const INSTEAD: &'static str = "Ask for a new one.";
}

/// The links that were neither used nor revoked, whether or not they have expired.
pub fn open<L: Link>() -> SimpleExpr {
    let columns = L::COLUMNS;
    (columns.used_at.is_null()).and(columns.revoked_at.is_null())
}

/// Uses a link up, if it still works: the one place where a race for it is decided. Its e-mails have
/// served their purpose then.
///
/// # Errors
///
/// [`invalid`], if it does not work.
pub async fn use_up<L: Link>(change: &Change<'_>, id: L::Id) -> Result<()> {
    let columns = L::COLUMNS;
    let now = change.app().clock.now();
    let used = L::update_many()
        .col_expr(columns.used_at, Expr::value(now))
        .filter(columns.id.eq(id))
        .filter(open::<L>())
        .filter(columns.expires_at.gt(now))
        .write(change.db())
        .await?;
    if used != 1 {
        return Err(invalid::<L>());
    }
    emails::end_purpose(change.app(), change.db(), L::OF_EMAIL, &[id]).await
}

/// Revokes all links of the user that still work, and ends the purpose of their e-mails.
pub async fn revoke_open<L: Link>(change: &Change<'_>, user: UserId) -> Result<()> {
    revoke_open_of::<L>(change, &[user]).await
}

/// The same for these users, up to a few hundred.
pub async fn revoke_open_of<L: Link>(change: &Change<'_>, users: &[UserId]) -> Result<()> {
    let columns = L::COLUMNS;
    let still_open = L::find()
        .select_only()
        .column(columns.id)
        .filter(columns.user_id.is_in(users.iter().copied()))
        .filter(open::<L>());
    let db = &change.app().db;
    let revoked: Vec<L::Id> = db.values(change.db(), still_open).await?;
    if revoked.is_empty() {
        return Ok(());
    }
    revoke::<L>(change, &revoked).await
}

/// Revokes all links that still work, whoever's they are, ends the purpose of their e-mails, and returns
/// how many there were.
pub async fn revoke_all_open<L: Link>(change: &Change<'_>) -> Result<u64> {
    let columns = L::COLUMNS;
    let now = change.app().clock.now();
    let working = L::find()
        .select_only()
        .column(columns.id)
        .filter(open::<L>())
        .filter(columns.expires_at.gt(now));
    let db = &change.app().db;
    let working: Vec<L::Id> = db.values(change.db(), working).await?;
    for some in working.chunks(REVOKED_AT_ONCE) {
        revoke::<L>(change, some).await?;
    }
    Ok(working.len() as u64)
}

/// Revokes those of these links that are open, and ends the purpose of their e-mails.
async fn revoke<L: Link>(change: &Change<'_>, links: &[L::Id]) -> Result<()> {
    let columns = L::COLUMNS;
    L::update_many()
        .col_expr(columns.revoked_at, Expr::value(change.app().clock.now()))
        .filter(columns.id.is_in(links.iter().copied()))
        .filter(open::<L>())
        .write(change.db())
        .await?;
    emails::end_purpose(change.app(), change.db(), L::OF_EMAIL, links).await
}

/// The link is unknown, or was used or revoked.
pub fn invalid<L: Link>() -> Error {
    let message = "This link is invalid or has already been used.";
    refused::<L>(UserErrorCode::TokenInvalid, message)
}

/// The link was not used in time.
pub fn expired<L: Link>() -> Error {
    refused::<L>(UserErrorCode::TokenExpired, "This link has expired.")
}

fn refused<L: Link>(code: UserErrorCode, message: &str) -> Error {
    UserError::new(code, "token", format!("{message} {}", L::INSTEAD)).into()
}
