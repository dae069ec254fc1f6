//! Every form of a reference, read and written.

use nuncio_crypto::base64;
use nuncio_policy::model::X509Reference;
use nuncio_xml::Writer;

use super::*;
use crate::dialect::{FEBRUARY_2005, V13};
use crate::token::tests::document;

const PEM: &[u8] = include_bytes!("../../../../../tests/keys/server.pem");
const CLIENT: &[u8] = include_bytes!("../../../../../tests/keys/client.pem");
const NO_SKI: &[u8] = include_bytes!("../../../../crypto/tests/data/no-ski.pem");

fn certificate(pem: &[u8]) -> Certificate {
    Certificate::from_pem(pem).expect("a certificate").remove(0)
}

/// Reads the reference in that markup, beside tokens of every kind.
fn read(markup: &str) -> Result<Reference, Refusal> {
    let tokens = format!(
        "<o:BinarySecurityToken u:Id=\"bst\" ValueType=\"{X509V3}\">AAAA</o:BinarySecurityToken>\
         <e:EncryptedKey Id=\"ek\"/><c:SecurityContextToken u:Id=\"sct\"/><sc:DerivedKeyToken u:Id=\"dk\"/>\
         <sc:DerivedKeyToken u:Id=\"dk-of-ek\">{}</sc:DerivedKeyToken>\
         <sc:DerivedKeyToken u:Id=\"dk-of-sct\">{}</sc:DerivedKeyToken>\
         <o:UsernameToken u:Id=\"ut\"/><e:EncryptedData Id=\"ed\"/>",
        to("", &format!("<o:Reference URI=\"#ek\" ValueType=\"{ENCRYPTED_KEY}\"/>")),
        to("", &format!("<o:Reference URI=\"#sct\" ValueType=\"{}\"/>", V13.context_token)),
    );
    let (document, node) = document(&format!("<ds:KeyInfo>{markup}</ds:KeyInfo>{tokens}"));
    Reference::of_key_info(&document, node)
}

fn to(attributes: &str, child: &str) -> String {
    format!("<o:SecurityTokenReference{attributes}>{child}</o:SecurityTokenReference>")
}

#[track_caller]
fn refused(markup: &str, element: &str, fault: &str) {
    match read(markup).err() {
        Some(Refusal::SecurityHeader { element: found, fault: why }) => {
            assert_eq!((found, why), (element, fault), "{markup}");
        }
        other => panic!("{markup}: {other:?}"),
    }
}

/// An id, with the type of what it names, of the generation that CXF takes for both, or without one, as gSOAP has it. A key
/// that is derived from an encrypted key may go by that one's type, as CXF's streaming engine has it.
#[test]
fn by_id() {
    for (id, kind) in [
        ("bst", X509V3),
        ("ek", ENCRYPTED_KEY),
        ("sct", FEBRUARY_2005.context_token),
        ("sct", V13.context_token),
        ("dk", V13.derived_key_token),
        ("dk", FEBRUARY_2005.derived_key_token),
        ("dk-of-ek", V13.derived_key_token),
        ("dk-of-ek", ENCRYPTED_KEY),
        ("ut", USERNAME_TOKEN),
        ("ed", X509V3),
        ("nothing", X509V3),
    ] {
        for markup in [
            to("", &format!("<o:Reference URI=\"#{id}\"/>")),
            to("", &format!("<o:Reference URI=\"#{id}\" ValueType=\"{kind}\"/>")),
            to(&format!(" k:TokenType=\"{kind}\""), &format!("<o:Reference URI=\"#{id}\"/>")),
            to(&format!(" k:TokenType=\"{kind}\""), &format!("<o:Reference URI=\"#{id}\" ValueType=\"{kind}\"/>")),
        ] {
            let read = read(&markup);
            assert!(matches!(&read, Ok(Reference::Local(found)) if found == id), "{markup}: {:?}", read.err());
        }
    }
}

/// A type, wherever it is said, must be that of what is named.
#[test]
fn a_type_that_is_not_that_of_the_token_is_refused() {
    for (id, kind) in [
        ("bst", ENCRYPTED_KEY),
        ("bst", PKI_PATH),
        ("ek", X509V3),
        ("ek", V13.context_token),
        ("sct", V13.derived_key_token),
        ("dk", V13.context_token),
        ("dk", ENCRYPTED_KEY),
        ("dk-of-ek", V13.context_token),
        ("dk-of-sct", ENCRYPTED_KEY),
        ("dk-of-sct", V13.context_token),
        ("ut", X509V3),
    ] {
        let fault = "says that it is to a token of another type";
        refused(&to("", &format!("<o:Reference URI=\"#{id}\" ValueType=\"{kind}\"/>")), "Reference", fault);
        refused(&to(&format!(" k:TokenType=\"{kind}\""), &format!("<o:Reference URI=\"#{id}\"/>")), OF, fault);
    }
    let saml = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1";
    let identifier = |kind: &str| format!("<o:KeyIdentifier ValueType=\"{kind}\">AAAA</o:KeyIdentifier>");
    for (kind, child) in [
        (X509V3, identifier(ENCRYPTED_KEY_SHA1)),
        (ENCRYPTED_KEY, identifier(THUMBPRINT)),
        (saml, identifier(THUMBPRINT)),
        (X509V3, format!("<o:Reference URI=\"urn:x\" ValueType=\"{}\"/>", V13.context_token)),
    ] {
        refused(&to(&format!(" k:TokenType=\"{kind}\""), &child), OF, "says that it is to a token of another type");
    }
}

/// A context by its identifier, with and without a type, with an instance of either generation, or as a whole token.
#[test]
fn contexts() {
    let instance = "urn:uuid:2".to_owned();
    for (child, expected) in [
        ("<o:Reference URI=\"urn:uuid:1\"/>".to_owned(), None),
        (format!("<o:Reference URI=\"urn:uuid:1\" ValueType=\"{}\"/>", V13.context_token), None),
        ("<o:Reference URI=\"urn:uuid:1\" c:Instance=\"urn:uuid:2\"/>".to_owned(), Some(&instance)),
        ("<o:Reference URI=\"urn:uuid:1\" sc:Instance=\"urn:uuid:2\"/>".to_owned(), Some(&instance)),
        (
            "<o:Embedded><sc:SecurityContextToken><sc:Identifier>urn:uuid:1</sc:Identifier>\
             <sc:Instance>urn:uuid:2</sc:Instance></sc:SecurityContextToken></o:Embedded>"
                .to_owned(),
            Some(&instance),
        ),
    ] {
        match read(&to("", &child)) {
            Ok(Reference::External { uri, instance }) => {
                assert_eq!((uri.as_str(), instance.as_ref()), ("urn:uuid:1", expected), "{child}");
            }
            other => panic!("{child}: {other:?}"),
        }
    }
}

/// Every way in which a peer names a certificate finds that one and no other.
#[test]
fn certificates() {
    let (ours, other) = (certificate(PEM), certificate(CLIENT));
    let base64_of = |octets: &[u8]| base64::encode(octets);
    let ski = base64_of(ours.subject_key_identifier().expect("an identifier"));
    let whole = base64_of(ours.der());
    let identifier = |kind: &str, value: &str| {
        to("", &format!("<o:KeyIdentifier EncodingType=\"{BASE64}\" ValueType=\"{kind}\">{value}</o:KeyIdentifier>"))
    };
    let issuer_serial = format!(
        "<ds:X509IssuerSerial><ds:X509IssuerName>{}</ds:X509IssuerName><ds:X509SerialNumber>{}\
         </ds:X509SerialNumber></ds:X509IssuerSerial>",
        ours.issuer().replace(',', " ,  "),
        ours.serial()
    );
    let in_line = format!("<ds:X509Certificate>{whole}</ds:X509Certificate>");
    let subject = "<ds:X509SubjectName>CN=whoever</ds:X509SubjectName>";
    let mut forms = vec![
        identifier(THUMBPRINT, &base64_of(&ours.thumbprint())),
        identifier(SUBJECT_KEY_IDENTIFIER, &ski),
        identifier(X509V3, &whole),
        to(
            "",
            &format!(
                "<o:Embedded ValueType=\"{X509V3}\"><o:BinarySecurityToken ValueType=\"{X509V3}\">{whole}\
                 </o:BinarySecurityToken></o:Embedded>"
            ),
        ),
    ];
    // In a reference, as WSS4J and zeep write them, and bare, as XML Encryption's own peers do.
    for data in [
        issuer_serial.clone(),
        in_line.clone(),
        format!("<ds:X509SKI>{ski}</ds:X509SKI>"),
        format!("{issuer_serial}{in_line}"),
        format!("{in_line}{subject}{issuer_serial}<ds:X509SKI>{ski}</ds:X509SKI>"),
        format!("<ds:X509SKI>{ski}</ds:X509SKI>{issuer_serial}{subject}"),
    ] {
        forms.push(to("", &format!("<ds:X509Data>{data}</ds:X509Data>")));
        forms.push(format!("<ds:X509Data>{data}</ds:X509Data>"));
    }
    for form in forms {
        match read(&form) {
            Ok(Reference::Certificate(names)) => {
                assert!(names.names(&ours) && !names.names(&other), "{form}");
            }
            other => panic!("{form}: {other:?}"),
        }
    }
}

/// A certificate without an identifier is found by none, be it a zero octet, as PHP makes of nothing.
#[test]
fn no_identifier_means_a_certificate_without_one() {
    let (ours, without) = (certificate(PEM), certificate(NO_SKI));
    let ski = ours.subject_key_identifier().expect("an identifier");
    assert!(without.subject_key_identifier().is_none());
    for octets in [&[0][..], &ski[..19], &[ski, &[0]].concat()] {
        let value = base64::encode(octets);
        for markup in [
            to("", &format!("<o:KeyIdentifier ValueType=\"{SUBJECT_KEY_IDENTIFIER}\">{value}</o:KeyIdentifier>")),
            format!("<ds:X509Data><ds:X509SKI>{value}</ds:X509SKI></ds:X509Data>"),
        ] {
            match read(&markup) {
                Ok(Reference::Certificate(names)) => {
                    assert!(!names.names(&without) && !names.names(&ours), "{markup}");
                }
                other => panic!("{markup}: {other:?}"),
            }
        }
    }
    let empty = to("", &format!("<o:KeyIdentifier ValueType=\"{SUBJECT_KEY_IDENTIFIER}\"/>"));
    refused(&empty, "KeyIdentifier", "is empty");
}

#[test]
fn what_names_nothing_is_refused() {
    let whole = format!("<ds:X509Certificate>{}</ds:X509Certificate>", base64::encode(certificate(PEM).der()));
    let data = |children: &str| format!("<ds:X509Data>{children}</ds:X509Data>");
    let serial = "<ds:X509IssuerSerial><ds:X509IssuerName>CN=a</ds:X509IssuerName><ds:X509SerialNumber>1\
                  </ds:X509SerialNumber></ds:X509IssuerSerial>";
    for (markup, element, fault) in [
        (String::new(), "KeyInfo", "is not one security token reference"),
        ("<ds:KeyName>key</ds:KeyName>".into(), "KeyInfo", "is not one security token reference"),
        (data("") + &data(""), "KeyInfo", "is not one security token reference"),
        (to("", ""), OF, "has not exactly one child"),
        (to("", "<ds:KeyName>key</ds:KeyName>"), OF, "names a key in a way that is not known"),
        (to("", "<o:Reference/>"), "Reference", "has no URI"),
        (to("", "<o:Reference URI=\"#\"/>"), "Reference", "has an empty fragment"),
        (
            to("", "<o:Reference URI=\"#bst\" ValueType=\"urn:x\"/>"),
            "Reference",
            "is to a token of no type that is known",
        ),
        (to("", "<o:KeyIdentifier>AAAA</o:KeyIdentifier>"), "KeyIdentifier", "is of no type that is known"),
        (
            to("", "<o:KeyIdentifier EncodingType=\"urn:hex\">AAAA</o:KeyIdentifier>"),
            "KeyIdentifier",
            "is not in base64",
        ),
        (to("", "<o:Embedded/>"), "Embedded", "is not one token"),
        (
            to("", "<o:Embedded><o:UsernameToken/></o:Embedded>"),
            "Embedded",
            "is no certificate and no security context",
        ),
        (
            to(
                "",
                &format!(
                    "<o:Embedded ValueType=\"{PKI_PATH}\"><o:BinarySecurityToken ValueType=\"{X509V3}\">AAAA\
                     </o:BinarySecurityToken></o:Embedded>"
                ),
            ),
            "Embedded",
            "says that it is a token of another type",
        ),
        (data(""), "X509Data", "does not tell one certificate from others"),
        (
            data("<ds:X509SubjectName>CN=a</ds:X509SubjectName>"),
            "X509Data",
            "does not tell one certificate from others",
        ),
        (data("<ds:X509CRL>AAAA</ds:X509CRL>"), "X509Data", "names a certificate in a way that is not known"),
        (data(&(whole.clone() + &whole)), "X509Data", "has more than one certificate"),
        (data(&(whole + serial)), "X509Data", "names another certificate than the one in it"),
        (
            data("<ds:X509IssuerSerial><ds:X509IssuerName>CN=a</ds:X509IssuerName></ds:X509IssuerSerial>"),
            "X509IssuerSerial",
            "is not an issuer and a serial number",
        ),
    ] {
        refused(&markup, element, fault);
    }
    let many = read(&data(&serial.repeat(MAX_NAMES + 1))).err();
    assert!(matches!(many, Some(Refusal::TooMany { limit: MAX_NAMES, .. })), "{many:?}");
}

/// What is written in each form is read as the certificate that it was written of.
#[test]
fn every_form_is_written() {
    for pem in [PEM, NO_SKI] {
        let (ours, other) = (certificate(pem), certificate(CLIENT));
        for (wanted, v11, form) in [
            (X509Reference::Any, true, "ThumbprintSHA1"),
            (X509Reference::Any, false, if pem == PEM { "X509SubjectKeyIdentifier" } else { "X509IssuerSerial" }),
            (
                X509Reference::KeyIdentifier,
                true,
                if pem == PEM { "X509SubjectKeyIdentifier" } else { "ThumbprintSHA1" },
            ),
            (X509Reference::IssuerSerial, true, "X509IssuerSerial"),
            (X509Reference::Embedded, true, "BinarySecurityToken"),
            (X509Reference::Thumbprint, true, "ThumbprintSHA1"),
        ] {
            let mut writer = Writer::new();
            write_certificate(&mut writer, &ours, wanted, v11, None);
            let markup = String::from_utf8(writer.into_bytes()).expect("text");
            assert!(markup.contains(form), "{wanted:?}: {markup}");
            match read(&markup) {
                Ok(Reference::Certificate(names)) => {
                    assert!(names.names(&ours) && !names.names(&other), "{wanted:?}: {markup}");
                }
                other => panic!("{wanted:?}: {other:?}"),
            }
        }
    }
}
