//! What was done with an idempotency key for which of many people, so that it is not done for them again.

use std::collections::HashMap;

use entity::{InvitationId, UserId, invitation};
use serde::{Deserialize, Serialize};

use super::{Invitee, Row, Treatment};
use crate::domain::change::Change;
use crate::domain::error::Result;
use crate::domain::idempotency_keys::{self, Key};
use crate::domain::invitations::find_all_in;
use crate::domain::many::Outcome;
use crate::domain::users::{self, User};

/// What was done for one of the people.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Treated {
    /// Their place in the input, which is the same whenever the key is.
    index: usize,
    how: Treatment,
    user: UserId,
    invitation: Option<InvitationId>,
}

/// What was done for any of them, with the key if there is one.
pub(super) struct Before<'a> {
    key: Option<&'a Key>,
    treated: Vec<Treated>,
    /// Whether the key was used before.
    is_known: bool,
}

impl<'a> Before<'a> {
    /// Takes the key.
    ///
    /// # Errors
    ///
    /// Those of [`Key::take`].
    pub async fn read(change: &Change<'_>, key: Option<&'a Key>) -> Result<Self> {
        let known: Option<Vec<Treated>> = idempotency_keys::take(change, key).await?;
        Ok(Self {
            key,
            is_known: known.is_some(),
            treated: known.unwrap_or_default(),
        })
    }

    /// Those of these rows for which something was done, as they are now. A user or an invitation that was deleted
    /// since is missing, and so is every link, which is shown once.
    pub async fn of(
        &self,
        change: &Change<'_>,
        rows: &[Row<'_>],
    ) -> Result<HashMap<usize, Invitee>> {
        let (app, db) = (change.app(), change.db());
        let is_asked_for = |index| rows.iter().any(|row| row.index == index);
        let treated = self.treated.iter().filter(|row| is_asked_for(row.index));
        let treated: Vec<&Treated> = treated.collect();
        if treated.is_empty() {
            return Ok(HashMap::new());
        }
        let users = users::find_all_in(app, db, treated.iter().map(|row| row.user)).await?;
        let users = users.into_iter().map(|user| (user.row.id, user));
        let users: HashMap<UserId, User> = users.collect();
        let sent = treated.iter().filter_map(|row| row.invitation);
        let sent = find_all_in(app, db, sent).await?;
        let sent = sent.into_iter().map(|sent| (sent.id, sent));
        let sent: HashMap<InvitationId, invitation::Model> = sent.collect();
        let treated = treated.into_iter().map(|row| {
            let invitee = Invitee {
                how: row.how,
                user: users.get(&row.user).cloned(),
                invitation: row.invitation.and_then(|id| sent.get(&id).cloned()),
                link: None,
            };
            (row.index, invitee)
        });
        Ok(treated.collect())
    }

    /// Stores what was done now as well, and returns whether the change is to be made: if nothing was done with the
    /// key, it stays unused.
    pub async fn add(
        mut self,
        change: &Change<'_>,
        rows: &[&Row<'_>],
        outcomes: &[Outcome<Invitee>],
    ) -> Result<bool> {
        let before = self.treated.len();
        let done = rows.iter().zip(outcomes);
        self.treated
            .extend(done.filter_map(|(row, outcome)| treated(row, outcome)));
        if self.treated.len() > before {
            idempotency_keys::store(change, self.key, &self.treated).await?;
            return Ok(true);
        }
        Ok(self.key.is_none() || self.is_known)
    }
}

fn treated(row: &Row<'_>, outcome: &Outcome<Invitee>) -> Option<Treated> {
    let Outcome::Done(invitee) = outcome else {
        return None;
    };
    Some(Treated {
        index: row.index,
        how: invitee.how,
        user: invitee.user.as_ref()?.row.id,
        invitation: invitee.invitation.as_ref().map(|sent| sent.id),
    })
}
