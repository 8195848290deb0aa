//! Server-Sent Events, by the "distinct connections mode" of GraphQL over SSE
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>): each answer is an event
//! `next`, and `complete` is the last one, unless the server stops: a stream that breaks off is one
//! that its client asks for again.
//!
//! poem's `SSE` cannot break off, and leaves out `data` where it is empty, without which browsers do not
//! deliver `complete` (HTML, section 9.2.6).

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use poem::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use poem::{Body, Response};
use tokio_util::sync::CancellationToken;

use crate::http::connections::Lasting;

/// How often a silent connection is told that it still stands, so that no proxy gives it up.
const KEEP_ALIVE: Duration = Duration::from_secs(12);

/// As clients accept it and responses declare it.
pub(super) const MEDIA_TYPE: &str = "text/event-stream";

/// Where an event stream stands.
struct Events {
    answers: BoxStream<'static, Vec<u8>>,
    is_new: bool,
    is_over: bool,
    stopping: CancellationToken,
}

/// The answers, each as JSON without line breaks, as events.
pub(super) fn respond(
    answers: BoxStream<'static, Vec<u8>>,
    stopping: CancellationToken,
) -> Response {
    let events = Events {
        answers,
        is_new: true,
        is_over: false,
        stopping,
    };
    let events = stream::unfold(events, |mut events| async move {
        let event = events.next().await?;
        Some((event, events))
    });
    with_body(Body::from_bytes_stream(events))
}

/// The one answer of an operation that has been executed.
pub(super) fn respond_once(answer: &[u8]) -> Response {
    let events = [event("next", answer), event("complete", b"")].concat();
    with_body(Body::from_vec(events))
}

fn with_body(body: Body) -> Response {
    Response::builder()
        .header(CONTENT_TYPE, MEDIA_TYPE)
        .header(CACHE_CONTROL, "no-store")
        // The connection's time-outs are off from here on, and so it takes no further request.
        .header(CONNECTION, "close")
        // Asks nginx not to collect events until there are enough of them.
        .header("X-Accel-Buffering", "no")
        .extension(Lasting)
        .body(body)
}

impl Events {
    async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        if self.is_over {
            return None;
        }
        // The client learns at once that it is connected.
        let is_new = std::mem::take(&mut self.is_new);
        let silence = if is_new { Duration::ZERO } else { KEEP_ALIVE };
        tokio::select! {
            biased;
            // To the client it looks like a lost connection, so that it connects again.
            () = self.stopping.cancelled() => {
                self.is_over = true;
                Some(Err(io::Error::other("the server stops")))
            }
            answer = self.answers.next() => Some(Ok(match answer {
                Some(answer) => event("next", &answer),
                None => {
                    self.is_over = true;
                    event("complete", b"")
                }
            })),
            () = tokio::time::sleep(silence) => Some(Ok(b":\n\n".to_vec())),
        }
    }
}

/// JSON as it is written has no line breaks, so one line of data holds it.
fn event(name: &str, data: &[u8]) -> Vec<u8> {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat()
}
