//! `GET /emails/{id}.eml`: an e-mail of the queue as a file that any mail program opens. Guarded like
//! `Email.source`, and who asks is found as for any GraphQL request.

use std::fmt::Display;
use std::sync::Arc;

use async_graphql::ID;
use poem::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};

use super::identity::{Identification, IdentityError};
use crate::domain::App;
use crate::domain::applications::EMAIL_QUEUE_VIEW;
use crate::domain::{Error, emails};
use crate::graphql::context::Caller;
use crate::graphql::ids;
use crate::mail::messages;

/// Serves the e-mails of the application's queue, at `/emails/:file`.
pub struct EmailFiles {
    app: Arc<App>,
    identification: Identification,
}

impl EmailFiles {
    /// An endpoint that asks who wants the file.
    pub fn new(app: Arc<App>, identification: Identification) -> Self {
        Self {
            app,
            identification,
        }
    }

    async fn respond(&self, request: &Request) -> Result<Response, Error> {
        let actor = match self.identification.identify(request).await {
            Ok(actor) => actor,
            Err(IdentityError::ForeignOrigin(origin)) => {
                return Ok(plain(StatusCode::FORBIDDEN, origin.to_string()));
            }
            Err(IdentityError::Failed(error)) => return Err(error),
        };
        let caller = Caller::new(actor);
        let response = match self.find(request, &caller).await {
            Ok(Some(email)) => file(&email)?,
            Ok(None) => plain(StatusCode::NOT_FOUND, "There is no such e-mail."),
            Err(error) => {
                let status = match error {
                    Error::Unauthenticated => StatusCode::UNAUTHORIZED,
                    Error::Forbidden(_) => StatusCode::FORBIDDEN,
                    error => return Err(error),
                };
                plain(status, async_graphql::Error::from(error).message)
            }
        };
        caller.take_outcome().write_notes(&self.app).await?;
        Ok(response)
    }

    /// The e-mail as the caller may see it.
    async fn find(
        &self,
        request: &Request,
        caller: &Caller,
    ) -> Result<Option<emails::Email>, Error> {
        caller.must_hold(&EMAIL_QUEUE_VIEW)?;
        let id = request
            .raw_path_param("file")
            .and_then(|file| file.strip_suffix(".eml"))
            .and_then(|id| ids::decode(&ID(id.to_owned())));
        let Some(id) = id else {
            return Ok(None);
        };
        let email = emails::find(&self.app, &caller.actor(), id).await?;
        if let Some(email) = &email {
            caller.note_showing(email);
        }
        Ok(email)
    }
}

impl Endpoint for EmailFiles {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let message = "An e-mail can only be read here.";
            return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        Ok(self.respond(&request).await.unwrap_or_else(|error| {
            tracing::error!(?error, "a request failed");
            let message = "Something went wrong on the server.";
            plain(StatusCode::INTERNAL_SERVER_ERROR, message)
        }))
    }
}

fn file(email: &emails::Email) -> Result<Response, Error> {
    let source = messages::source(email).map_err(Error::internal)?;
    let name = ids::encode(email.row().id);
    Ok(Response::builder()
        .header(CONTENT_TYPE, "message/rfc822")
        .header(CACHE_CONTROL, "no-store")
        .header(
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}.eml\"", name.as_str()),
        )
        .header("X-Content-Type-Options", "nosniff")
        .body(source))
}

fn plain(status: StatusCode, message: impl Display) -> Response {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(CACHE_CONTROL, "no-store")
        .body(format!("{message}\n"))
}
