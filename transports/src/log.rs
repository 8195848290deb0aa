//! The `log` transport: prints each mail through `tracing`, for a demo and for development. It
//! sends nothing to anybody; whoever reads the log can use the links.

use std::{fmt::Write as _, sync::Arc};

use serde::Deserialize;

use crate::{
    ConfigError, Context, Delivery, Mail, SendError, Transport, message,
    secrets::openly,
    text::{harmless, one_line},
};

/// How the transport is called in the configuration.
pub const NAME: &str = "log";

/// The width of the rules. Lines are never wrapped, so that a link can be copied.
const WIDTH: usize = 78;

/// `[mail.log]`: nothing to choose.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// Prints mails.
#[derive(Debug, Default)]
pub struct Log;

pub(crate) fn build(context: &Context<'_>) -> Result<Arc<dyn Transport>, ConfigError> {
    let Settings {} = context.settings()?;
    Ok(Arc::new(Log))
}

#[async_trait::async_trait]
impl Transport for Log {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        // What no mail server would take is refused here too: a demo shows what would happen.
        message::envelope(mail).map_err(|error| error.of(NAME))?;
        openly(|| tracing::info!(target: "usher::mail", "{}", boxed(mail)));
        Ok(Delivery::new(NAME, "written to the log"))
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }
}

/// The mail between two rules. There are no side walls: they would get into what is copied.
fn boxed(mail: &Mail) -> String {
    let line = |value: &str| harmless(&one_line(value));
    let mut out = String::with_capacity(mail.text.len() + 512);
    // Begins on a line of its own, below the time stamp and the level.
    let _ = writeln!(out, "\n{:─<WIDTH$}", "── e-mail ");
    let _ = writeln!(out, "From:    {}", line(&mail.from));
    let _ = writeln!(out, "To:      {}", line(&mail.to.join(", ")));
    let _ = writeln!(out, "Subject: {}\n", line(&mail.subject));
    let _ = writeln!(out, "{}", harmless(&mail.text).trim_end_matches('\n'));
    let _ = write!(out, "{:─<WIDTH$}", "");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_stands_alone() {
        let link = format!("https://example.com/?token={}", "x".repeat(100));
        let shown = boxed(&Mail {
            message_id: "<1@example.com>".into(),
            date: chrono::DateTime::UNIX_EPOCH,
            from: "Usher <no-reply@example.com>".into(),
            to: vec!["ada@example.com".into(), "Bob <bob@example.com>".into()],
            subject: "You are\r\ninvited\u{1b}[31m".into(),
            text: format!("Hello\r\n\r\n{link}\r\n\r\nBye\u{7}\n"),
            html: None,
            secrets: vec![],
        });
        let lines: Vec<&str> = shown.split('\n').collect();
        assert_eq!(lines[1].chars().count(), WIDTH);
        assert_eq!(
            lines[2..],
            [
                "From:    Usher <no-reply@example.com>",
                "To:      ada@example.com, Bob <bob@example.com>",
                "Subject: You are invited [31m",
                "",
                "Hello",
                "",
                &link,
                "",
                "Bye\\u{7}",
                &"─".repeat(WIDTH),
            ]
        );
    }
}
