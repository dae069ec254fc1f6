//! How an answer came: its HTTP head, the transport, and answers without a body.

use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{PASSWORD, USER};
use nuncio_tests::recording::{self, Scenario};

use crate::broken::{AT, judge, refused, undecided};
use crate::broken_answers::{ALONE, OVER_TLS, at, held};
use crate::spoken::{Exchanged, Spoken, asked, held_to, policy};
use crate::{Files, Told, arguments, inspect, octets};

/// The same exchange with another status line, and with that content type.
fn headed(exchanged: &Exchanged, status: &str, content_type: Option<&str>) -> Exchanged {
    let headers = content_type.map(|said| ("Content-Type".to_owned(), said.to_owned()));
    let answer = HttpMessage {
        start_line: format!("HTTP/1.1 {status}"),
        headers: Vec::from_iter(headers),
        ..exchanged.answer.clone()
    };
    Exchanged { answer, request: exchanged.request.clone() }
}

fn outcome(told: &Told) -> (Option<i32>, String) {
    (told.status, told.json()["outcome"].as_str().unwrap().to_owned())
}

fn taken() -> (Option<i32>, String) {
    (Some(0), "taken".to_owned())
}

/// What a gateway that calls the service makes of the head is said of it, too.
#[test]
fn an_answer_is_held_to_its_status_and_content_type() {
    let sound = Spoken::unlike(ALONE, |_| (), &["server"]).call("hello");
    let soap = Some("application/soap+xml; charset=utf-8");
    let no_message = || refused("which is no SOAP message", "Answer with status 200");
    for status in ["302 Found", "201 Created", "203 Non-Authoritative Information", "304 Not Modified"] {
        judge(status, &held(&headed(&sound, status, soap), &[policy(ALONE)], &[]), &no_message());
    }
    judge("no type", &held(&headed(&sound, "200 OK", None), &[policy(ALONE)], &[]), &no_message());
    let latin = Some("application/soap+xml; charset=iso-8859-1");
    judge("another charset", &held(&headed(&sound, "200 OK", latin), &[policy(ALONE)], &[]), &no_message());
    for status in ["200 OK", "202 Accepted", "400 Bad Request", "500 Internal Server Error"] {
        assert_eq!(outcome(&held(&headed(&sound, status, soap), &[policy(ALONE)], &[])), taken(), "{status}");
    }
    // A fault may be smaller than an answer, by its status.
    let large = Spoken::unlike(ALONE, |_| (), &["server"]).call(&"x".repeat(100_000));
    assert_eq!(outcome(&held(&headed(&large, "200 OK", soap), &[policy(ALONE)], &[])), taken());
    let told = held(&headed(&large, "500 Internal Server Error", soap), &[policy(ALONE)], &[]);
    judge("a large fault", &told, &refused("has more than 65536 octets", "Answer with less"));
}

/// Where the policy leaves protection to TLS, an answer that came without is nobody's word.
#[test]
fn an_answer_in_clear_is_not_believed_under_tls() {
    let one = Spoken::unlike(OVER_TLS, |_| (), &["server"]).call("hello");
    let came = |name: &str, exchanged: &Exchanged, how: &[&str]| held(exchanged, &[policy(name)], &arguments(how));
    judge(
        "in clear",
        &came(OVER_TLS, &one, &["--transport", "clear"]),
        &refused("protected transport", "Answer over TLS"),
    );
    for (how, assumed) in
        [(&[][..], true), (&["--transport", "tls"], false), (&["--transport", "client-certificate"], false)]
    {
        let told = came(OVER_TLS, &one, how);
        assert_eq!(outcome(&told), taken(), "{how:?}");
        let said = told.json()["policy"]["assumed"].to_string();
        assert_eq!(said.contains("come over TLS"), assumed, "{how:?}: {said}");
    }
    // What protects its messages itself may come as it likes, and so it may under one of two alternatives.
    let own = Spoken::unlike(ALONE, |_| (), &["server"]).call("hello");
    assert_eq!(outcome(&came(ALONE, &own, &["--transport", "clear"])), taken());
    let both = held(&own, &[policy(OVER_TLS), policy(ALONE)], &arguments(&["--transport", "clear"]));
    assert_eq!(outcome(&both), taken());
    let said = both.json()["policy"]["assumed"].to_string();
    assert!(!said.contains("come over TLS"), "{said}");
}

/// A recorded service with operations of both kinds.
fn recorded() -> Scenario {
    let mut all = recording::load(&recording::packed().join("wcf.tar.zst")).unwrap();
    let at = all.iter().position(|of| of.name == "wcf-userNameForCertificate-nosc-2005-02").unwrap();
    all.swap_remove(at)
}

/// An answer without a body says by its status whether the service took the message; the contract says whether it may.
#[test]
fn an_answer_without_a_body_is_held_to_the_contract() {
    let empty = |status: &str| {
        let headers = vec![("Content-Length".to_owned(), "0".to_owned())];
        HttpMessage { start_line: format!("HTTP/1.1 {status}"), headers, body: Vec::new() }
    };
    let scenario = recorded();
    let files = Files::of(&scenario);
    let exchange = &scenario.exchanges[0];
    let request = arguments(&["--request", &files.capture("asked.http", &exchange.request)]);
    let all = [files.keys(&scenario), files.policy(&scenario), at(exchange.response_at)].concat();
    let told = |status: &str, more: &[String]| inspect(&octets(&empty(status)), &[all.clone(), more.to_vec()].concat());
    let nothing = || refused("took the message and sent no answer", "Answer the operation").of("service");
    judge("Echo", &told("202 Accepted", &request), &nothing());
    judge(
        "a status of failure",
        &told("503 Service Unavailable", &request),
        &refused("503", "service's log").of("service"),
    );
    judge("without its request", &told("401 Unauthorized", &[]), &refused("401", "service's log").of("service"));
    judge("nothing is known of the request", &told("202 Accepted", &[]), &undecided("without a body", "--request"));
    let json = told("202 Accepted", &request).json();
    assert!(json["request"]["action"].as_str().unwrap().ends_with("/Echo"), "{json:#}");
    assert_eq!(json["policy"]["alternatives"], serde_json::json!([]), "{json:#}");
    // Where no contract tells, it may be a message that needs no answer.
    let call = Spoken::unlike(ALONE, |_| (), &["server"]).call("hello");
    let unknown = [held_to(&[policy(ALONE)]), asked(&call.request), at(AT)].concat();
    let told = inspect(&octets(&empty("202 Accepted")), &unknown);
    assert_eq!(outcome(&told), taken());
    assert!(told.json()["policy"]["assumed"].to_string().contains("may have no answer"), "{}", told.out);
    // One to a request for a conversation is none.
    let begun = Spoken::unlike("wcf-ws2007-userNameForCertificate-conversation", |_| (), &["server"]).begin();
    let issue = [held_to(&[policy(ALONE)]), asked(&begun.request), at(AT)].concat();
    judge("Issue", &inspect(&octets(&empty("200 OK")), &issue), &nothing());
    // Without a policy it is told.
    let user = arguments(&["--user", &format!("{USER}:{PASSWORD}"), "--json"]);
    for (status, says) in [("202 Accepted", "took a message"), ("503 Service Unavailable", "did not do")] {
        let told = inspect(&octets(&empty(status)), &[user.clone(), request.clone()].concat());
        assert_eq!(outcome(&told), (Some(0), "read".to_owned()));
        let json = told.json();
        assert!(json["says"].to_string().contains(says) && json["request"].is_object(), "{json:#}");
    }
}

/// A refusal by the head alone is the policy's, too; and a fault that is vouched for is nothing that is assumed.
#[test]
fn what_is_said_stands_where_it_belongs() {
    let mut spoken = Spoken::unlike(ALONE, |_| (), &["server"]);
    let call = spoken.call("hello");
    let got = HttpMessage { start_line: "GET /echo HTTP/1.1".to_owned(), ..call.request.clone() };
    let told = inspect(&octets(&got), &[held_to(&[policy(ALONE)]), at(AT)].concat());
    judge("another method", &told, &refused("method GET is not POST", "POST"));
    assert!(told.json()["policy"]["name"].is_string(), "{}", told.out);
    let told = held(&spoken.fault(), &[policy(ALONE)], &[]);
    assert_eq!(outcome(&told), taken());
    let json = told.json();
    assert!(!json["policy"]["assumed"].to_string().contains("vouches for it"), "{json:#}");
    assert!(json["says"].to_string().contains("It is a fault, and the service vouches for it."), "{json:#}");
}

/// Each reason is told once in a text, and in words of its own side.
#[test]
fn a_reason_is_told_once() {
    let unsigned = Spoken::unlike(ALONE, |policy| policy.parts.signed.body = false, &["server"]).call("x");
    let keys = [held_to(&[policy(ALONE)]), crate::spoken::service(), asked(&unsigned.request)].concat();
    let clock = arguments(&["--clock", &nuncio_tests::time::format_utc(AT)]);
    let told = inspect(&octets(&unsigned.answer), &[keys, clock].concat());
    assert_eq!(told.status, Some(3));
    let text = told.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(text.matches("Body is not signed").count(), 2, "as the alternative's, and as why: {text}");
    assert!(
        told.error.contains("the answer would not be believed") && !told.error.contains("signed"),
        "{}",
        told.error
    );
}
