//! An event, and what leads on from one.

use std::collections::BTreeSet;

use async_graphql::{Context, Description, Enum, ID, Object, Result, SimpleObject};
use entity::{SessionId, UserId, event};

use super::EventAction;
use crate::domain::applications::{EVENT_LOG_VIEW, USERS_VIEW};
use crate::domain::{events, sessions};
use crate::graphql::context::ContextExt;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::level::{Member, Shared};
use crate::graphql::nodes::{self, Node};
use crate::graphql::scalars::{DateTime, given};
use crate::graphql::sessions::Session;
use crate::graphql::users::User;

/// An entry in the event log. Entries never change; old ones are removed after the configured
/// retention period.
#[derive(Clone, Description)]
pub struct Event(Member<events::Event, Leads>);

/// What events lead to.
#[derive(Default)]
struct Leads {
    actors: Shared<UserId, User>,
    sessions: Shared<SessionId, Session>,
    subjects: Shared<ID, Node>,
}

impl From<events::Event> for Event {
    fn from(event: events::Event) -> Self {
        Self(event.into())
    }
}

impl Event {
    /// Events that were loaded together.
    pub fn together(events: Vec<events::Event>) -> Vec<Self> {
        Member::together(events).map(Self).collect()
    }

    /// As stored.
    pub fn row(&self) -> &event::Model {
        &self.0.row().row
    }
}

#[Object(use_type_description)]
impl Event {
    /// Opaque and globally unique.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.row().id)
    }

    /// When it happened.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.row().created_at.into()
    }

    /// What happened; null if a newer version of the server recorded it (see `actionCode`).
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn action(&self) -> Option<EventAction> {
        self.0.row().action.map(Into::into)
    }

    /// What happened, as the stored code, such as "user.invited".
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn action_code(&self) -> &str {
        &self.row().action
    }

    /// The user who did it; null for the server itself, for someone who was not signed in, and for
    /// a user who has been deleted.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Some(id) = self.row().actor_id else {
            return Ok(None);
        };
        let all = User::find_all(ctx, self.0.all().filter_map(|event| event.row.actor_id));
        self.0.leads().actors.of(&id, all).await
    }

    /// The ID of the user who did it, who may have been deleted; null for the server itself and for someone
    /// who was not signed in.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn actor_id(&self) -> Option<ID> {
        self.row().actor_id.map(ids::encode)
    }

    /// What kind of actor did it.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn actor_kind(&self) -> EventActorKind {
        self.0.row().actor_kind().into()
    }

    /// What the actor was called at the time: an e-mail address, "server" or "anonymous".
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn actor_label(&self) -> &str {
        &self.row().actor_label
    }

    /// The ID of the session in which it was done; null outside of any session.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn session_id(&self) -> Option<ID> {
        self.row().session_id.map(ids::encode)
    }

    /// The session in which it was done; null outside of any session, and once it has ended.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<Session>> {
        let Some(id) = self.row().session_id else {
            return Ok(None);
        };
        let all = async {
            let ids = self.0.all().filter_map(|event| event.row.session_id);
            let found = sessions::find_all(ctx.app()?, BTreeSet::from_iter(ids)).await?;
            let sessions = Session::together(found).into_iter();
            Ok(sessions
                .map(|session| (session.row().id, session))
                .collect())
        };
        self.0.leads().sessions.of(&id, all).await
    }

    /// The IP address that the request came from.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn ip_address(&self) -> Option<&str> {
        self.row().ip_address.as_deref()
    }

    /// The `User-Agent` header that the client sent, shortened to 500 characters.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn user_agent(&self) -> Option<&str> {
        self.row().user_agent.as_deref()
    }

    /// The ID of the user, role, session or e-mail that was affected, which may no longer exist;
    /// null if there is none.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn subject_id(&self) -> Option<ID> {
        subject_node_id(self.0.row())
    }

    /// The type of object that was affected, such as "user", "role", "session" or "email"; null if there is
    /// none.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn subject_type(&self) -> Option<&str> {
        given(&self.row().subject_type)
    }

    /// The object that was affected; null if there is none or it no longer exists. Needs the permission to
    /// see objects of its type as well.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        let Some(id) = subject_node_id(self.0.row()) else {
            return Ok(None);
        };
        nodes::must_see(ctx, &id)?;
        let all = async {
            let all: Vec<ID> = self.0.all().filter_map(subject_node_id).collect();
            nodes::find_visible(ctx, &all).await
        };
        self.0.leads().subjects.of(&id, all).await
    }

    /// What the affected object was called at the time.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn subject_label(&self) -> &str {
        &self.row().subject_label
    }

    /// The fields that changed, with their values before and after. Never contains a secret.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    async fn changes(&self) -> Vec<EventChange> {
        let changes = self.0.row().changes.iter().cloned();
        changes.map(EventChange::from).collect()
    }
}

/// A field that was changed.
#[derive(SimpleObject)]
pub struct EventChange {
    /// The field's name in this API.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    field: String,
    /// The previous value; null if there was none. The entries of a list are joined by commas.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    before: Option<String>,
    /// The new value; null if there is none. The entries of a list are joined by commas.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    after: Option<String>,
    /// What was added to the list; null if the field is none.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    added: Option<Vec<String>>,
    /// What was removed from the list; null if the field is none.
    #[graphql(guard = Requires(EVENT_LOG_VIEW), directive = requires::apply(EVENT_LOG_VIEW))]
    removed: Option<Vec<String>>,
}

impl From<events::FieldChange> for EventChange {
    fn from(change: events::FieldChange) -> Self {
        let (added, removed) = change.list.map(|list| (list.added, list.removed)).unzip();
        Self {
            field: change.field,
            before: change.before,
            after: change.after,
            added,
            removed,
        }
    }
}

/// The ID of the affected object.
fn subject_node_id(event: &events::Event) -> Option<ID> {
    ids::encode_as(&event.row.subject_type, event.row.subject_id?)
}

/// Who can be behind an event. Later versions may add kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "events::ActorKind")]
pub enum EventActorKind {
    /// A user who was signed in.
    User,
    /// The server itself, or an operator on its command line.
    Server,
    /// Someone who was not signed in.
    Anonymous,
}
