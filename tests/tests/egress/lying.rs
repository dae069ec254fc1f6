//! Services, or whoever is between, that answer what they should not: never is it handed on.

use std::sync::{Arc, Mutex};

use nuncio_policy::model::SoapVersion;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::{Answer, Backend, Seen};
use nuncio_tests::process::{Nuncio, free_port};
use nuncio_tests::redis::Redis;
use nuncio_tests::wire;

use crate::kept::{farm, on_disk};
use crate::{Egress, Protected, echo, text};

/// Somebody between the gateway and a service, who passes requests on and has answers changed.
fn between(service: &Protected, change: impl Fn(&Seen, HttpMessage) -> Answer + Send + Sync + 'static) -> Backend {
    let url = service.url();
    Backend::answering(move |seen| {
        let headers = ["content-type", "soapaction"].iter();
        let headers = headers.filter_map(|name| Some(((*name).to_owned(), seen.header(name)?.to_owned()))).collect();
        let request = HttpMessage { start_line: "POST / HTTP/1.1".to_owned(), headers, body: seen.body.clone() };
        change(seen, wire::send(&url, &request).unwrap())
    })
    .unwrap()
}

fn same(answer: HttpMessage) -> Answer {
    let content_type = answer.content_type().to_owned();
    Answer { status: answer.status().unwrap(), content_type, body: answer.body }
}

/// Whether a request is one of the application: it is the one that is not about a conversation.
fn is_call(seen: &Seen) -> bool {
    seen.header("content-type").is_some_and(|of| of.contains("IEcho/Echo"))
}

const SOAP: &str = "application/soap+xml; charset=utf-8";

fn forged(body: &str) -> Vec<u8> {
    format!("<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>{body}</s:Body></s:Envelope>")
        .into_bytes()
}

/// What becomes of an answer on its way.
type Change = fn(HttpMessage) -> Answer;

#[test]
fn an_answer_that_is_not_the_services_is_not_handed_on() {
    let service = Protected::start();
    let changes: [(&str, Change, &str); 7] = [
        (
            "in clear",
            |_| Answer { status: 200, content_type: SOAP.into(), body: forged("<EchoResult>forged</EchoResult>") },
            "verified",
        ),
        (
            "changed",
            |answer| {
                let mut answer = same(answer);
                // Somewhere in a cipher value or a digest.
                let at = answer.body.len() / 2;
                answer.body[at] = if answer.body[at] == b'A' { b'B' } else { b'A' };
                answer
            },
            "verified",
        ),
        (
            "a fault in clear",
            |_| {
                let fault = "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">forged</s:Text></s:Reason></s:Fault>";
                Answer { status: 500, content_type: SOAP.into(), body: forged(fault) }
            },
            "refused",
        ),
        (
            "a page",
            |_| Answer { status: 500, content_type: "text/html".into(), body: b"<html>forged</html>".to_vec() },
            "not available",
        ),
        ("nothing", |_| Answer { status: 202, content_type: String::new(), body: Vec::new() }, "verified"),
        (
            "half of it",
            |answer| {
                let mut answer = same(answer);
                answer.body.truncate(answer.body.len() / 2);
                answer
            },
            "verified",
        ),
        ("elsewhere", |_| Answer { status: 302, content_type: SOAP.into(), body: forged("forged") }, "not available"),
    ];
    for (name, change, told) in changes {
        let middle = between(&service, move |seen, answer| if is_call(seen) { change(answer) } else { same(answer) });
        let more = format!("to: {}/", service.url());
        let egress = Egress::start(&format!("lying {name}"), &middle.url(), &more);
        let answer = egress.post(&echo(SoapVersion::V12, "honest"));
        let body = text(&answer);
        // Where the contract is not known, a message without an answer may have been meant.
        if name == "nothing" {
            assert_eq!((answer.status(), &*body), (Some(202), ""), "{name}");
            continue;
        }
        assert_eq!(answer.status(), Some(500), "{name}: {body}");
        assert!(body.contains(told) && !body.contains("forged") && !body.contains("honest"), "{name}: {body}");
    }
}

/// The answer of one call given to another.
#[test]
fn an_answer_to_another_call_is_not_handed_on() {
    let service = Protected::start();
    let first = Mutex::new(None::<Vec<u8>>);
    let middle = between(&service, move |seen, answer| {
        let mut answer = same(answer);
        if is_call(seen) {
            answer.body = first.lock().unwrap().get_or_insert(answer.body).clone();
        }
        answer
    });
    let egress = Egress::start("swapped", &middle.url(), &format!("to: {}/", service.url()));
    crate::assert_echoed(&egress.post(&echo(SoapVersion::V12, "first")), "first");
    let second = egress.post(&echo(SoapVersion::V12, "second"));
    assert_eq!(second.status(), Some(500));
    assert!(text(&second).contains("could not be verified") && !text(&second).contains("first"), "{}", text(&second));
}

/// What a one-way message is answered refers to nothing, and could be what anybody was told: nothing of it is handed on.
#[test]
fn an_answer_to_a_one_way_message_is_not_handed_on() {
    let service = Protected::publishing();
    let first = Mutex::new(None::<Vec<u8>>);
    let middle = between(&service, move |seen, answer| {
        let mut answer = same(answer);
        let is_notify = seen.header("content-type").is_some_and(|of| of.contains("IEcho/Notify"));
        if is_call(seen) {
            *first.lock().unwrap() = Some(answer.body.clone());
        } else if is_notify && let Some(told) = first.lock().unwrap().clone() {
            answer = Answer { status: 200, content_type: SOAP.into(), body: told };
        }
        answer
    });
    let more = format!("to: {url}/\nwsdl: {url}/?wsdl\nsoap: \"1.2\"", url = service.url());
    let egress = Egress::start("one way", &middle.url(), &more);
    crate::assert_echoed(&egress.post(&echo(SoapVersion::V12, "for the other")), "for the other");
    let notify = HttpMessage {
        start_line: "POST / HTTP/1.1".to_owned(),
        ..nuncio_tests::cxf::door::plain(SoapVersion::V12, "Notify", "text", "x")
    };
    let taken = egress.post(&notify);
    assert_eq!((taken.status(), text(&taken).as_str()), (Some(202), ""));
    assert!(service.backend.seen().iter().any(|seen| seen.text().contains("Notify")), "it was not sent");
}

/// Nor does a fault to such a message say what it answers: it is taken once.
#[test]
fn a_fault_to_a_one_way_message_is_handed_on_once() {
    let service = Protected::publishing();
    let first = Mutex::new(None::<Answer>);
    let middle = between(&service, move |seen, answer| {
        let calls = |operation: &str| seen.header("content-type").is_some_and(|of| of.contains(operation));
        let mut answer = same(answer);
        if calls("IEcho/Fail") {
            *first.lock().unwrap() = Some(answer.clone());
        } else if calls("IEcho/Notify") {
            answer = first.lock().unwrap().clone().unwrap();
        }
        answer
    });
    let more = format!("to: {url}/\nwsdl: {url}/?wsdl\nsoap: \"1.2\"", url = service.url());
    let egress = Egress::start("one way fault", &middle.url(), &more);
    let call = |operation: &str, child: &str| {
        let plain = nuncio_tests::cxf::door::plain(SoapVersion::V12, operation, child, "on purpose");
        text(&egress.post(&HttpMessage { start_line: "POST / HTTP/1.1".to_owned(), ..plain }))
    };
    assert!(call("Fail", "why").contains("on purpose"));
    let (once, again) = (call("Notify", "text"), call("Notify", "text"));
    assert!(once.contains("on purpose"), "{once}");
    assert!(again.contains("could not be verified") && !again.contains("on purpose"), "{again}");
}

/// The same where no signature covers the header that says which request is answered: who is between takes it away. Nor is it handed
/// on by another gateway that has the same conversations, or by the same one after a start.
#[test]
fn an_answer_that_was_given_before_is_not_handed_on_where_nothing_signed_says_what_it_answers() {
    let policy = format!(
        "policy:\n  preset: {}\n  overrides:\n    parts:\n      signedParts: {{ body: true }}\n      encryptedParts: {{ body: true }}",
        crate::POLICY
    );
    let (port, backend) = (free_port().unwrap(), Backend::start().unwrap());
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("body alone.yaml");
    let key = |file| peers::key(file).display().to_string();
    let yaml = format!(
        "listeners:\n  - address: 127.0.0.1:{port}\nroutes:\n  - path: /\n    backend: {}\n    certificate: {}\n    key: {}\n    \
         users: [{{ name: {USER}, password: {PASSWORD} }}]\n    {}\n",
        backend.url(),
        key("server.pem"),
        key("server.key"),
        policy.replace('\n', "\n    ")
    );
    std::fs::write(&file, yaml).unwrap();
    let _gateway = Nuncio::start(["run".as_ref(), "--config".as_ref(), file.as_os_str()]).unwrap();
    let url = format!("http://127.0.0.1:{port}/");
    let given = Arc::new(Mutex::new(None::<Vec<u8>>));
    let (beyond, first) = (url.clone(), Arc::clone(&given));
    let middle = Backend::answering(move |seen| {
        let headers = ["content-type"].iter();
        let headers = headers.filter_map(|name| Some(((*name).to_owned(), seen.header(name)?.to_owned()))).collect();
        let request = HttpMessage { start_line: "POST / HTTP/1.1".to_owned(), headers, body: seen.body.clone() };
        let mut answer = same(wire::send(&beyond, &request).unwrap());
        if is_call(seen) {
            let text = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
            // Nothing signed is missing then.
            let start = text.find("<a:RelatesTo").unwrap();
            let end = start + text[start..].find("</a:RelatesTo>").unwrap() + "</a:RelatesTo>".len();
            let without = (text[..start].to_owned() + &text[end..]).into_bytes();
            answer.body = first.lock().unwrap().get_or_insert(without).clone();
        }
        answer
    })
    .unwrap();
    let more = format!("to: {url}\nwarm: false\n{policy}");
    let refused = |egress: &Egress| {
        let second = egress.post(&echo(SoapVersion::V12, "second"));
        assert_eq!(second.status(), Some(500));
        assert!(
            text(&second).contains("could not be verified") && !text(&second).contains("first"),
            "{}",
            text(&second)
        );
        assert!(egress.gateway.logs("was seen before"), "{}", egress.gateway.log());
    };
    let egress = Egress::start("uncorrelated", &middle.url(), &more);
    crate::assert_echoed(&egress.post(&echo(SoapVersion::V12, "first")), "first");
    refused(&egress);

    *given.lock().unwrap() = None;
    let (mut egress, _) = on_disk("uncorrelated disk", &middle.url(), &more);
    crate::assert_echoed(&egress.post(&echo(SoapVersion::V12, "first")), "first");
    egress.kill_and_start();
    refused(&egress);
    assert_eq!((egress.count("taken-up"), egress.count("begun")), (1, 0));

    if Redis::is_missing("an_answer_that_was_given_before_to_another_gateway") {
        return;
    }
    *given.lock().unwrap() = None;
    let redis = Redis::start(&[]).unwrap();
    let besides = farm("uncorrelated", &redis);
    let start = |name| Egress::keeping(name, &middle.url(), &format!("store: redis\n{more}"), &besides);
    let (one, two) = (start("uncorrelated one"), start("uncorrelated two"));
    crate::assert_echoed(&one.post(&echo(SoapVersion::V12, "first")), "first");
    refused(&two);
    assert_eq!((two.count("taken-up"), two.count("begun")), (1, 0));
}
