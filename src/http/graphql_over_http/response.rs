//! The answer: its media type, its status, its form (GraphQL over HTTP, section 6).

use std::time::Duration;

use async_graphql::{Pos, Response as GraphqlResponse, ServerError, Value};
use poem::Response;
use poem::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use poem::http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::event_stream;
use crate::domain;
use crate::graphql::error::Code;
use crate::graphql::limits;
use crate::graphql::nulls::Requested;
use crate::graphql::outcome::Outcome;

/// The most errors that one answer reports.
const MAX_ERRORS: usize = 100;

/// The longest error message, in characters: messages quote the request.
const MAX_MESSAGE: usize = 200;

/// The form of an answer, which decides what its status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/json`: 200 says that the answer is one of GraphQL, whatever it holds.
    Json,
    /// `application/graphql-response+json`: the status tells how the request fared.
    GraphqlResponse,
    /// `text/event-stream`: the same as for `application/json`, as the one event of a stream.
    EventStream,
}

impl MediaType {
    /// Its name, without parameters.
    pub(super) fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphqlResponse => "application/graphql-response+json",
            Self::EventStream => event_stream::MEDIA_TYPE,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::EventStream => self.essence(),
        }
    }
}

/// A request that was not executed.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: Code,
    pub(super) message: String,
    /// Only where the server is at fault.
    pub(super) request_id: Option<String>,
    /// When to try again, where waiting is all that is needed.
    pub(super) retry_after: Option<Duration>,
    /// Where in the document, if it is at fault.
    pub(super) at: Option<Pos>,
    /// The request was well-formed, and its document was not. By `application/json`, that is an
    /// answer of GraphQL like any other (GraphQL over HTTP, section 6.4.1).
    pub(super) is_of_document: bool,
}

impl From<limits::Refusal> for Refusal {
    fn from(refusal: limits::Refusal) -> Self {
        let (code, at) = match &refusal {
            limits::Refusal::Invalid { at, .. } => (Code::BadRequest, *at),
            limits::Refusal::Exceeded { at, .. } => (Code::LimitExceeded, *at),
        };
        Self {
            code,
            at: Some(at),
            ..Self::of_document(refusal.to_string())
        }
    }
}

/// The answer to one request or to a batch, written out.
pub(super) struct Rendered {
    status: StatusCode,
    body: Vec<u8>,
    /// What the headers are to say; nothing for what was not executed.
    pub(super) outcome: Outcome,
}

impl Rendered {
    /// The answers to a batch, in the order of its requests. That they are many is all that the
    /// status could say of them.
    pub(super) fn all(answers: Vec<Self>) -> Self {
        let mut body = vec![b'['];
        let mut outcome = Outcome::default();
        for (index, answer) in answers.into_iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend(answer.body);
            outcome.add(answer.outcome);
        }
        body.push(b']');
        Self {
            status: StatusCode::OK,
            body,
            outcome,
        }
    }

    /// The response, with cookies still to be set.
    pub(super) fn respond(self, media_type: MediaType) -> Response {
        let mut response = match media_type {
            MediaType::EventStream => event_stream::respond_once(&self.body),
            MediaType::Json | MediaType::GraphqlResponse => Response::builder()
                .status(self.status)
                .header(CONTENT_TYPE, media_type.content_type())
                .header(CACHE_CONTROL, "no-store")
                .body(self.body),
        };
        if let Some(wait) = self.outcome.retry_after {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, wait.as_secs().into());
        }
        response
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code: Code::BadRequest,
            message: message.into(),
            request_id: None,
            retry_after: None,
            at: None,
            is_of_document: false,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// What is asked for cannot be executed, although the request is well-formed.
    pub(super) fn of_document(message: impl Into<String>) -> Self {
        Self {
            is_of_document: true,
            ..Self::bad_request(message)
        }
    }

    /// The client accepts no form of the response.
    pub(super) fn not_acceptable(message: &str) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, message)
    }

    /// There is a digest where the query should be.
    pub(super) fn persisted_query_not_supported() -> Self {
        Self {
            code: Code::PersistedQueryNotSupported,
            ..Self::of_document("PersistedQueryNotSupported")
        }
    }

    /// The request has too much of something, or took too long.
    pub(super) fn limit_exceeded(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            code: Code::LimitExceeded,
            ..Self::new(status, message)
        }
    }

    /// The request took longer than it may.
    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::limit_exceeded(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("The request took longer than {limit:?} and was aborted."),
        )
    }

    /// The server is at fault, or its database is away; the cause is in its log.
    pub(super) fn failed(error: domain::Error, id: &str) -> Self {
        let (code, status) = match &error {
            domain::Error::Unavailable(_) => (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
            domain::Error::OutcomeUnknown(_) => (Code::OutcomeUnknown, StatusCode::OK),
            _ => (Code::Internal, StatusCode::INTERNAL_SERVER_ERROR),
        };
        let retry_after = error.retry_after();
        let request_id = (code == Code::Internal).then(|| id.to_owned());
        let error = async_graphql::Error::from(error);
        Self {
            code,
            request_id,
            retry_after,
            ..Self::new(status, error.message)
        }
    }

    fn into_error(self) -> ServerError {
        let mut error = ServerError::new(self.message, None);
        error.locations.extend(self.at);
        set_code(&mut error, self.code);
        if let Some(id) = self.request_id {
            error
                .extensions
                .get_or_insert_default()
                .set("requestId", id);
        }
        if let Some(wait) = self.retry_after {
            error
                .extensions
                .get_or_insert_default()
                .set("retryAfter", wait.as_secs());
        }
        cut(&mut error.message);
        error
    }

    /// As a part of a stream.
    pub(super) fn into_response(self) -> GraphqlResponse {
        GraphqlResponse::from_errors(vec![self.into_error()])
    }

    /// As the answer to one request, alone or among several.
    pub(super) fn render(self) -> Rendered {
        let status = self.status;
        let outcome = Outcome::of_refusal(self.retry_after);
        let body = Body {
            data: None,
            errors: &[self.into_error()],
        };
        Rendered {
            status,
            body: body.to_json(),
            outcome,
        }
    }

    pub(super) fn respond(mut self, mut media_type: MediaType) -> Response {
        if self.is_of_document && media_type != MediaType::GraphqlResponse {
            self.status = StatusCode::OK;
        }
        // A stream begins with an answer, and its status says nothing else.
        if media_type == MediaType::EventStream && self.status != StatusCode::OK {
            media_type = MediaType::Json;
        }
        let status = self.status;
        let mut response = self.render().respond(media_type);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, POST"));
        }
        response
    }
}

/// The database has gone after something was changed: clients try again by themselves where they are told that
/// nothing was done.
fn must_not_be_repeated(error: &mut ServerError) {
    if code_of(error) == Some(Code::Unavailable.as_str()) {
        error.message = "The database does not respond any more. Something was changed before that: look before you try again.".to_owned();
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", Code::OutcomeUnknown.as_str());
        extensions.unset("retryAfter");
    }
}

/// A request that was executed, or failed validation.
pub(super) struct Answer {
    response: GraphqlResponse,
    pub(super) outcome: Outcome,
}

impl Answer {
    /// The response as its client may see it, of the request with this ID.
    pub(super) fn new(
        requested: &Requested,
        mut response: GraphqlResponse,
        mut outcome: Outcome,
        id: &str,
    ) -> Self {
        // Variables are read while the document is executed; a missing one that leaves nothing to
        // answer with is a mistake in the request all the same (GraphQL specification, section 6.1).
        let complaints = response.errors.iter().any(|error| code_of(error).is_none());
        outcome.was_executed = !(complaints && response.data == Value::Null);
        if outcome.was_executed {
            requested.complete(&mut response);
        }
        response.errors.truncate(MAX_ERRORS);
        if outcome.may_have_changed {
            response.errors.iter_mut().for_each(must_not_be_repeated);
        }
        let wait = response.errors.iter().filter_map(retry_after_of).max();
        outcome.retry_after = outcome.retry_after.max(wait);
        for error in &mut response.errors {
            limits::explain(error);
            let code = code_of(error).map(str::to_owned);
            let extensions = error.extensions.get_or_insert_default();
            // What the library itself complains about is the request.
            match code.as_deref() {
                None => extensions.set("code", Code::BadRequest.as_str()),
                Some(code) if code == Code::Internal.as_str() => extensions.set("requestId", id),
                Some(_) => {}
            }
            cut(&mut error.message);
        }
        Self { response, outcome }
    }

    /// Whether the document was valid, so that it came to be executed.
    pub(super) fn was_executed(&self) -> bool {
        self.outcome.was_executed
    }

    /// Whether it was executed without an error.
    pub(super) fn succeeded(&self) -> bool {
        self.response.errors.is_empty()
    }

    /// The codes of its errors.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        self.response.errors.iter().filter_map(code_of)
    }

    /// The answer as part of a stream.
    pub(super) fn into_response(self) -> GraphqlResponse {
        self.response
    }

    /// Whether nothing came of it because the database is away.
    fn is_unavailable(&self) -> bool {
        let is_empty = match &self.response.data {
            Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
            data => *data == Value::Null,
        };
        let unavailable = Code::Unavailable.as_str();
        let mut errors = self.response.errors.iter().filter_map(code_of);
        is_empty && errors.any(|code| code == unavailable)
    }

    /// GraphQL over HTTP, section 6.4: by `application/json` every well-formed answer should be a 200; by
    /// the media type of GraphQL's own, only one that was executed. Where that could not even be tried,
    /// the status says so by either, to proxies as well.
    pub(super) fn render(self, media_type: MediaType) -> Rendered {
        let was_executed = self.outcome.was_executed;
        let status = match media_type {
            MediaType::GraphqlResponse if !was_executed => StatusCode::BAD_REQUEST,
            _ if self.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        };
        let body = Body {
            data: was_executed.then_some(&self.response.data),
            errors: &self.response.errors,
        };
        Rendered {
            status,
            body: body.to_json(),
            outcome: self.outcome,
        }
    }
}

/// The answer's form (GraphQL specification, section 7.1): a request that was not executed has no
/// `data` at all.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

impl Body<'_> {
    fn to_json(&self) -> Vec<u8> {
        // Names, texts and numbers: there is nothing in an answer that JSON could refuse.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// One answer of a stream.
pub(super) fn to_json(response: &GraphqlResponse) -> Vec<u8> {
    Body {
        data: Some(&response.data),
        errors: &response.errors,
    }
    .to_json()
}

fn retry_after_of(error: &ServerError) -> Option<Duration> {
    match error.extensions.as_ref()?.get("retryAfter")? {
        Value::Number(seconds) => seconds.as_u64().map(Duration::from_secs),
        _ => None,
    }
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// A resolver that panics is one caller's misfortune, and told as one.
pub(super) fn panicked() -> GraphqlResponse {
    tracing::error!("a resolver panicked");
    let mut error = ServerError::new("Something went wrong on the server.", None);
    set_code(&mut error, Code::Internal);
    GraphqlResponse::from_errors(vec![error])
}

fn set_code(error: &mut ServerError, code: Code) {
    error
        .extensions
        .get_or_insert_default()
        .set("code", code.as_str());
}

fn cut(message: &mut String) {
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use async_graphql::ErrorExtensionValues;

    use super::*;

    /// The answer where the database has gone, as its status and body.
    fn without_database(may_have_changed: bool) -> (StatusCode, serde_json::Value) {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", Code::Unavailable.as_str());
        extensions.set("retryAfter", 2);
        let mut error = ServerError::new("Nothing was done.", None);
        error.extensions = Some(extensions);
        let mut outcome = Outcome::default();
        outcome.may_have_changed = may_have_changed;
        let response = GraphqlResponse::from_errors(vec![error]);
        let requested = Requested::by(&async_graphql::Request::new(""));
        let rendered =
            Answer::new(&requested, response, outcome, "id").render(MediaType::GraphqlResponse);
        assert_eq!(rendered.outcome.retry_after.is_some(), !may_have_changed);
        (
            rendered.status,
            serde_json::from_slice(&rendered.body).unwrap(),
        )
    }

    /// Clients try again by themselves what they are told was not done.
    #[test]
    fn what_was_changed_is_not_told_as_if_nothing_was_done() {
        let (status, body) = without_database(false);
        let extensions = &body["errors"][0]["extensions"];
        assert_eq!(
            (status.as_u16(), &extensions["retryAfter"]),
            (503, &2.into())
        );
        let (status, body) = without_database(true);
        let error = &body["errors"][0];
        assert_eq!(
            (status.as_u16(), &error["extensions"]["code"]),
            (200, &"OUTCOME_UNKNOWN".into())
        );
        assert_eq!(error["extensions"]["retryAfter"], serde_json::Value::Null);
        assert!(!error["message"].as_str().unwrap().contains("Nothing"));
    }
}
