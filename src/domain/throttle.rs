//! Throttling: how often somebody may guess a password, ask for e-mails, or fill the event log, and
//! when they may do so again. Tokens are not throttled: nobody guesses 256 bits.
//!
//! Guesses are counted in the database, so that the count survives restarts and is shared by all
//! servers, and before they are evaluated, so that a hundred simultaneous guesses count as a
//! hundred. An account is known by a digest of the address that was entered: unknown addresses are
//! throttled just like known ones.
//!
//! Whoever comes from a known device of the account, or in a session of its user, has a count of
//! their own, which nobody else adds to. Everybody else shares three counts: of an account from one
//! network, of an account from everywhere, and of a network, whatever it guesses at. What is known
//! of a device depends on what the caller presents and never on the account: an attacker, who has
//! nothing to present, cannot tell one account from another.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use entity::{UserId, throttle};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};
use tokio::sync::OwnedSemaphorePermit;

use super::actor::Actor;
use super::change;
use super::devices;
use super::error::Result;
use super::networks::{customer_network, networks};
use super::retention::remove_in_batches;
use crate::database::{Transaction, Write};
use crate::domain::app::App;
use crate::metrics::Throttled;

mod counters;
pub mod gates;
pub mod limits;

use counters::{Counted, Counter, count};
use limits::{digest, hex, too_many};

/// What is being attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To guess a password.
    Password,
    /// To guess nothing; but each request for a reset is stored, and can cause an e-mail.
    PasswordReset,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordReset => "reset",
        }
    }
}

/// An attempt that has been counted, and may be evaluated.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    /// What it counts for, in the order in which everybody locks the rows.
    counters: Vec<Counter>,
    /// Whether the next attempt is delayed, unless this one turns out to be right.
    pub delays_the_next: bool,
    _turn: Option<OwnedSemaphorePermit>,
}

/// Counts an attempt at an account.
///
/// # Errors
///
/// [`TooManyAttempts`](super::UserErrorCode::TooManyAttempts) with the time to wait. That attempt counts for an unknown
/// device's networks alone: whoever tries again and again, without waiting, waits longer.
pub async fn attempt(app: &App, actor: &Actor, scope: Scope, account: &str) -> Result<Attempt> {
    let own = own_device(app, actor, account).await?;
    let digest = digest(account);
    let counters = counters(app, actor, scope, &digest, own.as_deref());
    // Those who have to wait anyway must not keep others waiting for their turn.
    if let Some(wait) = counters::wait_of(app, &counters).await? {
        return refuse(app, actor, scope, &counters, wait).await;
    }
    let turn = match scope {
        // A stranger's guesses do not stand in a known device's way.
        Scope::Password => Some(
            app.gates
                .of(
                    &app.settings,
                    &actor.client,
                    own.as_ref().unwrap_or(&digest),
                )
                .await?,
        ),
        Scope::PasswordReset => None,
    };
    let counted = count_for(app, actor, &counters).await?;
    let delays_the_next = match counted {
        Counted::Free => false,
        Counted::BeforeDelay => true,
        Counted::Blocked(wait) => return refuse(app, actor, scope, &counters, wait).await,
    };
    Ok(Attempt {
        counters,
        delays_the_next,
        _turn: turn,
    })
}

/// Counts for all of the counters, or for none if one of them is blocked.
async fn count_for(app: &App, actor: &Actor, counters: &[Counter]) -> Result<Counted> {
    let _turn = app.gates.enter_counting(&actor.client).await?;
    change::make(app, actor, |change| async move {
        match counters::count_all(app, change.db(), counters).await? {
            blocked @ Counted::Blocked(_) => change.abandon(blocked).await,
            counted => change.commit(counted).await,
        }
    })
    .await
}

/// By what the caller is known to be the account's own user, if they are: a session of the user, or
/// a device from which they have signed in.
async fn own_device(app: &App, actor: &Actor, account: &str) -> Result<Option<String>> {
    if let Ok(signed_in) = actor.signed_in()
        && signed_in.user.row.email_normal == account
    {
        return Ok(Some(format!("session {}", signed_in.session.id.0)));
    }
    let known = devices::known(app, &actor.client, account).await?;
    Ok(known.map(|token| format!("device {}", hex(&token.0))))
}

fn counters(
    app: &App,
    actor: &Actor,
    scope: Scope,
    account: &str,
    own_device: Option<&str>,
) -> Vec<Counter> {
    let settings = &app.settings.throttle;
    let name = scope.name();
    let of_account = |subject, free, delay_at_most| Counter {
        subject,
        account: Some(account.to_owned()),
        free,
        delay_at_most,
    };
    if let Some(device) = own_device {
        return vec![of_account(
            format!("{name} of {account} in {device}"),
            settings.account_attempts,
            settings.delay_at_most,
        )];
    }
    let networks = actor.client.ip_address.map(networks).unwrap_or_default();
    let customer = networks.first().map_or("-", |network| &network.name);
    let mut counters = vec![
        of_account(
            format!("{name} of {account} from {customer}"),
            settings.account_attempts,
            settings.account_delay_at_most,
        ),
        of_account(
            format!("{name} of {account}"),
            settings.account_attempts_in_all,
            settings.account_delay_at_most,
        ),
    ];
    counters.extend(networks.iter().map(|network| Counter {
        subject: format!("{name} from {}", network.name),
        account: None,
        free: network.share_of(settings.client_attempts),
        delay_at_most: settings.delay_at_most,
    }));
    // Everybody takes the rows' locks in this order, so that no two requests deadlock.
    counters.sort_by(|one, other| one.subject.cmp(&other.subject));
    counters
}

async fn refuse(
    app: &App,
    actor: &Actor,
    scope: Scope,
    counters: &[Counter],
    wait: Duration,
) -> Result<Attempt> {
    app.metrics.throttled(match scope {
        Scope::Password => Throttled::Password,
        Scope::PasswordReset => Throttled::PasswordReset,
    });
    let networks = counters.iter().filter(|counter| !counter.is_of_account());
    let networks: Vec<&Counter> = networks.collect();
    let networks = &networks;
    let _turn = app.gates.enter_counting(&actor.client).await?;
    change::make(app, actor, |change| async move {
        for network in networks {
            count(app, change.db(), network).await?;
        }
        change.commit(()).await
    })
    .await?;
    Err(too_many("attempts", wait))
}

/// The guess was right: the account's counts are reset, and those of the networks are restored.
pub async fn succeeded(transaction: &Transaction, attempt: &Attempt) -> Result<()> {
    for counter in &attempt.counters {
        if counter.is_of_account() {
            counters::reset(transaction, throttle::Column::Subject.eq(&counter.subject)).await?;
        } else {
            counters::undo(transaction, counter).await?;
        }
    }
    Ok(())
}

/// The guess was not evaluated: everything is as if it had never been made.
pub async fn undo(app: &App, attempt: &Attempt) -> Result<()> {
    change::make(app, &Actor::server(), |change| async move {
        for counter in &attempt.counters {
            counters::undo(change.db(), counter).await?;
        }
        change.commit(()).await
    })
    .await
}

/// Lifts all restrictions on an account whose user has proved who they are by an e-mailed link.
pub async fn unblock(app: &App, transaction: &Transaction, account: &str) -> Result<()> {
    use throttle::Column;
    let rows = throttle::Entity::find()
        .filter(Column::Account.eq(digest(account)))
        .order_by_asc(Column::Subject);
    // One after the other, in the order in which attempts lock them.
    for row in app.db.all(transaction, rows).await? {
        counters::reset(transaction, Column::Subject.eq(row.subject)).await?;
    }
    Ok(())
}

/// Forgets what was counted for these accounts and users, and for the customers' networks that these addresses
/// belong to. Returns how many counts that were.
pub async fn forget(
    transaction: &Transaction,
    accounts: &BTreeSet<String>,
    users: &BTreeSet<UserId>,
    addresses: &[IpAddr],
) -> Result<u64> {
    use throttle::Column;
    let digests: Vec<String> = accounts.iter().map(|account| digest(account)).collect();
    let subjects: Vec<String> = users
        .iter()
        .map(|user| limits::own_changes_of(*user))
        .collect();
    let mut these = Condition::any()
        .add(Column::Account.is_in(digests.clone()))
        .add(Column::Subject.is_in(subjects));
    for digest in digests {
        these = these.add(Column::Subject.ends_with(format!(" to {digest}")));
    }
    for address in addresses {
        let network = customer_network(*address);
        these = these.add(Column::Subject.ends_with(format!(" from {network}")));
    }
    let forgotten = throttle::Entity::delete_many().filter(these);
    Ok(forgotten.write(transaction).await?)
}

/// Removes counts that no longer matter.
pub async fn prune(app: &App) -> Result<()> {
    use throttle::Column;
    let now = app.clock.now();
    let forgotten = now.before(app.settings.throttle.forget_after);
    let old = throttle::Entity::find()
        .filter(Column::CountedSince.lt(forgotten))
        .filter(Column::BlockedUntil.lt(now));
    remove_in_batches(app, &old).await
}
