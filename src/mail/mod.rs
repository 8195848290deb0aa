//! Messages, and the worker that takes them from the queue to a transport.

pub mod messages;
pub mod worker;
