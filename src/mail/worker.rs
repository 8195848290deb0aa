//! The worker that takes e-mails from the queue to the transport, and records what became of them.
//!
//! It is woken when a mail is queued, and looks by itself now and then for what has become due or
//! was queued by another server. What the queue's states mean stands in `domain/emails/delivery.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transports::{Failure, Transport};

use super::messages;
use crate::domain::App;
use crate::domain::emails::delivery::{self, Claim, Outcome, Verdict};
use crate::domain::emails::domain_limits::{DomainLimits, DomainPermit};
use crate::domain::emails::retention;
use crate::domain::{
    EmailAddress, Result, devices, events, invitations, password_resets, sessions, throttle,
};

/// How often the queue is cleaned up.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Sends e-mails until it is told to stop, then finishes those in flight, or gives them back where
/// they take longer than the server may take to stop.
pub async fn run(app: Arc<App>, transport: Arc<dyn Transport>, stop: CancellationToken) {
    let mut in_flight = JoinSet::new();
    let mut done = Vec::new();
    let mut troubles = Troubles::default();
    let cleaning = tokio::spawn(keep_clean(app.clone(), stop.clone()));
    let workers = app.settings.mail.queue.workers;
    let domains = DomainLimits::new(workers);
    loop {
        answer_requests(&app, &mut troubles).await;
        // Whatever has come back meanwhile is recorded at once, together with claiming anew.
        while let Some(finished) = in_flight.try_join_next() {
            done.extend(finished.ok().flatten());
        }
        let free = workers - in_flight.len();
        if free > 0 && !stop.is_cancelled() {
            let claims = record_and_claim(
                &app,
                std::mem::take(&mut done),
                free,
                &domains,
                &mut troubles,
            )
            .await;
            for claim in claims {
                let permit = domains.enter(&claim.email);
                in_flight.spawn(deliver(
                    app.clone(),
                    transport.clone(),
                    claim,
                    permit,
                    stop.clone(),
                ));
            }
        }
        let is_full = in_flight.len() >= workers;
        tokio::select! {
            () = stop.cancelled() => break,
            () = app.mail_queued.notified(), if !is_full => {}
            () = tokio::time::sleep(app.settings.mail.queue.poll_interval), if !is_full => {}
            Some(finished) = in_flight.join_next(), if !in_flight.is_empty() => {
                done.extend(finished.ok().flatten());
            }
        }
    }
    while let Some(finished) = in_flight.join_next().await {
        done.extend(finished.ok().flatten());
    }
    record_and_claim(&app, done, 0, &domains, &mut troubles).await;
    if let Err(error) = cleaning.await {
        tracing::error!(%error, "the clean-up failed");
    }
}

/// Cleans up now and then, beside the sending: a long history must not hold a new mail up. It can be
/// broken off anywhere; what it does is done in small transactions.
async fn keep_clean(app: Arc<App>, stop: CancellationToken) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let clean = async {
        loop {
            sweep.tick().await;
            clean_up(&app).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = clean => {}
    }
}

/// Writes the e-mails that were asked for in a way that must not tell whether there is anybody to
/// write to.
async fn answer_requests(app: &App, troubles: &mut Troubles) {
    let answered = password_resets::answer_requests(app).await;
    if let Some(error) = troubles.news(Task::Requests, &answered) {
        tracing::error!(error, "cannot answer requests for password resets");
    }
}

/// Removes what has served its time.
async fn clean_up(app: &App) {
    if let Err(error) = retention::sweep(app).await {
        tracing::error!(?error, "cannot clean up the e-mail queue");
    }
    if let Err(error) = events::prune(app).await {
        tracing::error!(?error, "cannot prune the event log");
    }
    if let Err(error) = sessions::prune(app).await {
        tracing::error!(?error, "cannot prune the sessions");
    }
    if let Err(error) = invitations::prune(app).await {
        tracing::error!(?error, "cannot prune the invitations");
    }
    if let Err(error) = password_resets::prune(app).await {
        tracing::error!(?error, "cannot prune the password resets");
    }
    if let Err(error) = devices::prune(app).await {
        tracing::error!(?error, "cannot prune the devices");
    }
    if let Err(error) = throttle::prune(app).await {
        tracing::error!(?error, "cannot prune the throttles");
    }
}

/// Records what became of attempts, and claims what there are free workers for.
async fn record_and_claim(
    app: &App,
    done: Vec<(Claim, Outcome)>,
    free: usize,
    domains: &DomainLimits,
    troubles: &mut Troubles,
) -> Vec<Claim> {
    let name = &app.settings.mail.transport;
    let claims = delivery::record_and_claim(app, &done, name, free as u64, domains).await;
    if let Some(error) = troubles.news(Task::Queue, &claims) {
        tracing::error!(error, "cannot process the e-mail queue");
    }
    if claims.is_err() {
        // What is wrong with one must not hold the others up.
        for (claim, outcome) in &done {
            if let Err(error) = delivery::record(app, claim, outcome).await {
                // The lease runs out, and the mail is tried again.
                let email = claim.email.id.0;
                tracing::error!(?error, %email, "cannot record the outcome of an attempt");
            }
        }
    }
    claims.unwrap_or_default()
}

/// What a worker does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    Requests,
    Queue,
}

/// What went wrong when each task was last done, so that the log says it once, not every second.
#[derive(Debug, Default)]
struct Troubles(HashMap<Task, String>);

impl Troubles {
    /// The error, unless it is the same as the last time.
    fn news<T>(&mut self, task: Task, outcome: &Result<T>) -> Option<String> {
        let Err(error) = outcome else {
            self.0.remove(&task);
            return None;
        };
        let error = format!("{error:?}");
        let before = self.0.insert(task, error.clone());
        (before.as_ref() != Some(&error)).then_some(error)
    }
}

/// Tries to send a mail, and holds its lease meanwhile. Where the lease is lost, the mail is another
/// worker's, and there is nothing to record.
async fn deliver(
    app: Arc<App>,
    transport: Arc<dyn Transport>,
    claim: Claim,
    _permit: DomainPermit,
    stop: CancellationToken,
) -> Option<(Claim, Outcome)> {
    let stopped = async {
        stop.cancelled().await;
        // A part of the time is left for giving the mail back.
        tokio::time::sleep(app.settings.server.shutdown_timeout * 4 / 5).await;
    };
    let outcome = tokio::select! {
        outcome = send(&app, &*transport, &claim) => outcome,
        () = keep_lease(&app, &claim) => return None,
        () = stopped => Outcome::interrupted(&app),
    };
    report(&app, &claim, &outcome);
    Some((claim, outcome))
}

async fn send(app: &App, transport: &dyn Transport, claim: &Claim) -> Outcome {
    let redirect = app.redirect_all_to.as_ref().map(EmailAddress::as_typed);
    let mail = messages::outgoing(&claim.email, redirect);
    match transport.send(&mail).await {
        Ok(delivery) => Outcome {
            transport: delivery.transport,
            response: delivery.response,
            verdict: Verdict::Delivered,
        },
        Err(error) => Outcome {
            transport: if error.transport.is_empty() {
                app.settings.mail.transport.clone()
            } else {
                error.transport
            },
            response: error.response,
            verdict: match error.kind {
                Failure::Transient => Verdict::Transient,
                Failure::Permanent => Verdict::Permanent,
                Failure::Unavailable => Verdict::Unavailable,
            },
        },
    }
}

/// Renews the claim's lease for as long as it is awaited, and comes back if the claim is lost.
async fn keep_lease(app: &App, claim: &Claim) {
    let email = claim.email.id.0;
    loop {
        tokio::time::sleep(app.settings.mail.queue.lease / 3).await;
        match delivery::renew(app, claim).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(%email, "another worker has taken over an e-mail");
                return;
            }
            Err(error) => tracing::warn!(?error, %email, "cannot renew the lease of an e-mail"),
        }
    }
}

/// Says how an attempt ended, in the log and in the metrics.
fn report(app: &App, claim: &Claim, outcome: &Outcome) {
    let (email, kind) = (claim.email.id.0, &claim.email.kind);
    let Outcome {
        transport,
        response,
        verdict,
    } = outcome;
    app.metrics.tried_to_send(transport, verdict.label());
    match verdict {
        Verdict::Delivered => tracing::info!(%email, kind, transport, "e-mail sent"),
        Verdict::Transient => {
            tracing::warn!(%email, kind, transport, response, "e-mail not sent, will be retried");
        }
        Verdict::Permanent => tracing::warn!(%email, kind, transport, response, "e-mail rejected"),
        Verdict::Unavailable => {
            tracing::error!(transport, response, "mail transport unavailable, paused");
        }
        Verdict::Interrupted => {
            tracing::warn!(%email, kind, transport, "e-mail returned to the queue, sending was interrupted");
        }
    }
}
