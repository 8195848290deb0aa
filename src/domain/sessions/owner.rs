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
use crate::domain::rights::Rights;
use crate::domain::users::User;

/// A session that has not ended, and its user, who is active.
pub struct Owner {
    session: session::Model,
    /// With their roles.
    pub user: User,
    /// The counter of [`entity::revision::ROLES`] at the time.
    pub revision: i64,
}

impl Owner {
    /// The actor, whose roles grant these rights together.
    pub fn with_rights(self, rights: Rights, client: Client) -> Actor {
        let signed_in = SignedIn {
            user: self.user,
            session: self.session,
            rights,
        };
        Actor::user(Arc::new(signed_in), client)
    }
}

/// The owner of the session that matches the condition; none if it has ended, or if the user is
/// deactivated.
///
/// One indexed query finds session, user, roles and the revision of the roles in memory.
pub async fn find(app: &App, db: &impl Source, condition: SimpleExpr) -> Result<Option<Owner>> {
    let rows: Vec<Found> = app.db.all_as(db, select(condition)).await?;
    let role_ids: Vec<RoleId> = rows.iter().filter_map(|row| row.role_id).collect();
    let now = app.clock.now();
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let is_over = row.session.expires_at <= now || row.session.ends_at <= now;
    if is_over || row.user.status() != user::Status::Active {
        return Ok(None);
    }
    Ok(Some(Owner {
        session: row.session,
        user: User {
            row: row.user,
            role_ids,
        },
        revision: row.revision,
    }))
}

/// One role of a session's user; a user without roles has one row without a role.
struct Found {
    session: session::Model,
    user: user::Model,
    role_id: Option<RoleId>,
    revision: i64,
}

impl FromRow for Found {
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
