//! Which users hold roles: conditions for lists of users.

use entity::{RoleId, user, user_role};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Query, SelectStatement};

use crate::database::Database;
use crate::domain::filters::{Filters, Keys};

/// Holders of any of these roles.
pub(super) fn any_of(filters: &mut Filters<user::Entity>, db: &Database, ids: &[RoleId]) {
    use user_role::Column;
    let holders = Query::select()
        .column(Column::UserId)
        .from(user_role::Entity)
        .and_where(db.unlikely(Column::RoleId.is_in(ids.iter().copied())))
        .to_owned();
    let keys = Keys {
        select: holders.clone(),
        are_exact: ids.len() == 1,
    };
    filters.with_keys(refers(holders, Column::UserId), keys);
}

/// Holders of all of these roles, of which each is named once.
pub(super) fn all_of(filters: &mut Filters<user::Entity>, db: &Database, ids: &[RoleId]) {
    use user_role::Column::{RoleId, UserId};
    if let [] | [_] = ids {
        return ids.iter().for_each(|id| any_of(filters, db, &[*id]));
    }
    let count = ids.len() as i64;
    let held = |columns: Expr| {
        Query::select()
            .expr(columns)
            .from(user_role::Entity)
            .and_where(db.unlikely(RoleId.is_in(ids.iter().copied())))
            .to_owned()
    };
    let mut own = held(Expr::col(Asterisk).count());
    own.and_where(UserId.into_expr().eq(this()));
    let mut holders = held(Expr::col(UserId));
    holders
        .group_by_col(UserId)
        .and_having(Expr::col(Asterisk).count().eq(count));
    let keys = Keys {
        select: holders,
        are_exact: true,
    };
    let own = Expr::SubQuery(None, Box::new(own.into()));
    filters.with_keys(own.eq(count), keys);
}

/// Those who hold no role, or those who hold one.
pub(super) fn none(filters: &mut Filters<user::Entity>, holds_none: bool) {
    let held = Query::select()
        .expr(Expr::val(1))
        .from(user_role::Entity)
        .to_owned();
    let holds_one = refers(held, user_role::Column::UserId);
    filters.add(if holds_none {
        holds_one.not()
    } else {
        holds_one
    });
}

/// Whether one of the rows refers to the user.
pub(super) fn refers(mut rows: SelectStatement, user: impl ColumnTrait) -> Expr {
    rows.and_where(user.into_expr().eq(this()));
    Expr::exists(rows)
}

fn this() -> Expr {
    Expr::col((user::Entity, user::Column::Id))
}
