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
    answered_in_full(name, status, body.into_bytes())
}

/// The same of a service that answers with these octets.
fn answered_in_full(name: &str, status: u16, body: Vec<u8>) -> (bool, String, String) {
    let answer = Answer { status, content_type: CONTENT_TYPE.to_owned(), body };
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

/// What cannot be read is not protected either, and of it nothing goes on.
#[test]
fn an_answer_that_cannot_be_read_is_not_sent_on() {
    const OPEN: &str = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>";
    const CLOSE: &str = "</s:Body></s:Envelope>";
    let deep = format!("{OPEN}{}canary{}{CLOSE}", "<a>".repeat(100), "</a>".repeat(100));
    let encoded = [b"\xff\xfe<\0".as_slice(), OPEN.as_bytes()].concat();
    for (what, body) in [
        ("DTD", format!("<!DOCTYPE x [<!ENTITY e \"canary\">]>{OPEN}<a>&e;</a>{CLOSE}").into_bytes()),
        ("entity", format!("{OPEN}<a>&canary;</a>{CLOSE}").into_bytes()),
        ("instruction", format!("{OPEN}<?canary?>{CLOSE}").into_bytes()),
        ("truncated", format!("{OPEN}<a>canary").into_bytes()),
        ("text behind", format!("{OPEN}{CLOSE}canary").into_bytes()),
        ("no XML", b"canary".to_vec()),
        ("no envelope", b"<canary/>".to_vec()),
        (
            "the other version",
            OPEN.replace("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/")
                .into_bytes(),
        ),
        ("too deep", deep.into_bytes()),
        ("no UTF-8", encoded),
        ("no UTF-8 within", [OPEN.as_bytes(), b"\xc3\x28", CLOSE.as_bytes()].concat()),
    ] {
        for status in [200, 500] {
            let (fault, plain, log) = answered_in_full(CONVERSATION, status, body.clone());
            assert!(fault && plain.contains("The service is not available."), "{what}: {plain}");
            assert!(!plain.contains("canary"), "{what}: {plain}");
            assert!(log.contains(" refused=\"the backend's answer is not sent on: "), "{what}: {log}");
        }
    }
}
