//! WCF's authentication modes and standard bindings by their attributes.

use super::attributes::{
    ClientCredentialType, HttpClientCredentialType, KeyEntropyMode, MessageProtectionOrder, MessageSecurity,
    MessageSecurityVersion, MessageVersion, SecureConversationBootstrap, Security, SecurityHeaderLayout, SecurityMode,
    TransportSecurity,
};
use super::file::Keys;
use super::overrides::{bootstrap, readdress};
use super::suite::SuiteTerms;
use super::wse::put_order;
use super::{Settings, Stated, derive, refuse};
use crate::model::{Addressing, Binding, DerivedKeys, Layout, Policy, SoapVersion, Token};
use crate::preset::wcf::{WS2007, WSHTTP};
use crate::preset::{Dialect, Mode};
use crate::said::{NotRead, Origin, Said};

/// The authentication modes that are built, but for the one of conversations.
pub(super) const MODES: [(&str, Mode); 5] = [
    ("AnonymousForCertificate", Mode::AnonymousForCertificate),
    ("UserNameForCertificate", Mode::UserNameForCertificate),
    ("MutualCertificate", Mode::MutualCertificate),
    ("UserNameOverTransport", Mode::UserNameOverTransport),
    ("CertificateOverTransport", Mode::CertificateOverTransport),
];
/// The one of conversations.
pub(super) const CONVERSATION: &str = "SecureConversation";
/// Those that are known and not built, and WSE's.
pub(super) const NOT_BUILT: [&str; 16] = [
    "AnonymousForSslNegotiated",
    "CertificateForSslNegotiated",
    "IssuedToken",
    "IssuedTokenForCertificate",
    "IssuedTokenForSslNegotiated",
    "IssuedTokenOverTransport",
    "Kerberos",
    "KerberosOverTransport",
    "MutualCertificateDuplex",
    "MutualSslNegotiated",
    "SspiNegotiated",
    "SspiNegotiatedOverTransport",
    "UserNameForSslNegotiated",
    "kerberosSecurity",
    "netTcpBinding",
    "wsFederationHttpBinding",
];
/// The standard bindings.
pub(super) const BINDINGS: [&str; 3] = ["wsHttpBinding", "ws2007HttpBinding", "basicHttpBinding"];

/// The attributes of an authentication mode.
pub(super) const MODE_ATTRIBUTES: &[&str] = &[
    "defaultAlgorithmSuite",
    "securityHeaderLayout",
    "messageProtectionOrder",
    "requireSignatureConfirmation",
    "includeTimestamp",
    "requireDerivedKeys",
    "protectTokens",
    "keyEntropyMode",
    "messageSecurityVersion",
    "messageVersion",
];
/// The attributes of the one of conversations besides.
pub(super) const CONVERSATION_ATTRIBUTES: &[&str] =
    &["requireSecurityContextCancellation", "canRenewSecurityContextToken", "secureConversationBootstrap"];
/// The attributes of a standard binding.
pub(super) const BINDING_ATTRIBUTES: &[&str] = &["security"];

/// The attributes that an authentication mode and a bootstrap have alike.
struct Common<'a> {
    suite: Option<SuiteTerms>,
    layout: Option<SecurityHeaderLayout>,
    order: Option<&'a Said<MessageProtectionOrder>>,
    confirmation: Option<&'a Said<bool>>,
    timestamp: Option<bool>,
    derived: Option<bool>,
    protect_tokens: Option<&'a Said<bool>>,
    entropy: Option<KeyEntropyMode>,
    version: Option<&'a Said<MessageSecurityVersion>>,
}

impl<'a> Common<'a> {
    fn of_keys(keys: &'a Keys) -> Self {
        Self {
            suite: keys.default_algorithm_suite.as_ref().map(|said| said.value),
            layout: keys.security_header_layout.as_ref().map(|said| said.value),
            order: keys.message_protection_order.as_ref(),
            confirmation: keys.require_signature_confirmation.as_ref(),
            timestamp: keys.include_timestamp.as_ref().map(|said| said.value),
            derived: keys.require_derived_keys.as_ref().map(|said| said.value),
            protect_tokens: keys.protect_tokens.as_ref(),
            entropy: keys.key_entropy_mode.as_ref().map(|said| said.value),
            version: keys.message_security_version.as_ref(),
        }
    }

    /// Of a bootstrap. Where it does not say its version, it is that of what is `around`.
    fn of_bootstrap(said: &'a SecureConversationBootstrap, around: &Self) -> Self {
        Self {
            suite: said.default_algorithm_suite,
            layout: said.security_header_layout,
            order: said.message_protection_order.as_ref(),
            confirmation: said.require_signature_confirmation.as_ref(),
            timestamp: said.include_timestamp,
            derived: said.require_derived_keys,
            protect_tokens: said.protect_tokens.as_ref(),
            entropy: said.key_entropy_mode,
            version: said.message_security_version.as_ref().or(around.version),
        }
    }

    fn dialect(&self) -> Dialect {
        if self.version.is_some_and(|said| said.value.is_trust13()) { WS2007 } else { WSHTTP }
    }

    fn is_wss11(&self) -> bool {
        self.version.is_none_or(|said| said.value.is_wss11())
    }

    /// The policy of a mode whose credentials come with every message.
    fn per_message(&self, name: &str, mode: Mode) -> Result<Policy, NotRead> {
        let mode = match (mode, self.version.filter(|said| !said.value.is_wss11())) {
            (Mode::MutualCertificate, Some(_)) => Mode::MutualCertificate10,
            (Mode::AnonymousForCertificate | Mode::UserNameForCertificate, Some(said)) => {
                return Err(refuse(&said.origin, format!("{name} needs WS-Security 1.1")));
            }
            (mode, _) => mode,
        };
        let confirms = matches!(mode, Mode::AnonymousForCertificate | Mode::MutualCertificate);
        let mut policy = self.dialect().per_message(mode, confirms);
        policy.wss.v11 = self.is_wss11();
        if mode.is_asymmetric() {
            derive(&mut policy, DerivedKeys::None);
        }
        self.apply(&mut policy)?;
        Ok(policy)
    }

    /// Gives a policy, but not the one within it, what the attributes say.
    fn apply(&self, policy: &mut Policy) -> Result<(), NotRead> {
        let over_transport = matches!(policy.binding, Binding::Transport(_));
        if let Some(suite) = self.suite {
            (policy.properties.suite, policy.properties.options) = suite.model();
        }
        if let Some(layout) = self.layout {
            policy.properties.layout = layout.model();
        }
        // WCF's own elements have the attribute in either case, and so copies of them; over TLS it means nothing.
        if let Some(order) = self.order.filter(|_| !over_transport) {
            put_order(policy, order.value);
        }
        if let Some(said) = self.confirmation {
            if said.value && !policy.wss.v11 {
                return Err(refuse(&said.origin, "requireSignatureConfirmation needs WS-Security 1.1".to_owned()));
            }
            policy.wss.signature_confirmation = said.value;
        }
        if let Some(timestamp) = self.timestamp {
            policy.properties.timestamp = timestamp;
        }
        if let Some(derived) = self.derived {
            derive(policy, if derived { DerivedKeys::Explicit } else { DerivedKeys::None });
        }
        if let Some(said) = self.protect_tokens {
            if said.value && over_transport {
                return Err(refuse(&said.origin, "protectTokens says nothing where TLS protects messages".to_owned()));
            }
            policy.properties.protect_tokens = said.value;
        }
        if let (Some(entropy), Some(trust)) = (self.entropy, &mut policy.trust) {
            (trust.client_entropy, trust.server_entropy) = entropy.sides();
        }
        Ok(())
    }
}

/// The policy of an authentication mode with these attributes.
pub(super) fn mode(name: &'static str, mode: Mode, keys: &Keys) -> Result<Stated, NotRead> {
    let policy = Common::of_keys(keys).per_message(name, mode)?;
    Ok(versioned(name, policy, keys))
}

/// The policy of conversations with these attributes. `at` is where they are asked for.
pub(super) fn conversation(at: &Origin, keys: &Keys) -> Result<Stated, NotRead> {
    let said = keys.secure_conversation_bootstrap.as_ref().ok_or_else(|| {
        let words = "SecureConversation has no secureConversationBootstrap, and what WCF has in its place \
            (SspiNegotiated) is not built yet";
        refuse(at, words.to_owned())
    })?;
    let around = Common::of_keys(keys);
    let name = &said.value.authentication_mode;
    let Some((name, mode)) = MODES.iter().find(|(known, _)| name.value.eq_ignore_ascii_case(known)) else {
        return Err(not_a_mode(name));
    };
    let within = Common::of_bootstrap(&said.value, &around).per_message(name, *mode)?;
    let cancels = keys.require_security_context_cancellation.as_ref().is_none_or(|said| said.value);
    let mut policy = around.dialect().conversation(within, cancels);
    policy.wss.v11 = around.is_wss11();
    if keys.can_renew_security_context_token.as_ref().is_some_and(|said| !said.value) {
        for token in conversations(&mut policy) {
            if let Token::SecureConversation(token) = token {
                token.renew = false;
            }
        }
    }
    around.apply(&mut policy)?;
    Ok(versioned(CONVERSATION, policy, keys))
}

fn conversations(policy: &mut Policy) -> impl Iterator<Item = &mut Token> {
    let protection = match &mut policy.binding {
        Binding::Symmetric(binding) => Some(&mut binding.protection),
        Binding::Transport(_) | Binding::Asymmetric(_) => None,
    };
    protection.into_iter().chain(policy.supporting.iter_mut().map(|own| &mut own.token))
}

/// Why a name is not the one of an authentication mode.
fn not_a_mode(name: &Said<String>) -> NotRead {
    let known = NOT_BUILT.iter().any(|known| name.value.eq_ignore_ascii_case(known));
    let modes: Vec<&str> = MODES.iter().map(|(name, _)| *name).collect();
    let words = if known {
        format!("{} is not built yet", name.value)
    } else {
        format!("no authentication mode is called {}; there are {}", name.value, modes.join(", "))
    };
    refuse(&name.origin, words)
}

/// The policy in the version of messages that is said.
fn versioned(name: &'static str, mut policy: Policy, keys: &Keys) -> Stated {
    let version = keys.message_version.as_ref().map_or(MessageVersion::Default, |said| said.value);
    let (soap, addressing) = version.model();
    if addressing != policy.addressing {
        readdress(&mut policy, addressing);
        if let Some(bootstrap) = bootstrap(&mut policy) {
            readdress(bootstrap, addressing);
        }
    }
    stated(name, vec![soap], policy)
}

fn stated(name: &'static str, soap: Vec<SoapVersion>, policy: Policy) -> Stated {
    Stated {
        name: name.to_owned(),
        soap,
        alternatives: vec![policy],
        operations: Vec::new(),
        settings: Settings::default(),
    }
}

/// The policy of a standard binding with these attributes. `at` is where it is asked for.
pub(super) fn binding(name: &'static str, at: &Origin, keys: &Keys) -> Result<Stated, NotRead> {
    let Some(security) = &keys.security else {
        let words = match name {
            "basicHttpBinding" => "basicHttpBinding without security has none: there is nothing to do for it",
            _ => "without security, the binding takes Windows accounts, which is not built yet",
        };
        return Err(refuse(at, words.to_owned()));
    };
    let Security { mode, message, transport } = &security.value;
    let basic = name == "basicHttpBinding";
    let over_transport = match mode.value {
        SecurityMode::Message => false,
        SecurityMode::TransportWithMessageCredential => true,
        SecurityMode::Transport => {
            if let Some(message) = message {
                let words = "message says nothing where TLS alone protects messages: the mode for a credential in them is \
                    TransportWithMessageCredential";
                return Err(refuse(&message.origin, words.to_owned()));
            }
            let absent = mode.with(TransportSecurity::default());
            let policy = transport_alone(name, transport.as_ref().unwrap_or(&absent))?;
            return Ok(stated(name, vec![soap(basic)], policy));
        }
        SecurityMode::None => {
            return Err(refuse(&mode.origin, "this mode has no security: there is nothing to do for it".to_owned()));
        }
    };
    if let Some(transport) = transport {
        let words =
            "transport says nothing but in the mode Transport: in this one, clients prove who they are in messages";
        return Err(refuse(&transport.origin, words.to_owned()));
    }
    let absent = mode.with(MessageSecurity::default());
    let message = message.as_ref().unwrap_or(&absent);
    let credential = credential(basic, message)?;
    let auth = match (credential.value, over_transport) {
        (ClientCredentialType::UserName, true) => Mode::UserNameOverTransport,
        (ClientCredentialType::Certificate, true) => Mode::CertificateOverTransport,
        (ClientCredentialType::None, true) => {
            let words = "a message credential of the type None is none: WCF refuses it too";
            return Err(refuse(&credential.origin, words.to_owned()));
        }
        (ClientCredentialType::Certificate, false) if basic => Mode::MutualCertificate10,
        (_, false) if basic => {
            let words = "basicHttpBinding protects messages under certificates alone";
            return Err(refuse(&credential.origin, words.to_owned()));
        }
        (ClientCredentialType::UserName, false) => Mode::UserNameForCertificate,
        (ClientCredentialType::Certificate, false) => Mode::MutualCertificate,
        (ClientCredentialType::None, false) => Mode::AnonymousForCertificate,
        (ClientCredentialType::Windows | ClientCredentialType::IssuedToken, _) => {
            return Err(refuse(&credential.origin, format!("{:?} credentials are not built yet", credential.value)));
        }
    };
    if !basic && !over_transport && message.value.negotiate_service_credential.as_ref().is_none_or(|said| said.value) {
        let at = message.value.negotiate_service_credential.as_ref().map_or(&message.origin, |said| &said.origin);
        let words =
            "negotiateServiceCredential is true unless it is said to be false, and negotiation is not built yet";
        return Err(refuse(at, words.to_owned()));
    }
    let mut policy = of_binding(name, auth, message)?;
    if let Some(suite) = message.value.algorithm_suite {
        let (suite, options) = suite.model();
        (policy.properties.suite, policy.properties.options) = (suite, options);
        if let Some(bootstrap) = bootstrap(&mut policy) {
            (bootstrap.properties.suite, bootstrap.properties.options) = (suite, options);
        }
    }
    Ok(stated(name, vec![soap(basic)], policy))
}

/// The version of SOAP that a standard binding speaks.
fn soap(basic: bool) -> SoapVersion {
    if basic { SoapVersion::V11 } else { SoapVersion::V12 }
}

/// The policy of a standard binding of which TLS protects the messages, and nothing in them.
fn transport_alone(name: &str, transport: &Said<TransportSecurity>) -> Result<Policy, NotRead> {
    let basic = name == "basicHttpBinding";
    let credential = match &transport.value.client_credential_type {
        Some(said) => said.clone(),
        None if basic => transport.with(HttpClientCredentialType::None),
        None => {
            let words = "clientCredentialType of transport is Windows unless it is said, and Windows credentials are \
                not built yet";
            return Err(refuse(&transport.origin, words.to_owned()));
        }
    };
    let client_certificate = match credential.value {
        HttpClientCredentialType::None => false,
        HttpClientCredentialType::Certificate => true,
        other => return Err(refuse(&credential.origin, format!("{other:?} credentials are not built yet"))),
    };
    let dialect = if name == "ws2007HttpBinding" { WS2007 } else { WSHTTP };
    let mut policy = dialect.transport(client_certificate);
    if basic {
        readdress(&mut policy, Addressing::None);
    }
    Ok(policy)
}

/// What a client brings: what the binding takes where nothing is said.
fn credential(basic: bool, message: &Said<MessageSecurity>) -> Result<Said<ClientCredentialType>, NotRead> {
    match &message.value.client_credential_type {
        Some(said) => Ok(said.clone()),
        None if basic => Ok(message.with(ClientCredentialType::UserName)),
        None => {
            let words = "clientCredentialType is Windows unless it is said, and Windows credentials are not built yet";
            Err(refuse(&message.origin, words.to_owned()))
        }
    }
}

fn of_binding(name: &'static str, auth: Mode, message: &Said<MessageSecurity>) -> Result<Policy, NotRead> {
    let message = &message.value;
    if name == "basicHttpBinding" {
        let others = message.establish_security_context.as_ref().or(message.negotiate_service_credential.as_ref());
        if let Some(said) = others {
            let words = "basicHttpBinding holds no conversations and negotiates nothing";
            return Err(refuse(&said.origin, words.to_owned()));
        }
        let mut policy = WSHTTP.per_message(auth, false);
        policy.wss.v11 = false;
        policy.trust = None;
        policy.properties.layout = Layout::Lax;
        derive(&mut policy, DerivedKeys::None);
        readdress(&mut policy, Addressing::None);
        return Ok(policy);
    }
    let dialect = if name == "ws2007HttpBinding" { WS2007 } else { WSHTTP };
    let confirms = matches!(auth, Mode::AnonymousForCertificate | Mode::MutualCertificate);
    let policy = dialect.per_message(auth, confirms);
    let establishes = message.establish_security_context.as_ref().is_none_or(|said| said.value);
    Ok(if establishes { dialect.conversation(policy, true) } else { policy })
}
