//! What is fed with what strangers send, one file a target. libFuzzer feeds them by hand (`.ci/fuzz`),
//! and `cargo test` with the kept corpus (`replay.rs`).

pub mod address;
pub mod configuration;
pub mod cursor;
pub mod document;
pub mod request;
mod server;
pub mod smtp;
pub mod socket;
