//! How lists of roles are filtered and sorted.

use async_graphql::{Context, Enum, InputObject, Result};

use super::RoleConnection;
use crate::domain::applications::Permission;
use crate::domain::roles;
use crate::graphql::context::ContextExt;
use crate::graphql::error::check_search;
use crate::graphql::page::{OrderDirection, PageArguments, page_request};

/// A page of roles.
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
    let page = roles::page(ctx.app()?, &filter, &keyset, &request).await?;
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
    /// Only roles that the server's configuration declares, or only the others.
    is_managed: Option<bool>,
}

impl RoleFilter {
    fn decode(self) -> Result<roles::RoleFilter> {
        check_search("search", self.search.as_deref())?;
        Ok(roles::RoleFilter {
            search: self.search,
            permission: self.permission,
            code_names: self.code_names,
            is_managed: self.is_managed,
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
