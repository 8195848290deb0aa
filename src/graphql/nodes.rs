//! Any object by its ID, as the Relay specification demands
//! (<https://relay.dev/docs/guides/graphql-server-specification/>).

use std::collections::{BTreeSet, HashMap};

use async_graphql::{Context, ID, Interface, Object, Result};
use entity::{EmailId, EventId, InvitationId, RoleId, SessionId, UserId};

use super::context::ContextExt;
use super::emails::Email;
use super::error::bad_request;
use super::events::Event;
use super::guard::{SignedIn, signed_in};
use super::ids;
use super::invitations::Invitation;
use super::limits::list_complexity;
use super::roles::Role;
use super::sessions::Session;
use super::users::User;
use crate::domain::applications::{
    EMAIL_QUEUE_VIEW, EVENT_LOG_VIEW, Permission, ROLES_VIEW, USERS_VIEW,
};
use crate::domain::{emails, events, invitations, roles, sessions};

/// How many IDs `nodes` accepts.
const MAX_IDS: usize = 100;

/// The queries by ID alone.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object with this ID; null if there is none. Requires the same permission as the query
    /// for that type of object.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The ID of a user, a role, an invitation, a session, an e-mail or an event."
        )]
        id: ID,
    ) -> Result<Option<Node>> {
        let mut found = find_all(ctx, std::slice::from_ref(&id)).await?;
        Ok(found.remove(&id))
    }

    /// The objects with these IDs (up to 100), in the same order; null where there is none.
    #[graphql(
        guard = SignedIn,
        directive = signed_in::apply(),
        complexity = "list_complexity(ids.len(), child_complexity)"
    )]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The IDs.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            return Err(bad_request(format!(
                "`ids` can have at most {MAX_IDS} entries."
            )));
        }
        let found = find_all(ctx, &ids).await?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }
}

/// An object that has an ID.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque and globally unique."))]
pub enum Node {
    /// A user.
    User(User),
    /// A role.
    Role(Role),
    /// An invitation.
    Invitation(Invitation),
    /// A session.
    Session(Session),
    /// An e-mail.
    Email(Email),
    /// An entry in the event log.
    Event(Event),
}

impl Node {
    /// Whose it is, where it may be the caller's own.
    fn owner(&self) -> Option<UserId> {
        match self {
            Self::Invitation(invitation) => Some(invitation.row().user_id),
            Self::Session(session) => Some(session.row().user_id),
            Self::User(_) | Self::Role(_) | Self::Email(_) | Self::Event(_) => None,
        }
    }
}

/// What an ID names.
#[derive(Clone, Copy)]
enum Named {
    User(UserId),
    Role(RoleId),
    Invitation(InvitationId),
    Session(SessionId),
    Email(EmailId),
    Event(EventId),
}

impl Named {
    /// Nothing for an ID of no type that there is.
    fn by(id: &ID) -> Option<Self> {
        (ids::decode(id).map(Self::User))
            .or_else(|| ids::decode(id).map(Self::Role))
            .or_else(|| ids::decode(id).map(Self::Invitation))
            .or_else(|| ids::decode(id).map(Self::Session))
            .or_else(|| ids::decode(id).map(Self::Email))
            .or_else(|| ids::decode(id).map(Self::Event))
    }

    /// The permission to see what is not the caller's own.
    fn permission(self) -> Permission {
        match self {
            Self::User(_) | Self::Invitation(_) | Self::Session(_) => USERS_VIEW,
            Self::Role(_) => ROLES_VIEW,
            Self::Email(_) => EMAIL_QUEUE_VIEW,
            Self::Event(_) => EVENT_LOG_VIEW,
        }
    }
}

/// The objects with these IDs, with one query for each type of them.
///
/// The permission is checked before anything is looked up, so the answer does not reveal whether
/// the object exists; only objects that turn out to be the caller's own need none.
async fn find_all(ctx: &Context<'_>, ids: &[ID]) -> Result<HashMap<ID, Node>> {
    let named: Vec<Named> = ids.iter().filter_map(Named::by).collect();
    let (caller, actor) = (ctx.caller()?, ctx.actor()?);
    let own_roles = actor
        .signed_in()
        .ok()
        .map(|own| own.user.role_ids.as_slice());
    for named in &named {
        let is_own = match named {
            Named::User(id) => actor.user_id() == Some(*id),
            Named::Role(id) => own_roles.is_some_and(|own| own.contains(id)),
            // Whose they are is known once they are found.
            Named::Invitation(_) | Named::Session(_) => true,
            Named::Email(_) | Named::Event(_) => false,
        };
        if !is_own {
            caller.must_hold(&named.permission())?;
        }
    }
    let found = load(ctx, &named).await?;
    for named in &named {
        let owner = match named {
            Named::Invitation(id) => found.get(&ids::encode(*id)).and_then(Node::owner),
            Named::Session(id) => found.get(&ids::encode(*id)).and_then(Node::owner),
            _ => continue,
        };
        if owner.is_none() || owner != actor.user_id() {
            caller.must_hold(&named.permission())?;
        }
    }
    Ok(found)
}

/// The same of objects that an event is about: those that the caller may not see are left out. The caller
/// must be allowed to see the first of them.
pub async fn find_visible(ctx: &Context<'_>, ids: &[ID]) -> Result<HashMap<ID, Node>> {
    let actor = ctx.actor()?;
    let named = ids.iter().filter_map(Named::by);
    let visible: Vec<Named> = named
        .filter(|named| actor.holds(&named.permission()))
        .collect();
    load(ctx, &visible).await
}

/// Refuses a caller who may not see objects of this ID's type.
pub fn must_see(ctx: &Context<'_>, id: &ID) -> Result<()> {
    match Named::by(id) {
        Some(named) => Ok(ctx.caller()?.must_hold(&named.permission())?),
        None => Ok(()),
    }
}

async fn load(ctx: &Context<'_>, named: &[Named]) -> Result<HashMap<ID, Node>> {
    let (app, actor) = (ctx.app()?, ctx.actor()?);
    let mut found = HashMap::new();
    let users = ids_of(named, |named| match named {
        Named::User(id) => Some(id),
        _ => None,
    });
    for (id, user) in User::find_all(ctx, users).await? {
        found.insert(ids::encode(id), Node::User(user));
    }
    let role_ids = ids_of(named, |named| match named {
        Named::Role(id) => Some(id),
        _ => None,
    });
    if !role_ids.is_empty() {
        for role in Role::together(roles::find_all(app, role_ids).await?) {
            found.insert(ids::encode(role.row().id), Node::Role(role));
        }
    }
    let invitation_ids = ids_of(named, |named| match named {
        Named::Invitation(id) => Some(id),
        _ => None,
    });
    if !invitation_ids.is_empty() {
        let rows = invitations::find_all(app, invitation_ids).await?;
        for invitation in Invitation::together(rows) {
            found.insert(
                ids::encode(invitation.row().id),
                Node::Invitation(invitation),
            );
        }
    }
    let session_ids = ids_of(named, |named| match named {
        Named::Session(id) => Some(id),
        _ => None,
    });
    if !session_ids.is_empty() {
        for session in Session::together(sessions::find_all(app, session_ids).await?) {
            found.insert(ids::encode(session.row().id), Node::Session(session));
        }
    }
    let email_ids = ids_of(named, |named| match named {
        Named::Email(id) => Some(id),
        _ => None,
    });
    if !email_ids.is_empty() {
        for email in Email::together(emails::find_all(app, &actor, email_ids).await?) {
            found.insert(ids::encode(email.row().id), Node::Email(email));
        }
    }
    let event_ids = ids_of(named, |named| match named {
        Named::Event(id) => Some(id),
        _ => None,
    });
    if !event_ids.is_empty() {
        for event in Event::together(events::find_all(app, event_ids).await?) {
            found.insert(ids::encode(event.row().id), Node::Event(event));
        }
    }
    Ok(found)
}

/// The IDs of one type, each once.
fn ids_of<I: Ord>(named: &[Named], of_type: impl Fn(Named) -> Option<I>) -> Vec<I> {
    let ids: BTreeSet<I> = named.iter().copied().filter_map(of_type).collect();
    ids.into_iter().collect()
}
