//! The command line: what can be said to the binary, and a file for each command that takes more
//! than a line. A command returns the sentences that belong on standard error when it fails.

mod arguments;
mod backup;
mod config;
mod copy;
mod demo;
mod doctor;
mod erase;
mod healthcheck;
mod invite;
mod invite_administrator;
mod output;
mod queue;
mod reload;
mod reset_password;
mod restore;
mod run;
mod send_test_email;
mod serve;
mod signals;

pub use arguments::Arguments;
pub use output::eprint_line;
pub use run::run;
