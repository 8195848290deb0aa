//! Who asks: from a session's token to a user with what their roles grant.

use std::sync::Arc;
use std::time::Duration;

use entity::session;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::{idle_timeout, owner};
use crate::database::Write;
use crate::domain::actor::{Actor, Client, Principal, SignedIn};
use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::{change, roles, tokens};

/// How precisely the last use of a session is noted: writing it at every request would turn every
/// read into a write.
const USE_NOTED_EVERY: Duration = Duration::from_secs(60);

/// Who presents this token: a signed-in user, or nobody if it was never issued, has expired or was
/// revoked, or if the user is deactivated.
pub async fn authenticate(app: &App, client: Client, token: &str) -> Result<Actor> {
    let by_token = session::Column::TokenHash.eq(tokens::hash(token));
    let actor = found_by(app, client, by_token).await?;
    if let Principal::User(signed_in) = &actor.principal {
        let session = note_use(app, signed_in.session.clone()).await;
        let signed_in = SignedIn {
            user: signed_in.user.clone(),
            session,
            rights: signed_in.rights.clone(),
        };
        return Ok(Actor::user(Arc::new(signed_in), actor.client));
    }
    Ok(actor)
}

/// The same actor as of now: with their current permissions, or nobody if their session has ended.
/// This does not count as using the session, so watching does not prolong it.
pub async fn refresh(app: &App, actor: &Actor) -> Result<Actor> {
    let Ok(signed_in) = actor.signed_in() else {
        return Ok(actor.clone());
    };
    let by_id = session::Column::Id.eq(signed_in.session.id);
    found_by(app, actor.client.clone(), by_id).await
}

/// The owner of the session that matches the condition, with what their roles grant by now.
async fn found_by(app: &App, client: Client, condition: SimpleExpr) -> Result<Actor> {
    let Some(owner) = owner::find(app, app.db.read(), condition).await? else {
        return Ok(Actor::anonymous(client));
    };
    let rights = roles::rights_of(app, &owner.user.role_ids, owner.revision).await?;
    Ok(owner.with_rights(rights, client))
}

/// Notes, to the minute, that the session is in use, and moves its idle end. Where nothing can be written,
/// it stays as it is: who only reads is not to suffer from a full disk.
async fn note_use(app: &App, session: session::Model) -> session::Model {
    let now = app.clock.now();
    if now.since(session.last_used_at) < USE_NOTED_EVERY {
        return session;
    }
    let idle_end = now.after(idle_timeout(app, session.is_kept));
    let used = session::Model {
        last_used_at: now,
        expires_at: idle_end.min(session.ends_at),
        ..session.clone()
    };
    let used = &used;
    let noted = change::make(app, &Actor::server(), |change| async move {
        // The session may have been revoked since it was read; then there is nothing to note.
        session::Entity::update_many()
            .set(session::ActiveModel {
                last_used_at: Set(used.last_used_at),
                expires_at: Set(used.expires_at),
                ..Default::default()
            })
            .filter(session::Column::Id.eq(used.id))
            .write(change.db())
            .await?;
        change.commit(used.clone()).await
    })
    .await;
    noted.unwrap_or_else(|error| {
        // The log says so already where the database takes no changes.
        if error.away().is_none() {
            let error = error.explained();
            tracing::warn!(error, "cannot note that a session is in use");
        }
        session
    })
}
