//! Who causes a change, as of now.

use entity::{UserId, session};
use sea_orm::ColumnTrait;

use crate::database::Transaction;
use crate::domain::actor::{Actor, Principal};
use crate::domain::app::App;
use crate::domain::error::{Error, Result};
use crate::domain::roles;
use crate::domain::sessions::owner;
use crate::domain::users::{self, RowLock};

/// Reads again, inside a transaction that changes something, who the actor is: they may have been
/// deactivated, or lost a role, while the request waited for its turn. Until the transaction ends,
/// nobody can change the actor's account, nor does anybody else rely on that of the `target`: their rows
/// are locked in the order of their IDs, so that two users who act on each other do not wait for each other.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if the session has ended; [`Error::Forbidden`] if the actor has lost
/// any permission since the request came in, because it may be the one that was required.
pub(super) async fn confirm(
    app: &App,
    transaction: &Transaction,
    actor: &Actor,
    target: Option<UserId>,
) -> Result<Actor> {
    let shared =
        (actor.user_id().filter(|actor| Some(*actor) != target)).map(|id| (id, RowLock::Shared));
    let exclusive = target.map(|id| (id, RowLock::Exclusive));
    users::lock(transaction, shared.into_iter().chain(exclusive).collect()).await?;
    let Principal::User(before) = &actor.principal else {
        return Ok(actor.clone());
    };
    let session = session::Column::Id.eq(before.session.id);
    let owner = owner::find(app, transaction, session).await?;
    let owner = owner.ok_or(Error::Unauthenticated)?;
    // By this transaction's own connection: there may be no other.
    let held = roles::by_ids_at(app, transaction, &owner.user.role_ids, owner.revision).await?;
    let rights = roles::union(&held);
    match rights.lost_since(&before.rights) {
        Some(lost) => Err(Error::Forbidden(lost.clone())),
        None => Ok(owner.with_rights(rights, actor.client.clone())),
    }
}
