//! WebSockets, by the protocol `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>). Who asks stands in the
//! upgrade's headers, as with any request, or in the payload of `connection_init`: a browser cannot
//! set headers on a WebSocket.
//!
//! Who asks is settled once, when the connection begins; it is closed when their session ends. When
//! else it is closed stands in `ending`.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::http::WebSocketProtocols;
use async_graphql::{Data, Executor, Request as GraphqlRequest, Response as GraphqlResponse};
use async_graphql_poem::{GraphQLProtocol, GraphQLWebSocket};
use futures_util::future::{Either, pending, select};
use futures_util::stream::{self, BoxStream};
use futures_util::{Sink, SinkExt, StreamExt};
use poem::http::header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use poem::http::{HeaderMap, StatusCode};
use poem::web::websocket::{Message, WebSocket, WebSocketConfig, WebSocketStream};
use poem::{FromRequest, IntoResponse, Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::PollSender;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::execution::Execution;
use super::open_streams::OpenStream;
use super::request::MAX_BODY;
use super::response::Refusal;
use crate::domain::{Actor, Client, sessions};
use crate::http::connections::Lasting;
use crate::http::identity::token_in;
use crate::metrics;

mod ending;
mod operations;

use ending::{Close, Life};

/// The one protocol that is spoken; its forerunner `graphql-ws` is given up by its authors.
const PROTOCOL: &str = "graphql-transport-ws";

/// How many operations one WebSocket may have under way.
const MAX_OPERATIONS: usize = 20;

/// How many further ones are refused at a time, before the connection is closed.
const MAX_REFUSALS: usize = 100;

/// Room for a message; the library would reserve 128 KiB for each connection.
const READ_BUFFER: usize = 4 * 1024;

/// The protocol's own ping, which every client responds to.
const PING: &str = r#"{"type":"ping"}"#;

/// How long the client may take to learn that the connection is closed.
const CLOSED_WITHIN: Duration = Duration::from_secs(2);

/// Whether the request wants to become a WebSocket.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Turns the request into a WebSocket on which the actor's operations are executed.
pub(super) async fn upgrade<E: Executor>(
    request: &Request,
    execution: Execution<E>,
    actor: Actor,
) -> Result<Response, Refusal> {
    let offered = request
        .headers()
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim() == PROTOCOL);
    if !offered {
        let message = format!("Use the WebSocket subprotocol {PROTOCOL}.");
        return Err(Refusal::bad_request(message));
    }
    let socket = WebSocket::from_request_without_body(request)
        .await
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let open = execution.open.open(&actor)?;
    let counted = execution.app.metrics.stream(metrics::Stream::WebSocket);
    let counted = Arc::new(counted);
    let connection = Connection {
        execution,
        client: actor.client.clone(),
        life: Arc::default(),
        open: Arc::new(Mutex::new(Some(open))),
        operations: Arc::new(Semaphore::new(MAX_OPERATIONS)),
        refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
        _counted: counted,
    };
    let mut response = socket
        .protocols([PROTOCOL])
        .config(
            WebSocketConfig::default()
                .read_buffer_size(READ_BUFFER)
                .max_message_size(Some(MAX_BODY))
                .max_frame_size(Some(MAX_BODY)),
        )
        .on_upgrade(move |socket| connection.serve(socket, actor))
        .into_response();
    response.extensions_mut().insert(Lasting);
    Ok(response)
}

/// Executes the operations of one WebSocket.
#[derive(Clone)]
struct Connection<E> {
    execution: Execution<E>,
    client: Client,
    life: Arc<Life>,
    /// Counts the connection for whoever uses it.
    open: Arc<Mutex<Option<OpenStream>>>,
    /// A permit for each operation that may still begin.
    operations: Arc<Semaphore>,
    /// A permit for each operation that may still be refused before the client has read of others.
    refusals: Arc<Semaphore>,
    _counted: Arc<metrics::Open>,
}

impl<E: Executor> Connection<E> {
    /// Answers until either side closes the connection.
    async fn serve(self, socket: WebSocketStream, actor: Actor) {
        let (sink, messages) = socket.split();
        let (sender, answers) = mpsc::channel(1);
        let introduced = self.clone();
        let protocol = GraphQLProtocol(WebSocketProtocols::GraphQLWS);
        let answer = GraphQLWebSocket::new_with_pair(
            PollSender::new(sender),
            messages,
            self.clone(),
            protocol,
        )
        .on_connection_init(move |payload| introduced.introduce(actor, payload))
        .keepalive_timeout(self.idle_timeout())
        .serve();
        let write = self.write(answers, sink);
        // What was answered before the client closed the connection is written all the same.
        if let Either::Left(((), write)) = select(pin!(answer), pin!(write)).await {
            write.await;
        }
    }

    /// Sends the answers, and pings in between, until the connection is to be closed or has gone.
    async fn write(&self, answers: mpsc::Receiver<Message>, mut sink: impl Sink<Message> + Unpin) {
        // Also while the client does not take what is sent.
        let close = tokio::select! {
            biased;
            close = self.life.ended(&self.execution.app) => close,
            () = self.write_answers(answers, &mut sink) => return,
        };
        let _ = timeout(CLOSED_WITHIN, sink.send(close.message())).await;
    }

    async fn write_answers(
        &self,
        mut answers: mpsc::Receiver<Message>,
        sink: &mut (impl Sink<Message> + Unpin),
    ) {
        // So often that a client misses more than one ping before it counts as gone.
        let ping_every = (self.idle_timeout() / 3).max(Duration::from_millis(1));
        let mut pings = interval_at(Instant::now() + ping_every, ping_every);
        loop {
            let message = tokio::select! {
                answer = answers.recv() => match answer {
                    Some(answer) => Close::by_protocol(answer),
                    None => return,
                },
                _ = pings.tick() => Message::text(PING),
            };
            let is_last = message.is_close();
            if sink.send(message).await.is_err() || is_last {
                return;
            }
        }
    }

    fn idle_timeout(&self) -> Duration {
        self.execution.app.settings.server.idle_timeout
    }

    /// Notes who asks: whoever `connection_init` names, or else whoever the headers named.
    async fn introduce(
        self,
        actor: Actor,
        payload: serde_json::Value,
    ) -> async_graphql::Result<Data> {
        let named = match bearer_token(&payload) {
            Some(token) => {
                let app = &self.execution.app;
                sessions::authenticate(app, self.client.clone(), token).await
            }
            None => Ok(actor),
        };
        let actor = match named {
            Ok(actor) => actor,
            Err(error) => {
                error.report("cannot tell who opens a WebSocket");
                return self.closing(Close::FAILED).await;
            }
        };
        match self.execution.open.open(&actor) {
            // Whoever the headers named has nothing open any more.
            Ok(open) => *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(open),
            Err(_) => return self.closing(Close::TOO_MANY).await,
        }
        // It is asked for once: a second `connection_init` closes the connection.
        let _ = self.life.actor.set(actor);
        Ok(Data::default())
    }

    /// Waits for the end, since the connection is to be closed.
    async fn closing<T>(&self, close: Close) -> T {
        let _ = self.life.close.set(close);
        pending().await
    }
}

/// The payload's `Authorization`, whatever its case, as the header would have it.
fn bearer_token(payload: &serde_json::Value) -> Option<&str> {
    let (_, value) = payload
        .as_object()?
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    token_in(value.as_str()?)
}

impl<E: Executor> Executor for Connection<E> {
    async fn execute(&self, request: GraphqlRequest) -> GraphqlResponse {
        let answer = self.execute_stream(request, None).next().await;
        answer.unwrap_or_default()
    }

    fn execute_stream(
        &self,
        request: GraphqlRequest,
        _: Option<Arc<Data>>,
    ) -> BoxStream<'static, GraphqlResponse> {
        let Ok(permit) = self.operations.clone().try_acquire_owned() else {
            return self.refuse();
        };
        let nobody = || Actor::anonymous(self.client.clone());
        let actor = self.life.actor.get().cloned().unwrap_or_else(nobody);
        let answers = operations::execute(self.execution.clone(), request, actor);
        holding(permit, in_own_task(answers))
    }
}

impl<E: Executor> Connection<E> {
    /// Refuses an operation. The library takes in all that has arrived before it sends a response:
    /// whoever sends faster than they read is not worth the memory.
    fn refuse(&self) -> BoxStream<'static, GraphqlResponse> {
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else {
            let _ = self.life.close.set(Close::FLOOD);
            return stream::pending().boxed();
        };
        let message = format!("More than {MAX_OPERATIONS} operations are under way.");
        let refusal = Refusal::limit_exceeded(StatusCode::TOO_MANY_REQUESTS, message);
        holding(permit, stream::iter([refusal.into_response()]).boxed())
    }
}

/// Holds the permit until the operation has ended.
fn holding(
    permit: OwnedSemaphorePermit,
    answers: BoxStream<'static, GraphqlResponse>,
) -> BoxStream<'static, GraphqlResponse> {
    let held = answers.inspect(move |_| {
        let _ = &permit;
    });
    held.boxed()
}

/// Executes the operation in a task of its own, one response ahead of the client at most.
///
/// The library asks for the responses of all operations in turn, and for none while the client does not
/// read: an operation that only went on then would keep its database connection for as long.
fn in_own_task(
    mut answers: BoxStream<'static, GraphqlResponse>,
) -> BoxStream<'static, GraphqlResponse> {
    let (sender, mut receiver) = mpsc::channel(1);
    let execution = async move {
        while let Some(answer) = answers.next().await {
            if sender.send(answer).await.is_err() {
                return;
            }
        }
    };
    let task = AbortOnDropHandle::new(tokio::spawn(execution.in_current_span()));
    stream::poll_fn(move |cx| {
        let _aborted_with_the_stream = &task;
        receiver.poll_recv(cx)
    })
    .boxed()
}
