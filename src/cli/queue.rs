//! `usher queue`: the e-mail queue as whoever has the database at hand sees it, stops it, and has it go on.
//! It works beside a running server, which looks at the queue every `mail.queue.poll_interval`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use entity::Timestamp;
use humantime_serde::re::humantime::format_duration;
use serde_json::json;
use usher::config::Config;
use usher::domain::{Actor, App, Error, emails, users};
use usher::server;

use super::arguments::QueueCommand;
use super::output::{print, print_line};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is due for so long is not just about to be sent.
const LONG: Duration = Duration::from_secs(60);

/// Shows or changes the queue.
pub async fn run(settings: Config, command: QueueCommand) -> Result<(), String> {
    let app = server::open_existing(settings)
        .await
        .map_err(|error| error.to_string())?;
    let failed = |error: Error| format!("database: {}", error.explained());
    match command {
        QueueCommand::Status { json } => {
            let status = Status::load(&app).await.map_err(failed)?;
            print(&if json { status.json() } else { status.text() })
        }
        QueueCommand::Pause => {
            emails::pause(&app, &Actor::server())
                .await
                .map_err(failed)?;
            print_line("The e-mail queue is paused. E-mails that are being sent are finished.")
        }
        QueueCommand::Resume => {
            emails::resume(&app, &Actor::server())
                .await
                .map_err(failed)?;
            let poll = app.settings.mail.queue.poll_interval;
            print_line(&format!(
                "The e-mail queue is running. A server that runs goes on within {}.",
                format_duration(poll)
            ))
        }
    }
}

/// The queue at this moment.
pub(super) struct Status {
    now: Timestamp,
    transport: String,
    pub(super) paused: Option<Paused>,
    pub(super) unavailable: Option<Unavailable>,
    counts: Vec<(&'static str, u64)>,
    pub(super) oldest: Option<Oldest>,
    /// How many e-mails have failed on the last day.
    pub(super) failed_today: u64,
}

pub(super) struct Paused {
    pub(super) since: Timestamp,
    /// A user's e-mail address, unless it was somebody at the command line, or the user is gone.
    pub(super) by: Option<String>,
}

pub(super) struct Unavailable {
    pub(super) since: Timestamp,
    pub(super) next_try: Option<Timestamp>,
    pub(super) said: String,
}

/// The e-mail that has been due for longest.
pub(super) struct Oldest {
    pub(super) since: Timestamp,
    to: String,
}

impl Status {
    /// Asks the database.
    pub(super) async fn load(app: &Arc<App>) -> Result<Self, Error> {
        let now = app.clock.now();
        let state = emails::queue_state(app, app.db.read()).await?;
        let by = match state.paused_by {
            Some(id) => users::find(app, id).await?.map(|user| user.row.email),
            None => None,
        };
        let oldest = match emails::oldest_due(app).await? {
            Some(oldest) => emails::recipients_of(app, &oldest).await?.map(|to| Oldest {
                since: oldest.since,
                to: to.replace('\n', ", "),
            }),
            None => None,
        };
        let counts = emails::counts(app).await?.into_iter();
        Ok(Self {
            now,
            transport: app.settings.mail.transport.clone(),
            paused: state.paused_at.map(|since| Paused { since, by }),
            unavailable: state.transport_failed_at.map(|since| Unavailable {
                since,
                next_try: state.transport_retry_at,
                said: state.transport_error.unwrap_or_default(),
            }),
            counts: counts
                .map(|(status, count)| (status.name(), count))
                .collect(),
            oldest,
            failed_today: emails::failed_since(app, now.before(DAY)).await?,
        })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:<12} {value}");
        };
        match &self.paused {
            Some(paused) => {
                let by = paused.by.as_deref().unwrap_or("somebody at the command line, by a restored backup, or by a user who has been deleted");
                line(
                    "queue",
                    &format!("paused since {}, by {by}", self.ago(paused.since)),
                );
            }
            None => line("queue", "running"),
        }
        match &self.unavailable {
            Some(away) => {
                line(
                    "transport",
                    &format!(
                        "{}, unavailable since {}",
                        self.transport,
                        self.ago(away.since)
                    ),
                );
                line("", &away.said.replace('\n', " "));
                if let Some(next) = away.next_try {
                    line("next try", &self.due(next));
                }
            }
            None => line("transport", &format!("{}, available", self.transport)),
        }
        for (status, count) in &self.counts {
            line(status, &count.to_string());
        }
        match &self.oldest {
            Some(oldest) => line(
                "oldest due",
                &format!("to {}, since {}", oldest.to, self.ago(oldest.since)),
            ),
            None => line("oldest due", "none"),
        }
        text
    }

    fn json(&self) -> String {
        let time = |time: Timestamp| {
            time.to_utc()
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        };
        let counts: serde_json::Map<_, _> = self
            .counts
            .iter()
            .map(|(status, count)| ((*status).to_owned(), json!(count)))
            .collect();
        let status = json!({
            "paused": self.paused.as_ref().map(|paused| json!({
                "since": time(paused.since), "by": paused.by,
            })),
            "transport": {
                "name": self.transport,
                "unavailable": self.unavailable.as_ref().map(|away| json!({
                    "since": time(away.since), "nextTry": away.next_try.map(time), "said": away.said,
                })),
            },
            "counts": counts,
            "oldestDue": self.oldest.as_ref().map(|oldest| json!({
                "to": oldest.to, "since": time(oldest.since),
            })),
        });
        format!("{status:#}\n")
    }

    /// Whether an e-mail waits for longer than one that is on its way.
    pub(super) fn has_waited_long(&self, oldest: &Oldest) -> bool {
        self.now.since(oldest.since) >= LONG
    }

    /// A time in the past, and how long ago that is.
    pub(super) fn ago(&self, time: Timestamp) -> String {
        let ago = self.now.since(time).as_secs();
        let at = time.to_utc().format("%Y-%m-%d %H:%M:%S UTC");
        format!("{at} ({} ago)", format_duration(Duration::from_secs(ago)))
    }

    /// A time to come, or that has come already.
    fn due(&self, time: Timestamp) -> String {
        let at = time.to_utc().format("%Y-%m-%d %H:%M:%S UTC");
        match time.since(self.now).as_secs() {
            0 => "now".to_owned(),
            seconds => format!(
                "{at} (in {})",
                format_duration(Duration::from_secs(seconds))
            ),
        }
    }
}
