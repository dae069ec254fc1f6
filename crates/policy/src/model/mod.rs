//! The model: what WS-SecurityPolicy says, after reading and merging, one alternative at a time.
//!
//! Everything else (WSDL, presets, YAML) is a way into these types, and the protocol crate compiles them into what it
//! does with a message. Names are the specification's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod contract;
mod parts;
mod token;

pub use contract::{Contract, FaultMessage, Message, MessagePolicy, Operation, Port};
pub use parts::{ElementPath, HeaderPart, MessageKind, MessageParts, PartSet, Parts, Step};
pub use token::{
    DerivedKeys, Include, PasswordKind, ReferenceTarget, SecureConversationToken, SupportingToken, Token,
    UsernameToken, X509Kind, X509Reference, X509Token,
};

use crate::suite::Suite;

/// The version of SOAP that a port speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SoapVersion {
    /// SOAP 1.1, `text/xml`.
    #[serde(rename = "Soap11")]
    V11,
    /// SOAP 1.2, `application/soap+xml`.
    #[serde(rename = "Soap12")]
    V12,
}

impl SoapVersion {
    /// Its number, as it is told: `1.1` or `1.2`.
    pub const fn number(self) -> &'static str {
        match self {
            Self::V11 => "1.1",
            Self::V12 => "1.2",
        }
    }
}

/// The version of WS-Addressing that a port speaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Addressing {
    /// None: the action is the transport's.
    #[default]
    None,
    /// The member submission of August 2004.
    #[serde(rename = "WSAddressingAugust2004")]
    August2004,
    /// The recommendation, WS-Addressing 1.0.
    #[serde(rename = "WSAddressing10")]
    V10,
}

/// The generation of WS-Trust, and of WS-SecureConversation with it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TrustVersion {
    /// February 2005 (`Trust10`).
    #[serde(rename = "Trust10")]
    February2005,
    /// 1.3 and 1.4, namespace 200512 (`Trust13`).
    #[serde(rename = "Trust13")]
    V13,
}

/// The namespace generation of the security policy assertions themselves.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PolicyVersion {
    /// WS-SecurityPolicy 1.1 (2005/07).
    #[serde(rename = "SecurityPolicy11")]
    V11,
    /// WS-SecurityPolicy 1.2 and 1.3 (200702).
    #[serde(rename = "SecurityPolicy12")]
    #[default]
    V12,
}

/// One alternative of an effective policy: what every message of a port must satisfy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// Which generation of WS-SecurityPolicy it was written in; decides the generation of derived key tokens where no
    /// trust assertion does.
    pub version: PolicyVersion,
    /// The security binding.
    pub binding: Binding,
    /// What the binding says beside its tokens.
    pub properties: Properties,
    /// Supporting tokens, in the order of the policy.
    pub supporting: Vec<SupportingToken>,
    /// `Wss10`/`Wss11` and their options.
    pub wss: Wss,
    /// `Trust10`/`Trust13` and their options; `None` where the policy has neither.
    pub trust: Option<Trust>,
    /// The addressing that the policy engages.
    pub addressing: Addressing,
    /// Whether messages belong to sequences of WS-ReliableMessaging, and of which version. Its headers and its own messages
    /// are secured like any other.
    pub reliable: Option<ReliableMessaging>,
    /// `CompositeDuplex` and `OneWay` of WCF: responses are messages of their own, sent to where the client listens.
    pub duplex: bool,
    /// Parts that the policy protects in every message (endpoint scope, or a bootstrap policy's own).
    pub parts: Parts,
    /// Parts that it protects in the requests, responses or faults alone, beside those.
    pub messages: MessageParts,
    /// Where the contract attaches the binding to operations or messages: which of the alternatives there it is of.
    pub attached: Option<usize>,
}

impl Policy {
    /// The token of its conversations: what protects its messages, or endorses them. `None` where it has none.
    pub fn conversation(&self) -> Option<&SecureConversationToken> {
        let protection = match &self.binding {
            Binding::Symmetric(binding) => Some(&binding.protection),
            Binding::Transport(_) | Binding::Asymmetric(_) => None,
        };
        protection.into_iter().chain(self.supporting.iter().map(|own| &own.token)).find_map(|token| match token {
            Token::SecureConversation(token) => Some(token),
            Token::X509(_) | Token::Username(_) => None,
        })
    }

    /// The same, to be changed.
    pub fn conversation_mut(&mut self) -> Option<&mut SecureConversationToken> {
        let protection = match &mut self.binding {
            Binding::Symmetric(binding) => Some(&mut binding.protection),
            Binding::Transport(_) | Binding::Asymmetric(_) => None,
        };
        protection.into_iter().chain(self.supporting.iter_mut().map(|own| &mut own.token)).find_map(|token| match token
        {
            Token::SecureConversation(token) => Some(token),
            Token::X509(_) | Token::Username(_) => None,
        })
    }
}

/// A security binding (WS-SecurityPolicy 1.2, section 7).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Binding {
    /// Protection by the transport; tokens in the message at most endorse.
    Transport(TransportBinding),
    /// One symmetric key protects both directions.
    Symmetric(SymmetricBinding),
    /// Each side signs with its own certificate, and encrypts for the other's.
    Asymmetric(AsymmetricBinding),
}

/// `TransportBinding`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransportBinding {
    /// Whether TLS itself must authenticate the client (`RequireClientCertificate`).
    pub client_certificate: bool,
}

/// `SymmetricBinding` with a protection token, or with an encryption token and a signature token that are the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SymmetricBinding {
    /// The token whose key signs and encrypts.
    pub protection: Token,
}

/// `AsymmetricBinding` with one token for each side, or with one that signs and another that is encrypted for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AsymmetricBinding {
    /// The token that signs requests, and that responses are encrypted for where `encryption` does not say otherwise.
    pub initiator: X509Token,
    /// The token that signs responses, and that requests are encrypted for where `encryption` does not say otherwise.
    pub recipient: X509Token,
    /// The tokens that messages are encrypted for, where the policy tells them from those that sign.
    pub encryption: Option<EncryptionTokens>,
}

/// `InitiatorEncryptionToken` and `RecipientEncryptionToken`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncryptionTokens {
    /// The token that responses are encrypted for; `None` where none are.
    pub initiator: Option<X509Token>,
    /// The token that requests are encrypted for; `None` where none are.
    pub recipient: Option<X509Token>,
}

/// The properties of a security binding (WS-SecurityPolicy 1.2, section 6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Properties {
    /// The algorithm suite.
    pub suite: &'static Suite,
    /// What the policy says beside the suite.
    pub options: SuiteOptions,
    /// The layout of the security header.
    pub layout: Layout,
    /// Whether every message carries a timestamp.
    pub timestamp: bool,
    /// Which comes first, signing or encrypting. Of a transport binding, this and what follows say nothing.
    pub order: ProtectionOrder,
    /// Whether the signature itself is encrypted (`EncryptSignature`).
    pub encrypt_signature: bool,
    /// Whether the signature covers the token that made it (`ProtectTokens`).
    pub protect_tokens: bool,
}

/// `Layout` (WS-SecurityPolicy 1.2, section 6.7).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Layout {
    /// Declared before used.
    Strict,
    /// Any order that WSS allows.
    #[default]
    Lax,
    /// `Lax`, the timestamp first.
    #[serde(rename = "LaxTsFirst")]
    LaxTimestampFirst,
    /// `Lax`, the timestamp last.
    #[serde(rename = "LaxTsLast")]
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

/// What an `AlgorithmSuite` may say beside the suite (WS-SecurityPolicy 1.2, section 6.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SuiteOptions {
    /// How what is signed is canonicalised.
    pub canonicalization: Canonicalization,
    /// `SOAPNormalization10`: what is signed is normalised as SOAP first.
    pub soap_normalization: bool,
    /// `STRTransform10`: where a token is signed through a reference to it, it is by that transform.
    pub str_transform: bool,
}

/// How what is signed is canonicalised.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Canonicalization {
    /// Exclusive canonicalisation, where the policy does not say.
    #[default]
    #[serde(rename = "ExclusiveC14N")]
    Exclusive,
    /// `InclusiveC14N`: canonical XML 1.0.
    #[serde(rename = "InclusiveC14N")]
    Inclusive,
    /// `InclusiveC14N11`: canonical XML 1.1.
    #[serde(rename = "InclusiveC14N11")]
    Inclusive11,
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

/// The version of WS-ReliableMessaging.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ReliableMessaging {
    /// February 2005.
    #[serde(rename = "WSReliableMessagingFebruary2005")]
    February2005,
    /// 1.1, namespace 200702.
    #[serde(rename = "WSReliableMessaging11")]
    V11,
}

impl ReliableMessaging {
    /// The namespace of its headers and messages.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::February2005 => "http://schemas.xmlsoap.org/ws/2005/02/rm",
            Self::V11 => "http://docs.oasis-open.org/ws-rx/wsrm/200702",
        }
    }
}
