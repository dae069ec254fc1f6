//! How an answer came: its HTTP head and the transport.

use nuncio_tests::http::HttpMessage;

use crate::broken::{judge, refused};
use crate::broken_answers::{ALONE, OVER_TLS, held};
use crate::spoken::{Exchanged, Spoken, policy};
use crate::{Told, arguments};

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
