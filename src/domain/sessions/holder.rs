//! Whose session it is, and what they may do.

use std::sync::Arc;

use entity::{RoleId, revision, session, user, user_role};
use sea_orm::sea_query::{Expr, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, Iterable, JoinType, QueryFilter, QuerySelect, RelationTrait,
    Select,
};

use crate::database::{FromRow, Row, Source};
use crate::domain::actor::{Actor, Client, SignedIn};
use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::roles;
use crate::domain::users::User;

/// The owner of the session that matches the condition, with what their roles grant: nobody if the
/// session has ended, or if the user is deactivated.
///
/// One indexed query finds session, user, roles and the revision of the roles in memory.
pub async fn find(
    app: &App,
    db: &impl Source,
    client: Client,
    condition: SimpleExpr,
) -> Result<Actor> {
    let rows: Vec<Held> = app.db.all_as(db, select(condition)).await?;
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
struct Held {
    session: session::Model,
    user: user::Model,
    role_id: Option<RoleId>,
    revision: i64,
}

impl FromRow for Held {
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

fn select(condition: SimpleExpr) -> Select<session::Entity> {
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
