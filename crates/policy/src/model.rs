//! The model: what WS-SecurityPolicy says, after reading and merging, one alternative at a time.
//!
//! Everything else (WSDL, presets, YAML) is a way into these types, and the protocol crate compiles them into what it
//! does with a message. Names are the specification's.

use crate::error::PolicyError;
use crate::suite::Suite;

/// The version of SOAP that a port speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SoapVersion {
    /// SOAP 1.1, `text/xml`.
    V11,
    /// SOAP 1.2, `application/soap+xml`.
    V12,
}

/// The version of WS-Addressing that a port speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Addressing {
    /// None: the action is the transport's.
    None,
    /// The member submission of August 2004.
    August2004,
    /// The recommendation, WS-Addressing 1.0.
    V10,
}

/// The generation of WS-Trust, and of WS-SecureConversation with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TrustVersion {
    /// February 2005 (`Trust10`).
    February2005,
    /// 1.3 and 1.4, namespace 200512 (`Trust13`).
    V13,
}

/// The namespace generation of the security policy assertions themselves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyVersion {
    /// WS-SecurityPolicy 1.1 (2005/07).
    V11,
    /// WS-SecurityPolicy 1.2 and 1.3 (200702).
    V12,
}

/// One alternative of an effective policy: what every message of a port must satisfy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which generation of WS-SecurityPolicy it was written in; decides the generation of derived key tokens where no
    /// trust assertion does.
    pub version: PolicyVersion,
    /// The security binding.
    pub binding: Binding,
    /// Supporting tokens, in the order of the policy.
    pub supporting: Vec<SupportingToken>,
    /// `Wss10`/`Wss11` and their options.
    pub wss: Wss,
    /// `Trust10`/`Trust13` and their options; `None` where the policy has neither.
    pub trust: Option<Trust>,
    /// The addressing that the policy engages.
    pub addressing: Addressing,
    /// Parts that the policy protects in every message (endpoint scope, or a bootstrap policy's own).
    pub parts: Parts,
}

/// A security binding (WS-SecurityPolicy 1.2, section 7).
#[derive(Clone, Debug)]
pub enum Binding {
    /// Protection by the transport; tokens in the message at most endorse.
    Transport(TransportBinding),
    /// One symmetric key protects both directions.
    Symmetric(SymmetricBinding),
    /// Each side signs with its own certificate, and encrypts for the other's.
    Asymmetric(AsymmetricBinding),
}

/// `TransportBinding`.
#[derive(Clone, Debug)]
pub struct TransportBinding {
    /// Whether TLS itself must authenticate the client (`RequireClientCertificate`).
    pub client_certificate: bool,
    /// The algorithm suite.
    pub suite: &'static Suite,
    /// The layout of the security header.
    pub layout: Layout,
    /// Whether every message carries a timestamp.
    pub timestamp: bool,
}

/// `SymmetricBinding` with a protection token.
#[derive(Clone, Debug)]
pub struct SymmetricBinding {
    /// The token whose key signs and encrypts.
    pub protection: Token,
    /// The algorithm suite.
    pub suite: &'static Suite,
    /// The layout of the security header.
    pub layout: Layout,
    /// Whether every message carries a timestamp.
    pub timestamp: bool,
    /// Which comes first, signing or encrypting.
    pub order: ProtectionOrder,
    /// Whether the signature itself is encrypted (`EncryptSignature`).
    pub encrypt_signature: bool,
    /// Whether the signature covers the token that made it (`ProtectTokens`).
    pub protect_tokens: bool,
}

/// `AsymmetricBinding` with one token for each side.
#[derive(Clone, Debug)]
pub struct AsymmetricBinding {
    /// The token that signs requests, and that responses are encrypted for.
    pub initiator: X509Token,
    /// The token that signs responses, and that requests are encrypted for.
    pub recipient: X509Token,
    /// The algorithm suite.
    pub suite: &'static Suite,
    /// The layout of the security header.
    pub layout: Layout,
    /// Whether every message carries a timestamp.
    pub timestamp: bool,
    /// Which comes first, signing or encrypting.
    pub order: ProtectionOrder,
    /// Whether the signature itself is encrypted (`EncryptSignature`).
    pub encrypt_signature: bool,
}

/// `Layout` (WS-SecurityPolicy 1.2, section 6.7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layout {
    /// Declared before used.
    Strict,
    /// Any order that WSS allows.
    Lax,
    /// `Lax`, the timestamp first.
    LaxTimestampFirst,
    /// `Lax`, the timestamp last.
    LaxTimestampLast,
}

/// Whether a message is signed over its plain or its encrypted form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProtectionOrder {
    /// The default: the signature covers the plain parts.
    SignBeforeEncrypt,
    /// `EncryptBeforeSigning`: the signature covers the encrypted parts.
    EncryptBeforeSign,
}

/// When a token itself travels in the message (`IncludeToken`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Include {
    /// Only referred to.
    Never,
    /// In the first message only.
    Once,
    /// In every request.
    AlwaysToRecipient,
    /// In every response.
    AlwaysToInitiator,
    /// In every message.
    Always,
}

impl Include {
    /// Whether the token travels in responses.
    pub fn to_initiator(self) -> bool {
        matches!(self, Self::AlwaysToInitiator | Self::Always)
    }

    /// Whether the token travels in requests.
    pub fn to_recipient(self) -> bool {
        matches!(self, Self::Once | Self::AlwaysToRecipient | Self::Always)
    }
}

/// A token assertion.
#[derive(Clone, Debug)]
pub enum Token {
    /// `X509Token`.
    X509(X509Token),
    /// `UsernameToken`.
    Username(UsernameToken),
    /// `SecureConversationToken`.
    SecureConversation(SecureConversationToken),
}

/// Whether, and how, keys are derived from a token's key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DerivedKeys {
    /// The token's own key is used.
    None,
    /// `RequireDerivedKeys` or `RequireExplicitDerivedKeys`: derived key tokens.
    Explicit,
    /// `RequireImpliedDerivedKeys`: derivation parameters on the reference.
    Implied,
}

/// `X509Token`.
#[derive(Clone, Debug)]
pub struct X509Token {
    /// When the certificate travels.
    pub include: Include,
    /// Derived keys, where a symmetric key is transported under the token.
    pub derived_keys: DerivedKeys,
    /// How the certificate is referred to.
    pub reference: X509Reference,
}

/// How a policy wants a certificate referred to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum X509Reference {
    /// As the sender likes.
    Any,
    /// `RequireKeyIdentifierReference`: by subject key identifier.
    KeyIdentifier,
    /// `RequireIssuerSerialReference`.
    IssuerSerial,
    /// `RequireEmbeddedTokenReference`.
    Embedded,
    /// `RequireThumbprintReference`.
    Thumbprint,
}

/// `UsernameToken`.
#[derive(Clone, Debug)]
pub struct UsernameToken {
    /// When it travels.
    pub include: Include,
}

/// `SecureConversationToken`.
#[derive(Clone, Debug)]
pub struct SecureConversationToken {
    /// When the token travels.
    pub include: Include,
    /// Derived keys.
    pub derived_keys: DerivedKeys,
    /// Whether it may be cancelled (`MustNotSendCancel` absent); `false` is WCF's cookie mode.
    pub cancel: bool,
    /// Whether it may be renewed (`MustNotSendRenew` absent).
    pub renew: bool,
    /// The policy under which it is issued.
    pub bootstrap: Box<Policy>,
}

/// A supporting token and what it does.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the specification's properties, each free of the others")]
pub struct SupportingToken {
    /// The token.
    pub token: Token,
    /// The primary signature covers the token.
    pub signed: bool,
    /// The token is encrypted.
    pub encrypted: bool,
    /// The token signs the primary signature (over a transport: the timestamp).
    pub endorsing: bool,
    /// The message may lack it (`wsp:Optional`).
    pub optional: bool,
    /// Parts that the token itself signs or encrypts beside its duty.
    pub parts: Parts,
}

/// `Wss10` or `Wss11`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Wss {
    /// WSS 1.1 rather than 1.0.
    pub v11: bool,
    /// `RequireSignatureConfirmation`.
    pub signature_confirmation: bool,
}

/// `Trust10` or `Trust13`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trust {
    /// The generation.
    pub version: TrustVersion,
    /// `RequireClientEntropy`.
    pub client_entropy: bool,
    /// `RequireServerEntropy`.
    pub server_entropy: bool,
}

/// What is signed and what is encrypted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parts {
    /// `SignedParts`.
    pub signed: PartSet,
    /// `EncryptedParts`.
    pub encrypted: PartSet,
}

/// A set of message parts (`SignedParts`, `EncryptedParts`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PartSet {
    /// The body.
    pub body: bool,
    /// Headers.
    pub headers: Vec<HeaderPart>,
}

/// `Header` within a set of parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderPart {
    /// The local name; `None` for every header of the namespace.
    pub name: Option<String>,
    /// The namespace.
    pub namespace: String,
}

impl PartSet {
    /// Whether the set has a header of that name.
    pub fn has_header(&self, namespace: &str, local: &str) -> bool {
        self.headers
            .iter()
            .any(|part| part.namespace == namespace && part.name.as_deref().is_none_or(|name| name == local))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        !self.body && self.headers.is_empty()
    }

    /// Adds another set's parts.
    pub fn merge(&mut self, other: &Self) {
        self.body |= other.body;
        for part in &other.headers {
            if !self.headers.contains(part) {
                self.headers.push(part.clone());
            }
        }
    }
}

impl Parts {
    /// Adds another's parts (WS-PolicyAttachment: assertions of several scopes are merged).
    pub fn merge(&mut self, other: &Self) {
        self.signed.merge(&other.signed);
        self.encrypted.merge(&other.encrypted);
    }
}

/// A contract: what a WSDL says of a service.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The ports, in the order of the file.
    pub ports: Vec<Port>,
}

/// A port with its effective policy.
#[derive(Clone, Debug)]
pub struct Port {
    /// The port's name.
    pub name: String,
    /// The version of SOAP of its binding.
    pub soap: SoapVersion,
    /// The address it gives.
    pub address: Option<String>,
    /// The alternatives of its endpoint policy (service, port and binding scope merged), in the order of the file;
    /// empty where it has no policy with a security binding. An error where no alternative is usable, or a policy of one
    /// of its messages is not: that makes this port unusable, not its contract.
    pub alternatives: Result<Vec<Policy>, PolicyError>,
    /// Its operations.
    pub operations: Vec<Operation>,
}

/// An operation of a port.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// The request.
    pub input: Message,
    /// The response; `None` for a one-way operation.
    pub output: Option<Message>,
    /// The faults it declares.
    pub faults: Vec<FaultMessage>,
}

impl Operation {
    /// Its messages: the request, the response, the faults.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        [&self.input].into_iter().chain(&self.output).chain(self.faults.iter().map(|fault| &fault.message))
    }
}

/// A message of an operation.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its WS-Addressing action: declared, or by the default action pattern.
    pub action: String,
    /// The SOAP action of the binding, of inputs only.
    pub soap_action: Option<String>,
    /// The expanded name of the body's child (document/literal): namespace, local name.
    pub element: Option<(String, String)>,
    /// Parts of operation and message scope.
    pub parts: Parts,
}

/// A declared fault.
#[derive(Clone, Debug)]
pub struct FaultMessage {
    /// The fault's name.
    pub name: String,
    /// As for any message; `element` is that of the detail's child.
    pub message: Message,
}
