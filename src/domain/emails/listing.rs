//! Lists of e-mails: how they are filtered, and how they are sorted.

use entity::email::Status;
use entity::{
    EmailId, InvitationId, Timestamp, UserId, email, email_attempt, invitation, password_reset,
};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, EntityTrait, Iterable, QueryFilter, QueryOrder, QuerySelect, Select};

use super::{Email, EmailKind, as_seen_by};
use crate::database::Database;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::filters::{Filters, Keys};
use crate::domain::page::{Keyset, Order, Page, PageRequest, SortKey, SortKeyKind};

/// Filters e-mails. Conditions are combined with AND; omitted ones are ignored.
#[derive(Clone, Debug, Default)]
pub struct EmailFilter {
    /// In any of these states.
    pub statuses: Option<Vec<Status>>,
    /// Of any of these kinds.
    pub kinds: Option<Vec<EmailKind>>,
    /// Part of a recipient's address, ignoring case.
    pub to: Option<String>,
    /// Part of the subject, ignoring case.
    pub subject: Option<String>,
    /// Part of a recipient's address or of the subject, ignoring case.
    pub search: Option<String>,
    /// That carried a link of this user.
    pub user: Option<UserId>,
    /// That carried this invitation.
    pub invitation: Option<InvitationId>,
    /// That this transport has tried to send.
    pub transport: Option<String>,
    /// Part of what a transport said when it last failed, ignoring the case of A to Z.
    pub last_error: Option<String>,
    /// Sent after this time.
    pub sent_after: Option<Timestamp>,
    /// Queued after this time.
    pub created_after: Option<Timestamp>,
    /// Queued before this time.
    pub created_before: Option<Timestamp>,
}

impl EmailFilter {
    /// The e-mails that match.
    pub(super) fn filters(&self, db: &Database) -> Filters<email::Entity> {
        use email::Column;
        let mut filters = Filters::default();
        if let Some(statuses) = &self.statuses {
            let statuses = statuses.iter().copied();
            filters.any_of_in_order(db, Column::Status, Column::CreatedAt, statuses);
        }
        if let Some(kinds) = &self.kinds {
            filters.any_of(db, Column::Kind, kinds.iter().map(|kind| kind.code()));
        }
        if let Some(to) = &self.to {
            filters.contains(db, Column::RecipientsKey, to);
        }
        if let Some(subject) = &self.subject {
            filters.contains(db, Column::SubjectKey, subject);
        }
        if let Some(search) = &self.search {
            let both = [Column::RecipientsKey, Column::SubjectKey];
            filters.any_contains(db, both, search);
        }
        if let Some(user) = self.user {
            of_user(&mut filters, db, user);
        }
        if let Some(invitation) = self.invitation {
            filters.any_of(db, Column::InvitationId, [invitation]);
        }
        if let Some(transport) = &self.transport {
            tried_by(&mut filters, transport);
        }
        if let Some(error) = &self.last_error {
            let error = texts::invisible::trim(error);
            filters.add(db.contains_as_written(Column::LastError, error));
        }
        filters.between(db, Column::SentAt, self.sent_after, None);
        filters.between(
            db,
            Column::CreatedAt,
            self.created_after,
            self.created_before,
        );
        filters
    }
}

/// That carried an invitation or a password reset of this user: always a few.
fn of_user(filters: &mut Filters<email::Entity>, db: &Database, user: UserId) {
    use email::Column::{Id, InvitationId, PasswordResetId};
    let invitations = Query::select()
        .column(invitation::Column::Id)
        .from(invitation::Entity)
        .and_where(invitation::Column::UserId.eq(user))
        .to_owned();
    let resets = Query::select()
        .column(password_reset::Column::Id)
        .from(password_reset::Entity)
        .and_where(password_reset::Column::UserId.eq(user))
        .to_owned();
    let that_carried = |link: email::Column, links: SelectStatement| {
        Query::select()
            .column(Id)
            .from(email::Entity)
            .and_where(db.unlikely(link.in_subquery(links)))
            .to_owned()
    };
    let select = that_carried(InvitationId, invitations)
        .union(UnionType::All, that_carried(PasswordResetId, resets))
        .to_owned();
    let keys = Keys {
        select: select.clone(),
        are_exact: true,
    };
    let id = Expr::col((email::Entity, Id));
    filters.with_keys(id.in_subquery(select), keys);
}

/// That this transport has tried to send. There are few transports, so there is no index of theirs.
fn tried_by(filters: &mut Filters<email::Entity>, transport: &str) {
    use email_attempt::Column::{EmailId, Transport};
    // No stored text holds it, and PostgreSQL takes it for an attack.
    if transport.contains('\0') {
        return filters.none();
    }
    let attempt = Query::select()
        .expr(Expr::val(1))
        .from(email_attempt::Entity)
        .and_where(
            EmailId
                .into_expr()
                .eq(Expr::col((email::Entity, email::Column::Id))),
        )
        .and_where(Transport.eq(transport))
        .to_owned();
    filters.add(Expr::exists(attempt));
}

/// What a list of e-mails is sorted by. Nulls have no place in a keyset: what has not happened yet
/// comes before everything that has, see [`entity::TimeOrNever`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmailOrderField {
    /// When the e-mail was queued.
    CreatedAt,
    /// When the e-mail was sent; those that have not been come first.
    SentAt,
    /// When the next attempt is due; e-mails that are not queued come first.
    NextAttemptAt,
}

impl EmailOrderField {
    /// The order of a list by this field.
    pub fn keyset(self, descending: bool) -> Keyset<email::Entity> {
        use email::Column;
        let (name, column, keys): (_, _, fn(&email::Model) -> _) = match self {
            Self::CreatedAt => ("emails", Column::CreatedAt, |row| {
                (SortKey::Number(row.created_at.0), row.id.0)
            }),
            Self::SentAt => ("emails.sent", Column::SentAt, |row| {
                (SortKey::Number(row.sent_at.stored()), row.id.0)
            }),
            Self::NextAttemptAt => ("emails.due", Column::NextAttemptAt, |row| {
                (SortKey::Number(row.next_attempt_at.stored()), row.id.0)
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

/// A page of the e-mails that match the filter, in the order that the request's cursors belong to, with
/// or without their bodies.
pub async fn page(
    app: &App,
    actor: &Actor,
    filter: &EmailFilter,
    order: &Keyset<email::Entity>,
    request: &PageRequest,
    with_bodies: bool,
) -> Result<Page<Email>> {
    let filters = filter.filters(&app.db);
    let select = filters.select_sorted(&app.db, order.column).await?;
    if with_bodies {
        let page = order.page(&app.db, select, request).await?;
        return page
            .try_map_all(async |rows| as_seen_by(app, actor, rows).await)
            .await;
    }
    let page = order.page(&app.db, without_bodies(select), request).await?;
    let page = page.try_map_all(async |rows| as_seen_by(app, actor, rows).await);
    Ok(page.await?.map(Email::without_bodies))
}

/// The e-mails that carried these invitations, newest first, without their bodies: one query for all of
/// them.
pub async fn of_invitations(app: &App, actor: &Actor, ids: &[InvitationId]) -> Result<Vec<Email>> {
    let select = email::Entity::find()
        .filter(email::Column::InvitationId.is_in(ids.iter().copied()))
        .order_by_desc(email::Column::CreatedAt)
        .order_by_desc(email::Column::Id);
    briefly(app, actor, select).await
}

/// The e-mails with these IDs, in no order, without their bodies: one query for all of them.
pub async fn find_briefly(app: &App, actor: &Actor, ids: &[EmailId]) -> Result<Vec<Email>> {
    let these = email::Column::Id.is_in(ids.iter().copied());
    briefly(app, actor, email::Entity::find().filter(these)).await
}

async fn briefly(app: &App, actor: &Actor, select: Select<email::Entity>) -> Result<Vec<Email>> {
    let rows = app.db.all(app.db.read(), without_bodies(select)).await?;
    let emails = as_seen_by(app, actor, rows).await?;
    Ok(emails.into_iter().map(Email::without_bodies).collect())
}

/// Empty texts in the place of the bodies, so that each column keeps its place.
fn without_bodies(select: Select<email::Entity>) -> Select<email::Entity> {
    use email::Column;
    Column::iter().fold(select.select_only(), |select, column| match column {
        Column::TextBody | Column::HtmlBody => select.expr(Expr::val("")),
        column => select.column(column),
    })
}

/// How many e-mails match the filter.
pub async fn count(app: &App, filter: &EmailFilter) -> Result<u64> {
    Ok(filter.filters(&app.db).count(&app.db).await?)
}
