//! A message's portrait as it is told.

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::portrait as certificates;
use nuncio_policy::explain::algorithms;
use nuncio_policy::model::Addressing;
use nuncio_wss::Time;
use nuncio_wss::portrait::{
    FaultSaid, Hidden, KeyToken, Named, Portrait, Proof, Shape, SignatureSeen, TokenSeen, TrustSaid,
};

use super::report::{
    AddressingReport, CoverReport, EncryptedReport, FaultReport, MessageReport, SignatureReport, TokenReport,
    TrustReport,
};

/// Tells a portrait for an instant.
pub(super) fn describe(portrait: &Portrait, answer: bool, now: Time) -> MessageReport {
    let created = portrait.created();
    let addressing = &portrait.addressing;
    MessageReport {
        soap: portrait.soap.number(),
        direction: if answer { "answer" } else { "request" },
        kind: portrait.kind.word(),
        action: portrait.action.clone(),
        addressing: AddressingReport {
            version: addressing.version.and_then(|version| match version {
                Addressing::V10 => Some("1.0"),
                Addressing::August2004 => Some("2004/08"),
                Addressing::None => None,
            }),
            action: addressing.action.clone(),
            message_id: addressing.message_id.clone(),
            relates_to: addressing.relates_to.clone(),
            to: addressing.to.clone(),
            reply_to: addressing.reply_to.clone(),
            fault_to: addressing.fault_to.clone(),
        },
        created: created.map(|created| created.to_string()),
        expires: portrait.timestamps.iter().find_map(|stamp| stamp.expires).map(|expires| expires.to_string()),
        age_seconds: created.map(|created| now.seconds().saturating_sub(created.seconds())),
        payload: portrait.body.payload.as_ref().map(expanded),
        body_signed: portrait.body.signed,
        body_encrypted: portrait.body.encrypted,
        fault: portrait.fault.as_ref().map(fault),
        trust: portrait.trust.as_ref().map(trust),
        tokens: portrait.tokens.iter().map(token).collect(),
        signatures: portrait.signatures.iter().map(signature).collect(),
        encrypted: portrait.hidden.iter().map(hidden).collect(),
        suites: portrait.suites.clone(),
    }
}

/// A name as programs compare it.
pub(super) fn expanded(name: &Named) -> String {
    if name.namespace.is_empty() { name.local.clone() } else { format!("{{{}}}{}", name.namespace, name.local) }
}

fn fault(said: &FaultSaid) -> FaultReport {
    FaultReport {
        code: said.code.as_ref().map(expanded),
        subcode: said.subcode.as_ref().map(expanded),
        reason: said.reason.clone(),
        detail: said.detail.as_ref().map(expanded),
        means: said.meaning(),
    }
}

fn trust(said: &TrustSaid) -> TrustReport {
    TrustReport {
        generation: said.generation,
        request: said.request.clone(),
        token_type: said.token_type.clone(),
        key_bits: said.key_bits.clone(),
        created: said.lifetime.0.map(|time| time.to_string()),
        expires: said.lifetime.1.map(|time| time.to_string()),
        context: said.context.as_ref().map(|(identifier, _)| identifier.clone()),
        instance: said.context.as_ref().and_then(|(_, instance)| instance.clone()),
    }
}

fn token(seen: &TokenSeen) -> TokenReport {
    let (kind, says) = match &seen.shape {
        Shape::Certificate { certificate, path } => {
            ("certificate", certificate.as_deref().map_or_else(Vec::new, |found| certificate_says(found, *path)))
        }
        Shape::Username { name, password, created, nonce } => {
            let mut says = vec![format!("The user {name:?}, with {password}.")];
            says.extend(created.map(|created| format!("It says that it was made {created}.")));
            if *nonce {
                says.push("It has a nonce, by which a replay is told.".to_owned());
            }
            ("username", says)
        }
        Shape::Context { identifier, instance, cookie, dialect } => {
            let mut says = vec![format!("The security context {identifier}, of {}.", dialect.conversation)];
            says.extend(instance.as_ref().map(|instance| format!("It was renewed: this is its key {instance}.")));
            if *cookie {
                says.push("The context itself is in it, sealed by its issuer (a cookie).".to_owned());
            }
            ("context", says)
        }
        Shape::EncryptedKey { method, recipient, proof } => {
            let how = match method {
                Some(nuncio_wss::portrait::KeyMethod::Transport(transport)) => algorithms::transport(*transport),
                Some(nuncio_wss::portrait::KeyMethod::Wrap(_)) => "a key wrap",
                None => "a method that is not known",
            };
            let mut says = vec![format!("A key, encrypted by {how} for {}.", recipient.words)];
            says.extend(match proof {
                Proof::Good => Some("It opens.".to_owned()),
                Proof::Bad(why) => Some(format!("It does not open: {why}.")),
                Proof::Untried => None,
            });
            ("encrypted-key", says)
        }
        Shape::DerivedKey { source, offset, length, label, generation } => {
            let mut says = vec![format!("{length} octets from octet {offset} on, derived from {}.", source.words)];
            says.extend(label.as_ref().map(|label| format!("Its label is {label:?}.")));
            says.extend(generation.as_ref().map(|generation| format!("It names generation {generation}.")));
            ("derived-key", says)
        }
        Shape::Other { name, kind } => {
            let kind = kind.as_ref().map(|kind| format!(", of the type {kind}")).unwrap_or_default();
            ("other", vec![format!("The {name}{kind}, of which nothing more is said here.")])
        }
    };
    TokenReport { kind, id: seen.id.clone(), says, problem: seen.problem.clone() }
}

fn certificate_says(certificate: &Certificate, path: bool) -> Vec<String> {
    let portrait = certificates::Portrait::of(certificate);
    let at =
        |seconds: i64| crate::command::check::certificate::instant(Time::from_millis(seconds.saturating_mul(1000)));
    let what = if path { "At the end of a path of certificates, the one" } else { "The certificate" };
    let issuer = if portrait.self_signed { "itself" } else { certificate.issuer() };
    let thumbprint = certificate.thumbprint().iter().fold(String::new(), |text, octet| text + &format!("{octet:02X}"));
    vec![
        format!("{what} of {}, issued by {issuer}; its key is {}.", certificate.subject(), portrait.key),
        format!(
            "Valid from {} to {}; thumbprint {thumbprint}.",
            at(certificate.not_before()),
            at(certificate.not_after())
        ),
    ]
}

fn signature(seen: &SignatureSeen) -> SignatureReport {
    let covers =
        seen.covers.iter().map(|signed| CoverReport { part: signed.part.to_string(), digest: word(&signed.digest) });
    let why = match &seen.value {
        Proof::Bad(why) => Some(why.clone()),
        Proof::Good | Proof::Untried => None,
    };
    SignatureReport {
        number: seen.number,
        algorithm: seen.algorithm.clone(),
        digests: seen.digests.iter().map(|digest| algorithms::digest(*digest)).collect(),
        canonicalisation: if seen.inclusive { "inclusive" } else { "exclusive" },
        key: seen.key.words.clone(),
        covers: covers.collect(),
        endorses: seen.endorses.clone(),
        value: word(&seen.value),
        encrypted: seen.encrypted,
        problem: seen.problem.clone().or(why),
    }
}

fn hidden(seen: &Hidden) -> EncryptedReport {
    EncryptedReport {
        part: seen.part.to_string(),
        algorithm: seen.algorithm.clone(),
        key: seen.key.words.clone(),
        opened: word(&seen.proof),
        reveals: seen.reveals.iter().map(expanded).collect(),
        problem: match &seen.proof {
            Proof::Bad(why) => Some(why.clone()),
            Proof::Good | Proof::Untried => None,
        },
    }
}

fn word(proof: &Proof) -> &'static str {
    match proof {
        Proof::Good => "good",
        Proof::Bad(_) => "bad",
        Proof::Untried => "untried",
    }
}

/// Whether something comes under a security context.
pub(super) fn context_of(portrait: &Portrait) -> Option<String> {
    let token = portrait.tokens.iter().find_map(|token| match &token.shape {
        Shape::Context { identifier, .. } => Some(format!("the security context {identifier}")),
        _ => None,
    });
    let keys = portrait.signatures.iter().map(|seen| &seen.key).chain(portrait.hidden.iter().map(|seen| &seen.key));
    token.or_else(|| {
        let mut keys = keys.filter(|key| key.token == KeyToken::Context);
        keys.next().map(|key| key.words.trim_start_matches("a key derived from ").to_owned())
    })
}
