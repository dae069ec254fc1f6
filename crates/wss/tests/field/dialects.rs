//! Dialects: encodings, media types, identifiers; and payloads that look like ours.

use std::sync::Arc;

use nuncio_policy::model::SoapVersion;
use nuncio_wss::{HttpFacts, Transport};

use crate::ends::{Pair, credentials, policy, soap};
use crate::forge::{CLEAR, Stage, WSSE, WSU, edited, element, parse, plain, plain_keys, range, within};

/// A byte order mark is not part of the text, so not of any digest; one that comes later is.
#[test]
fn a_byte_order_mark() {
    let stage = Stage::clear();
    let declaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
    stage.accepted("before the envelope", &format!("\u{feff}{}", stage.text));
    stage.accepted("before the declaration", &format!("\u{feff}{declaration}{}", stage.text));
    let outside = "Unreadable(ContentOutsideRoot)";
    stage.refused("twice", &format!("\u{feff}\u{feff}{}", stage.text), outside);
    stage.refused("after the declaration", &format!("{declaration}\u{feff}{}", stage.text), outside);
}

/// A byte order mark goes before the charset of the media type, and that before the declaration (RFC 7303, section 3): programs
/// that write to a string declare its own encoding.
#[test]
fn declarations_of_other_encodings() {
    for (version, media_type) in [(SoapVersion::V11, "text/xml"), (SoapVersion::V12, "application/soap+xml")] {
        let mut policy = policy(CLEAR);
        plain_keys(&mut policy);
        let mut pair = Pair::new(&policy, version);
        let (outbound, _) = pair.request("hello", None);
        let opened = |parameter: &str, front: &str| {
            let content_type = &*format!("{media_type}{parameter}");
            let message = [front.as_bytes(), &outbound.body].concat();
            let received = pair.recipient.read(&HttpFacts { content_type, soap_action: None }, message);
            let opened =
                received.and_then(|received| pair.recipient.open(received, None, Transport::Clear, pair.now).map(drop));
            opened.map_err(|refusal| format!("{refusal:?}"))
        };
        for encoding in ["utf-16", "iso-8859-1"] {
            let declaration = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>");
            for charset in ["; charset=utf-8", ";charset=\"UTF-8\"", "; x=y; Charset = utf-8"] {
                assert_eq!(opened(charset, &declaration), Ok(()), "{encoding}{charset}");
            }
            assert_eq!(opened("", &format!("\u{feff}{declaration}")), Ok(()), "{encoding} behind a mark");
            for charset in ["", "; charset=utf-16", "; x=\"; charset=utf-8\""] {
                let refused = Err("Unreadable(EncodingNotUtf8)".to_owned());
                assert_eq!(opened(charset, &declaration), refused, "{encoding}{charset}");
            }
            let invalid = format!("<?xml encoding=\"{encoding}\" version=\"1.0\"?>");
            let refused = Err("Unreadable(XmlDeclarationInvalid)".to_owned());
            assert_eq!(opened("; charset=utf-8", &invalid), refused, "{encoding}, out of order");
        }
    }
}

/// Media types and actions as clients write them: the envelope decides what the media type leaves open.
#[test]
fn media_types_and_actions() {
    for (version, types) in [
        (
            SoapVersion::V11,
            &[
                "text/xml;charset=\"utf-8\"",
                "text/xml; charset=UTF-8",
                "text/xml;charset=utf-8",
                "text/xml",
                "Text/XML; x=y;",
                "text/xml; charset=utf-8;",
            ][..],
        ),
        (
            SoapVersion::V12,
            &[
                "application/soap+xml; charset=UTF-8",
                "application/soap+xml",
                "application/soap+xml; action=\"\"",
                "application/soap+xml;action=urn:example/Echo",
                "application/soap+xml; charset=utf-8; action=\"urn:example/Echo\"",
            ],
        ),
    ] {
        let mut policy = policy(CLEAR);
        plain_keys(&mut policy);
        let mut pair = Pair::new(&policy, version);
        let (outbound, _) = pair.request("hello", None);
        let opened = |content_type: &str, soap_action: Option<&str>| {
            let received = pair.recipient.read(&HttpFacts { content_type, soap_action }, outbound.body.clone());
            received.and_then(|received| pair.recipient.open(received, None, Transport::Clear, pair.now)).map(drop)
        };
        for content_type in types {
            assert!(opened(content_type, None).is_ok(), "{content_type}");
            for action in ["", "\"\"", "\"urn:example/Echo\"", "urn:example/Echo", " \"urn:example/Echo\" "] {
                assert!(opened(content_type, Some(action)).is_ok(), "{content_type}, SOAPAction: {action}");
            }
            let contradicted = opened(content_type, Some("\"urn:other\"")).map_err(|refusal| format!("{refusal:?}"));
            match version {
                // SOAP 1.2 knows no such header.
                SoapVersion::V12 => assert_eq!(contradicted, Ok(()), "{content_type}"),
                SoapVersion::V11 => {
                    assert!(contradicted.is_err_and(|refusal| refusal.starts_with("Action {")), "{content_type}");
                }
            }
        }
    }
}

/// Message ids of any scheme are text: what relates to one says its very characters.
#[test]
fn message_ids_of_any_scheme() {
    for name in [CLEAR, "wcf-ws2007-anonymousForCertificate"] {
        for scheme in ["uuid:", "urn:uuid:", "http://example.com/", "mid:%20", ""] {
            let mut stage = Stage::of(name, |policy| {
                policy.parts.encrypted.body = false;
                plain_keys(policy);
                policy.properties.encrypt_signature = false;
            });
            let own = element(&stage.text, "Header/MessageID").to_owned();
            let value = &own[own.find('>').unwrap() + 1..own.rfind("</").unwrap()];
            let other = value.replace("urn:uuid:", scheme);
            let opened = stage
                .open(&stage.resigned(&stage.text.replace(value, &other)))
                .unwrap_or_else(|refusal| panic!("{scheme}: {refusal}"));
            let message = stage.pair.echo(opened);
            let text = String::from_utf8(message.body).unwrap();
            let relates = element(&text, "Header/RelatesTo");
            assert!(relates.ends_with(&format!(">{other}</a:RelatesTo>")), "{relates}");
            assert!(!relates.contains("RelationshipType"), "{relates}");
        }
    }
}

/// A payload with elements that are called as ours are, some in our namespaces: only those in their places are ours.
#[test]
fn payloads_that_look_like_messages() {
    let stage = Stage::clear();
    let payload = format!(
        "<Envelope xmlns=\"urn:app\"><Header><Security/><Timestamp/></Header><Body><Signature/><UsernameToken/>\
         <o:Security xmlns:o=\"{WSSE}\"><o:UsernameToken><o:Username>mallory</o:Username></o:UsernameToken></o:Security>\
         <u:Timestamp xmlns:u=\"{WSU}\"/></Body></Envelope>"
    );
    let text = stage.resigned(&within(&stage.text, "Envelope/Body", &payload));
    let opened = stage.open(&text).unwrap_or_else(|refusal| panic!("{refusal}"));
    let forwarded = plain(&opened);
    let document = parse(&forwarded);
    let names = |document: &roxmltree::Document<'_>, text: &str| -> Vec<String> {
        let start = range(text, "Body/Envelope").start;
        document
            .descendants()
            .filter(|node| node.is_element() && node.range().start >= start)
            .map(|node| format!("{:?}", node.tag_name()))
            .collect()
    };
    let sent = parse(&text);
    assert_eq!(names(&document, &forwarded), names(&sent, &text));
}

/// An application's own headers reach the backend in order, with what their prefixes mean.
#[test]
fn headers_of_applications() {
    let stage = Stage::clear();
    let headers = "<x:one xmlns:x=\"urn:x\" a=\"1\">mixed <x:b/> content<!-- and a comment --></x:one><y:two xmlns:y=\"urn:y\">1</y:two>\
                   <y:two xmlns:y=\"urn:y\">2</y:two><three xmlns=\"urn:z\" xmlns:q=\"urn:q\" kind=\"q:name\"/>";
    let opened =
        stage.open(&within(&stage.text, "Envelope/Header", headers)).unwrap_or_else(|refusal| panic!("{refusal}"));
    let forwarded = plain(&opened);
    let header = element(&forwarded, "Envelope/Header");
    let mut at = 0;
    for piece in [
        "<x:one ",
        "a=\"1\"",
        "mixed <x:b",
        " content</x:one>",
        ">1</y:two>",
        ">2</y:two>",
        "<three ",
        "xmlns:q=\"urn:q\"",
        "q:name",
    ] {
        at += header[at..].find(piece).unwrap_or_else(|| panic!("no {piece} after {at} in {header}"));
    }
    assert!(!forwarded.contains("comment"), "no signature could cover it");
    let unverified: Vec<&str> = opened.unverified().collect();
    assert_eq!(unverified, ["one", "two", "two", "three"]);
    // One that must be understood, and that nobody signed, is not passed on in silence.
    let must = edited(headers, "<y:two", "<y:two s:mustUnderstand=\"1\"");
    stage.refused(
        "unsigned",
        &within(&stage.text, "Envelope/Header", &must),
        "NotUnderstood { namespace: \"urn:y\", local: \"two\" }",
    );
}

/// While a service's certificate is replaced, messages for either are opened.
#[test]
fn two_certificates_of_one_service() {
    let policy = policy("wcf-ws2007-anonymousForCertificate");
    let soap = soap("wcf-ws2007-anonymousForCertificate")[0];
    let mut old = Pair::new(&policy, soap);
    let (outbound, _) = old.request("hello", None);
    for (credentials, opens) in [
        (credentials(&["server"]), true),
        (credentials(&["stranger", "server"]), true),
        (credentials(&["stranger"]), false),
    ] {
        let new = Pair::answered_with(&policy, soap, credentials);
        let opened =
            new.open(&outbound, outbound.body.clone(), None).map(drop).map_err(|refusal| format!("{refusal:?}"));
        let refused = Err("KeyReference(\"wraps a key under a certificate that is not ours\")".to_owned());
        assert_eq!(opened, if opens { Ok(()) } else { refused });
    }
    assert_eq!(Arc::strong_count(&old.recipient), 1);
}

/// The address that a client signed is one of the route's, in any of its spellings; another route's is refused.
#[test]
fn addresses_of_a_route() {
    let name = "wse-anonymousForCertificateSecurity";
    let (policy, soap) = (policy(name), soap(name)[0]);
    let own = "http://service.example/echo";
    for (addresses, taken) in [
        (&[own][..], true),
        (&["https://service.example/echo", own], true),
        (&[], true),
        (&["http://service.example/other"], false),
        (&["http://service.example/echo/"], false),
    ] {
        let mut pair = Pair::addressed(&policy, soap, addresses);
        let (outbound, _) = pair.request("hello", None);
        let opened =
            pair.open(&outbound, outbound.body.clone(), None).map(drop).map_err(|refusal| format!("{refusal:?}"));
        let refused = Err("Addressing { header: \"To\", fault: \"is not an address of ours\" }".to_owned());
        assert_eq!(opened, if taken { Ok(()) } else { refused }, "{addresses:?}");
    }
}
