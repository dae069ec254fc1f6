//! What a connection of HTTP/2 may do to a gateway.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod multiplexed;
mod serving;

use std::time::{Duration, Instant};

use h2::Reason;
use h2::client::Builder;
use nuncio::config::{ConnectionLimits, RoutePath, Timeouts};

use multiplexed::{
    CONTINUATION, DATA, END_HEADERS, GOAWAY, HEADERS, PING, RST_STREAM, Rude, SETTINGS, ask, block, client, frame,
    read, request, secured, sound,
};
use serving::{ENVELOPE, Options, Server, whole};

fn secure() -> Options {
    Options { tls: true, ..serving::options() }
}

#[tokio::test]
async fn alpn_chooses_the_protocol() {
    for (http2, offered, chosen) in [
        (true, &["h2", "http/1.1"][..], Some("h2")),
        (true, &["http/1.1"], Some("http/1.1")),
        (true, &["http/1.1", "h2"], Some("h2")),
        (true, &[], None),
        (false, &["h2", "http/1.1"], Some("http/1.1")),
    ] {
        let server = Server::start(Options { http2, ..secure() }).await;
        let stream = secured(&server, offered).await;
        let found = stream.get_ref().1.alpn_protocol().map(|name| std::str::from_utf8(name).unwrap());
        assert_eq!(found, chosen, "{http2} {offered:?}");
    }
}

#[tokio::test]
async fn many_requests_at_once_are_answered() {
    let server = Server::start(Options { pause: Duration::from_millis(100), ..secure() }).await;
    let client = client(&server, &Builder::new()).await;
    let all: Vec<_> = (0..60)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { ask(&client, request("/any", &[])).await })
        })
        .collect();
    for one in all {
        let (status, body) = one.await.unwrap().unwrap();
        assert!(status == 200 && body.contains("<EchoResult>hello</EchoResult>"), "{status} {body}");
    }
    assert_eq!(server.count(), 60);
}

#[tokio::test]
async fn what_is_not_a_soap_post_does_not_reach_the_handler() {
    let server = Server::start(Options { path: RoutePath::Exact("/echo".into()), ..secure() }).await;
    let client = client(&server, &Builder::new()).await;
    let names: Vec<String> = (0..20).map(|at| format!("x-{at}")).collect();
    let many: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
    let long = "x".repeat(20_000);
    for (request, status) in [
        (request("/other", &[]), 404),
        (request("/echo", &[("content-type", "text/plain")]), 400),
        (request("/echo", &[("content-encoding", "gzip")]), 415),
        (request("/echo", &[("expect", "miracles")]), 417),
        (request("/echo", &[("host", "elsewhere")]), 400),
        (request("/echo", &[("host", "localhost"), ("host", "localhost")]), 400),
        (request("/echo", &many), 431),
        (request("/echo", &[("x", &long)]), 431),
        (axum::http::Request::delete("https://localhost/echo").body(()).unwrap(), 405),
        (axum::http::Request::post("https://you@localhost/echo").body(()).unwrap(), 400),
    ] {
        let shown = format!("{request:?}");
        let (found, _) = ask(&client, request).await.unwrap();
        assert_eq!(found, status, "{shown:.300}");
    }
    assert_eq!(server.count(), 0);
    assert_eq!(ask(&client, request("/echo", &[])).await.unwrap().0, 200, "the connection goes on");
}

#[tokio::test]
async fn a_body_of_another_length_than_it_said_is_refused() {
    let server = Server::start(secure()).await;
    let client = client(&server, &Builder::new()).await;
    for length in [ENVELOPE.len() - 1, ENVELOPE.len() + 1] {
        let said = [("content-length", &*length.to_string())];
        let error = ask(&client, request("/", &said)).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR), "{error}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_so_that_the_client_sees_it() {
    let server = Server::start(secure()).await;
    let client = client(&server, &Builder::new()).await;
    for said in [&[("content-length", "1000000")][..], &[]] {
        let mut client = client.clone().ready().await.unwrap();
        let (response, mut body) = client.send_request(request("/", said), false).unwrap();
        body.send_data(vec![b' '; 1_000_000].into(), false).unwrap();
        assert_eq!(read(response).await.unwrap().0, 413);
    }
    assert_eq!(ask(&client, request("/", &[])).await.unwrap().0, 200);
}

#[tokio::test]
async fn slow_clients_are_given_up() {
    let server = Server::start(secure()).await;
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    let after = |frames: &[u8]| [&hello[..], frames].concat();
    let opened = frame(HEADERS, 0, 1, &sound());
    let request = [frame(HEADERS, END_HEADERS, 1, &sound()), frame(DATA, 1, 1, ENVELOPE.as_bytes())].concat();
    for (what, octets, at_least) in [
        ("says nothing", vec![], 200),
        ("does not end its preface", hello[..8].to_vec(), 300),
        ("asks nothing", hello.clone(), 300),
        ("does not end its headers", after(&opened), 300),
        ("does not end the first frame of its headers", after(&opened[..20]), 300),
        ("does not end its next headers", after(&[&request[..], &frame(HEADERS, 0, 3, &sound())].concat()), 300),
        ("asks nothing more", after(&request), 500),
        ("says other things", after(&[&request[..], &frame(PING, 0, 0, &[0; 8])].concat()), 500),
    ] {
        let mut client = Rude::silent(&server).await;
        assert!(client.send(&octets).await);
        let start = Instant::now();
        client.rest().await;
        let (took, at_least) = (start.elapsed(), Duration::from_millis(at_least));
        assert!(took >= at_least.saturating_sub(Duration::from_millis(30)), "who {what}: closed after {took:?}");
        assert!(took < at_least + Duration::from_secs(2), "who {what}: closed only after {took:?}");
    }
}

#[tokio::test]
async fn headers_that_drip_are_given_up() {
    let server = Server::start(Options { pause: Duration::from_mins(1), ..secure() }).await;
    let mut client = Rude::begun(&server).await;
    // One request is answered all the while.
    let request = [frame(HEADERS, END_HEADERS, 1, &sound()), frame(DATA, 1, 1, ENVELOPE.as_bytes())].concat();
    // h2 counts the frames of a header block; so this drips within one.
    let long = frame(HEADERS, END_HEADERS, 3, &[0; 10_000]);
    assert!(client.send(&[&request, &long[..9]].concat()).await);
    let start = Instant::now();
    while client.send(&[0]).await && start.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_slow_body_costs_its_own_stream_alone() {
    let server = Server::start(secure()).await;
    let client = client(&server, &Builder::new()).await;
    let (response, mut body) = client.clone().ready().await.unwrap().send_request(request("/", &[]), false).unwrap();
    body.send_data(bytes::Bytes::from_static(b"<"), false).unwrap();
    let slow = tokio::spawn(read(response));
    for _ in 0..5 {
        assert_eq!(ask(&client, request("/", &[])).await.unwrap().0, 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(slow.await.unwrap().unwrap().0, 408);
    assert_eq!(ask(&client, request("/", &[])).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_client_that_takes_no_response_loses_that_stream_alone() {
    let timeouts = Timeouts { write_stall: Duration::from_millis(300), ..secure().timeouts };
    let server = Server::start(Options { timeouts, ..secure() }).await;
    // Room for nothing at first, and then for what is asked for.
    for window in [0, 10] {
        let client = client(&server, Builder::new().initial_window_size(window)).await;
        let mut ready = client.clone().ready().await.unwrap();
        let (response, mut body) = ready.send_request(request("/", &[]), false).unwrap();
        body.send_data(ENVELOPE.into(), true).unwrap();
        let mut taken = response.await.unwrap().into_body();
        let start = Instant::now();
        let error = loop {
            // What comes is kept, and no room given for more.
            match taken.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("{window}: the response came whole"),
            }
        };
        assert_eq!(error.reason(), Some(Reason::CANCEL), "{window}: {error}");
        assert!(start.elapsed() >= Duration::from_millis(280), "{window}: {:?}", start.elapsed());
        if window > 0 {
            let (status, body) = ask(&client, request("/", &[])).await.unwrap();
            assert!(status == 200 && body.ends_with("Envelope>"), "little by little is not too slow");
        }
    }
}

#[tokio::test]
async fn requests_taken_back_at_once_end_the_connection() {
    let server = Server::start(secure()).await;
    let mut client = Rude::begun(&server).await;
    let mut sent = 0;
    for stream in (1..20_000).step_by(2) {
        let asked = frame(HEADERS, END_HEADERS, stream, &sound());
        if !client.send(&[asked, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()).await {
            break;
        }
        sent += 1;
    }
    assert!(sent < 9_999, "ten thousand were taken back");
    let other = multiplexed::client(&server, &Builder::new()).await;
    assert_eq!(ask(&other, request("/", &[])).await.unwrap().0, 200, "nobody else is hurt");
}

#[tokio::test]
async fn requests_taken_back_one_by_one_end_the_connection() {
    let server = Server::start(secure()).await;
    let mut client = Rude::begun(&server).await;
    let mut sent = 0;
    for stream in (1..1000).step_by(2) {
        // Each is looked at before it is taken back, so that h2 has nothing to count.
        if !client.send(&frame(HEADERS, END_HEADERS, stream, &sound())).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        if !client.send(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])).await {
            break;
        }
        sent += 1;
    }
    assert!((100..200).contains(&sent), "after {sent}");
}

#[tokio::test]
async fn a_header_block_without_end_ends_the_connection() {
    let server = Server::start(secure()).await;
    let mut client = Rude::begun(&server).await;
    assert!(client.send(&frame(HEADERS, 0, 1, &sound())).await);
    let more = frame(CONTINUATION, 0, 1, &block(&[("a", "b")]).repeat(100));
    let mut sent = 0;
    while sent < 10_000 && client.send(&more).await {
        sent += 1;
    }
    assert!(sent < 10_000, "the server takes it all");
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn more_streams_than_may_be_at_once_are_refused() {
    let connections = ConnectionLimits { streams: 3, ..secure().connections };
    let server = Server::start(Options { connections, pause: Duration::from_millis(300), ..secure() }).await;
    let mut client = Rude::begun(&server).await;
    for stream in [1, 3, 5, 7] {
        let asked = frame(HEADERS, END_HEADERS, stream, &sound());
        assert!(client.send(&[asked, frame(DATA, 1, stream, ENVELOPE.as_bytes())].concat()).await);
    }
    let frames = client.rest().await;
    // What comes for it afterwards is for a stream that is closed.
    let refused: Vec<_> = frames.iter().filter(|frame| frame.kind == RST_STREAM).collect();
    assert!(refused.iter().all(|frame| frame.stream == 7), "{frames:?}");
    assert_eq!(refused.first().map(|frame| frame.code()), Some(Reason::REFUSED_STREAM.into()));
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn an_idle_connection_is_told_that_it_ends() {
    let server = Server::start(secure()).await;
    let mut client = Rude::begun(&server).await;
    let request = [frame(HEADERS, END_HEADERS, 1, &sound()), frame(DATA, 1, 1, ENVELOPE.as_bytes())].concat();
    assert!(client.send(&request).await);
    let frames = client.rest().await;
    let ended = frames.iter().find(|frame| frame.kind == GOAWAY).expect("no word that it ends");
    assert_eq!(ended.code(), 0);
}

#[tokio::test]
async fn a_drain_answers_what_is_in_flight_and_takes_nothing_new() {
    let mut server = Server::start(Options { pause: Duration::from_millis(200), ..secure() }).await;
    let idle = client(&server, &Builder::new()).await;
    assert_eq!(ask(&idle, request("/", &[])).await.unwrap().0, 200);
    let busy = client(&server, &Builder::new()).await;
    let asked = tokio::spawn({
        let busy = busy.clone();
        async move { ask(&busy, request("/", &[])).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.take().unwrap().send(()).unwrap();
    assert_eq!(asked.await.unwrap().unwrap().0, 200);
    let refused = ask(&busy, request("/", &[])).await.unwrap_err();
    assert!(refused.is_go_away() || refused.is_io() || refused.reason() == Some(Reason::REFUSED_STREAM), "{refused}");
    assert_eq!(server.task.await.unwrap(), 0, "no connection had to be cut");
}

#[tokio::test]
async fn without_tls_nothing_of_it_is_spoken() {
    let server = Server::start(serving::options()).await;
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    assert_eq!(server.say(hello).await, "", "h2c with prior knowledge");
    let upgrade = "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let upgrade = whole("/").replace("Connection: close\r\n", upgrade);
    assert!(server.say(upgrade).await.starts_with("HTTP/1.1 200 "), "h2c by upgrade is passed over");
}
