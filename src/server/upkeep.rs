//! What a server does by itself, beside requests and e-mails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::database::TRIED_EVERY;
use crate::domain::{self, App};

/// How often the clock is set by the database's.
const CLOCK_SET_EVERY: Duration = Duration::from_secs(60);

/// How often it is looked whether this machine's clock was set, which asks nobody.
const CLOCK_WATCHED_EVERY: Duration = Duration::from_secs(1);

/// Keeps the clock at the database's time: either may be set, or drift.
pub(super) async fn follow_the_database(app: Arc<App>, stop: CancellationToken) {
    let mut watch = app.clock.watch();
    let mut set_at = Instant::now();
    loop {
        let due = async {
            while !watch.was_set() && set_at.elapsed() < CLOCK_SET_EVERY {
                tokio::time::sleep(CLOCK_WATCHED_EVERY).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = due => {}
            // Perhaps on another machine, with a clock of its own; and mails have waited for it.
            () = app.db.returned() => app.mail_queued.notify_one(),
        }
        set_at = Instant::now();
        if let Err(error) = app.db.set_clock(&app.clock).await {
            domain::Error::from(error).report("cannot ask the database for the time");
        }
    }
}

/// Tries, where changes were refused because of where the database keeps its data, whether they are taken
/// again.
pub(super) async fn watch_the_storage(app: Arc<App>, stop: CancellationToken) {
    let watch = async {
        loop {
            app.db.storage_has_failed().await;
            tokio::time::sleep(TRIED_EVERY).await;
            app.db.try_again(&app.settings.database).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = watch => {}
    }
}
