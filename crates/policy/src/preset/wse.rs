//! The turn-key assertions of WSE 3.0, with the attributes that its wizard writes.
//!
//! All speak WS-Security 1.1, WS-Trust and WS-SecureConversation of February 2005 and WS-Addressing of August 2004, in
//! SOAP 1.1 and 1.2. Keys are derived (`requireDerivedKeys="true"`), the order is `SignBeforeEncrypt` with the signature
//! left in clear, signatures are not confirmed. `conversation` in a name is `establishSecurityContext="true"`: a context
//! that is never cancelled (in a policy, `MustNotSendCancel`).
//!
//! | name | assertion |
//! | --- | --- |
//! | `wse-usernameOverTransportSecurity` | `usernameOverTransportSecurity`, which knows no conversation |
//! | `wse-anonymousForCertificateSecurity`, `…-conversation` | `anonymousForCertificateSecurity` |
//! | `wse-usernameForCertificateSecurity`, `…-conversation` | `usernameForCertificateSecurity` |
//! | `wse-mutualCertificate10Security`, `…-conversation` | `mutualCertificate10Security`, which asks of WS-Security 1.0 alone |
//! | `wse-mutualCertificate11Security`, `…-conversation` | `mutualCertificate11Security` |

use super::{Dialect, Mode, Preset};
use crate::model::{Addressing, PolicyVersion, SoapVersion, TrustVersion};

pub(crate) const WSE: Dialect = Dialect {
    version: PolicyVersion::V11,
    trust: TrustVersion::February2005,
    addressing: Addressing::August2004,
    encrypt_signature: false,
};

/// Name, mode, and whether a conversation is held.
#[rustfmt::skip]
const NAMES: &[(&str, Mode, bool)] = &[
    ("wse-usernameOverTransportSecurity",                Mode::UserNameOverTransport,   false),
    ("wse-anonymousForCertificateSecurity",              Mode::AnonymousForCertificate, false),
    ("wse-anonymousForCertificateSecurity-conversation", Mode::AnonymousForCertificate, true),
    ("wse-usernameForCertificateSecurity",               Mode::UserNameForCertificate,  false),
    ("wse-usernameForCertificateSecurity-conversation",  Mode::UserNameForCertificate,  true),
    ("wse-mutualCertificate10Security",                  Mode::MutualCertificate10,     false),
    ("wse-mutualCertificate10Security-conversation",     Mode::MutualCertificate10,     true),
    ("wse-mutualCertificate11Security",                  Mode::MutualCertificate,       false),
    ("wse-mutualCertificate11Security-conversation",     Mode::MutualCertificate,       true),
];

/// The presets of this module.
pub fn presets() -> impl Iterator<Item = Preset> {
    NAMES.iter().map(|&(name, mode, conversation)| {
        let bootstrap = WSE.per_message(mode, false);
        let (how, policy) = if conversation {
            ("in a conversation", WSE.conversation(bootstrap, false))
        } else {
            ("per message", bootstrap)
        };
        Preset {
            name,
            meaning: format!("WSE 3.0, {how}: {}", mode.meaning()),
            soap: &[SoapVersion::V11, SoapVersion::V12],
            policy,
        }
    })
}
