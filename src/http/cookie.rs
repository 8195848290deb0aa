//! The cookies (RFC 6265): how they are called, how long they live, and what guards them.

use std::time::Duration;

use poem::http::HeaderMap;
use poem::http::header::COOKIE;

use crate::config::Config;
use crate::domain::{devices, tokens};
use crate::graphql::outcome::{DeviceToken, Outcome, SessionCookie};

/// How many cookies of the session's name are looked at: each is looked up in the database.
const MAX_SESSIONS: usize = 5;

/// The cookies of this server: who is signed in, and which device it is.
#[derive(Clone, Debug)]
pub struct Cookies {
    /// Browsers send a `Secure` cookie over HTTPS only; a demo on this machine has none.
    is_secure: bool,
    session_max_age: Duration,
}

impl Cookies {
    /// As the public address asks for.
    pub fn new(settings: &Config) -> Self {
        Self {
            is_secure: settings.server.public_url.starts_with("https://"),
            session_max_age: settings.sessions.absolute_timeout,
        }
    }

    /// The tokens in the request's cookies for the session: one, unless others have set more of that
    /// name.
    pub fn sessions<'a>(&self, headers: &'a HeaderMap) -> Vec<&'a str> {
        let mut tokens: Vec<&str> = self.read(headers, "usher_session").collect();
        tokens.dedup();
        tokens.truncate(MAX_SESSIONS);
        tokens
    }

    /// The device's token in the request's cookie.
    pub fn device<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        self.read(headers, "usher_device").next()
    }

    /// The `Set-Cookie` headers that an outcome asks for.
    pub fn set(&self, outcome: &Outcome) -> impl Iterator<Item = String> + use<> {
        let session = outcome.session.as_ref();
        let device = outcome.device.as_ref();
        let session = session.map(|cookie| self.set_session(cookie));
        let device = device.map(|device| self.set_device(device));
        session.into_iter().chain(device)
    }

    fn set_session(&self, cookie: &SessionCookie) -> String {
        let (token, max_age) = match cookie {
            // Without an age, the cookie goes when the browser is closed.
            SessionCookie::Set { token, is_kept } => {
                (token.as_str(), is_kept.then_some(self.session_max_age))
            }
            SessionCookie::Clear => ("", Some(Duration::ZERO)),
        };
        self.write("usher_session", token, max_age)
    }

    fn set_device(&self, device: &DeviceToken) -> String {
        let max_age = device.is_kept.then_some(devices::KNOWN_FOR);
        self.write("usher_device", &device.token, max_age)
    }

    /// The prefix makes browsers refuse a cookie that another host or an unencrypted connection has
    /// set (RFC 6265bis, section 4.1.3.2).
    fn prefix(&self) -> &'static str {
        if self.is_secure { "__Host-" } else { "" }
    }

    /// The tokens in cookies of that name. Nothing that other cookies hold hides them: it may have any
    /// bytes, and quotes only where it pleases.
    fn read<'a>(
        &self,
        headers: &'a HeaderMap,
        name: &'static str,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = self.prefix();
        headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='))
            .filter(move |(found, _)| found.trim().strip_prefix(prefix) == Some(name))
            .map(|(_, value)| without_quotes(value.trim()))
            .filter(|value| tokens::could_be(value))
    }

    fn write(&self, name: &str, token: &str, max_age: Option<Duration>) -> String {
        // A token is base64url: there is nothing in it that a cookie would have to escape.
        let max_age = max_age.map_or(String::new(), |age| format!("; Max-Age={}", age.as_secs()));
        let secure = if self.is_secure { "; Secure" } else { "" };
        let prefix = self.prefix();
        format!("{prefix}{name}={token}; Path=/{max_age}; HttpOnly; SameSite=Lax{secure}")
    }
}

/// A cookie's value may stand in quotes (RFC 6265, section 4.1.1).
fn without_quotes(value: &str) -> &str {
    let unquoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    unquoted.unwrap_or(value)
}
