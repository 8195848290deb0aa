//! The server's log, on standard error.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{Directive, EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::{Log, LogFormat, Telemetry};
use crate::telemetry;

/// What is taken up, where it can be changed.
static FILTER: OnceLock<Adjustable> = OnceLock::new();

/// A filter that can be replaced.
struct Adjustable {
    handle: reload::Handle<Box<dyn Layer<Registry> + Send + Sync>, Registry>,
    of_spans: Spans,
}

/// In which format it is written, from when that is known.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Whether it is written as JSON: then nothing else may be written to standard error, and nothing to standard
/// output, which would be a second log.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

/// Starts to write it, for a server that does not start because of its settings: in the format that was asked for,
/// whether or not the filter can be understood. A person is told without a log.
pub fn start_to_refuse(settings: &Log) {
    if settings.format == LogFormat::Json && start(settings, None).is_err() {
        let filter = "info".to_owned();
        // That one can be understood.
        let settings = Log {
            filter,
            ..settings.clone()
        };
        let _ = start(&settings, None);
    }
}

/// Says why the process ends, in the log where it is JSON. Returns whether it has.
pub fn tell_of_failure(reason: &str) -> bool {
    let is_told = is_json() && tracing::enabled!(Level::ERROR);
    if is_told {
        tracing::error!(reason, "usher ends with an error");
    }
    is_told
}

/// Starts to write it, and to export spans, where that is wanted.
///
/// # Errors
///
/// A filter that cannot be understood, and those of [`telemetry::layer`].
pub fn start(settings: &Log, exported: Option<&Telemetry>) -> Result<(), String> {
    let (subscriber, adjustable) = subscriber(settings, exported)?;
    subscriber.init();
    // It is started once.
    let _ = FORMAT.set(settings.format);
    let _ = FILTER.set(adjustable);
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => tracing::error!("{panic}\n{backtrace}"),
            _ => tracing::error!("{panic}"),
        }
    }));
    Ok(())
}

/// What writes it, and exports spans. The log passes over those for export, which are not even made where nothing is
/// exported.
fn subscriber(
    settings: &Log,
    exported: Option<&Telemetry>,
) -> Result<(impl Subscriber + Send + Sync + use<>, Adjustable), String> {
    let lines = fmt::layer()
        .with_writer(|| Masking)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let lines = match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    };
    let spans = exported.map(telemetry::layer).transpose()?.flatten();
    let of_spans = match spans {
        Some(_) => Spans::Exported,
        None => Spans::NotMade,
    };
    let (asked_for, handle) = reload::Layer::new(filter(&settings.filter, of_spans)?.boxed());
    let subscriber = tracing_subscriber::registry()
        .with(asked_for)
        .with(spans)
        .with(lines.with_filter(filter_fn(|event| event.target() != telemetry::TARGET)));
    Ok((subscriber, Adjustable { handle, of_spans }))
}

/// Standard error, without the secrets of the transport that is at work on this thread: one that is
/// not ours may log what it is told, or panic with it.
struct Masking;

impl Write for Masking {
    /// An event comes in one piece.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = transports::mask_for_log(&String::from_utf8_lossy(event));
        io::stderr().write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Takes up what these directives ask for from now on.
///
/// # Errors
///
/// Directives that cannot be understood; then nothing has changed.
pub fn set_filter(directives: &str) -> Result<(), String> {
    let Some(adjustable) = FILTER.get() else {
        return Ok(());
    };
    let asked_for = filter(directives, adjustable.of_spans)?.boxed();
    let reloaded = adjustable.handle.reload(asked_for);
    reloaded.map_err(|error| format!("log.filter: {error}"))
}

/// What becomes of the spans that are for export, whatever the directives ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spans {
    /// They are made, and exported.
    Exported,
    /// Nobody wants them.
    NotMade,
}

/// What the log takes up: what the directives ask for, but never what would hold a secret.
///
/// # Errors
///
/// Directives that cannot be understood.
pub fn filter<S: Subscriber>(
    directives: &str,
    spans: Spans,
) -> Result<impl Layer<S> + use<S>, String> {
    let in_words = |error: &dyn std::error::Error| format!("log.filter: {error}");
    let asked_for = EnvFilter::try_new(directives).map_err(|error| in_words(&error))?;
    let level = match spans {
        Spans::Exported => "info",
        Spans::NotMade => "off",
    };
    let of_spans = format!("{}={level}", telemetry::TARGET);
    let of_spans: Directive = of_spans.parse().map_err(|error| in_words(&error))?;
    let asked_for = asked_for.add_directive(of_spans);
    Ok(asked_for.and_then(filter_fn(may_be_logged)))
}

/// At its most talkative, the WebSocket library writes down all that it receives, bearer tokens and
/// passwords among it.
fn may_be_logged(event: &Metadata<'_>) -> bool {
    !event.target().starts_with("tungstenite") || *event.level() <= Level::INFO
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn spans_for_export_are_not_made_where_nothing_is_exported() {
        let telemetry = Telemetry {
            endpoint: None,
            headers: SecretString::from(""),
            sampling_ratio: 1.0,
        };
        for format in [LogFormat::Text, LogFormat::Json] {
            let settings = Log {
                filter: "trace".to_owned(),
                format,
            };
            let (subscriber, _) = subscriber(&settings, Some(&telemetry)).unwrap();
            tracing::subscriber::with_default(subscriber, || {
                let exported = tracing::info_span!(target: telemetry::TARGET, "exported");
                assert!(exported.is_disabled(), "{format:?}");
                assert!(!tracing::info_span!("logged").is_disabled(), "{format:?}");
            });
        }
    }
}
