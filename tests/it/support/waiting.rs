//! Waiting, which always comes to an end: a test fails where what it waits for does not happen, and
//! says what was there instead.

use std::os::unix::process::ExitStatusExt;
use std::panic::Location;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use sea_orm::{EntityTrait, QueryOrder, QuerySelect};
use usher::domain::App;

/// How long a test waits for what takes a moment, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How many e-mails are told of, the newest.
const TOLD: u64 = 50;

/// What comes of that, which should be there within a moment.
#[track_caller]
pub fn within<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    or_tell(what, future, async || String::new())
}

/// The same for what needs the queue: in vain, it tells which e-mails there are.
#[track_caller]
pub fn within_queue<T>(
    app: &App,
    what: &str,
    future: impl Future<Output = T>,
) -> impl Future<Output = T> {
    or_tell(what, future, async || format!("\n{}", emails(app).await))
}

#[track_caller]
fn or_tell<T>(
    what: &str,
    future: impl Future<Output = T>,
    there: impl AsyncFnOnce() -> String,
) -> impl Future<Output = T> {
    let place = Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(came) => came,
            Err(_) => panic!("{place}: waited in vain for {what}{}", there().await),
        }
    }
}

/// The queue's e-mails and their states, a line each.
async fn emails(app: &App) -> String {
    let newest = entity::email::Entity::find()
        .order_by_desc(entity::email::Column::CreatedAt)
        .limit(TOLD);
    let found = app.db.find(app.db.read(), newest);
    let found = match tokio::time::timeout(PATIENCE / 4, found).await {
        Ok(Ok(found)) => found,
        problem => return format!("The queue cannot be read: {problem:?}"),
    };
    let lines = found.rows.iter().map(|email| {
        format!(
            "{:?} {} to {}, attempts: {}, last error: {}\n",
            email.status,
            email.kind,
            email.recipients,
            email.attempt_count,
            email.last_error.as_deref().unwrap_or("none"),
        )
    });
    let unreadable = found.unreadable.len();
    lines.collect::<String>() + &format!("and {unreadable} that cannot be read")
}

/// Kills a process that takes too long, so that whoever reads what it prints comes to the end of it.
/// Dropped, it lets the process be.
pub struct Watchdog {
    _called_off: mpsc::Sender<()>,
}

impl Watchdog {
    /// Watches over a process for as long as a test waits for anything.
    pub fn over(child: &Child) -> Self {
        let id = child.id().to_string();
        let (called_off, wait) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if wait.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let kill = Command::new("kill").args(["-KILL", &id]).status();
                kill.expect("there is `kill`");
            }
        });
        Self {
            _called_off: called_off,
        }
    }
}

/// How a process ends, and what it printed. One that does not end is killed, and fails the test.
#[track_caller]
pub fn end_of(child: Child) -> Output {
    const SIGKILL: i32 = 9;
    let in_time = Watchdog::over(&child);
    let output = child.wait_with_output().unwrap();
    drop(in_time);
    // Nobody but the watchdog kills it.
    assert_ne!(
        output.status.signal(),
        Some(SIGKILL),
        "it did not end in time: {output:?}"
    );
    output
}

/// Instead of `Command::output`, which waits as long as it takes.
pub trait Finish {
    /// Runs the command to its end; its input is empty, and its output is kept.
    fn finish(&mut self) -> Output;
}

impl Finish for Command {
    #[track_caller]
    fn finish(&mut self) -> Output {
        self.stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        end_of(self.spawn().unwrap())
    }
}
