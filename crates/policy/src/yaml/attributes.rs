//! The attributes of WSE's turn-key assertions and of WCF's bindings, by the products' own names.

use schemars::JsonSchema;
use serde::Deserialize;

use super::parts::HeaderTerms;
use super::suite::SuiteTerms;
use crate::model::{Addressing, Layout, SoapVersion};
use crate::said::Said;

/// `messageProtectionOrder`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub(super) enum MessageProtectionOrder {
    /// Signed, then encrypted; the signature stays in clear.
    SignBeforeEncrypt,
    /// Signed, then encrypted, and the signature with the rest.
    SignBeforeEncryptAndEncryptSignature,
    /// Encrypted, then signed.
    EncryptBeforeSign,
}

/// `securityHeaderLayout`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub(super) enum SecurityHeaderLayout {
    /// Declared before used.
    Strict,
    /// Any order that WSS allows.
    Lax,
    /// The same, the timestamp first.
    LaxTimestampFirst,
    /// The same, the timestamp last.
    LaxTimestampLast,
}

impl SecurityHeaderLayout {
    pub(super) fn model(self) -> Layout {
        match self {
            Self::Strict => Layout::Strict,
            Self::Lax => Layout::Lax,
            Self::LaxTimestampFirst => Layout::LaxTimestampFirst,
            Self::LaxTimestampLast => Layout::LaxTimestampLast,
        }
    }
}

/// `keyEntropyMode`: who contributes to the key of a conversation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[expect(clippy::enum_variant_names, reason = "the product's names")]
pub(super) enum KeyEntropyMode {
    /// The client.
    ClientEntropy,
    /// The service.
    ServerEntropy,
    /// Both.
    CombinedEntropy,
}

impl KeyEntropyMode {
    /// Whether the client, and whether the service contributes.
    pub(super) fn sides(self) -> (bool, bool) {
        match self {
            Self::ClientEntropy => (true, false),
            Self::ServerEntropy => (false, true),
            Self::CombinedEntropy => (true, true),
        }
    }
}

/// `messageVersion`: the versions of SOAP and of WS-Addressing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub(super) enum MessageVersion {
    /// `Soap12WSAddressing10`.
    Default,
    /// SOAP 1.1 without addressing.
    Soap11,
    /// SOAP 1.2 without addressing.
    Soap12,
    /// SOAP 1.1 with WS-Addressing 1.0.
    Soap11WSAddressing10,
    /// SOAP 1.2 with WS-Addressing 1.0.
    Soap12WSAddressing10,
    /// SOAP 1.1 with WS-Addressing of August 2004.
    Soap11WSAddressingAugust2004,
    /// SOAP 1.2 with WS-Addressing of August 2004.
    Soap12WSAddressingAugust2004,
}

impl MessageVersion {
    pub(super) fn model(self) -> (SoapVersion, Addressing) {
        match self {
            Self::Soap11 => (SoapVersion::V11, Addressing::None),
            Self::Soap12 => (SoapVersion::V12, Addressing::None),
            Self::Soap11WSAddressing10 => (SoapVersion::V11, Addressing::V10),
            Self::Default | Self::Soap12WSAddressing10 => (SoapVersion::V12, Addressing::V10),
            Self::Soap11WSAddressingAugust2004 => (SoapVersion::V11, Addressing::August2004),
            Self::Soap12WSAddressingAugust2004 => (SoapVersion::V12, Addressing::August2004),
        }
    }
}

/// `messageSecurityVersion`: the versions of WS-Security, WS-Trust, WS-SecureConversation and WS-SecurityPolicy. Whether the
/// Basic Security Profile is kept makes no difference to what is accepted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub(super) enum MessageSecurityVersion {
    /// WS-Security 1.1, WS-Trust of February 2005.
    #[serde(
        rename = "WSSecurity11WSTrustFebruary2005WSSecureConversationFebruary2005WSSecurityPolicy11",
        alias = "Default"
    )]
    Wss11Trust2005,
    /// The same, with the Basic Security Profile.
    #[serde(
        rename = "WSSecurity11WSTrustFebruary2005WSSecureConversationFebruary2005WSSecurityPolicy11BasicSecurityProfile10"
    )]
    Wss11Trust2005Profile,
    /// WS-Security 1.1, WS-Trust 1.3.
    #[serde(rename = "WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12")]
    Wss11Trust13,
    /// The same, with the Basic Security Profile.
    #[serde(rename = "WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12BasicSecurityProfile10")]
    Wss11Trust13Profile,
    /// WS-Security 1.0, WS-Trust of February 2005, with the Basic Security Profile.
    #[serde(
        rename = "WSSecurity10WSTrustFebruary2005WSSecureConversationFebruary2005WSSecurityPolicy11BasicSecurityProfile10"
    )]
    Wss10Trust2005Profile,
    /// WS-Security 1.0, WS-Trust 1.3, with the Basic Security Profile.
    #[serde(rename = "WSSecurity10WSTrust13WSSecureConversation13WSSecurityPolicy12BasicSecurityProfile10")]
    Wss10Trust13Profile,
}

impl MessageSecurityVersion {
    /// Whether it is of WS-Security 1.1.
    pub(super) fn is_wss11(self) -> bool {
        !matches!(self, Self::Wss10Trust2005Profile | Self::Wss10Trust13Profile)
    }

    /// Whether it is of WS-Trust 1.3.
    pub(super) fn is_trust13(self) -> bool {
        matches!(self, Self::Wss11Trust13 | Self::Wss11Trust13Profile | Self::Wss10Trust13Profile)
    }
}

/// `protection`: what of requests, responses and faults is signed and encrypted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Protection {
    /// Of requests.
    pub(super) request: Said<ProtectionOf>,
    /// Of responses.
    pub(super) response: Said<ProtectionOf>,
    /// Of faults.
    pub(super) fault: Said<ProtectionOf>,
}

/// What of one kind of message is signed and encrypted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ProtectionOf {
    /// What is signed.
    pub(super) signature_options: Vec<SignatureOption>,
    /// Whether the body is encrypted.
    pub(super) encrypt_body: bool,
    /// `signedHeader`: headers that are signed besides.
    #[serde(default)]
    pub(super) signed_header: Vec<HeaderTerms>,
}

/// A value of `signatureOptions`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[expect(clippy::enum_variant_names, reason = "the product's names")]
pub(super) enum SignatureOption {
    /// Nothing.
    IncludeNone,
    /// Every header of addressing.
    IncludeAddressing,
    /// `wsa:Action`.
    IncludeAction,
    /// `wsa:FaultTo`.
    IncludeFaultTo,
    /// `wsa:From`.
    IncludeFrom,
    /// `wsa:MessageID`.
    IncludeMessageId,
    /// `wsa:RelatesTo`.
    IncludeRelatesTo,
    /// `wsa:ReplyTo`.
    IncludeReplyTo,
    /// `wsa:To`.
    IncludeTo,
    /// The timestamp, which is signed in any case.
    IncludeTimestamp,
    /// The body.
    IncludeSoapBody,
}

impl SignatureOption {
    /// The header of addressing that it is.
    pub(super) fn header(self) -> Option<&'static str> {
        match self {
            Self::IncludeAction => Some("Action"),
            Self::IncludeFaultTo => Some("FaultTo"),
            Self::IncludeFrom => Some("From"),
            Self::IncludeMessageId => Some("MessageID"),
            Self::IncludeRelatesTo => Some("RelatesTo"),
            Self::IncludeReplyTo => Some("ReplyTo"),
            Self::IncludeTo => Some("To"),
            Self::IncludeNone | Self::IncludeAddressing | Self::IncludeTimestamp | Self::IncludeSoapBody => None,
        }
    }
}

/// `secureConversationBootstrap`: the messages by which conversations begin.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SecureConversationBootstrap {
    /// How they are protected: an authentication mode.
    pub(super) authentication_mode: Said<String>,
    /// The algorithms.
    pub(super) default_algorithm_suite: Option<SuiteTerms>,
    /// The order of the security header.
    pub(super) security_header_layout: Option<SecurityHeaderLayout>,
    /// Which comes first, signing or encrypting.
    pub(super) message_protection_order: Option<Said<MessageProtectionOrder>>,
    /// Whether answers repeat the signatures of their requests.
    pub(super) require_signature_confirmation: Option<Said<bool>>,
    /// Whether every message has a timestamp.
    pub(super) include_timestamp: Option<bool>,
    /// Whether keys are derived.
    pub(super) require_derived_keys: Option<bool>,
    /// Whether a signature covers the token that made it.
    pub(super) protect_tokens: Option<Said<bool>>,
    /// Who contributes to keys.
    pub(super) key_entropy_mode: Option<KeyEntropyMode>,
    /// The versions of the specifications; those of the conversation, where it does not say.
    pub(super) message_security_version: Option<Said<MessageSecurityVersion>>,
}

/// `security` of a standard binding.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Security {
    /// What protects messages.
    pub(super) mode: Said<SecurityMode>,
    /// What is in messages.
    pub(super) message: Option<Said<MessageSecurity>>,
    /// What TLS asks for, where it alone protects messages.
    pub(super) transport: Option<Said<TransportSecurity>>,
}

/// `mode` of `security`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub(super) enum SecurityMode {
    /// Nothing.
    None,
    /// TLS protects messages, which have nothing of security in them.
    Transport,
    /// Messages protect themselves.
    Message,
    /// TLS protects messages, which bring a credential.
    TransportWithMessageCredential,
}

/// `message` of `security`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct MessageSecurity {
    /// What a client brings.
    pub(super) client_credential_type: Option<Said<ClientCredentialType>>,
    /// Whether conversations are held.
    pub(super) establish_security_context: Option<Said<bool>>,
    /// Whether the service's certificate is negotiated, which only `false` is built of.
    pub(super) negotiate_service_credential: Option<Said<bool>>,
    /// The algorithms.
    pub(super) algorithm_suite: Option<SuiteTerms>,
}

/// `transport` of `security`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TransportSecurity {
    /// What a client proves to TLS or HTTP.
    pub(super) client_credential_type: Option<Said<HttpClientCredentialType>>,
}

/// `clientCredentialType` of `transport`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub(super) enum HttpClientCredentialType {
    /// Nothing.
    None,
    /// A certificate, to TLS.
    Certificate,
    /// HTTP's basic authentication: not built.
    Basic,
    /// HTTP's digest authentication: not built.
    Digest,
    /// An account of Windows, by NTLM: not built.
    Ntlm,
    /// An account of Windows: not built.
    Windows,
}

/// `clientCredentialType`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub(super) enum ClientCredentialType {
    /// Nothing.
    None,
    /// A user name and password.
    UserName,
    /// A certificate.
    Certificate,
    /// An account of Windows: not built.
    Windows,
    /// A token that another service issues: not built.
    IssuedToken,
}
