//! Secrets that come back: whoever refuses a mail, or a password, likes to quote it. Every transport
//! of the registry is wrapped in [`Masked`], through which all of its words pass before anybody logs,
//! stores or shows them. What is secret is known by value, from the mail and from the settings; how
//! it may be quoted is in `quotation.rs`.

mod quotation;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};

use crate::{Delivery, Mail, SendError, Transport, text};

/// From this length on, a part of a password gives something away, and is none that stands in a
/// reply by chance.
const LONG: usize = 24;

tokio::task_local! {
    /// What the transport at work must not give away.
    static AT_WORK: Vec<Secret>;
}

/// A text that must not be shown, and what is shown in its place. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: String,
    in_parts: bool,
    mask: &'static str,
}

impl Secret {
    /// A random text, such as the token of a link: a part of it is secret too, from 12 characters on.
    pub fn random(value: impl Into<String>, mask: &'static str) -> Self {
        Self {
            value: value.into(),
            in_parts: true,
            mask,
        }
    }

    /// A text of which parts may stand anywhere: a link with its token in it.
    pub fn whole(value: impl Into<String>, mask: &'static str) -> Self {
        Self {
            in_parts: false,
            ..Self::random(value, mask)
        }
    }

    /// What somebody has set: a password, a key.
    fn setting(value: &str) -> Self {
        Self {
            in_parts: value.chars().count() >= LONG,
            ..Self::whole(value, "[secret]")
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `text` with a mask wherever it quotes one of the secrets: also encoded, wrapped, in other case, or
/// in part.
pub fn mask(secrets: &[Secret], text: &str) -> String {
    quotation::mask(secrets, text)
}

/// `text` without the secrets of the transport that is calling, if one is: for a log that takes up
/// what transports write by themselves, and for what is said when one panics.
pub fn mask_for_log(text: &str) -> String {
    match AT_WORK.try_with(|secrets| mask(secrets, text)) {
        Ok(masked) => masked,
        Err(_) => text.to_owned(),
    }
}

/// Lets `show` write secrets to the log: for the one transport whose purpose that is.
pub(crate) fn openly(show: impl FnOnce()) {
    AT_WORK.sync_scope(Vec::new(), show);
}

/// Reads a secret from the settings. An error does not quote it.
pub(crate) fn setting<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SecretString, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text.into()),
        _ => Err(de::Error::custom("must be a text in quotes")),
    }
}

/// The secrets of one transport's settings. Others may come while it works, such as access tokens.
#[derive(Clone, Debug, Default)]
pub struct Hidden(Arc<Mutex<Vec<Secret>>>);

impl Hidden {
    /// From now on, nothing that the transport says shows `value`.
    pub fn add(&self, value: &str) {
        let mut all = self.all();
        let secret = Secret::setting(value);
        if !value.is_empty() && !all.contains(&secret) {
            all.push(secret);
        }
    }

    /// The same, in the place of one that serves no longer.
    pub fn replace(&self, old: Option<&str>, new: &str) {
        if let Some(old) = old {
            self.all().retain(|secret| secret.value != old);
        }
        self.add(new);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transport of which no word gives a secret away.
pub(crate) struct Masked {
    inner: Arc<dyn Transport>,
    hidden: Hidden,
}

impl Masked {
    pub fn new(inner: Arc<dyn Transport>, hidden: Hidden) -> Self {
        Self { inner, hidden }
    }

    fn secrets(&self, of_mail: &[Secret]) -> Vec<Secret> {
        [of_mail, &self.hidden.all()].concat()
    }

    /// Lets the transport do its `work`, during which nothing that it logs shows a secret.
    async fn hush<T>(&self, of_mail: &[Secret], work: impl Future<Output = T>) -> T {
        // Those of a transport around this one are no less secret here.
        let around = AT_WORK.try_with(Clone::clone).unwrap_or_default();
        let secrets = [around, self.secrets(of_mail)].concat();
        AT_WORK.scope(secrets, work).await
    }

    /// What may be seen of what the transport said. A foreign one may not have bounded it.
    fn seen(&self, of_mail: &[Secret], said: &str) -> String {
        // Looked up anew: while it was at work, there may have come others.
        text::response(&mask(&self.secrets(of_mail), said))
    }

    fn seen_of(&self, of_mail: &[Secret], error: SendError) -> SendError {
        SendError {
            response: self.seen(of_mail, &error.response),
            ..error
        }
    }
}

#[async_trait::async_trait]
impl Transport for Masked {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        let secrets = &mail.secrets;
        match self.hush(secrets, self.inner.send(mail)).await {
            Ok(delivery) => Ok(Delivery {
                response: self.seen(secrets, &delivery.response),
                ..delivery
            }),
            Err(error) => Err(self.seen_of(secrets, error)),
        }
    }

    async fn check(&self) -> Result<(), SendError> {
        let checked = self.hush(&[], self.inner.check()).await;
        checked.map_err(|error| self.seen_of(&[], error))
    }

    async fn check_sender(&self, from: &str) -> Result<Option<String>, SendError> {
        match self.hush(&[], self.inner.check_sender(from)).await {
            Ok(said) => Ok(said.map(|said| self.seen(&[], &said))),
            Err(error) => Err(self.seen_of(&[], error)),
        }
    }
}
