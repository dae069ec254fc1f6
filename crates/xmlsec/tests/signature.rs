//! Signatures written are read and verified again, and whatever WS-Security does not need is refused.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, MacAlgorithm, SignatureAlgorithm};
use nuncio_crypto::mac;
use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer};
use nuncio_xmlsec::signature::{Limits, Method, Part, Signature, Signing, VerifyKey, sign, verify};
use nuncio_xmlsec::{Accepted, DSIG, Invalid};

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const LIMITS: Limits = Limits { references: 4, prefixes: 4 };

fn accepted() -> Accepted {
    Accepted {
        digests: vec![DigestAlgorithm::Sha1],
        macs: vec![MacAlgorithm::HmacSha1],
        signatures: vec![SignatureAlgorithm::RsaSha1],
        ciphers: vec![CipherAlgorithm::Aes256Cbc],
        transports: vec![KeyTransport::OAEP_SHA1],
    }
}

fn key() -> Secret {
    Secret::new(b"twenty-four octets of it".to_vec())
}

fn document(text: &str) -> Document {
    let limits = nuncio_xml::Limits {
        bytes: 1 << 20,
        depth: 32,
        attributes: 16,
        attribute_bytes: 4096,
        declarations: 16,
        declarations_in_scope: 32,
        elements: 1000,
        children: 100,
        name_bytes: 100,
        names: 1000,
        text_bytes: 1 << 16,
    };
    Document::read(text.as_bytes().to_vec(), &limits).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A document with two parts and an HMAC over both.
fn signed() -> String {
    let mut writer = Writer::new();
    writer.start("r", "urn:root", "root");
    let mut parts = Vec::new();
    for id in ["one", "two"] {
        writer.apex();
        let start = writer.position();
        writer.start("r", "urn:root", "part");
        writer.attribute_ns("u", WSU, "Id", id);
        writer.declare("q", "urn:only-in-content");
        writer.text("q:name & more\r");
        writer.end();
        let range = start..writer.position();
        parts.push(Part::written(DigestAlgorithm::Sha1, id, &writer, range));
    }
    let signing = Signing {
        id: Some("sig"),
        method: Method::Mac(MacAlgorithm::HmacSha1),
        digest: DigestAlgorithm::Sha1,
        parts: &parts,
    };
    let value = |octets: &[u8]| {
        Ok::<_, std::convert::Infallible>(mac::mac(MacAlgorithm::HmacSha1, key().expose(), &[octets]).as_ref().to_vec())
    };
    sign(&mut writer, &signing, value, |_| {}).expect("signed");
    writer.end();
    String::from_utf8(writer.into_bytes()).expect("text")
}

fn find(document: &Document, namespace: &str, local: &str) -> NodeId {
    document.elements(document.root()).find(|&node| document.is(node, namespace, local)).expect("there")
}

fn check(text: &str) -> Result<(Document, nuncio_xmlsec::signature::Verified), Invalid> {
    let document = document(text);
    let signature = Signature::read(&document, find(&document, DSIG, "Signature"), &accepted(), &LIMITS)?;
    let verified = verify(&document, signature, &VerifyKey::Secret(&key()), &mut 10_000)?;
    Ok((document, verified))
}

#[test]
fn what_is_signed_verifies_and_covers_its_very_nodes() {
    let text = signed();
    let (document, verified) = check(&text).expect("verified");
    let parts: Vec<NodeId> =
        document.elements(document.root()).filter(|&node| document.is(node, "urn:root", "part")).collect();
    assert!(parts.iter().all(|&part| verified.covers(part)));
    assert!(!verified.covers(document.root()));
    assert_eq!(verified.value().len(), 20);
}

#[test]
fn another_key_or_kind_of_key_does_not_verify() {
    let text = signed();
    let document = document(&text);
    let signature = Signature::read(&document, find(&document, DSIG, "Signature"), &accepted(), &LIMITS).expect("read");
    let other = Secret::new(b"other octets, as many as".to_vec());
    assert!(matches!(
        verify(&document, signature, &VerifyKey::Secret(&other), &mut 10_000),
        Err(Invalid::SignatureMismatch)
    ));
}

#[test]
fn what_was_changed_does_not_verify() {
    let text = signed();
    for (from, to, of) in [
        ("q:name &amp; more", "q:name &amp; less", "DigestMismatch"),
        ("u:Id=\"two\"", "u:Id=\"three\"", "DanglingReference"),
        ("URI=\"#two\"", "URI=\"#one\"", "SignatureMismatch"),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text);
        let Err(error) = check(&edited) else { panic!("{from} -> {to} verified") };
        assert!(format!("{error:?}").starts_with(of), "{from} -> {to}: {error:?}");
    }
}

#[test]
fn what_security_does_not_need_is_refused_before_a_key_is_used() {
    let text = signed();
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    for (what, from, to) in [
        (
            "truncated output",
            "#hmac-sha1\"></SignatureMethod>",
            "#hmac-sha1\"><HMACOutputLength>8</HMACOutputLength></SignatureMethod>",
        ),
        (
            "comments",
            &format!("{c14n}\"></CanonicalizationMethod>"),
            &format!("{c14n}WithComments\"></CanonicalizationMethod>"),
        ),
        (
            "inclusive canonicalisation",
            &format!("{c14n}\"></Transform>"),
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"></Transform>",
        ),
        (
            "a second transform",
            "</Transform></Transforms>",
            &format!("</Transform><Transform Algorithm=\"{c14n}\"></Transform></Transforms>"),
        ),
        (
            "an XPath transform",
            &format!("{c14n}\"></Transform>"),
            "http://www.w3.org/TR/1999/REC-xpath-19991116\"></Transform>",
        ),
        ("no transforms", &format!("<Transforms><Transform Algorithm=\"{c14n}\"></Transform></Transforms>"), ""),
        ("a digest outside the suite", "xmldsig#sha1", "xmldsig#sha256"),
        ("a MAC outside the suite", "xmldsig#hmac-sha1", "xmldsig#hmac-md5"),
        ("a comment in a digest", "<DigestValue>", "<DigestValue><!-- -->"),
        ("no base64", "<DigestValue>", "<DigestValue>*"),
        ("an external reference", "URI=\"#one\"", "URI=\"http://example.com/\""),
        ("an empty reference", "URI=\"#one\"", "URI=\"\""),
        ("an XPointer", "URI=\"#one\"", "URI=\"#xpointer(/)\""),
        ("an escaped reference", "URI=\"#one\"", "URI=\"#%6fne\""),
        ("no reference", "URI=\"#one\"", "Uri=\"#one\""),
        ("an object", "</KeyInfo></Signature>", "</KeyInfo><Object></Object></Signature>"),
        ("two key infos", "<KeyInfo></KeyInfo>", "<KeyInfo></KeyInfo><KeyInfo></KeyInfo>"),
        ("no key info", "<KeyInfo></KeyInfo>", ""),
        ("two signed infos", "<SignatureValue>", "<SignedInfo></SignedInfo><SignatureValue>"),
        ("text between", "<SignatureValue>", "text<SignatureValue>"),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{what}: nothing was edited");
        let document = document(&edited);
        let read = Signature::read(&document, find(&document, DSIG, "Signature"), &accepted(), &LIMITS);
        assert!(read.is_err(), "{what} was read");
    }
}

#[test]
fn references_are_counted_and_each_names_another_element() {
    let text = signed();
    let from = text.find("<Reference").expect("one");
    let to = text.rfind("</Reference>").expect("one") + "</Reference>".len();
    let references = &text[from..to];
    let doubled = text.replacen(references, &references.repeat(2), 1);
    let Err(error) = check(&doubled) else { panic!("verified") };
    assert!(matches!(error, Invalid::SignatureMismatch), "{error}");
    let many = text.replacen(references, &references.repeat(3), 1);
    let Err(error) = check(&many) else { panic!("verified") };
    assert!(matches!(error, Invalid::TooMany { limit: 4, .. }), "{error}");
}

#[test]
fn references_digest_no_more_than_they_may() {
    let document = document(&signed());
    let read = || Signature::read(&document, find(&document, DSIG, "Signature"), &accepted(), &LIMITS).expect("read");
    let mut budget = 10_000;
    verify(&document, read(), &VerifyKey::Secret(&key()), &mut budget).expect("verified");
    let used = 10_000 - budget;
    assert!(used > 200, "{used} octets");
    let mut just = used;
    assert!(verify(&document, read(), &VerifyKey::Secret(&key()), &mut just).is_ok() && just == 0);
    let verified = verify(&document, read(), &VerifyKey::Secret(&key()), &mut (used - 1));
    assert!(matches!(verified, Err(Invalid::TooMany { .. })));
}
