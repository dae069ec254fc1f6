//! Keys, passwords and guesses at them, through a gateway in this process: what waits for whom, what is paid once, and what
//! a client is told.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod conversations;
mod guesses;
mod waiting;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
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
