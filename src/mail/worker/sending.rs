//! A sender: takes one mail after the other from the desk to the transport, and holds its lease
//! meanwhile.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use transports::{Failure, Transport};

use super::desk::Desk;
use crate::domain::App;
use crate::domain::emails::delivery::{self, Claim, Outcome, Verdict};
use crate::mail::messages;
use crate::telemetry;

/// Sends e-mails until there will be no more.
pub(super) async fn run(
    app: Arc<App>,
    transport: Arc<dyn Transport>,
    desk: Arc<Desk>,
    stop: CancellationToken,
) {
    while let Some(job) = desk.next().await {
        let delivering = deliver(&app, &*transport, &job.claim, &stop);
        // One mail that makes the transport panic is tried again when its lease has run out.
        let outcome = AssertUnwindSafe(delivering).catch_unwind().await;
        desk.put_back(job, outcome.ok().flatten());
    }
}

/// Tries to send a mail, and holds its lease meanwhile. Where the lease is lost, the mail is another
/// worker's, and there is nothing to record.
async fn deliver(
    app: &App,
    transport: &dyn Transport,
    claim: &Claim,
    stop: &CancellationToken,
) -> Option<Outcome> {
    let stopped = async {
        stop.cancelled().await;
        // A part of the time is left for giving the mail back.
        tokio::time::sleep(app.settings.server.shutdown_timeout * 4 / 5).await;
    };
    let outcome = tokio::select! {
        outcome = send(app, transport, claim) => outcome,
        () = keep_lease(app, claim) => return None,
        () = stopped => Outcome::interrupted(app),
    };
    report(app, claim, &outcome);
    Some(outcome)
}

async fn send(app: &App, transport: &dyn Transport, claim: &Claim) -> Outcome {
    let mail = messages::outgoing(app, &claim.email);
    let span = tracing::info_span!(
        target: telemetry::TARGET,
        "send e-mail",
        otel.kind = "client",
        usher.email_id = %claim.email.id.0,
        usher.email_kind = claim.email.kind,
        usher.transport = app.settings.mail.transport
    );
    match transport.send(&mail).instrument(span).await {
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
            // The log says so already.
            Err(error) if error.away().is_some() => {}
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
    if let Some(attempt) = verdict.attempt() {
        app.metrics.tried_to_send(transport, attempt);
    }
    match verdict {
        Verdict::Delivered => tracing::info!(%email, kind, transport, "e-mail sent"),
        Verdict::Transient => {
            tracing::warn!(%email, kind, transport, response, "e-mail not sent, will be retried");
        }
        Verdict::Permanent => tracing::warn!(%email, kind, transport, response, "e-mail rejected"),
        Verdict::Unavailable => {
            tracing::error!(transport, response, "mail transport unavailable, paused");
        }
        Verdict::Interrupted | Verdict::Unbegun => {
            tracing::warn!(%email, kind, transport, "e-mail returned to the queue, sending was interrupted");
        }
    }
}
