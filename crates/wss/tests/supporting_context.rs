//! A security context among the supporting tokens: in every way that its key can be found in time, over a transport and
//! beside a certificate that protects.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_policy::model::{
    Binding, DerivedKeys, HeaderPart, PartSet, Parts, Policy, ProtectionOrder, SupportingToken, Token,
};
use nuncio_wss::{Claim, Refusal};

const OVER_TRANSPORT: &str = "wcf-ws2007-userNameOverTransport";
const IN_MESSAGES: [&str; 2] = ["wcf-ws2007-anonymousForCertificate", "wse-mutualCertificate10Security"];

/// A policy of a preset with a context that supports so.
fn with(base: &str, kind: &str, derived_keys: DerivedKeys) -> Policy {
    let Binding::Symmetric(binding) = policy("wcf-ws2007-anonymousForCertificate-conversation").binding else {
        panic!("not symmetric")
    };
    let Token::SecureConversation(mut token) = binding.protection else { panic!("no conversation") };
    token.derived_keys = derived_keys;
    let mut policy = policy(base);
    policy.supporting.push(SupportingToken {
        token: Token::SecureConversation(token),
        signed: kind.contains("Signed"),
        encrypted: kind.contains("Encrypted"),
        endorsing: kind.contains("Endorsing"),
        optional: false,
        parts: Parts::default(),
    });
    policy
}

/// A call and its answer; whose the call is by its context, and what it says.
fn converse(written: &Policy, wanted: &Policy, base: &str) -> Result<(bool, String), Refusal> {
    let mut pair = Pair::unlike(written, wanted, soap(base)[0]);
    let (ours, theirs) = pair.establish();
    let (outbound, expectation) = pair.request("hello", Some(&ours));
    let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs))?;
    let by_context = matches!(opened.claim(), Claim::Context(_));
    assert_eq!(opened.context().is_some(), by_context, "{base}: a context that is named proves nothing");
    let message = pair.echo(opened);
    let opening = pair.answer(&message, &expectation);
    assert!(opening.is_ok(), "{base}: {:?}", opening.err());
    Ok((by_context, String::from_utf8(outbound.body).expect("text")))
}

#[test]
fn a_context_supports_in_every_way_over_a_transport() {
    for kind in ["", "Signed", "Encrypted", "SignedEncrypted"] {
        for endorsing in [false, true] {
            let kind = if endorsing { format!("Endorsing{kind}") } else { kind.to_owned() };
            let policy = with(OVER_TRANSPORT, &kind, DerivedKeys::None);
            let said = converse(&policy, &policy, OVER_TRANSPORT);
            let (by_context, text) = said.unwrap_or_else(|refusal| panic!("{kind}: {refusal}"));
            assert_eq!(by_context, endorsing, "{kind}");
            assert!(text.contains("SecurityContextToken"), "{kind}: {text}");
        }
    }
}

#[test]
fn a_context_supports_beside_what_protects_messages() {
    for base in IN_MESSAGES {
        for order in [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign] {
            for derived_keys in [DerivedKeys::None, DerivedKeys::Explicit] {
                for kind in ["", "Signed", "Endorsing", "SignedEndorsing"] {
                    let mut policy = with(base, kind, derived_keys);
                    policy.properties.order = order;
                    policy.properties.encrypt_signature = false;
                    let said = converse(&policy, &policy, base);
                    let (by_context, _) = said.unwrap_or_else(|refusal| panic!("{base}, {kind}: {refusal}"));
                    assert_eq!(by_context, kind.contains("Endorsing"), "{base}, {kind}, {order:?}");
                }
            }
        }
    }
}

/// What a kind asks for is missed where it is not done.
#[test]
fn a_context_that_is_not_protected_as_its_kind_says_is_refused() {
    for base in IN_MESSAGES {
        for (written, wanted) in [("", "Signed"), ("Endorsing", "SignedEndorsing")] {
            let of = |kind| with(base, kind, DerivedKeys::Explicit);
            let refusal = converse(&of(written), &of(wanted), base).expect_err("not signed");
            assert!(matches!(refusal, Refusal::NotSigned(_)), "{base}, {wanted}: {refusal}");
        }
        let of = |kind| with(base, kind, DerivedKeys::Explicit);
        let refusal = converse(&of(""), &of("Endorsing"), base).expect_err("does not endorse");
        assert!(matches!(refusal, Refusal::TokenMissing(_)), "{base}: {refusal}");
        let refusal = converse(&of("Endorsing"), &of(""), base).expect_err("endorses");
        let unasked = matches!(refusal, Refusal::Endorsement(_) | Refusal::KeyReference(_));
        assert!(unasked, "{base}: {refusal}");
    }
}

/// Where nothing but the messages protects them, a context signs the parts that the policy names for it as a certificate does.
#[test]
fn a_context_that_endorses_signs_the_parts_that_are_its_own() {
    let header = HeaderPart { name: Some("Secret".into()), namespace: "urn:m".into() };
    let own = Parts { signed: PartSet { body: true, headers: vec![header], ..PartSet::default() }, ..Parts::default() };
    for base in IN_MESSAGES {
        let without = with(base, "Endorsing", DerivedKeys::Explicit);
        let mut with_parts = without.clone();
        with_parts.supporting.iter_mut().for_each(|supporting| supporting.parts = own.clone());
        for (written, signed) in [(&with_parts, true), (&without, false)] {
            let mut pair = Pair::unlike(written, &with_parts, soap(base)[0]);
            let (ours, theirs) = pair.establish();
            let block = "<soap:Header><m:Secret xmlns:m=\"urn:m\">swordfish</m:Secret></soap:Header><soap:Body>";
            let plain = String::from_utf8(pair.plain("hello")).expect("text").replace("<soap:Body>", block);
            let sealed =
                pair.initiator.seal(plain.into_bytes(), ends::ACTION, Some(&ours), pair.now, &mut pair.numbers);
            let (outbound, _) = sealed.expect("sealed");
            let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).map(|opened| {
                assert_eq!(opened.unverified().count(), 0, "{base}");
            });
            assert!(opened.is_ok() == signed, "{base}: {opened:?}");
            assert!(signed || matches!(opened, Err(Refusal::NotSigned(_))), "{base}: {opened:?}");
        }
    }
}

/// Without the token there is nothing to support; a context that nobody knows is refused like any other.
#[test]
fn a_context_that_only_comes_along_must_be_there() {
    for base in IN_MESSAGES.into_iter().chain([OVER_TRANSPORT]) {
        let policy = with(base, "", DerivedKeys::None);
        let mut pair = Pair::new(&policy, soap(base)[0]);
        let (ours, theirs) = pair.establish();
        let (outbound, _) = pair.request("hello", Some(&ours));
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        let start = text.find("<sc:SecurityContextToken").or(text.find("<c:SecurityContextToken")).expect("a context");
        let end = text[start..].find("SecurityContextToken>").expect("its end") + start + "SecurityContextToken>".len();
        let without = format!("{}{}", &text[..start], &text[end..]);
        let refusal = pair.open(&outbound, without.into_bytes(), None).map(drop);
        assert!(matches!(refusal, Err(Refusal::TokenMissing("security context token"))), "{base}: {refusal:?}");
        let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop);
        assert!(matches!(refusal, Err(Refusal::UnknownContext(_))), "{base}: {refusal:?}");
        assert!(pair.open(&outbound, outbound.body.clone(), Some(&theirs)).is_ok(), "{base}");
    }
}
