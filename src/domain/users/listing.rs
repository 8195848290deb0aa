//! Lists of users: how they are filtered, and how they are sorted.

use entity::user::Status;
use entity::{RoleId, Timestamp, UserId, invitation, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};

use super::holding::{self, refers};
use super::{User, has_status, with_roles};
use crate::database::{Database, Source};
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
    /// Holders of all of these roles, each of which is named once.
    pub has_all_role_ids: Vec<RoleId>,
    /// Holders of no role, or of any.
    pub without_roles: Option<bool>,
    /// Active holders of any of these roles: those that grant a permission.
    pub may_by: Option<Vec<RoleId>>,
    /// With any of these addresses, in normal form.
    pub emails: Option<Vec<String>>,
    /// Sent an invitation by this user.
    pub invited_by: Option<UserId>,
    /// Changed after this time.
    pub updated_after: Option<Timestamp>,
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
    /// When the e-mail address, names, roles or status last changed.
    UpdatedAt,
    /// The state: invited, active, deactivated.
    Status,
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
            Self::UpdatedAt => (
                "users.updated",
                SortKeyKind::Number,
                Column::UpdatedAt,
                |row| (SortKey::Number(row.updated_at.0), row.id.0),
            ),
            // Of one state, they are sorted by their IDs.
            Self::Status => ("users.status", SortKeyKind::Number, Column::Id, |row| {
                (SortKey::Number(number_of(row.status())), row.id.0)
            }),
        };
        let generated = match self {
            Self::Status => Some(STATUS),
            _ => None,
        };
        Keyset {
            order: Order { name, key },
            column,
            generated,
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

/// The users who match the filter, so many at most, those first who have been there for longest.
pub async fn matching(app: &App, filter: &UserFilter, at_most: usize) -> Result<Vec<UserId>> {
    let matching = (filter.filters(&app.db).select().select_only())
        .column(user::Column::Id)
        .order_by_asc(user::Column::Id)
        .limit(at_most as u64);
    Ok(app.db.values(app.db.read(), matching).await?)
}

/// Whether this user matches the filter, as the transaction sees them.
pub async fn does_match(
    app: &App,
    db: &impl Source,
    filter: &UserFilter,
    id: UserId,
) -> Result<bool> {
    let this = (filter.filters(&app.db).select()).filter(user::Column::Id.eq(id));
    Ok(app.db.count(db, this).await? > 0)
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
            holding::any_of(&mut filters, db, ids);
        }
        holding::all_of(&mut filters, db, &self.has_all_role_ids);
        if let Some(holds_none) = self.without_roles {
            holding::none(&mut filters, holds_none);
        }
        if let Some(ids) = &self.may_by {
            have_status(&mut filters, &[Status::Active]);
            holding::any_of(&mut filters, db, ids);
        }
        if let Some(emails) = &self.emails {
            // No stored text holds it, and PostgreSQL takes it for an attack.
            let emails = emails.iter().filter(|email| !email.contains('\0'));
            filters.any_of(db, Column::EmailNormal, emails.cloned());
        }
        if let Some(inviter) = self.invited_by {
            invited_by(&mut filters, db, inviter);
        }
        filters.between(db, Column::UpdatedAt, self.updated_after, None);
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
    let by_index = Expr::col((user::Entity, STATUS)).is_in(statuses.map(number_of));
    filters.same_as(by_row, by_index);
}

/// The column that the database generates from the others: a state as a number.
const STATUS: &str = "status";

/// The number of a state in that column.
fn number_of(status: Status) -> i64 {
    match status {
        Status::Invited => 0,
        Status::Active => 1,
        Status::Deactivated => 2,
    }
}

/// Sent an invitation by this user.
fn invited_by(filters: &mut Filters<user::Entity>, db: &Database, inviter: UserId) {
    use invitation::Column::{InvitedBy, UserId};
    let invited = |by: Expr| {
        Query::select()
            .column(UserId)
            .from(invitation::Entity)
            .and_where(by)
            .to_owned()
    };
    let by_row = invited(db.without_index(InvitedBy).eq(inviter));
    let keys = Keys {
        select: invited(db.unlikely(InvitedBy.eq(inviter))),
        are_exact: false,
    };
    filters.with_keys(refers(by_row, UserId), keys);
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
