//! The server's log, on standard error.

use std::io::IsTerminal;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Starts to write it.
///
/// # Errors
///
/// A filter that cannot be understood.
pub fn start(settings: &Log) -> Result<(), String> {
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let lines = match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines)
        .with(filter(&settings.filter)?)
        .init();
    Ok(())
}

/// What the log takes up: what the directives ask for, but never what would hold a secret.
///
/// # Errors
///
/// Directives that cannot be understood.
pub fn filter<S: Subscriber>(directives: &str) -> Result<impl Layer<S> + use<S>, String> {
    let asked_for =
        EnvFilter::try_new(directives).map_err(|error| format!("log.filter: {error}"))?;
    Ok(asked_for.and_then(filter_fn(may_be_logged)))
}

/// At its most talkative, the WebSocket library writes down all that it receives, bearer tokens and
/// passwords among it.
fn may_be_logged(event: &Metadata<'_>) -> bool {
    !event.target().starts_with("tungstenite") || *event.level() <= Level::INFO
}
