//! What a connection may do to a gateway: every test is a client on a raw socket against the plain service.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod serving;

use std::time::{Duration, Instant};

use nuncio::config::{Cidr, ConnectionLimits, RouteHost, RoutePath};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use serving::{ENVELOPE, Options, Server, options, post, rest, whole};

#[tokio::test]
async fn a_sound_request_is_answered_with_its_exact_length() {
    let server = Server::start(options()).await;
    let answer = server.say(whole("/any/path?query")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains(&format!("content-length: {}", body.len())), "{head}");
    assert!(body.contains("<EchoResult>hello</EchoResult>"), "{body}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_route_of_some_hosts_is_found_by_their_names_alone() {
    let hosts = vec![RouteHost::Exact("here.example".into()), RouteHost::Below("deep.example".into())];
    let server = Server::start(Options { hosts, path: RoutePath::Below("/echo/".into()), ..options() }).await;
    for (target, host, status) in [
        ("/echo/x", "here.example", "200"),
        ("/echo/", "HERE.Example.:8080", "200"),
        ("/echo/x/y", "a.b.deep.example", "200"),
        ("http://here.example:80/echo/x", "here.example:80", "200"),
        ("/echo", "here.example", "404"),
        ("/%65cho/x", "here.example", "404"),
        ("/echo/x", "there.example", "404"),
        ("/echo/x", "deep.example", "404"),
        ("/echo/x", "", "404"),
        ("http://there.example/echo/x", "here.example", "400"),
        ("/echo/x", "here.example/x", "400"),
        ("/echo/x", "here.example\r\nHost: here.example", "400"),
    ] {
        let request = whole(target).replace("Host: here", &format!("Host: {host}"));
        let answer = server.say(&request).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request}\n{answer}");
    }
}

#[tokio::test]
async fn what_is_not_a_soap_post_does_not_reach_the_handler() {
    let server = Server::start(Options { path: RoutePath::Exact("/echo".into()), ..options() }).await;
    let header = |name: &str, value: &str| format!("{name}: {value}\r\n");
    let long = header("X", &"x".repeat(9000));
    let many: String = (0..20).map(|at| header(&format!("X-{at}"), "x")).collect();
    for (request, status) in [
        (post("/other", ""), "404"),
        (post("/echo/", ""), "404"),
        (post("/ECHO", ""), "404"),
        ("GET /echo HTTP/1.1\r\nHost: here\r\n\r\n".into(), "405"),
        ("CONNECT /echo HTTP/1.1\r\nHost: here\r\n\r\n".into(), "405"),
        ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n".into(), "415"),
        (post("/echo", "Content-Encoding: gzip\r\n"), "415"),
        (post("/echo", "Host: there\r\n"), "400"),
        (post("/echo", "Content-Length: 5\r\n"), "400"),
        (post("/echo", "Transfer-Encoding: gzip\r\n"), "400"),
        (post("/echo", "Expect: miracles\r\n"), "417"),
        (post("/echo", &long), "431"),
        (post("/echo", &many), "431"),
        ("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), "400"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "no answer"),
        ("GARBAGE\r\n\r\n".into(), "400"),
    ] {
        let answer = server.say(&request).await;
        let found = answer.split(' ').nth(1).unwrap_or("no answer");
        assert_eq!(found, status, "{request}\n{answer}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_method_that_is_not_post_is_told_which_is() {
    let server = Server::start(options()).await;
    let answer = server.say("DELETE / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await;
    assert!(answer.to_ascii_lowercase().contains("\r\nallow: post\r\n"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_so_that_the_client_sees_it() {
    let server = Server::start(options()).await;
    // Declared: refused at its length. The client, which sends it all, must still be able to read the answer.
    let large = "x".repeat(1_000_000);
    let declared =
        format!("POST / HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\nContent-Length: 1000000\r\n\r\n{large}");
    assert!(server.say(declared).await.starts_with("HTTP/1.1 413 "));
    // In chunks: refused when it is too large.
    let head = "POST / HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = format!("{head}F4240\r\n{large}\r\n0\r\n\r\n");
    assert!(server.say(chunked).await.starts_with("HTTP/1.1 413 "));
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_body_in_chunks_is_taken() {
    let server = Server::start(options()).await;
    let (first, second) = ENVELOPE.split_at(50);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\nX-Trailer: 1\r\n\r\n",
        first.len(),
        second.len()
    );
    assert!(server.say(request).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_length_beside_chunks_is_refused() {
    let server = Server::start(options()).await;
    let (length, chunks) = (format!("Content-Length: {}", ENVELOPE.len()), "Transfer-Encoding: chunked");
    for lines in
        [format!("{length}\r\n{chunks}"), format!("{chunks}\r\n{length}"), format!("{chunks}\r\n{length}\r\n{chunks}")]
    {
        let head = format!("POST / HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\n{lines}\r\n\r\n");
        let request = format!("{head}{:x}\r\n{ENVELOPE}\r\n0\r\n\r\n", ENVELOPE.len());
        let answer = server.say(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lines}: {answer}");
        // Behind a sound request, too, and octet by octet.
        let mut stream = server.connect().await;
        stream.write_all((post("/", "") + ENVELOPE).as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"</s:Envelope>") {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
        }
        for octet in head.as_bytes() {
            stream.write_all(&[*octet]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lines}: {answer}");
    }
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn what_is_smuggled_is_no_request() {
    let server = Server::start(options()).await;
    // By the length, the second request would be the first one's body.
    let smuggled = whole("/smuggled");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{ENVELOPE}\r\n0\r\n\r\n{smuggled}",
        smuggled.len() + 9,
        ENVELOPE.len(),
    );
    let answer = server.say(&request).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.matches("HTTP/1.1 ").count() == 1, "{answer}");
    assert_eq!(server.count(), 0);
    // Sent before the answer to another one, it is read as RFC 9112 has it, and what is behind it is not read.
    let answer = server.say(post("/", "") + ENVELOPE + &request).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let server = Server::start(options()).await;
    let mut stream = server.connect().await;
    stream.write_all(post("/", "Expect: 100-continue\r\nConnection: close\r\n").as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(ENVELOPE.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_client_that_asks_first_and_is_refused_sends_nothing() {
    let server = Server::start(Options { path: RoutePath::Exact("/echo".into()), ..options() }).await;
    let sized = |path: &str, size: usize, headers: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\nContent-Length: {size}\r\n\
             Expect: 100-continue\r\nConnection: close\r\n{headers}\r\n"
        )
    };
    for (request, status) in [
        (sized("/echo", 1_000_000, ""), "413"),
        (sized("/other", 10, ""), "404"),
        (sized("/echo", 10, "Content-Encoding: gzip\r\n"), "415"),
        (sized("/echo", 10, "Host: there\r\n"), "400"),
    ] {
        let answer = server.say(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{answer}");
        assert!(!answer.contains("100 Continue"), "{answer}");
    }
    assert_eq!(server.count(), 0);
}

/// How long a server keeps a connection on which `first` was said.
async fn patience(server: &Server, first: &str) -> (Duration, String) {
    let mut stream = server.connect().await;
    stream.write_all(first.as_bytes()).await.unwrap();
    let start = Instant::now();
    let answer = rest(&mut stream).await;
    (start.elapsed(), answer)
}

#[tokio::test]
async fn slow_clients_are_given_up_and_honest_ones_are_not() {
    let server = Server::start(options()).await;
    for (first, at_least) in [
        (String::new(), 200),
        ("POST / HTTP/1.1\r\nHost: h".to_owned(), 300),
        (post("/", "") + &ENVELOPE[..20], 400),
        (post("/", "") + ENVELOPE, 500),
    ] {
        let (took, answer) = patience(&server, &first).await;
        let at_least = Duration::from_millis(at_least);
        assert!(took >= at_least.saturating_sub(Duration::from_millis(20)), "{first:?}: closed after {took:?}");
        assert!(took < at_least + Duration::from_secs(2), "{first:?}: closed only after {took:?}");
        if first.ends_with(ENVELOPE) {
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
    assert!(server.say(whole("/")).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn headers_that_drip_are_given_up() {
    let server = Server::start(options()).await;
    let mut stream = server.connect().await;
    let start = Instant::now();
    while stream.write_all(b"x").await.is_ok() && start.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_body_that_was_too_late_is_answered_408() {
    let server = Server::start(options()).await;
    let (_, answer) = patience(&server, &(post("/", "") + &ENVELOPE[..20])).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_stalled_handshake_is_given_up() {
    let server = Server::start(Options { tls: true, ..options() }).await;
    for first in ["", "\x16\x03\x01", "POST / HTTP/1.1\r\n\r\n"] {
        let (took, _) = patience(&server, first).await;
        assert!(took < Duration::from_secs(2), "{first:?}: closed only after {took:?}");
    }
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = Server::start(options()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all((post("/", "") + ENVELOPE).as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"</s:Envelope>") {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(server.count(), 3, "an idle connection is not a slow one");
}

#[tokio::test]
async fn more_connections_than_places_wait() {
    let limited = ConnectionLimits { connections: 2, ..options().connections };
    let server = Server::start(Options { connections: limited, ..options() }).await;
    let silent = [server.connect().await, server.connect().await];
    let start = Instant::now();
    // Both places are taken by silent ones, until they are given up.
    assert!(server.say(whole("/")).await.starts_with("HTTP/1.1 200 "));
    assert!(start.elapsed() >= Duration::from_millis(100), "{:?}", start.elapsed());
    drop(silent);
}

#[tokio::test]
async fn a_peer_gets_its_share_of_the_places() {
    let limited = ConnectionLimits { per_peer: 2, ..options().connections };
    let server = Server::start(Options { connections: limited.clone(), ..options() }).await;
    let taken = [server.connect().await, server.connect().await];
    let start = Instant::now();
    assert_eq!(server.say(whole("/")).await, "", "one more is closed without a word");
    assert!(start.elapsed() < Duration::from_millis(150), "{:?}", start.elapsed());
    drop(taken);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(server.say(whole("/")).await.starts_with("HTTP/1.1 200 "));
    // Whoever takes TLS off in front speaks for many.
    let terminated_by = vec!["127.0.0.0/8".parse().unwrap()];
    let server = Server::start(Options { connections: limited, tls_terminated_by: terminated_by, ..options() }).await;
    let _taken = [server.connect().await, server.connect().await];
    assert!(server.say(whole("/")).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_request_too_many_is_turned_away_unread() {
    let limits = options().connections;
    for connections in [
        ConnectionLimits { requests: 1, ..limits.clone() },
        ConnectionLimits { requests_per_peer: 1, ..limits.clone() },
    ] {
        let server = Server::start(Options { connections, pause: Duration::from_millis(500), ..options() }).await;
        let mut taken = server.connect().await;
        taken.write_all((post("/", "") + ENVELOPE).as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        // It has sent no body yet, and is not told to go on.
        let answer = server.say(post("/", "Expect: 100-continue\r\nConnection: close\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("\r\nretry-after: 5\r\n"), "{answer}");
        let mut head = [0; 13];
        taken.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 ");
        assert!(server.say(whole("/")).await.starts_with("HTTP/1.1 200 "), "there is a place again");
    }
}

#[tokio::test]
async fn a_panic_is_one_requests_matter() {
    let server = Server::start(options()).await;
    let mut stream = server.connect().await;
    stream.write_all((post("/panic", "") + ENVELOPE).as_bytes()).await.unwrap();
    let mut head = [0; 13];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 500 ");
    assert!(server.say(whole("/")).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn who_takes_tls_off_in_front_makes_a_request_secure() {
    let ranges = |text: &str| vec![text.parse::<Cidr>().unwrap()];
    for (terminated_by, transport) in
        [(Vec::new(), "Clear"), (ranges("127.0.0.0/8"), "Secure"), (ranges("10.0.0.0/8"), "Clear")]
    {
        let server = Server::start(Options { tls_terminated_by: terminated_by, ..options() }).await;
        let answer = server.say(whole("/transport")).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{transport}")), "{answer}");
    }
}

#[tokio::test]
async fn a_drain_answers_what_is_in_flight_and_takes_nothing_new() {
    let mut server = Server::start(Options { pause: Duration::from_millis(200), ..options() }).await;
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.write_all((post("/", "") + ENVELOPE).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.take().unwrap().send(()).unwrap();

    let answer = rest(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("hello"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(rest(&mut idle).await, "", "an idle connection is closed");
    assert_eq!(server.task.await.unwrap(), 0, "no connection had to be cut");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_outlives_the_drain_is_cut() {
    let mut server = Server::start(Options { pause: Duration::from_mins(1), ..options() }).await;
    let mut busy = server.connect().await;
    busy.write_all((post("/", "") + ENVELOPE).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let start = Instant::now();
    server.stop.take().unwrap().send(()).unwrap();
    assert_eq!(server.task.await.unwrap(), 1);
    assert!(start.elapsed() >= Duration::from_millis(600), "{:?}", start.elapsed());
    assert_eq!(rest(&mut busy).await, "");
}
