//! Who sends a request: by bearer token, or by session cookie from an origin that may use it.

use std::fmt;
use std::sync::Arc;

use poem::Request;
use poem::http::header::{AUTHORIZATION, ORIGIN, UPGRADE};
use poem::http::{HeaderMap, Method};

use super::client::TrustedProxies;
use super::cookie::Cookies;
use super::origins::AllowedOrigins;
use crate::domain::App;
use crate::domain::{Actor, Client, Error, sessions, tokens};

/// Why nobody could be identified.
pub enum IdentityError {
    /// The session cookie came from where it may not be used.
    ForeignOrigin(ForeignOrigin),
    /// The server is at fault.
    Failed(Error),
}

/// Where a session cookie came from that may not be used there, in a sentence for whoever wrote the
/// page or the program.
pub enum ForeignOrigin {
    /// A page of this origin.
    Page(String),
    /// A page of another origin, as far as the browser says.
    OtherSite,
    /// Somewhere that does not say.
    Untold,
}

impl fmt::Display for ForeignOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(origin) => write!(
                f,
                "The session cookie was sent from {origin}, which is not this server and not in server.allowed_origins."
            )?,
            Self::OtherSite => f.write_str(
                "The session cookie was sent from a page of another origin; open the address by itself.",
            )?,
            Self::Untold => f.write_str(
                "The session cookie was sent from no origin: browsers name it in the header `Origin`, which proxies must pass on.",
            )?,
        }
        f.write_str(" Programs use `Authorization: Bearer`.")
    }
}

/// Finds out who sends a request.
#[derive(Clone)]
pub struct Identification {
    app: Arc<App>,
    cookies: Cookies,
    proxies: TrustedProxies,
    origins: AllowedOrigins,
}

impl Identification {
    /// By the application's sessions, from these proxies and origins.
    pub fn new(app: Arc<App>, proxies: TrustedProxies, origins: AllowedOrigins) -> Self {
        Self {
            cookies: Cookies::new(&app.settings),
            app,
            proxies,
            origins,
        }
    }

    /// Finds out who sends the request. A token that is unknown, expired or revoked is nobody's.
    pub async fn identify(&self, request: &Request) -> Result<Actor, IdentityError> {
        let headers = request.headers();
        let mut client = self.proxies.client(request);
        // A foreign page must not use up what its visitor may guess. Programs name no origin.
        if text_of(headers, ORIGIN.as_str()).is_none_or(|origin| self.origins.allow(&origin)) {
            client.device = self.cookies.device(headers).map(tokens::hash);
        }
        if let Some(token) = bearer_token(headers) {
            return self.authenticate(client, token).await;
        }
        let sessions = self.cookies.sessions(headers);
        if !sessions.is_empty() {
            must_be_allowed(&self.origins, request).map_err(IdentityError::ForeignOrigin)?;
        }
        // Another application on the same host or on a parent domain may have set a cookie of the
        // same name; ours is the one that is somebody's.
        for token in sessions {
            let actor = self.authenticate(client.clone(), token).await?;
            if actor.user_id().is_some() {
                return Ok(actor);
            }
        }
        Ok(Actor::anonymous(client))
    }

    async fn authenticate(&self, client: Client, token: &str) -> Result<Actor, IdentityError> {
        sessions::authenticate(&self.app, client, token)
            .await
            .map_err(IdentityError::Failed)
    }
}

/// A browser adds the cookie to whatever a foreign page sends; the origin tells.
///
/// Browsers name no origin where a page of this server reads something, or a person enters an
/// address; then metadata that no page can set say so
/// (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>). Over plain HTTP from another
/// machine there are none either. What only reads is answered all the same: a foreign page can cause
/// it and cannot see the response.
fn must_be_allowed(origins: &AllowedOrigins, request: &Request) -> Result<(), ForeignOrigin> {
    let headers = request.headers();
    if let Some(origin) = text_of(headers, ORIGIN.as_str()) {
        if origins.allow(&origin) {
            return Ok(());
        }
        return Err(ForeignOrigin::Page(origin));
    }
    match text_of(headers, "sec-fetch-site").as_deref() {
        Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(ForeignOrigin::OtherSite),
        None if only_reads(request) => Ok(()),
        None => Err(ForeignOrigin::Untold),
    }
}

/// Whether the request is over with its response, and changes nothing (RFC 9110, section 9.2.1).
fn only_reads(request: &Request) -> bool {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    is_safe && !request.headers().contains_key(UPGRADE)
}

/// A header's value, whatever its bytes are.
fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    token_in(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

/// The token in a bearer's credentials (RFC 6750, section 2.1); the scheme's name is case-insensitive
/// (RFC 9110, section 11.1).
pub(super) fn token_in(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then_some(token.trim())
}
