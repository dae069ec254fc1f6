//! A policy in the words of WS-SecurityPolicy, as a policy file says it.

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::is_default;
use super::parts::PartsTerms;
use super::suite::SuiteTerms;
use super::token::{CertificateTerms, SupportingTerms, TokenTerms, X509Terms};
use crate::model::{
    Addressing, AsymmetricBinding, Binding, EncryptionTokens, Layout, MessageParts, Policy, PolicyVersion, Properties,
    ProtectionOrder, ReliableMessaging, SymmetricBinding, TransportBinding, Trust, TrustVersion, Wss, X509Token,
};

/// One alternative of a policy.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyTerms {
    /// The generation of WS-SecurityPolicy that the policy is of.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) version: PolicyVersion,
    /// The addressing that messages have.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) addressing: Addressing,
    /// The security binding.
    pub(super) binding: BindingTerms,
    /// Supporting tokens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) supporting_tokens: Vec<SupportingTerms>,
    /// `Wss10` or `Wss11`, and its options.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) wss: WssTerms,
    /// `Trust10` or `Trust13`, and its options.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) trust: Option<TrustTerms>,
    /// What is signed, encrypted and required in every message.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) parts: PartsTerms,
    /// The same of requests, beside that.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) request: PartsTerms,
    /// The same of responses that are no faults.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) response: PartsTerms,
    /// The same of faults.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) fault: PartsTerms,
    /// `RMAssertion`: whether messages belong to sequences of WS-ReliableMessaging, which the backend must keep.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) reliable_messaging: Option<ReliableMessaging>,
    /// `CompositeDuplex`: whether answers are sent to where the client listens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) duplex: bool,
}

/// A security binding: one of three.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum BindingTerms {
    /// `TransportBinding`: TLS protects messages.
    Transport(TransportTerms),
    /// `SymmetricBinding`: one key protects both directions.
    Symmetric(SymmetricTerms),
    /// `AsymmetricBinding`: each side signs with its own certificate's key, and encrypts for the other's.
    Asymmetric(Box<AsymmetricTerms>),
}

/// `TransportBinding`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TransportTerms {
    /// `RequireClientCertificate`: whether TLS itself asks for the client's certificate.
    #[serde(default, skip_serializing_if = "is_default")]
    require_client_certificate: bool,
    /// The algorithms of what signs in the message.
    #[serde(default, skip_serializing_if = "is_default")]
    algorithm_suite: SuiteTerms,
    /// The order of the security header.
    #[serde(default, skip_serializing_if = "is_default")]
    layout: Layout,
    /// Whether every message has a timestamp.
    #[serde(default, skip_serializing_if = "is_default")]
    include_timestamp: bool,
}

/// `SymmetricBinding`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the specification's properties, each free of the others")]
pub(super) struct SymmetricTerms {
    /// The token whose key signs and encrypts.
    protection_token: TokenTerms,
    /// The algorithms.
    algorithm_suite: SuiteTerms,
    /// The order of the security header.
    #[serde(default, skip_serializing_if = "is_default")]
    layout: Layout,
    /// Whether every message has a timestamp.
    #[serde(default, skip_serializing_if = "is_default")]
    include_timestamp: bool,
    /// Whether messages are encrypted first, and signed then.
    #[serde(default, skip_serializing_if = "is_default")]
    encrypt_before_signing: bool,
    /// Whether the signature is encrypted too.
    #[serde(default, skip_serializing_if = "is_default")]
    encrypt_signature: bool,
    /// Whether the signature covers the token that made it.
    #[serde(default, skip_serializing_if = "is_default")]
    protect_tokens: bool,
}

/// `AsymmetricBinding`.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the specification's properties, each free of the others")]
pub(super) struct AsymmetricTerms {
    #[serde(flatten)]
    sides: Sides,
    /// What these are together.
    #[serde(skip)]
    binding: AsymmetricBinding,
    /// The algorithms.
    algorithm_suite: SuiteTerms,
    /// The order of the security header.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(default)]
    layout: Layout,
    /// Whether every message has a timestamp.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(default)]
    include_timestamp: bool,
    /// Whether messages are encrypted first, and signed then.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(default)]
    encrypt_before_signing: bool,
    /// Whether the signature is encrypted too.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(default)]
    encrypt_signature: bool,
    /// Whether the signature covers the token that made it.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(default)]
    protect_tokens: bool,
}

/// The tokens of both sides.
#[derive(Clone, Debug, Default, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the specification's names")]
struct Sides {
    /// The client's token, that signs and is encrypted for.
    #[serde(skip_serializing_if = "is_default")]
    initiator_token: Option<CertificateTerms>,
    /// The client's token that signs, in place of one for both.
    #[serde(skip_serializing_if = "is_default")]
    initiator_signature_token: Option<CertificateTerms>,
    /// The client's token that is encrypted for; without it, nothing is encrypted for a client that has one that signs.
    #[serde(skip_serializing_if = "is_default")]
    initiator_encryption_token: Option<CertificateTerms>,
    /// The service's token, that signs and is encrypted for.
    #[serde(skip_serializing_if = "is_default")]
    recipient_token: Option<CertificateTerms>,
    /// The service's token that signs, in place of one for both.
    #[serde(skip_serializing_if = "is_default")]
    recipient_signature_token: Option<CertificateTerms>,
    /// The service's token that is encrypted for; without it, nothing is encrypted for a service that has one that signs.
    #[serde(skip_serializing_if = "is_default")]
    recipient_encryption_token: Option<CertificateTerms>,
}

impl<'de> Deserialize<'de> for AsymmetricTerms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        #[expect(clippy::struct_excessive_bools, reason = "the specification's properties, each free of the others")]
        struct Written {
            initiator_token: Option<CertificateTerms>,
            initiator_signature_token: Option<CertificateTerms>,
            initiator_encryption_token: Option<CertificateTerms>,
            recipient_token: Option<CertificateTerms>,
            recipient_signature_token: Option<CertificateTerms>,
            recipient_encryption_token: Option<CertificateTerms>,
            algorithm_suite: SuiteTerms,
            #[serde(default)]
            layout: Layout,
            #[serde(default)]
            include_timestamp: bool,
            #[serde(default)]
            encrypt_before_signing: bool,
            #[serde(default)]
            encrypt_signature: bool,
            #[serde(default)]
            protect_tokens: bool,
        }

        let written = Written::deserialize(deserializer)?;
        let sides = Sides {
            initiator_token: written.initiator_token,
            initiator_signature_token: written.initiator_signature_token,
            initiator_encryption_token: written.initiator_encryption_token,
            recipient_token: written.recipient_token,
            recipient_signature_token: written.recipient_signature_token,
            recipient_encryption_token: written.recipient_encryption_token,
        };
        let binding = sides.model().map_err(D::Error::custom)?;
        Ok(Self {
            sides,
            binding,
            algorithm_suite: written.algorithm_suite,
            layout: written.layout,
            include_timestamp: written.include_timestamp,
            encrypt_before_signing: written.encrypt_before_signing,
            encrypt_signature: written.encrypt_signature,
            protect_tokens: written.protect_tokens,
        })
    }
}

/// `Wss10` or `Wss11`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WssTerms {
    /// Which.
    #[serde(default, skip_serializing_if = "is_default")]
    version: WssVersion,
    /// `RequireSignatureConfirmation`: whether answers repeat the signatures of their requests.
    #[serde(default, skip_serializing_if = "is_default")]
    require_signature_confirmation: bool,
}

/// The version of WS-Security.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
enum WssVersion {
    /// WS-Security 1.0.
    #[default]
    Wss10,
    /// WS-Security 1.1.
    Wss11,
}

/// `Trust10` or `Trust13`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TrustTerms {
    /// Which.
    version: TrustVersion,
    /// `RequireClientEntropy`: whether the client contributes to a key.
    #[serde(default, skip_serializing_if = "is_default")]
    require_client_entropy: bool,
    /// `RequireServerEntropy`: whether the service contributes to a key.
    #[serde(default, skip_serializing_if = "is_default")]
    require_server_entropy: bool,
}

/// What signs and what is encrypted for, of one side.
type Side<'a> = (&'a CertificateTerms, Option<&'a CertificateTerms>);

impl Sides {
    fn initiator(&self) -> Result<Side<'_>, &'static str> {
        match (&self.initiator_token, &self.initiator_signature_token, &self.initiator_encryption_token) {
            (Some(both), None, None) => Ok((both, Some(both))),
            (Some(_), ..) => Err("initiatorToken contradicts a token for one purpose beside it"),
            (None, Some(signature), encryption) => Ok((signature, encryption.as_ref())),
            (None, None, Some(_)) => Err("asymmetric has no initiatorSignatureToken"),
            (None, None, None) => Err("asymmetric has no initiatorToken"),
        }
    }

    fn recipient(&self) -> Result<Side<'_>, &'static str> {
        match (&self.recipient_token, &self.recipient_signature_token, &self.recipient_encryption_token) {
            (Some(both), None, None) => Ok((both, Some(both))),
            (Some(_), ..) => Err("recipientToken contradicts a token for one purpose beside it"),
            (None, Some(signature), encryption) => Ok((signature, encryption.as_ref())),
            (None, None, Some(_)) => Err("asymmetric has no recipientSignatureToken"),
            (None, None, None) => Err("asymmetric has no recipientToken"),
        }
    }

    /// The binding that they make.
    fn model(&self) -> Result<AsymmetricBinding, &'static str> {
        let token = |terms: &CertificateTerms| {
            let CertificateTerms::X509(terms) = terms.clone();
            terms.model()
        };
        let (initiator, recipient) = (self.initiator()?, self.recipient()?);
        let (signs, responses) = (token(initiator.0), initiator.1.map(token));
        let (answers, requests) = (token(recipient.0), recipient.1.map(token));
        let differ = responses.as_ref() != Some(&signs) || requests.as_ref() != Some(&answers);
        let encryption = differ.then_some(EncryptionTokens { initiator: responses, recipient: requests });
        Ok(AsymmetricBinding { initiator: signs, recipient: answers, encryption })
    }

    fn of(binding: &AsymmetricBinding) -> Self {
        let terms = |token: &X509Token| Some(CertificateTerms::X509(X509Terms::of(token)));
        let mut sides = Self::default();
        let encryption = binding.encryption.as_ref();
        match encryption.map(|tokens| &tokens.initiator) {
            Some(other) if other.as_ref() != Some(&binding.initiator) => {
                sides.initiator_signature_token = terms(&binding.initiator);
                sides.initiator_encryption_token = other.as_ref().and_then(terms);
            }
            _ => sides.initiator_token = terms(&binding.initiator),
        }
        match encryption.map(|tokens| &tokens.recipient) {
            Some(other) if other.as_ref() != Some(&binding.recipient) => {
                sides.recipient_signature_token = terms(&binding.recipient);
                sides.recipient_encryption_token = other.as_ref().and_then(terms);
            }
            _ => sides.recipient_token = terms(&binding.recipient),
        }
        sides
    }
}

impl BindingTerms {
    fn model(self) -> (Binding, Properties) {
        match self {
            Self::Transport(terms) => {
                let properties = of_every_binding(&terms.algorithm_suite, terms.layout, terms.include_timestamp);
                let client_certificate = terms.require_client_certificate;
                (Binding::Transport(TransportBinding { client_certificate }), properties)
            }
            Self::Symmetric(terms) => {
                let properties = Properties {
                    order: order(terms.encrypt_before_signing),
                    encrypt_signature: terms.encrypt_signature,
                    protect_tokens: terms.protect_tokens,
                    ..of_every_binding(&terms.algorithm_suite, terms.layout, terms.include_timestamp)
                };
                (Binding::Symmetric(SymmetricBinding { protection: terms.protection_token.model() }), properties)
            }
            Self::Asymmetric(terms) => {
                let properties = Properties {
                    order: order(terms.encrypt_before_signing),
                    encrypt_signature: terms.encrypt_signature,
                    protect_tokens: terms.protect_tokens,
                    ..of_every_binding(&terms.algorithm_suite, terms.layout, terms.include_timestamp)
                };
                (Binding::Asymmetric(terms.binding), properties)
            }
        }
    }

    fn of(binding: &Binding, properties: &Properties) -> Self {
        let Properties { suite, options, layout, timestamp, order, encrypt_signature, protect_tokens } = *properties;
        let algorithm_suite = SuiteTerms::of(suite, options);
        let encrypt_before_signing = order == ProtectionOrder::EncryptBeforeSign;
        match binding {
            Binding::Transport(binding) => Self::Transport(TransportTerms {
                require_client_certificate: binding.client_certificate,
                algorithm_suite,
                layout,
                include_timestamp: timestamp,
            }),
            Binding::Symmetric(binding) => Self::Symmetric(SymmetricTerms {
                protection_token: TokenTerms::of(&binding.protection),
                algorithm_suite,
                layout,
                include_timestamp: timestamp,
                encrypt_before_signing,
                encrypt_signature,
                protect_tokens,
            }),
            Binding::Asymmetric(binding) => Self::Asymmetric(Box::new(AsymmetricTerms {
                sides: Sides::of(binding),
                binding: binding.clone(),
                algorithm_suite,
                layout,
                include_timestamp: timestamp,
                encrypt_before_signing,
                encrypt_signature,
                protect_tokens,
            })),
        }
    }
}

/// The properties that every binding has; of the others, their defaults.
fn of_every_binding(suite: &SuiteTerms, layout: Layout, timestamp: bool) -> Properties {
    let (suite, options) = suite.model();
    Properties {
        suite,
        options,
        layout,
        timestamp,
        order: ProtectionOrder::SignBeforeEncrypt,
        encrypt_signature: false,
        protect_tokens: false,
    }
}

fn order(encrypt_before_signing: bool) -> ProtectionOrder {
    if encrypt_before_signing { ProtectionOrder::EncryptBeforeSign } else { ProtectionOrder::SignBeforeEncrypt }
}

impl PolicyTerms {
    /// The policy that these terms say.
    pub fn model(self) -> Policy {
        let addressing = self.addressing;
        let (binding, properties) = self.binding.model();
        let WssTerms { version, require_signature_confirmation } = self.wss;
        let trust = self.trust.map(|terms| Trust {
            version: terms.version,
            client_entropy: terms.require_client_entropy,
            server_entropy: terms.require_server_entropy,
        });
        Policy {
            version: self.version,
            binding,
            properties,
            supporting: self.supporting_tokens.into_iter().map(|token| token.model(addressing)).collect(),
            wss: Wss { v11: version == WssVersion::Wss11, signature_confirmation: require_signature_confirmation },
            trust,
            addressing,
            reliable: self.reliable_messaging,
            duplex: self.duplex,
            parts: self.parts.model(addressing),
            messages: MessageParts {
                request: self.request.model(addressing),
                response: self.response.model(addressing),
                fault: self.fault.model(addressing),
            },
            attached: None,
        }
    }

    /// The terms that say a policy.
    pub fn of(policy: &Policy) -> Self {
        let addressing = policy.addressing;
        let Wss { v11, signature_confirmation } = policy.wss;
        Self {
            version: policy.version,
            addressing,
            binding: BindingTerms::of(&policy.binding, &policy.properties),
            supporting_tokens: policy.supporting.iter().map(|token| SupportingTerms::of(token, addressing)).collect(),
            wss: WssTerms {
                version: if v11 { WssVersion::Wss11 } else { WssVersion::Wss10 },
                require_signature_confirmation: signature_confirmation,
            },
            trust: policy.trust.map(|trust| TrustTerms {
                version: trust.version,
                require_client_entropy: trust.client_entropy,
                require_server_entropy: trust.server_entropy,
            }),
            parts: PartsTerms::of(&policy.parts, addressing),
            request: PartsTerms::of(&policy.messages.request, addressing),
            response: PartsTerms::of(&policy.messages.response, addressing),
            fault: PartsTerms::of(&policy.messages.fault, addressing),
            reliable_messaging: policy.reliable,
            duplex: policy.duplex,
        }
    }
}
