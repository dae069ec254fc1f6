//! The asymmetric binding between our two ends: who may sign what, and what becomes of another's message signed anew.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, client, policy, server, soap, stranger};
use nuncio_crypto::algorithm::SignatureAlgorithm;
use nuncio_crypto::{base64, sign};
use nuncio_policy::model::{
    AsymmetricBinding, Binding, DerivedKeys, Include, PartSet, Policy, ProtectionOrder, X509Reference,
};
use nuncio_wss::{Claim, Class, Refusal};

const PRESET: &str = "wse-mutualCertificate10Security";

fn asymmetric(policy: &mut Policy) -> &mut AsymmetricBinding {
    match &mut policy.binding {
        Binding::Asymmetric(binding) => binding,
        Binding::Transport(_) | Binding::Symmetric(_) => panic!("not an asymmetric binding"),
    }
}

/// Under the asymmetric binding a request is whoever's the recipient trusts, and an answer the service's alone.
#[test]
fn xs_17_who_signs_under_the_asymmetric_binding_is_checked_by_both_ends() {
    let name = PRESET;
    let (policy, soap) = (policy(name), soap(name)[0]);

    let mut pair = Pair::with(&policy, &policy, soap, stranger());
    let (outbound, _) = pair.request("hello", None);
    let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop).expect_err("a stranger's");
    assert!(matches!(refusal, Refusal::UntrustedSigner { .. }), "{refusal}");
    assert_eq!(refusal.class(), Class::InvalidSecurity, "it tells nothing that a bad signature does not");

    // Everybody has the client's certificate, and may encrypt for it; the answer must be signed by the service.
    for (answering, expected) in [(None, true), (Some(stranger()), false)] {
        let mut pair = match answering {
            None => Pair::new(&policy, soap),
            Some(signer) => Pair::answered_by(&policy, soap, signer),
        };
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        let message = pair.echo(opened);
        let answer = pair.answer(&message, &expectation).map(drop);
        assert_eq!(answer.is_ok(), expected, "{answer:?}");
        assert!(answer.is_ok() || matches!(answer, Err(Refusal::KeyReference(_))), "{answer:?}");
    }
}

/// What one end writes under every option of the asymmetric binding, the other accepts.
#[test]
fn options_of_the_asymmetric_binding_are_kept_by_both_ends() {
    type Change = fn(&mut AsymmetricBinding);
    let changes: [(&str, Change); 6] = [
        ("keys as they were wrapped", |binding| {
            binding.initiator.derived_keys = DerivedKeys::None;
            binding.recipient.derived_keys = DerivedKeys::None;
        }),
        ("the service's certificate travels", |binding| binding.recipient.include = Include::Always),
        ("no certificate travels", |binding| binding.initiator.include = Include::Never),
        ("issuer and serial number", |binding| {
            binding.initiator.include = Include::Never;
            binding.initiator.reference = X509Reference::IssuerSerial;
            binding.recipient.reference = X509Reference::IssuerSerial;
        }),
        ("an encrypted signature", |binding| binding.encrypt_signature = true),
        ("encryption first", |binding| binding.order = ProtectionOrder::EncryptBeforeSign),
    ];
    let name = PRESET;
    for (what, change) in changes {
        let mut policy = policy(name);
        change(asymmetric(&mut policy));
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None);
        let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{what}: {refusal}")));
        let opening = pair.answer(&message, &expectation);
        assert!(opening.is_ok(), "{what}: {:?}", opening.err());
    }
}

/// Nothing ties the encrypted key to whoever signs: somebody else who is trusted may sign what he saw. It is the same
/// message, so that it is taken once.
#[test]
fn tk_04_a_message_signed_anew_by_another_is_the_same_message() {
    let trust = vec![client().certificate, stranger().certificate];
    let mut pair = Pair::trusting(&policy(PRESET), soap(PRESET)[0], trust);
    let (outbound, _) = pair.request("hello", None);
    let honest = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    let between = |from: &str, to: &str| {
        let start = text.find(from).unwrap_or_else(|| panic!("no {from}"));
        let end = text[start..].find(to).unwrap_or_else(|| panic!("no {to}")) + start + to.len();
        text[start..end].to_owned()
    };
    let canonical = between("<SignedInfo", "</SignedInfo>").replacen(
        "<SignedInfo>",
        "<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">",
        1,
    );
    let other = stranger();
    let value =
        sign::sign(&other.key, SignatureAlgorithm::RsaSha1, canonical.as_bytes(), &mut pair.numbers).expect("signed");
    let signed_anew = text
        .replace(
            &between("<SignatureValue>", "</SignatureValue>"),
            &format!("<SignatureValue>{}</SignatureValue>", base64::encode(&value)),
        )
        .replace(&base64::encode(client().certificate.der()), &base64::encode(other.certificate.der()));
    let opened = pair.open(&outbound, signed_anew.into_bytes(), None).expect("his signature is good");
    assert!(matches!(opened.claim(), Claim::Certificate(certificate) if *certificate == other.certificate));
    let key = |opened: &nuncio_wss::Opened| opened.once().next().expect("unique").key;
    assert_eq!(key(&opened), key(&honest));

    let (another, _) = pair.request("hello", None);
    assert_ne!(key(&pair.open(&another, another.body.clone(), None).expect("opened")), key(&honest));
}

/// An answer of the service sent back to it, where all that tells the two apart is who signed.
#[test]
fn what_the_service_signed_is_not_taken_as_a_request() {
    let mut policy = policy(PRESET);
    policy.parts.encrypted = PartSet::default();
    let trust = vec![client().certificate, server().certificate];
    let mut pair = Pair::trusting(&policy, soap(PRESET)[0], trust);
    let (mut outbound, _) = pair.request("hello", None);
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let message = pair.echo(opened);
    outbound.soap_action = None;
    outbound.content_type = message.content_type.to_owned();
    let refusal = pair.open(&outbound, message.body, None).map(drop).expect_err("reflected");
    assert!(matches!(refusal, Refusal::KeyReference("signs under our own certificate")), "{refusal}");
}
