//! What may be done to a role. The mutations apply these rules, and `viewerCan` tells a front end
//! in advance what they would say.

use std::collections::{BTreeSet, HashMap};

use entity::{RoleId, UserId, user_role};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};

use super::Role;
use crate::database::{FromRow, Row, Source};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::{
    Permission, ROLES_DELETE, ROLES_UPDATE, USERS_CREATE, USERS_UPDATE,
};
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::rights::Rights;

/// What can be done to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleAction {
    /// Change it.
    Update,
    /// Delete it.
    Delete,
}

impl RoleAction {
    /// The permission that it requires, whichever role it is done to.
    pub fn permission(self) -> Permission {
        match self {
            Self::Update => ROLES_UPDATE,
            Self::Delete => ROLES_DELETE,
        }
    }
}

/// Checks that the actor may do this to the role.
///
/// # Errors
///
/// Those of [`allows`].
pub async fn check(
    app: &App,
    db: &impl Source,
    actor: &Actor,
    role: &Role,
    action: RoleAction,
) -> Result<()> {
    let reach = match action {
        RoleAction::Update => Rights::default(),
        RoleAction::Delete => {
            let mut reach = reach_of_all(app, db, &[role.row.id]).await?;
            reach.remove(&role.row.id).unwrap_or_default()
        }
    };
    allows(actor, role, action, &reach)
}

/// Checks that the actor may do this to a role whose holders have these rights together: deleting it
/// changes the roles of all of them. A role that users hold can be deleted by force.
///
/// # Errors
///
/// The missing permission; otherwise the reason, as an error of the input `id`.
pub fn allows(actor: &Actor, role: &Role, action: RoleAction, reach: &Rights) -> Result<()> {
    actor.must_hold(&action.permission())?;
    if role.row.is_protected {
        return Err(refused(
            UserErrorCode::Protected,
            "The built-in Administrator role cannot be edited or deleted.",
        ));
    }
    if role.row.is_managed {
        return Err(refused(
            UserErrorCode::Protected,
            "The server's configuration declares this role. It can be changed there, and be edited or deleted here once it is declared no longer.",
        ));
    }
    if !actor.covers(&role.rights) {
        return Err(refused(
            UserErrorCode::ExceedsOwnPermissions,
            "This role grants permissions that you do not have.",
        ));
    }
    if action == RoleAction::Update {
        return Ok(());
    }
    let own = actor.signed_in().map(|actor| &actor.user.role_ids);
    if own.is_ok_and(|own| own.contains(&role.row.id)) {
        return Err(refused(
            UserErrorCode::OwnAccount,
            "You hold this role yourself, and you cannot change your own roles.",
        ));
    }
    if !actor.covers(reach) {
        return Err(refused(
            UserErrorCode::ExceedsOwnPermissions,
            "A user with this role has permissions that you do not have.",
        ));
    }
    Ok(())
}

/// What the holders of each of these roles may do together, with one query for all: holders may be many,
/// but the roles that they hold besides are few.
pub async fn reach_of_all(
    app: &App,
    db: &impl Source,
    ids: &[RoleId],
) -> Result<HashMap<RoleId, Rights>> {
    const HOLDER: &str = "holder";
    let held = |column: user_role::Column| Expr::col((user_role::Entity, column));
    let of_holder = |column: user_role::Column| Expr::col((HOLDER, column));
    let mut pairs = user_role::Entity::find().select_only().distinct();
    QueryTrait::query(&mut pairs)
        .expr(of_holder(user_role::Column::RoleId))
        .expr(held(user_role::Column::RoleId))
        .join_as(
            JoinType::InnerJoin,
            user_role::Entity,
            HOLDER,
            of_holder(user_role::Column::UserId).eq(held(user_role::Column::UserId)),
        )
        .and_where(of_holder(user_role::Column::RoleId).is_in(ids.iter().copied()));
    let pairs: Vec<HeldBeside> = app.db.values(db, pairs).await?;
    let all: BTreeSet<RoleId> = pairs.iter().map(|pair| pair.held).collect();
    let all: Vec<RoleId> = all.into_iter().collect();
    let roles = super::by_ids_in(app, db, &all).await?;
    let rights_of = |id: RoleId| {
        let beside = pairs.iter().filter(|pair| pair.role == id);
        let beside = beside.flat_map(|pair| roles.iter().filter(|role| role.row.id == pair.held));
        super::union(beside)
    };
    Ok(ids.iter().map(|id| (*id, rights_of(*id))).collect())
}

/// A role, and one that a holder of it holds.
struct HeldBeside {
    role: RoleId,
    held: RoleId,
}

impl FromRow for HeldBeside {
    fn from_row(row: &Row) -> std::result::Result<Self, DbErr> {
        Ok(Self {
            role: row.get(0)?,
            held: row.get(1)?,
        })
    }
}

/// Whether the actor could assign roles with these rights to a user: they hold all of them.
pub fn may_assign(actor: &Actor, rights: &Rights) -> bool {
    actor.covers(rights) && (actor.holds(&USERS_CREATE) || actor.holds(&USERS_UPDATE))
}

/// The users who hold the role, each with all of their roles.
pub async fn roles_of_holders(
    app: &App,
    db: &impl Source,
    role: RoleId,
) -> Result<HashMap<UserId, Vec<RoleId>>> {
    let mut holders: HashMap<UserId, Vec<RoleId>> = HashMap::new();
    for held in app.db.all(db, held_by_holders(role)).await? {
        holders.entry(held.user_id).or_default().push(held.role_id);
    }
    Ok(holders)
}

fn holders(role: RoleId) -> Select<user_role::Entity> {
    user_role::Entity::find().filter(user_role::Column::RoleId.eq(role))
}

/// Whatever roles the role's holders hold.
fn held_by_holders(role: RoleId) -> Select<user_role::Entity> {
    let users = holders(role)
        .select_only()
        .column(user_role::Column::UserId)
        .into_query();
    user_role::Entity::find().filter(user_role::Column::UserId.in_subquery(users))
}

fn refused(code: UserErrorCode, message: &str) -> Error {
    UserError::new(code, "id", message).into()
}
