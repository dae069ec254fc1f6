//! A signer's path of certificates in one token.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::path::CertificatePath;
use nuncio_policy::model::{Binding, Policy, Token, X509Kind};
use nuncio_wss::{Claim, Credential, Refusal};

const OVER_TRANSPORT: &str = "wcf-ws2007-certificateOverTransport";

fn certificate(pem: &[u8]) -> Certificate {
    Certificate::from_pem(pem).expect("a certificate").remove(0)
}

fn root() -> Certificate {
    certificate(include_bytes!("../../crypto/tests/data/root.pem"))
}

fn intermediate() -> Certificate {
    certificate(include_bytes!("../../crypto/tests/data/intermediate.pem"))
}

/// Issued by the intermediate, which the root issued.
fn below() -> Credential {
    Credential::new(
        certificate(include_bytes!("../../crypto/tests/data/below.pem")),
        PrivateKey::from_pem(include_bytes!("../../crypto/tests/data/leaf.key.pem")).expect("a key"),
    )
}

/// The policy with its client's certificates as paths.
fn with_paths(name: &str) -> Policy {
    let mut policy = policy(name);
    let tokens = policy.supporting.iter_mut().filter_map(|supporting| match &mut supporting.token {
        Token::X509(token) => Some(token),
        _ => None,
    });
    let initiator = match &mut policy.binding {
        Binding::Asymmetric(binding) => Some(&mut binding.initiator),
        _ => None,
    };
    tokens.chain(initiator).for_each(|token| token.kind = X509Kind::PkiPathV1);
    policy
}

/// A request whose signature's token holds that in place of what its sender put there, opened by whom trusts the root.
fn opened(octets: &[u8], change: impl Fn(String) -> String) -> Result<String, Refusal> {
    let mut pair = Pair::as_whom(&with_paths(OVER_TRANSPORT), soap(OVER_TRANSPORT)[0], below(), vec![root()]);
    let (outbound, _) = pair.request("hello", None);
    let request = String::from_utf8(outbound.body.clone()).expect("text");
    let sent = base64::encode(&CertificatePath::to_der(&[&below().certificate]));
    assert!(request.contains(&sent), "{request}");
    let request = change(request.replace(&sent, &base64::encode(octets)));
    let opened = pair.open(&outbound, request.into_bytes(), None)?;
    match opened.claim() {
        Claim::Certificate(certificate) => Ok(certificate.subject().to_owned()),
        _ => panic!("whose is it?"),
    }
}

/// A path of the signer's certificate alone, where the policy asks for one, under every binding that has one.
#[test]
fn a_path_travels_where_the_policy_asks_for_one() {
    for name in [OVER_TRANSPORT, "wcf-ws2007-mutualCertificate", "wse-mutualCertificate10Security"] {
        let mut pair = Pair::new(&with_paths(name), soap(name)[0]);
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None);
        let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}")));
        assert!(pair.answer(&message, &expectation).is_ok(), "{name}");
        let request = String::from_utf8(outbound.body).expect("text");
        // The signature, with the reference in it, is encrypted under some.
        assert!(request.contains("#X509PKIPathv1") && !request.contains("#X509v3"), "{name}: {request}");
    }
}

/// The signer is the last; what is above it leads to the root.
#[test]
fn the_last_of_a_path_signs() {
    let (root, intermediate, below) = (root(), intermediate(), below().certificate);
    for path in [vec![&intermediate, &below], vec![&root, &intermediate, &below]] {
        let subject = opened(&CertificatePath::to_der(&path), |request| request);
        assert_eq!(subject.unwrap_or_else(|refusal| panic!("{refusal}")), below.subject());
    }
    // Alone it leads nowhere.
    let alone = opened(&CertificatePath::to_der(&[&below]), |request| request);
    assert!(matches!(alone, Err(Refusal::UntrustedCertificate { .. })));
}

#[test]
fn what_is_no_path_is_refused() {
    let (root, intermediate, below) = (root(), intermediate(), below().certificate);
    let broken = "is no path of certificates that can be read";
    let single = "is no certificate that can be read";
    let as_one = |request: String| request.replace("#X509PKIPathv1", "#X509v3");
    for (what, octets, change, fault) in [
        ("signer first", CertificatePath::to_der(&[&below, &intermediate]), None, broken),
        ("a gap", CertificatePath::to_der(&[&root, &below]), None, broken),
        ("nothing", CertificatePath::to_der(&[]), None, broken),
        ("nine", CertificatePath::to_der(&[&root; 9]), None, broken),
        ("one certificate", below.der().to_vec(), None, broken),
        ("a path as one certificate", CertificatePath::to_der(&[&intermediate, &below]), Some(as_one), single),
    ] {
        let result = opened(&octets, |request| match change {
            Some(change) => change(request),
            None => request,
        });
        match result {
            Err(Refusal::SecurityHeader { element: "BinarySecurityToken", fault: found }) => {
                assert_eq!(found, fault, "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    // A reference that says one certificate and leads to a path.
    let mixed = |request: String| {
        let at = request.rfind("#X509PKIPathv1").expect("the reference");
        format!("{}#X509v3{}", &request[..at], &request[at + "#X509PKIPathv1".len()..])
    };
    let result = opened(&CertificatePath::to_der(&[&intermediate, &below]), mixed);
    assert!(matches!(result, Err(Refusal::SecurityHeader { element: "Reference", .. })), "{result:?}");
}
