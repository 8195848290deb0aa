//! HTTP: who asks, what is asked for, and how the answer travels.

mod client;
mod connections;
mod console;
mod cookie;
mod document;
mod email_files;
mod front_end;
mod graphql_over_http;
mod headers;
mod health;
mod identity;
mod metrics;
mod origins;
mod pages;
mod playground;
mod progress;
mod request_log;
mod routes;
pub mod serving;
mod trace_context;

pub use client::TrustedProxies;
pub use graphql_over_http::GraphqlEndpoint;
pub use identity::Identification;
pub use metrics::metrics_routes;
pub use origins::AllowedOrigins;
pub use routes::routes;
