//! Where references lead (`RequireInternalReference`, `RequireExternalReference`, `RequireExternalUriReference`): what one
//! end writes is as the policy has it, and the other follows it.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, client, policy, server, soap};
use nuncio_crypto::base64;
use nuncio_policy::model::{
    Binding, DerivedKeys, Include, Policy, ProtectionOrder, ReferenceTarget, SecureConversationToken, Token,
    X509Reference, X509Token,
};
use nuncio_wss::Claim;

const OUTSIDE: [ReferenceTarget; 2] = [ReferenceTarget::External, ReferenceTarget::ExternalUri];
const CONVERSATIONS: [&str; 2] =
    ["wcf-ws2007-mutualCertificate-conversation", "wcf-wshttp-userNameOverTransport-conversation"];
const ASYMMETRIC: &str = "wse-mutualCertificate10Security";

/// The policy's secure conversation token, which protects or endorses.
fn conversation(policy: &mut Policy) -> &mut SecureConversationToken {
    let token = match &mut policy.binding {
        Binding::Symmetric(binding) => Some(&mut binding.protection),
        Binding::Transport(_) | Binding::Asymmetric(_) => policy.supporting.first_mut().map(|token| &mut token.token),
    };
    match token {
        Some(Token::SecureConversation(token)) => token,
        _ => panic!("no conversation"),
    }
}

/// A request in a conversation, its answer, and the request's text.
fn converse(policy: &Policy, name: &str) -> String {
    let mut pair = Pair::new(policy, soap(name)[0]);
    let (ours, theirs) = pair.establish();
    let (outbound, expectation) = pair.request("hello", Some(&ours));
    let http =
        nuncio_wss::HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() };
    let received = pair.recipient.read(&http, outbound.body.clone()).expect("read");
    assert_eq!(received.context(), Some(theirs.name().as_str()), "{name}: the context can be looked up");
    let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs));
    let opened = opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    assert!(matches!(opened.claim(), Claim::Context(_)), "{name}");
    let message = pair.echo(opened);
    let opening = pair.answer(&message, &expectation);
    assert!(opening.is_ok(), "{name}: {:?}", opening.err());
    String::from_utf8(outbound.body).expect("text")
}

/// The one call of a policy without a conversation, its answer, and the request's text.
fn call(policy: &Policy, name: &str) -> String {
    let mut pair = Pair::new(policy, soap(name)[0]);
    let (outbound, expectation) = pair.request("hello", None);
    let opened = pair.open(&outbound, outbound.body.clone(), None);
    let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}")));
    let opening = pair.answer(&message, &expectation);
    assert!(opening.is_ok(), "{name}: {:?}", opening.err());
    String::from_utf8(outbound.body).expect("text")
}

/// A security context is named by its identifier, whether or not its token travels, however its keys are derived.
#[test]
fn a_context_is_named_by_its_identifier() {
    for name in CONVERSATIONS {
        for target in OUTSIDE {
            for include in [Include::Never, Include::AlwaysToRecipient] {
                for derived_keys in [DerivedKeys::None, DerivedKeys::Explicit, DerivedKeys::Implied] {
                    let mut policy = policy(name);
                    policy.properties.encrypt_signature = true;
                    let token = conversation(&mut policy);
                    (token.target, token.include, token.derived_keys) = (target, include, derived_keys);
                    let what = format!("{name}, {target:?}, {include:?}, {derived_keys:?}");
                    let text = converse(&policy, name);
                    let travels = text.contains("SecurityContextToken ");
                    assert_eq!(travels, include == Include::AlwaysToRecipient, "{what}: {text}");
                    assert!(text.contains("<o:Reference URI=\"urn:uuid:"), "{what}: {text}");
                    let of_context = |at: &str| at.split('>').next().is_some_and(|tag| tag.contains("/sct\""));
                    let local = text.split("<o:Reference URI=\"#").skip(1).filter(|at| of_context(at)).count();
                    assert_eq!(local, 0, "{what}: {text}");
                }
            }
        }
    }
}

/// Where it travels and the policy wants references into the message, or says nothing, they lead there.
#[test]
fn a_context_that_travels_is_named_by_its_id() {
    for name in CONVERSATIONS {
        for target in [ReferenceTarget::Any, ReferenceTarget::Internal] {
            let mut policy = policy(name);
            conversation(&mut policy).target = target;
            let text = converse(&policy, name);
            assert!(!text.contains("<o:Reference URI=\"urn:uuid:"), "{name}, {target:?}: {text}");
        }
    }
}

/// A certificate that signs or endorses travels all the same where the policy says so, protected as it says; it is named by
/// something about it.
#[test]
fn a_certificate_that_travels_is_named_from_outside() {
    let outside = |token: &mut X509Token| {
        (token.target, token.include, token.reference) =
            (ReferenceTarget::External, Include::Always, X509Reference::IssuerSerial);
    };
    for name in [ASYMMETRIC, "wcf-ws2007-mutualCertificate", "wcf-ws2007-certificateOverTransport"] {
        for order in [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign] {
            let mut policy = policy(name);
            policy.properties.order = order;
            policy.properties.encrypt_signature = false;
            policy.properties.protect_tokens = name == ASYMMETRIC;
            match &mut policy.binding {
                Binding::Asymmetric(binding) => outside(&mut binding.initiator),
                _ => match &mut policy.supporting[0].token {
                    Token::X509(token) => outside(token),
                    _ => panic!("no certificate"),
                },
            }
            for signed in [false, true] {
                for supporting in &mut policy.supporting {
                    supporting.signed = signed;
                }
                let text = call(&policy, name);
                assert!(text.contains(&base64::encode(client().certificate.der())), "{name}: {text}");
                let at = text.rfind("<KeyInfo>").expect("a signature");
                assert!(text[at..].contains("X509IssuerSerial"), "{name}: {text}");
            }
        }
    }
}

/// Whose reader has it anyway, the service's certificate travels where references must lead to it.
#[test]
fn a_certificate_that_encrypts_travels_where_references_lead_into_the_message() {
    for name in ["wcf-ws2007-anonymousForCertificate", ASYMMETRIC] {
        for derived_keys in [DerivedKeys::None, DerivedKeys::Explicit] {
            let mut policy = policy(name);
            let token = match &mut policy.binding {
                Binding::Asymmetric(binding) => &mut binding.recipient,
                Binding::Symmetric(binding) => match &mut binding.protection {
                    Token::X509(token) => token,
                    _ => panic!("no certificate"),
                },
                Binding::Transport(_) => panic!("no certificate"),
            };
            (token.include, token.derived_keys) = (Include::Always, derived_keys);
            let service = base64::encode(server().certificate.der());
            assert!(!call(&policy, name).contains(&service), "{name}: nothing asks for it");
            match &mut policy.binding {
                Binding::Asymmetric(binding) => binding.recipient.target = ReferenceTarget::Internal,
                Binding::Symmetric(binding) => match &mut binding.protection {
                    Token::X509(token) => token.target = ReferenceTarget::Internal,
                    _ => panic!("no certificate"),
                },
                Binding::Transport(_) => panic!("no certificate"),
            }
            let text = call(&policy, name);
            assert_eq!(text.matches(&service).count(), 1, "{name}: {text}");
            let at = text.find("EncryptedKey ").expect("a key");
            let named = text[at..].find("URI=\"#").map(|of| at + of).expect("a reference");
            assert!(named < text.find("CipherValue").expect("a key"), "{name}: {text}");
        }
    }
}
