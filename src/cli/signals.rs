//! What the operating system tells a server while it runs.

use std::io::{IsTerminal, stdin};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// What somebody wants of the server who sends it a signal, and the signal's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Stop, but let those who send it requests notice before.
    Drain(&'static str),
    /// Stop.
    Stop(&'static str),
    /// Read the settings again.
    Reload(&'static str),
    /// Nothing that the server knows; unless it listened, it would be killed.
    Unknown(&'static str),
}

/// What is wished for, as it comes.
pub struct Signals(BoxStream<'static, Wish>);

impl Signals {
    /// Listens from now on: no signal kills the process any more, but those that nobody can listen to and
    /// those that say that it has gone wrong itself.
    ///
    /// # Errors
    ///
    /// A sentence, where the system does not let it listen.
    pub fn listen() -> Result<Self, String> {
        // A terminal that is closed hangs up, and what runs in it ends.
        let hang_up = if stdin().is_terminal() {
            Wish::Stop("SIGHUP")
        } else {
            Wish::Reload("SIGHUP")
        };
        let raw = |signal: Signal| SignalKind::from_raw(signal.as_raw());
        let wishes = [
            (SignalKind::terminate(), Wish::Drain("SIGTERM")),
            (SignalKind::interrupt(), Wish::Stop("Ctrl-C")),
            (SignalKind::quit(), Wish::Stop("SIGQUIT")),
            (SignalKind::hangup(), hang_up),
            (SignalKind::user_defined1(), Wish::Unknown("SIGUSR1")),
            (SignalKind::user_defined2(), Wish::Unknown("SIGUSR2")),
            (SignalKind::alarm(), Wish::Unknown("SIGALRM")),
            (SignalKind::io(), Wish::Unknown("SIGIO")),
            (raw(Signal::VTALARM), Wish::Unknown("SIGVTALRM")),
            (raw(Signal::PROF), Wish::Unknown("SIGPROF")),
            // Limits of the system's, which then refuses what goes beyond them.
            (raw(Signal::XCPU), Wish::Unknown("SIGXCPU")),
            (raw(Signal::XFSZ), Wish::Unknown("SIGXFSZ")),
        ];
        let mut streams = Vec::new();
        for (kind, wish) in wishes {
            let signal =
                signal(kind).map_err(|error| format!("cannot listen for signals: {error}"))?;
            let wishes = stream::unfold(signal, move |mut signal| async move {
                signal.recv().await.map(|()| (wish, signal))
            });
            streams.push(wishes.boxed());
        }
        Ok(Self(stream::select_all(streams).boxed()))
    }

    /// The next wish.
    pub async fn next(&mut self) -> Wish {
        match self.0.next().await {
            Some(wish) => wish,
            // They last as long as the process.
            None => std::future::pending().await,
        }
    }

    /// The name of the next signal that stops the server.
    pub async fn stop(&mut self) -> &'static str {
        loop {
            if let Wish::Drain(signal) | Wish::Stop(signal) = self.next().await {
                return signal;
            }
        }
    }
}
