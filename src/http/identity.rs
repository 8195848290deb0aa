//! Who sends a request: by bearer token, or by session cookie from an origin that may use it.

use std::fmt;

use poem::http::HeaderMap;
use poem::http::header::{AUTHORIZATION, ORIGIN};
use url::Url;

use super::cookie::Cookies;
use crate::app::App;
use crate::config;
use crate::domain::{Actor, Client, Error, sessions, tokens};

/// The origins (RFC 6454) whose pages may use the session cookie.
#[derive(Clone, Debug)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// The server's own, and `server.allowed_origins`.
    ///
    /// # Errors
    ///
    /// A sentence that names the entry.
    pub fn new(settings: &config::Server) -> Result<Self, String> {
        let mut origins = own_origins(&settings.public_url);
        for text in &settings.allowed_origins {
            match Url::parse(text).map(|url| url.origin()) {
                Ok(origin) if origin.is_tuple() && origin.ascii_serialization() == *text => {
                    origins.push(text.clone());
                }
                _ => {
                    return Err(format!(
                        "server.allowed_origins: {text:?} is not an origin such as https://app.example.com, without a path"
                    ));
                }
            }
        }
        Ok(Self(origins))
    }

    pub(super) fn allow(&self, origin: &str) -> bool {
        self.0.iter().any(|allowed| allowed == origin)
    }
}

/// The origins, separated by blanks.
impl fmt::Display for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// The public address's origin; a server on this machine goes by each of the machine's own names.
fn own_origins(public_url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(public_url) else {
        return Vec::new();
    };
    let names = ["localhost", "127.0.0.1", "[::1]"];
    let mut origins = vec![url.origin().ascii_serialization()];
    if url.host_str().is_some_and(|host| names.contains(&host)) {
        for name in names {
            let mut named = url.clone();
            if named.set_host(Some(name)).is_ok() {
                origins.push(named.origin().ascii_serialization());
            }
        }
    }
    origins
}

/// Why nobody could be identified.
pub enum IdentityError {
    /// A page of a foreign origin, or none that can be told, used the session cookie.
    ForeignOrigin(Option<String>),
    /// The server is at fault.
    Failed(Error),
}

/// Finds out who sends the request. A token that is unknown, expired or revoked is nobody's.
pub async fn identify(
    app: &App,
    cookies: &Cookies,
    origins: &AllowedOrigins,
    headers: &HeaderMap,
    mut client: Client,
) -> Result<Actor, IdentityError> {
    let origin = text_of(headers, ORIGIN.as_str());
    // A foreign page must not use up what its visitor may guess. Programs name no origin.
    if origin.is_none_or(|origin| origins.allow(origin)) {
        client.device = cookies.device(headers).map(tokens::hash);
    }
    let token = match (bearer_token(headers), cookies.session(headers)) {
        (Some(token), _) => token,
        (None, Some(token)) => {
            // A browser adds the cookie to whatever a foreign page sends; the origin tells.
            let is_allowed = match origin {
                Some(origin) => origins.allow(origin),
                None => is_own_request(headers),
            };
            if !is_allowed {
                return Err(IdentityError::ForeignOrigin(origin.map(str::to_owned)));
            }
            token
        }
        (None, None) => return Ok(Actor::anonymous(client)),
    };
    sessions::authenticate(app, client, token)
        .await
        .map_err(IdentityError::Failed)
}

/// Browsers send no origin where a page of this server reads something, or a person enters an
/// address; then these metadata, which no page can set, say so
/// (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>).
fn is_own_request(headers: &HeaderMap) -> bool {
    matches!(
        text_of(headers, "sec-fetch-site"),
        Some("same-origin" | "none")
    )
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    token_in(text_of(headers, AUTHORIZATION.as_str())?)
}

/// The token in a bearer's credentials (RFC 6750, section 2.1); the scheme's name is case-insensitive
/// (RFC 9110, section 11.1).
pub(super) fn token_in(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then_some(token.trim())
}
