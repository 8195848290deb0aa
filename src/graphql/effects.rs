//! What a change comes to, as payloads tell it.

use async_graphql::SimpleObject;

use crate::domain::App;
use crate::domain::applications::Permission;
use crate::domain::effects;

/// What a change of roles, or of what they grant, comes to; in a dry run, what it would come to.
// Only payloads hold it: their mutations are guarded.
#[derive(SimpleObject)]
pub struct ChangeEffects {
    /// What comes to be granted that was not, in catalogue order. Who holds other roles may have it already.
    gained: Vec<Permission>,
    /// What is no longer granted, in catalogue order. Who holds other roles may still have it.
    lost: Vec<Permission>,
    /// How many users are concerned: the user, or all who hold the role.
    users_affected: u64,
    /// How many of them are sent a new link, because they have not signed up yet and come to be allowed more.
    invitations_renewed: u64,
    /// How many sessions are ended.
    sessions_ended: u64,
}

impl ChangeEffects {
    /// As the API shows it.
    pub fn new(app: &App, effects: &effects::Effects) -> Self {
        Self {
            gained: app.catalogue.in_order(&effects.gained),
            lost: app.catalogue.in_order(&effects.lost),
            users_affected: effects.users,
            invitations_renewed: effects.invitations_renewed,
            sessions_ended: effects.sessions_ended,
        }
    }
}
