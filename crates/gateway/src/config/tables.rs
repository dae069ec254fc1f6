//! Tables of limits as they are said: every row may be left out, and what is not said is the default's.

use schemars::JsonSchema;
use serde::Deserialize;

use super::limits::{ConnectionLimits, Ejection, Lifetimes, MessageLimits, StoreLimits, Timeouts};
use super::scalar::{Count, Delay, Jitter, Octets, Percent, Span};

/// A table in which every row may be left out.
macro_rules! overrides {
    ($(#[$about:meta])* $input:ident over $limits:ident { $($(#[$row_about:meta])* $row:ident: $said:ty),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[allow(clippy::struct_field_names, reason = "the rows have the names that are written")]
        pub(crate) struct $input {
            $($(#[$row_about])* $row: Option<$said>,)*
        }

        impl $input {
            fn over(self, mut limits: $limits) -> $limits {
                $(if let Some(row) = self.$row { limits.$row = row.into(); })*
                limits
            }
        }
    };
}

overrides!(
    /// What one message may cost to read, and what is kept to read the next.
    MessageLimitsInput over MessageLimits {
        /// The body of a request, and of a backend's answer.
        body_bytes: Octets,
        /// A backend's answer whose status says that it is a fault.
        fault_bytes: Octets,
        /// Nesting of elements, decrypted content included.
        depth: Count,
        /// Attributes of one element.
        attributes: Count,
        /// All attributes of one element together.
        attribute_bytes: Octets,
        /// Namespace declarations of one element.
        declarations: Count,
        /// Namespace declarations in scope at one element.
        declarations_in_scope: Count,
        /// Elements of a message.
        elements: Count,
        /// Children of one element.
        children: Count,
        /// One name, of a namespace too.
        name_bytes: Octets,
        /// Distinct names of a message.
        names: Count,
        /// One run of text; as `body_bytes`, unless it is said.
        text_bytes: Octets,
        /// Children of the security header.
        header_children: Count,
        /// Signatures of a message: the primary one and what endorses it.
        signatures: Count,
        /// References of one signature.
        references: Count,
        /// Prefixes of one `InclusiveNamespaces`.
        prefixes: Count,
        /// Encrypted keys of a message; each costs an operation with a private key.
        encrypted_keys: Count,
        /// Encrypted elements of a message: its body, its signatures, and each element that a policy's path leads to.
        encrypted_data: Count,
        /// Derived key tokens of a message.
        derived_keys: Count,
        /// One certificate.
        certificate_bytes: Octets,
        /// Conversations whose derived keys are kept, of each route; some 2 KiB each.
        hot_sessions: Count,
    }
);
overrides!(
    /// What one connection may cost.
    ConnectionLimitsInput over ConnectionLimits {
        /// Open connections, over all listeners; more wait in the kernel's queue.
        connections: Count,
        /// Open connections of one address, but of those in `tls_terminated_by`.
        per_peer: Count,
        /// Requests in hand, over all connections; more are answered 503.
        requests: Count,
        /// Requests in hand of one address, but of those in `tls_terminated_by`.
        requests_per_peer: Count,
        /// A request's line and headers together.
        header_bytes: Octets,
        /// Header lines of a request.
        headers: Count,
        /// Requests at once on a connection of HTTP/2.
        streams: Count,
        /// A request's headers together in HTTP/2.
        header_list_bytes: Octets,
    }
);
overrides!(
    /// What may be kept. A full store refuses what is new; what is in use is never dropped.
    StoreLimitsInput over StoreLimits {
        /// Conversations. In a full store one in which nothing was said yet makes room for a new one.
        session_bytes: Octets,
        /// Conversations of one principal; a quarter of `session_bytes`, unless it is said.
        principal_bytes: Octets,
        /// How many conversations.
        sessions: Count,
        /// How many of one principal; a quarter of `sessions`, unless it is said.
        sessions_per_principal: Count,
        /// Replay claims.
        replay_bytes: Octets,
    }
);
overrides!(
    /// How long what is said is good for.
    LifetimesInput over Lifetimes {
        /// A request, from its creation.
        message: Span,
        /// By how much a client's clock may differ from ours.
        skew: Span,
        /// An answer, as its timestamp says.
        answer: Span,
        /// A conversation; the client may ask for another one when it ends.
        conversation: Span,
        /// A conversation in which nothing was said yet.
        pending: Span,
        /// A conversation in which nothing is said any more; it lives to its end, unless this is said.
        idle: Span,
        /// By how much of its lifetime a conversation may end sooner, so that those which began together are not all renewed
        /// together: from 0 to 10 per cent, drawn for each.
        jitter: Jitter,
    }
);
overrides!(
    /// How long a peer may keep the gateway waiting.
    TimeoutsInput over Timeouts {
        /// From accept to the end of the TLS handshake.
        handshake: Span,
        /// From an open connection to the first octet of its first request.
        first_byte: Span,
        /// From the first octet of a request to the end of its headers.
        headers: Span,
        /// From the end of the headers to the end of the body.
        body: Span,
        /// Octets a second that a body must reach on average.
        body_rate: Octets,
        /// Without an octet of a response taken by the client.
        write_stall: Span,
        /// A request waits for its turn; then it is answered 503.
        queue: Span,
        /// Between two requests of a connection.
        keep_alive: Span,
        /// To connect to a backend, TLS included.
        backend_connect: Span,
        /// Without an octet from a backend.
        backend_read: Span,
        /// From sending a request to a backend to the end of its answer.
        backend_total: Span,
        /// An idle connection to a backend is kept.
        backend_idle: Span,
        /// Between a signal to end, from which on `/readyz` is 503, and the close of the listeners.
        drain_delay: Delay,
        /// Requests in flight may still take after that.
        drain: Span,
    }
);

overrides!(
    /// When a URL of a backend is not called for a while, and then tried by one call.
    EjectionInput over Ejection {
        /// Calls that failed one after the other: without a connection, without an answer in time, with one that broke off, or
        /// with a status of 502 to 504. A SOAP fault is an answer.
        failures: Count,
        /// For how long the first time; each time that it fails again a time more, up to ten.
        r#for: Span,
        /// How many of the URLs may be out so at once, in per cent. Where all are out, calls are answered at once as to a
        /// service that is not available.
        most: Percent,
    }
);

impl MessageLimitsInput {
    /// Over other limits. The longest text grows and shrinks with the body unless it is said: base64 is one text.
    pub(super) fn over_with_text(self, limits: MessageLimits) -> MessageLimits {
        let text = self.text_bytes.or(self.body_bytes);
        let mut limits = self.over(limits);
        if let Some(text) = text {
            limits.text_bytes = text.0;
        }
        limits
    }
}

impl StoreLimitsInput {
    /// Over the defaults. A principal's share stays a quarter of the store unless it is said, and no less than one.
    pub(super) fn over_with_share(self) -> StoreLimits {
        let share = self.principal_bytes.map(usize::from).or_else(|| Some(self.session_bytes?.0 / 4));
        let count = self.sessions_per_principal.map(usize::from).or_else(|| Some((self.sessions?.0 / 4).max(1)));
        let mut limits = self.over(StoreLimits::default());
        if let Some(share) = share {
            limits.principal_bytes = share;
        }
        if let Some(count) = count {
            limits.sessions_per_principal = count;
        }
        limits
    }
}

impl ConnectionLimitsInput {
    /// Over the defaults.
    pub(super) fn over_defaults(self) -> ConnectionLimits {
        self.over(ConnectionLimits::default())
    }
}

impl EjectionInput {
    /// Over the defaults.
    pub(super) fn over_defaults(self) -> Ejection {
        self.over(Ejection::default())
    }
}

impl LifetimesInput {
    /// Over the defaults.
    pub(super) fn over_defaults(self) -> Lifetimes {
        self.over(Lifetimes::default())
    }
}

impl TimeoutsInput {
    /// Over the defaults.
    pub(super) fn over_defaults(self) -> Timeouts {
        self.over(Timeouts::default())
    }
}
