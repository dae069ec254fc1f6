//! What a plain service answers, and what of it its client gets: always something secured.

use nuncio_tests::plain::{Answer, Backend};
use nuncio_wss::HttpFacts;

use crate::bench::{Bench, CONVERSATION, PER_MESSAGE, message};

const CONTENT_TYPE: &str = "application/soap+xml; charset=utf-8";
const FAULT: &str = "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">\
                     as it pleases</s:Text></s:Reason></s:Fault>";
const RESULT: &str = "<EchoResponse xmlns=\"http://nuncio.example/echo\"><EchoResult>x</EchoResult></EchoResponse>";

/// What the client of a service gets that answers with that status and that body; and the log.
fn answered(name: &str, status: u16, body: &str) -> (bool, String, String) {
    let body =
        format!("<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>{body}</s:Body></s:Envelope>");
    let answer = Answer { status, content_type: CONTENT_TYPE.to_owned(), body: body.into_bytes() };
    let bench = Bench::before(name, Backend::answering(move |_| answer.clone()));
    bench.gateway.take_log();
    let (outbound, expectation) = bench.seal(&bench.client, "x");
    let got = bench.send(&message(&outbound));
    let log = bench.gateway.take_log().join("\n");
    let facts = HttpFacts { content_type: got.content_type(), soap_action: None };
    let opening = bench.client.open(&facts, got.body.clone(), &expectation, bench.now());
    let opening = opening.unwrap_or_else(|refusal| panic!("{name} {status}: {refusal}: {log}"));
    assert_eq!(got.status(), Some(if opening.is_fault() { 500 } else { 200 }), "{name} {status}");
    (opening.is_fault(), String::from_utf8(opening.plain().body).unwrap(), log)
}

#[test]
fn a_fault_comes_through_whatever_its_status() {
    for name in [PER_MESSAGE, CONVERSATION] {
        for status in [200, 400, 500] {
            let (fault, plain, log) = answered(name, status, FAULT);
            assert!(fault && plain.contains("as it pleases"), "{name} {status}: {plain}");
            assert!(!log.contains("refused="), "{log}");
        }
    }
}

#[test]
fn a_failure_never_looks_like_a_success() {
    for name in [PER_MESSAGE, CONVERSATION] {
        assert!(answered(name, 200, RESULT).1.contains("<EchoResult>x<"));
        for (status, body) in [(500, RESULT), (404, RESULT), (503, "")] {
            let (fault, plain, log) = answered(name, status, body);
            assert!(fault && plain.contains("The service is not available."), "{name} {status}: {plain}");
            assert!(log.contains("the backend's answer is not sent on: its status says that"), "{log}");
        }
    }
}
