//! Plain clients with and without addressing, of either version of SOAP.

use nuncio_policy::model::SoapVersion;
use nuncio_tests::http::HttpMessage;

use crate::{Egress, Protected, assert_echoed, echo, text};

const V10: &str = "http://www.w3.org/2005/08/addressing";
const AUGUST_2004: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const ACTION: &str = "http://nuncio.example/echo/IEcho/Echo";

/// A request with those addressing headers besides its id and its action.
fn addressed(soap: SoapVersion, namespace: &str, more: &str) -> HttpMessage {
    let mut request = echo(soap, "addressed");
    let body = text(&request);
    let headers = format!(
        "<s:Header xmlns:a=\"{namespace}\"><a:Action>{ACTION}</a:Action><a:MessageID>urn:mine</a:MessageID>\
         <a:To>http://plain.example/</a:To>{more}</s:Header><s:Body>"
    );
    request.body = body.replacen("<s:Body>", &headers, 1).into_bytes();
    request
}

#[test]
fn an_answer_is_addressed_as_its_request_was() {
    let service = Protected::start();
    let egress = Egress::start("addressed", &service.url(), "");
    for soap in [SoapVersion::V11, SoapVersion::V12] {
        for namespace in [V10, AUGUST_2004] {
            let anonymous = match namespace {
                V10 => "http://www.w3.org/2005/08/addressing/anonymous",
                _ => "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
            };
            let reply_to = format!("<a:ReplyTo><a:Address>{anonymous}</a:Address></a:ReplyTo>");
            let answer = egress.post(&addressed(soap, namespace, &reply_to));
            assert_echoed(&answer, "addressed");
            let body = text(&answer);
            assert!(body.contains(&format!("xmlns:a=\"{namespace}\"")), "{body}");
            assert!(
                body.contains(">urn:mine</a:RelatesTo>") && body.contains(&format!(">{ACTION}Response</a:Action>")),
                "{body}"
            );
            let other = if namespace == V10 { AUGUST_2004 } else { V10 };
            assert!(!body.contains(other), "{body}");
        }
        let answer = egress.post(&echo(soap, "not addressed"));
        assert_echoed(&answer, "not addressed");
        assert!(!text(&answer).contains("addressing"), "{}", text(&answer));
    }
    assert!(service.backend.seen().iter().all(|seen| !seen.text().contains("urn:mine")));
}

#[test]
fn what_cannot_be_sent_on_is_told() {
    let service = Protected::start();
    let egress = Egress::start("not addressed", &service.url(), "");
    let elsewhere = "<a:ReplyTo><a:Address>http://else.example/</a:Address></a:ReplyTo>";
    let answer = egress.post(&addressed(SoapVersion::V12, V10, elsewhere));
    assert_eq!(answer.status(), Some(500));
    assert!(text(&answer).contains("can only be sent back") && text(&answer).contains("urn:mine"), "{}", text(&answer));

    let mut silent = echo(SoapVersion::V11, "x");
    silent.headers.retain(|(name, _)| name != "SOAPAction");
    let answer = egress.post(&silent);
    assert!(answer.status() == Some(500) && text(&answer).contains("names no action"), "{}", text(&answer));

    let mut secured = echo(SoapVersion::V11, "x");
    let header = "<s:Header><o:Security xmlns:o=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\"/>\
                  </s:Header><s:Body>";
    secured.body = text(&secured).replacen("<s:Body>", header, 1).into_bytes();
    assert_eq!(egress.post(&secured).status(), Some(500));

    let mut broken = echo(SoapVersion::V12, "x");
    broken.body.truncate(40);
    assert_eq!(egress.post(&broken).status(), Some(500));
    assert!(service.backend.seen().is_empty());
}
