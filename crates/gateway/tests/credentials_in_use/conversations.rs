//! Conversations and the keys that are theirs, until they end.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nuncio::clock::Clock;
use nuncio::config::{Configuration, Keeping, Lifetimes};
use nuncio::gateway::Gateway;
use nuncio::keyring;
use nuncio::listen::unchanging;
use nuncio::random::Entropy;
use nuncio::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{CONVERSATION, Client, START, echo, key, start, start_before};

/// As many new keys of a conversation wait for their first use as WCF has it; once one is used the others are over, and the
/// old one goes on for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_that_nobody_uses_are_few() {
    let served = start(CONVERSATION, &[], None).await;
    let mut client = served.client("127.0.0.1", "U*U");
    let first = client.asks().await.unwrap_or_else(|_| panic!("not issued"));
    let mut renewed = Vec::new();
    for _ in 0..5 {
        renewed.push(client.renews(&first).await.unwrap_or_else(|_| panic!("not renewed")));
    }
    assert!(client.renews(&first).await.is_err_and(|answer| answer.status == 500));
    assert!(served.measured("nuncio_requests_total{route=\"*\",kind=\"renew\",outcome=\"busy\"}").ends_with(" 1"));
    served.pass(121);
    for _ in 0..2 {
        renewed.push(
            client.renews(&first).await.unwrap_or_else(|_| panic!("what nobody used is over, and takes no place")),
        );
    }

    let calls = async |client: &mut Client, context| {
        let (request, _) = client.seal(Some(context));
        client.send(&request).await.status
    };
    assert_eq!(calls(&mut client, &renewed[6]).await, 200);
    assert_eq!(calls(&mut client, &renewed[5]).await, 500, "another of them is in use");
    assert_eq!(calls(&mut client, &renewed[0]).await, 500);
    assert_eq!(calls(&mut client, &first).await, 200, "messages may be on their way");
    served.pass(301);
    assert_eq!(calls(&mut client, &first).await, 500);
    assert_eq!(calls(&mut client, &renewed[6]).await, 200);
}

/// Whichever of its keys a conversation is cancelled with, and whoever keeps it: it is answered as cancelled, and is over under
/// each of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_is_cancelled_with_all_its_keys() {
    let ring = || Arc::new(keyring::read("ring.yaml", keyring::write(&mut Entropy::system().draw()).expose()).unwrap());
    for (kept, with_new, used) in
        [(false, false, false), (false, true, false), (false, true, true), (true, false, false), (true, true, true)]
    {
        let keeping = Keeping { ring: kept.then(ring), ..Keeping::default() };
        let served = start_before(&echo().await, Lifetimes::default(), CONVERSATION, &[], None, keeping).await;
        let mut client = served.client("127.0.0.1", "U*U");
        let first = client.asks().await.unwrap_or_else(|_| panic!("not issued"));
        let second = client.renews(&first).await.unwrap_or_else(|_| panic!("not renewed"));
        if used {
            let (request, _) = client.seal(Some(&second));
            assert_eq!(client.send(&request).await.status, 200);
        }
        let cancelled = if with_new { &second } else { &first };
        let (request, _) = client.initiator.cancel(cancelled, client.now(), &mut client.random).unwrap();
        assert_eq!(client.send(&request).await.status, 200, "{kept} {with_new} {used}");
        for context in [&first, &second] {
            let (request, _) = client.seal(Some(context));
            assert_eq!(client.send(&request).await.status, 500, "{kept} {with_new} {used}");
        }
    }
}

/// A conversation that its client keeps is in the cookie: a message with one that is none is refused, though its conversation was
/// opened here a moment ago.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_that_is_no_base64_is_refused() {
    let ring = keyring::read("ring.yaml", keyring::write(&mut Entropy::system().draw()).expose()).unwrap();
    let keeping = Keeping { ring: Some(Arc::new(ring)), ..Keeping::default() };
    let served = start_before(&echo().await, Lifetimes::default(), CONVERSATION, &[], None, keeping).await;
    let mut client = served.client("127.0.0.1", "U*U");
    let context = client.asks().await.unwrap_or_else(|_| panic!("not issued"));
    for (said, status) in
        [(None, 200), (Some("no base64!"), 500), (Some("AAA"), 500), (Some("AA\u{e9}A"), 500), (None, 200)]
    {
        let (mut request, _) = client.seal(Some(&context));
        let text = String::from_utf8(request.body).unwrap();
        let from = text.find("Cookie").map(|at| at + text[at..].find('>').unwrap() + 1).unwrap();
        let to = from + text[from..].find('<').unwrap();
        let cookie = said.unwrap_or(&text[from..to]);
        request.body = format!("{}{cookie}{}", &text[..from], &text[to..]).into_bytes();
        let answer = client.send(&request).await;
        let body = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, status, "{said:?}: {body}");
        assert!(status == 200 || body.contains("InvalidSecurity<"), "{said:?}: {body}");
    }
}

/// The contract names the certificate that signs; where the time of none lasts, there is no contract, nor a gateway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_35_a_contract_names_the_certificate_that_is_active() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("active");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(repository.join("crates/policy/tests/data/cxf-mutual.wsdl"), folder.join("service.wsdl")).unwrap();
    std::fs::copy(repository.join("crates/crypto/tests/data/windows.pfx"), folder.join("new.pfx")).unwrap();
    for name in ["server.pem", "server.key", "client.pem"] {
        std::fs::write(folder.join(name), key(name)).unwrap();
    }
    let said = "listeners: [{ address: '127.0.0.1:0' }]
routes:
  - path: /echo
    backend: http://127.0.0.1:9/echo
    wsdl: service.wsdl
    trust: [client.pem]
    certificates:
      - { certificate: server.pem, key: server.key, retire: 2026-06-03T00:00:00Z }
      - { pfx: new.pfx, activate: 2026-06-02T00:00:00Z, retire: 2026-06-04T00:00:00Z }
";
    std::fs::write(folder.join("nuncio.yaml"), said).unwrap();
    let load = || Configuration::load(&folder.join("nuncio.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let configuration = load();
    let der = configuration.routes[0].identities.iter().map(|identity| identity.certificate.der());
    let known: Vec<String> = der.map(nuncio_crypto::base64::encode).collect();
    let hands = Arc::new(AtomicI64::new(START));
    let clock = Clock::given(Arc::clone(&hands));
    let world = Arc::new(World::new(clock, Entropy::system(), &configuration.stores));
    let gateway = Gateway::build(configuration, &world).unwrap();
    let sockets = gateway.bind().await.unwrap();
    let url = format!("http://{}/echo?wsdl", sockets.listeners[0].socket.local_addr().unwrap());
    tokio::spawn(gateway.serve(sockets, unchanging(), || {}, std::future::pending()));
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    for (day, named) in [(0, Some(0)), (1, Some(1)), (2, Some(1)), (3, None)] {
        hands.store(START + day * 86_400_000, Ordering::Relaxed);
        let answer = http.get(&url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), if named.is_some() { 200 } else { 503 }, "day {day}");
        let text = answer.text().await.unwrap().replace(char::is_whitespace, "");
        let found: Vec<bool> = known.iter().map(|certificate| text.contains(certificate)).collect();
        assert_eq!(found, [named == Some(0), named == Some(1)], "day {day}");
    }
    let refused = Gateway::build(load(), &world).map(drop).unwrap_err().to_string();
    assert!(refused.contains("none of its certificates is active at 2026-06-04T00:00:00"), "{refused}");
}

/// A service that takes so many seconds for each answer, by the clock in the test's hands.
async fn slow(hands: &Arc<Mutex<Option<Arc<AtomicI64>>>>, seconds: i64) -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/echo", socket.local_addr().unwrap());
    let hands = Arc::clone(hands);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"Envelope>") {
                assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
            }
            hands.lock().unwrap().as_ref().unwrap().fetch_add(seconds * 1000, Ordering::Relaxed);
            let body = "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body/></s:Envelope>";
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/soap+xml\r\nContent-Length:";
            stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        }
    });
    url
}

/// It is idle from its last answer on, however long that took.
#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_in_which_nothing_is_said_ends() {
    let hands = Arc::default();
    let backend = slow(&hands, 50).await;
    let lifetimes = Lifetimes { idle: Some(Duration::from_mins(1)), ..Lifetimes::default() };
    let served = start_before(&backend, lifetimes, CONVERSATION, &[], None, Keeping::default()).await;
    *hands.lock().unwrap() = Some(Arc::clone(&served.hands));
    let mut alice = served.client("127.0.0.1", "U*U");
    let context = alice.asks().await.ok().unwrap();
    for (idle, status) in [(100, 200), (1, 200), (59, 200), (60, 500)] {
        served.pass(idle);
        let (request, _) = alice.seal(Some(&context));
        assert_eq!(alice.send(&request).await.status, status, "after {idle} s");
    }
}
