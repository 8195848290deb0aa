//! How the event log is read.

use std::net::IpAddr;

use entity::{EventId, SessionId, Timestamp, UserId, event};
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait};
use uuid::Uuid;

use super::{Action, FieldChange};
use crate::database::Database;
use crate::domain::app::App;
use crate::domain::error::Result;
use crate::domain::filters::Filters;
use crate::domain::page::{Keyset, Order, Page, PageRequest, SortKey, SortKeyKind};

/// An event as it is read.
#[derive(Clone, Debug)]
pub struct Event {
    /// As stored; `changes` holds the same as below, as JSON.
    pub row: event::Model,
    /// What happened; `None` if a later version of the server recorded it.
    pub action: Option<Action>,
    /// Empty if it changed none, or if what is stored cannot be read.
    pub changes: Vec<FieldChange>,
}

impl From<event::Model> for Event {
    fn from(row: event::Model) -> Self {
        Self {
            action: Action::from_code(&row.action),
            changes: serde_json::from_str(&row.changes).unwrap_or_default(),
            row,
        }
    }
}

/// Filters events. Conditions are combined with AND; omitted ones are ignored.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Caused by this user.
    pub actor: Option<UserId>,
    /// About this object.
    pub subject: Option<Uuid>,
    /// Caused by this user, or about them.
    pub about: Option<UserId>,
    /// With any of these actions.
    pub actions: Option<Vec<Action>>,
    /// After this time.
    pub created_after: Option<Timestamp>,
    /// Before this time.
    pub created_before: Option<Timestamp>,
    /// Part of what the actor or the subject was called, ignoring the case of A to Z.
    pub search: Option<String>,
    /// Caused by requests from this address, as it is stored.
    pub ip_address: Option<String>,
    /// Caused in this session.
    pub session: Option<SessionId>,
}

impl EventFilter {
    /// The events that match.
    pub(super) fn filters(&self, db: &Database) -> Filters<event::Entity> {
        use event::Column;
        let mut filters = Filters::default();
        if let Some(actor) = self.actor {
            filters.add(Column::ActorId.eq(actor));
        }
        if let Some(subject) = self.subject {
            filters.add(Column::SubjectId.eq(subject));
        }
        if let Some(user) = self.about {
            let by_either = |actor: SimpleExpr, subject: SimpleExpr| {
                Condition::any().add(actor.eq(user)).add(subject.eq(user.0))
            };
            filters.same_as(
                by_either(
                    db.without_index(Column::ActorId),
                    db.without_index(Column::SubjectId),
                ),
                by_either(Column::ActorId.into_expr(), Column::SubjectId.into_expr()),
            );
        }
        if let Some(actions) = &self.actions {
            match &actions[..] {
                [action] => filters.add(Column::Action.eq(action.code())),
                _ => filters.any_of(
                    db,
                    Column::Action,
                    actions.iter().map(|action| action.code()),
                ),
            }
        }
        if let Some(search) = &self.search
            && !texts::invisible::trim(search).is_empty()
        {
            let search = texts::invisible::trim(search);
            let labels = [Column::ActorLabel, Column::SubjectLabel];
            let contains = labels.map(|label| db.contains_as_written(label, search));
            filters.add(contains.into_iter().fold(Condition::any(), Condition::add));
        }
        if let Some(address) = &self.ip_address {
            match address.trim().parse::<IpAddr>() {
                // As it is stored, however it was written.
                Ok(address) => filters.add(Column::IpAddress.eq(address.to_string())),
                Err(_) => filters.none(),
            }
        }
        if let Some(session) = self.session {
            filters.add(Column::SessionId.eq(session));
        }
        filters.between(
            db,
            Column::CreatedAt,
            self.created_after,
            self.created_before,
        );
        filters
    }
}

/// The order of [`page`]: newest first.
const NEWEST_FIRST: Keyset<event::Entity> = Keyset {
    order: Order {
        name: "events",
        key: SortKeyKind::Number,
    },
    column: event::Column::CreatedAt,
    generated: None,
    id: event::Column::Id,
    descending: true,
    keys: |row| (SortKey::Number(row.created_at.0), row.id.0),
};

/// What [`page`]'s cursors are recognised by.
pub const ORDER: Order = NEWEST_FIRST.order;

/// A page of the events that match the filter, newest first.
pub async fn page(app: &App, filter: &EventFilter, request: &PageRequest) -> Result<Page<Event>> {
    let select = filter.filters(&app.db);
    let select = select.select_sorted(&app.db, NEWEST_FIRST.column).await?;
    let page = NEWEST_FIRST.page(&app.db, select, request).await?;
    Ok(page.map(Event::from))
}

/// How many events match the filter.
pub async fn count(app: &App, filter: &EventFilter) -> Result<u64> {
    Ok(filter.filters(&app.db).count(&app.db).await?)
}

/// The event with this ID.
pub async fn find(app: &App, id: EventId) -> Result<Option<Event>> {
    let found = event::Entity::find_by_id(id);
    let mut found = app.db.find(app.db.read(), found).await?;
    Ok(found.rows.pop().map(Event::from))
}
