//! Prints what was measured, as a table in Markdown.

use std::time::Duration;

use crate::hashes::BareHashes;
use crate::measure::Cost;

/// How wide the first column is.
const NAME: usize = 28;

const COLUMNS: [&str; 6] = [
    "callers",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "CPU ms",
    "RSS MiB",
];

/// The table's head.
pub fn head() {
    row("operation", &COLUMNS.map(str::to_owned));
    let dashes = COLUMNS.map(|column| format!("{}:", "-".repeat(column.len() - 1)));
    row(&"-".repeat(3), &dashes);
}

/// What an operation costs.
pub fn cost(name: &str, cost: &Cost) {
    row(
        name,
        &[
            cost.callers.to_string(),
            per_second(cost.requests_per_second),
            milliseconds(cost.median),
            milliseconds(cost.slow),
            milliseconds(cost.processor),
            format!("{:.0}", cost.mebibytes),
        ],
    );
}

/// What a bare hash costs, with threads in the place of callers.
pub fn hashes(hashes: &BareHashes) {
    let none = || "–".to_owned();
    row(
        "argon2id alone, on threads",
        &[
            hashes.threads.to_string(),
            per_second(hashes.per_second),
            none(),
            none(),
            milliseconds(hashes.processor),
            none(),
        ],
    );
}

/// With three digits that mean something.
pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    let digits = match milliseconds {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{milliseconds:.digits$}")
}

fn per_second(number: f64) -> String {
    let digits = usize::from(number < 100.0);
    format!("{number:.digits$}")
}

fn row(name: &str, cells: &[String; 6]) {
    print!("| {name:<NAME$} |");
    for (cell, column) in cells.iter().zip(COLUMNS) {
        print!(" {cell:>width$} |", width = column.len());
    }
    println!();
}
