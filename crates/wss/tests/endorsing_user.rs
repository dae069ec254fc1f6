//! A user name that endorses: by a key that both ends derive from the password, in every kind of supporting token, under
//! every binding, with derived keys and without; and what of it is refused.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_policy::model::{
    DerivedKeys, HeaderPart, PartSet, Parts, PasswordKind, Policy, ProtectionOrder, SupportingToken, Token,
    UsernameToken,
};
use nuncio_wss::{Claim, Class, Refusal};

/// A binding of each sort.
const BASES: [&str; 3] =
    ["wcf-ws2007-anonymousForCertificate", "wse-mutualCertificate10Security", "wcf-ws2007-userNameOverTransport"];

const OVER_TRANSPORT: &str = BASES[2];

const KINDS: [&str; 4] = ["Endorsing", "SignedEndorsing", "EndorsingEncrypted", "SignedEndorsingEncrypted"];

const ORDERS: [(ProtectionOrder, bool); 4] = [
    (ProtectionOrder::SignBeforeEncrypt, false),
    (ProtectionOrder::SignBeforeEncrypt, true),
    (ProtectionOrder::EncryptBeforeSign, false),
    (ProtectionOrder::EncryptBeforeSign, true),
];

/// The policy of a preset, without its own supporting tokens, with a user name of that kind.
fn with(base: &str, kind: &str, derived_keys: DerivedKeys) -> Policy {
    let mut supporting = policy("wcf-ws2007-userNameForCertificate").supporting;
    let Some(SupportingToken { token: Token::Username(token), .. }) = supporting.pop() else { panic!("no user name") };
    let mut policy = policy(base);
    policy.supporting.clear();
    policy.supporting.push(SupportingToken {
        token: Token::Username(UsernameToken { password: PasswordKind::None, derived_keys, ..token }),
        signed: kind.contains("Signed"),
        encrypted: kind.contains("Encrypted"),
        endorsing: kind.contains("Endorsing"),
        optional: false,
        parts: Parts::default(),
    });
    policy
}

/// What the recipient makes of a call under one policy where it has the other.
fn opened(pair: &mut Pair) -> Result<String, Refusal> {
    let (outbound, expectation) = pair.request("hello", None);
    let opened = pair.open(&outbound, outbound.body.clone(), None)?;
    match opened.claim() {
        Claim::User(name) => assert_eq!(name, "alice"),
        _ => panic!("nobody"),
    }
    let message = pair.echo(opened);
    let opening = pair.answer(&message, &expectation);
    assert!(opening.is_ok(), "{:?}", opening.err());
    Ok(String::from_utf8(outbound.body).expect("text"))
}

#[test]
fn a_user_name_endorses_in_every_way_under_every_binding() {
    for base in BASES {
        for (order, encrypt_signature) in ORDERS {
            for derived_keys in [DerivedKeys::None, DerivedKeys::Explicit] {
                for kind in KINDS {
                    let what = format!("{base}, {kind}, {derived_keys:?}, {order:?}, {encrypt_signature}");
                    let mut policy = with(base, kind, derived_keys);
                    (policy.properties.order, policy.properties.encrypt_signature) = (order, encrypt_signature);
                    let text = opened(&mut Pair::new(&policy, soap(base)[0]));
                    let text = text.unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
                    let in_clear = base == OVER_TRANSPORT || !kind.contains("Encrypted");
                    assert_eq!(text.contains("<o:Username>alice<"), in_clear, "{what}: {text}");
                    assert!(!text.contains("Password") && !text.contains("wonderland"), "{what}: {text}");
                }
            }
        }
    }
}

/// What a kind asks for is missed where it is not done.
#[test]
fn a_user_name_that_is_not_as_its_kind_says_is_refused() {
    type Kind<'a> = (&'a str, DerivedKeys);
    type Expected = fn(&Refusal) -> bool;
    let (none, derived) = (DerivedKeys::None, DerivedKeys::Explicit);
    let cases: [(Kind<'_>, Kind<'_>, Expected); 6] = [
        (("Endorsing", none), ("SignedEndorsing", none), |refusal| matches!(refusal, Refusal::NotSigned(_))),
        (("Endorsing", none), ("EndorsingEncrypted", none), |refusal| matches!(refusal, Refusal::NotEncrypted(_))),
        (("Endorsing", none), ("Endorsing", derived), |refusal| matches!(refusal, Refusal::KeyReference(_))),
        (("SignedEncrypted", none), ("SignedEndorsingEncrypted", none), |refusal| {
            matches!(refusal, Refusal::TokenMissing(_))
        }),
        (("SignedEndorsingEncrypted", none), ("SignedEncrypted", none), |refusal| {
            matches!(refusal, Refusal::KeyReference(_))
        }),
        (("SignedEndorsingEncrypted", derived), ("SignedEncrypted", none), |refusal| {
            matches!(refusal, Refusal::KeyReference(_))
        }),
    ];
    for base in BASES {
        for ((written, written_keys), (wanted, wanted_keys), expected) in cases {
            let of_message = matches!((written, wanted), (_, "SignedEndorsing" | "EndorsingEncrypted"));
            if base == OVER_TRANSPORT && of_message {
                continue;
            }
            let written_policy = with(base, written, written_keys);
            let wanted_policy = with(base, wanted, wanted_keys);
            let mut pair = Pair::unlike(&written_policy, &wanted_policy, soap(base)[0]);
            let (outbound, _) = pair.request("hello", None);
            let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop);
            let refusal = refusal.expect_err(&format!("{base}: {written:?} where {wanted:?} is asked for"));
            assert!(expected(&refusal), "{base}, {written:?} for {wanted:?}: {refusal}");
        }
    }
}

/// A user that nobody knows and a password that is wrong are refused as one, with whatever password.
#[test]
fn an_unknown_user_and_a_wrong_password_are_one_refusal() {
    for base in BASES {
        for derived_keys in [DerivedKeys::None, DerivedKeys::Explicit] {
            for kind in KINDS {
                let policy = with(base, kind, derived_keys);
                for (name, password) in
                    [("alice", "wonderland-1866"), ("alice", ""), ("bob", "wonderland-1865"), ("bob", "")]
                {
                    let mut pair = Pair::as_user(&policy, soap(base)[0], name, password);
                    let (outbound, _) = pair.request("hello", None);
                    let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop);
                    let refusal = refusal.expect_err("nobody's");
                    assert!(matches!(&refusal, Refusal::WrongKey(user) if user == name), "{base}, {kind}: {refusal}");
                    assert_eq!(refusal.class(), Class::InvalidSecurity);
                }
            }
        }
    }
}

/// No part of what a key is derived from can be exchanged, and what is derived from is bounded.
#[test]
fn what_the_key_comes_from_is_not_exchanged() {
    for base in BASES {
        let policy = with(base, "Endorsing", DerivedKeys::None);
        let mut pair = Pair::new(&policy, soap(base)[0]);
        let (outbound, _) = pair.request("hello", None);
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        let salt = text.split("Salt xmlns:k=").nth(1).and_then(|rest| rest.split(['>', '<']).nth(1)).expect("a salt");
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{base}: {from} in {text}");
            let refusal = pair.open(&outbound, text.replacen(from, to, 1).into_bytes(), None).map(drop);
            refusal.expect_err(&format!("{base}: {to} for {from}"))
        };
        let other = format!("B{}", &salt[1..]);
        assert!(matches!(refused(salt, &other), Refusal::WrongKey(_)), "{base}");
        assert!(matches!(refused(">1000<", ">1001<"), Refusal::WrongKey(_)), "{base}");
        assert!(matches!(refused(">alice<", ">bob<"), Refusal::WrongKey(_)), "{base}");
        for iterations in [">10001<", ">4000000000<", ">999<", "><"] {
            let refusal = refused(">1000<", iterations);
            assert!(matches!(refusal, Refusal::SecurityHeader { element: "Iteration", .. }), "{base}: {refusal}");
        }
        let without = refused(&format!(">{salt}<"), "><");
        assert!(matches!(without, Refusal::SecurityHeader { element: "Salt", .. }), "{base}: {without}");
    }
}

/// A signature over something else does not endorse, though its key is right; and one that is missing is missed.
#[test]
fn a_user_endorses_what_the_policy_says() {
    for base in BASES {
        let mut bare = with(base, "SignedEndorsing", DerivedKeys::Explicit);
        let mut with_parts = bare.clone();
        with_parts.supporting[0].parts.signed = PartSet {
            body: true,
            headers: vec![HeaderPart { name: None, namespace: "http://www.w3.org/2005/08/addressing".into() }],
            ..PartSet::default()
        };
        let text = opened(&mut Pair::new(&with_parts, soap(base)[0]));
        assert!(text.is_ok(), "{base}: {:?}", text.err());
        let refusal = opened(&mut Pair::unlike(&bare, &with_parts, soap(base)[0]));
        assert!(matches!(refusal, Err(Refusal::NotSigned(ref part)) if part == "Body"), "{base}: {refusal:?}");
        let wanted = bare.clone();
        bare.supporting.clear();
        let refusal = opened(&mut Pair::unlike(&bare, &wanted, soap(base)[0]));
        assert!(matches!(refusal, Err(Refusal::TokenMissing(_))), "{base}: {refusal:?}");
        let mut optional = wanted;
        optional.supporting[0].optional = true;
        assert!(opened(&mut Pair::new(&optional, soap(base)[0])).is_ok(), "{base}");
        let mut pair = Pair::unlike(&bare, &optional, soap(base)[0]);
        let (outbound, _) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("it may be left out");
        assert!(!matches!(opened.claim(), Claim::User(_)), "{base}");
    }
}

/// Beside a name with a password it must be the same user; nonce and time are there where the policy asks for them.
#[test]
fn a_user_who_endorses_is_the_one_that_is_named() {
    for base in BASES {
        let mut policy = with(base, "SignedEndorsing", DerivedKeys::None);
        let plain = policy.clone();
        let mut named = plain.supporting[0].clone();
        let Token::Username(token) = &mut named.token else { panic!("no user name") };
        token.password = PasswordKind::Text;
        (named.endorsing, named.encrypted) = (false, true);
        let Token::Username(token) = &mut policy.supporting[0].token else { panic!("no user name") };
        (token.nonce, token.created) = (true, true);
        let refusal = opened(&mut Pair::unlike(&plain, &policy, soap(base)[0]));
        assert!(
            matches!(refusal, Err(Refusal::SecurityHeader { element: "UsernameToken", .. })),
            "{base}: {refusal:?}"
        );
        let mut pair = Pair::new(&policy, soap(base)[0]);
        let (outbound, _) = pair.request("hello", None);
        let claims = pair.open(&outbound, outbound.body.clone(), None).expect("dated").once().count();
        assert!(claims >= 2, "{base}: the nonce is claimed");
        for at in [0, 1] {
            policy.supporting.insert(at, named.clone());
            let mut pair = Pair::new(&policy, soap(base)[0]);
            let (outbound, _) = pair.request("hello", None);
            let opened = pair.open(&outbound, outbound.body.clone(), None);
            let opened = opened.unwrap_or_else(|refusal| panic!("{base}, {at}: {refusal}"));
            // The password is still to be checked.
            assert!(matches!(opened.claim(), Claim::Username(user) if user.name == "alice"), "{base}");
            if base == OVER_TRANSPORT {
                let text = String::from_utf8(outbound.body.clone()).expect("text");
                let from = text.find("Password").expect("a password");
                let name = text[..from].rfind(">alice<").expect("its user");
                let other = format!("{}>bob{}", &text[..name], &text[name + ">alice".len()..]);
                let refusal = pair.open(&outbound, other.into_bytes(), None).map(drop);
                let another = "names somebody else than another";
                assert!(
                    matches!(refusal, Err(Refusal::SecurityHeader { fault, .. }) if fault == another),
                    "{at}: {refusal:?}"
                );
            }
            policy.supporting.remove(at);
        }
    }
}

/// The element of that name in a message, its tags with it.
fn element<'a>(text: &'a str, name: &str) -> &'a str {
    let start = text.find(&format!("<{name} ")).expect("a start tag");
    let end = format!("</{name}>");
    &text[start..text[start..].find(&end).expect("an end tag") + start + end.len()]
}

/// One password is hashed a thousand times for a message, however many signatures it brings.
#[test]
fn a_message_makes_one_key_of_a_password() {
    let policy = with(OVER_TRANSPORT, "Endorsing", DerivedKeys::None);
    let mut pair = Pair::new(&policy, soap(OVER_TRANSPORT)[0]);
    let (outbound, _) = pair.request("hello", None);
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    let (token, signature) = (element(&text, "o:UsernameToken"), element(&text, "Signature"));
    let id = token.split("Id=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let refused = |besides: String| {
        let text = text.replace("</o:Security>", &format!("{besides}</o:Security>"));
        pair.open(&outbound, text.into_bytes(), None).map(drop).expect_err("refused")
    };
    let (other_token, other_signature) = (token.replace(id, "other"), signature.replace(id, "other"));
    let refusal = refused(format!("{other_token}{other_signature}"));
    let second = "derives a key from a second password";
    assert!(matches!(refusal, Refusal::KeyReference(fault) if fault == second), "{refusal}");
    // By the same token again: it is one signature too many.
    assert!(matches!(refused(signature.to_owned()), Refusal::Endorsement(_)));
    // A token that signs nothing is nobody's.
    assert!(matches!(refused(other_token), Refusal::SecurityHeader { element: "UsernameToken", .. }));
}

/// A salt without a signature is no user, and nothing that a policy without keys of passwords asks for.
#[test]
fn a_salt_alone_proves_nothing() {
    let policy = with(OVER_TRANSPORT, "Endorsing", DerivedKeys::None);
    let mut plain = policy.clone();
    plain.supporting[0].endorsing = false;
    for (wanted, expected) in [(&policy, "TokenMissing"), (&plain, "Salt")] {
        let mut pair = Pair::unlike(&policy, wanted, soap(OVER_TRANSPORT)[0]);
        let (outbound, _) = pair.request("hello", None);
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        let without = text.replace(element(&text, "Signature"), "");
        let refusal = pair.open(&outbound, without.into_bytes(), None).map(drop).expect_err("refused");
        assert!(format!("{refusal:?}").contains(expected), "{refusal}");
    }
}
