//! Lists of invitations: how they are filtered, and how they are sorted.

use entity::invitation::{self, Status};
use entity::{InvitationId, Timestamp, UserId, email, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};

use crate::database::Database;
use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::filters::{Filters, Keys};
use crate::domain::page::{Keyset, Order, Page, PageRequest, SortKey, SortKeyKind};
use crate::domain::text;

/// Filters invitations. Conditions are combined with AND; omitted ones are ignored.
#[derive(Clone, Debug, Default)]
pub struct InvitationFilter {
    /// In any of these states, at this time.
    pub statuses: Option<(Vec<Status>, Timestamp)>,
    /// Sent by this user.
    pub invited_by: Option<UserId>,
    /// Sent to this user.
    pub user: Option<UserId>,
    /// With a link that ends before this time.
    pub expires_before: Option<Timestamp>,
    /// Sent after this time.
    pub created_after: Option<Timestamp>,
    /// Carried by an e-mail in any of these states.
    pub email_statuses: Option<Vec<email::Status>>,
    /// Part of the user's address or of either of their names, ignoring case.
    pub search: Option<String>,
}

/// What a list of invitations is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvitationOrderField {
    /// When the invitation was sent.
    CreatedAt,
    /// When the link expires.
    ExpiresAt,
}

impl InvitationOrderField {
    /// The order of a list by this field.
    pub fn keyset(self, descending: bool) -> Keyset<invitation::Entity> {
        use invitation::Column;
        let (name, column, keys): (_, _, fn(&invitation::Model) -> _) = match self {
            Self::CreatedAt => ("invitations", Column::CreatedAt, |row| {
                (SortKey::Number(row.created_at.0), row.id.0)
            }),
            Self::ExpiresAt => ("invitations.expires", Column::ExpiresAt, |row| {
                (SortKey::Number(row.expires_at.0), row.id.0)
            }),
        };
        Keyset {
            order: Order {
                name,
                key: SortKeyKind::Number,
            },
            column,
            generated: None,
            id: Column::Id,
            descending,
            keys,
        }
    }
}

/// A page of the invitations that match the filter, in the keyset's order.
pub async fn page(
    app: &App,
    filter: &InvitationFilter,
    order: &Keyset<invitation::Entity>,
    request: &PageRequest,
) -> Result<Page<invitation::Model>> {
    let filters = filter.filters(&app.db);
    let select = filters.select_sorted(&app.db, order.column).await?;
    Ok(order.page(&app.db, select, request).await?)
}

/// Of each user the newest invitation, if it matches the filter: so many at most, the oldest first.
pub async fn matching(
    app: &App,
    filter: &InvitationFilter,
    at_most: usize,
) -> Result<Vec<InvitationId>> {
    let matching = (filter.filters(&app.db).select().select_only())
        .column(invitation::Column::Id)
        .filter(is_newest())
        .order_by_asc(invitation::Column::Id)
        .limit(at_most as u64);
    Ok(app.db.values(app.db.read(), matching).await?)
}

/// Whether the user was sent none after it, as [`newest_of`](super::newest_of) has it.
fn is_newest() -> SimpleExpr {
    use invitation::Column::{CreatedAt, Id, UserId};
    const OTHER: &str = "other";
    let other = |column| Expr::col((OTHER, column));
    let this = |column| (invitation::Entity, column);
    let is_later = other(CreatedAt).gt(Expr::col(this(CreatedAt)));
    let is_as_late = other(CreatedAt).equals(this(CreatedAt));
    let is_after = is_as_late.and(other(Id).gt(Expr::col(this(Id))));
    let later = Query::select()
        .expr(Expr::value(1))
        .from_as(invitation::Entity, OTHER)
        .and_where(other(UserId).equals(this(UserId)))
        .and_where(is_later.or(is_after))
        .to_owned();
    Expr::exists(later).not()
}

/// How many invitations match the filter.
pub async fn count(app: &App, filter: &InvitationFilter) -> Result<u64> {
    Ok(filter.filters(&app.db).count(&app.db).await?)
}

impl InvitationFilter {
    fn filters(&self, db: &Database) -> Filters<invitation::Entity> {
        use invitation::Column;
        let mut filters = Filters::default();
        if let Some((statuses, now)) = &self.statuses {
            have_status(&mut filters, db, statuses, *now);
        }
        if let Some(inviter) = self.invited_by {
            filters.any_of(db, Column::InvitedBy, [inviter]);
        }
        if let Some(user) = self.user {
            filters.any_of(db, Column::UserId, [user]);
        }
        filters.between(db, Column::ExpiresAt, None, self.expires_before);
        filters.between(db, Column::CreatedAt, self.created_after, None);
        if let Some(statuses) = &self.email_statuses {
            carried_by(&mut filters, db, statuses);
        }
        if let Some(search) = &self.search
            && !texts::invisible::trim(search).is_empty()
        {
            sent_to(&mut filters, db, search);
        }
        filters
    }
}

/// In any of these states, [`invitation::Model::status`]. What was accepted is never revoked after that.
fn have_status(
    filters: &mut Filters<invitation::Entity>,
    db: &Database,
    statuses: &[Status],
    now: Timestamp,
) {
    use invitation::Column::{AcceptedAt, ExpiresAt, RevokedAt};
    let condition =
        |status, value: &dyn Fn(invitation::Column) -> Expr, hinted: &dyn Fn(Expr) -> Expr| {
            let standing = Condition::all().add(hinted(value(RevokedAt).is_null()));
            let open = standing.clone().add(hinted(value(AcceptedAt).is_null()));
            match status {
                Status::Pending => open.add(hinted(value(ExpiresAt).gt(now))),
                Status::Expired => open.add(hinted(value(ExpiresAt).lte(now))),
                Status::Accepted => standing.add(hinted(value(AcceptedAt).is_not_null())),
                Status::Revoked => Condition::all().add(hinted(value(RevokedAt).is_not_null())),
            }
        };
    let mut by_row = Condition::any();
    let mut by_index: Option<SelectStatement> = None;
    for status in [
        Status::Pending,
        Status::Accepted,
        Status::Expired,
        Status::Revoked,
    ] {
        if !statuses.contains(&status) {
            continue;
        }
        let without_index = |column: invitation::Column| db.without_index(column);
        by_row = by_row.add(condition(status, &without_index, &|term| term));
        // Each term by itself: SQLite forgets a hint about several.
        let indexed = |column: invitation::Column| column.into_expr();
        let keys = Query::select()
            .column(invitation::Column::Id)
            .from(invitation::Entity)
            .cond_where(condition(status, &indexed, &|term| db.unlikely(term)))
            .to_owned();
        by_index = Some(match by_index {
            Some(mut others) => others.union(UnionType::All, keys).to_owned(),
            None => keys,
        });
    }
    match by_index {
        // No invitation is in two states.
        Some(select) => filters.with_keys(
            by_row,
            Keys {
                select,
                are_exact: true,
            },
        ),
        None => filters.none(),
    }
}

/// Carried by an e-mail in any of these states.
fn carried_by(
    filters: &mut Filters<invitation::Entity>,
    db: &Database,
    statuses: &[email::Status],
) {
    use email::Column::{InvitationId, Status};
    if statuses.is_empty() {
        return filters.none();
    }
    let those = |condition| {
        Query::select()
            .column(InvitationId)
            .from(email::Entity)
            .and_where(InvitationId.is_not_null())
            .and_where(condition)
            .to_owned()
    };
    let statuses = statuses.iter().copied();
    let keys = Keys {
        select: those(db.unlikely(Status.is_in(statuses.clone()))),
        are_exact: false,
    };
    let mut mails = those(db.without_index(Status).is_in(statuses));
    mails.and_where(InvitationId.into_expr().eq(this(invitation::Column::Id)));
    filters.with_keys(Expr::exists(mails), keys);
}

/// Sent to somebody whose address or name contains the term.
fn sent_to(filters: &mut Filters<invitation::Entity>, db: &Database, term: &str) {
    use user::Column::{Id, SearchText};
    let term = text::fold(texts::invisible::trim(term));
    let user = Query::select()
        .expr(Expr::val(1))
        .from(user::Entity)
        .and_where(Id.into_expr().eq(this(invitation::Column::UserId)))
        .and_where(db.contains(SearchText, &term))
        .to_owned();
    let by_row = Expr::exists(user);
    match db.keys_containing::<user::Entity>(SearchText, &term) {
        Some(users) => {
            let select = Query::select()
                .column(invitation::Column::Id)
                .from(invitation::Entity)
                .and_where(db.unlikely(invitation::Column::UserId.in_subquery(users)))
                .to_owned();
            let keys = Keys {
                select,
                are_exact: false,
            };
            filters.with_keys(by_row, keys);
        }
        None => filters.add(by_row),
    }
}

/// A column of the row that is looked at.
fn this(column: invitation::Column) -> Expr {
    Expr::col((invitation::Entity, column))
}
