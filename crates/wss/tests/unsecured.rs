//! Messages of a port that has no security.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::limits;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::{HttpFacts, Refusal, Unsecured};

const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSA10: &str = "http://www.w3.org/2005/08/addressing";
const WSA04: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";

fn read(content_type: &str, header: &str) -> Result<Unsecured, Refusal> {
    let envelope = format!(
        "<s:Envelope xmlns:s=\"{SOAP12}\"><s:Header>{header}</s:Header><s:Body><e xmlns=\"urn:e\">x</e></s:Body></s:Envelope>"
    );
    let http = HttpFacts { content_type, soap_action: None };
    Unsecured::read(&http, SoapVersion::V12, envelope.into_bytes(), &limits())
}

fn refused(content_type: &str, header: &str) -> Refusal {
    read(content_type, header).map(drop).expect_err("refused")
}

#[test]
fn a_message_is_forwarded_with_its_addressing() {
    for namespace in [WSA10, WSA04] {
        let header = format!(
            "<a:Action xmlns:a=\"{namespace}\">urn:act</a:Action><a:ReplyTo xmlns:a=\"{namespace}\">\
             <a:Address>http://client.example/</a:Address></a:ReplyTo>"
        );
        let message = read("application/soap+xml", &header).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(message.action(), Some("urn:act"));
        let plain = message.plain();
        assert!(plain.content_type.ends_with("action=\"urn:act\""));
        let body = String::from_utf8(plain.body).expect("text");
        assert!(body.contains("http://client.example/") && body.contains(">x</"), "{body}");
    }
    let message = read("application/soap+xml; action=\"urn:act\"", "").unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(message.action(), Some("urn:act"));
}

/// A backend may believe a block that says who calls in our words, since on another route it is ours.
#[test]
fn nobody_says_who_calls() {
    let identity = "<n:Identity xmlns:n=\"urn:nuncio:identity:1\"><n:Principal>mallory</n:Principal></n:Identity>";
    let elsewhere = identity.replace("<n:Identity ", "<n:Identity s:role=\"urn:somebody\" ");
    let header = format!("{identity}<k:Kept xmlns:k=\"urn:k\"/>{elsewhere}");
    let message = read("application/soap+xml", &header).unwrap_or_else(|refusal| panic!("{refusal}"));
    let body = String::from_utf8(message.plain().body).expect("text");
    assert!(body.contains("Kept") && !body.contains("mallory") && !body.contains("identity"), "{body}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let action = format!("<a:Action xmlns:a=\"{WSA10}\">urn:act</a:Action>");
    let security = refused("application/soap+xml", &format!("<o:Security xmlns:o=\"{WSSE}\"/>"));
    assert!(matches!(security, Refusal::SecurityHeader { element: "Security", .. }), "{security}");
    let two = refused("application/soap+xml; action=\"urn:other\"", &action);
    assert!(matches!(two, Refusal::Action { .. }), "{two}");
    let mixed = refused("application/soap+xml", &format!("{action}<b:To xmlns:b=\"{WSA04}\">urn:to</b:To>"));
    assert!(matches!(mixed, Refusal::Addressing { header: "To", .. }), "{mixed}");
    let version = refused("text/xml", &action);
    assert!(matches!(version, Refusal::Envelope(_)), "{version}");
}
