//! Who causes a change, as of now.

use std::sync::Arc;

use entity::{UserId, session, user};
use sea_orm::{DatabaseTransaction, EntityTrait};

use crate::domain::actor::{Actor, Principal, SignedIn};
use crate::domain::app::App;
use crate::domain::error::{Error, Result};
use crate::domain::{roles, users};

/// Reads again, inside a transaction that changes something, who the actor is: they may have been
/// deactivated, or lost a role, while the request waited for its turn. Until the transaction ends,
/// nobody can change the actor's account, nor that of the `target`: their rows are locked in the order
/// of their IDs, so that two users who act on each other do not wait for each other.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if the session has ended; [`Error::Forbidden`] if the actor has lost
/// any permission since the request came in, because it may be the one that was required.
pub(super) async fn confirm(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    target: Option<UserId>,
) -> Result<Actor> {
    users::lock(transaction, actor.user_id().into_iter().chain(target)).await?;
    let Principal::User(before) = &actor.principal else {
        return Ok(actor.clone());
    };
    let session = session::Entity::find_by_id(before.session.id);
    let session = (app.db.one(transaction, session).await?).ok_or(Error::Unauthenticated)?;
    let user = users::find_in(app, transaction, session.user_id)
        .await?
        .filter(|user| user.row.status() == user::Status::Active)
        .ok_or(Error::Unauthenticated)?;
    let held = roles::by_ids_in(app, transaction, &user.role_ids).await?;
    let rights = roles::union(&held);
    if let Some(lost) = rights.lost_since(&before.rights) {
        return Err(Error::Forbidden(lost.clone()));
    }
    let now = SignedIn {
        user,
        session,
        rights,
    };
    Ok(Actor::user(Arc::new(now), actor.client.clone()))
}
