//! A server like `usher`, with one more transport.

use std::process::ExitCode;

use transports::Registry;
use usher::config::Layers;
use usher::server::Server;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Layers {
        file: None,
        environment: std::env::vars_os().collect(),
        command_line: Vec::new(),
    }
    .load()?;
    tracing_subscriber::fmt().init();

    let mut registry = Registry::builtin();
    http_transport::register(&mut registry);
    let server = Server::start(settings, &registry).await?;
    println!("Listening on {}", server.address);

    tokio::signal::ctrl_c().await?;
    server.stop();
    server.stopped().await;
    Ok(())
}
