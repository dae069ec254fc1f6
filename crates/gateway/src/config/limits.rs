//! The one table of defaults: how large, how many, how long.
//!
//! The core takes limits as arguments and has no defaults of its own; what an operator does not say is decided here and
//! nowhere else. A configuration file overrides any row, a route the rows of [`MessageLimits`].

use std::time::Duration;

/// A kibibyte, in octets.
const KIB: usize = 1024;
/// A mebibyte, in octets.
const MIB: usize = 1024 * KIB;

/// What one message may cost to read, and what is kept to read the next. Sizes are in octets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MessageLimits {
    /// The body of a request, and of a backend's answer.
    pub body_bytes: usize,
    /// A backend's answer whose status says that it is a fault, which `body_bytes` bounds too.
    pub fault_bytes: usize,
    /// Nesting of elements, decrypted content included.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// All attributes of one element together.
    pub attribute_bytes: usize,
    /// Namespace declarations of one element.
    pub declarations: usize,
    /// Namespace declarations in scope at one element.
    pub declarations_in_scope: usize,
    /// Elements of a message.
    pub elements: usize,
    /// Children of one element.
    pub children: usize,
    /// One name, of a namespace too.
    pub name_bytes: usize,
    /// Distinct names of a message.
    pub names: usize,
    /// One run of text; base64 of a cipher value is one, so it is as large as the body.
    pub text_bytes: usize,
    /// Children of the security header.
    pub header_children: usize,
    /// Signatures of a message: the primary one and what endorses it.
    pub signatures: usize,
    /// References of one signature.
    pub references: usize,
    /// Prefixes of one `InclusiveNamespaces`.
    pub prefixes: usize,
    /// Encrypted keys of a message; each costs an operation with a private key.
    pub encrypted_keys: usize,
    /// Encrypted elements of a message: its body, its signatures, and each element that a policy's path leads to.
    pub encrypted_data: usize,
    /// Derived key tokens of a message.
    pub derived_keys: usize,
    /// One certificate.
    pub certificate_bytes: usize,
    /// Conversations whose derived keys are kept, those that were used last; those of others are derived for each message.
    /// Some 2 KiB each.
    pub hot_sessions: usize,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self {
            body_bytes: MIB,
            // What WCF's clients take of one.
            fault_bytes: 64 * KIB,
            depth: 64,
            attributes: 64,
            attribute_bytes: 16 * KIB,
            declarations: 32,
            declarations_in_scope: 96,
            elements: 100_000,
            children: 10_000,
            name_bytes: 256,
            names: 4096,
            text_bytes: MIB,
            header_children: 32,
            signatures: 3,
            references: 16,
            prefixes: 32,
            encrypted_keys: 2,
            encrypted_data: 256,
            derived_keys: 6,
            certificate_bytes: 16 * KIB,
            hot_sessions: 4096,
        }
    }
}

impl MessageLimits {
    /// The limits on a document alone.
    pub fn document(&self) -> nuncio_xml::Limits {
        nuncio_xml::Limits {
            bytes: self.body_bytes,
            depth: self.depth,
            attributes: self.attributes,
            attribute_bytes: self.attribute_bytes,
            declarations: self.declarations,
            declarations_in_scope: self.declarations_in_scope,
            elements: self.elements,
            children: self.children,
            name_bytes: self.name_bytes,
            names: self.names,
            text_bytes: self.text_bytes,
        }
    }

    /// The limits on a message with its security header.
    pub fn message(&self) -> nuncio_wss::Limits {
        nuncio_wss::Limits {
            // What is decrypted counts too, and is never more than what it came from.
            xml: nuncio_xml::Limits { bytes: self.body_bytes.saturating_mul(2), ..self.document() },
            header_children: self.header_children,
            signatures: self.signatures,
            references: self.references,
            prefixes: self.prefixes,
            encrypted_keys: self.encrypted_keys,
            encrypted_data: self.encrypted_data,
            derived_keys: self.derived_keys,
            certificate: self.certificate_bytes,
            hot_contexts: self.hot_sessions,
        }
    }
}

/// What one connection may cost. Sizes are in octets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionLimits {
    /// Open connections, over all listeners; more wait in the kernel's queue.
    pub connections: usize,
    /// Open connections of one peer: an address of IPv4, 64 bits of IPv6. More are closed at once. Peers that take TLS
    /// off in front speak for many and are not counted.
    pub per_peer: usize,
    /// Requests in hand, from their headers to their answers, over all connections; more are answered 503.
    pub requests: usize,
    /// Requests in hand of one peer, as `per_peer` has it.
    pub requests_per_peer: usize,
    /// A request's line and headers together; more is answered 431. hyper's own floor is 8 KiB.
    pub header_bytes: usize,
    /// Header lines of a request; more is answered 431.
    pub headers: usize,
    /// Requests at once on a connection of HTTP/2 (`SETTINGS_MAX_CONCURRENT_STREAMS`).
    pub streams: usize,
    /// A request's headers together in HTTP/2 (`SETTINGS_MAX_HEADER_LIST_SIZE`); more is answered 431.
    pub header_list_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            per_peer: 1000,
            requests: 4096,
            requests_per_peer: 1024,
            header_bytes: 32 * KIB,
            headers: 64,
            streams: 100,
            header_list_bytes: 16 * KIB,
        }
    }
}

/// What the gateway may keep. Sizes are in octets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreLimits {
    /// Conversations. When the store is full, one in which nothing was said yet makes room for a new one, or else that one is
    /// refused; one in use is never dropped.
    pub session_bytes: usize,
    /// Conversations of one principal, or of all that have no name together: so that nobody can fill the store alone.
    /// A quarter of it, unless it is said.
    pub principal_bytes: usize,
    /// How many conversations; more than have room in `session_bytes` by default, which then bounds them.
    pub sessions: usize,
    /// How many of one principal, as `principal_bytes` has it.
    pub sessions_per_principal: usize,
    /// Replay claims; a message is refused when the store is full, a live claim is never dropped.
    pub replay_bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            session_bytes: 256 * MIB,
            principal_bytes: 64 * MIB,
            sessions: 1_000_000,
            sessions_per_principal: 250_000,
            replay_bytes: 256 * MIB,
        }
    }
}

/// How long what is said is good for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    /// A request, from its creation.
    pub message: Duration,
    /// By how much a client's clock may differ from ours.
    pub skew: Duration,
    /// An answer, as its timestamp says.
    pub answer: Duration,
    /// A conversation; the client may ask for another one when it ends.
    pub conversation: Duration,
    /// A conversation in which nothing was said yet.
    pub pending: Duration,
    /// A conversation in which nothing is said any more; `None` for one that lives to its end all the same.
    pub idle: Option<Duration>,
    /// By how much of its lifetime a conversation may end sooner, in per cent, drawn anew for each: those that a crowd began in
    /// the same minute, after a restart of their clients perhaps, are not all renewed in the same minute. It only shortens,
    /// what a client asks for too. Nothing is drawn where it is zero: then the lifetime is what it was said to be, as a
    /// recorded conversation has it.
    pub jitter: u8,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            message: Duration::from_mins(5),
            skew: Duration::from_mins(1),
            answer: Duration::from_mins(5),
            // WCF's own, for the key of a conversation.
            conversation: Duration::from_hours(10),
            pending: Duration::from_mins(2),
            idle: None,
            jitter: 10,
        }
    }
}

/// How long a peer may keep us waiting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// From accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// From an open connection to the first octet of its first request.
    pub first_byte: Duration,
    /// From the first octet of a request to the end of its headers.
    pub headers: Duration,
    /// From the end of the headers to the end of the body.
    pub body: Duration,
    /// Octets a second that a body must reach on average, once [`BODY_GRACE`] is over.
    pub body_rate: usize,
    /// Without an octet of a response taken by the client.
    pub write_stall: Duration,
    /// A request waits for its turn, before its body is read; then it is answered 503.
    pub queue: Duration,
    /// Between two requests of a connection.
    pub keep_alive: Duration,
    /// To connect to a backend, TLS included.
    pub backend_connect: Duration,
    /// Without an octet from a backend.
    pub backend_read: Duration,
    /// From sending a request to a backend to the end of its answer.
    pub backend_total: Duration,
    /// An idle connection to a backend is kept. Short, because a backend that closes first would cost a request: a call
    /// is never sent twice.
    pub backend_idle: Duration,
    /// Between a signal to end, from which on the gateway says that it is not ready, and the close of its listeners.
    pub drain_delay: Duration,
    /// Requests in flight may still take after that.
    pub drain: Duration,
}

/// Calls of one URL of a backend at once.
pub const CALLS: usize = 1024;

/// How a URL of a backend is asked whether it is well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Health {
    /// The path, and a query if it takes one.
    pub path: String,
    /// From one question to the next.
    pub interval: Duration,
    /// For an answer.
    pub timeout: Duration,
    /// Answers one after the other that say so, until it is called again.
    pub healthy: usize,
    /// Answers one after the other that do not say so, until it is not called.
    pub unhealthy: usize,
}

impl Default for Health {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { path: "/".to_owned(), interval: seconds(10), timeout: seconds(3), healthy: 2, unhealthy: 3 }
    }
}

/// When a URL of a backend is not called for a while.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ejection {
    /// Calls that failed, one after the other.
    pub failures: usize,
    /// For how long the first time; twice as long the second time, and so on up to ten times as long.
    pub r#for: Duration,
    /// How many of a backend's URLs may be out so at once, in per cent; all of them at 100, and then a call is answered at
    /// once.
    pub most: usize,
}

impl Default for Ejection {
    fn default() -> Self {
        Self { failures: 5, r#for: Duration::from_secs(5), most: 100 }
    }
}

/// How long a body may be slower than [`Timeouts::body_rate`]: a client that computes, or one lost packet.
pub const BODY_GRACE: Duration = Duration::from_secs(5);

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(5),
            first_byte: seconds(5),
            headers: seconds(10),
            body: seconds(30),
            body_rate: KIB,
            write_stall: seconds(15),
            queue: seconds(1),
            keep_alive: seconds(60),
            backend_connect: seconds(5),
            backend_read: seconds(30),
            backend_total: seconds(60),
            backend_idle: seconds(15),
            drain_delay: Duration::ZERO,
            drain: seconds(30),
        }
    }
}
