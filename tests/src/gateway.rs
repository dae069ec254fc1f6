//! A gateway in this process, through the entry that `nuncio proxy` uses, with its clock and its numbers in a test's
//! hands and its log at hand.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use nuncio::clock::Clock;
use nuncio::config::{
    Backend, Configuration, ConnectionLimits, ContractSettings, Endpoint, Identity, Keeping, Lifetimes,
    ListenerSettings, MessageLimits, Origin, Protection, RoutePath, RouteSettings, Said, StoreKind, StoreLimits,
    Timeouts,
};
use nuncio::gateway::Gateway;
use nuncio::handover::Binding;
use nuncio::identity::Telling;
use nuncio::listen::{Side, unchanging};
use nuncio::random::Entropy;
use nuncio::route::RouteProblem;
use nuncio::users::{Keep, Users};
use nuncio::world::World;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_policy::authorise::Authorisation;
use tokio::sync::oneshot;

/// What a test's gateway is to be.
pub struct Settings {
    /// The policy and the contract.
    pub endpoint: Endpoint,
    /// The service's certificate and its key, as PEM.
    pub identity: (String, String),
    /// Users and their passwords.
    pub users: Vec<(String, String)>,
    /// Clients' certificates that are trusted, as PEM.
    pub trust: Vec<String>,
    /// The addresses that are ours; any where there are none.
    pub addresses: Vec<String>,
    /// Whether what comes from this machine counts as what was inside TLS.
    pub inside_tls: bool,
    /// The URL of the plain service.
    pub backend: String,
    /// What it may keep.
    pub stores: StoreLimits,
    /// Where its route keeps conversations.
    pub store: StoreKind,
    /// What there is to keep them in, beside its memory.
    pub keeping: Keeping,
    /// What time it is when it starts: milliseconds since 1970.
    pub now: i64,
}

/// A gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// Its policy asks for what is not built yet.
    #[error("{0}")]
    NotBuilt(String),
    /// Something else is wrong.
    #[error("{0}")]
    Wrong(String),
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` has it")]
fn wrong(error: impl ToString) -> NotStarted {
    NotStarted::Wrong(error.to_string())
}

/// A gateway that serves; it ends when this is dropped.
pub struct Running {
    address: SocketAddr,
    hands: Arc<AtomicI64>,
    numbers: Numbers,
    log: Log,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a gateway with one route for every path on a free port.
    pub fn start(settings: Settings) -> Result<Self, NotStarted> {
        let (hands, numbers, log) = (Arc::new(AtomicI64::new(settings.now)), Numbers::default(), Log::default());
        let configuration = configuration(settings)?;
        let clock = Clock::given(Arc::clone(&hands));
        let world = World::new(clock, Entropy::given(numbers.clone()), &configuration.stores);
        let (started, starting) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer({
                let log = log.clone();
                move || log.clone()
            })
            .finish();
        // One thread for all that a gateway does, so that what it logs is known to be its own.
        let thread = std::thread::spawn(move || {
            tracing::subscriber::with_default(subscriber, || run(configuration, world, &started, stopped));
        });
        let address = starting.recv().map_err(|_| wrong("its thread ended"))??;
        Ok(Self { address, hands, numbers, log, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/echo", self.address)
    }

    /// Sets its clock: milliseconds since 1970.
    pub fn set_clock(&self, millis: i64) {
        self.hands.store(millis, Ordering::Relaxed);
    }

    /// What time its clock shows: milliseconds since 1970.
    pub fn clock(&self) -> i64 {
        self.hands.load(Ordering::Relaxed)
    }

    /// The octets that it draws next, before its numbers go on; what was told before and not drawn is forgotten.
    pub fn foretell(&self, octets: &[u8]) {
        self.numbers.lock().told = octets.iter().copied().collect();
    }

    /// How many of the foretold octets were not drawn.
    pub fn untold(&self) -> usize {
        self.numbers.lock().told.len()
    }

    /// The lines that it logged since the last time that this was called.
    pub fn take_log(&self) -> Vec<String> {
        let octets = std::mem::take(&mut *lock(&self.log.0));
        String::from_utf8_lossy(&octets).lines().map(str::to_owned).collect()
    }
}

impl Running {
    /// Ends it.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(
    configuration: Configuration,
    world: World,
    started: &mpsc::Sender<Result<SocketAddr, NotStarted>>,
    stopped: oneshot::Receiver<()>,
) {
    let serve = async {
        let world = Arc::new(world.with(&configuration.keeping).await.map_err(wrong)?);
        let gateway = Gateway::build(configuration, &world).map_err(|error| match error.problem {
            RouteProblem::NotBuilt { .. } => NotStarted::NotBuilt(error.to_string()),
            _ => wrong(error),
        })?;
        let sockets = gateway.bind().await.map_err(wrong)?;
        let bound = sockets.listeners.first().ok_or_else(|| wrong("it has no listener"))?;
        let address = bound.socket.local_addr().map_err(wrong)?;
        let ready = || {
            let _ = started.send(Ok(address));
        };
        let until = async {
            let _ = stopped.await;
        };
        gateway.serve(sockets, unchanging(), ready, until).await;
        Ok(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong);
    if let Err(error) = runtime.and_then(|runtime| runtime.block_on(serve)) {
        let _ = started.send(Err(error));
    }
}

fn configuration(settings: Settings) -> Result<Configuration, NotStarted> {
    let certificate = |pem: &String| {
        let mut certificates = Certificate::from_pem(pem.as_bytes()).map_err(wrong)?;
        certificates.pop().ok_or_else(|| wrong("a certificate is missing"))
    };
    let (own, key) = &settings.identity;
    let identity = Identity::new(certificate(own)?, Secret::from(key.as_bytes())).map_err(wrong)?;
    let tls_terminated_by = if settings.inside_tls { vec!["127.0.0.1/32".parse().map_err(wrong)?] } else { Vec::new() };
    let users = settings.users.into_iter().map(|(name, password)| (name, Secret::from(password.as_bytes())));
    let keep = if settings.endpoint.hashes_passwords() { Keep::Readable } else { Keep::Hashed };
    let route = RouteSettings {
        hosts: Vec::new(),
        path: RoutePath::Any,
        by_action: Vec::new(),
        faults: nuncio_wss::Faults::Whole,
        backend: Backend::new(settings.backend.parse().map_err(wrong)?),
        endpoint: settings.endpoint,
        contract: ContractSettings::None,
        identities: vec![identity],
        users: Arc::new(Users::kept(keep, users)),
        trust: nuncio_crypto::trust::Settings {
            certificates: settings.trust.iter().map(certificate).collect::<Result<_, _>>()?,
            ..nuncio_crypto::trust::Settings::default()
        },
        telling: Telling::default(),
        authorisation: Authorisation::default(),
        addresses: settings.addresses,
        forward_addressing: false,
        trace: false,
        store: settings.store,
        limits: MessageLimits::default(),
        origin: Origin::Flag("test"),
    };
    Ok(Configuration {
        listeners: vec![ListenerSettings {
            address: Said::flag("listen", "127.0.0.1:0".to_owned()),
            binding: Binding::default(),
            side: Side::Ingress,
            protection: Protection::Clear { tls_terminated_by },
            certificates: Vec::new(),
        }],
        routes: vec![route],
        egress: Vec::new(),
        admin: None,
        tracing: None,
        connections: ConnectionLimits::default(),
        stores: settings.stores,
        keeping: settings.keeping,
        // The recorded services gave each conversation its whole lifetime.
        lifetimes: Lifetimes { jitter: 0, ..Lifetimes::default() },
        timeouts: Timeouts::default(),
        files: Vec::new(),
    })
}

/// Numbers that are the same in every run, but for those that are foretold. All clones draw from one source.
#[derive(Clone, Default)]
pub struct Numbers(Arc<Mutex<Source>>);

#[derive(Default)]
struct Source {
    told: VecDeque<u8>,
    state: u64,
}

impl Numbers {
    fn lock(&self) -> MutexGuard<'_, Source> {
        lock(&self.0)
    }
}

impl Random for Numbers {
    fn fill(&mut self, out: &mut [u8]) {
        let mut source = self.lock();
        for octet in out {
            *octet = source.told.pop_front().unwrap_or_else(|| {
                // Knuth's generator: good enough to give other octets each time.
                source.state =
                    source.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                source.state.to_be_bytes()[0]
            });
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
