//! What Usher's operations cost, at any size and on any database. See docs/performance.md.
//!
//! `cargo bench --bench performance` builds the binary, fills a fresh database, starts the server on
//! it, drives each operation over kept connections, and checks every answer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot run has failed"
)]

mod chart;
mod check;
mod database;
mod fill;
mod growth;
mod hashes;
mod http;
mod many;
mod measure;
mod memory;
mod operations;
mod options;
mod server;
mod table;
mod world;

use std::cell::Cell;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::measure::Driver;
use crate::options::{GrowthOptions, Mode, Options};
use crate::world::World;

// One thread for all callers: they share the processor with the server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    match &options.mode {
        None | Some(Mode::Operations) => operations(&options).await,
        Some(Mode::Growth(growth)) => grow(&options, growth).await,
        Some(Mode::Memory(memory)) => memory::measure(&options.shared, memory).await,
        Some(Mode::Many(many)) => many::measure(&options.shared, many).await,
        Some(Mode::Check(check)) => return check::run(&options.shared, check).await,
    }
    ExitCode::SUCCESS
}

async fn grow(options: &Options, growth: &GrowthOptions) {
    let (growths, database) = growth::measure(&options.shared, &growth.sizes, growth.work).await;
    if let Some(folder) = &growth.chart {
        chart::write(folder, database, &growth.sizes, &growths);
    }
}

/// Each operation, with each number of callers.
async fn operations(options: &Options) {
    let world = World::make(&options.shared, options.shared.users).await;
    introduce(&world);
    let seconds = options.operations.seconds;
    let operations = operations::all(&world, |name| options.shared.wants(name)).await;
    let next = Cell::new(0);
    table::head();
    for operation in &operations {
        for &callers in &options.operations.callers {
            let mut driver = Driver::new(&world.server, operation, callers, &next).await;
            let cost = driver.measure(seconds).await;
            table::cost(&operation.name, &cost);
        }
        if operation.name == "signIn" {
            bare_hashes(seconds);
        }
    }
    world.end().await;
}

/// Hashes on one thread, and on as many as the server has.
fn bare_hashes(time: Duration) {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [1, all] {
        table::hashes(&hashes::measure(threads, time));
    }
}

/// What is measured, on what.
fn introduce(world: &World) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{}", world.usher.run(&["--version"]).trim());
    println!("{}", world.version);
    println!("{cores} cores: {}", server::processor_model());
    println!(
        "{} users, and as many invitations, e-mails and events, made in {:.1} s",
        growth::thousands(world.users),
        world.filled_in.as_secs_f64(),
    );
    println!(
        "first answer {} ms after the start\n",
        table::milliseconds(world.server.first_answer_after)
    );
}
