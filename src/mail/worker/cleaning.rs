//! Removing what has served its time.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::emails::retention;
use crate::domain::{
    App, devices, erasure, events, idempotency_keys, invitations, password_resets, sessions,
    throttle,
};

/// How often that is done.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Cleans up now and then, beside the sending: a long history must not hold a new mail up. It can be
/// broken off anywhere; what it does is done in small transactions.
pub(super) async fn keep_clean(app: Arc<App>, stop: CancellationToken) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let clean = async {
        loop {
            tokio::select! {
                _ = sweep.tick() => clean_up(&app).await,
                () = app.search_to_compact.notified() => compact_search(&app).await,
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = clean => {}
    }
}

async fn compact_search(app: &App) {
    if let Err(error) = erasure::compact_search(app).await {
        error.report("cannot take what was erased out of the indexes for searching");
    }
}

/// Removes what has served its time.
async fn clean_up(app: &App) {
    if let Err(error) = retention::sweep(app).await {
        error.report("cannot clean up the e-mail queue");
    }
    if let Err(error) = events::prune(app).await {
        error.report("cannot prune the event log");
    }
    if let Err(error) = sessions::prune(app).await {
        error.report("cannot prune the sessions");
    }
    if let Err(error) = invitations::prune(app).await {
        error.report("cannot prune the invitations");
    }
    if let Err(error) = password_resets::prune(app).await {
        error.report("cannot prune the password resets");
    }
    if let Err(error) = devices::prune(app).await {
        error.report("cannot prune the devices");
    }
    if let Err(error) = throttle::prune(app).await {
        error.report("cannot prune the throttles");
    }
    if let Err(error) = idempotency_keys::prune(app).await {
        error.report("cannot prune the idempotency keys");
    }
}
