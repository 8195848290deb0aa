//! When the server closes a WebSocket, and what it says then.
//!
//! A WebSocket holds one of the server's connections for as long as it is open. So it is closed where
//! its client does not introduce itself, does not respond to pings, is nobody who could watch
//! anything, or is so no longer.

use std::time::Duration;

use poem::web::websocket::Message;
use tokio::sync::SetOnce;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::domain::App;
use crate::domain::{Actor, sessions};

/// How long a WebSocket may go on after its session has ended.
const LOOKS_EVERY: Duration = Duration::from_secs(2);

/// Why a WebSocket is closed: by which code, and in which words. The protocol chose those from 4400
/// on; the others are of RFC 6455, section 7.4, and IANA's registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Close(u16, &'static str);

impl Close {
    const INITIALISATION_TIMEOUT: Self = Self(4408, "Connection initialisation timeout");
    const NOBODY: Self = Self(4401, "Unauthorized: sign in, and connect again");
    const SESSION_ENDED: Self = Self(
        4401,
        "Unauthorized: the session has ended; sign in, and connect again",
    );
    /// Clients connect again after it.
    const RESTART: Self = Self(1012, "The server stops; connect again");
    /// After these as well.
    pub(super) const TOO_MANY: Self = Self(1013, "Too many connections; try again later");
    pub(super) const FAILED: Self = Self(1013, "The server is at fault; try again later");
    pub(super) const FLOOD: Self = Self(1008, "Too many operations at once");

    /// The message that says so.
    pub(super) fn message(self) -> Message {
        Message::close_with(self.0, self.1)
    }

    /// What async-graphql closes with, in the protocol's numbers and with advice.
    pub(super) fn by_protocol(message: Message) -> Message {
        let Message::Close(Some((code, reason))) = &message else {
            return message;
        };
        match u16::from(*code) {
            4429 => Self(
                4429,
                "Too many initialisation requests: who asks is settled by the first one; connect again to be somebody else",
            )
            .message(),
            1011 if reason.starts_with("The handshake") => {
                Self(4401, "Unauthorized: send connection_init first").message()
            }
            1002 => Self(4400, "Invalid message received").message(),
            _ => message,
        }
    }
}

/// What decides how long a WebSocket stays open.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Who asks: known once the connection is initialised.
    pub(super) actor: SetOnce<Actor>,
    /// Why it is closed, where that is decided elsewhere.
    pub(super) close: SetOnce<Close>,
}

impl Life {
    /// Waits until the WebSocket is to be closed.
    pub(super) async fn ended(&self, app: &App) -> Close {
        tokio::select! {
            close = self.close.wait() => *close,
            () = app.stopping.cancelled() => Close::RESTART,
            close = self.useless(app) => close,
        }
    }

    /// Waits until nobody can watch anything on it.
    async fn useless(&self, app: &App) -> Close {
        let begun = Instant::now();
        let settings = &app.settings.server;
        let introduced = timeout_at(begun + settings.request_timeout, self.actor.wait()).await;
        let Ok(actor) = introduced else {
            return Close::INITIALISATION_TIMEOUT;
        };
        if actor.user_id().is_none() {
            sleep_until(begun + settings.idle_timeout).await;
            return Close::NOBODY;
        }
        loop {
            sleep(LOOKS_EVERY).await;
            // A database that does not respond for a moment ends no session.
            if let Ok(now) = sessions::refresh(app, actor).await
                && now.user_id().is_none()
            {
                return Close::SESSION_ENDED;
            }
        }
    }
}
