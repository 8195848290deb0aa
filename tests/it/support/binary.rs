//! The built binary, as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use super::waiting::{Finish, Watchdog};

/// A running server, which ends with the test.
pub struct Binary {
    child: Child,
    /// What it writes into its log, until it ends.
    log: Option<JoinHandle<String>>,
    pub url: String,
}

impl Binary {
    /// Starts it in that folder, at a free port.
    pub fn start(folder: &Path, settings: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.current_dir(folder);
        for setting in [&["server.bind=127.0.0.1:0"], settings].concat() {
            command.args(["--set", setting]);
        }
        Self::spawn(command)
    }

    /// Starts it by that command, and waits until it listens.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            stderr.read_to_end(&mut log).unwrap();
            String::from_utf8_lossy(&log).into_owned()
        });
        let in_time = Watchdog::over(&child);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = lines.find_map(|line| {
            let line = line.unwrap();
            line.contains("Listening")
                .then(|| line.split_whitespace().last().unwrap().to_owned())
        });
        drop(in_time);
        let Some(listening) = listening else {
            panic!("it did not start: {}", log.join().unwrap());
        };
        // Whoever closes the pipe would end the server's next print.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            log: Some(log),
            url: format!("http://{}", listening),
        }
    }

    /// What it says on standard error when it does not start with that setting.
    pub fn complaint(folder: &Path, setting: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.current_dir(folder);
        for setting in ["server.bind=127.0.0.1:0", setting] {
            command.args(["--set", setting]);
        }
        let output = command.finish();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kilobytes of memory: `VmRSS:` now, `VmHWM:` at the most.
    pub fn memory(&self, what: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Asks it to stop, waits until it has, and returns its log.
    pub fn stop(mut self) -> String {
        let _in_time = Watchdog::over(&self.child);
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        let status = self.child.wait().unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        assert!(status.success(), "it did not stop by itself: {log}");
        log
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // It may have ended by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
