//! What of an e-mail each reader may see: its link grants whatever the link's user may do.

use std::collections::HashMap;

use entity::{InvitationId, UserId, email, invitation, user_role};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::EMAIL_QUEUE_VIEW_SENSITIVE;
use crate::domain::error::Result;
use crate::domain::links::address;
use crate::domain::roles;
use crate::email_templates::RenderedEmail;

/// Replaces the link in a body for a reader who may not see it.
pub const MASK: &str = "[secret link]";

/// An e-mail as one reader may see it.
#[derive(Clone, Debug)]
pub struct Email {
    row: email::Model,
    link: Option<String>,
    is_whole: bool,
}

impl Email {
    /// Everything about the e-mail except its bodies and its link, which depend on the reader.
    pub fn row(&self) -> &email::Model {
        &self.row
    }

    /// The same, of a row that was read without its bodies.
    pub(super) fn without_bodies(self) -> Self {
        Self {
            is_whole: false,
            ..self
        }
    }

    /// The same without its link, whoever reads it.
    pub fn masked(&self) -> Self {
        Self {
            link: None,
            ..self.clone()
        }
    }

    /// The secret link, if it still serves a purpose and this reader may see it.
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Whether its bodies were read. In a list they are left out unless they are asked for, because
    /// they are most of it.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The text, with the link masked unless this reader may see it.
    pub fn text_body(&self) -> String {
        RenderedEmail::with_link(&self.row.text_body, self.link().unwrap_or(MASK))
    }

    /// The HTML, with the link masked unless this reader may see it.
    pub fn html_body(&self) -> String {
        RenderedEmail::with_link_html(&self.row.html_body, self.link().unwrap_or(MASK))
    }
}

/// Decides which links the reader may see. A link must still serve a purpose, and the reader must
/// hold `email-queue.view-sensitive` and be able to assign every role of the invited user. Otherwise
/// anyone who reads the queue could take over an account with more permissions than their own.
pub(super) async fn as_seen_by(
    app: &App,
    actor: &Actor,
    rows: Vec<email::Model>,
) -> Result<Vec<Email>> {
    let visible = if actor.holds(&EMAIL_QUEUE_VIEW_SENSITIVE) {
        invitations_within(app, actor, &rows).await?
    } else {
        Vec::new()
    };
    Ok(rows
        .into_iter()
        .map(|mut row| {
            let link = address::of_email(app, &row);
            row.secret_link = None;
            let may_see = row.invitation_id.is_some_and(|id| visible.contains(&id));
            Email {
                link: link.filter(|_| may_see),
                row,
                is_whole: true,
            }
        })
        .collect())
}

/// The e-mails' invitations that are pending, and whose users' roles the actor could assign.
async fn invitations_within(
    app: &App,
    actor: &Actor,
    rows: &[email::Model],
) -> Result<Vec<InvitationId>> {
    let linked: Vec<InvitationId> = rows
        .iter()
        .filter(|row| row.secret_link.is_some())
        .filter_map(|row| row.invitation_id)
        .collect();
    if linked.is_empty() {
        return Ok(Vec::new());
    }
    let db = app.db.read();
    let now = app.clock.now();
    let linked = invitation::Entity::find().filter(invitation::Column::Id.is_in(linked));
    let pending: Vec<invitation::Model> = (app.db.all(db, linked).await?)
        .into_iter()
        .filter(|invitation| invitation.status(now) == invitation::Status::Pending)
        .collect();
    let mut role_ids: HashMap<UserId, Vec<_>> = HashMap::new();
    let invited = pending.iter().map(|invitation| invitation.user_id);
    let held = user_role::Entity::find().filter(user_role::Column::UserId.is_in(invited));
    for held in app.db.all(db, held).await? {
        role_ids.entry(held.user_id).or_default().push(held.role_id);
    }
    let mut visible = Vec::new();
    for invitation in pending {
        let ids = role_ids.remove(&invitation.user_id).unwrap_or_default();
        let rights = roles::union(&roles::by_ids(app, &ids).await?);
        if roles::policy::may_assign(actor, &rights) {
            visible.push(invitation.id);
        }
    }
    Ok(visible)
}
