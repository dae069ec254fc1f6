//! Tokens, and what supporting ones do (WS-SecurityPolicy 1.2, sections 5 and 8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Parts, Policy};

/// When a token itself travels in the message (`IncludeToken`).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
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
    #[default]
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
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Token {
    /// `X509Token`.
    X509(X509Token),
    /// `UsernameToken`.
    Username(UsernameToken),
    /// `SecureConversationToken`.
    SecureConversation(SecureConversationToken),
}

/// Whether, and how, keys are derived from a token's key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DerivedKeys {
    /// The token's own key is used.
    #[default]
    None,
    /// `RequireDerivedKeys` or `RequireExplicitDerivedKeys`: derived key tokens.
    Explicit,
    /// `RequireImpliedDerivedKeys`: derivation parameters on the reference.
    Implied,
}

/// Where a reference to a token must lead, whatever its form.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ReferenceTarget {
    /// Where the sender likes.
    #[default]
    Any,
    /// `RequireInternalReference`: the token in the message.
    Internal,
    /// `RequireExternalReference`: the token outside of the message.
    External,
    /// `RequireExternalUriReference`: the token by its URI, outside of the message.
    ExternalUri,
}

impl ReferenceTarget {
    /// Whether a reference does not lead to the token in the message, even where it travels: that is what `IncludeToken`
    /// says.
    pub fn is_outside(self) -> bool {
        matches!(self, Self::External | Self::ExternalUri)
    }
}

/// `X509Token`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct X509Token {
    /// When the certificate travels.
    pub include: Include,
    /// In which form it travels.
    pub kind: X509Kind,
    /// Derived keys, where a symmetric key is transported under the token.
    pub derived_keys: DerivedKeys,
    /// How the certificate is referred to.
    pub reference: X509Reference,
    /// Where a reference must lead.
    pub target: ReferenceTarget,
}

/// The form of a certificate in a message (the X.509 token profiles, 1.0 and 1.1). The profiles' versions do not differ in
/// it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum X509Kind {
    /// `WssX509V1Token11`: one certificate of X.509 version 1.
    #[serde(rename = "X509V1")]
    V1,
    /// `WssX509V3Token10` or `WssX509V3Token11`: one certificate. What is meant where a policy does not say.
    #[serde(rename = "X509V3")]
    #[default]
    V3,
    /// `WssX509PkiPathV1Token10` or `WssX509PkiPathV1Token11`: a path of certificates.
    #[serde(rename = "X509PkiPathV1")]
    PkiPathV1,
    /// `WssX509Pkcs7Token10` or `WssX509Pkcs7Token11`: a set of certificates and revocation lists.
    #[serde(rename = "X509Pkcs7")]
    Pkcs7,
}

/// How a policy wants a certificate referred to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum X509Reference {
    /// As the sender likes.
    #[default]
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
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsernameToken {
    /// When it travels.
    pub include: Include,
    /// What stands in it for the password.
    pub password: PasswordKind,
    /// Whether it must have a nonce (`Nonce` of WS-SecurityPolicy 1.3).
    pub nonce: bool,
    /// Whether it must say when it was made (`Created` of WS-SecurityPolicy 1.3).
    pub created: bool,
    /// Keys derived from the password, where the token signs or encrypts.
    pub derived_keys: DerivedKeys,
    /// Where a reference must lead.
    pub target: ReferenceTarget,
}

/// What a user name token has for a password.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PasswordKind {
    /// The password itself, where a policy does not say.
    #[default]
    Text,
    /// `HashPassword`: a digest of nonce, time and password.
    #[serde(rename = "HashPassword")]
    Digest,
    /// `NoPassword`: nothing.
    #[serde(rename = "NoPassword")]
    None,
}

/// `SecureConversationToken`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecureConversationToken {
    /// When the token travels.
    pub include: Include,
    /// Derived keys.
    pub derived_keys: DerivedKeys,
    /// Whether it may be cancelled (`MustNotSendCancel` absent); `false` is WCF's cookie mode.
    pub cancel: bool,
    /// Whether it may be renewed (`MustNotSendRenew` absent).
    pub renew: bool,
    /// Where a reference must lead.
    pub target: ReferenceTarget,
    /// The policy under which it is issued.
    pub bootstrap: Box<Policy>,
}

/// A supporting token and what it does.
#[derive(Clone, Debug, Eq, PartialEq)]
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
