//! The asymmetric binding between our two ends: who may sign what, and what becomes of another's message signed anew.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Numbers, Pair, client, credentials, policy, server, soap, stranger};
use nuncio_crypto::algorithm::SignatureAlgorithm;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, sign, transport};
use nuncio_policy::model::{
    AsymmetricBinding, Binding, DerivedKeys, EncryptionTokens, Include, PartSet, Policy, Properties, ProtectionOrder,
    X509Reference, X509Token,
};
use nuncio_policy::suite::Suite;
use nuncio_wss::{Claim, Class, Refusal};
use nuncio_xml::Writer;
use nuncio_xmlsec::encryption::{self, Encrypting, Form};

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
    type Change = fn(&mut AsymmetricBinding, &mut Properties);
    let changes: [(&str, Change); 7] = [
        ("keys as they were wrapped", |binding, _| {
            binding.initiator.derived_keys = DerivedKeys::None;
            binding.recipient.derived_keys = DerivedKeys::None;
        }),
        ("the service's certificate travels", |binding, _| binding.recipient.include = Include::Always),
        ("no certificate travels", |binding, _| binding.initiator.include = Include::Never),
        ("issuer and serial number", |binding, _| {
            binding.initiator.include = Include::Never;
            binding.initiator.reference = X509Reference::IssuerSerial;
            binding.recipient.reference = X509Reference::IssuerSerial;
        }),
        ("an encrypted signature", |_, properties| properties.encrypt_signature = true),
        ("encryption first", |_, properties| properties.order = ProtectionOrder::EncryptBeforeSign),
        ("encryption first, and an encrypted signature", |_, properties| {
            properties.order = ProtectionOrder::EncryptBeforeSign;
            properties.encrypt_signature = true;
        }),
    ];
    let name = PRESET;
    for (what, change) in changes {
        let mut policy = policy(name);
        let mut properties = policy.properties;
        change(asymmetric(&mut policy), &mut properties);
        policy.properties = properties;
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None);
        let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{what}: {refusal}")));
        let opening = pair.answer(&message, &expectation);
        assert!(opening.is_ok(), "{what}: {:?}", opening.err());
    }
}

/// A token that is encrypted for may be another than the one that signs: named otherwise, with other keys derived, and of
/// another certificate of the service's, under which nothing is signed.
#[test]
fn who_encrypts_is_told_from_who_signs() {
    let (mut policy, soap) = (policy(PRESET), soap(PRESET)[0]);
    let binding = asymmetric(&mut policy);
    (binding.initiator.reference, binding.recipient.reference) =
        (X509Reference::KeyIdentifier, X509Reference::KeyIdentifier);
    let encrypted_for = |token: &X509Token| {
        let (derived_keys, reference, include) = (DerivedKeys::None, X509Reference::IssuerSerial, Include::Never);
        Some(X509Token { derived_keys, reference, include, ..token.clone() })
    };
    binding.encryption = Some(EncryptionTokens {
        initiator: encrypted_for(&binding.initiator),
        recipient: encrypted_for(&binding.recipient),
    });
    let mut pair = Pair::answered_with(&policy, soap, credentials(&["server", "stranger"]));
    pair.initiator = pair.initiator.encrypting_for(stranger().certificate);
    let (outbound, expectation) = pair.request("hello", None);
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    let key = &text[text.find("EncryptedKey ").expect("a key")..text.find("CipherValue").expect("a key")];
    let serial = stranger().certificate.serial().to_owned();
    assert!(key.contains("X509IssuerSerial") && key.contains(&serial), "{key}");
    assert!(!text.contains("DerivedKeyToken"), "{text}");
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    assert!(matches!(opened.claim(), Claim::Certificate(certificate) if *certificate == client().certificate));
    let message = pair.echo(opened);
    let answer = pair.answer(&message, &expectation);
    assert!(answer.is_ok(), "{:?}", answer.err());

    // What the one reads the other does not: such a certificate is no more than what keys are wrapped for.
    let alone = Pair::answered_with(&policy, soap, credentials(&["server"]));
    let refusal = alone.open(&outbound, outbound.body.clone(), None).map(drop);
    assert!(matches!(refusal, Err(Refusal::KeyReference(_))), "{refusal:?}");
    let mut signed_by_it = Pair::answered_with(&policy, soap, credentials(&["stranger", "server"]));
    let (outbound, expectation) = signed_by_it.request("hello", None);
    let opened = signed_by_it.open(&outbound, outbound.body.clone(), None).expect("opened");
    let message = signed_by_it.echo(opened);
    let refusal = signed_by_it.answer(&message, &expectation).map(drop);
    assert!(matches!(refusal, Err(Refusal::KeyReference(_))), "{refusal:?}");
}

/// Tokens that sign are enough where nothing is encrypted, and not where something is.
#[test]
fn nothing_is_encrypted_without_a_token_to_encrypt_for() {
    let (mut policy, soap) = (policy(PRESET), soap(PRESET)[0]);
    let encrypting = policy.parts.encrypted.clone();
    policy.parts.encrypted = PartSet::default();
    asymmetric(&mut policy).encryption = Some(EncryptionTokens { initiator: None, recipient: None });
    let mut pair = Pair::new(&policy, soap);
    let (outbound, expectation) = pair.request("hello", None);
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    assert!(!text.contains("EncryptedKey") && text.contains("SignatureValue"), "{text}");
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let message = pair.echo(opened);
    assert!(pair.answer(&message, &expectation).is_ok());

    policy.parts.encrypted = encrypting;
    let credentials = credentials(&["server"]);
    let recipient = nuncio_wss::Recipient::new(nuncio_wss::RecipientSettings {
        alternatives: vec![policy],
        soap,
        operations: Vec::new(),
        credentials,
        trust: nuncio_crypto::trust::Trust::new(Vec::new()).expect("no roots"),
        passwords: None,
        addresses: Vec::new(),
        freshness: ends::FRESHNESS,
        message_lifetime: ends::FRESHNESS.window,
        context_lifetime: ends::FRESHNESS.window,
        context_jitter: 0,
        forward_addressing: false,
        limits: ends::limits(),
    });
    let refused = recipient.map(drop).map_err(|error| error.to_string());
    assert_eq!(refused, Err("what is encrypted without a token that it is encrypted for is not built yet".to_owned()));
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
    // Each message is claimed by its signature and by its encrypted key: whichever comes first, the other is known by that.
    let keys = |opened: &nuncio_wss::Opened| opened.once().map(|once| once.key).collect::<Vec<_>>();
    let known = |one: &nuncio_wss::Opened, other| keys(one).iter().filter(|key| keys(other).contains(key)).count();
    assert_eq!(known(&opened, &honest), 1);

    let (another, _) = pair.request("hello", None);
    let another = pair.open(&another, another.body.clone(), None).expect("opened");
    assert_eq!((keys(&another).len(), known(&another, &honest)), (2, 0));
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

/// Whoever sees a message that encrypts nothing can put an encrypted key of his own beside its signature, and something
/// that it hides. It is refused, and whatever a message is claimed by, its signature is among it.
#[test]
fn tk_04_an_encrypted_key_of_anybodys_makes_no_new_message() {
    let mut policy = policy(PRESET);
    policy.parts.encrypted = PartSet::default();
    let binding = asymmetric(&mut policy);
    (binding.initiator.derived_keys, binding.recipient.derived_keys) = (DerivedKeys::None, DerivedKeys::None);
    let suite = policy.properties.suite;
    let mut pair = Pair::new(&policy, soap(PRESET)[0]);
    let (outbound, _) = pair.request("hello", None);
    let honest = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    assert_eq!(honest.once().count(), 1, "its signature");
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    let at = text.find("Security ").map(|at| at + text[at..].find('>').expect("a tag") + 1).expect("a header");
    let decoyed = format!("{}{}{}", &text[..at], decoy(suite), &text[at..]);
    let refusal = pair.open(&outbound, decoyed.into_bytes(), None).map(drop).expect_err("a hidden certificate");
    assert!(matches!(refusal, Refusal::SecurityHeader { element: "BinarySecurityToken", .. }), "{refusal}");
}

/// A key wrapped for the service, and a certificate that it hides.
fn decoy(suite: &Suite) -> String {
    const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    const PROFILES: &str = "http://docs.oasis-open.org/wss";
    let mut numbers = Numbers(77);
    let mut key = vec![0; suite.key];
    numbers.fill(&mut key);
    let key = Secret::new(key);
    let service = server().certificate;
    let wrapped = transport::wrap(service.public_key(), suite.transport, &key, &mut numbers).expect("wrapped");
    let mut writer = Writer::new();
    let name = |writer: &mut Writer| {
        writer.start("o", WSSE, "SecurityTokenReference");
        writer.start("o", WSSE, "KeyIdentifier");
        writer.attribute("ValueType", &format!("{PROFILES}/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"));
        writer.text(&base64::encode(&service.thumbprint()));
        writer.end();
        writer.end();
    };
    encryption::encrypted_key(&mut writer, "decoy-key", suite.transport, &wrapped, name, &["decoy-data".to_owned()]);
    let token = format!(
        "<o:BinarySecurityToken xmlns:o=\"{WSSE}\" ValueType=\"{PROFILES}/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3\">{}</o:BinarySecurityToken>",
        base64::encode(stranger().certificate.der())
    );
    let local = |writer: &mut Writer| {
        writer.start("o", WSSE, "SecurityTokenReference");
        writer.start("o", WSSE, "Reference");
        writer.attribute("URI", "#decoy-key");
        writer.end();
        writer.end();
    };
    let mut encrypting = Encrypting { cipher: suite.cipher, key: &key, random: &mut numbers };
    encryption::encrypt(&mut writer, &mut encrypting, "decoy-data", Form::Element, token.as_bytes(), local)
        .expect("encrypted");
    String::from_utf8(writer.into_bytes()).expect("text")
}
