//! What a watcher may ask of a gateway, and what it may not.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;
mod watched;

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
    assert_eq!(Running::of(child).stop(), Some(0));
    let mut log = String::new();
    errors.read_to_string(&mut log).unwrap();
    assert!(
        log.contains("WARN") && log.contains("DANGER: the admin listener can be reached from other machines"),
        "{log}"
    );
}
