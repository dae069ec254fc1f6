//! Supporting tokens of every kind under every binding, and header blocks that are encrypted: what one end writes the
//! other accepts, and what it leaves out the other misses.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_policy::model::{
    Binding, DerivedKeys, HeaderPart, Include, PartSet, Parts, PasswordKind, Policy, ProtectionOrder, SupportingToken,
    Token, X509Reference, X509Token,
};
use nuncio_policy::preset;
use nuncio_wss::{Claim, Refusal, Request};

/// A policy for each binding: symmetric, asymmetric, over a transport.
const BASES: [&str; 4] = [
    "wcf-ws2007-anonymousForCertificate",
    "wse-mutualCertificate10Security",
    "wcf-ws2007-userNameForCertificate",
    "wcf-ws2007-userNameOverTransport",
];

fn supporting(token: Token, words: &str) -> SupportingToken {
    SupportingToken {
        token,
        signed: words.contains("Signed"),
        encrypted: words.contains("Encrypted"),
        endorsing: words.contains("Endorsing"),
        optional: false,
        parts: Parts::default(),
    }
}

fn certificate(include: Include) -> Token {
    match preset_token("wcf-ws2007-mutualCertificate") {
        Token::X509(token) => Token::X509(X509Token { include, reference: X509Reference::Thumbprint, ..token }),
        _ => panic!("no certificate"),
    }
}

fn username() -> Token {
    preset_token("wcf-ws2007-userNameForCertificate")
}

/// The supporting token of a preset.
fn preset_token(name: &str) -> Token {
    policy(name).supporting.first().unwrap_or_else(|| panic!("{name} has none")).token.clone()
}

/// To which requests a user's name and password belong: those that begin a conversation, where there is one, else all.
#[test]
fn who_brings_a_password_says_so() {
    for (name, begins, calls) in [
        ("wcf-ws2007-userNameForCertificate-conversation", true, false),
        ("wcf-ws2007-userNameForCertificate", false, true),
        ("wcf-ws2007-userNameOverTransport", false, true),
        ("wcf-ws2007-mutualCertificate-conversation", false, false),
        ("wcf-ws2007-mutualCertificate", false, false),
    ] {
        let initiator = Pair::new(&policy(name), soap(name)[0]).initiator;
        let begun = initiator.conversation().is_some() && initiator.brings_password(Request::Issue, "");
        assert_eq!((begun, initiator.brings_password(Request::Application, "urn:e/Echo")), (begins, calls), "{name}");
        let mut alone = policy(name);
        for supporting in &mut alone.supporting {
            if let Token::Username(token) = &mut supporting.token {
                token.password = PasswordKind::None;
            }
        }
        let unproved = Pair::new(&alone, soap(name)[0]).initiator;
        assert!(!unproved.brings_password(Request::Application, "urn:e/Echo"), "{name}: a name alone");
        let nobody = initiator.of_caller(None, None);
        assert!(!nobody.brings_password(Request::Application, "urn:e/Echo"), "{name}");
    }
}

/// What is asked of a message and its answer.
fn converse(policy: &Policy, name: &str, what: &str) {
    let mut pair = Pair::new(policy, soap(name)[0]);
    let (outbound, expectation) = pair.request("hello", None);
    let opened = pair.open(&outbound, outbound.body.clone(), None);
    let opened = opened.unwrap_or_else(|refusal| panic!("{name}, {what}: {refusal}"));
    let endorsed = policy.supporting.iter().any(|token| token.endorsing);
    let user = policy.supporting.iter().any(|token| matches!(token.token, Token::Username(_)));
    let signs = endorsed || matches!(policy.binding, Binding::Asymmetric(_));
    match opened.claim() {
        Claim::Username(username) => assert!(user && username.name == "alice", "{name}, {what}"),
        Claim::Certificate(_) => assert!(signs && !user, "{name}, {what}"),
        Claim::Anonymous => assert!(!signs && !user, "{name}, {what}: a certificate alone proves nothing"),
        Claim::User(name) => assert!(user && name == "alice", "{name}, {what}"),
        Claim::Context(_) | Claim::Transport => panic!("{name}, {what}: no conversation"),
    }
    let message = pair.echo(opened);
    let opening = pair.answer(&message, &expectation);
    assert!(opening.is_ok(), "{name}, {what}: {:?}", opening.err());
}

/// What comes first, and whether the signature is encrypted.
type Order = (ProtectionOrder, bool);

const ORDERS: [Order; 4] = [
    (ProtectionOrder::SignBeforeEncrypt, false),
    (ProtectionOrder::SignBeforeEncrypt, true),
    (ProtectionOrder::EncryptBeforeSign, false),
    (ProtectionOrder::EncryptBeforeSign, true),
];

fn order(policy: &mut Policy, (order, encrypt_signature): Order) {
    policy.properties.order = order;
    policy.properties.encrypt_signature = encrypt_signature;
}

const KINDS: [&str; 8] = [
    "",
    "Signed",
    "Encrypted",
    "SignedEncrypted",
    "Endorsing",
    "SignedEndorsing",
    "EndorsingEncrypted",
    "SignedEndorsingEncrypted",
];

#[test]
fn a_certificate_supports_in_every_way_under_every_binding() {
    for base in BASES {
        for first in ORDERS {
            for kind in KINDS {
                let mut policy = policy(base);
                order(&mut policy, first);
                policy.supporting.push(supporting(certificate(Include::AlwaysToRecipient), kind));
                converse(&policy, base, &format!("{kind}SupportingTokens, {first:?}"));
            }
        }
    }
}

/// Each way in which a policy wants its certificates named, of tokens that protect, sign and endorse.
#[test]
fn a_certificate_is_named_as_the_policy_has_it() {
    for reference in [
        X509Reference::Any,
        X509Reference::KeyIdentifier,
        X509Reference::IssuerSerial,
        X509Reference::Embedded,
        X509Reference::Thumbprint,
    ] {
        for base in BASES {
            for include in [Include::Never, Include::AlwaysToRecipient] {
                let mut policy = policy(base);
                match &mut policy.binding {
                    Binding::Symmetric(binding) => {
                        if let Token::X509(token) = &mut binding.protection {
                            token.reference = reference;
                        }
                    }
                    Binding::Asymmetric(binding) => {
                        binding.initiator.reference = reference;
                        binding.recipient.reference = reference;
                    }
                    Binding::Transport(_) => {}
                }
                let Token::X509(token) = certificate(include) else { panic!("no certificate") };
                policy.supporting.push(supporting(Token::X509(X509Token { reference, ..token }), "Endorsing"));
                converse(&policy, base, &format!("{reference:?}, {include:?}"));
            }
        }
    }
}

#[test]
fn a_user_name_supports_in_every_way_under_every_binding() {
    for base in ["wcf-ws2007-anonymousForCertificate", "wse-mutualCertificate10Security"] {
        for first in ORDERS {
            for kind in &KINDS[..4] {
                let mut policy = policy(base);
                order(&mut policy, first);
                policy.supporting.push(supporting(username(), kind));
                converse(&policy, base, &format!("{kind}SupportingTokens, {first:?}"));
                policy.supporting.push(supporting(certificate(Include::Never), "Endorsing"));
                converse(&policy, base, &format!("{kind}SupportingTokens and an endorsing certificate, {first:?}"));
            }
        }
    }
}

/// What a kind of supporting token asks for, the recipient misses where the initiator does not do it.
#[test]
fn a_supporting_token_that_is_not_protected_as_its_kind_says_is_refused() {
    type Expected = fn(&Refusal) -> bool;
    let cases: [(&str, &str, Expected); 6] = [
        ("", "Signed", |refusal| matches!(refusal, Refusal::NotSigned(_))),
        ("", "Encrypted", |refusal| matches!(refusal, Refusal::NotEncrypted(_))),
        ("Endorsing", "SignedEndorsing", |refusal| matches!(refusal, Refusal::NotSigned(_))),
        ("Endorsing", "EndorsingEncrypted", |refusal| matches!(refusal, Refusal::NotEncrypted(_))),
        ("Signed", "Endorsing", |refusal| matches!(refusal, Refusal::TokenMissing(_))),
        ("Endorsing", "Signed", |refusal| matches!(refusal, Refusal::Endorsement(_) | Refusal::TokenMissing(_))),
    ];
    for base in &BASES[..2] {
        for (written, wanted, expected) in cases {
            let of = |kind| {
                let mut policy = policy(base);
                policy.supporting.push(supporting(certificate(Include::AlwaysToRecipient), kind));
                policy
            };
            let mut pair = Pair::unlike(&of(written), &of(wanted), soap(base)[0]);
            let (outbound, _) = pair.request("hello", None);
            let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop);
            let refusal = refusal.expect_err(&format!("{base}: {written:?} where {wanted:?} is asked for"));
            assert!(expected(&refusal), "{base}, {written:?} for {wanted:?}: {refusal}");
        }
    }
}

/// A certificate that does not travel is signed by the reference that stands for it.
#[test]
fn a_signed_endorsing_certificate_need_not_travel() {
    let of = |base: &str, kind| {
        let mut policy = policy(base);
        policy.supporting.push(supporting(certificate(Include::Never), kind));
        policy
    };
    for base in [BASES[0], BASES[2]] {
        let signed = of(base, "SignedEndorsing");
        converse(&signed, base, "a certificate that does not travel");
        let mut pair = Pair::unlike(&of(base, "Endorsing"), &signed, soap(base)[0]);
        let (outbound, _) = pair.request("hello", None);
        let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop);
        assert!(matches!(refusal, Err(Refusal::NotSigned(_))), "{base}: {refusal:?}");
    }
    let name = "wse-mutualCertificate10Security";
    let mut protected = policy(name);
    let Binding::Asymmetric(binding) = &mut protected.binding else { panic!("not asymmetric") };
    binding.initiator.include = Include::Never;
    protected.properties.protect_tokens = true;
    let mut pair = Pair::new(&protected, soap(name)[0]);
    let (outbound, expectation) = pair.request("hello", None);
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    assert!(text.contains("#STR-Transform") && !text.contains("BinarySecurityToken"), "{text}");
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let message = pair.echo(opened);
    assert!(pair.answer(&message, &expectation).is_ok());
    // Within the reference it would be in the message, and nothing would cover it.
    let mut embedded = policy(name);
    let Binding::Asymmetric(binding) = &mut embedded.binding else { panic!("not asymmetric") };
    binding.initiator.reference = X509Reference::Embedded;
    let mut other = Pair::unlike(&embedded, &protected, soap(name)[0]);
    let (embedding, _) = other.request("hello", None);
    let refusal = other.open(&embedding, embedding.body.clone(), None).map(drop);
    assert!(matches!(refusal, Err(Refusal::NotSigned(_))), "{refusal:?}");
    // The reference stands for that certificate and no other.
    let identifier =
        text.find("KeyIdentifier ").map(|at| at + text[at..].find('>').expect("a tag") + 1).expect("a name");
    let mut other = outbound.body.clone();
    other[identifier] = if other[identifier] == b'A' { b'B' } else { b'A' };
    let refusal = pair.open(&outbound, other, None).map(drop);
    assert!(refusal.is_err(), "another certificate");
}

#[test]
fn an_endorsing_certificate_signs_the_parts_that_are_its_own() {
    let kinds = ["Endorsing", "SignedEndorsingEncrypted"];
    for (base, kind) in BASES.into_iter().flat_map(|base| kinds.map(|kind| (base, kind))) {
        for first in ORDERS {
            let mut without = policy(base);
            order(&mut without, first);
            let mut with = without.clone();
            let mut token = supporting(certificate(Include::AlwaysToRecipient), kind);
            without.supporting.push(token.clone());
            token.parts.signed = PartSet {
                body: true,
                headers: vec![HeaderPart { name: None, namespace: "http://www.w3.org/2005/08/addressing".into() }],
                ..PartSet::default()
            };
            with.supporting.push(token);
            converse(&with, base, &format!("a token with parts of its own, {kind}, {first:?}"));

            let mut pair = Pair::unlike(&without, &with, soap(base)[0]);
            let (outbound, _) = pair.request("hello", None);
            let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop);
            assert!(matches!(refusal, Err(Refusal::NotSigned(ref part)) if part == "Body"), "{base}: {refusal:?}");
        }
    }
}

/// A conversation that endorses what a certificate protects.
#[test]
fn a_context_endorses_under_a_message_binding() {
    let conversation = preset_conversation();
    for base in &BASES[..2] {
        for derived_keys in [DerivedKeys::None, DerivedKeys::Explicit] {
            let mut policy = policy(base);
            let Token::SecureConversation(mut token) = conversation.clone() else { panic!("no conversation") };
            token.derived_keys = derived_keys;
            policy.supporting.push(supporting(Token::SecureConversation(token), "Endorsing"));
            let mut pair = Pair::new(&policy, soap(base)[0]);
            let (ours, theirs) = pair.establish();
            let (outbound, expectation) = pair.request("hello", Some(&ours));
            let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs));
            let opened = opened.unwrap_or_else(|refusal| panic!("{base}: {refusal}"));
            assert!(matches!(opened.claim(), Claim::Context(_)), "{base}");
            let message = pair.echo(opened);
            let opening = pair.answer(&message, &expectation);
            assert!(opening.is_ok(), "{base}: {:?}", opening.err());
        }
    }
}

fn preset_conversation() -> Token {
    match policy("wcf-ws2007-anonymousForCertificate-conversation").binding {
        Binding::Symmetric(binding) => binding.protection,
        _ => panic!("not symmetric"),
    }
}

/// `ProtectTokens`: the token that signs is itself signed, or the message is refused.
#[test]
fn a_token_that_signs_is_protected_where_the_policy_says_so() {
    let protect = |policy: &mut Policy| policy.properties.protect_tokens = true;
    for base in ["wcf-ws2007-anonymousForCertificate", "wse-mutualCertificate10Security"] {
        let unprotected = policy(base);
        let mut protected = policy(base);
        protect(&mut protected);
        converse(&protected, base, "ProtectTokens");
        let mut pair = Pair::unlike(&unprotected, &protected, soap(base)[0]);
        let (outbound, _) = pair.request("hello", None);
        let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop);
        assert!(matches!(refusal, Err(Refusal::NotSigned(_))), "{base}: {refusal:?}");
    }
    let name = "wcf-ws2007-anonymousForCertificate-conversation";
    let mut protected = policy(name);
    protect(&mut protected);
    let mut pair = Pair::new(&protected, soap(name)[0]);
    let (ours, theirs) = pair.establish();
    let (outbound, expectation) = pair.request("hello", Some(&ours));
    let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
    let message = pair.echo(opened);
    assert!(pair.answer(&message, &expectation).is_ok());
}

/// A header block of the application's is encrypted, by the rules of either version of WS-Security.
#[test]
fn header_blocks_are_encrypted() {
    const BLOCK: &str = "<m:Secret xmlns:m=\"urn:m\" soap:mustUnderstand=\"1\"><m:word>swordfish</m:word></m:Secret>";
    let part = || HeaderPart { name: Some("Secret".into()), namespace: "urn:m".into() };
    let sealing = |policy: &Policy, recipient: &Policy, name: &str| {
        let mut pair = Pair::unlike(policy, recipient, soap(name)[0]);
        let plain = String::from_utf8(pair.plain("hello")).expect("text");
        let plain = plain.replace("<soap:Body>", &format!("<soap:Header>{BLOCK}</soap:Header><soap:Body>"));
        let sealed = pair.initiator.seal(plain.into_bytes(), ends::ACTION, None, pair.now, &mut pair.numbers);
        let (outbound, expectation) = sealed.expect("sealed");
        let opened = pair.open(&outbound, outbound.body.clone(), None);
        (pair, outbound, expectation, opened)
    };
    for name in &BASES[..3] {
        for first in ORDERS {
            let mut clear = policy(name);
            order(&mut clear, first);
            clear.parts.signed.headers.push(part());
            let mut policy = clear.clone();
            policy.parts.encrypted.headers.push(part());

            let (mut pair, outbound, expectation, opened) = sealing(&policy, &policy, name);
            let text = String::from_utf8(outbound.body.clone()).expect("text");
            assert!(!text.contains("swordfish") && !text.contains(":Secret"), "{name}: {text}");
            assert_eq!(text.contains("EncryptedHeader"), policy.wss.v11, "{name}");
            if policy.wss.v11 {
                // What else wraps an encrypted element is no encrypted header: it would vanish with all that it says.
                let wrapped = text.replace("k:EncryptedHeader", "k:Wrapper");
                let wrapped = wrapped.replacen("oasis-wss-wssecurity-secext-1.1.xsd", "other", 1);
                let pair = Pair::new(&policy, soap(name)[0]);
                let http = nuncio_wss::HttpFacts { content_type: &outbound.content_type, soap_action: None };
                let received = pair.recipient.read(&http, wrapped.into_bytes()).expect("read");
                let opened = pair.recipient.open(received, None, nuncio_wss::Transport::Secure, pair.now);
                assert!(opened.is_err(), "{name}: a wrapper");
            }
            let opened = opened.unwrap_or_else(|refusal| panic!("{name}, {first:?}: {refusal}"));
            let plain = String::from_utf8(opened.plain().body).expect("text");
            assert!(plain.contains("swordfish</m:word></m:Secret>"), "{name}: {plain}");
            let message = pair.echo(opened);
            let text = String::from_utf8(message.body.clone()).expect("text");
            assert!(!text.contains("swordfish"), "{name}: {text}");
            let opening = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert!(String::from_utf8(opening.plain().body).expect("text").contains("swordfish"), "{name}");

            let (.., opened) = sealing(&clear, &policy, name);
            assert!(matches!(opened.map(drop), Err(Refusal::NotEncrypted(ref part)) if part == "Secret"), "{name}");
            let (.., opened) = sealing(&policy, &clear, name);
            assert!(matches!(opened.map(drop), Err(Refusal::SecurityHeader { .. })), "{name}");
        }
    }
}

#[test]
fn every_preset_is_a_base_that_these_tests_know() {
    for base in BASES {
        assert!(preset::named(base).is_some(), "{base}");
    }
}

/// A user name with a hashed password, or none, is taken where the policy asks for that and nowhere else.
#[test]
fn a_password_is_of_the_kind_that_the_policy_asks_for() {
    let kinds = [PasswordKind::Text, PasswordKind::Digest, PasswordKind::None];
    for base in ["wcf-ws2007-userNameForCertificate", "wcf-ws2007-userNameOverTransport"] {
        let of = |password, beside| {
            let mut policy = policy(base);
            let Token::Username(token) = &mut policy.supporting[0].token else { panic!("no user name") };
            (token.password, token.nonce, token.created) = (password, beside, beside);
            policy
        };
        for written in kinds {
            for wanted in kinds {
                let mut pair = Pair::unlike(&of(written, false), &of(wanted, false), soap(base)[0]);
                let (outbound, _) = pair.request("hello", None);
                let opened = pair.open(&outbound, outbound.body.clone(), None);
                let Ok(opened) = opened else {
                    assert_ne!(written, wanted, "{base}");
                    continue;
                };
                assert_eq!(written, wanted, "{base}");
                match opened.claim() {
                    Claim::Username(user) => {
                        assert_ne!(written, PasswordKind::None, "a name alone proves nothing");
                        assert!(user.proves(&(&b"wonderland-1865"[..]).into()));
                        assert!(!user.proves(&(&b"wonderland-1871"[..]).into()));
                    }
                    _ => assert_eq!(written, PasswordKind::None),
                }
            }
        }
        let mut pair = Pair::unlike(&of(PasswordKind::Text, false), &of(PasswordKind::Text, true), soap(base)[0]);
        let (outbound, _) = pair.request("hello", None);
        assert!(pair.open(&outbound, outbound.body.clone(), None).is_err(), "{base}: nonce and time are missing");
        let policy = of(PasswordKind::Text, true);
        let mut pair = Pair::new(&policy, soap(base)[0]);
        let (outbound, _) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("nonce and time are there");
        assert_eq!(opened.once().count(), if base.ends_with("Transport") { 1 } else { 2 }, "the nonce is claimed");
    }
}

/// Keys that are derived as the reference itself says, where the policy asks for that; and such a key is never derived again.
#[test]
fn derived_keys_are_implied_where_the_policy_says_so() {
    let of = |name: &str, kind: DerivedKeys| {
        let mut policy = policy(name);
        match &mut policy.binding {
            Binding::Symmetric(binding) => match &mut binding.protection {
                Token::X509(token) => token.derived_keys = kind,
                Token::SecureConversation(token) => token.derived_keys = kind,
                Token::Username(_) => panic!("no key"),
            },
            Binding::Asymmetric(binding) => binding.recipient.derived_keys = kind,
            Binding::Transport(_) => panic!("no keys"),
        }
        policy
    };
    for name in [
        "wcf-ws2007-anonymousForCertificate",
        "wse-mutualCertificate10Security",
        "wcf-ws2007-anonymousForCertificate-conversation",
    ] {
        let implied = of(name, DerivedKeys::Implied);
        for (written, fits) in [(DerivedKeys::Implied, true), (DerivedKeys::Explicit, true), (DerivedKeys::None, false)]
        {
            let mut pair = Pair::unlike(&of(name, written), &implied, soap(name)[0]);
            let contexts = name.ends_with("conversation").then(|| pair.establish());
            let (ours, theirs) = contexts.as_ref().map(|(ours, theirs)| (ours, theirs)).unzip();
            let (outbound, expectation) = pair.request("hello", ours);
            let text = String::from_utf8(outbound.body.clone()).expect("text");
            assert_eq!(text.contains("DerivedKeyToken"), written == DerivedKeys::Explicit, "{name}: {text}");
            assert_eq!(text.contains(":Nonce=\""), written == DerivedKeys::Implied, "{name}: {text}");
            let opened = pair.open(&outbound, outbound.body.clone(), theirs);
            let Ok(opened) = opened else {
                assert!(!fits && matches!(opened.map(drop), Err(Refusal::KeyReference(_))), "{name}, {written:?}");
                continue;
            };
            assert!(fits, "{name}");
            let message = pair.echo(opened);
            assert!(pair.answer(&message, &expectation).is_ok(), "{name}, {written:?}");
        }
    }
    let name = "wcf-ws2007-anonymousForCertificate-conversation";
    let mut pair = Pair::new(&of(name, DerivedKeys::Explicit), soap(name)[0]);
    let (ours, theirs) = pair.establish();
    let (outbound, _) = pair.request("hello", Some(&ours));
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    let start = text.rfind("<o:SecurityTokenReference ").expect("a reference") + "<o:SecurityTokenReference".len();
    let again = " xmlns:sc=\"http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512\" \
                 sc:Nonce=\"AAAAAAAAAAAAAAAAAAAAAA==\"";
    let again = format!("{}{again}{}", &text[..start], &text[start..]);
    let refusal = pair.open(&outbound, again.into_bytes(), Some(&theirs)).map(drop);
    assert!(matches!(refusal, Err(Refusal::KeyReference("derives a key from a derived key"))), "{refusal:?}");
}
