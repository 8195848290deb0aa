//! The cookies (RFC 6265): how they are called, how long they live, and what guards them.

use std::time::Duration;

use poem::http::HeaderMap;
use poem::http::header::COOKIE;

use crate::config::Config;
use crate::domain::devices;
use crate::graphql::context::{CookieChange, DeviceToken};

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

    /// The session's token in the request's cookie.
    pub fn session<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        self.read(headers, "usher_session")
    }

    /// The device's token in the request's cookie.
    pub fn device<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        self.read(headers, "usher_device")
    }

    /// The `Set-Cookie` header for the session.
    pub fn set_session(&self, change: &CookieChange) -> String {
        let (token, max_age) = match change {
            // Without an age, the cookie goes when the browser is closed.
            CookieChange::Set { token, is_kept } => {
                (token.as_str(), is_kept.then_some(self.session_max_age))
            }
            CookieChange::Clear => ("", Some(Duration::ZERO)),
        };
        self.write("usher_session", token, max_age)
    }

    /// The `Set-Cookie` header for the device.
    pub fn set_device(&self, device: &DeviceToken) -> String {
        let max_age = device.is_kept.then_some(devices::KNOWN_FOR);
        self.write("usher_device", &device.token, max_age)
    }

    /// The prefix makes browsers refuse a cookie that another host or an unencrypted connection has
    /// set (RFC 6265bis, section 4.1.3.2).
    fn prefix(&self) -> &'static str {
        match self.is_secure {
            true => "__Host-",
            false => "",
        }
    }

    fn read<'a>(&self, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(found, _)| found.strip_prefix(self.prefix()) == Some(name))
            .map(|(_, token)| token)
            .filter(|token| !token.is_empty())
    }

    fn write(&self, name: &str, token: &str, max_age: Option<Duration>) -> String {
        // A token is base64url: there is nothing in it that a cookie would have to escape.
        let max_age = max_age.map_or(String::new(), |age| format!("; Max-Age={}", age.as_secs()));
        let secure = if self.is_secure { "; Secure" } else { "" };
        let prefix = self.prefix();
        format!("{prefix}{name}={token}; Path=/{max_age}; HttpOnly; SameSite=Lax{secure}")
    }
}
