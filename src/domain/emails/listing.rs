//! Lists of e-mails: how they are filtered, and how they are sorted.

use entity::email::Status;
use entity::{Timestamp, email};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};

use super::{Email, as_seen_by};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::page::{Keyset, Order, Page, PageRequest, SortKey, SortKeyKind};
use crate::domain::text;

/// Filters e-mails. Conditions are combined with AND; omitted ones are ignored.
#[derive(Clone, Debug, Default)]
pub struct EmailFilter {
    /// In any of these states.
    pub statuses: Option<Vec<Status>>,
    /// Of any of these kinds.
    pub kinds: Option<Vec<String>>,
    /// Part of a recipient's address, ignoring case.
    pub to: Option<String>,
    /// Part of the subject, ignoring case.
    pub subject: Option<String>,
    /// Queued after this time.
    pub created_after: Option<Timestamp>,
    /// Queued before this time.
    pub created_before: Option<Timestamp>,
}

impl EmailFilter {
    /// The e-mails that match.
    pub(super) fn select(&self, app: &App) -> Select<email::Entity> {
        use email::Column;
        let contains = |column: Column, term: &str| {
            app.db
                .contains(column, &text::fold(texts::invisible::trim(term)))
        };
        let mut select = email::Entity::find();
        if let Some(statuses) = &self.statuses {
            select = select.filter(Column::Status.is_in(statuses.iter().copied()));
        }
        if let Some(kinds) = &self.kinds {
            select =
                select.filter(Column::Kind.is_in(kinds.iter().filter(|kind| !kind.contains('\0'))));
        }
        if let Some(to) = &self.to {
            select = select.filter(contains(Column::RecipientsKey, to));
        }
        if let Some(subject) = &self.subject {
            select = select.filter(contains(Column::SubjectKey, subject));
        }
        if let Some(time) = self.created_after {
            select = select.filter(Column::CreatedAt.gt(time));
        }
        if let Some(time) = self.created_before {
            select = select.filter(Column::CreatedAt.lt(time));
        }
        select
    }
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
            id: Column::Id,
            descending,
            keys,
        }
    }
}

/// A page of the e-mails that match the filter, in the order that the request's cursors belong to.
pub async fn page(
    app: &App,
    actor: &Actor,
    filter: &EmailFilter,
    order: &Keyset<email::Entity>,
    request: &PageRequest,
) -> Result<Page<Email>> {
    let page = order.page(&app.db, filter.select(app), request).await?;
    page.try_map_all(async |rows| as_seen_by(app, actor, rows).await)
        .await
}

/// How many e-mails match the filter.
pub async fn count(app: &App, filter: &EmailFilter) -> Result<u64> {
    Ok(app.db.count(app.db.read(), filter.select(app)).await?)
}
