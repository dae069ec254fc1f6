//! Keys, passwords and guesses at them, through a gateway in this process: what waits for whom, what is paid once, and what
//! a client is told.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use nuncio::clock::Clock;
use nuncio::config::{
    Backend, Configuration, ConnectionLimits, ContractSettings, Endpoint, Identity, Keeping, Lifetimes,
    ListenerSettings, MessageLimits, Origin, Protection, RoutePath, RouteSettings, Said, StoreKind, StoreLimits,
    Timeouts,
};
use nuncio::gateway::{Gateway, Parts, Route, bind, serve};
use nuncio::handover::Binding;
use nuncio::identity::Telling;
use nuncio::keyring;
use nuncio::listen::{Side, unchanging};
use nuncio::metrics::Traffic;
use nuncio::pool::Pool;
use nuncio::random::{Draw, Entropy};
use nuncio::service::Echo;
use nuncio::users::{Checked, Keep, User, Users};
use nuncio::world::World;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::password_hash::PasswordHash;
use nuncio_crypto::secret::Secret;
use nuncio_policy::authorise::Authorisation;
use nuncio_policy::model::{PasswordKind, Token};
use nuncio_policy::preset::{self, Preset};
use nuncio_wss::{
    Context, Expectation, Faults, Freshness, HttpFacts, Initiator, InitiatorSettings, Outbound, PolicyReading, Time,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const START: i64 = 1_780_272_000_000;
/// Of `U*U`.
const HASH: &str = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const PER_MESSAGE: &str = "wcf-ws2007-userNameForCertificate";
const CONVERSATION: &str = "wcf-ws2007-userNameForCertificate-conversation";
/// Users sign with keys of their passwords.
const ENDORSING: &str = "wcf-ws2007-userNameOverTransport";

fn preset(name: &str) -> Preset {
    let mut preset = preset::named(name).unwrap();
    if name == ENDORSING {
        let supporting = &mut preset.policy.supporting[0];
        (supporting.signed, supporting.endorsing) = (false, true);
        let Token::Username(token) = &mut supporting.token else { panic!("no user name") };
        token.password = PasswordKind::None;
    }
    preset
}

fn key(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/keys").join(name)).unwrap()
}

fn certificate() -> Certificate {
    Certificate::from_pem(&key("server.pem")).unwrap().remove(0)
}

/// A gateway with one route, its clock in the test's hands.
struct Served {
    preset: &'static str,
    url: String,
    hands: Arc<AtomicI64>,
    world: Arc<World>,
    users: Arc<Users>,
}

fn listener(behind: &[&str]) -> ListenerSettings {
    let tls_terminated_by = behind.iter().map(|range| range.parse().unwrap()).collect();
    ListenerSettings {
        address: Said::flag("listen", "127.0.0.1:0".to_owned()),
        protection: Protection::Clear { tls_terminated_by },
        binding: Binding::default(),
        side: Side::Ingress,
        certificates: Vec::new(),
    }
}

/// A plain service; where it is.
async fn echo() -> String {
    let plain = bind(&listener(&[])).await.unwrap();
    let url = format!("http://{}/echo", plain.socket.local_addr().unwrap());
    let limits = MessageLimits::default();
    tokio::spawn(serve(Parts {
        listeners: vec![plain],
        routes: vec![Route {
            side: Side::Ingress,
            hosts: Vec::new(),
            path: RoutePath::Any,
            contract: None,
            body_bytes: limits.body_bytes,
            handler: Echo::new(limits),
        }],
        connections: ConnectionLimits::default(),
        timeouts: Timeouts::default(),
        traffic: Traffic::default(),
        changes: unchanging(),
        ready: || {},
        shutdown: std::future::pending(),
    }));
    url
}

async fn start(preset: &'static str, behind: &[&str], pool: Option<Pool>) -> Served {
    start_before(&echo().await, Lifetimes::default(), preset, behind, pool, Keeping::default()).await
}

async fn start_before(
    backend: &str,
    lifetimes: Lifetimes,
    preset: &'static str,
    behind: &[&str],
    pool: Option<Pool>,
    keeping: Keeping,
) -> Served {
    let store = if keeping.ring.is_some() { StoreKind::Cookie } else { StoreKind::Memory };
    let limits = MessageLimits::default();
    let policy = self::preset(preset);
    let (keep, password) = if preset == ENDORSING {
        (Keep::Readable, Checked::Password(Secret::from(&b"U*U"[..])))
    } else {
        (Keep::Hashed, Checked::Hash(PasswordHash::parse(HASH).ok().unwrap()))
    };
    let alice = User { name: "alice".into(), password, roles: Vec::new() };
    let users = Arc::new(Users::of(keep, [alice]));
    let configuration = Configuration {
        listeners: vec![listener(behind)],
        routes: vec![RouteSettings {
            hosts: Vec::new(),
            path: RoutePath::Any,
            backend: Backend::new(backend.parse().unwrap()),
            endpoint: Endpoint {
                name: policy.name.to_owned(),
                soap: policy.soap.to_vec(),
                alternatives: vec![policy.policy],
                operations: Vec::new(),
                message_lifetime: None,
                identity: None,
            },
            contract: ContractSettings::None,
            identities: vec![Identity::new(certificate(), Secret::new(key("server.key"))).unwrap()],
            users: Arc::clone(&users),
            trust: nuncio_crypto::trust::Settings::default(),
            telling: Telling::default(),
            by_action: Vec::new(),
            faults: Faults::Whole,
            authorisation: Authorisation::default(),
            addresses: Vec::new(),
            forward_addressing: false,
            trace: false,
            store,
            limits,
            origin: Origin::Flag("test"),
        }],
        egress: Vec::new(),
        admin: None,
        tracing: None,
        connections: ConnectionLimits {
            per_peer: 10_000,
            requests_per_peer: 10_000,
            requests: 10_000,
            ..ConnectionLimits::default()
        },
        stores: StoreLimits::default(),
        keeping: Keeping::default(),
        lifetimes,
        timeouts: Timeouts::default(),
        files: Vec::new(),
    };
    let hands = Arc::new(AtomicI64::new(START));
    let clock = Clock::given(Arc::clone(&hands));
    let mut world = World::new(clock, Entropy::system(), &configuration.stores);
    if let Some(pool) = pool {
        world.private_keys = pool;
    }
    let world = Arc::new(world.with(&keeping).await.unwrap());
    let gateway = Gateway::build(configuration, &world).unwrap();
    let sockets = gateway.bind().await.unwrap();
    let url = format!("http://{}/echo", sockets.listeners[0].socket.local_addr().unwrap());
    tokio::spawn(gateway.serve(sockets, unchanging(), || {}, std::future::pending()));
    Served { preset, url, hands, world, users }
}

impl Served {
    /// Whoever comes from that address, with that password.
    fn client(&self, from: &str, password: &str) -> Client {
        let policy = preset(self.preset);
        let initiator = Initiator::new(InitiatorSettings {
            alternatives: vec![policy.policy],
            soap: policy.soap[0],
            operations: Vec::new(),
            service: Some(certificate()),
            username: Some(("alice".to_owned(), password.to_owned())),
            credential: None,
            to: self.url.clone(),
            reading: PolicyReading::default(),
            freshness: Freshness { skew: Duration::from_mins(1), window: Duration::from_mins(5) },
            message_lifetime: Duration::from_mins(5),
            limits: MessageLimits::default().message(),
        });
        let from: IpAddr = from.parse().unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).local_address(from).build().unwrap();
        Client {
            initiator: initiator.unwrap(),
            http,
            url: self.url.clone(),
            hands: Arc::clone(&self.hands),
            random: Entropy::system().draw(),
            forwarded_for: None,
        }
    }

    fn measured(&self, row: &str) -> String {
        let text = self.world.measured().unwrap();
        let found = text.lines().find(|line| line.starts_with(row));
        found.unwrap_or_else(|| panic!("no {row} in {text}")).to_owned()
    }

    fn pass(&self, seconds: i64) {
        self.hands.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

struct Client {
    initiator: Initiator,
    http: reqwest::Client,
    url: String,
    hands: Arc<AtomicI64>,
    random: Draw,
    forwarded_for: Option<&'static str>,
}

struct Answer {
    status: u16,
    retry: Option<String>,
    content_type: String,
    body: Vec<u8>,
}

impl Client {
    fn now(&self) -> Time {
        Time::from_millis(self.hands.load(Ordering::Relaxed))
    }

    fn seal(&mut self, context: Option<&Arc<Context>>) -> (Outbound, Expectation) {
        let plain = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>\
                     <Echo xmlns=\"http://nuncio.example/echo\"><text>hello</text></Echo></s:Body></s:Envelope>";
        let now = self.now();
        let action = "http://nuncio.example/echo/IEcho/Echo";
        self.initiator.seal(plain.into(), action, context, now, &mut self.random).unwrap()
    }

    async fn send(&self, request: &Outbound) -> Answer {
        let mut post = self.http.post(&self.url).header("Content-Type", &request.content_type);
        if let Some(address) = self.forwarded_for {
            post = post.header("X-Forwarded-For", address);
        }
        let response = post.body(request.body.clone()).send().await.unwrap();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, retry, content_type) = (response.status().as_u16(), header("Retry-After"), header("Content-Type"));
        let body = response.bytes().await.unwrap().to_vec();
        Answer { status, retry, content_type: content_type.unwrap_or_default(), body }
    }

    /// One call with a password; whether it was answered.
    async fn calls(&mut self) -> Answer {
        let (request, _) = self.seal(None);
        self.send(&request).await
    }

    /// Asks for a conversation, and says so in HTTP or does not.
    async fn asks_saying(&mut self, said: bool) -> Answer {
        let (mut request, _) = self.initiator.issue(self.now(), &mut self.random).unwrap();
        let action = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/SCT";
        let said = if said { format!("; action=\"{action}\"") } else { String::new() };
        request.content_type = format!("application/soap+xml; charset=utf-8{said}");
        self.send(&request).await
    }

    async fn renews(&mut self, context: &Arc<Context>) -> Result<Arc<Context>, Answer> {
        let (request, expectation) = self.initiator.renew(context, self.now(), &mut self.random).unwrap();
        self.established(&request, &expectation).await
    }

    async fn asks(&mut self) -> Result<Arc<Context>, Answer> {
        let (request, expectation) = self.initiator.issue(self.now(), &mut self.random).unwrap();
        self.established(&request, &expectation).await
    }

    async fn established(&mut self, request: &Outbound, expectation: &Expectation) -> Result<Arc<Context>, Answer> {
        let answer = self.send(request).await;
        if answer.status != 200 {
            return Err(answer);
        }
        let http = HttpFacts { content_type: &answer.content_type, soap_action: None };
        let opening = self.initiator.open(&http, answer.body.clone(), expectation, self.now()).unwrap();
        Ok(Arc::new(self.initiator.established(&opening, expectation, self.now()).unwrap()))
    }
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_hash_is_paid_once_for_a_conversation_and_for_minutes_of_messages() {
    let served = start(CONVERSATION, &[], None).await;
    let mut client = served.client("127.0.0.1", "U*U");
    let context = client.asks().await.unwrap_or_else(|_| panic!("not issued"));
    assert_eq!(served.users.hashed(), 1);
    for _ in 0..5 {
        let (request, _) = client.seal(Some(&context));
        assert_eq!(client.send(&request).await.status, 200);
        served.pass(100);
    }
    assert_eq!(served.users.hashed(), 1);

    let served = start(PER_MESSAGE, &[], None).await;
    let mut client = served.client("127.0.0.1", "U*U");
    for (pass, hashed) in [(0, 1), (100, 1), (199, 1), (1, 2), (299, 2), (1, 3)] {
        served.pass(pass);
        assert_eq!(client.calls().await.status, 200);
        assert_eq!(served.users.hashed(), hashed, "{pass}");
    }
}

/// The answers to a wrong password and to one that is not looked at are the same octets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tk_01_guesses_are_slowed_where_they_come_from() {
    let served = start(PER_MESSAGE, &[], None).await;
    let mut alice = served.client("127.0.0.1", "U*U");
    assert_eq!(alice.calls().await.status, 200);
    let (seen, _) = alice.seal(None);
    assert_eq!(alice.send(&seen).await.status, 200);

    // Who sends what he saw again is no more than a guesser.
    let mut eve = served.client("127.0.0.2", "guess");
    assert_eq!(eve.send(&seen).await.status, 500);
    let text = |answer: &Answer| String::from_utf8(answer.body.clone()).unwrap();
    let without_ids = |text: &str| {
        let at = text.find("RelatesTo").map_or(text.len(), |at| at);
        (text[..at].to_owned(), text[at..].split_once("</").map(|(_, rest)| rest.to_owned()))
    };
    let first = eve.calls().await;
    assert_eq!(first.status, 500);
    assert!(text(&first).contains("FailedAuthentication"), "{}", text(&first));
    let hashed = served.users.hashed();
    for _ in 0..30 {
        let answer = eve.calls().await;
        assert_eq!((answer.status, without_ids(&text(&answer))), (500, without_ids(&text(&first))));
    }
    assert_eq!(served.users.hashed() - hashed, 9, "ten in all were looked at");
    assert!(served.measured("nuncio_passwords_throttled_total{route=\"*\"}").ends_with(" 21"));
    let mut lucky = served.client("127.0.0.2", "U*U");
    let answer = lucky.calls().await;
    assert_eq!((answer.status, without_ids(&text(&answer))), (500, without_ids(&text(&first))));
    assert_eq!(alice.calls().await.status, 200, "she is not slowed");
    served.pass(12);
    assert_eq!(lucky.calls().await.status, 200, "nor is anybody for long");
}

/// A signature by a key of a password is a try at the password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tk_01_guesses_that_sign_are_slowed_as_others() {
    let served = start(ENDORSING, &["127.0.0.0/8"], None).await;
    let mut alice = served.client("127.0.0.1", "U*U");
    assert_eq!(alice.calls().await.status, 200);
    let mut eve = served.client("127.0.0.2", "guess");
    for _ in 0..13 {
        assert_eq!(eve.calls().await.status, 500);
    }
    assert!(served.measured("nuncio_passwords_throttled_total{route=\"*\"}").ends_with(" 3"), "ten were looked at");
    let mut lucky = served.client("127.0.0.2", "U*U");
    assert_eq!(lucky.calls().await.status, 500);
    assert_eq!(alice.calls().await.status, 200, "she is not slowed");
    served.pass(12);
    assert_eq!(lucky.calls().await.status, 200, "nor is anybody for long");
}

/// Behind a proxy that takes TLS off its word counts, and nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tk_01_a_proxy_says_whose_guesses_it_brings() {
    for (behind, looked) in [(&["127.0.0.1"][..], 20), (&[][..], 10)] {
        let served = start(PER_MESSAGE, behind, None).await;
        for from in ["192.0.2.1", "10.0.0.1, 192.0.2.2"] {
            let mut client = served.client("127.0.0.1", "guess");
            client.forwarded_for = Some(from);
            for _ in 0..15 {
                assert_eq!(client.calls().await.status, 500);
            }
        }
        assert_eq!(served.users.hashed(), looked, "{behind:?}");
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
