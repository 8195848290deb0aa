//! Any object by its ID, as the Relay specification demands
//! (<https://relay.dev/docs/guides/graphql-server-specification/>).

use async_graphql::{Context, Error, ID, Interface, Object, Result};
use entity::UserId;

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
use crate::domain::applications::{EMAIL_QUEUE_VIEW, EVENT_LOG_VIEW, ROLES_VIEW, USERS_VIEW};
use crate::domain::{emails, events, invitations, roles, sessions, users};

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
        find(ctx, &id).await
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
        let mut nodes = Vec::with_capacity(ids.len());
        for id in &ids {
            nodes.push(find(ctx, id).await?);
        }
        Ok(nodes)
    }
}

/// An object that has an ID.
#[derive(Interface)]
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

/// The permission is checked before anything is looked up, so the answer does not reveal whether
/// the object exists; only objects that turn out to be the caller's own need none.
async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let (app, actor) = (ctx.app()?, ctx.actor()?);
    let must_own_or_view = |owner: Option<UserId>| match owner {
        Some(owner) if actor.user_id() == Some(owner) => Ok(()),
        _ => ctx.caller()?.must_hold(&USERS_VIEW).map_err(Error::from),
    };
    if let Some(id) = ids::decode(id) {
        must_own_or_view(Some(id))?;
        let user = users::find(app, id).await?;
        return Ok(user.map(|user| Node::User(user.into())));
    }
    if let Some(id) = ids::decode(id) {
        let is_own = actor
            .signed_in()
            .is_ok_and(|caller| caller.user.role_ids.contains(&id));
        if !is_own {
            ctx.caller()?.must_hold(&ROLES_VIEW)?;
        }
        let role = roles::find(app, id).await?;
        return Ok(role.map(|role| Node::Role(role.into())));
    }
    if let Some(id) = ids::decode(id) {
        let invitation = invitations::find(app, id).await?;
        must_own_or_view(invitation.as_ref().map(|invitation| invitation.user_id))?;
        return Ok(invitation.map(|invitation| Node::Invitation(invitation.into())));
    }
    if let Some(id) = ids::decode(id) {
        let session = sessions::find(app, id).await?;
        must_own_or_view(session.as_ref().map(|session| session.user_id))?;
        return Ok(session.map(|session| Node::Session(Session(session))));
    }
    if let Some(id) = ids::decode(id) {
        ctx.caller()?.must_hold(&EMAIL_QUEUE_VIEW)?;
        let email = emails::find(app, &actor, id).await?;
        return Ok(email.map(|email| Node::Email(Email(email))));
    }
    if let Some(id) = ids::decode(id) {
        ctx.caller()?.must_hold(&EVENT_LOG_VIEW)?;
        let event = events::find(app, id).await?;
        return Ok(event.map(|event| Node::Event(event.into())));
    }
    Ok(None)
}
