//! How the event log is read.

use std::collections::HashSet;
use std::net::IpAddr;

use entity::{EventId, SessionId, Timestamp, UserId, event};
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{ANONYMOUS, Action, FieldChange, SERVER};
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

/// Who can be behind an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A user who was signed in.
    User,
    /// The server itself.
    Server,
    /// Someone who was not signed in.
    Anonymous,
}

impl Event {
    /// Who did it. A user is never called as the server is: labels of users are addresses.
    pub fn actor_kind(&self) -> ActorKind {
        match (self.row.actor_id, self.row.actor_label.as_str()) {
            (Some(_), _) => ActorKind::User,
            (None, SERVER) => ActorKind::Server,
            (None, _) => ActorKind::Anonymous,
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
    /// Caused by any of these kinds of actors.
    pub actor_kinds: Option<Vec<ActorKind>>,
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
        if let Some(kinds) = &self.actor_kinds {
            let by = |kind| match kind {
                ActorKind::User => Column::ActorId.is_not_null(),
                ActorKind::Server => is_nobody(SERVER),
                ActorKind::Anonymous => is_nobody(ANONYMOUS),
            };
            let kinds: HashSet<ActorKind> = kinds.iter().copied().collect();
            if kinds.is_empty() {
                filters.none();
            } else {
                let any = kinds.into_iter().map(by);
                filters.add(any.fold(Condition::any(), Condition::add));
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

/// Caused by nobody who was signed in, but by what is called this.
fn is_nobody(label: &str) -> SimpleExpr {
    let nobody = event::Column::ActorId.is_null();
    nobody.and(event::Column::ActorLabel.eq(label))
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

/// The events with these IDs that are still there, in no order, with one query for all of them.
pub async fn find_all(app: &App, ids: impl IntoIterator<Item = EventId>) -> Result<Vec<Event>> {
    let these = event::Entity::find().filter(event::Column::Id.is_in(ids));
    let found = app.db.find(app.db.read(), these).await?;
    Ok(found.rows.into_iter().map(Event::from).collect())
}
