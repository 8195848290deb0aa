//! The transport `http`: sends each e-mail through the HTTP API of a mail service, as many providers
//! offer one.
//!
//! Everything that makes up a transport is here: its settings, its constructor, `send` and `check`,
//! and the function that registers it. `main.rs` is a server that uses it.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use transports::{Context, Delivery, Failure, Mail, Registry, SendError, Transport};

/// How the transport is called in the configuration.
pub const NAME: &str = "http";

/// `[mail.http]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where mails are posted to.
    pub url: String,
    /// The service's key for this sender.
    pub key: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "http://localhost:8025/messages".to_owned(),
            key: String::new(),
        }
    }
}

/// Makes the transport known: `mail.transport = "http"` now means it.
pub fn register(registry: &mut Registry) {
    registry.register(NAME, |context: &Context<'_>| {
        let settings: Settings = context.settings()?;
        // Whatever the service says about it, nobody sees it.
        context.hide(&settings.key);
        let http = Http::new(settings);
        Ok(Arc::new(http.map_err(|error| context.error("url", error))?))
    });
}

/// Posts mails to an API.
#[derive(Debug)]
pub struct Http {
    settings: Settings,
    client: reqwest::Client,
}

impl Http {
    /// A transport with these settings; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// A client that cannot be made.
    pub fn new(settings: Settings) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            // Longer than this, the worker would rather try again later.
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { settings, client })
    }

    fn request(&self) -> reqwest::RequestBuilder {
        self.client
            .post(&self.settings.url)
            .bearer_auth(&self.settings.key)
    }
}

/// What a status says about the mail. It decides what becomes of it: tried again later, given up, or
/// left alone until the transport works again.
fn failure(status: reqwest::StatusCode) -> Failure {
    match status.as_u16() {
        // The key is wrong, or there is no such service: no mail would fare better.
        401 | 403 | 404 | 405 => Failure::Unavailable,
        // Too many at once.
        408 | 429 => Failure::Transient,
        400..=499 => Failure::Permanent,
        502..=504 => Failure::Unavailable,
        _ => Failure::Transient,
    }
}

/// Nobody answered: the connection's trouble, not this mail's. But after a time-out nobody knows
/// whether the mail was taken, and other mails may fare better.
fn trouble(error: &reqwest::Error) -> SendError {
    let kind = if error.is_timeout() && !error.is_connect() {
        Failure::Transient
    } else {
        Failure::Unavailable
    };
    // Without the address, which may hold a key.
    SendError::new(
        kind,
        NAME,
        format!("the mail service does not respond: {error}"),
    )
}

#[async_trait::async_trait]
impl Transport for Http {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        let body = json!({
            // The same at every attempt: a service that knows it takes the mail only once.
            "id": mail.message_id,
            "from": mail.from,
            "to": mail.to,
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
        });
        let response = self.request().json(&body).send().await;
        let response = response.map_err(|error| trouble(&error.without_url()))?;
        let status = response.status();
        let words = response.text().await.unwrap_or_default();
        let said = format!("{status} {words}");
        if status.is_success() {
            Ok(Delivery::new(NAME, said))
        } else {
            Err(SendError::new(failure(status), NAME, said))
        }
    }

    async fn check(&self) -> Result<(), SendError> {
        let response = self.request().body("").send().await;
        let response = response.map_err(|error| trouble(&error.without_url()))?;
        // A request without a mail is refused; what matters is how.
        match failure(response.status()) {
            Failure::Unavailable => {
                let said = response.status().to_string();
                Err(SendError::new(Failure::Unavailable, NAME, said))
            }
            _ => Ok(()),
        }
    }
}
