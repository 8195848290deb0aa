//! Lists of users: how they are filtered, and how they are sorted.

use entity::user::Status;
use entity::{RoleId, Timestamp, invitation, user, user_role};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, Condition};

use super::{User, has_status, with_roles};
use crate::database::Database;
use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::filters::{Filters, Keys};
use crate::domain::page::{Keyset, Order, Page, PageRequest, SortKey, SortKeyKind};

/// Filters users. Conditions are combined with AND; omitted ones are ignored.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Part of the address or of either name, ignoring case.
    pub search: Option<String>,
    /// In any of these states.
    pub statuses: Option<Vec<Status>>,
    /// Holders of any of these roles.
    pub role_ids: Option<Vec<RoleId>>,
    /// With their newest invitation in any of these states, at this time.
    pub invitation: Option<(Vec<invitation::Status>, Timestamp)>,
    /// Invited after this time.
    pub created_after: Option<Timestamp>,
    /// Invited before this time.
    pub created_before: Option<Timestamp>,
    /// Last signed in after this time.
    pub signed_in_after: Option<Timestamp>,
    /// Last signed in before this time, or never.
    pub signed_in_before: Option<Timestamp>,
}

/// What a list of users is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserOrderField {
    /// The e-mail address's normal form.
    Email,
    /// The display name, ignoring case.
    Name,
    /// When the user was invited.
    CreatedAt,
    /// When the user last signed in; those who never have come first.
    LastSignedInAt,
}

impl UserOrderField {
    /// The order of a list by this field.
    pub fn keyset(self, descending: bool) -> Keyset<user::Entity> {
        use user::Column;
        let (name, key, column, keys): (_, _, _, fn(&user::Model) -> _) = match self {
            Self::Email => (
                "users.email",
                SortKeyKind::Text,
                Column::EmailNormal,
                |row| (SortKey::Text(row.email_normal.clone()), row.id.0),
            ),
            Self::Name => ("users.name", SortKeyKind::Text, Column::NameKey, |row| {
                (SortKey::Text(row.name_key.clone()), row.id.0)
            }),
            Self::CreatedAt => (
                "users.created",
                SortKeyKind::Number,
                Column::CreatedAt,
                |row| (SortKey::Number(row.created_at.0), row.id.0),
            ),
            Self::LastSignedInAt => (
                "users.signedIn",
                SortKeyKind::Number,
                Column::LastSignedInAt,
                |row| (SortKey::Number(row.last_signed_in_at.stored()), row.id.0),
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

/// A page of the users who match the filter, in the keyset's order.
pub async fn page(
    app: &App,
    filter: &UserFilter,
    order: &Keyset<user::Entity>,
    request: &PageRequest,
) -> Result<Page<User>> {
    let db = app.db.read();
    let select = filter.filters(&app.db);
    let select = select.select_sorted(&app.db, order.column).await?;
    let page = order.page(&app.db, select, request).await?;
    page.try_map_all(async |rows| with_roles(app, db, rows).await)
        .await
}

/// How many users match the filter.
pub async fn count(app: &App, filter: &UserFilter) -> Result<u64> {
    Ok(filter.filters(&app.db).count(&app.db).await?)
}

impl UserFilter {
    fn filters(&self, db: &Database) -> Filters<user::Entity> {
        use user::Column;
        let mut filters = Filters::default();
        if let Some(search) = &self.search
            && !texts::invisible::trim(search).is_empty()
        {
            filters.contains(db, Column::SearchText, search);
        }
        if let Some(statuses) = &self.statuses {
            have_status(&mut filters, statuses);
        }
        if let Some(ids) = &self.role_ids {
            hold_roles(&mut filters, db, ids);
        }
        if let Some((statuses, now)) = &self.invitation {
            have_invitation(&mut filters, db, statuses, *now);
        }
        filters.between(
            db,
            Column::CreatedAt,
            self.created_after,
            self.created_before,
        );
        filters.between(
            db,
            Column::LastSignedInAt,
            self.signed_in_after,
            self.signed_in_before,
        );
        filters
    }
}

/// In any of these states.
fn have_status(filters: &mut Filters<user::Entity>, statuses: &[Status]) {
    // Each once, however often it is listed.
    let statuses = [Status::Invited, Status::Active, Status::Deactivated]
        .into_iter()
        .filter(|status| statuses.contains(status));
    let by_row = statuses
        .clone()
        .fold(Condition::any(), |any, status| any.add(has_status(status)));
    if by_row.is_empty() {
        return filters.none();
    }
    // The numbers are those of the generated column.
    let numbers = statuses.map(|status| match status {
        Status::Invited => 0,
        Status::Active => 1,
        Status::Deactivated => 2,
    });
    filters.same_as(by_row, Expr::col((user::Entity, "status")).is_in(numbers));
}

/// Holders of any of these roles.
fn hold_roles(filters: &mut Filters<user::Entity>, db: &Database, ids: &[RoleId]) {
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

/// With their newest invitation in any of these states, [`invitation::Model::status`]. A new invitation
/// voids those before it, so at most one of a user's is not revoked, and that one is the newest.
fn have_invitation(
    filters: &mut Filters<user::Entity>,
    db: &Database,
    statuses: &[invitation::Status],
    now: Timestamp,
) {
    use invitation::Column::{AcceptedAt, ExpiresAt, RevokedAt, UserId};
    use invitation::Status::{Accepted, Expired, Pending, Revoked};
    let those_with = |condition: Condition| {
        Query::select()
            .column(UserId)
            .from(invitation::Entity)
            .cond_where(condition)
            .to_owned()
    };
    let standing = || Condition::all().add(RevokedAt.is_null());
    let open = || standing().add(AcceptedAt.is_null());
    let invited = |condition| refers(those_with(condition), UserId);
    let mut by_row = Condition::any();
    let mut by_index: Option<SelectStatement> = None;
    for status in [Pending, Accepted, Expired, Revoked] {
        if !statuses.contains(&status) {
            continue;
        }
        let condition = match status {
            Accepted => standing().add(AcceptedAt.is_not_null()),
            Pending => open().add(ExpiresAt.gt(now)),
            Expired => open().add(ExpiresAt.lte(now)),
            Revoked => Condition::all().add(RevokedAt.is_not_null()),
        };
        let keys = those_with(Condition::all().add(db.unlikely(condition.clone())));
        by_index = Some(match by_index {
            Some(mut others) => others.union(UnionType::All, keys).to_owned(),
            None => keys,
        });
        by_row = by_row.add(match status {
            Revoked => Condition::all()
                .add(invited(condition))
                .add(invited(standing()).not()),
            _ => Condition::all().add(invited(condition)),
        });
    }
    match by_index {
        Some(select) => filters.with_keys(
            by_row,
            Keys {
                select,
                are_exact: false,
            },
        ),
        None => filters.none(),
    }
}

/// Whether one of the rows refers to the user.
fn refers(mut rows: SelectStatement, user: impl ColumnTrait) -> Expr {
    rows.and_where(
        user.into_expr()
            .eq(Expr::col((user::Entity, user::Column::Id))),
    );
    Expr::exists(rows)
}
