//! Policies by the names that users know them under, for routes without a WSDL.
//!
//! [`wcf`] has the standard bindings of Windows Communication Foundation, [`wse`] the turn-key assertions of Web
//! Services Enhancements 3.0. Every one is what the WSDL of such a service says, with the defaults of the product:
//! Basic256, strict layout, a timestamp, derived keys where keys are transported.

pub mod wcf;
pub mod wse;

use crate::model::{
    Addressing, AsymmetricBinding, Binding, DerivedKeys, HeaderPart, Include, Layout, MessageParts, PartSet, Parts,
    PasswordKind, Policy, PolicyVersion, Properties, ProtectionOrder, ReferenceTarget, SecureConversationToken,
    SoapVersion, SuiteOptions, SupportingToken, SymmetricBinding, Token, TransportBinding, Trust, TrustVersion,
    UsernameToken, Wss, X509Kind, X509Reference, X509Token,
};
use crate::names;
use crate::suite::{SUITES, Suite};

/// What a name stands for: an endpoint's policy without operations. Any action is its own, and [`Policy::parts`] says
/// what is protected in every message.
#[derive(Clone, Debug)]
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// What it is called in its product, in a line for people.
    pub meaning: String,
    /// The versions of SOAP that such an endpoint speaks.
    pub soap: &'static [SoapVersion],
    /// Its policy.
    pub policy: Policy,
}

/// The preset of that name. Case does not matter: it never did in the products' own files.
pub fn named(name: &str) -> Option<Preset> {
    all().find(|preset| preset.name.eq_ignore_ascii_case(name))
}

/// Every preset, WCF's first.
pub fn all() -> impl Iterator<Item = Preset> {
    wcf::presets().chain(wse::presets())
}

/// The product's default everywhere: Basic256.
const BASIC256: &Suite = &SUITES[0];

/// What differs between the products and their versions.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    version: PolicyVersion,
    trust: TrustVersion,
    addressing: Addressing,
    /// Whether the primary signature is encrypted.
    encrypt_signature: bool,
}

/// How a client proves who it is, and what protects its messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    UserNameOverTransport,
    CertificateOverTransport,
    AnonymousForCertificate,
    UserNameForCertificate,
    MutualCertificate,
    /// With WS-Security 1.0: the asymmetric binding.
    MutualCertificate10,
}

impl Mode {
    pub(crate) fn is_over_transport(self) -> bool {
        matches!(self, Self::UserNameOverTransport | Self::CertificateOverTransport)
    }

    pub(crate) fn is_asymmetric(self) -> bool {
        self == Self::MutualCertificate10
    }

    /// What it demands, for people.
    fn meaning(self) -> &'static str {
        match self {
            Self::UserNameOverTransport => "TLS, a user name and password in the message",
            Self::CertificateOverTransport => "TLS, a signature with the client's certificate in the message",
            Self::AnonymousForCertificate => {
                "messages signed and encrypted under the service's certificate, anonymous clients"
            }
            Self::UserNameForCertificate => {
                "messages signed and encrypted under the service's certificate, a user name and password"
            }
            Self::MutualCertificate => {
                "messages signed and encrypted under the service's certificate, the client's certificate endorsing"
            }
            Self::MutualCertificate10 => {
                "messages signed with the sender's certificate and encrypted under the receiver's (WS-Security 1.0)"
            }
        }
    }
}

impl Dialect {
    /// The policy of a mode whose credentials come with every message.
    pub(crate) fn per_message(self, mode: Mode, signature_confirmation: bool) -> Policy {
        let over_transport = mode.is_over_transport();
        let binding = match mode {
            Mode::MutualCertificate10 => Binding::Asymmetric(asymmetric()),
            _ if over_transport => TRANSPORT,
            _ => Binding::Symmetric(SymmetricBinding { protection: Token::X509(service_certificate()) }),
        };
        let supporting = match mode {
            Mode::UserNameOverTransport | Mode::UserNameForCertificate => Some(self.username()),
            Mode::CertificateOverTransport => {
                // Over TLS the signature covers the timestamp, and the address so that it cannot be sent elsewhere.
                let to = HeaderPart { name: Some("To".to_owned()), namespace: self.namespace().to_owned() };
                let signed = PartSet { headers: vec![to], ..PartSet::default() };
                Some(endorsing(Token::X509(client_certificate()), Parts { signed, ..Parts::default() }))
            }
            Mode::MutualCertificate => Some(endorsing(Token::X509(client_certificate()), Parts::default())),
            Mode::AnonymousForCertificate | Mode::MutualCertificate10 => None,
        };
        Policy {
            version: self.version,
            binding,
            properties: self.properties(over_transport),
            supporting: supporting.into_iter().collect(),
            wss: Wss { v11: mode != Mode::MutualCertificate10, signature_confirmation },
            trust: Some(Trust { version: self.trust, client_entropy: true, server_entropy: true }),
            addressing: self.addressing,
            reliable: None,
            duplex: false,
            parts: if over_transport { Parts::default() } else { self.parts() },
            messages: MessageParts::default(),
            attached: None,
        }
    }

    /// The policy under which TLS does everything, and authenticates clients or does not.
    pub(crate) fn transport(self, client_certificate: bool) -> Policy {
        Policy {
            version: self.version,
            binding: Binding::Transport(TransportBinding { client_certificate }),
            properties: Properties { timestamp: false, ..self.properties(true) },
            supporting: Vec::new(),
            wss: Wss::default(),
            trust: None,
            addressing: self.addressing,
            reliable: None,
            duplex: false,
            parts: Parts::default(),
            messages: MessageParts::default(),
            attached: None,
        }
    }

    /// The policy of a conversation that `bootstrap` begins.
    pub(crate) fn conversation(self, bootstrap: Policy, cancel: bool) -> Policy {
        let over_transport = matches!(bootstrap.binding, Binding::Transport(_));
        // The words of a bootstrap's policy are the same over TLS, where they protect nothing.
        let bootstrap = Policy { parts: self.parts(), ..bootstrap };
        let token = Token::SecureConversation(SecureConversationToken {
            include: Include::AlwaysToRecipient,
            derived_keys: if over_transport { DerivedKeys::None } else { DerivedKeys::Explicit },
            cancel,
            // WCF's cookies cannot be renewed.
            renew: cancel || self.version == PolicyVersion::V11,
            target: ReferenceTarget::Any,
            bootstrap: Box::new(bootstrap),
        });
        let (binding, supporting) = if over_transport {
            (TRANSPORT, vec![endorsing(token, Parts::default())])
        } else {
            (Binding::Symmetric(SymmetricBinding { protection: token }), Vec::new())
        };
        Policy {
            version: self.version,
            binding,
            properties: self.properties(over_transport),
            supporting,
            wss: Wss { v11: true, signature_confirmation: false },
            trust: Some(Trust { version: self.trust, client_entropy: true, server_entropy: true }),
            addressing: self.addressing,
            reliable: None,
            duplex: false,
            parts: if over_transport { Parts::default() } else { self.parts() },
            messages: MessageParts::default(),
            attached: None,
        }
    }

    fn properties(self, over_transport: bool) -> Properties {
        Properties {
            suite: BASIC256,
            options: SuiteOptions::default(),
            layout: Layout::Strict,
            timestamp: true,
            order: ProtectionOrder::SignBeforeEncrypt,
            encrypt_signature: self.encrypt_signature && !over_transport,
            protect_tokens: false,
        }
    }

    /// WS-SecurityPolicy 1.1 has no word for an encrypted supporting token: there it goes without saying.
    fn username(self) -> SupportingToken {
        let token = Token::Username(UsernameToken {
            include: Include::AlwaysToRecipient,
            password: PasswordKind::Text,
            nonce: false,
            created: false,
            derived_keys: DerivedKeys::None,
            target: ReferenceTarget::Any,
        });
        let encrypted = self.version == PolicyVersion::V12;
        SupportingToken { token, signed: true, encrypted, endorsing: false, optional: false, parts: Parts::default() }
    }

    /// The body and the headers of addressing signed, the body encrypted.
    fn parts(self) -> Parts {
        let headers = ["To", "From", "FaultTo", "ReplyTo", "MessageID", "RelatesTo", "Action"];
        let headers =
            headers.map(|name| HeaderPart { name: Some(name.to_owned()), namespace: self.namespace().to_owned() });
        Parts {
            signed: PartSet { body: true, headers: headers.into(), ..PartSet::default() },
            encrypted: PartSet { body: true, ..PartSet::default() },
            ..Parts::default()
        }
    }

    fn namespace(self) -> &'static str {
        match self.addressing {
            Addressing::August2004 => names::ADDRESSING_2004,
            Addressing::V10 | Addressing::None => names::ADDRESSING_10,
        }
    }
}

/// Both sides' certificates are the source of the keys that are wrapped for them.
fn asymmetric() -> AsymmetricBinding {
    let token = |include| certificate(include, DerivedKeys::Explicit, X509Reference::Any);
    AsymmetricBinding {
        initiator: token(Include::AlwaysToRecipient),
        recipient: token(Include::Never),
        encryption: None,
    }
}

const TRANSPORT: Binding = Binding::Transport(TransportBinding { client_certificate: false });

/// The service's certificate: never sent, named by its thumbprint; the key under it is the source of derived keys.
fn service_certificate() -> X509Token {
    certificate(Include::Never, DerivedKeys::Explicit, X509Reference::Thumbprint)
}

/// The client's certificate: sent with every request.
fn client_certificate() -> X509Token {
    certificate(Include::AlwaysToRecipient, DerivedKeys::None, X509Reference::Thumbprint)
}

fn certificate(include: Include, derived_keys: DerivedKeys, reference: X509Reference) -> X509Token {
    X509Token { include, kind: X509Kind::V3, derived_keys, reference, target: ReferenceTarget::Any }
}

fn endorsing(token: Token, parts: Parts) -> SupportingToken {
    SupportingToken { token, signed: false, encrypted: false, endorsing: true, optional: false, parts }
}
