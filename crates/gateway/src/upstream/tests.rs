//! Backends that do as they should, and others that do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nuncio_wss::Principal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::config::{Balance, Ejection};
use crate::identity::{Caller, Telling};
use crate::metrics::Metrics;

/// What a backend does with a connection, once a request has come.
#[derive(Clone)]
enum Behaviour {
    Answers(Vec<u8>),
    Closes,
    Hangs,
    /// The head of an answer, then white space for ever.
    Floods,
    /// These octets, over and over.
    Repeats(&'static [u8]),
}

/// A backend that counts requests and remembers the last one.
struct Service {
    url: Url,
    requests: Arc<AtomicUsize>,
    last: Arc<std::sync::Mutex<String>>,
}

async fn backend(behaviour: Behaviour) -> Service {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/svc?x=1", socket.local_addr().unwrap()).parse().unwrap();
    let backend = Service { url, requests: Arc::default(), last: Arc::default() };
    let (requests, last) = (Arc::clone(&backend.requests), Arc::clone(&backend.last));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"<x/>") {
                if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            requests.fetch_add(1, Ordering::SeqCst);
            *last.lock().unwrap() = String::from_utf8(seen).unwrap();
            match &behaviour {
                Behaviour::Answers(octets) => drop(stream.write_all(octets).await),
                Behaviour::Closes => {}
                Behaviour::Repeats(octets) => {
                    while stream.write_all(octets).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                }
                Behaviour::Hangs => std::future::pending().await,
                Behaviour::Floods => {
                    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
                    let mut sent = stream.write_all(head).await;
                    while sent.is_ok() {
                        sent = stream.write_all(b"10\r\n                \r\n").await;
                    }
                }
            }
        }
    });
    backend
}

fn plain() -> Plain {
    Plain {
        content_type: "text/xml; charset=utf-8".into(),
        soap_action: Some("\"urn:do\"".into()),
        body: b"<x/>".to_vec(),
    }
}

fn upstream(backend: &Backend, timeouts: &Timeouts) -> Result<Upstream, UpstreamProblem> {
    let metrics = Metrics::default().route("/");
    let before = Before { route: "/", limit: 1000, fault_limit: 100, sealed: false, timeouts, metrics: &metrics };
    Upstream::new(backend, &before, &mut HashSet::new())
}

async fn ask(url: &Url) -> Result<Answer, Unavailable> {
    let timeouts = Timeouts {
        backend_connect: Duration::from_millis(500),
        backend_read: Duration::from_millis(200),
        backend_total: Duration::from_millis(800),
        ..Timeouts::default()
    };
    let caller =
        Caller {
            principal: Principal::User("Zoë".into()).into(), conversation: Some("c-1".into()), roles: Vec::new()
        };
    let permit = Permit::assertion(caller, &Telling::default()).unwrap();
    upstream(&Backend::new(url.clone()), &timeouts).unwrap().forward(&permit, None, plain()).await
}

fn response(head: &str, body: &str) -> Behaviour {
    let length = body.len();
    Behaviour::Answers(format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes())
}

/// What is decrypted from a sealed answer is put behind it, and nothing is moved for that.
#[tokio::test]
async fn a_sealed_answer_has_room_behind_it() {
    let body = "x".repeat(400);
    let backend = backend(response("200 OK\r\nContent-Type: text/xml", &body)).await;
    let (timeouts, metrics) = (Timeouts::default(), Metrics::default().route("/"));
    for (sealed, room) in [(false, 400), (true, 700)] {
        let before =
            Before { route: "/", limit: 1000, fault_limit: 100, sealed, timeouts: &timeouts, metrics: &metrics };
        let upstream = Upstream::new(&Backend::new(backend.url.clone()), &before, &mut HashSet::new()).unwrap();
        let answer = upstream.deliver(plain(), [], None).await.unwrap();
        assert_eq!((answer.body.len(), answer.body.capacity()), (400, room));
    }
}

#[tokio::test]
async fn a_request_is_what_we_say_and_nothing_else() {
    let backend = backend(response("200 OK\r\nContent-Type: text/xml; charset=utf-8", "<y/>")).await;
    let answer = ask(&backend.url).await.unwrap();
    let content_type = "text/xml; charset=utf-8".to_owned();
    assert_eq!(answer, Answer { status: 200, content_type, body: b"<y/>".to_vec() });
    let host = backend.url.authority();
    let sent = backend.last.lock().unwrap().to_ascii_lowercase();
    let mut lines: Vec<&str> = sent.split("\r\n").collect();
    assert_eq!(lines.remove(0), "post /svc?x=1 http/1.1");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "",
            "<x/>",
            "accept: */*",
            "content-length: 4",
            "content-type: text/xml; charset=utf-8",
            &format!("host: {host}"),
            "soapaction: \"urn:do\"",
            "x-nuncio-conversation: c-1",
            "x-nuncio-principal: zo%c3%ab",
        ]
    );
}

#[tokio::test]
async fn faults_and_empty_answers_are_answers() {
    for (head, body, status) in [
        ("500 Oops\r\nContent-Type: application/soap+xml", "<f/>", 500),
        ("400 Bad\r\nContent-Type: application/soap+xml", "<f/>", 400),
        ("202 Accepted", "", 202),
        ("200 OK\r\nContent-Type: text/html", "", 200),
    ] {
        let backend = backend(response(head, body)).await;
        let answer = ask(&backend.url).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (status, body.as_bytes()), "{head}");
    }
}

#[tokio::test]
async fn whatever_goes_wrong_is_unavailable_and_sent_once() {
    let canary = backend(response("200 OK\r\nContent-Type: text/xml", "<y/>")).await;
    let elsewhere = format!("302 Found\r\nContent-Type: text/xml\r\nLocation: {}", canary.url);
    let large = format!("<y>{}</y>", "x".repeat(1000));
    for (behaviour, reason) in [
        (response(&elsewhere, "<y/>"), "the backend answered 302 with Content-Type \"text/xml\""),
        (
            response("200 OK\r\nContent-Type: text/html", "<y/>"),
            "the backend answered 200 with Content-Type \"text/html\"",
        ),
        (response("500 Oops\r\nContent-Type: text/html", "<y/>"), "the backend answered 500"),
        (response("500 Oops", ""), "the backend answered 500"),
        (response("200 OK", "<y/>"), "the backend answered 200 with Content-Type \"\""),
        (response("200 OK\r\nContent-Type: text/xml", &large), "the backend's answer has more than 1000 octets"),
        (Behaviour::Floods, "the backend's answer has more than 1000 octets"),
        (Behaviour::Hangs, "the backend did not answer in time"),
        (Behaviour::Repeats(b"HTTP/1.1 100 Continue\r\n\r\n"), "the backend did not answer in time"),
        (Behaviour::Repeats(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"), "the backend did not answer in time"),
        (
            response("500 Oops\r\nContent-Type: text/xml", &large[..200]),
            "the backend's answer has more than 100 octets",
        ),
        (
            Behaviour::Answers(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\n<y/>"
                    .to_vec(),
            ),
            "the backend's answer broke off",
        ),
        (
            Behaviour::Answers(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<y/>\r\nxyz\r\n"
                    .to_vec(),
            ),
            "the backend's answer broke off",
        ),
        (
            Behaviour::Answers(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<y/>\r\n"
                    .to_vec(),
            ),
            "the backend's answer broke off",
        ),
        (
            Behaviour::Answers(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 10000000000\r\n\r\n<y>".to_vec(),
            ),
            "the backend's answer broke off",
        ),
        (Behaviour::Closes, "the backend's answer broke off"),
        (Behaviour::Answers(b"SSH-2.0-OpenSSH\r\n".to_vec()), "the backend's answer broke off"),
        (
            Behaviour::Answers(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 9\r\n\r\n<y/>".to_vec()),
            "the backend's answer broke off",
        ),
    ] {
        let backend = backend(behaviour).await;
        let error = ask(&backend.url).await.unwrap_err().to_string();
        assert!(error.starts_with(reason), "{error}\n is not\n{reason}");
        assert_eq!(backend.requests.load(Ordering::SeqCst), 1, "{error}");
    }
    assert_eq!(canary.requests.load(Ordering::SeqCst), 0, "a redirect is not followed");
}

#[tokio::test]
async fn a_backend_that_is_down_is_unreachable_at_once() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", socket.local_addr().unwrap()).parse().unwrap();
    drop(socket);
    let start = std::time::Instant::now();
    let error = ask(&url).await.unwrap_err();
    assert!(matches!(error, Unavailable::Unreachable(_)), "{error}");
    assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
}

#[test]
fn trust_that_is_no_certificate_is_refused() {
    let url: Url = "https://localhost/".parse().unwrap();
    let backend = Backend { trust: Some(b"nothing".to_vec()), ..Backend::new(url) };
    let refused = upstream(&backend, &Timeouts::default());
    assert!(matches!(refused.err(), Some(UpstreamProblem::Trust)));
}

fn several(urls: &[&Url], change: impl FnOnce(&mut Backend)) -> Upstream {
    let urls = urls.iter().map(|url| ((*url).clone(), 1)).collect();
    let mut backend = Backend { urls, balance: Balance::RoundRobin, ..Backend::new("http://h/".parse().unwrap()) };
    change(&mut backend);
    upstream(&backend, &Timeouts::default()).unwrap()
}

async fn send(upstream: &Upstream) -> Result<Answer, Unavailable> {
    let nobody = Caller { principal: Principal::Anonymous.into(), conversation: None, roles: Vec::new() };
    let permit = Permit::assertion(nobody, &Telling::default()).unwrap();
    upstream.forward(&permit, None, plain()).await
}

async fn nobody() -> Url {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/", socket.local_addr().unwrap()).parse().unwrap()
}

#[tokio::test]
async fn who_cannot_be_reached_is_passed_over_and_nobody_is_called_twice() {
    let sound = backend(response("200 OK\r\nContent-Type: text/xml", "<y/>")).await;
    let (down, gone) = (nobody().await, nobody().await);
    let pool = several(&[&down, &gone, &sound.url], |_| {});
    for calls in 1..=3 {
        assert_eq!(send(&pool).await.unwrap().status, 200);
        assert_eq!(sound.requests.load(Ordering::SeqCst), calls);
    }
    let host = sound.url.authority();
    assert!(sound.last.lock().unwrap().to_ascii_lowercase().contains(&format!("host: {host}\r\n")));
    let error = send(&several(&[&down, &gone], |_| {})).await.unwrap_err();
    assert!(matches!(error, Unavailable::Unreachable(_)), "{error}");

    // Whoever has had an octet of it may have acted on it.
    let closes = backend(Behaviour::Closes).await;
    let pool = several(&[&closes.url, &sound.url], |_| {});
    assert!(matches!(send(&pool).await, Err(Unavailable::Broken(_))));
    assert_eq!((closes.requests.load(Ordering::SeqCst), sound.requests.load(Ordering::SeqCst)), (1, 3));
}

#[tokio::test]
async fn who_is_ejected_is_not_called() {
    let closes = backend(Behaviour::Closes).await;
    let hour = Duration::from_hours(1);
    let pool = several(&[&closes.url], |backend| {
        backend.ejection = Some(Ejection { failures: 2, r#for: hour, most: 100 });
    });
    for _ in 0..2 {
        assert!(matches!(send(&pool).await, Err(Unavailable::Broken(_))));
    }
    for _ in 0..9 {
        assert!(matches!(send(&pool).await, Err(Unavailable::OutOfService)));
    }
    assert_eq!(closes.requests.load(Ordering::SeqCst), 2);
    // A fault is an answer; a gateway in between that says there is none is not.
    for (head, sent) in [
        ("500 Oops\r\nContent-Type: text/xml", 9),
        ("404 Not Found\r\nContent-Type: text/html", 9),
        ("503 Oops\r\nContent-Type: text/xml", 2),
        ("500 Oops\r\nContent-Type: text/html", 2),
    ] {
        let service = backend(response(head, "<f/>")).await;
        let pool = several(&[&service.url], |backend| {
            backend.ejection = Some(Ejection { failures: 2, r#for: hour, most: 100 });
        });
        for _ in 0..9 {
            let _ = send(&pool).await;
        }
        assert_eq!(service.requests.load(Ordering::SeqCst), sent, "{head}");
    }
}

#[tokio::test]
async fn a_backends_own_deadline_goes_before_that_of_all() {
    let hangs = backend(Behaviour::Hangs).await;
    let pool = several(&[&hangs.url], |backend| backend.timeouts.total = Some(Duration::from_millis(20)));
    assert!(matches!(send(&pool).await, Err(Unavailable::Slow(_))));
}

#[tokio::test]
async fn a_call_too_many_is_busy_at_once() {
    let hangs = backend(Behaviour::Hangs).await;
    let pool = several(&[&hangs.url], |backend| backend.calls = 1);
    let first = tokio::spawn({
        let pool = pool.clone();
        async move { send(&pool).await }
    });
    while hangs.requests.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(send(&pool).await, Err(Unavailable::Busy(1))));
    // The place of a client that left is free again.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(pool.pool.choose(&[]).is_ok());
}

#[test]
fn a_url_is_called_by_its_host_and_port() {
    let mut names = HashSet::new();
    let mut call = |url: &str| name(&url.parse().unwrap(), &mut names);
    let found = ["http://a/x", "https://a/", "http://a:80/y", "http://[::1]:8080/"].map(&mut call);
    assert_eq!(found, ["a:80", "a:443", "a:80#2", "[::1]:8080"]);
}
