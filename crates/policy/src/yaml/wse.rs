//! WSE's turn-key assertions by their attributes.

use std::time::Duration;

use super::attributes::{MessageProtectionOrder, Protection, ProtectionOf, SignatureOption};
use super::file::Keys;
use super::parts::{HeaderTerms, addressing_headers};
use super::{Settings, Stated, refuse};
use crate::model::{DerivedKeys, HeaderPart, MessageParts, PartSet, Parts, Policy, ProtectionOrder, SoapVersion};
use crate::preset::Mode;
use crate::preset::wse::WSE;
use crate::said::{NotRead, Said};

/// The assertions, with what they stand for.
pub(super) const ASSERTIONS: [(&str, Mode); 5] = [
    ("usernameOverTransportSecurity", Mode::UserNameOverTransport),
    ("anonymousForCertificateSecurity", Mode::AnonymousForCertificate),
    ("usernameForCertificateSecurity", Mode::UserNameForCertificate),
    ("mutualCertificate10Security", Mode::MutualCertificate10),
    ("mutualCertificate11Security", Mode::MutualCertificate),
];

/// The attributes of one that is over a transport.
pub(super) const OVER_TRANSPORT: &[&str] = &["ttlInSeconds"];
/// The attributes of the others.
pub(super) const ATTRIBUTES: &[&str] = &[
    "establishSecurityContext",
    "renewExpiredSecurityContext",
    "requireSignatureConfirmation",
    "messageProtectionOrder",
    "requireDerivedKeys",
    "ttlInSeconds",
    "protection",
];

/// The policy of an assertion with these attributes.
pub(super) fn policy(name: &'static str, mode: Mode, keys: &Keys) -> Result<Stated, NotRead> {
    let confirms = said(keys.require_signature_confirmation.as_ref(), false);
    if let Some(said) = keys.require_signature_confirmation.as_ref().filter(|said| said.value && mode.is_asymmetric()) {
        return Err(refuse(
            &said.origin,
            format!("requireSignatureConfirmation needs WS-Security 1.1, and {name} is of 1.0"),
        ));
    }
    let order =
        keys.message_protection_order.as_ref().map_or(MessageProtectionOrder::SignBeforeEncrypt, |said| said.value);
    let derived = said(keys.require_derived_keys.as_ref(), true);
    let change = |policy: &mut Policy| {
        put_order(policy, order);
        super::derive(policy, if derived { DerivedKeys::Explicit } else { DerivedKeys::None });
    };
    let mut policy = WSE.per_message(mode, confirms);
    if !mode.is_over_transport() {
        change(&mut policy);
        if said(keys.establish_security_context.as_ref(), false) {
            policy = WSE.conversation(policy, false);
            change(&mut policy);
        }
    }
    if let Some(protection) = &keys.protection {
        (policy.parts, policy.messages) = protected(&protection.value, &policy)?;
    }
    Ok(Stated {
        name: name.to_owned(),
        soap: vec![SoapVersion::V11, SoapVersion::V12],
        alternatives: vec![policy],
        operations: Vec::new(),
        settings: Settings {
            message_lifetime: keys.ttl_in_seconds.as_ref().map(ttl).transpose()?,
            renew_expired_context: keys.renew_expired_security_context.as_ref().map(|said| said.value),
        },
    })
}

fn said(said: Option<&Said<bool>>, otherwise: bool) -> bool {
    said.map_or(otherwise, |said| said.value)
}

/// A lifetime of a year or more is a slip of the pen, and would overflow a deadline.
fn ttl(seconds: &Said<u32>) -> Result<Said<Duration>, NotRead> {
    match seconds.value {
        1..=31_536_000 => Ok(seconds.with(Duration::from_secs(seconds.value.into()))),
        other => Err(refuse(&seconds.origin, format!("ttlInSeconds cannot be {other}: it is from 1 to a year"))),
    }
}

/// Has the messages of a policy signed and encrypted in that order.
pub(super) fn put_order(policy: &mut Policy, order: MessageProtectionOrder) {
    let properties = &mut policy.properties;
    (properties.order, properties.encrypt_signature) = match order {
        MessageProtectionOrder::SignBeforeEncrypt => (ProtectionOrder::SignBeforeEncrypt, false),
        MessageProtectionOrder::SignBeforeEncryptAndEncryptSignature => (ProtectionOrder::SignBeforeEncrypt, true),
        MessageProtectionOrder::EncryptBeforeSign => (ProtectionOrder::EncryptBeforeSign, false),
    };
}

/// What `protection` says of every message, and of those of one kind.
fn protected(protection: &Protection, policy: &Policy) -> Result<(Parts, MessageParts), NotRead> {
    let request = parts(&protection.request, policy)?;
    if request.signed.is_empty() {
        let words = "requests must have something signed: nothing else tells who sent them";
        return Err(refuse(&protection.request.origin, words.to_owned()));
    }
    let response = parts(&protection.response, policy)?;
    let fault = parts(&protection.fault, policy)?;
    if request == response && response == fault {
        return Ok((request, MessageParts::default()));
    }
    Ok((Parts::default(), MessageParts { request, response, fault }))
}

fn parts(of: &Said<ProtectionOf>, policy: &Policy) -> Result<Parts, NotRead> {
    let ProtectionOf { signature_options: options, encrypt_body, signed_header } = &of.value;
    let has = |option| options.contains(&option);
    if has(SignatureOption::IncludeNone) && (options.len() > 1 || !signed_header.is_empty()) {
        return Err(refuse(&of.origin, "IncludeNone contradicts what is signed beside it".to_owned()));
    }
    if *encrypt_body && !has(SignatureOption::IncludeSoapBody) {
        let words = "a body that is encrypted and not signed can be altered, and read by who alters it: sign it, too";
        return Err(refuse(&of.origin, words.to_owned()));
    }
    let named = |header: &HeaderPart| {
        has(SignatureOption::IncludeAddressing)
            || options.iter().any(|option| option.header().is_some_and(|name| header.name.as_deref() == Some(name)))
    };
    let mut headers: Vec<HeaderPart> = addressing_headers(policy.addressing).into_iter().filter(named).collect();
    headers.extend(signed_header.iter().cloned().map(HeaderTerms::model));
    Ok(Parts {
        signed: PartSet { body: has(SignatureOption::IncludeSoapBody), every_header: false, headers },
        encrypted: PartSet { body: *encrypt_body, ..PartSet::default() },
        ..Parts::default()
    })
}
