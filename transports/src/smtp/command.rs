//! The commands that announce a mail, and which reply each of them needs. How they are sent is in
//! `session.rs`, what a refusal means in `verdict.rs`.

use lettre::Address;

use super::{error::SmtpError, reply::Reply, verdict::Step};

/// `DATA` is answered with this (RFC 5321 §4.1.1.4).
const START_MAIL_INPUT: u16 = 354;

/// One line that the server answers.
pub(super) struct Command {
    pub step: Step,
    /// What it is about, for whoever reads that it failed.
    pub what: String,
    /// With its end.
    pub line: String,
}

impl Command {
    /// Forgets the mail that was announced last. What is refused here is refused for any mail.
    pub fn reset() -> Self {
        Self::new(Step::MailFrom, "RSET".to_owned(), "RSET\r\n".to_owned())
    }

    /// `parameters` begin with a space each.
    pub fn mail_from(sender: &str, parameters: &str) -> Self {
        let what = format!("the sender {sender}");
        let line = format!("MAIL FROM:<{sender}>{parameters}\r\n");
        Self::new(Step::MailFrom, what, line)
    }

    pub fn rcpt_to(address: &Address) -> Self {
        let what = format!("the recipient {address}");
        Self::new(Step::RcptTo, what, format!("RCPT TO:<{address}>\r\n"))
    }

    pub fn data() -> Self {
        Self::new(Step::Data, "DATA".to_owned(), "DATA\r\n".to_owned())
    }

    fn new(step: Step, what: String, line: String) -> Self {
        Self { step, what, line }
    }

    /// Whether the server does what it was told.
    pub fn judge(&self, reply: &Reply) -> Result<(), SmtpError> {
        let is_done = match self.step {
            Step::Data => reply.code == START_MAIL_INPUT,
            _ => reply.is_positive(),
        };
        match reply.code {
            _ if is_done && !reply.is_cut => Ok(()),
            400.. => Err(SmtpError::refused(self.step, &self.what, reply)),
            _ => Err(SmtpError::unexpected(&self.what, reply)),
        }
    }
}
