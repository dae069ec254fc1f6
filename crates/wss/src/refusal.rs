//! Why a message was refused, and the little of it that its sender is told.

use nuncio_crypto::trust::Untrusted;
use nuncio_xml::ReadError;
use nuncio_xmlsec::Invalid;

use crate::fault::Told;
use crate::time::Time;

/// Why a peer's message was refused.
///
/// One variant per thing the peer did. The `Display` text is for our log; [`Refusal::class`] is all that the peer ever
/// learns.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its `Action` and the transport's name two things, or none where one is needed.
    #[error("action {found:?} is not {expected}")]
    Action {
        /// What it named.
        found: String,
        /// What it should have named.
        expected: &'static str,
    },
    /// An addressing header that it must not have, or has twice, or that names what is not followed.
    #[error("addressing header {header}: {fault}")]
    Addressing {
        /// The header's local name.
        header: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The endorsing signature, or what it covers, is not what the policy asks for.
    #[error("endorsing signature: {0}")]
    Endorsement(&'static str),
    /// It is no SOAP envelope.
    #[error("envelope: {0}")]
    Envelope(&'static str),
    /// Created too long ago, or already expired.
    #[error("message created {created}, {}, is stale at {now}, {} s later", until(*expires), seconds(*created, *now))]
    Expired {
        /// When it says it was created.
        created: Time,
        /// When it says it expires.
        expires: Option<Time>,
        /// When it was opened.
        now: Time,
    },
    /// Created in the future, by more than clocks may differ.
    #[error("message created {created} is from the future at {now}, {} s earlier", seconds(*now, *created))]
    FromTheFuture {
        /// When it says it was created.
        created: Time,
        /// When it was opened.
        now: Time,
    },
    /// A signature, an encrypted element or their markup is bad.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A key reference leads nowhere, or to a key that may not be used so.
    #[error("key reference: {0}")]
    KeyReference(&'static str),
    /// The security header is not laid out as the policy has it.
    #[error("layout: {0}")]
    Layout(&'static str),
    /// A part that the policy wants encrypted is in clear.
    #[error("{0} is not encrypted")]
    NotEncrypted(String),
    /// A part that the policy wants signed is not.
    #[error("{0} is not signed")]
    NotSigned(String),
    /// A header that must be understood, unsigned and not ours.
    #[error("header {{{namespace}}}{local} must be understood and is not")]
    NotUnderstood {
        /// Its namespace.
        namespace: String,
        /// Its local name.
        local: String,
    },
    /// The context's lifetime is over.
    #[error("security context {0} has expired")]
    OutlivedContext(String),
    /// A part that the policy requires is missing.
    #[error("no {0} where the policy requires one")]
    PartMissing(String),
    /// The message came before.
    #[error("the message was seen before")]
    Replayed,
    /// The security header, or a token in it, is malformed.
    #[error("security header: {element}: {fault}")]
    SecurityHeader {
        /// The element.
        element: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A signature confirmation is missing, wrong or unasked.
    #[error("signature confirmation: {0}")]
    SignatureConfirmation(&'static str),
    /// The trust request asks for a time that is over before it begins, is past, or has not begun.
    #[error("trust request: asks for a context that lasts from {} to {expires}", begins(*created))]
    TimeRange {
        /// From when, where it says.
        created: Option<Time>,
        /// Until when.
        expires: Time,
    },
    /// A token that the policy asks for is missing.
    #[error("no {0} where the policy asks for one")]
    TokenMissing(&'static str),
    /// More of something than the limit.
    #[error("more than {limit} of {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are let in.
        limit: usize,
    },
    /// The trust request asks for what is not given.
    #[error("trust request: {0}")]
    TrustRequest(&'static str),
    /// The trust response lacks what was asked for, or has what was not.
    #[error("trust response: {0}")]
    TrustResponse(&'static str),
    /// The security context is not known here.
    #[error("security context {0:?} is not known here")]
    UnknownContext(String),
    /// A fault without security, in place of an answer. What it says is not believed.
    #[error("a fault without security came in place of an answer: {0}")]
    UnsecuredFault(Told),
    /// The document is not read.
    #[error("unreadable: {0}")]
    Unreadable(#[from] ReadError),
    /// TLS has not authenticated the client, and the policy says that it must (`RequireClientCertificate`).
    #[error("the message came over TLS without a client's certificate")]
    UnauthenticatedTransport,
    /// The transport does not protect the message, and the policy says that it must.
    #[error("the message did not come over a protected transport")]
    UnprotectedTransport,
    /// The certificate is not trusted.
    #[error("certificate of {subject:?}: {cause}")]
    UntrustedCertificate {
        /// Its subject.
        subject: String,
        /// Why not.
        cause: Untrusted,
    },
    /// The certificate that made the primary signature is not trusted. The peer is told what it is told of a bad
    /// signature: anybody may sign another's ciphertext with a certificate of his own, and ask what becomes of it.
    #[error("signer's certificate of {subject:?}: {cause}")]
    UntrustedSigner {
        /// Its subject.
        subject: String,
        /// Why not.
        cause: Untrusted,
    },
    /// A key of the user's password did not make the signature, or the user is not known. The peer is told what it is told of
    /// a bad signature: what was decrypted to find that user would else be told from what is no token at all.
    #[error("user {0:?} is not known by a password whose key made the signature")]
    WrongKey(String),
    /// User name and password do not fit, or the user is not known.
    #[error("user {0:?} is not known by that password")]
    WrongPassword(String),
}

/// A key is wrapped under a certificate of which there is no key here.
pub(crate) const NOT_OUR_CERTIFICATE: &str = "wraps a key under a certificate that is not ours";
/// A certificate is named, and is neither in the message nor known.
pub(crate) const NO_SUCH_CERTIFICATE: &str = "names a certificate that is not there";
/// An encrypted key is named, and is neither in the message nor one of the request that it answers.
pub(crate) const NO_SUCH_KEY: &str = "names an encrypted key that is not known";
/// What an answer confirms is not what its request has.
pub(crate) const CONFIRMS_OTHERS: &str = "does not confirm the signatures of the request";
/// An answer confirms nothing.
pub(crate) const CONFIRMS_NOTHING: &str = "is missing, and the policy asks for one";
/// The service's certificate did not sign an answer.
pub(crate) const SIGNS_ANOTHER: &str = "signs under another certificate than the service's";
/// An answer names another request than the one that it came to.
pub(crate) const RELATES_TO_ANOTHER: &str = "names another message";
/// A key is not derived, and the policy wants derived ones.
pub(crate) const SIGNS_UNDERIVED: &str = "signs with a key that is not derived";
/// The same of a key that encrypts.
pub(crate) const ENCRYPTS_UNDERIVED: &str = "encrypts under a key that is not derived";
/// The address is another's.
pub(crate) const NOT_OUR_ADDRESS: &str = "is not an address of ours";
/// The security header is there twice.
pub(crate) const TWICE: &str = "is there twice";

/// When a lifetime begins, by its own words.
fn begins(created: Option<Time>) -> String {
    created.map_or_else(|| "now".to_owned(), |created| created.to_string())
}

/// Until when a message is good, by its own words.
fn until(expires: Option<Time>) -> String {
    expires.map_or_else(|| "good for no said time".to_owned(), |expires| format!("good until {expires}"))
}

/// By how many seconds the one is before the other: what an operator asks of clocks first.
fn seconds(one: Time, other: Time) -> i64 {
    other.seconds().saturating_sub(one.seconds())
}

/// What a refused peer may learn: which of a handful of things, and nothing more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// The envelope could not be read at all.
    Unreadable,
    /// A header was not understood.
    NotUnderstood,
    /// Anything from the security header to the end of the policy check. A peer that could tell bad padding from a bad
    /// digest could decrypt with our replies.
    InvalidSecurity,
    /// The token was good in itself but not believed.
    FailedAuthentication,
    /// The security context is not known: the peer must know, to establish another.
    BadContextToken,
    /// The trust request is not one that is answered.
    InvalidRequest,
    /// The lifetime in a trust request is none.
    InvalidTimeRange,
}

impl Refusal {
    /// What the peer may learn (WSS 1.1 section 12, WS-SecureConversation 1.4 section 9).
    pub fn class(&self) -> Class {
        match self {
            Self::Envelope(_) | Self::Unreadable(_) => Class::Unreadable,
            Self::NotUnderstood { .. } => Class::NotUnderstood,
            Self::Action { .. }
            | Self::Addressing { .. }
            | Self::Endorsement(_)
            | Self::Expired { .. }
            | Self::FromTheFuture { .. }
            | Self::Invalid(_)
            | Self::KeyReference(_)
            | Self::Layout(_)
            | Self::NotEncrypted(_)
            | Self::NotSigned(_)
            | Self::PartMissing(_)
            | Self::Replayed
            | Self::SecurityHeader { .. }
            | Self::SignatureConfirmation(_)
            | Self::TokenMissing(_)
            | Self::TooMany { .. }
            | Self::TrustResponse(_)
            | Self::UnsecuredFault(_)
            | Self::UntrustedSigner { .. }
            | Self::UnauthenticatedTransport
            | Self::UnprotectedTransport
            | Self::WrongKey(_) => Class::InvalidSecurity,
            Self::UntrustedCertificate { .. } | Self::WrongPassword(_) => Class::FailedAuthentication,
            Self::OutlivedContext(_) | Self::UnknownContext(_) => Class::BadContextToken,
            Self::TimeRange { .. } => Class::InvalidTimeRange,
            Self::TrustRequest(_) => Class::InvalidRequest,
        }
    }

    /// A malformed element of the security header.
    pub(crate) const fn header(element: &'static str, fault: &'static str) -> Self {
        Self::SecurityHeader { element, fault }
    }
}
