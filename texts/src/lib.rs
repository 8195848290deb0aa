//! Texts that people type and others read: e-mail addresses, which characters nobody sees, and when
//! two texts are the same.
//!
//! Nothing here knows who asks: the domain reads input with it, the configuration its settings, and
//! the transports the addresses that they send to.

mod email_address;
mod folding;
pub mod invisible;
pub mod local_part;
pub mod web_address;

pub use email_address::{EmailAddress, NotAnAddress};
pub use folding::fold;
