//! Whose turn it is: guesses at one account are evaluated a few at a time, and those of one client are
//! counted a few at a time.

use tokio::sync::OwnedSemaphorePermit;

use crate::config::Config;
use crate::domain::actor::Client;
use crate::domain::error::{Error, Result};
use crate::domain::queue::{Bounds, Queue, Semaphores, holder};

/// How many attempts of one client are counted at once. Counting one is a write, and whoever writes next
/// waits for those that came before, whoever makes them.
const COUNTED_TOGETHER: usize = 4;

/// Where attempts wait for their turn. So few guesses at one account are evaluated at once that a user
/// who signs in on all of their devices at the same time is not taken for an attacker.
#[derive(Debug, Default)]
pub struct Gates {
    accounts: Semaphores,
    clients: Semaphores,
    waiting: Queue,
}

impl Gates {
    /// Waits for a turn to evaluate a guess at this account.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if too many are waiting already, for whatever accounts.
    pub(super) async fn of(
        &self,
        settings: &Config,
        client: &Client,
        account: &str,
    ) -> Result<OwnedSemaphorePermit> {
        let bounds = Bounds {
            in_all: settings.passwords.hash_queue,
            per_client: settings.passwords.hash_queue_per_client,
        };
        let _waiting = self.waiting.join(client, bounds)?;
        // One fewer than are free: those that are being evaluated leave one free.
        let together = settings.throttle.account_attempts.saturating_sub(1);
        let turns = self.accounts.named(account, together.max(1) as usize);
        turns.acquire_owned().await.map_err(Error::internal)
    }

    /// Waits for a turn to count attempts of this client.
    pub(super) async fn enter_counting(&self, client: &Client) -> Result<OwnedSemaphorePermit> {
        let turns = self.clients.named(&holder(client), COUNTED_TOGETHER);
        turns.acquire_owned().await.map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_client_leaves_room_for_others_to_be_counted() {
        let client = |address: &str| Client {
            ip_address: address.parse().ok(),
            ..Client::default()
        };
        let (one, other) = (client("192.0.2.1"), client("192.0.2.2"));
        let gates = Gates::default();
        let mut counting = Vec::new();
        for _ in 0..COUNTED_TOGETHER {
            counting.push(gates.enter_counting(&one).await.unwrap());
        }
        assert!(gates.enter_counting(&one).now_or_never().is_none());
        assert!(gates.enter_counting(&other).now_or_never().is_some());
        counting.pop();
        assert!(gates.enter_counting(&one).now_or_never().is_some());
    }
}
