//! Encryption first, and then the signature encrypted as well (WS-SecurityPolicy 1.2, sections 6.3 and 6.4): what one end
//! writes the other opens, and what it leaves out the other misses.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, derive, policy, soap};
use nuncio_policy::model::{
    Binding, DerivedKeys, HeaderPart, Include, Layout, PartSet, Parts, Policy, ProtectionOrder, SupportingToken, Token,
};
use nuncio_wss::Refusal;
use nuncio_xmlsec::Invalid;

const BASES: [&str; 4] = [
    "wcf-ws2007-mutualCertificate",
    "wcf-wshttp-userNameForCertificate",
    "wse-mutualCertificate10Security",
    "wse-anonymousForCertificateSecurity",
];

/// The preset's policy with encryption first, and the signature encrypted or not.
fn first(name: &str, encrypt_signature: bool) -> Policy {
    let mut policy = policy(name);
    policy.properties.order = ProtectionOrder::EncryptBeforeSign;
    policy.properties.encrypt_signature = encrypt_signature;
    policy
}

/// The names of the children of a message's security header.
fn children(message: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(message).expect("text");
    let document = roxmltree::Document::parse(text).expect("a document");
    let security = document.descendants().find(|node| node.has_tag_name(SECURITY)).expect("a security header");
    security.children().map(|child| child.tag_name().name().to_owned()).collect()
}

const SECURITY: (&str, &str) =
    ("http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd", "Security");

/// Nothing of the signature is to be seen. What is encrypted after it was signed is listed before it, what was encrypted
/// first behind it.
fn check(message: &[u8], what: &str) {
    let children = children(message);
    let clear = ["Signature", "SignatureConfirmation"].iter().any(|name| children.iter().any(|child| child == name));
    assert!(!clear, "{what}: {children:?}");
    let lists: Vec<_> = (0..children.len()).filter(|&at| children[at] == "ReferenceList").collect();
    let hidden: Vec<_> = (0..children.len()).filter(|&at| children[at] == "EncryptedData").collect();
    assert_eq!(lists.len(), 2, "{what}: {children:?}");
    assert!(hidden.iter().all(|&at| lists[0] < at && at < lists[1]), "{what}: {children:?}");
}

#[test]
fn the_signature_is_encrypted_after_what_it_covers() {
    for name in BASES {
        for derived in [DerivedKeys::Explicit, DerivedKeys::Implied, DerivedKeys::None] {
            for layout in [Layout::Strict, Layout::Lax, Layout::LaxTimestampLast] {
                let what = format!("{name}, {derived:?}, {layout:?}");
                let mut policy = first(name, true);
                derive(&mut policy, derived);
                policy.properties.layout = layout;
                policy.wss.signature_confirmation = true;
                let mut pair = Pair::new(&policy, soap(name)[0]);
                let (outbound, expectation) = pair.request("hello", None);
                check(&outbound.body, &what);
                let opened = pair.open(&outbound, outbound.body.clone(), None);
                let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{what}: {refusal}")));
                check(&message.body, &what);
                let opening = pair.answer(&message, &expectation);
                assert!(opening.is_ok(), "{what}: {:?}", opening.err());
            }
        }
    }
}

#[test]
fn it_is_encrypted_in_conversations() {
    for name in ["wcf-ws2007-mutualCertificate-conversation", "wse-anonymousForCertificateSecurity-conversation"] {
        let mut policy = first(name, true);
        if let Binding::Symmetric(binding) = &mut policy.binding
            && let Token::SecureConversation(token) = &mut binding.protection
        {
            token.bootstrap.properties.order = ProtectionOrder::EncryptBeforeSign;
            token.bootstrap.properties.encrypt_signature = true;
        }
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (ours, theirs) = pair.establish();
        let (outbound, expectation) = pair.request("hello", Some(&ours));
        check(&outbound.body, name);
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let message = pair.echo(opened);
        check(&message.body, name);
        assert!(pair.answer(&message, &expectation).is_ok(), "{name}");
    }
}

/// A signature in clear is refused, whichever way it goes; and an encrypted one where the policy has it in clear, since
/// nothing is decrypted there before it is known who signed.
#[test]
fn a_signature_is_encrypted_where_the_policy_says_so_and_nowhere_else() {
    for name in BASES {
        let mut pair = Pair::unlike(&first(name, false), &first(name, true), soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop).expect_err("refused");
        assert!(matches!(&refusal, Refusal::NotEncrypted(what) if what == "Signature"), "{name}: {refusal}");

        let mut pair = Pair::unlike(&first(name, true), &first(name, false), soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop).expect_err("refused");
        assert!(refusal.to_string().contains("hides a signature where the policy does not"), "{name}: {refusal}");

        let mut careless = Pair::new(&first(name, false), soap(name)[0]);
        let mut pair = Pair::new(&first(name, true), soap(name)[0]);
        let (outbound, _) = careless.request("hello", None);
        let opened = careless.open(&outbound, outbound.body.clone(), None).expect("opened");
        let message = careless.echo(opened);
        let (_, expectation) = pair.request("hello", None);
        assert!(pair.answer(&message, &expectation).is_err(), "{name}");
    }
}

/// Every signature is, that of a token that endorses too; and so is what confirms one.
#[test]
fn nothing_of_the_kind_is_left_in_clear() {
    let name = "wcf-ws2007-mutualCertificate";
    let mut policy = first(name, true);
    let Token::X509(mut token) = policy.supporting.remove(0).token else { panic!("no certificate") };
    token.include = Include::AlwaysToRecipient;
    for (signed, encrypted) in [(false, false), (true, false), (false, true), (true, true)] {
        let token = Token::X509(token.clone());
        let supporting =
            SupportingToken { token, signed, encrypted, endorsing: true, optional: false, parts: Parts::default() };
        policy.supporting = vec![supporting];
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let children = children(&outbound.body);
        let hidden = children.iter().filter(|child| *child == "EncryptedData").count();
        assert_eq!(hidden, 2 + usize::from(encrypted), "{children:?}");
        assert!(!children.iter().any(|child| child == "Signature"), "{children:?}");
        pair.open(&outbound, outbound.body.clone(), None)
            .unwrap_or_else(|refusal| panic!("{signed} {encrypted}: {refusal}"));
    }
}

/// The body is decrypted under a good signature alone: it is the signature that does not fit a changed ciphertext.
#[test]
fn a_changed_body_is_found_before_it_is_decrypted() {
    for name in BASES {
        let mut pair = Pair::new(&first(name, true), soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let mut body = outbound.body.clone();
        let text = std::str::from_utf8(&body).expect("text");
        let at = text.rfind("</e:CipherValue>").expect("a ciphertext") - 30;
        body[at] = if body[at] == b'A' { b'B' } else { b'A' };
        let refusal = pair.open(&outbound, body, None).map(drop).expect_err("refused");
        assert!(matches!(refusal, Refusal::Invalid(Invalid::DigestMismatch(_))), "{name}: {refusal}");
    }
}

/// Where the policy signs first, a signature over what was encrypted is none over what is there.
#[test]
fn ciphertext_is_covered_where_encryption_comes_first_and_nowhere_else() {
    let name = "wcf-wshttp-userNameForCertificate";
    let mut policy = first(name, false);
    policy.properties.layout = Layout::Lax;
    policy.parts.encrypted = PartSet::default();
    let mut sign_first = policy.clone();
    sign_first.properties.order = ProtectionOrder::SignBeforeEncrypt;
    let mut pair = Pair::unlike(&policy, &sign_first, soap(name)[0]);
    let (outbound, _) = pair.request("hello", None);
    let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop).expect_err("refused");
    assert!(matches!(refusal, Refusal::Invalid(Invalid::DanglingReference(_))), "{refusal}");
}

/// What the policy encrypts may not be there, and then there is the signature's list and no other.
#[test]
fn a_message_without_what_the_policy_encrypts() {
    for name in BASES {
        let mut policy = first(name, true);
        policy.properties.layout = Layout::Strict;
        policy.supporting.retain(|token| token.endorsing);
        policy.parts.encrypted.body = false;
        policy.parts.encrypted.headers.push(HeaderPart { name: Some("Secret".into()), namespace: "urn:m".into() });
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None);
        assert!(opened.is_ok(), "{name}: {:?}", opened.err());
    }
}
