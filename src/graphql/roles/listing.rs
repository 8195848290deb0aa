//! How lists of roles are filtered and sorted.

use async_graphql::{Context, Enum, InputObject, Result};

use super::{Role, RoleConnection};
use crate::domain::applications::{Permission, USERS_VIEW};
use crate::domain::roles;
use crate::graphql::context::ContextExt;
use crate::graphql::error::check_search;
use crate::graphql::page::{OrderDirection, PageArguments, is_asked_of_nodes, page_request};

/// A page of roles. How many users hold each is counted once for all of them.
pub async fn roles_page(
    ctx: &Context<'_>,
    filter: Option<RoleFilter>,
    order_by: Option<RoleOrder>,
    arguments: PageArguments,
) -> Result<RoleConnection> {
    let order = order_by.unwrap_or(RoleOrder {
        field: RoleOrderField::CreatedAt,
        direction: OrderDirection::Asc,
    });
    let keyset =
        roles::RoleOrderField::from(order.field).keyset(order.direction == OrderDirection::Desc);
    let request = page_request(keyset.order, arguments)?;
    let filter = filter.map(RoleFilter::decode).transpose()?;
    let filter = filter.unwrap_or_default();
    let app = ctx.app()?;
    let mut page = roles::page(app, &filter, &keyset, &request)
        .await?
        .map(Role::from);
    if is_asked_of_nodes(ctx, "userCount") && ctx.actor()?.holds(&USERS_VIEW) {
        let ids: Vec<_> = page.rows.iter().map(|(_, role)| role.role.row.id).collect();
        let counts = roles::user_counts(app, &ids).await?;
        for (_, role) in &mut page.rows {
            let count = counts.get(&role.role.row.id);
            role.user_count = Some(count.copied().unwrap_or(0));
        }
    }
    Ok(RoleConnection::new(page, filter))
}

/// Filters roles. Conditions are combined with AND; omitted ones are ignored.
#[derive(InputObject)]
pub struct RoleFilter {
    /// Case-insensitive substring of the name, the code name or the description. `%` and `_` have no special
    /// meaning. Up to 200 characters.
    search: Option<String>,
    /// Roles that grant this permission.
    permission: Option<Permission>,
    /// Roles with any of these code names (up to 100), in upper or lower case.
    #[graphql(validator(max_items = 100))]
    code_names: Option<Vec<String>>,
}

impl RoleFilter {
    fn decode(self) -> Result<roles::RoleFilter> {
        check_search("search", self.search.as_deref())?;
        Ok(roles::RoleFilter {
            search: self.search,
            permission: self.permission,
            code_names: self.code_names,
        })
    }
}

/// How a list of roles is sorted.
#[derive(InputObject)]
pub struct RoleOrder {
    /// The field to sort by.
    field: RoleOrderField,
    /// The sort direction.
    direction: OrderDirection,
}

/// The fields that roles can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "roles::RoleOrderField")]
pub enum RoleOrderField {
    /// The display name.
    Name,
    /// When the role was created.
    CreatedAt,
    /// When the role or its permissions last changed.
    UpdatedAt,
}
