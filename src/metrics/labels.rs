//! The values of labels. All of them are known beforehand, so that each counter stands at 0 from the start;
//! none is anything that a client could choose.

use std::fmt::{Error, Write};

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// Values of a label.
pub trait Label: Copy + 'static {
    /// All that there are.
    const ALL: &'static [Self];
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$value_doc])* $value,)+
        }

        impl $name {
            /// As operators read it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }
        }

        impl Label for $name {
            const ALL: &'static [Self] = &[$(Self::$value),+];
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), Error> {
                encoder.write_str(self.as_str())
            }
        }
    )+};
}

labels! {
    /// What answers a request.
    Handler {
        /// `/graphql`
        GraphQl = "graphql",
        /// The hosted pages, what they are made of, and any path that is none.
        Pages = "pages",
        /// `/playground`
        Playground = "playground",
        /// `/emails/{id}.eml`
        EmailFiles = "email_files",
        /// `/healthz` and `/readyz`
        Health = "health",
        /// `/metrics`
        Metrics = "metrics",
    }

    /// What a response's status says.
    StatusClass {
        /// A WebSocket has begun.
        Informational = "1xx",
        /// It went well.
        Successful = "2xx",
        /// Go elsewhere.
        Redirection = "3xx",
        /// The client is at fault.
        ClientError = "4xx",
        /// The server is at fault.
        ServerError = "5xx",
        /// There was no response: the client has gone, or was too slow.
        None = "none",
    }

    /// What a request waited for when its time ran out.
    Stage {
        /// The rest of its first line and headers.
        Head = "head",
        /// The rest of its body.
        Body = "body",
        /// Who sends it, which the database knows.
        Session = "session",
        /// What the operation is to come to.
        Execution = "execution",
        /// The client, which does not take the response.
        Response = "response",
    }

    /// Which kind of operation was asked for.
    Operation {
        /// A query.
        Query = "query",
        /// A mutation.
        Mutation = "mutation",
        /// A subscription.
        Subscription = "subscription",
        /// It never became clear which.
        None = "none",
    }

    /// What became of an operation.
    Outcome {
        /// It was executed without an error.
        Succeeded = "succeeded",
        /// It was executed, and there were errors.
        Failed = "failed",
        /// It was not executed.
        Refused = "refused",
        /// Its time ran out.
        TimedOut = "timed_out",
        /// Its client has gone.
        Aborted = "aborted",
    }

    /// What is held open for as long as its client wants.
    Stream {
        /// A WebSocket.
        WebSocket = "websocket",
        /// Server-Sent Events.
        EventStream = "event_stream",
    }

    /// What became of a sign-in.
    SignIn {
        /// A session has begun.
        Succeeded = "succeeded",
        /// Address or password is wrong.
        Failed = "failed",
        /// There were too many attempts.
        Throttled = "throttled",
        /// Too many passwords wait to be hashed.
        Busy = "busy",
        /// The server or its database is at fault.
        Error = "error",
    }

    /// What somebody has done too often.
    Throttled {
        /// Guessing a password.
        Password = "password",
        /// Asking for a password reset.
        PasswordReset = "password_reset",
        /// Having e-mails sent to one address.
        Email = "email",
        /// Changing their own account.
        OwnChange = "own_change",
    }

    /// What became of an attempt to send an e-mail.
    Attempt {
        /// The transport has taken it.
        Delivered = "delivered",
        /// Not now; perhaps later.
        Transient = "transient",
        /// Never.
        Permanent = "permanent",
        /// The transport is unavailable.
        Unavailable = "unavailable",
        /// The server stopped meanwhile.
        Interrupted = "interrupted",
    }
}
