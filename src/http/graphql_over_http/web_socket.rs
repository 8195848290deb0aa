//! WebSockets, by the protocol `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>). Who asks stands in the
//! upgrade's headers, as with any request, or in the payload of `connection_init`: a browser cannot
//! set headers on a WebSocket.

use std::sync::{Arc, OnceLock};

use async_graphql::http::WebSocketProtocols;
use async_graphql::{
    Data, Executor, Request as GraphqlRequest, Response as GraphqlResponse, ServerError,
};
use async_graphql_poem::{GraphQLProtocol, GraphQLWebSocket};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use poem::http::header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use poem::http::{HeaderMap, StatusCode};
use poem::web::websocket::WebSocket;
use poem::{FromRequest, IntoResponse, Request, Response};

use super::response::{Answer, Refusal};
use super::streams::Streaming;
use crate::domain::{Actor, Client, sessions};

/// The one protocol that is spoken; its forerunner `graphql-ws` is given up by its authors.
const PROTOCOL: &str = "graphql-transport-ws";

/// Whether the request wants to become a WebSocket.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Turns the request into a WebSocket on which the actor's operations are executed.
pub(super) async fn upgrade(
    request: &Request,
    streaming: Streaming,
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
        let message = format!("Speak the subprotocol {PROTOCOL}.");
        return Err(Refusal::bad_request(message));
    }
    let socket = WebSocket::from_request_without_body(request)
        .await
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let connection = Connection {
        streaming,
        client: actor.client.clone(),
        actor: Arc::new(OnceLock::new()),
    };
    Ok(socket
        .protocols([PROTOCOL])
        .on_upgrade(move |socket| {
            let introduced = connection.clone();
            let protocol = GraphQLProtocol(WebSocketProtocols::GraphQLWS);
            GraphQLWebSocket::new(socket, connection, protocol)
                .on_connection_init(move |payload| introduced.introduce(actor, payload))
                .serve()
        })
        .into_response())
}

/// Executes the operations of one WebSocket.
#[derive(Clone)]
struct Connection {
    streaming: Streaming,
    client: Client,
    /// Who asks: known once the connection is initialised.
    actor: Arc<OnceLock<Actor>>,
}

impl Connection {
    /// Notes who asks: whoever `connection_init` names, or else whoever the headers named.
    async fn introduce(
        self,
        actor: Actor,
        payload: serde_json::Value,
    ) -> async_graphql::Result<Data> {
        let actor = match bearer_token(&payload) {
            Some(token) => {
                let app = &self.streaming.app;
                sessions::authenticate(app, self.client.clone(), token).await?
            }
            None => actor,
        };
        // It is asked for once: a second `connection_init` closes the connection.
        let _ = self.actor.set(actor);
        Ok(Data::default())
    }
}

/// The payload's `Authorization`, whatever its case, as the header would have it.
fn bearer_token(payload: &serde_json::Value) -> Option<&str> {
    let (_, value) = payload
        .as_object()?
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let (scheme, token) = value.as_str()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

impl Executor for Connection {
    async fn execute(&self, request: GraphqlRequest) -> GraphqlResponse {
        let answer = self.execute_stream(request, None).next().await;
        answer.unwrap_or_default()
    }

    fn execute_stream(
        &self,
        mut request: GraphqlRequest,
        _: Option<Arc<Data>>,
    ) -> BoxStream<'static, GraphqlResponse> {
        match super::parse(&request.query) {
            Ok(document) => {
                request.set_parsed_query(document);
                let nobody = || Actor::anonymous(self.client.clone());
                let actor = self.actor.get().cloned().unwrap_or_else(nobody);
                self.streaming.clone().execute_later(request, actor)
            }
            Err(refusal) => {
                let error = ServerError::new(refusal.message, None);
                let answer = GraphqlResponse::from_errors(vec![error]);
                let answer = Answer::new(answer, true, &self.streaming.id);
                stream::iter([answer.into_response()]).boxed()
            }
        }
    }
}
