//! Algorithms: none but those that were asked for, and none with parameters that weaken it.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod message;

use message::{C14N, check, edited, malformed, not_accepted, read, signed, signed_again};
use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, MacAlgorithm, SignatureAlgorithm};
use nuncio_xmlsec::Invalid;

/// A truncated HMAC is refused for asking to be one, sound or not (CVE-2009-0217).
#[test]
fn xs_19_hmac_output_length() {
    let text = signed();
    for (length, bits) in [
        ("0", 0),
        ("1", 1),
        ("8", 8),
        ("40", 40),
        ("80", 80),
        ("159", 159),
        ("160", 160),
        ("161", 160),
        ("2147483648", 160),
        (" 160", 160),
        ("", 160),
        ("-8", 8),
    ] {
        let method = "#hmac-sha1\"></SignatureMethod>";
        let with = format!("#hmac-sha1\"><HMACOutputLength>{length}</HMACOutputLength></SignatureMethod>");
        malformed(length, &signed_again(&edited(&text, method, &with), bits), "SignatureMethod");
    }
    // Nor is a value that is shorter than it should be taken without that word.
    for bits in [0, 1, 8, 80, 96, 152] {
        assert!(matches!(check(&signed_again(&text, bits)), Err(Invalid::SignatureMismatch)), "{bits}");
    }
    assert!(check(&signed_again(&text, 160)).is_ok());
}

/// Every algorithm in every place: none but the suite's passes.
#[test]
fn xs_20_algorithms_outside_the_suite() {
    let text = signed();
    let mut known: Vec<&str> = vec![
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-md5",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-ripemd160",
        "http://www.w3.org/2001/04/xmldsig-more#md5",
        "http://www.w3.org/2007/05/xmldsig-more#sha1-rsa-MGF1",
        "http://www.w3.org/2009/xmldsig11#dsa-sha256",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2006/12/xml-c14n11",
        C14N,
        "",
        "urn:x",
    ];
    known.extend(DigestAlgorithm::ALL.iter().map(|algorithm| algorithm.uri()));
    known.extend(MacAlgorithm::ALL.iter().map(|algorithm| algorithm.uri()));
    known.extend(SignatureAlgorithm::ALL.iter().map(|algorithm| algorithm.uri()));
    known.extend(CipherAlgorithm::ALL.iter().map(|algorithm| algorithm.uri()));
    let sha1 = DigestAlgorithm::Sha1.uri();
    for (place, own, also) in [
        ("DigestMethod", sha1, None),
        ("SignatureMethod", MacAlgorithm::HmacSha1.uri(), Some(SignatureAlgorithm::RsaSha1.uri())),
        ("CanonicalizationMethod", C14N, None),
        ("Transform", C14N, None),
    ] {
        let from = format!("<{place} Algorithm=\"{own}\"");
        for uri in &known {
            let edited = edited(&text, &from, &format!("<{place} Algorithm=\"{uri}\""));
            if *uri == own || Some(*uri) == also {
                assert!(read(&edited).is_ok(), "{place}: {uri}");
            } else {
                not_accepted(place, &edited, uri);
            }
        }
        malformed(
            place,
            &edited(&text, &from, &format!("<{place}")),
            if place == "CanonicalizationMethod" { "Transform" } else { place },
        );
    }
}

/// One transform, and that one: what others do with a message is not done to it.
#[test]
fn xs_22_transforms() {
    let text = signed();
    let own = format!("<Transform Algorithm=\"{C14N}\"></Transform>");
    let inside = "<x xmlns=\"urn:x\">anything</x>";
    for uri in [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/2000/09/xmldsig#base64",
        "http://www.w3.org/2002/07/decrypt#XML",
        "http://www.w3.org/2002/07/decrypt#Binary",
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    ] {
        let other = format!("<Transform Algorithm=\"{uri}\">{inside}</Transform>");
        not_accepted(uri, &edited(&text, &own, &other), uri);
        not_accepted(uri, &edited(&text, &own, &format!("{other}{own}")), uri);
        malformed(uri, &edited(&text, &own, &format!("{own}{other}")), "Transforms");
    }
    malformed("many", &edited(&text, &own, &own.repeat(90)), "Transforms");
    malformed("something in it", &edited(&text, &own, &own.replace("></", &format!(">{inside}</"))), "Transform");
}
