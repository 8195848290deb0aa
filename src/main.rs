//! The binary: reads the command line, does what it says, and tells by its exit code how it went.

// The optimiser computes the layout of nested async blocks, and those of the routes nest deeply.
#![recursion_limit = "256"]
// They panic when nobody reads any more; `cli/output.rs` does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::Parser;

mod cli;

/// Many small answers are made and thrown away, and large hashing buffers kept: this allocator
/// gives the memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            if !usher::log::tell_of_failure(&problem) {
                for line in problem.lines() {
                    cli::eprint_line(&format!("usher: {line}"));
                }
            }
            ExitCode::FAILURE
        }
    }
}
