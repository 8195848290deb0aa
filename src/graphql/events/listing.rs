//! How lists of events are filtered.

use async_graphql::{Context, ID, InputObject, Result};
use entity::{SessionId, Timestamp, UserId};
use uuid::Uuid;

use super::EventAction;
use super::object::{Event, EventActorKind};
use crate::domain::events;
use crate::graphql::context::ContextExt;
use crate::graphql::error::check_search;
use crate::graphql::ids;
use crate::graphql::page::{PageArguments, connection, page_request};
use crate::graphql::scalars::DateTime;

/// A page of events, for every field that returns one.
pub async fn events_page(
    ctx: &Context<'_>,
    filter: events::EventFilter,
    arguments: PageArguments,
) -> Result<EventConnection> {
    let request = page_request(events::ORDER, arguments)?;
    let page = events::page(ctx.app()?, &filter, &request).await?;
    Ok(EventConnection::new(page, filter))
}

/// Filters events. Conditions are combined with AND; omitted ones are ignored.
#[derive(InputObject)]
pub struct EventFilter {
    /// Events caused by this user.
    actor_id: Option<ID>,
    /// Events that affected this user, role, session or e-mail.
    subject_id: Option<ID>,
    /// Events with any of these actions.
    #[graphql(validator(max_items = 100))]
    actions: Option<Vec<EventAction>>,
    /// Events after this time.
    created_after: Option<DateTime>,
    /// Events before this time.
    created_before: Option<DateTime>,
    /// Substring of `actorLabel` or `subjectLabel`; the letters A to Z match in upper and lower case. `%` and
    /// `_` have no special meaning. Up to 200 characters.
    search: Option<String>,
    /// Events caused by requests from this IP address.
    ip_address: Option<String>,
    /// Events that were caused in this session.
    session_id: Option<ID>,
    /// Events caused by any of these kinds of actors.
    #[graphql(validator(max_items = 100))]
    actor_kinds: Option<Vec<EventActorKind>>,
}

impl EventFilter {
    /// Converts it to the domain's filter.
    ///
    /// # Errors
    ///
    /// `BAD_REQUEST` for a search term that is too long.
    pub fn decode(self) -> Result<events::EventFilter> {
        check_search("search", self.search.as_deref())?;
        // An ID of some other kind did nothing, and nothing was done to it.
        Ok(events::EventFilter {
            search: self.search,
            ip_address: self.ip_address,
            session: self
                .session_id
                .map(|id| ids::decode(&id).unwrap_or(SessionId(Uuid::nil()))),
            actor: self
                .actor_id
                .map(|id| ids::decode(&id).unwrap_or(UserId(Uuid::nil()))),
            subject: self
                .subject_id
                .map(|id| ids::decode_any(&id).unwrap_or(Uuid::nil())),
            actor_kinds: self
                .actor_kinds
                .map(|kinds| kinds.into_iter().map(Into::into).collect()),
            about: None,
            actions: self
                .actions
                .map(|actions| actions.into_iter().map(Into::into).collect()),
            created_after: self.created_after.map(Timestamp::from),
            created_before: self.created_before.map(Timestamp::from),
        })
    }
}

connection! {
    /// A page of events.
    EventConnection, EventEdge of Event, from events::Event; events::count where events::EventFilter
}
