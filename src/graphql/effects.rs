//! What a change comes to, as payloads tell it.

use async_graphql::SimpleObject;

use super::guard::{Requires, requires};
use crate::domain::App;
use crate::domain::applications::{Permission, USERS_VIEW};
use crate::domain::effects;

/// What a change of roles, or of what they grant, comes to; in a dry run, what it would come to.
// Only payloads hold it: their mutations are guarded. Roles may be changed without seeing who holds them.
#[derive(SimpleObject)]
pub struct ChangeEffects {
    /// What comes to be granted that was not, in catalogue order. Who holds other roles may have it already.
    gained: Vec<Permission>,
    /// What is no longer granted, in catalogue order. Who holds other roles may still have it.
    lost: Vec<Permission>,
    /// How many users are concerned: the user, or all who hold the role; null for those who may not see them.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    users_affected: Option<u64>,
    /// How many of them are sent a new link, because they have not signed up yet and come to be allowed more;
    /// null for those who may not see them.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    invitations_renewed: Option<u64>,
    /// How many sessions are ended; null for those who may not see them.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    sessions_ended: Option<u64>,
}

impl ChangeEffects {
    /// As the API shows it.
    pub fn new(app: &App, effects: &effects::Effects) -> Self {
        Self {
            gained: app.catalogue.in_order(&effects.gained),
            lost: app.catalogue.in_order(&effects.lost),
            users_affected: Some(effects.users),
            invitations_renewed: Some(effects.invitations_renewed),
            sessions_ended: Some(effects.sessions_ended),
        }
    }
}
