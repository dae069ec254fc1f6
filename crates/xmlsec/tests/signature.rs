//! Signatures written are read and verified again, and whatever WS-Security does not need is refused.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod message;

use message::{
    C14N, LIMITS, accepted, check, document, edited, find, key, malformed, signed, signed_again, signed_parts,
};
use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, digest};
use nuncio_xml::NodeId;
use nuncio_xmlsec::signature::{Limits, Signature, VerifyKey, verify};
use nuncio_xmlsec::{DSIG, Invalid};

#[test]
fn xs_15_what_is_signed_verifies_and_covers_its_very_nodes() {
    let text = signed();
    let (document, verified) = check(&text).expect("verified");
    let parts: Vec<NodeId> =
        document.elements(document.root()).filter(|&node| document.is(node, "urn:root", "part")).collect();
    assert!(parts.iter().all(|&part| verified.covers(part)));
    assert!(!verified.covers(document.root()));
    assert_eq!(verified.value().len(), 20);
}

#[test]
fn xs_18_another_key_or_kind_of_key_does_not_verify() {
    let text = signed();
    let document = document(&text);
    let signature = Signature::read(&document, find(&document, DSIG, "Signature"), &accepted(), &LIMITS).expect("read");
    let other = Secret::new(b"other octets, as many as".to_vec());
    assert!(matches!(
        verify(&document, signature, &VerifyKey::Secret(&other), &mut 10_000),
        Err(Invalid::SignatureMismatch)
    ));
    // A public key is no secret, whatever the message says of its algorithm; and the other way about.
    let pem = include_bytes!("../../../tests/keys/server.pem");
    let certificate =
        nuncio_crypto::certificate::Certificate::from_pem(pem).expect("a test certificate").pop().expect("one");
    let public = VerifyKey::Public(certificate.public_key());
    let asymmetric = text.replacen("xmldsig#hmac-sha1", "xmldsig#rsa-sha1", 1);
    let (asymmetric, secret) = (self::document(&asymmetric), VerifyKey::Secret(&other));
    for (document, key) in [(&document, &public), (&asymmetric, &secret)] {
        let signature =
            Signature::read(document, find(document, DSIG, "Signature"), &accepted(), &LIMITS).expect("read");
        let refused = verify(document, signature, key, &mut 10_000).map(drop);
        assert!(matches!(refused, Err(Invalid::Malformed { element: "SignatureMethod", .. })), "{refused:?}");
    }
}

#[test]
fn xs_15_what_was_changed_does_not_verify() {
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
fn xs_14_what_security_does_not_need_is_refused_before_a_key_is_used() {
    let text = signed();
    let c14n = C14N;
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
fn xs_28_references_are_counted_and_each_names_another_element() {
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
fn xs_28_references_digest_no_more_than_they_may() {
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

/// A reference is `#` and an id, and nothing that other readers follow.
#[test]
fn xs_06_references_by_other_means() {
    let text = signed();
    for uri in [
        "",
        "#",
        "one",
        " #one",
        "#one two",
        "##one",
        "#one#two",
        "#xpointer(/)",
        "#xpointer(id(&apos;one&apos;))",
        "#element(/1)",
        "#%6fne",
        "#one%20",
        "http://example.com/#one",
        "http://example.com/",
        "https://example.com/",
        "ftp://example.com/one",
        "file:///etc/passwd",
        "cid:one",
        "urn:uuid:one",
        "//example.com/#one",
        "?#one",
        "./#one",
    ] {
        malformed(uri, &edited(&text, "URI=\"#one\"", &format!("URI=\"{uri}\"")), "Reference");
    }
    malformed("no URI", &edited(&text, " URI=\"#one\"", ""), "Reference");
    for quoted in ["#one&quot;", "#&#39;one&#39;", "#ONE", "#One", "#one&#x200b;", "#nothing"] {
        let text = signed_again(&edited(&text, "URI=\"#one\"", &format!("URI=\"{quoted}\"")), 160);
        let Err(error) = check(&text) else { panic!("{quoted} was followed") };
        assert!(matches!(error, Invalid::DanglingReference(_)), "{quoted}: {error}");
    }
}

/// The digest of nothing is nobody's digest: an element's canonical form begins with its tag.
#[test]
fn xs_10_digests_of_nothing() {
    let text = signed();
    let sound = text.split("<DigestValue>").nth(1).and_then(|rest| rest.split('<').next()).expect("a digest");
    let nothing = digest::hash(DigestAlgorithm::Sha1, b"");
    assert_eq!(base64::encode(nothing.as_ref()), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
    for value in ["2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="] {
        let text = signed_again(&edited(&text, sound, value), 160);
        let Err(error) = check(&text) else { panic!("{value:?} was taken") };
        assert!(matches!(&error, Invalid::DigestMismatch(id) if id == "one"), "{value:?}: {error}");
    }
}

/// Each child of each structure left out, doubled, put last or hidden: it is not read.
#[test]
fn xs_14_children_of_another_number_and_order() {
    let text = signed();
    let element = |local: &str| {
        let tag = |end: char| text.find(&format!("<{local}{end}"));
        let start = tag('>').into_iter().chain(tag(' ')).min().expect("one");
        let close = format!("</{local}>");
        &text[start..start + text[start..].find(&close).expect("an end") + close.len()]
    };
    for (parent, children) in [
        ("Signature", ["SignedInfo", "SignatureValue", "KeyInfo"].as_slice()),
        ("SignedInfo", &["CanonicalizationMethod", "SignatureMethod"]),
        ("Reference", &["Transforms", "DigestMethod", "DigestValue"]),
        ("Transforms", &["Transform"]),
    ] {
        let end = format!("</{parent}>");
        for (at, child) in children.iter().enumerate() {
            let whole = element(child);
            let what = format!("{parent}/{child}");
            malformed(&format!("without {what}"), &edited(&text, whole, ""), parent);
            malformed(&format!("{what} twice"), &edited(&text, whole, &whole.repeat(2)), parent);
            malformed(&format!("{what} hidden"), &edited(&text, whole, &format!("<Object>{whole}</Object>")), parent);
            let opened = whole.replacen(&format!("<{child}"), &format!("<x:{child} xmlns:x=\"urn:x\""), 1);
            let foreign = opened.replacen(&format!("</{child}>"), &format!("</x:{child}>"), 1);
            malformed(&format!("{what} of another namespace"), &edited(&text, whole, &foreign), parent);
            if at + 1 < children.len() {
                malformed(
                    &format!("{what} last"),
                    &edited(&edited(&text, whole, ""), &end, &format!("{whole}{end}")),
                    parent,
                );
            }
        }
        malformed(&format!("more in {parent}"), &edited(&text, &end, &format!("<Object/>{end}")), parent);
        malformed(&format!("text in {parent}"), &edited(&text, &end, &format!("text{end}")), parent);
    }
    // A second SignedInfo, before the signed one and in an object behind, and a reference outside.
    let info = element("SignedInfo");
    let other = info.replace("#one", "#two");
    malformed("another before", &edited(&text, info, &format!("{other}{info}")), "Signature");
    malformed(
        "another in an object",
        &edited(&text, "</Signature>", &format!("<Object>{other}</Object></Signature>")),
        "Signature",
    );
    malformed(
        "a reference outside",
        &edited(&text, "<SignatureValue>", &format!("{}<SignatureValue>", element("Reference"))),
        "Signature",
    );
}

/// Of many references each is checked against its own element: whichever is changed is found.
#[test]
fn xs_15_each_of_many_references() {
    let limits = Limits { references: 16, ..LIMITS };
    let names: Vec<String> = (0..16).map(|n| format!("part-{n:02}")).collect();
    for count in 2..=16 {
        let ids: Vec<&str> = names[..count].iter().map(String::as_str).collect();
        let text = signed_parts(&ids);
        let check = |text: &str| {
            let document = document(text);
            let signature = Signature::read(&document, find(&document, DSIG, "Signature"), &accepted(), &limits)?;
            verify(&document, signature, &VerifyKey::Secret(&key()), &mut 100_000)
                .map(|verified| document.elements(document.root()).filter(|&node| verified.covers(node)).count())
        };
        assert_eq!(check(&text).expect("verified"), count);
        for id in ids {
            let place = text.find(&format!("Id=\"{id}\"")).expect("there");
            let edited = format!("{}{}", &text[..place], text[place..].replacen("more", "less", 1));
            let Err(error) = check(&edited) else { panic!("{id} of {count} was changed") };
            assert!(matches!(&error, Invalid::DigestMismatch(found) if found == id), "{id} of {count}: {error}");
        }
    }
}

/// Nothing is enveloped, and a manifest is nothing that a reference may mean.
#[test]
fn xs_23_objects_and_manifests() {
    let text = signed();
    let reference = &text[text.find("<Reference").expect("one")..text.find("</Reference>").expect("one") + 12];
    let data = "<e:EncryptedData xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\"/>";
    for object in [
        "<Object/>".to_owned(),
        "<Object Id=\"o\"><r:part xmlns:r=\"urn:root\"/></Object>".to_owned(),
        format!("<Object><Manifest Id=\"m\">{reference}</Manifest></Object>"),
        "<Object><SignatureProperties/></Object>".to_owned(),
        data.to_owned(),
    ] {
        malformed(&object, &edited(&text, "</Signature>", &format!("{object}</Signature>")), "Signature");
    }
    malformed(
        "a manifest among references",
        &edited(&text, "<Reference", &format!("<Manifest>{reference}</Manifest><Reference")),
        "SignedInfo",
    );
    malformed("an encrypted key info", &edited(&text, "<KeyInfo></KeyInfo>", data), "Signature");
}
