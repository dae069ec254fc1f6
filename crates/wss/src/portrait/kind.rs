//! What a message is about.

use std::fmt;

use super::{Named, TrustSaid};
use crate::addressing::is_fault_action;
use crate::dialect::{Dialect, TrustVerb};

/// What a message is about, by its action and by what can be seen in its body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It asks the service for something, or answers.
    Application,
    /// Its body cannot be seen, and no action says what it is.
    Sealed,
    /// Something went wrong.
    Fault,
    /// It asks for a security context.
    Issue,
    /// It asks for a new key for one.
    Renew,
    /// It asks for the end of one.
    Cancel,
    /// It grants a security context.
    Issued,
    /// It grants a new key for one.
    Renewed,
    /// It says that one is ended.
    Cancelled,
    /// It asks an issuer for another token, or negotiates one.
    TokenRequest,
    /// It grants another token, or negotiates one.
    TokenResponse,
    /// It is about a sequence of reliable messaging.
    Sequence,
    /// It has nothing in its body.
    Empty,
}

/// Namespaces of WS-ReliableMessaging.
const RELIABLE: [&str; 2] =
    ["http://schemas.xmlsoap.org/ws/2005/02/rm", "http://docs.oasis-open.org/ws-rx/wsrm/200702"];

impl Kind {
    /// A word for it, for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Sealed => "sealed",
            Self::Fault => "fault",
            Self::Issue => "issue",
            Self::Renew => "renew",
            Self::Cancel => "cancel",
            Self::Issued => "issued",
            Self::Renewed => "renewed",
            Self::Cancelled => "cancelled",
            Self::TokenRequest => "token-request",
            Self::TokenResponse => "token-response",
            Self::Sequence => "sequence",
            Self::Empty => "empty",
        }
    }

    pub(super) fn of(
        action: Option<&str>,
        (payload, encrypted): (Option<&Named>, bool),
        fault: bool,
        trust: Option<&TrustSaid>,
    ) -> Self {
        let action = action.unwrap_or_default();
        if fault {
            return Self::Fault;
        }
        if let Some((_, verb)) = Dialect::of_action(action) {
            return match verb {
                TrustVerb::Issue => Self::Issue,
                TrustVerb::Renew => Self::Renew,
                TrustVerb::Cancel => Self::Cancel,
            };
        }
        for dialect in Dialect::all() {
            for (verb, kind) in [
                (TrustVerb::Issue, Self::Issued),
                (TrustVerb::Renew, Self::Renewed),
                (TrustVerb::Cancel, Self::Cancelled),
            ] {
                if dialect.response_action(verb) == action {
                    return kind;
                }
            }
        }
        if let Some(trust) = trust {
            return trust.kind();
        }
        if is_fault_action(action) {
            return Self::Fault;
        }
        let of_trust = |answer: &str| {
            Dialect::all()
                .into_iter()
                .any(|dialect| action.strip_prefix(dialect.trust).is_some_and(|rest| rest.starts_with(answer)))
        };
        if of_trust("/RSTR") {
            return Self::TokenResponse;
        }
        if of_trust("/RST") {
            return Self::TokenRequest;
        }
        let namespace = payload.map(|name| name.namespace.as_str()).unwrap_or_default();
        if RELIABLE.iter().any(|reliable| action.starts_with(reliable) || namespace == *reliable) {
            return Self::Sequence;
        }
        match payload {
            Some(_) => Self::Application,
            None if !action.is_empty() => Self::Application,
            None if encrypted => Self::Sealed,
            None => Self::Empty,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Application => "It is a message of the application's.",
            Self::Sealed => "What it is about cannot be seen: its body is encrypted, and it names no action.",
            Self::Fault => "It is a fault: something went wrong.",
            Self::Issue => "It asks for a security context: a conversation is to begin.",
            Self::Renew => "It asks for a new key for a security context: a conversation is to go on.",
            Self::Cancel => "It asks for the end of a security context: a conversation is over.",
            Self::Issued => "It grants a security context: a conversation begins.",
            Self::Renewed => "It grants a new key for a security context.",
            Self::Cancelled => "It says that a security context is ended.",
            Self::TokenRequest => "It asks for a token, or negotiates about one, outside of a conversation.",
            Self::TokenResponse => "It grants a token, or negotiates about one, outside of a conversation.",
            Self::Sequence => "It is about a sequence of reliable messaging.",
            Self::Empty => "There is nothing in its body.",
        })
    }
}
