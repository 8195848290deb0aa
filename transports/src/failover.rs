//! The `failover` transport: a list of other transports, of which the next is tried when one is
//! unavailable. A mail that one of them refuses, for now or for good, is not offered to the next:
//! that is about the mail, and the next would often answer the same.

use std::sync::Arc;

use serde::Deserialize;

use crate::{ConfigError, Context, Delivery, Failure, Mail, SendError, Transport};

/// How the transport is called in the configuration.
pub const NAME: &str = "failover";

/// `[mail.failover]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The transports to try, in order. Each has its own section.
    pub transports: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transports: vec![crate::smtp::NAME.into(), crate::sendmail::NAME.into()],
        }
    }
}

/// Tries transports in order.
pub struct Failover {
    transports: Vec<Arc<dyn Transport>>,
}

impl Failover {
    /// Tries `transports` in this order. Their words are logged as they are: they come from the
    /// registry, and are masked.
    fn new(transports: Vec<Arc<dyn Transport>>) -> Self {
        Self { transports }
    }
}

pub(crate) fn build(context: &Context<'_>) -> Result<Arc<dyn Transport>, ConfigError> {
    let settings: Settings = context.settings()?;
    if settings.transports.is_empty() {
        return Err(context.error("transports", "is empty; name at least one transport"));
    }
    let transports = settings
        .transports
        .iter()
        .map(|name| context.build(name, "transports"))
        .collect::<Result<_, _>>()?;
    Ok(Arc::new(Failover::new(transports)))
}

#[async_trait::async_trait]
impl Transport for Failover {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        let mut unavailable = Vec::new();
        for transport in &self.transports {
            match transport.send(mail).await {
                Err(error) if error.kind == Failure::Unavailable => {
                    tracing::warn!(transport = error.transport, "{}", error.response);
                    unavailable.push(error);
                }
                done => return done,
            }
        }
        Err(none_available(&unavailable))
    }

    /// Well as long as one of them is: that is what the list is for. The others' troubles are
    /// logged.
    async fn check(&self) -> Result<(), SendError> {
        let mut errors = Vec::new();
        for transport in &self.transports {
            match transport.check().await {
                Ok(()) => return Ok(()),
                Err(error) => errors.push(logged(error)),
            }
        }
        Err(none_available(&errors))
    }

    async fn check_sender(&self, from: &str) -> Result<Option<String>, SendError> {
        let mut errors = Vec::new();
        for transport in &self.transports {
            match transport.check_sender(from).await {
                Ok(said) => return Ok(said),
                Err(error) => errors.push(logged(error)),
            }
        }
        Err(none_available(&errors))
    }
}

fn logged(error: SendError) -> SendError {
    tracing::warn!(transport = error.transport, "{}", error.response);
    error
}

/// All of what went wrong, each with the transport's name.
fn none_available(errors: &[SendError]) -> SendError {
    let all: Vec<String> = errors.iter().map(SendError::to_string).collect();
    SendError::new(Failure::Unavailable, NAME, all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_mail;

    /// Always answers the same.
    struct Always(Result<&'static str, Failure>, &'static str);

    #[async_trait::async_trait]
    impl Transport for Always {
        async fn send(&self, _: &Mail) -> Result<Delivery, SendError> {
            match self.0 {
                Ok(response) => Ok(Delivery::new(self.1, response)),
                Err(kind) => Err(SendError::new(kind, self.1, "no")),
            }
        }

        async fn check(&self) -> Result<(), SendError> {
            self.send(&test_mail()).await.map(drop)
        }
    }

    fn failover(inner: Vec<Always>) -> Failover {
        Failover::new(
            inner
                .into_iter()
                .map(|always| Arc::new(always) as Arc<dyn Transport>)
                .collect(),
        )
    }

    #[tokio::test]
    async fn the_next_is_tried_only_when_one_is_unavailable() {
        let second = || Always(Ok("250 Ok"), "second");
        for (kind, expected) in [
            (Failure::Unavailable, Ok(Delivery::new("second", "250 Ok"))),
            (
                Failure::Transient,
                Err(SendError::new(Failure::Transient, "first", "no")),
            ),
            (
                Failure::Permanent,
                Err(SendError::new(Failure::Permanent, "first", "no")),
            ),
        ] {
            let failover = failover(vec![Always(Err(kind), "first"), second()]);
            assert_eq!(failover.send(&test_mail()).await, expected);
            assert_eq!(failover.check().await, Ok(()));
        }
    }

    #[tokio::test]
    async fn all_unavailable_tells_of_each() {
        let failover = failover(vec![
            Always(Err(Failure::Unavailable), "first"),
            Always(Err(Failure::Unavailable), "second"),
        ]);
        let error = SendError::new(Failure::Unavailable, NAME, "first: no; second: no");
        assert_eq!(failover.send(&test_mail()).await, Err(error.clone()));
        assert_eq!(failover.check().await, Err(error));
    }
}
