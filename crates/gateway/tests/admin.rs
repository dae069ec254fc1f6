//! What a watcher may ask of a gateway, and what it may not.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;
mod watched;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use program::{Running, key, nuncio, port};
use watched::{Backend, Gateway, say};

#[test]
fn a_gateway_lives_and_serves_until_it_is_told_to_end() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    assert!(gateway.get("/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(gateway.get("/readyz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(gateway.ask(&gateway.call("Quick"), "").starts_with("HTTP/1.1 200 OK\r\n"));
    // A call that its backend is still at keeps the drain going.
    let mut call = gateway.send(&gateway.call("Slow"), "");
    backend.arrived();
    gateway.running.tell();
    let ready = gateway.until("/readyz", |answer| answer.starts_with("HTTP/1.1 503 "));
    assert!(ready.contains("cache-control: no-store\r\n"), "{ready}");
    assert!(gateway.get("/healthz").starts_with("HTTP/1.1 200 OK\r\n"), "it lives while it drains");
    let start = Instant::now();
    while TcpStream::connect(gateway.address).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(10), "and takes nothing new");
    }
    backend.go_on();
    let mut answer = String::new();
    call.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(backend.requests().len(), 2);
    let admin = gateway.admin;
    assert_eq!(gateway.running.end(), Some(0));
    assert!(TcpStream::connect(admin).is_err());
}

#[test]
fn what_is_no_question_is_refused() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "404 Not Found"),
        ("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n", "404 Not Found"),
        ("GET /healthz/ HTTP/1.1\r\nHost: h\r\n\r\n", "404 Not Found"),
        ("GET /%68ealthz HTTP/1.1\r\nHost: h\r\n\r\n", "404 Not Found"),
        ("POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nquit", "405 Method Not Allowed"),
        ("HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n", "405 Method Not Allowed"),
        ("DELETE /nothing HTTP/1.1\r\nHost: h\r\n\r\n", "405 Method Not Allowed"),
        ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", "400 Bad Request"),
        ("GET /healthz HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "400 Bad Request"),
        (
            "GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400 Bad Request",
        ),
        ("\x16\x03\x01\x02garbage\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = say(gateway.admin, &request.replacen("Host: h\r\n", "Host: h\r\nConnection: close\r\n", 1));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:?}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "a refusal has no body: {answer}");
    }
    let large = format!("GET /healthz HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert!(say(gateway.admin, &large).starts_with("HTTP/1.1 431 "));
    // Whoever may call the service cannot watch it.
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = say(gateway.address, &format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    assert!(gateway.get("/healthz").starts_with("HTTP/1.1 200 OK\r\n"), "it lives all the same");
    assert_eq!(gateway.running.stop(), Some(0));
}

/// What was asked and what it got; what of it is a peer's stays within its quotation marks.
#[test]
fn each_request_of_a_watcher_has_its_line() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    for request in [
        "GET /healthz HTTP/1.0",
        "GET /metrics?secret=1 HTTP/1.0",
        "GET /nothing\"status=200 HTTP/1.0",
        "DELETE /healthz HTTP/1.0",
        "GET /readyz HTTP/1.0\r\nHost: h\r\nHost: i",
    ] {
        say(gateway.admin, &format!("{request}\r\n\r\n"));
    }
    assert!(gateway.ask(&gateway.call("Quick"), "").starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(gateway.running.stop(), Some(0));
    let log = std::fs::read_to_string(gateway.log).unwrap();
    let lines: Vec<&str> =
        log.lines().filter_map(|line| line.split_once(" nuncio::admin: ")).map(|(_, line)| line).collect();
    let expected = [
        "method=\"GET\" peer=127.0.0.1 path=\"/healthz\" status=200 took=",
        "method=\"GET\" peer=127.0.0.1 path=\"/metrics\" status=200 took=",
        "method=\"GET\" peer=127.0.0.1 path=\"/nothing\\\"status=200\" status=404 took=",
        "method=\"DELETE\" peer=127.0.0.1 path=\"/healthz\" status=405 took=",
        "method=\"GET\" peer=127.0.0.1 path=\"/readyz\" status=400 took=",
    ];
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
    let audit: Vec<&str> = log.lines().filter(|line| line.contains("nuncio::audit")).collect();
    assert!(
        audit.len() == 1 && audit[0].contains("path=\"/echo\""),
        "watchers are not among the service's callers: {log}"
    );
}

#[test]
fn a_watcher_that_says_nothing_keeps_nobody() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    let silent: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(gateway.admin).unwrap()).collect();
    assert!(gateway.get("/readyz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(gateway.running.stop(), Some(0), "nor at the end");
    drop(silent);
}

#[test]
fn a_proxy_is_watched_where_its_flag_says() {
    let (listen, admin) = (port(), port());
    let proxy = |admin: &str, more: &[&str]| {
        let mut command = nuncio();
        command.args(["proxy", "--backend", "http://127.0.0.1:9/", "--user", "alice:wonderland-1865"]);
        command.args(["--preset", "wcf-ws2007-userNameForCertificate", "--admin", admin]).args(more);
        command.arg("--listen").arg(format!("http://127.0.0.1:{listen}"));
        command.arg("--certificate").arg(key("server.pem")).arg("--key").arg(key("server.key"));
        command
    };
    let at = format!("127.0.0.1:{admin}");
    let running = Running::start(proxy(&at, &[]));
    assert!(say(at.parse().unwrap(), "GET /readyz HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 200 OK\r\n"));
    assert_eq!(running.stop(), Some(0));

    let output = proxy("0.0.0.0:0", &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let refusal = "nuncio: --admin: the admin listener at 0.0.0.0:0 is not at a loopback address such as \
                   127.0.0.1:9901: whoever reaches it may read from it; give --danger-admin-beyond-loopback if that is \
                   meant\n";
    assert_eq!(errors, refusal);

    let mut loud = proxy("0.0.0.0:0", &["--danger-admin-beyond-loopback"]);
    let mut child = loud.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 14];
    child.stdout.take().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"nuncio: ready\n");
    let mut errors = child.stderr.take().unwrap();
    assert_eq!(Running(child).stop(), Some(0));
    let mut log = String::new();
    errors.read_to_string(&mut log).unwrap();
    assert!(
        log.contains("WARN") && log.contains("DANGER: the admin listener can be reached from other machines"),
        "{log}"
    );
}

/// The series of `/metrics` with their values.
fn series(gateway: &Gateway) -> BTreeMap<String, String> {
    let answer = gateway.get("/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
    let text = answer.split_once("\r\n\r\n").unwrap().1;
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.to_owned())
    })
    .collect()
}

#[test]
fn each_request_is_counted_as_what_it_was() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    let before = series(&gateway);
    let sound = gateway.call("Quick");
    for (message, status) in [
        (sound.clone(), 200),
        (gateway.call("Fail"), 500),
        (gateway.call("Babble"), 500),
        (sound.replace("1865", "1866"), 500),
        (sound.replace("alice", "mallory"), 500),
        (sound.replace("<u:Created>20", "<u:Created>19"), 500),
        (sound.replace("</o:Security>", ""), 500),
    ] {
        let answer = gateway.ask(&message, "");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let issued = gateway.talk();
    assert!(issued.contains("SecurityContextToken"), "{issued}");
    let address = gateway.address;
    for request in ["GET /echo HTTP/1.0\r\n\r\n", "POST /wonderland HTTP/1.0\r\n\r\n", "rubbish\r\n\r\n"] {
        say(address, request);
    }
    // What has been answered is closed a moment later.
    gateway.until("/metrics", |text| text.contains("\nnuncio_connections 0\n"));
    let after = series(&gateway);
    let grew: Vec<_> = after.iter().filter(|(name, value)| before[*name] != **value).collect();
    let counted: Vec<_> = grew.iter().filter(|(name, _)| !name.contains("duration")).collect();
    let called =
        format!("nuncio_backend_calls_total{{route=\"/echo\",backend=\"{}\",result=\"answered\"}}", backend.name());
    let expected = [
        (called.as_str(), "3"),
        ("nuncio_conversations", "1"),
        ("nuncio_conversations_pending", "1"),
        ("nuncio_refusals_total{route=\"/echo\",class=\"failed_authentication\"}", "2"),
        ("nuncio_refusals_total{route=\"/echo\",class=\"invalid_security\"}", "1"),
        ("nuncio_refusals_total{route=\"/echo\",class=\"unreadable\"}", "1"),
        ("nuncio_rejections_total{status=\"404\"}", "1"),
        ("nuncio_rejections_total{status=\"405\"}", "1"),
        ("nuncio_requests_total{route=\"/echo\",kind=\"application\",outcome=\"answered\"}", "1"),
        ("nuncio_requests_total{route=\"/echo\",kind=\"application\",outcome=\"fault\"}", "1"),
        ("nuncio_requests_total{route=\"/echo\",kind=\"application\",outcome=\"refused\"}", "3"),
        ("nuncio_requests_total{route=\"/echo\",kind=\"application\",outcome=\"unavailable\"}", "1"),
        ("nuncio_requests_total{route=\"/echo\",kind=\"unread\",outcome=\"refused\"}", "1"),
        ("nuncio_requests_total{route=\"/talk\",kind=\"issue\",outcome=\"answered\"}", "1"),
    ];
    let named: Vec<_> = counted.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let octets = "nuncio_conversations_bytes";
    // One conversation, at what the store reckons for it.
    assert_eq!(after[octets], "572");
    let without: Vec<_> = named.into_iter().filter(|(name, _)| *name != octets).collect();
    assert_eq!(without, expected);
    for (name, count) in [
        ("nuncio_request_duration_seconds_count{route=\"/echo\"}", "7"),
        ("nuncio_request_duration_seconds_count{route=\"/talk\"}", "1"),
        ("nuncio_backend_duration_seconds_count{route=\"/echo\"}", "3"),
        ("nuncio_backend_duration_seconds_count{route=\"/talk\"}", "0"),
        ("nuncio_connections", "0"),
        ("nuncio_requests_in_flight", "0"),
    ] {
        assert_eq!(after[name], count, "{name}");
    }
    assert_eq!(after[concat!("nuncio_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}")], "1");
}

/// Whatever a peer says, it is in no label: the series are those that were there from the start.
#[test]
fn nothing_of_a_peer_is_in_what_is_counted() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    let names = || series(&gateway).into_keys().collect::<Vec<_>>();
    let before = names();
    let sound = gateway.call("Quick");
    let answers = [
        gateway.ask(&sound, "X-Nuncio-Principal: eve\r\nUser-Agent: needle\r\n"),
        gateway.ask(&sound.replace("alice", "mallory\"} 1\nneedle 1"), ""),
        gateway.ask(&sound.replace("urn:Quick", "urn:needle"), "SOAPAction: needle\r\n"),
        gateway.talk(),
        say(gateway.address, "POST /needle HTTP/1.0\r\n\r\n"),
        say(gateway.address, "NEEDLE /echo HTTP/1.0\r\n\r\n"),
    ];
    assert_eq!(names(), before, "{answers:?}");
    // A backend is the operator's.
    let text = gateway.get("/metrics").replace(&backend.name(), "");
    let conversation = answers[3].split_once("Identifier>").unwrap().1.split('<').next().unwrap();
    assert!(conversation.len() > 20, "{conversation}");
    for secret in ["alice", "mallory", "eve", "needle", "NEEDLE", "wonderland", "1865", "urn:", "127.0.0", conversation]
    {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn work_is_counted_while_it_lasts_and_when_its_client_goes_away() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    let now = |name: &str| series(&gateway)[name].clone();
    let call = gateway.send(&gateway.call("Slow"), "");
    backend.arrived();
    assert_eq!([now("nuncio_connections"), now("nuncio_requests_in_flight")], ["1", "1"]);
    drop(call);
    gateway.until("/metrics", |text| text.contains("\nnuncio_requests_abandoned_total 1\n"));
    gateway.until("/metrics", |text| text.contains("\nnuncio_connections 0\n"));
    assert_eq!(now("nuncio_requests_in_flight"), "0");
    backend.go_on();
    assert_eq!(gateway.running.stop(), Some(0));
    // Its backend was called, so whoever asks who called must find it.
    let log = std::fs::read_to_string(gateway.log).unwrap();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("nuncio::audit")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    for part in [
        " WARN ",
        "path=\"/echo\" principal=\"alice\" action=\"urn:Slow\"",
        " refused=\"its client went away before the answer\" took=",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The `traceparent` that a backend got with each request.
fn parents(backend: &Backend) -> Vec<Option<String>> {
    told(backend, "traceparent: ")
}

/// A header that a backend got with each request, once at most.
fn told(backend: &Backend, name: &str) -> Vec<Option<String>> {
    let of = |request: String| {
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        let mut values = head.lines().filter_map(|line| line.strip_prefix(name));
        let value = values.next().map(str::to_owned);
        assert!(values.next().is_none(), "{head}");
        value
    };
    backend.requests().into_iter().map(of).collect()
}

#[test]
fn a_trace_goes_on_to_the_backend_and_into_the_access_line() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    let call = gateway.call("Quick");
    let header = |value: &str| format!("traceparent: {value}\r\n");
    let later = PARENT.replace("00-4", "cc-4") + "-later";
    for headers in [
        format!("{}tracestate: rojo=1, congo=2\r\ntracestate: us@er=3\r\n", header(PARENT)),
        header(&later) + "tracestate: needle=1,broken\r\n",
        String::new(),
        header(&PARENT.replace("-01", "-1")),
        header(&PARENT.to_uppercase()),
        header("needle"),
        header(PARENT) + &header(PARENT),
        "tracestate: needle=1\r\n".to_owned(),
        header("needle") + "tracestate: needle=1\r\n",
    ] {
        let answer = gateway.ask(&call, &headers);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{headers}: {answer}");
        assert!(!answer.contains("trace"), "{answer}");
    }
    let sound = || Some(PARENT.to_owned());
    assert_eq!(parents(&backend), [sound(), sound(), None, None, None, None, None, None, None]);
    let mut states = told(&backend, "tracestate: ");
    assert_eq!(states.remove(0).as_deref(), Some("rojo=1,congo=2,us@er=3"));
    assert_eq!(states, [const { None::<String> }; 8], "nothing without a parent, and nothing that is malformed");
    // One that is refused has its trace in its line, and reaches no backend.
    gateway.ask(&call.replace("1865", "1866"), &header(PARENT));
    assert_eq!(backend.requests().len(), 9);
    assert_eq!(gateway.running.stop(), Some(0));
    let log = std::fs::read_to_string(gateway.log).unwrap();
    let lines: Vec<bool> = log
        .lines()
        .filter(|line| line.contains("nuncio::audit"))
        .map(|line| line.contains(&format!(" trace=\"{}\"", &PARENT[3..35])))
        .collect();
    assert_eq!(lines, [true, true, false, false, false, false, false, false, false, true], "{log}");
    assert!(!log.contains("needle"), "{log}");
}

#[test]
fn a_trace_is_begun_where_the_route_says_so() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "    trace: true\n");
    let call = gateway.call("Quick");
    for headers in
        [String::new(), String::new(), "traceparent: needle\r\n".to_owned(), format!("traceparent: {PARENT}\r\n")]
    {
        assert!(gateway.ask(&call, &headers).starts_with("HTTP/1.1 200 OK\r\n"));
    }
    let mut parents: Vec<String> = parents(&backend).into_iter().map(Option::unwrap).collect();
    assert_eq!(parents.pop().unwrap(), PARENT);
    assert_eq!(gateway.running.stop(), Some(0));
    let log = std::fs::read_to_string(gateway.log).unwrap();
    for parent in &parents {
        assert!(parent.len() == 55 && parent.starts_with("00-") && parent.ends_with("-01"), "{parent}");
        assert!(log.contains(&format!(" trace=\"{}\"", &parent[3..35])), "{parent}: {log}");
    }
    parents.sort();
    parents.dedup();
    assert_eq!(parents.len(), 3, "each begins its own");
}
