//! An e-mail of the queue, by the API's own guards and notes: `GET /emails/{id}.eml` is `Email.source`, as a
//! file that any mail program opens; `GET /emails/{id}.html` is `Email.htmlBody`, masked, as a page for a frame
//! of our own pages.

use std::fmt::Display;
use std::sync::Arc;

use async_graphql::{Executor, ServerError, Value, Variables};
use poem::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};
use serde_json::json;

use super::identity::{Identification, IdentityError};
use super::pages::logo_origin;
use crate::database::Away;
use crate::domain::{App, Error};
use crate::graphql::context::Caller;
use crate::graphql::error::Code;

/// What is asked for.
#[derive(Clone, Copy)]
enum Form {
    Source,
    Page,
}

impl Form {
    const ALL: [(&str, Self); 2] = [(".eml", Self::Source), (".html", Self::Page)];

    /// The ID and the form that a file's name stands for.
    fn of(file: &str) -> Option<(&str, Self)> {
        let mut forms = Self::ALL.into_iter();
        forms.find_map(|(ending, form)| Some((file.strip_suffix(ending)?, form)))
    }

    fn query(self) -> &'static str {
        match self {
            Self::Source => "query ($id: ID!) { email(id: $id) { content: source } }",
            Self::Page => "query ($id: ID!) { email(id: $id) { content: htmlBody(masked: true) } }",
        }
    }
}

/// Serves the e-mails of the application's queue, at `/emails/:file`.
pub struct EmailFiles<E> {
    executor: E,
    app: Arc<App>,
    identification: Identification,
    /// Of the page.
    policy: String,
}

impl<E: Executor> EmailFiles<E> {
    /// An endpoint that asks the schema for the file.
    pub fn new(executor: E, app: Arc<App>, identification: Identification) -> Self {
        Self {
            policy: policy(&app.settings.branding.logo_url),
            executor,
            app,
            identification,
        }
    }

    async fn respond(&self, request: &Request) -> Result<Response, Error> {
        let actor = match self.identification.identify(request).await {
            Ok(actor) => actor,
            Err(IdentityError::ForeignOrigin(origin)) => {
                return Ok(plain(StatusCode::FORBIDDEN, origin));
            }
            Err(IdentityError::Failed(error)) => return Err(error),
        };
        let file = request.raw_path_param("file").unwrap_or_default();
        let (id, form) = Form::of(file).unwrap_or(("", Form::Source));
        let caller = Arc::new(Caller::new(actor));
        let query = async_graphql::Request::new(form.query())
            .variables(Variables::from_json(json!({ "id": id })))
            .data(self.app.clone())
            .data(caller.clone());
        let answer = self.executor.execute(query).await;
        caller.take_outcome().write_notes(&self.app).await?;
        if let Some(error) = answer.errors.first() {
            return Ok(plain(status_of(error), &error.message));
        }
        let data = answer.data.into_json().map_err(Error::internal)?;
        Ok(match (data["email"]["content"].as_str(), form) {
            (Some(source), Form::Source) => attached(id, source),
            (Some(html), Form::Page) => self.page(html),
            (None, _) => plain(StatusCode::NOT_FOUND, "There is no such e-mail."),
        })
    }

    fn page(&self, html: &str) -> Response {
        Response::builder()
            .header(CONTENT_TYPE, "text/html; charset=utf-8")
            .header(CACHE_CONTROL, "no-store")
            .header("content-security-policy", &self.policy)
            .header("x-frame-options", "SAMEORIGIN")
            .body(html.to_owned())
    }
}

/// An e-mail is somebody's text: nothing in it runs, nothing is loaded but the logo, and whatever it does
/// concerns no page around it.
fn policy(logo_url: &str) -> String {
    let logo = logo_origin(logo_url);
    format!(
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src{logo}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
}

impl<E: Executor> Endpoint for EmailFiles<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let message = "An e-mail can only be read here.";
            return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        Ok(self.respond(&request).await.unwrap_or_else(|error| {
            error.report("a request failed");
            match error.away() {
                Some(_) => plain(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The database does not respond. Try again later.",
                ),
                None => plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Something went wrong on the server.",
                ),
            }
        }))
    }
}

fn status_of(error: &ServerError) -> StatusCode {
    let extensions = error.extensions.as_ref();
    let is = |code: Code| {
        let found = extensions.and_then(|extensions| extensions.get("code"));
        found == Some(&Value::from(code.as_str()))
    };
    if is(Code::Unauthenticated) {
        StatusCode::UNAUTHORIZED
    } else if is(Code::Forbidden) {
        StatusCode::FORBIDDEN
    } else if is(Code::Unavailable) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

fn attached(id: &str, source: &str) -> Response {
    let disposition = format!("attachment; filename=\"{id}.eml\"");
    Response::builder()
        .header(CONTENT_TYPE, "message/rfc822")
        .header(CACHE_CONTROL, "no-store")
        .header(CONTENT_DISPOSITION, disposition)
        .header("X-Content-Type-Options", "nosniff")
        .body(source.to_owned())
}

fn plain(status: StatusCode, message: impl Display) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(CACHE_CONTROL, "no-store")
        .body(format!("{message}\n"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let wait = Away::RETRY_AFTER.as_secs();
        response.headers_mut().insert(RETRY_AFTER, wait.into());
    }
    response
}
