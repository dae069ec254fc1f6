//! A signed document, and what may be done to it.

#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, MacAlgorithm, SignatureAlgorithm};
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, mac};
use nuncio_xml::{Document, NodeId, Writer, exclusive};
use nuncio_xmlsec::signature::{Limits, Method, Part, Signature, Signing, VerifyKey, sign, verify};
use nuncio_xmlsec::{Accepted, DSIG, Invalid};

pub(crate) const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
pub(crate) const LIMITS: Limits = Limits { references: 4, prefixes: 4 };
pub(crate) const C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

pub(crate) fn accepted() -> Accepted {
    Accepted {
        canonicalisations: &[nuncio_xmlsec::C14n::Exclusive],
        transforms: &[nuncio_xmlsec::C14n::Exclusive],
        digests: vec![DigestAlgorithm::Sha1],
        macs: vec![MacAlgorithm::HmacSha1],
        signatures: vec![SignatureAlgorithm::RsaSha1],
        ciphers: vec![CipherAlgorithm::Aes256Cbc],
        transports: vec![KeyTransport::OAEP_SHA1],
        wraps: Vec::new(),
    }
}

pub(crate) fn key() -> Secret {
    Secret::new(b"twenty-four octets of it".to_vec())
}

pub(crate) fn document(text: &str) -> Document {
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
pub(crate) fn signed() -> String {
    signed_parts(&["one", "two"])
}

pub(crate) fn signed_parts(ids: &[&str]) -> String {
    let mut writer = Writer::new();
    writer.start("r", "urn:root", "root");
    let mut parts = Vec::new();
    for &id in ids {
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

pub(crate) fn find(document: &Document, namespace: &str, local: &str) -> NodeId {
    document.elements(document.root()).find(|&node| document.is(node, namespace, local)).expect("there")
}

pub(crate) fn check(text: &str) -> Result<(Document, nuncio_xmlsec::signature::Verified), Invalid> {
    let document = document(text);
    let signature = Signature::read(&document, find(&document, DSIG, "Signature"), &accepted(), &LIMITS)?;
    let verified = verify(&document, signature, &VerifyKey::Secret(&key()), &mut 10_000)?;
    Ok((document, verified))
}

/// The message with its signature value made anew by whoever has the key, cut to so many bits.
pub(crate) fn signed_again(text: &str, bits: usize) -> String {
    let document = document(text);
    let signature = find(&document, DSIG, "Signature");
    let info = document.elements(signature).find(|&node| document.is(node, DSIG, "SignedInfo")).expect("one");
    let mut octets = Vec::new();
    exclusive(&document, info, &[], &mut octets);
    let tag = mac::mac(MacAlgorithm::HmacSha1, key().expose(), &[&octets]);
    let value = base64::encode(&tag.as_ref()[..bits.div_ceil(8).min(20)]);
    let (start, end) = (text.find("<SignatureValue>").expect("one") + 16, text.find("</SignatureValue>").expect("one"));
    format!("{}{value}{}", &text[..start], &text[end..])
}

pub(crate) fn read(text: &str) -> Result<Signature, Invalid> {
    let document = document(text);
    Signature::read(&document, find(&document, DSIG, "Signature"), &accepted(), &LIMITS)
}

/// Not read, for what is wrong with that element.
#[track_caller]
pub(crate) fn malformed(what: &str, text: &str, of: &str) {
    match read(text) {
        Err(Invalid::Malformed { element, .. }) => assert_eq!(element, of, "{what}"),
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what} was read"),
    }
}

#[track_caller]
pub(crate) fn not_accepted(what: &str, text: &str, uri: &str) {
    match read(text) {
        Err(Invalid::AlgorithmNotAccepted(found)) => assert_eq!(found, uri, "{what}"),
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what} was read"),
    }
}

/// `text` with the first `from` replaced, which must be there.
pub(crate) fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from} in {text}");
    text.replacen(from, to, 1)
}
