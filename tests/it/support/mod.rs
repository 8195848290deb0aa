//! A server of its own for each test, and people who use it.

mod binary;
mod browser;
mod client;
mod database;
pub mod documents;
mod inbox;
mod leaks;
mod proxy;
mod server;
mod socket;
mod waiting;

pub use binary::Binary;
pub use browser::{Browser, PROXY};
pub use client::{Answer, Client, Event, Events, ids};
pub use database::{TestDatabase, dump, skipped};
pub use inbox::{link_in, token_in};
pub use leaks::{errors_about, leaks_in};
pub use proxy::{Network, Proxy};
pub use server::{APPLICATIONS, PASSWORD, TestServer};
pub use socket::{Said, Socket};
pub use waiting::{Finish, PATIENCE, Watchdog, end_of, within};
