//! IDs: a UUIDv7 (RFC 9562) in a type of its own for each table, so that a role's ID can never be
//! passed to a function that wants a user's.
//!
//! How an ID looks to a client (`user_01h…`) is up to the API, see `graphql/ids.rs`.

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the typed IDs have in common.
pub trait Id: Copy + Eq + From<Uuid> + Into<Uuid> + Send + Sync + 'static {
    /// The type's name in the opaque ID that clients see, as TypeID defines it: `user` in
    /// `user_01h…`.
    const PREFIX: &'static str;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType, Serialize, Deserialize,
        )]
        pub struct $name(pub Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        /// Required by sea-orm of every primary key; a database never increments a UUID.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

ids! {
    /// ID of a [user](crate::user).
    UserId = "user";
    /// ID of a [role](crate::role).
    RoleId = "role";
    /// ID of an [invitation](crate::invitation).
    InvitationId = "invitation";
    /// ID of a [session](crate::session).
    SessionId = "session";
    /// ID of a [password reset](crate::password_reset).
    PasswordResetId = "reset";
    /// ID of a [request](crate::password_reset_request) for one.
    PasswordResetRequestId = "request";
    /// ID of an [e-mail](crate::email).
    EmailId = "email";
    /// ID of an [event](crate::event).
    EventId = "event";
    /// ID of an [attempt](crate::email_attempt) to send an e-mail.
    EmailAttemptId = "attempt";
}
