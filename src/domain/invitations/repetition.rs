//! What is told whoever asks with the same idempotency key for the same person to be invited: how it stands.

use entity::{InvitationId, UserId};
use serde::{Deserialize, Serialize};

use super::{Invited, find_all_in};
use crate::domain::change::Change;
use crate::domain::error::Result;
use crate::domain::{idempotency_keys, users};

/// An invitation that was sent with a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    user: UserId,
    invitation: InvitationId,
}

impl From<&Invited> for Sent {
    fn from(invited: &Invited) -> Self {
        Self {
            user: invited.user.row.id,
            invitation: invited.invitation.id,
        }
    }
}

impl Sent {
    /// The person who was invited, and the invitation, as they are now: without the link, which is shown once.
    ///
    /// # Errors
    ///
    /// [`idempotency_keys::gone`], if one of them was deleted since.
    pub async fn read(&self, change: &Change<'_>) -> Result<Invited> {
        let (app, db) = (change.app(), change.db());
        let user = users::find_all_in(app, db, [self.user]).await?.pop();
        let invitation = find_all_in(app, db, [self.invitation]).await?.pop();
        let message = "The person whom this key has invited was deleted since.";
        let (user, invitation) =
            (user.zip(invitation)).ok_or_else(|| idempotency_keys::gone(message))?;
        Ok(Invited {
            user,
            invitation,
            link: None,
            is_sent: true,
        })
    }
}
