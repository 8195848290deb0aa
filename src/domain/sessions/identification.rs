//! Who asks: from a session's token to a user with what their roles grant.

use std::sync::Arc;
use std::time::Duration;

use entity::{RoleId, revision, session, user, user_role};
use sea_orm::sea_query::{Expr, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, Iterable, JoinType, QueryFilter, QuerySelect, RelationTrait,
    Select, Set,
};

use super::idle_timeout;
use crate::database::{FromRow, Row};
use crate::domain::actor::{Actor, Client, Principal, SignedIn};
use crate::domain::app::App;
use crate::domain::change;
use crate::domain::error::Result;
use crate::domain::users::User;
use crate::domain::{roles, tokens};

/// How precisely the last use of a session is noted: writing it at every request would turn every
/// read into a write.
const USE_NOTED_EVERY: Duration = Duration::from_secs(60);

/// Who presents this token: a signed-in user, or nobody if it was never issued, has expired or was
/// revoked, or if the user is deactivated.
///
/// One indexed query finds session, user, roles and the revision of the roles in memory.
pub async fn authenticate(app: &App, client: Client, token: &str) -> Result<Actor> {
    let by_token = session::Column::TokenHash.eq(tokens::hash(token));
    let actor = found_by(app, client, by_token).await?;
    if let Principal::User(signed_in) = &actor.principal {
        let session = note_use(app, signed_in.session.clone()).await?;
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

/// The owner of the session that matches the condition.
async fn found_by(app: &App, client: Client, condition: SimpleExpr) -> Result<Actor> {
    let rows: Vec<Identity> = app.db.all_as(app.db.read(), identify(condition)).await?;
    let role_ids: Vec<RoleId> = rows.iter().filter_map(|row| row.role_id).collect();
    let now = app.clock.now();
    let Some(row) = rows.into_iter().next() else {
        return Ok(Actor::anonymous(client));
    };
    let is_over = row.session.expires_at <= now || row.session.ends_at <= now;
    if is_over || row.user.status() != user::Status::Active {
        return Ok(Actor::anonymous(client));
    }
    let rights = roles::rights_of(app, &role_ids, row.revision).await?;
    let user = User {
        row: row.user,
        role_ids,
    };
    let signed_in = SignedIn {
        user,
        session: row.session,
        rights,
    };
    Ok(Actor::user(Arc::new(signed_in), client))
}

/// One role of a session's user; a user without roles has one row without a role.
struct Identity {
    session: session::Model,
    user: user::Model,
    role_id: Option<RoleId>,
    revision: i64,
}

impl FromRow for Identity {
    fn from_row(row: &Row) -> std::result::Result<Self, DbErr> {
        let user = session::Column::iter().count();
        let role_id = user + user::Column::iter().count();
        Ok(Self {
            session: row.model::<session::Entity>(0)?,
            user: row.model::<user::Entity>(user)?,
            // What cannot be read grants nothing.
            role_id: row.get(role_id).unwrap_or_default(),
            // Newer than any: then the roles are read each time.
            revision: row.get(role_id + 1).unwrap_or(i64::MAX),
        })
    }
}

fn identify(condition: SimpleExpr) -> Select<session::Entity> {
    session::Entity::find()
        .join(JoinType::InnerJoin, session::Relation::User.def())
        .join(JoinType::LeftJoin, user::Relation::UserRole.def())
        .filter(condition)
        .columns(user::Column::iter())
        .column(user_role::Column::RoleId)
        .expr(Expr::SubQuery(None, Box::new(roles_revision().into())))
}

fn roles_revision() -> SelectStatement {
    Query::select()
        .column(revision::Column::Revision)
        .from(revision::Entity)
        .and_where(revision::Column::Subject.eq(revision::ROLES))
        .to_owned()
}

/// Notes, to the minute, that the session is in use, and moves its idle end.
async fn note_use(app: &App, session: session::Model) -> Result<session::Model> {
    let now = app.clock.now();
    if now.since(session.last_used_at) < USE_NOTED_EVERY {
        return Ok(session);
    }
    let idle_end = now.after(idle_timeout(app, session.is_kept));
    let used = session::Model {
        last_used_at: now,
        expires_at: idle_end.min(session.ends_at),
        ..session
    };
    let used = &used;
    change::make(app, &Actor::server(), |change| async move {
        // The session may have been revoked since it was read; then there is nothing to note.
        session::Entity::update_many()
            .set(session::ActiveModel {
                last_used_at: Set(used.last_used_at),
                expires_at: Set(used.expires_at),
                ..Default::default()
            })
            .filter(session::Column::Id.eq(used.id))
            .exec(change.db())
            .await?;
        change.commit(used.clone()).await
    })
    .await
}
