//! Lists of roles. There are few, and all of them are in memory: they are filtered and sorted there.

use std::collections::HashMap;
use std::sync::Arc;

use entity::{RoleId, role, user_role};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::{Role, snapshot};
use crate::database::{FromRow, Row, Source};
use crate::domain::app::App;
use crate::domain::applications::Permission;
use crate::domain::error::Result;
use crate::domain::page::{Keyset, Order, Page, PageRequest, SortKey, SortKeyKind};
use crate::domain::text;

/// Filters roles. Conditions are combined with AND; omitted ones are ignored.
#[derive(Clone, Debug, Default)]
pub struct RoleFilter {
    /// Part of the name, the code name or the description, ignoring case.
    pub search: Option<String>,
    /// Granting this permission now.
    pub permission: Option<Permission>,
    /// With any of these code names, ignoring case.
    pub code_names: Option<Vec<String>>,
    /// Declared by the configuration, or not.
    pub is_managed: Option<bool>,
}

impl RoleFilter {
    /// The filter, prepared for one role after the other.
    fn matcher(&self) -> impl Fn(&Role) -> bool {
        let fold = |text: &String| text::fold(texts::invisible::trim(text));
        let search = self.search.as_ref().map(fold);
        let code_names = self.code_names.as_ref();
        let code_names: Option<Vec<String>> =
            code_names.map(|names| names.iter().map(fold).collect());
        let permission = self.permission.clone();
        let is_managed = self.is_managed;
        move |role| {
            let row = &role.row;
            let texts = [&row.name, &row.code_name, &row.description];
            let contains = |term: &String| texts.iter().any(|text| text::fold(text).contains(term));
            search.as_ref().is_none_or(contains)
                && (permission.as_ref()).is_none_or(|permission| role.rights.allow(permission))
                && (code_names.as_ref()).is_none_or(|names| names.contains(&row.code_name_key))
                && is_managed.is_none_or(|is_managed| row.is_managed == is_managed)
        }
    }
}

/// What a list of roles is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleOrderField {
    /// The display name, ignoring case.
    Name,
    /// When the role was created.
    CreatedAt,
    /// When the role or its permissions last changed.
    UpdatedAt,
}

impl RoleOrderField {
    /// The order of a list by this field.
    pub fn keyset(self, descending: bool) -> Keyset<role::Entity> {
        use role::Column;
        let (name, key, column, keys): (_, _, _, fn(&role::Model) -> _) = match self {
            Self::Name => ("roles.name", SortKeyKind::Text, Column::Name, |row| {
                (SortKey::Text(text::fold(&row.name)), row.id.0)
            }),
            Self::CreatedAt => ("roles", SortKeyKind::Number, Column::CreatedAt, |row| {
                (SortKey::Number(row.created_at.0), row.id.0)
            }),
            Self::UpdatedAt => (
                "roles.updated",
                SortKeyKind::Number,
                Column::UpdatedAt,
                |row| (SortKey::Number(row.updated_at.0), row.id.0),
            ),
        };
        Keyset {
            order: Order { name, key },
            column,
            generated: None,
            id: Column::Id,
            descending,
            keys,
        }
    }
}

/// A page of the roles that match the filter, in the keyset's order.
pub async fn page(
    app: &App,
    filter: &RoleFilter,
    order: &Keyset<role::Entity>,
    request: &PageRequest,
) -> Result<Page<Arc<Role>>> {
    let matching = matching(app, filter).await?;
    Ok(order.page_of(matching, |role| &role.row, request))
}

/// How many roles match the filter.
pub async fn count(app: &App, filter: &RoleFilter) -> Result<u64> {
    Ok(matching(app, filter).await?.len() as u64)
}

/// The roles that grant the permission now.
pub async fn granting(app: &App, permission: &Permission) -> Result<Vec<RoleId>> {
    let filter = RoleFilter {
        permission: Some(permission.clone()),
        ..RoleFilter::default()
    };
    let roles = matching(app, &filter).await?;
    Ok(roles.iter().map(|role| role.row.id).collect())
}

/// The role with this code name, ignoring case.
pub async fn find_by_code_name(app: &App, code_name: &str) -> Result<Option<Arc<Role>>> {
    let filter = RoleFilter {
        code_names: Some(vec![code_name.to_owned()]),
        ..RoleFilter::default()
    };
    Ok(matching(app, &filter).await?.pop())
}

async fn matching(app: &App, filter: &RoleFilter) -> Result<Vec<Arc<Role>>> {
    let mut roles = snapshot::all(app).await?;
    let matches = filter.matcher();
    roles.retain(|role| matches(role));
    Ok(roles)
}

/// How many users hold each of these roles, with one query. A role that nobody holds is left out.
pub async fn user_counts(app: &App, ids: &[RoleId]) -> Result<HashMap<RoleId, u64>> {
    user_counts_in(app, app.db.read(), ids).await
}

/// The same as a transaction sees it.
pub async fn user_counts_in(
    app: &App,
    db: &impl Source,
    ids: &[RoleId],
) -> Result<HashMap<RoleId, u64>> {
    let counts = user_role::Entity::find()
        .select_only()
        .column(user_role::Column::RoleId)
        .expr(Expr::col(user_role::Column::UserId).count())
        .filter(user_role::Column::RoleId.is_in(ids.iter().copied()))
        .group_by(user_role::Column::RoleId);
    let counts: Vec<UserCount> = app.db.values(db, counts).await?;
    let by_role = counts.into_iter().map(|count| (count.role, count.users));
    Ok(by_role.collect())
}

struct UserCount {
    role: RoleId,
    users: u64,
}

impl FromRow for UserCount {
    fn from_row(row: &Row) -> std::result::Result<Self, DbErr> {
        let users: i64 = row.get(1)?;
        Ok(Self {
            role: row.get(0)?,
            users: users.unsigned_abs(),
        })
    }
}
