//! What a change of roles, or of what they grant, comes to: told of a change that was made, and before one is.

use super::applications::Permissions;
use super::rights::Rights;

/// What a change comes to.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// What comes to be granted that was not.
    pub gained: Permissions,
    /// What is no longer granted.
    pub lost: Permissions,
    /// How many users are concerned.
    pub users: u64,
    /// How many of them are sent a new link, because they have not signed up yet and come to be allowed more.
    pub invitations_renewed: u64,
    /// How many sessions are ended.
    pub sessions_ended: u64,
}

impl Effects {
    /// The difference between what was granted and what is.
    pub fn between(before: &Rights, after: &Rights) -> Self {
        Self {
            gained: after.beyond(before),
            lost: before.beyond(after),
            ..Self::default()
        }
    }
}
