//! Who waits for a private key, a slow hash or a held answer, and who does not.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use nuncio::pool::Pool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{CONVERSATION, PER_MESSAGE, start};

/// With every thread for private keys taken: conversations go on, what needs a key is told so at once and begins nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_do_not_wait_for_private_keys() {
    let served = start(CONVERSATION, &[], Some(Pool::new(1, 0))).await;
    let mut client = served.client("127.0.0.1", "U*U");
    let context = client.asks().await.unwrap_or_else(|_| panic!("not issued"));
    let (let_go, held) = mpsc::channel::<()>();
    let (begun, starting) = mpsc::channel();
    let world = Arc::clone(&served.world);
    let work = tokio::spawn(async move {
        let wait = move || {
            begun.send(()).unwrap();
            held.recv()
        };
        world.private_keys.run(wait).await.unwrap().unwrap();
    });
    tokio::task::spawn_blocking(move || starting.recv().unwrap()).await.unwrap();

    for _ in 0..3 {
        let (request, _) = client.seal(Some(&context));
        assert_eq!(client.send(&request).await.status, 200);
    }
    for said in [true, false] {
        let busy = client.asks_saying(said).await;
        assert_eq!((busy.status, busy.retry.as_deref(), busy.body.len()), (503, Some("5"), 0));
    }
    let counted =
        |kind: &str| served.measured(&format!("nuncio_requests_total{{route=\"*\",kind=\"{kind}\",outcome=\"busy\"}}"));
    assert!(counted("unread").ends_with(" 1"), "HTTP said what it asks for");
    assert!(counted("issue").ends_with(" 1"), "HTTP did not say it, the message does");

    let_go.send(()).unwrap();
    work.await.unwrap();
    assert!(client.asks().await.is_ok());
}

/// A request that would wait in vain is turned away before its body has come; if it has, its connection is good for the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_turned_away_need_not_have_sent_his_message() {
    let served = start(PER_MESSAGE, &[], Some(Pool::new(1, 0))).await;
    let (let_go, held) = mpsc::channel::<()>();
    let world = Arc::clone(&served.world);
    let work = tokio::spawn(async move { world.private_keys.run(move || held.recv()).await.unwrap() });
    while !served.world.private_keys.is_full() {
        tokio::task::yield_now().await;
    }
    let address = served.url.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    let request = format!(
        "POST /echo HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/soap+xml\r\nContent-Length: 4\r\n\r\n"
    );
    let mut early = TcpStream::connect(&address).await.unwrap();
    early.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(status(&mut early).await, 503);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let message = request + "<a/>";
    stream.write_all(message.as_bytes()).await.unwrap();
    assert_eq!(status(&mut stream).await, 503);
    let_go.send(()).unwrap();
    assert!(work.await.unwrap().is_ok());

    stream.write_all(message.as_bytes()).await.unwrap();
    assert_eq!(status(&mut stream).await, 500, "it is looked at, and is no message");
}

/// The status of the next answer on a connection, of which the head is read.
async fn status(stream: &mut TcpStream) -> u16 {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

/// More requests than are worked on at once, on whatever machine.
fn many() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from) * 16 + 8
}

/// Those who wait for a thread or whose answer is held back have no turn meanwhile: others are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_private_key_keeps_nobody_else_waiting() {
    let served = start(CONVERSATION, &[], Some(Pool::new(1, 100_000))).await;
    let mut client = served.client("127.0.0.1", "U*U");
    let context = client.asks().await.unwrap_or_else(|_| panic!("not issued"));
    let (let_go, held) = mpsc::channel::<()>();
    let world = Arc::clone(&served.world);
    let work = tokio::spawn(async move { world.private_keys.run(move || held.recv()).await.unwrap() });
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..many() {
        let mut client = served.client("127.0.0.1", "U*U");
        waiting.spawn(async move { client.asks().await.map_err(|answer| answer.status) });
    }
    while !served.measured("nuncio_requests_in_flight").ends_with(&format!(" {}", many())) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let (request, _) = client.seal(Some(&context));
    assert_eq!(client.send(&request).await.status, 200);

    let_go.send(()).unwrap();
    assert!(work.await.unwrap().is_ok());
    while let Some(asked) = waiting.join_next().await {
        assert!(asked.unwrap().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tk_01_who_is_held_back_keeps_nobody_else_waiting() {
    let served = start(PER_MESSAGE, &[], None).await;
    assert_eq!(served.client("127.0.0.1", "U*U").calls().await.status, 200);
    for _ in 0..10 {
        assert_eq!(served.client("127.0.0.1", "guess").calls().await.status, 500);
    }
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..many() {
        let mut client = served.client("127.0.0.1", "guess");
        guesses.spawn(async move { client.calls().await.status });
    }
    while let Some(status) = guesses.join_next().await {
        assert_eq!(status.unwrap(), 500, "looked at, and not turned away for want of a turn");
    }
}
