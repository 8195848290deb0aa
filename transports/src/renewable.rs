//! A transport that can be replaced while mails are sent, when its settings have changed.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{Delivery, Mail, SendError, Transport};

/// Hands each mail to the transport that is in use when its turn comes. A mail that is being sent when
/// another one takes its place is finished by the old one.
pub struct Renewable(RwLock<Arc<dyn Transport>>);

impl Renewable {
    /// Begins with that transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self(RwLock::new(transport))
    }

    /// Sends with that transport from now on.
    pub fn replace(&self, transport: Arc<dyn Transport>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = transport;
    }

    fn current(&self) -> Arc<dyn Transport> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Debug for Renewable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewable").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Transport for Renewable {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        self.current().send(mail).await
    }

    async fn check(&self) -> Result<(), SendError> {
        self.current().check().await
    }

    async fn check_sender(&self, from: &str) -> Result<Option<String>, SendError> {
        self.current().check_sender(from).await
    }
}
