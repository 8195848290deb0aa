//! The server as a process of its own, and what it uses.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::database::FreshDatabase;
use crate::http::{Connection, request};
use crate::options::SharedOptions;

/// It has this long to start and to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// Nobody waits, and nothing is cut short: each guard does its work, and finds what it counts below its
/// limit.
const SETTINGS: &[&str] = &[
    "log.filter=warn",
    "graphql.timeout=10m",
    "server.request_timeout=11m",
    "throttle.account_attempts=1000000000",
    "throttle.account_attempts_in_all=1000000000",
    "throttle.client_attempts=1000000000",
    "throttle.emails_per_recipient=1000000000",
];

/// How the server is started.
pub struct Usher {
    binary: PathBuf,
    folder: PathBuf,
    settings: Vec<String>,
}

impl Usher {
    pub fn new(options: &SharedOptions, database: &FreshDatabase) -> Self {
        let default = || PathBuf::from(env!("CARGO_BIN_EXE_usher"));
        let binary = options.binary.clone().unwrap_or_else(default);
        let own = SETTINGS.iter().map(ToString::to_string);
        Self {
            binary: std::path::absolute(binary).unwrap(),
            folder: database.folder.path().to_owned(),
            settings: own
                .chain([format!("database.url={}", database.url)])
                .chain(options.set.iter().cloned())
                .collect(),
        }
    }

    /// Runs a command to its end, and returns what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the server, and waits for its first answer.
    pub async fn start(&self) -> Server {
        let address = free_address();
        let begun = Instant::now();
        let child = self
            .command()
            .args(["--set", &format!("server.bind={address}")])
            .args(["--set", "server.drain=0s"])
            .stdout(Stdio::null())
            .stderr(File::create(self.log()).unwrap())
            .spawn()
            .unwrap();
        let mut server = Server {
            child,
            log: self.log(),
            address,
            first_answer_after: Duration::ZERO,
        };
        let question = request("", "{ __typename }", &Value::Null);
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && connection.send(&question).await.is_ok()
            {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not answer");
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server has ended: {ended:?}");
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        server.first_answer_after = begun.elapsed();
        server
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).stdin(Stdio::null());
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command
    }
}

/// A running server, which ends with the benchmark.
pub struct Server {
    child: Child,
    /// What it writes on standard error.
    log: PathBuf,
    pub address: SocketAddr,
    pub first_answer_after: Duration,
}

impl Server {
    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self) {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(asked.success());
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "the server does not stop");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The processor time that it has used, its threads and the kernel on their behalf (proc(5)).
    pub fn processor_time(&self) -> Duration {
        processor_time(&self.child.id().to_string())
    }

    /// How much of its memory is resident, in MiB.
    pub fn resident_mebibytes(&self) -> f64 {
        self.kibibytes("VmRSS:") as f64 / 1024.0
    }

    /// How much of its memory is resident, in KiB. From here on the kernel notes how much that is at the most.
    pub fn begin_peak(&self) -> u64 {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(path, "5").unwrap();
        self.kibibytes("VmRSS:")
    }

    /// How much of its memory was resident at the most, in KiB.
    pub fn peak_kibibytes(&self) -> u64 {
        self.kibibytes("VmHWM:")
    }

    /// A line of what the kernel says of its memory (proc(5)).
    fn kibibytes(&self, name: &str) -> u64 {
        let status = read(&self.child.id().to_string(), "status");
        let line = status.lines().find(|line| line.starts_with(name));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
        kibibytes.unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("the server's log:\n{log}");
        }
        // It may have ended by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of a process, fields 14 and 15 of its `stat`, in hundredths of a second.
pub fn processor_time(process: &str) -> Duration {
    let stat = read(process, "stat");
    // The second field is the program's name, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    Duration::from_millis(
        10 * ticks
            .map(|ticks| ticks.parse::<u64>().unwrap())
            .sum::<u64>(),
    )
}

/// What the machine's first processor calls itself.
pub fn processor_model() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = information
        .lines()
        .find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": "));
    name.map_or("unknown", |(_, name)| name).to_owned()
}

fn read(process: &str, file: &str) -> String {
    let path = format!("/proc/{process}/{file}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{path}: {error}; this benchmark runs on Linux, whose kernel tells what a process uses"
        )
    })
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}
