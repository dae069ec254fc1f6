//! Parts that a policy names for a supporting token: what its own signature covers, and what the binding protects in its
//! stead (WS-SecurityPolicy 1.2, section 8).

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, namespace, policy, soap};
use nuncio_policy::bare;
use nuncio_policy::model::{
    Binding, HeaderPart, Include, PartSet, Parts, Policy, ProtectionOrder, SoapVersion, SupportingToken, Token,
    X509Token,
};
use nuncio_wss::{Opened, Refusal};

/// A policy for each binding that protects messages.
const IN_MESSAGES: [&str; 2] = ["wcf-ws2007-anonymousForCertificate", "wse-mutualCertificate10Security"];
const OVER_TRANSPORT: &str = "wcf-ws2007-userNameOverTransport";
const ORDERS: [ProtectionOrder; 2] = [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign];

fn supporting(preset: &str, kind: &str, parts: Parts) -> SupportingToken {
    let mut token = policy(preset).supporting.remove(0).token;
    if let Token::X509(X509Token { include, .. }) = &mut token {
        *include = Include::AlwaysToRecipient;
    }
    SupportingToken {
        token,
        signed: kind.contains("Signed"),
        encrypted: kind.contains("Encrypted"),
        endorsing: kind.contains("Endorsing"),
        optional: false,
        parts,
    }
}

fn certificate(kind: &str, parts: Parts) -> SupportingToken {
    supporting("wcf-ws2007-mutualCertificate", kind, parts)
}

fn username(kind: &str, parts: Parts) -> SupportingToken {
    supporting("wcf-ws2007-userNameForCertificate", kind, parts)
}

/// The policy of a preset in that order, with a supporting token.
fn with(base: &str, order: ProtectionOrder, token: SupportingToken) -> Policy {
    let mut policy = policy(base);
    policy.properties.order = order;
    policy.properties.encrypt_signature = false;
    if base == OVER_TRANSPORT {
        policy.supporting.clear();
    }
    policy.supporting.push(token);
    policy
}

/// `SignedElements` or `RequiredElements` with that path.
fn elements(kind: &str, path: &str, soap: SoapVersion) -> Parts {
    let text = format!(
        "<wsp:Policy xmlns:wsp='http://www.w3.org/ns/ws-policy' xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702'>\
        <sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken></wsp:Policy>\
        </sp:TransportBinding><sp:{kind}><sp:XPath xmlns:s='{}' xmlns:e='urn:example' xmlns:m='urn:m'>{path}</sp:XPath></sp:{kind}>\
        </wsp:Policy>",
        namespace(soap)
    );
    bare::read("p.xml", text.as_bytes()).expect("a policy").remove(0).parts
}

const BLOCK: &str = "<m:Secret xmlns:m=\"urn:m\">swordfish</m:Secret>";

/// A request with a header block from one end to the other, and what became of it.
fn exchange(written: &Policy, wanted: &Policy, soap: SoapVersion) -> (String, Result<Opened, Refusal>, Pair) {
    let mut pair = Pair::unlike(written, wanted, soap);
    let plain = String::from_utf8(pair.plain("hello")).expect("text");
    let plain = plain.replace("<soap:Body>", &format!("<soap:Header>{BLOCK}</soap:Header><soap:Body>"));
    let sealed = pair.initiator.seal(plain.into_bytes(), ends::ACTION, None, pair.now, &mut pair.numbers);
    let (outbound, expectation) = sealed.expect("sealed");
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    let opened = pair.open(&outbound, outbound.body.clone(), None);
    if let Ok(opened) = pair.open(&outbound, outbound.body.clone(), None) {
        let message = pair.echo(opened);
        let opening = pair.answer(&message, &expectation);
        assert!(opening.is_ok(), "answered: {:?}", opening.err());
    }
    (text, opened, pair)
}

/// The signature of a certificate covers the elements that the policy names for it, and is missed where it does not.
#[test]
fn a_token_signs_the_elements_that_are_its_own() {
    let paths = ["/s:Envelope/s:Body/e:Echo/e:text", "/s:Envelope/s:Header/m:Secret", "//e:text"];
    for base in IN_MESSAGES.into_iter().chain([OVER_TRANSPORT]) {
        let soap = soap(base)[0];
        for order in ORDERS {
            for path in paths {
                let own = elements("SignedElements", path, soap);
                let with_parts = with(base, order, certificate("Endorsing", own));
                let without = with(base, order, certificate("Endorsing", Parts::default()));
                let (_, opened, _) = exchange(&with_parts, &with_parts, soap);
                assert!(opened.is_ok(), "{base}, {order:?}, {path}: {:?}", opened.err());
                let (_, opened, _) = exchange(&without, &with_parts, soap);
                let refusal = opened.map(drop);
                assert!(
                    matches!(&refusal, Err(Refusal::NotSigned(named)) if named == path),
                    "{base}, {order:?}, {path}: {refusal:?}"
                );
            }
        }
    }
}

/// What a token that makes no signature has to be signed, the primary signature covers.
#[test]
fn the_binding_signs_the_parts_of_a_token_that_makes_no_signature() {
    let header = HeaderPart { name: Some("Secret".into()), namespace: "urn:m".into() };
    let named = Parts { signed: PartSet { headers: vec![header], ..PartSet::default() }, ..Parts::default() };
    for base in IN_MESSAGES {
        let soap = soap(base)[0];
        let path = elements("SignedElements", "/s:Envelope/s:Header/m:Secret", soap);
        for own in [&named, &path] {
            for make in [certificate, username] {
                for kind in ["", "SignedEncrypted"] {
                    let with_parts = with(base, ORDERS[0], make(kind, own.clone()));
                    let without = with(base, ORDERS[0], make(kind, Parts::default()));
                    let (_, opened, _) = exchange(&with_parts, &with_parts, soap);
                    let opened = opened.unwrap_or_else(|refusal| panic!("{base}, {kind:?}: {refusal}"));
                    assert_eq!(opened.unverified().count(), 0, "{base}, {kind:?}");
                    let (_, opened, _) = exchange(&without, &with_parts, soap);
                    let refusal = opened.map(drop);
                    assert!(matches!(refusal, Err(Refusal::NotSigned(_))), "{base}, {kind:?}: {refusal:?}");
                }
            }
        }
    }
}

/// What a token has to be encrypted is, in requests, which bring the token, and not in answers.
#[test]
fn the_binding_encrypts_the_parts_of_a_token() {
    let header = HeaderPart { name: Some("Secret".into()), namespace: "urn:m".into() };
    let encrypted = PartSet { headers: vec![header], ..PartSet::default() };
    let own = Parts { encrypted, ..Parts::default() };
    for base in IN_MESSAGES {
        let soap = soap(base)[0];
        for order in ORDERS {
            for token in [certificate("Endorsing", own.clone()), username("Signed", own.clone())] {
                let with_parts = with(base, order, token.clone());
                let without = with(base, order, SupportingToken { parts: Parts::default(), ..token });
                let (text, opened, mut pair) = exchange(&with_parts, &with_parts, soap);
                let opened = opened.unwrap_or_else(|refusal| panic!("{base}, {order:?}: {refusal}"));
                assert!(!text.contains("swordfish"), "{base}, {order:?}: {text}");
                assert!(String::from_utf8(opened.plain().body).expect("text").contains("swordfish"), "{base}");
                let answer = String::from_utf8(pair.echo(opened).body).expect("text");
                assert!(answer.contains("swordfish"), "{base}, {order:?}: no token comes with an answer");
                let (_, opened, _) = exchange(&without, &with_parts, soap);
                let refusal = opened.map(drop);
                assert!(matches!(&refusal, Err(Refusal::NotEncrypted(part)) if part == "Secret"), "{refusal:?}");
            }
        }
    }
}

/// What a token requires to be there must be, whatever protects the message.
#[test]
fn a_token_may_require_parts() {
    for base in IN_MESSAGES.into_iter().chain([OVER_TRANSPORT]) {
        let soap = soap(base)[0];
        let header = |name: &str| HeaderPart { name: Some(name.into()), namespace: "urn:m".into() };
        let required = |name: &str| Parts { required: vec![header(name)], ..Parts::default() };
        let cases = [
            (required("Secret"), true),
            (required("Other"), false),
            (elements("RequiredElements", "//e:text", soap), true),
            (elements("RequiredElements", "//e:other", soap), false),
        ];
        for (own, there) in cases {
            let policy = with(base, ORDERS[0], certificate("Endorsing", own));
            let (_, opened, _) = exchange(&policy, &policy, soap);
            let refusal = opened.map(drop);
            assert_eq!(refusal.is_ok(), there, "{base}: {refusal:?}");
            assert!(there || matches!(refusal, Err(Refusal::PartMissing(_))), "{base}: {refusal:?}");
        }
    }
}

/// What is asked of a token over a transport, the transport does: and nothing of it is asked of the message.
#[test]
fn a_transport_protects_the_parts_of_a_token() {
    let encrypted = PartSet { body: true, ..PartSet::default() };
    let own = Parts { encrypted, ..Parts::default() };
    let policy = with(OVER_TRANSPORT, ORDERS[0], username("Signed", own));
    assert!(matches!(policy.binding, Binding::Transport(_)));
    let (text, opened, _) = exchange(&policy, &policy, soap(OVER_TRANSPORT)[0]);
    assert!(opened.is_ok() && text.contains("swordfish"), "{text}");
}
