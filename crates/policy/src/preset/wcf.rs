//! WCF's standard bindings, as they publish themselves with `negotiateServiceCredential="false"`.
//!
//! A name is the binding, the authentication mode as WCF's configuration spells it, and `conversation` where
//! `establishSecurityContext` is `true`; without that word the credentials come with every message.
//!
//! | name begins with | binding | WS-Trust, WS-SecureConversation | WS-SecurityPolicy | messages |
//! | --- | --- | --- | --- | --- |
//! | `wcf-ws2007-` | `ws2007HttpBinding` | 1.3 | 1.2 | SOAP 1.2, WS-Addressing 1.0 |
//! | `wcf-wshttp-` | `wsHttpBinding` | February 2005 | 1.1 | SOAP 1.2, WS-Addressing 1.0 |
//!
//! | mode | `security` element | confirms signatures |
//! | --- | --- | --- |
//! | `userNameOverTransport` | `mode="TransportWithMessageCredential"`, `clientCredentialType="UserName"` | no |
//! | `certificateOverTransport` | `mode="TransportWithMessageCredential"`, `clientCredentialType="Certificate"` | no |
//! | `anonymousForCertificate` | `mode="Message"`, `clientCredentialType="None"` | yes |
//! | `userNameForCertificate` | `mode="Message"`, `clientCredentialType="UserName"` | no |
//! | `mutualCertificate` | `mode="Message"`, `clientCredentialType="Certificate"` | yes |
//!
//! Within a conversation signatures are not confirmed; those of its bootstrap are, as the table says.

use super::{Dialect, Mode, Preset};
use crate::model::{Addressing, PolicyVersion, SoapVersion, TrustVersion};

pub(crate) const WS2007: Dialect = Dialect {
    version: PolicyVersion::V12,
    trust: TrustVersion::V13,
    addressing: Addressing::V10,
    encrypt_signature: true,
};
pub(crate) const WSHTTP: Dialect = Dialect {
    version: PolicyVersion::V11,
    trust: TrustVersion::February2005,
    addressing: Addressing::V10,
    encrypt_signature: true,
};

/// Name, mode, and whether a conversation is held.
#[rustfmt::skip]
const NAMES: &[(&str, Mode, bool)] = &[
    ("wcf-ws2007-userNameOverTransport",                 Mode::UserNameOverTransport,    false),
    ("wcf-ws2007-userNameOverTransport-conversation",    Mode::UserNameOverTransport,    true),
    ("wcf-ws2007-certificateOverTransport",              Mode::CertificateOverTransport, false),
    ("wcf-ws2007-certificateOverTransport-conversation", Mode::CertificateOverTransport, true),
    ("wcf-ws2007-anonymousForCertificate",               Mode::AnonymousForCertificate,  false),
    ("wcf-ws2007-anonymousForCertificate-conversation",  Mode::AnonymousForCertificate,  true),
    ("wcf-ws2007-userNameForCertificate",                Mode::UserNameForCertificate,   false),
    ("wcf-ws2007-userNameForCertificate-conversation",   Mode::UserNameForCertificate,   true),
    ("wcf-ws2007-mutualCertificate",                     Mode::MutualCertificate,        false),
    ("wcf-ws2007-mutualCertificate-conversation",        Mode::MutualCertificate,        true),
    ("wcf-wshttp-userNameOverTransport",                 Mode::UserNameOverTransport,    false),
    ("wcf-wshttp-userNameOverTransport-conversation",    Mode::UserNameOverTransport,    true),
    ("wcf-wshttp-certificateOverTransport",              Mode::CertificateOverTransport, false),
    ("wcf-wshttp-certificateOverTransport-conversation", Mode::CertificateOverTransport, true),
    ("wcf-wshttp-anonymousForCertificate",               Mode::AnonymousForCertificate,  false),
    ("wcf-wshttp-anonymousForCertificate-conversation",  Mode::AnonymousForCertificate,  true),
    ("wcf-wshttp-userNameForCertificate",                Mode::UserNameForCertificate,   false),
    ("wcf-wshttp-userNameForCertificate-conversation",   Mode::UserNameForCertificate,   true),
    ("wcf-wshttp-mutualCertificate",                     Mode::MutualCertificate,        false),
    ("wcf-wshttp-mutualCertificate-conversation",        Mode::MutualCertificate,        true),
];

/// The presets of this module.
pub fn presets() -> impl Iterator<Item = Preset> {
    NAMES.iter().map(|&(name, mode, conversation)| {
        let ws2007 = name.starts_with("wcf-ws2007-");
        let (dialect, binding) = if ws2007 { (WS2007, "ws2007HttpBinding") } else { (WSHTTP, "wsHttpBinding") };
        let confirms = matches!(mode, Mode::AnonymousForCertificate | Mode::MutualCertificate);
        let bootstrap = dialect.per_message(mode, confirms);
        let (how, policy) = if conversation {
            ("in a conversation", dialect.conversation(bootstrap, true))
        } else {
            ("per message", bootstrap)
        };
        Preset { name, meaning: format!("WCF {binding}, {how}: {}", mode.meaning()), soap: &[SoapVersion::V12], policy }
    })
}
