//! The built binary, as a process of its own.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use super::waiting::{Finish, Watchdog, within};

/// A process of the server's, which ends with the test.
pub struct Process {
    child: Child,
    /// What it has written into its log.
    log: watch::Receiver<String>,
    /// Reads the log, until it ends.
    reading: Option<JoinHandle<()>>,
}

/// A server that has begun to start.
pub struct Start {
    process: Process,
    listening: Option<oneshot::Receiver<Option<Addresses>>>,
}

/// Where a server is found.
struct Addresses {
    /// By clients.
    listening: String,
    /// By operators, if it is.
    metrics: Option<String>,
}

/// A running server, which ends with the test.
pub struct Binary {
    process: Process,
    pub url: String,
    /// Where operators find it, if `metrics.bind` says so.
    pub metrics: Option<String>,
}

impl Process {
    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, signal: &str) {
        let (signal, id) = (format!("-{signal}"), self.child.id().to_string());
        let sent = Command::new("kill").args([&signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until that is in its log, and returns the first line with it.
    pub async fn logs(&self, part: &str) -> String {
        let mut log = self.log.clone();
        let what = format!("{part:?} in the log");
        let there = log.wait_for(|log| log.contains(part));
        let Ok(log) = within(&what, there).await else {
            panic!("the log has ended: {}", self.log.borrow().as_str());
        };
        log.lines().find(|line| line.contains(part)).unwrap().into()
    }

    /// Waits for its end, and returns its log.
    fn ended(mut self) -> String {
        let _in_time = Watchdog::over(&self.child);
        let status = self.child.wait().unwrap();
        self.reading.take().unwrap().join().unwrap();
        let log = self.log.borrow().clone();
        assert!(status.success(), "it did not stop by itself: {log}");
        log
    }
}

impl Deref for Start {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Deref for Binary {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Start {
    /// Waits for its end, and returns its log.
    pub fn ended(self) -> String {
        self.process.ended()
    }

    /// Waits until it listens.
    pub async fn listens(mut self) -> Binary {
        let address = self.listening.take().unwrap().await.unwrap();
        self.running(address)
    }

    fn running(self, addresses: Option<Addresses>) -> Binary {
        let Some(addresses) = addresses else {
            panic!("it did not start: {}", self.process.log.borrow().as_str());
        };
        Binary {
            process: self.process,
            url: format!("http://{}", addresses.listening),
            metrics: addresses.metrics,
        }
    }
}

impl Binary {
    /// Starts it in that folder, at a free port.
    pub fn start(folder: &Path, settings: &[&str]) -> Self {
        Self::wait_for(Self::begin(folder, settings))
    }

    /// The same, without waiting until it listens.
    pub fn begin(folder: &Path, settings: &[&str]) -> Start {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.current_dir(folder);
        for setting in [&["server.bind=127.0.0.1:0", "server.drain=0s"], settings].concat() {
            command.args(["--set", setting]);
        }
        Self::begin_by(command)
    }

    /// Starts it by that command, and waits until it listens.
    pub fn spawn(command: Command) -> Self {
        Self::wait_for(Self::begin_by(command))
    }

    /// Starts it by that command, without waiting for anything.
    pub fn begin_by(mut command: Command) -> Start {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (written, log) = watch::channel(String::new());
        let reading = std::thread::spawn(move || {
            for line in stderr.split(b'\n') {
                let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
                written.send_modify(|log| {
                    log.push_str(&line);
                    log.push('\n');
                });
            }
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (told, listening) = oneshot::channel();
        std::thread::spawn(move || {
            let mut metrics = None;
            let addresses = lines.find_map(|line| {
                let line = line.unwrap();
                let last = line.split_whitespace().last().map(str::to_owned);
                if line.contains("Metrics") {
                    metrics = last.as_ref()?.strip_suffix("/metrics").map(str::to_owned);
                }
                let listening = last.filter(|_| line.contains("Listening"))?;
                let metrics = metrics.take();
                Some(Addresses { listening, metrics })
            });
            let _ = told.send(addresses);
            // Whoever closes the pipe would end the server's next print.
            lines.for_each(drop);
        });
        Start {
            process: Process {
                child,
                log,
                reading: Some(reading),
            },
            listening: Some(listening),
        }
    }

    /// Waits until it listens, or has ended.
    fn wait_for(mut start: Start) -> Self {
        let in_time = Watchdog::over(&start.process.child);
        let listening = start.listening.take().unwrap();
        let address = std::thread::spawn(|| listening.blocking_recv().unwrap());
        let address = address.join().unwrap();
        drop(in_time);
        if address.is_none() {
            start.process.reading.take().unwrap().join().unwrap();
        }
        start.running(address)
    }

    /// What it says on standard error when it does not start with that setting.
    pub fn complaint(folder: &Path, setting: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.current_dir(folder);
        for setting in ["server.bind=127.0.0.1:0", "database.wait=0s", setting] {
            command.args(["--set", setting]);
        }
        let output = command.finish();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Kilobytes of memory: `VmRSS:` now, `VmHWM:` at the most.
    pub fn memory(&self, what: &str) -> u64 {
        let status = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Waits for its end, and returns its log.
    pub fn ended(self) -> String {
        self.process.ended()
    }

    /// Asks it to stop, waits until it has, and returns its log.
    pub fn stop(self) -> String {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
