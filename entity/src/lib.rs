//! Usher's tables: one file per table, and the vocabulary that is stored in them.
//!
//! There are no rules here. What may be done with a row is in the server's `domain` module; how the
//! tables are created is in the `migration` crate, which must not use this one: an old migration
//! has to go on creating the tables of its day.

pub mod declared_permission;
pub mod device;
pub mod email;
pub mod email_attempt;
pub mod email_deletion;
pub mod email_queue;
pub mod event;
pub mod id;
pub mod idempotency_key;
pub mod invitation;
pub mod password_reset;
pub mod password_reset_request;
pub mod revision;
pub mod role;
pub mod role_permission;
pub mod session;
pub mod throttle;
pub mod timestamp;
pub mod token_hash;
pub mod user;
pub mod user_role;

pub use id::{
    EmailAttemptId, EmailId, EventId, InvitationId, PasswordResetId, PasswordResetRequestId,
    RoleId, SessionId, UserId,
};
pub use timestamp::{TimeOrNever, Timestamp};
pub use token_hash::TokenHash;
