//! A transport that keeps what it is handed, for tests to read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, mpsc};
use transports::{Delivery, Failure, Mail, Registry, SendError, Transport};
use usher::domain::App;

use super::waiting::within_queue;

/// What the server has sent, in the order of its sending.
#[derive(Clone)]
pub struct Inbox {
    received: Arc<Mutex<mpsc::UnboundedReceiver<Mail>>>,
    sender: mpsc::UnboundedSender<Mail>,
    refusal: Arc<std::sync::Mutex<Option<Refusal>>>,
    /// Closed: every mail waits in the middle of its sending.
    gate: Arc<tokio::sync::watch::Sender<bool>>,
    /// To addresses that contain this, no mail is ever sent to its end.
    hangs: Arc<std::sync::Mutex<Option<&'static str>>>,
    /// Whether each mail has an answer of its own.
    quotes_ids: Arc<AtomicBool>,
    /// Whose mails these are: they tell what became of one that does not come.
    app: Option<Arc<App>>,
}

/// How mails are refused.
#[derive(Clone, Copy)]
struct Refusal {
    failure: Failure,
    /// Part of the recipients' addresses.
    to: &'static str,
    /// Whether the refusal quotes the mail's link.
    quotes: bool,
}

impl Inbox {
    pub fn new() -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        Self {
            received: Arc::new(Mutex::new(received)),
            sender,
            refusal: Arc::default(),
            gate: Arc::new(tokio::sync::watch::Sender::new(true)),
            hangs: Arc::default(),
            quotes_ids: Arc::default(),
            app: None,
        }
    }

    /// The same inbox, for whoever reads it.
    pub fn of(self, app: Arc<App>) -> Self {
        Self {
            app: Some(app),
            ..self
        }
    }

    /// The built-in transports, and `inbox`, which delivers here.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::builtin();
        let inbox = self.clone();
        registry.register("inbox", move |_| Ok(Arc::new(inbox.clone())));
        registry
    }

    /// The next mail, which is waited for; not for ever, since it may have been lost.
    pub async fn next(&self) -> Mail {
        let next = async { self.received.lock().await.recv().await.unwrap() };
        let app = self.app.as_ref().unwrap();
        within_queue(app, "a further e-mail", next).await
    }

    /// The mails that have come and were not read yet, without waiting for more.
    pub async fn arrived(&self) -> Vec<Mail> {
        let mut received = self.received.lock().await;
        std::iter::from_fn(|| received.try_recv().ok()).collect()
    }

    /// From now on, mails wait in the middle of their sending; or go on.
    pub fn open_gate(&self, open: bool) {
        self.gate.send_replace(open);
    }

    /// From now on, mails to addresses that contain this are never sent to their end.
    pub fn hang_to(&self, to: &'static str) {
        *self.hangs.lock().unwrap() = Some(to);
    }

    /// From now on, the answer to each mail says which it is.
    pub fn quote_ids(&self) {
        self.quotes_ids.store(true, Ordering::SeqCst);
    }

    /// From now on, every mail is refused like this; or none any more.
    pub fn refuse(&self, failure: Option<Failure>) {
        *self.refusal.lock().unwrap() = failure.map(|failure| Refusal {
            failure,
            to: "",
            quotes: false,
        });
    }

    /// From now on, mails to addresses that contain this are refused for now.
    pub fn refuse_to(&self, to: &'static str) {
        *self.refusal.lock().unwrap() = Some(Refusal {
            failure: Failure::Transient,
            to,
            quotes: false,
        });
    }

    /// From now on, the transport is unavailable for mails to addresses that contain this.
    pub fn unavailable_to(&self, to: &'static str) {
        *self.refusal.lock().unwrap() = Some(Refusal {
            failure: Failure::Unavailable,
            to,
            quotes: false,
        });
    }

    /// From now on, every mail is refused for the link in it, which the refusal quotes.
    pub fn refuse_links(&self) {
        *self.refusal.lock().unwrap() = Some(Refusal {
            failure: Failure::Permanent,
            to: "",
            quotes: true,
        });
    }
}

#[async_trait::async_trait]
impl Transport for Inbox {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        let hangs = *self.hangs.lock().unwrap();
        if hangs.is_some_and(|to| mail.to.iter().any(|address| address.contains(to))) {
            std::future::pending::<()>().await;
        }
        let mut gate = self.gate.subscribe();
        gate.wait_for(|open| *open).await.unwrap();
        let refusal = *self.refusal.lock().unwrap();
        if let Some(Refusal {
            failure,
            to,
            quotes,
        }) = refusal
            && mail.to.iter().any(|address| address.contains(to))
        {
            let response = if quotes {
                format!("554 5.7.1 blocked: {} ({})", link_in(mail), token_in(mail))
            } else {
                "550 5.1.1 no such user".to_owned()
            };
            return Err(SendError::new(failure, "inbox", response));
        }
        // A test that has ended reads no more.
        let _ = self.sender.send(mail.clone());
        let answer = if self.quotes_ids.load(Ordering::SeqCst) {
            format!("250 2.0.0 kept {}", mail.message_id)
        } else {
            "250 2.0.0 kept".to_owned()
        };
        Ok(Delivery::new("inbox", answer))
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }
}

/// The link in an e-mail, which stands on a line of its own.
pub fn link_in(mail: &Mail) -> String {
    let is_link = |line: &&str| line.starts_with("http");
    mail.text.lines().find(is_link).unwrap().to_owned()
}

/// The token in an e-mail's link.
pub fn token_in(mail: &Mail) -> String {
    let link = link_in(mail);
    link.split_once("token=").unwrap().1.to_owned()
}
