//! How e-mails leave the queue: they are claimed under a lease, attempted, and moved to the state
//! that the outcome calls for.
//!
//! No transaction is open while a transport works. A claim is an ID in the e-mail's row: a worker
//! that lost its claim, because it was silent for longer than the lease, cannot overwrite what its
//! successor did. Leases run by the database's clock, which all servers share.

use entity::{Timestamp, email};
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, QueryFilter};

use super::domain_limits::DomainsInUse;
use super::queue_state;
use crate::database::Write;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::change::{self, Change};
use crate::domain::error::Result;

mod claim;
mod due;
mod outcome;
mod record;
mod sent;
pub(super) mod transport_pause;

pub use claim::Claim;
pub use due::is_anything_due;
pub use outcome::{Outcome, Verdict};

/// What may be claimed.
#[derive(Clone, Debug)]
pub struct Room {
    mails: usize,
    domains: DomainsInUse,
}

impl Room {
    /// Room for so many e-mails, to domains that are not full.
    pub fn new(mails: usize, domains: DomainsInUse) -> Self {
        Self { mails, domains }
    }

    /// Room for one e-mail at the most.
    fn for_one(&self) -> Self {
        Self::new(self.mails.min(1), self.domains.clone())
    }

    /// Room for so many e-mails to anybody.
    fn for_any(mails: usize) -> Self {
        Self::new(mails, DomainsInUse::unbounded())
    }

    /// Whether nothing may be claimed.
    pub fn is_none(&self) -> bool {
        self.mails == 0
    }
}

/// Records the outcomes of attempts, and claims e-mails that are due, as many as there is room for, the
/// most urgent first, and among those the oldest: in one transaction, because each costs a wait for the
/// disk.
///
/// While the queue or the transport is paused, none are claimed; now and then one, to probe the
/// transport.
pub async fn record_and_claim(
    app: &App,
    done: &[(Claim, Outcome)],
    transport: &str,
    room: &Room,
) -> Result<Vec<Claim>> {
    // In the order of their IDs, so that two servers never deadlock.
    let mut in_order: Vec<_> = done.iter().collect();
    in_order.sort_by_key(|(claim, _)| claim.email.id.0);
    let in_order = &in_order;
    change::make(app, &Actor::server(), |change| async move {
        let mut state = queue_state(app, change.db()).await?;
        record::record(&change, in_order, &mut state).await?;
        let mut claims = Vec::new();
        if !room.is_none() {
            claim::take_back_expired_leases(&change).await?;
            if !transport_pause::is_paused(app, &state) {
                if state.transport_failed_at.is_none() {
                    claims = claim::claim_due(&change, transport, room).await?;
                } else if transport_pause::take_probe(&change, &mut state).await? {
                    claims = claim::claim_probe(&change, transport, room).await?;
                }
            }
        }
        change.has_changed(claims.iter().map(|claim| claim.email.id));
        change.commit(claims).await
    })
    .await
}

/// Claims up to `limit` e-mails that are due, as [`record_and_claim`] does.
pub async fn claim(app: &App, transport: &str, limit: usize) -> Result<Vec<Claim>> {
    record_and_claim(app, &[], transport, &Room::for_any(limit)).await
}

/// Records the outcome of one attempt, as [`record_and_claim`] does.
pub async fn record(app: &App, claim: &Claim, outcome: &Outcome) -> Result<()> {
    let done = [(claim.clone(), outcome.clone())];
    record_and_claim(app, &done, "", &Room::for_any(0)).await?;
    Ok(())
}

/// Extends the lease by its full length while the transport is still working. Returns whether the
/// claim still holds: another worker may have taken the e-mail meanwhile.
pub async fn renew(app: &App, claim: &Claim) -> Result<bool> {
    change::make(app, &Actor::server(), |change: Change<'_>| async move {
        let renewed = email::Entity::update_many()
            .col_expr(email::Column::LeaseUntil, claim::lease_end(app))
            .filter(record::held_by(claim))
            .write(change.db())
            .await?;
        change.commit(renewed == 1).await
    })
    .await
}

/// Extends the lease until then, as if somebody were to renew it.
pub async fn keep(app: &App, claim: &Claim, until: Timestamp) -> Result<()> {
    change::make(app, &Actor::server(), |change: Change<'_>| async move {
        email::Entity::update_many()
            .col_expr(email::Column::LeaseUntil, Expr::value(until))
            .filter(record::held_by(claim))
            .write(change.db())
            .await?;
        change.commit(()).await
    })
    .await
}
