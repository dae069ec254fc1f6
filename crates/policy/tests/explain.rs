//! Policies in plain words, and what of them is weak.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fmt::Write;
use std::path::Path;

use nuncio_policy::explain::{Grade, Warning, Weakness, explain};
use nuncio_policy::model::{
    Addressing, Binding, DerivedKeys, Message, MessagePolicy, Operation, PartSet, Parts, PasswordKind, Policy,
    ProtectionOrder, Token, UsernameToken,
};
use nuncio_policy::suite::Suite;
use nuncio_policy::{preset, wsdl};

fn policy(name: &str) -> Policy {
    preset::named(name).unwrap().policy
}

fn weaknesses(policy: &Policy) -> Vec<Weakness> {
    explain(policy, &[]).warnings.into_iter().map(|warning| warning.weakness).collect()
}

/// The words stand in a file, to be read as a whole. With `NUNCIO_WRITE_EXPLAINED` set, they are written there.
#[test]
fn every_preset_in_words() {
    let mut words = String::new();
    for preset in preset::all() {
        write!(words, "# {}\n{}\n", preset.name, explain(&preset.policy, &[])).unwrap();
    }
    for file in ["cxf-mutual.wsdl", "wcf-conversation.wsdl", "wcf-over-transport.wsdl"] {
        let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file)).unwrap();
        for port in wsdl::read(file, &bytes).unwrap().ports {
            for policy in port.alternatives.unwrap_or_default() {
                write!(words, "# {file}, {}\n{}\n", port.name, explain(&policy, &port.operations)).unwrap();
            }
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explained.txt");
    if std::env::var_os("NUNCIO_WRITE_EXPLAINED").is_some() {
        std::fs::write(&file, &words).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap();
    for (found, known) in words.split("\n# ").zip(known.split("\n# ")) {
        assert_eq!(found, known);
    }
    assert_eq!(words.len(), known.len());
}

/// Each weakness is found where a policy has it, and not where it has not.
#[test]
fn what_is_weak_is_found() {
    type Change = fn(&mut Policy);
    let signed = "wcf-ws2007-userNameForCertificate";
    let mutual = "wcf-ws2007-mutualCertificate";
    let all = "requests, responses and faults";
    let changes: Vec<(&str, Weakness, Change)> = vec![
        (signed, Weakness::BodyNotSigned(all.into()), |policy| {
            policy.parts.signed.body = false;
            policy.parts.encrypted.body = false;
        }),
        (signed, Weakness::EncryptedNotSigned(all.into()), |policy| policy.parts.signed.body = false),
        (signed, Weakness::BodyNotEncrypted(all.into()), |policy| policy.parts.encrypted.body = false),
        (signed, Weakness::AddressingNotSigned(all.into()), |policy| {
            policy.parts.signed.headers.retain(|header| header.name.as_deref() != Some("To"));
        }),
        (signed, Weakness::NameAlone, |policy| username(policy).password = PasswordKind::None),
        (signed, Weakness::NameNotSigned, |policy| policy.supporting[0].signed = false),
        (signed, Weakness::TokenOptional, |policy| policy.supporting[0].optional = true),
        (signed, Weakness::AnonymousCallers, |policy| policy.supporting.clear()),
        (signed, Weakness::PasswordDigest, |policy| username(policy).password = PasswordKind::Digest),
        (signed, Weakness::PasswordKey, |policy| policy.supporting[0].endorsing = true),
        (signed, Weakness::NoTimestamp, |policy| policy.properties.timestamp = false),
        (signed, Weakness::AnswersNotBound, |policy| policy.parts.signed.headers.clear()),
        (mutual, Weakness::NoSignatureConfirmation, |policy| policy.wss.signature_confirmation = false),
        (signed, Weakness::NotAddressed, |policy| policy.addressing = Addressing::None),
        (signed, Weakness::Rsa15, |policy| suite(policy, "Basic256Sha256Rsa15")),
        (signed, Weakness::TripleDes, |policy| suite(policy, "TripleDesSha256")),
        (signed, Weakness::SignatureInClear, |policy| policy.properties.encrypt_signature = false),
        (signed, Weakness::NoDerivedKeys, |policy| match &mut policy.binding {
            Binding::Symmetric(binding) => match &mut binding.protection {
                Token::X509(token) => token.derived_keys = DerivedKeys::None,
                _ => panic!("no certificate"),
            },
            _ => panic!("not symmetric"),
        }),
    ];
    for (name, weakness, change) in changes {
        let mut policy = policy(name);
        assert!(!weaknesses(&policy).contains(&weakness), "{name}: {weakness:?}");
        change(&mut policy);
        assert!(weaknesses(&policy).contains(&weakness), "{weakness:?}: {:?}", weaknesses(&policy));
    }
    // What every preset has, and a better policy has not.
    for (name, weakness) in [
        (mutual, Weakness::Sha1Signature),
        (signed, Weakness::Sha1Digest),
        (signed, Weakness::Sha1Mac),
        (signed, Weakness::CbcSignedInside),
    ] {
        let mut policy = policy(name);
        assert!(weaknesses(&policy).contains(&weakness), "{weakness:?}");
        suite(&mut policy, "Basic256Sha256");
        policy.properties.order = ProtectionOrder::EncryptBeforeSign;
        assert!(!weaknesses(&policy).contains(&weakness), "{weakness:?}");
    }
    let cookies = weaknesses(&policy("wse-usernameForCertificateSecurity-conversation"));
    assert!(cookies.contains(&Weakness::NoCancel), "{cookies:?}");
}

fn username(policy: &mut Policy) -> &mut UsernameToken {
    match &mut policy.supporting[0].token {
        Token::Username(token) => token,
        _ => panic!("no user name"),
    }
}

fn suite(policy: &mut Policy, name: &str) {
    policy.properties.suite = Suite::named(name).unwrap();
}

#[test]
fn the_worst_comes_first() {
    let mut policy = policy("wcf-ws2007-userNameForCertificate");
    assert_eq!(explain(&policy, &[]).worst(), Some(Grade::Warning));
    policy.parts.signed.body = false;
    let explanation = explain(&policy, &[]);
    assert_eq!(explanation.worst(), Some(Grade::Danger));
    let grades: Vec<Grade> = explanation.warnings.iter().map(Warning::grade).collect();
    assert!(grades.is_sorted_by(|one, other| one >= other), "{grades:?}");
    // Over TLS with a user name nothing is weak.
    assert_eq!(explain(&self::policy("wcf-ws2007-userNameOverTransport"), &[]).worst(), None);
}

/// What a conversation begins with is judged like any policy, and said to be of there.
#[test]
fn the_policy_of_a_bootstrap_is_judged_too() {
    let mut policy = policy("wcf-ws2007-userNameForCertificate-conversation");
    let Binding::Symmetric(binding) = &mut policy.binding else { panic!("not symmetric") };
    let Token::SecureConversation(token) = &mut binding.protection else { panic!("no conversation") };
    token.bootstrap.properties.timestamp = false;
    let explanation = explain(&policy, &[]);
    let warning = explanation.warnings.iter().find(|warning| warning.weakness == Weakness::NoTimestamp).unwrap();
    assert!(warning.bootstrap && warning.to_string().starts_with("warning: where conversations begin: messages have"));
}

/// What a contract asks of single messages is said with their operations' names.
#[test]
fn messages_of_which_something_else_is_asked_are_named() {
    let policy = Policy { parts: Parts::default(), ..policy("wcf-ws2007-userNameForCertificate") };
    let message = |action: &str, signed: bool, encrypted: bool, protected: bool| {
        let set = |body| PartSet { body, ..PartSet::default() };
        let parts = Parts { signed: set(signed), encrypted: set(encrypted), ..Parts::default() };
        let alternatives = vec![MessagePolicy { parts, ..MessagePolicy::default() }];
        Message { action: action.to_owned(), soap_action: None, element: None, alternatives, protected }
    };
    let operation = |name: &str, input: Message, output: Message| Operation {
        name: name.to_owned(),
        input,
        output: Some(output),
        faults: Vec::new(),
    };
    let operations = [
        operation("A", message("a", true, true, true), message("ar", true, true, true)),
        operation("B", message("b", true, false, true), message("br", true, true, true)),
        operation("C", message("c", true, true, true), message("cr", false, false, false)),
    ];
    let explanation = explain(&policy, &operations);
    let messages = explanation.sections.iter().find(|section| section.heading == "Messages").unwrap();
    assert_eq!(
        messages.sentences[..3],
        [
            "Requests of A and C and responses of A and B: signed the body; encrypted the body.",
            "Requests of B: signed the body; nothing is encrypted.",
            "Responses of C: in clear, without any security.",
        ]
    );
    let found: Vec<&Weakness> = explanation.warnings.iter().map(|warning| &warning.weakness).collect();
    assert!(found.contains(&&Weakness::InClear("responses of C".to_owned())), "{found:?}");
    assert!(found.contains(&&Weakness::BodyNotEncrypted("requests of B".to_owned())), "{found:?}");
}
