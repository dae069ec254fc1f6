//! Which policies are tried: every binding under every suite in every order, and what is left (tokens, generations, derived
//! keys, references, versions of SOAP) in turn, so that each comes with each.

use nuncio_crypto::algorithm::KeyTransport;
use nuncio_policy::model::{
    Binding, Canonicalization, DerivedKeys, EncryptionTokens, Include, Layout, Policy, ProtectionOrder, SoapVersion,
    Token, X509Reference, X509Token,
};
use nuncio_policy::preset;
use nuncio_policy::suite::{SUITES, Suite};

use crate::expected::conversation;
use crate::hidden::hidden;
use crate::referred::referred;
use crate::supported::supported;

/// A policy that is tried.
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) policy: Policy,
    pub(crate) soap: SoapVersion,
    /// Whether its calls bring header blocks, one of which is encrypted.
    pub(crate) headers: bool,
    /// Whether xmlsec1 can judge it by itself.
    pub(crate) alone: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Order {
    SignFirst,
    SignatureEncrypted,
    EncryptFirst,
    EncryptFirstAndSignature,
}

/// What is said of a binding and its orders: a name, the presets that it is taken from in turn, and its orders.
type Row = (&'static str, &'static [&'static str], &'static [Order]);

pub(crate) const ORDERS: &[Order] =
    &[Order::SignFirst, Order::SignatureEncrypted, Order::EncryptFirst, Order::EncryptFirstAndSignature];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("symmetric", &[
        "wcf-ws2007-mutualCertificate", "wse-usernameForCertificateSecurity", "wcf-wshttp-anonymousForCertificate",
        "wcf-wshttp-mutualCertificate", "wcf-ws2007-userNameForCertificate", "wse-mutualCertificate11Security",
    ], ORDERS),
    ("conversation", &[
        "wcf-ws2007-userNameForCertificate-conversation", "wcf-wshttp-mutualCertificate-conversation",
        "wse-anonymousForCertificateSecurity-conversation", "wcf-ws2007-mutualCertificate-conversation",
        "wse-mutualCertificate10Security-conversation", "wcf-wshttp-userNameForCertificate-conversation",
    ], ORDERS),
    ("transport, certificate", &[
        "wcf-ws2007-certificateOverTransport", "wcf-wshttp-certificateOverTransport",
    ], &[Order::SignFirst]),
    ("transport, conversation", &[
        "wcf-ws2007-userNameOverTransport-conversation", "wcf-wshttp-certificateOverTransport-conversation",
        "wcf-ws2007-certificateOverTransport-conversation", "wcf-wshttp-userNameOverTransport-conversation",
    ], &[Order::SignFirst]),
    ("asymmetric", &["wse-mutualCertificate10Security"], ORDERS),
];

/// All shapes.
pub(crate) fn shapes() -> Vec<Shape> {
    let mut shapes = supported();
    shapes.extend(hidden());
    shapes.extend(referred());
    for &(name, presets, orders) in ROWS {
        for (number, suite) in SUITES.iter().enumerate() {
            for (at, &order) in orders.iter().enumerate() {
                // Consecutive shapes of one order differ in everything that takes turns.
                let turn = number * 7 + at + number / 3;
                let mut shape = shape(name, presets, suite, order, turn);
                // Each step of xmlsec1's is a process: one order of each suite, most often the one in which it can unwrap.
                shape.alone = orders.len() == 1 || at == [1, 0, 3, 2][number % 4];
                shapes.push(shape);
            }
        }
    }
    shapes
}

fn shape(binding: &str, presets: &[&str], suite: &'static Suite, order: Order, turn: usize) -> Shape {
    let preset = preset::named(presets[turn % presets.len()]).expect("a preset");
    let mut policy = preset.policy;
    // Where the signature is encrypted the wrapped key is what encrypts, so that xmlsec1 can unwrap it.
    let derived = match (order, turn % 5) {
        (Order::SignatureEncrypted | Order::EncryptFirstAndSignature, _) | (_, 0) => DerivedKeys::None,
        _ => DerivedKeys::Explicit,
    };
    Change { suite, order, derived, protect: false, turn }.apply(&mut policy);
    let soap = preset.soap[turn / 2 % preset.soap.len()];
    let name = format!("{binding}, {}, {}, {derived:?} derived keys, {}", suite.name, order.words(), preset.name);
    Shape { name, policy, soap, headers: false, alone: false }
}

impl Order {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::SignFirst => "sign first",
            Self::SignatureEncrypted => "signature encrypted",
            Self::EncryptFirst => "encrypt first",
            Self::EncryptFirstAndSignature => "encrypt first and the signature too",
        }
    }
}

/// What is changed in a policy, and in that of its bootstrap.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    pub(crate) suite: &'static Suite,
    pub(crate) order: Order,
    pub(crate) derived: DerivedKeys,
    /// `ProtectTokens`.
    pub(crate) protect: bool,
    /// Whose turn it is among what is left.
    pub(crate) turn: usize,
}

impl Change {
    pub(crate) fn apply(self, policy: &mut Policy) {
        let Self { suite, order, derived: derived_keys, protect, turn } = self;
        let (protection_order, encrypt_signature) = match order {
            Order::SignFirst => (ProtectionOrder::SignBeforeEncrypt, false),
            Order::SignatureEncrypted => (ProtectionOrder::SignBeforeEncrypt, true),
            Order::EncryptFirst => (ProtectionOrder::EncryptBeforeSign, false),
            Order::EncryptFirstAndSignature => (ProtectionOrder::EncryptBeforeSign, true),
        };
        let over_transport = matches!(policy.binding, Binding::Transport(_));
        let properties = &mut policy.properties;
        properties.suite = suite;
        if turn % 3 == 1 {
            properties.options.canonicalization = Canonicalization::Inclusive;
        }
        if !over_transport {
            properties.order = protection_order;
            properties.encrypt_signature = encrypt_signature;
            properties.protect_tokens = protect;
        }
        match &mut policy.binding {
            Binding::Transport(_) => {}
            Binding::Symmetric(binding) => {
                properties.layout =
                    [Layout::Strict, Layout::Lax, Layout::LaxTimestampFirst, Layout::LaxTimestampLast][turn % 4];
                policy.wss.signature_confirmation = turn.is_multiple_of(2);
                match &mut binding.protection {
                    Token::X509(token) => {
                        token.derived_keys = derived_keys;
                        token.reference = reference(turn);
                    }
                    Token::SecureConversation(token) => token.derived_keys = derived_keys,
                    Token::Username(_) => {}
                }
            }
            Binding::Asymmetric(binding) => {
                properties.layout = [Layout::Strict, Layout::Lax][turn % 2];
                for token in [&mut binding.initiator, &mut binding.recipient] {
                    *token = X509Token { derived_keys, reference: reference_of_10(turn), ..token.clone() };
                }
                binding.initiator.include = [Include::AlwaysToRecipient, Include::Never][turn / 2 % 2];
                binding.recipient.include = [Include::Never, Include::Always, Include::AlwaysToInitiator][turn % 3];
                // A token of its own for what is encrypted, where it is the turn of that.
                let encrypted_for = |token: &X509Token| {
                    let (include, reference) = (Include::Never, X509Reference::IssuerSerial);
                    Some(X509Token { include, reference, ..token.clone() })
                };
                let tokens = EncryptionTokens {
                    initiator: encrypted_for(&binding.initiator),
                    recipient: encrypted_for(&binding.recipient),
                };
                binding.encryption = turn.is_multiple_of(3).then_some(tokens);
            }
        }
        for supporting in &mut policy.supporting {
            self.apply_to_bootstrap(&mut supporting.token);
        }
        if let Binding::Symmetric(binding) = &mut policy.binding {
            self.apply_to_bootstrap(&mut binding.protection);
        }
    }

    fn apply_to_bootstrap(self, token: &mut Token) {
        if let Token::SecureConversation(token) = token {
            self.apply(&mut token.bootstrap);
        }
    }
}

fn reference(turn: usize) -> X509Reference {
    [X509Reference::Thumbprint, X509Reference::KeyIdentifier, X509Reference::IssuerSerial, X509Reference::Any]
        [turn / 3 % 4]
}

/// WS-Security 1.0 knows no thumbprints.
fn reference_of_10(turn: usize) -> X509Reference {
    [X509Reference::KeyIdentifier, X509Reference::IssuerSerial, X509Reference::Any][turn / 2 % 3]
}

impl Shape {
    /// Whether its contexts can be cancelled.
    pub(crate) fn cancels(&self) -> bool {
        conversation(&self.policy).is_some_and(|token| token.cancel)
    }

    /// Whether it holds a conversation.
    pub(crate) fn converses(&self) -> bool {
        conversation(&self.policy).is_some()
    }

    /// Whether the transport protects its messages.
    pub(crate) fn over_transport(&self) -> bool {
        matches!(self.policy.binding, Binding::Transport(_))
    }

    /// Whether a key that a message brings, wrapped for a certificate in a way that xmlsec1 knows, encrypts as it is.
    pub(crate) fn wraps_what_encrypts(&self) -> bool {
        let suite = self.policy.properties.suite;
        let wraps = match &self.policy.binding {
            Binding::Transport(_) => return false,
            Binding::Symmetric(binding) => {
                matches!(&binding.protection, Token::X509(token) if token.derived_keys == DerivedKeys::None)
            }
            Binding::Asymmetric(binding) => binding.recipient.derived_keys == DerivedKeys::None,
        };
        wraps && !matches!(suite.transport, KeyTransport::Oaep { v11: true, .. })
    }
}
