//! The sender of all e-mails, read once.

use serde::Deserialize;

/// `mail.from`: a mailbox (RFC 5322, section 3.4).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Sender {
    mailbox: String,
    domain: Option<String>,
}

impl From<String> for Sender {
    fn from(written: String) -> Self {
        let mailbox = written.trim().to_owned();
        let domain = transports::domain_of(&mailbox);
        Self { mailbox, domain }
    }
}

impl Sender {
    /// As it was written, without blanks around it.
    pub fn mailbox(&self) -> &str {
        &self.mailbox
    }

    /// The domain of its address, in ASCII; none, if it is no mailbox.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }
}
