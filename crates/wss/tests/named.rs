//! `SignedElements` whose paths lead to tokens in the security header: they are signed as protected tokens are.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use std::sync::Arc;

use ends::{Pair, derive, namespace, policy, soap};
use nuncio_policy::model::{
    Binding, DerivedKeys, ElementPath, Include, Policy, ProtectionOrder, SoapVersion, Step, Token,
};
use nuncio_wss::{Context, Refusal};

const USER: &str = "wcf-ws2007-userNameForCertificate";
const MUTUAL: &str = "wcf-ws2007-mutualCertificate";
const ASYMMETRIC: &str = "wse-mutualCertificate10Security";
const CONVERSATION: &str = "wcf-ws2007-mutualCertificate-conversation";

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

/// The path of a child of the security header, or of what is within it: of any namespace, below that.
fn path(soap: SoapVersion, child: &str) -> ElementPath {
    let step = |namespace: Option<&str>, local: &str| Step {
        anywhere_below: false,
        namespace: namespace.map(Into::into),
        local: Some(local.to_owned()),
    };
    let mut steps = vec![
        step(Some(namespace(soap)), "Envelope"),
        step(Some(namespace(soap)), "Header"),
        step(Some(WSSE), "Security"),
    ];
    steps.extend(child.split('/').map(|local| step(None, local)));
    ElementPath { text: child.to_owned(), steps }
}

/// The same anywhere.
fn anywhere(local: &str) -> ElementPath {
    let step = Step { anywhere_below: true, namespace: None, local: Some(local.to_owned()) };
    ElementPath { text: format!("//{local}"), steps: vec![step] }
}

/// The preset's policy, whose supporting tokens are signed by nothing but what paths say.
fn base(name: &str, order: ProtectionOrder, hidden: bool, derived: DerivedKeys) -> Policy {
    let mut policy = policy(name);
    policy.properties.order = order;
    policy.properties.encrypt_signature = hidden;
    derive(&mut policy, derived);
    for supporting in &mut policy.supporting {
        supporting.signed = false;
        if let Token::X509(token) = &mut supporting.token {
            token.include = Include::AlwaysToRecipient;
        }
    }
    if let Binding::Asymmetric(binding) = &mut policy.binding {
        binding.initiator.include = Include::AlwaysToRecipient;
    }
    policy
}

type Contexts = Option<(Arc<Context>, Arc<Context>)>;

/// A request under one policy for a recipient under another, and the answer; nothing where that cannot be.
fn converse(theirs: &Policy, ours: &Policy, name: &str) -> Result<(), Refusal> {
    let mut pair = Pair::unlike(theirs, ours, soap(name)[0]);
    let contexts: Contexts = (name == CONVERSATION).then(|| pair.establish());
    let (outbound, expectation) = pair.request("hello", contexts.as_ref().map(|(ours, _)| ours));
    let opened = pair.open(&outbound, outbound.body.clone(), contexts.as_ref().map(|(_, theirs)| theirs))?;
    let message = pair.echo(opened);
    pair.answer(&message, &expectation).map(drop)
}

#[test]
fn tokens_that_a_path_leads_to_are_signed() {
    const NONE: &[DerivedKeys] = &[DerivedKeys::None];
    const DERIVED: &[DerivedKeys] = &[DerivedKeys::Explicit];
    const BOTH: &[DerivedKeys] = &[DerivedKeys::None, DerivedKeys::Explicit];
    let cases: [(&str, &str, &[DerivedKeys]); 10] = [
        (USER, "UsernameToken", BOTH),
        (USER, "UsernameToken/Password", NONE),
        (USER, "EncryptedKey", BOTH),
        (USER, "DerivedKeyToken", DERIVED),
        (MUTUAL, "BinarySecurityToken", NONE),
        (ASYMMETRIC, "BinarySecurityToken", NONE),
        (ASYMMETRIC, "EncryptedKey", BOTH),
        (ASYMMETRIC, "DerivedKeyToken", DERIVED),
        (CONVERSATION, "SecurityContextToken", BOTH),
        (CONVERSATION, "DerivedKeyToken", DERIVED),
    ];
    for (name, child, keys) in cases {
        for order in [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign] {
            for hidden in [false, true] {
                for &derived in keys {
                    let what = format!("{name}, {child}, {order:?}, {hidden}, {derived:?}");
                    let bare = base(name, order, hidden, derived);
                    let mut signed = bare.clone();
                    signed.parts.signed_elements.push(path(soap(name)[0], child));
                    converse(&signed, &signed, name).unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
                    let refusal = converse(&bare, &signed, name).expect_err(&what);
                    assert!(matches!(&refusal, Refusal::NotSigned(text) if text == child), "{what}: {refusal}");
                }
            }
        }
    }
}

/// A path that says of no place where finds what is within tokens too, and signs nothing twice.
#[test]
fn paths_that_lead_anywhere() {
    for (name, local) in [(USER, "Username"), (USER, "Timestamp"), (ASYMMETRIC, "BinarySecurityToken"), (USER, "text")]
    {
        for protect in [false, true] {
            let mut policy = base(name, ProtectionOrder::SignBeforeEncrypt, true, DerivedKeys::None);
            policy.properties.protect_tokens = protect;
            policy.parts.signed_elements.push(anywhere(local));
            converse(&policy, &policy, name).unwrap_or_else(|refusal| panic!("{name}, {local}: {refusal}"));
        }
    }
    // A token that is signed for another reason as well.
    let mut policy = base(USER, ProtectionOrder::SignBeforeEncrypt, false, DerivedKeys::None);
    policy.supporting.iter_mut().for_each(|supporting| supporting.signed = true);
    policy.parts.signed_elements.extend([anywhere("Password"), path(soap(USER)[0], "UsernameToken")]);
    converse(&policy, &policy, USER).unwrap_or_else(|refusal| panic!("{refusal}"));
}
