//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, value_parser};

/// Measures Usher: starts the server on a fresh database, fills it, and drives operations over kept
/// connections. Every answer is checked. Processor time is that of the server's process alone.
#[derive(Parser)]
#[command(name = "performance", max_term_width = 100)]
pub struct Options {
    #[command(subcommand)]
    pub mode: Option<Mode>,

    #[command(flatten)]
    pub operations: OperationsOptions,

    #[command(flatten)]
    pub shared: SharedOptions,
}

/// What is measured.
#[derive(Subcommand)]
pub enum Mode {
    /// Each operation, with one caller and with many (the default)
    Operations,
    /// How costs grow with the number of rows: every filter and order of every list, and counts
    Growth(GrowthOptions),
    /// How fast the server starts, and its memory: idle, after many requests, after many sign-ins
    Memory(MemoryOptions),
    /// Inviting 500 people with one request, while others write
    Many(ManyOptions),
    /// Whether an operation costs more than it did, in comparison with another one of the same run
    Check(CheckOptions),
}

/// How growth is measured.
#[derive(Args)]
pub struct GrowthOptions {
    /// How many rows there are of each kind, in the place of --users
    #[arg(long, value_name = "N", value_delimiter = ',', num_args = 1.., default_values_t = [10_000, 1_000_000])]
    pub sizes: Vec<u64>,

    /// Draw a chart into this folder, such as docs/images
    #[arg(long, value_name = "FOLDER")]
    pub chart: Option<PathBuf>,

    /// For how long the server works at each query
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds)]
    pub work: Duration,
}

/// How memory is measured.
#[derive(Args)]
pub struct MemoryOptions {
    /// How many requests are sent, by 32 callers
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub requests: u64,

    /// How many times somebody signs in after that: about 20 ms each
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub sign_ins: u64,
}

/// How many are invited.
#[derive(Args)]
pub struct ManyOptions {
    /// How many times 500 people are invited
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub rounds: usize,

    /// Whether each request has an idempotency key
    #[arg(long)]
    pub keyed: bool,
}

/// What becomes of the ratios.
#[derive(Args)]
pub struct CheckOptions {
    /// Record them, instead of comparing them with what is recorded
    #[arg(long)]
    pub record: bool,
}

/// How the operations are measured.
#[derive(Args)]
pub struct OperationsOptions {
    /// How many callers send requests at the same time; may be repeated
    #[arg(long, global = true, value_name = "N", value_delimiter = ',', default_values_t = [1, 32])]
    pub callers: Vec<usize>,

    /// For how long each operation is measured
    #[arg(long, global = true, value_name = "SECONDS", default_value = "4", value_parser = seconds)]
    pub seconds: Duration,
}

/// What all modes have in common.
#[derive(Args)]
pub struct SharedOptions {
    /// A server on which a database of its own is made, and dropped at the end: postgres://… or
    /// mysql://…; SQLite in a temporary folder if it is not given
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,

    /// How many users there are; and as many invitations, e-mails and events
    #[arg(long, global = true, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u64).range(2_000..))]
    pub users: u64,

    /// The binary to measure [default: the one that is built with the benchmark]
    #[arg(long, global = true, value_name = "PATH")]
    pub binary: Option<PathBuf>,

    /// Measure only operations whose name contains this; may be repeated
    #[arg(long, global = true, value_name = "NAME")]
    pub only: Vec<String>,

    /// Set a configuration key of the server, such as database.max_connections=2; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// What `cargo bench` says to every benchmark
    #[arg(long, global = true, hide = true)]
    pub bench: bool,
}

impl SharedOptions {
    /// Whether an operation of that name is to be measured.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.contains(only.as_str()))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
