//! `InclusiveC14N`: signatures and what they sign in the form of Canonical XML 1.0, at both ends and nowhere else.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{ACTION, Pair, policy, soap};
use nuncio_policy::model::{Binding, Canonicalization, HeaderPart, Policy, ProtectionOrder, Token};
use nuncio_wss::Refusal;
use nuncio_xmlsec::{C14n, Invalid};

const BASES: [&str; 5] = [
    "wcf-ws2007-mutualCertificate",
    "wcf-wshttp-userNameForCertificate",
    "wse-mutualCertificate10Security",
    "wse-anonymousForCertificateSecurity",
    "wcf-ws2007-certificateOverTransport",
];

fn inclusive(name: &str) -> Policy {
    let mut policy = policy(name);
    policy.properties.options.canonicalization = Canonicalization::Inclusive;
    policy
}

/// The canonicalisations that a message names.
fn named(message: &[u8]) -> Vec<C14n> {
    let text = std::str::from_utf8(message).expect("text");
    let document = roxmltree::Document::parse(text).expect("a document");
    let algorithms = document.descendants().filter_map(|node| node.attribute("Algorithm"));
    algorithms.filter_map(C14n::from_uri).collect()
}

#[test]
fn what_one_end_signs_the_other_takes() {
    for name in BASES {
        for order in [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign] {
            for hidden in [false, true] {
                let mut policy = inclusive(name);
                policy.properties.order = order;
                policy.properties.encrypt_signature = hidden;
                policy.wss.signature_confirmation = true;
                let what = format!("{name}, {order:?}, {hidden}");
                let mut pair = Pair::new(&policy, soap(name)[0]);
                let (outbound, expectation) = pair.request("hello", None);
                let found = named(&outbound.body);
                // A token that is encrypted first may be decrypted before its signature is verified.
                let moves = order == ProtectionOrder::EncryptBeforeSign && !hidden && name.contains("userName");
                let exclusive = found.iter().filter(|how| **how == C14n::Exclusive).count();
                assert_eq!(exclusive, usize::from(moves), "{what}: {found:?}");
                let over_transport = matches!(policy.binding, Binding::Transport(_));
                assert_eq!(found.is_empty(), hidden && !over_transport, "{what}");
                let opened = pair.open(&outbound, outbound.body.clone(), None);
                let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{what}: {refusal}")));
                assert!(named(&message.body).iter().all(|how| *how == C14n::Inclusive), "{what}");
                let opening = pair.answer(&message, &expectation);
                assert!(opening.is_ok(), "{what}: {:?}", opening.err());
            }
        }
    }
}

#[test]
fn conversations_and_protected_tokens() {
    for name in ["wcf-ws2007-mutualCertificate-conversation", "wcf-wshttp-userNameOverTransport-conversation"] {
        let mut policy = inclusive(name);
        policy.properties.protect_tokens = !name.contains("OverTransport");
        if let Binding::Symmetric(binding) = &mut policy.binding
            && let Token::SecureConversation(token) = &mut binding.protection
        {
            token.bootstrap.properties.options.canonicalization = Canonicalization::Inclusive;
            token.bootstrap.properties.protect_tokens = true;
        }
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (ours, theirs) = pair.establish();
        let (outbound, expectation) = pair.request("hello", Some(&ours));
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let message = pair.echo(opened);
        assert!(pair.answer(&message, &expectation).is_ok(), "{name}");
    }
}

/// A header block that is encrypted is decrypted within its `EncryptedHeader` here, and in the place of it elsewhere.
#[test]
fn encrypted_headers_are_signed_whatever_is_around_them() {
    for name in &BASES[..4] {
        for order in [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign] {
            let mut policy = inclusive(name);
            policy.properties.order = order;
            policy.properties.encrypt_signature = false;
            let part = HeaderPart { name: Some("Secret".into()), namespace: "urn:m".into() };
            policy.parts.signed.headers.push(part.clone());
            policy.parts.encrypted.headers.push(part);
            let mut pair = Pair::new(&policy, soap(name)[0]);
            let plain = String::from_utf8(pair.plain("hello")).expect("text");
            let block = "<soap:Header><m:Secret xmlns:m=\"urn:m\">swordfish</m:Secret></soap:Header><soap:Body>";
            let plain = plain.replace("<soap:Body>", block).into_bytes();
            let sealed = pair.initiator.seal(plain, ACTION, None, pair.now, &mut pair.numbers);
            let (outbound, _) = sealed.expect("sealed");
            let exclusive = named(&outbound.body).into_iter().filter(|how| *how == C14n::Exclusive).count();
            let moves = order == ProtectionOrder::SignBeforeEncrypt || name.contains("userName");
            assert_eq!(exclusive, usize::from(moves), "{name}");
            let opened = pair.open(&outbound, outbound.body.clone(), None);
            let opened = opened.unwrap_or_else(|refusal| panic!("{name}, {order:?}: {refusal}"));
            assert!(String::from_utf8_lossy(&opened.plain().body).contains("swordfish"), "{name}");
        }
    }
}

/// Neither form is taken for the other.
#[test]
fn a_signature_of_the_other_form_is_refused() {
    for name in BASES {
        for (written, wanted) in [(policy(name), inclusive(name)), (inclusive(name), policy(name))] {
            let mut pair = Pair::unlike(&written, &wanted, soap(name)[0]);
            let (outbound, _) = pair.request("hello", None);
            let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop).expect_err("refused");
            assert!(matches!(refusal, Refusal::Invalid(Invalid::AlgorithmNotAccepted(_))), "{name}: {refusal}");
        }
    }
}

/// What is in scope around a part is signed with it: who declares a prefix there is found out.
#[test]
fn what_is_in_scope_is_signed() {
    for (policy, found) in [(policy(BASES[3]), false), (inclusive(BASES[3]), true)] {
        let mut pair = Pair::new(&policy, soap(BASES[3])[0]);
        let (outbound, _) = pair.request("hello", None);
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        let text = text.replacen("<s:Envelope ", "<s:Envelope xmlns:x=\"urn:x\" ", 1);
        let opened = pair.open(&outbound, text.into_bytes(), None).map(drop);
        assert_eq!(opened.is_err(), found, "{opened:?}");
        if let Err(refusal) = opened {
            assert!(matches!(refusal, Refusal::Invalid(Invalid::SignatureMismatch)), "{refusal}");
        }
    }
}
