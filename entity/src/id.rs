//! Primary keys: a UUIDv7 (RFC 9562) in a type of its own for each table, so that a role's key can
//! never be handed to a function that wants a user's.
//!
//! How a key looks to a client (`user_01h…`) is the API's affair and stands in `graphql/ids.rs`.

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the typed keys have in common.
pub trait Id: Copy + Eq + From<Uuid> + Into<Uuid> + Send + Sync + 'static {
    /// The type's name in an opaque API identifier, as TypeID defines it: `user` in `user_01h…`.
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

        /// Asked for by sea-orm of every primary key; a UUID is never counted up by a database.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

ids! {
    /// Key of a [user](crate::user).
    UserId = "user";
    /// Key of a [role](crate::role).
    RoleId = "role";
    /// Key of an [invitation](crate::invitation).
    InvitationId = "invitation";
    /// Key of a [session](crate::session).
    SessionId = "session";
    /// Key of a [password reset](crate::password_reset).
    PasswordResetId = "reset";
    /// Key of a [request](crate::password_reset_request) for one.
    PasswordResetRequestId = "request";
    /// Key of a queued [e-mail](crate::email).
    EmailId = "email";
    /// Key of an [event](crate::event).
    EventId = "event";
    /// Key of an [attempt](crate::email_attempt) to send an e-mail.
    EmailAttemptId = "attempt";
}
