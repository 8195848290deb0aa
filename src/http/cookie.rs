//! The session cookie (RFC 6265): how it is called, how long it lives, and what guards it.

use poem::http::HeaderMap;
use poem::http::header::COOKIE;

use crate::config::Config;
use crate::graphql::context::CookieChange;

/// The session cookie of this server.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    /// Browsers send a `Secure` cookie over HTTPS only; a demo on this machine has none.
    is_secure: bool,
    max_age: std::time::Duration,
}

impl SessionCookie {
    /// As the public address asks for.
    pub fn new(settings: &Config) -> Self {
        Self {
            is_secure: settings.server.public_url.starts_with("https://"),
            max_age: settings.sessions.absolute_timeout,
        }
    }

    /// The prefix makes browsers refuse a cookie that another host or an unencrypted connection has
    /// set (RFC 6265bis, section 4.1.3.2).
    fn name(&self) -> &'static str {
        match self.is_secure {
            true => "__Host-usher_session",
            false => "usher_session",
        }
    }

    /// The token in the request's cookie.
    pub fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.name())
            .map(|(_, token)| token)
            .filter(|token| !token.is_empty())
    }

    /// The `Set-Cookie` header of an answer.
    pub fn write(&self, change: &CookieChange) -> String {
        // A token is base64url: there is nothing in it that a cookie would have to escape.
        let (token, max_age) = match change {
            CookieChange::Set { token, is_kept } => {
                // Without an age, the cookie goes when the browser is closed.
                let max_age = is_kept.then_some(self.max_age.as_secs());
                (token.as_str(), max_age)
            }
            CookieChange::Clear => ("", Some(0)),
        };
        let max_age = max_age.map_or(String::new(), |age| format!("; Max-Age={age}"));
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!(
            "{}={token}; Path=/{max_age}; HttpOnly; SameSite=Lax{secure}",
            self.name()
        )
    }
}
