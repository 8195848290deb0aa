//! Settings that take effect while the server runs: how e-mails leave, and the database's password.

use secrecy::{ExposeSecret, SecretString};
use transports::Registry;

use super::Server;
use crate::config::{Config, without_password};

impl Server {
    /// Goes by these settings from now on, as far as that is possible without a new start: the sections of
    /// the mail transports with their secrets and certificates, and the database's password. E-mails that
    /// are being sent, and connections that are open, are left as they are.
    ///
    /// # Errors
    ///
    /// Why the mail transport cannot be made from them, in a sentence; then nothing has changed.
    pub fn reload(&self, fresh: &Config, registry: &Registry) -> Result<(), String> {
        let in_force = &self.app.settings;
        let transport = registry
            .build(&in_force.mail.transport, &fresh.mail.transports)
            .map_err(|error| error.to_string())?;
        let (old, new) = (&in_force.database.url, &fresh.database.url);
        let address = |url: &SecretString| without_password(url.expose_secret());
        if address(old) == address(new) {
            self.app
                .db
                .renew_password(&fresh.database)
                .map_err(|error| error.to_string())?;
        }
        self.transport.replace(transport);
        Ok(())
    }
}
