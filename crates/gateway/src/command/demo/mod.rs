//! `nuncio demo`: a plain service, a gateway in front of it and a client, in one process, with a word on each step.

mod client;
mod show;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use hyper::HeaderMap;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::secret::Secret;
use nuncio_policy::authorise::Authorisation;
use nuncio_policy::preset::{self, Preset};
use tokio::sync::watch;

use self::client::Client;
use self::show::Show;
use super::keys::{Issued, Subject, Validity};
use super::{Failed, drained, stopped};
use crate::clock::Clock;
use crate::config::{
    Backend, Configuration, ConnectionLimits, ContractSettings, Endpoint, Identity, Keeping, Lifetimes,
    ListenerSettings, MessageLimits, Origin, Protection, RoutePath, RouteSettings, Said, StoreKind, StoreLimits,
    Timeouts,
};
use crate::gateway::{Gateway, Handler, Parts, Route, bind, serve};
use crate::handover::Binding;
use crate::http::{Inbound, Outbound};
use crate::identity::Telling;
use crate::listen::{Side, unchanging};
use crate::log::Audit;
use crate::metrics::Traffic;
use crate::random::Entropy;
use crate::service::{Claimed, Echo};
use crate::users::Users;
use crate::world::World;

/// The policy of the demonstration: every message signed and encrypted, in a conversation that a user opens.
const PRESET: &str = "wcf-ws2007-userNameForCertificate-conversation";
const USER: &str = "alice";
const PASSWORD: &str = "wonderland-1865";

/// Shows a conversation: a gateway, a plain service and a client in one process
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// End after one round; the exit status tells whether every step did what it should
    #[arg(long)]
    once: bool,
    /// Where the gateway listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Failed> {
        let stopped = stopped()?;
        let show = Show::new();
        let (stop, stopping) = watch::channel(false);
        let until = |mut stopping: watch::Receiver<bool>| async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        };

        show.title("A plain service");
        let wire = Arc::new(Wire::default());
        let listener = bind(&listener("127.0.0.1:0")).await?;
        let service = format!("http://{}/echo", address(&listener.socket)?);
        Show::note(&format!("It speaks SOAP, and nothing of security: {service}"));
        let limits = MessageLimits::default();
        let plain = tokio::spawn(serve(Parts {
            listeners: vec![listener],
            routes: vec![Route {
                side: Side::Ingress,
                hosts: Vec::new(),
                path: RoutePath::Any,
                contract: None,
                body_bytes: limits.body_bytes,
                handler: Watched { echo: Echo::new(limits), wire: Arc::clone(&wire) },
            }],
            connections: ConnectionLimits::default(),
            timeouts: Timeouts::default(),
            traffic: Traffic::default(),
            changes: unchanging(),
            ready: || {},
            shutdown: until(stopping.clone()),
        }));

        show.title("A gateway in front of it");
        let start = Instant::now();
        let (certificate, key) = generate()?;
        show.step("a key and a certificate are generated", start.elapsed());
        let start = Instant::now();
        let preset = preset::named(PRESET).ok_or_else(|| Failed::Step(format!("no preset {PRESET}")))?;
        let configuration = configuration(&self.listen, &service, &preset, &certificate, key)?;
        let world = Arc::new(World::new(Clock::system(), Entropy::system(), &configuration.stores));
        let gateway = Gateway::build(configuration, &world)?;
        let sockets = gateway.bind().await?;
        let bound = sockets.listeners.first().ok_or_else(|| Failed::Step("no listener".to_owned()))?;
        let url = format!("http://{}/echo", address(&bound.socket)?);
        show.step("policy, keys and users are compiled", start.elapsed());
        Show::note(&format!("Policy {PRESET}: {}", preset.meaning));
        Show::note(&format!("Clients call {url}"));
        let secured = tokio::spawn(gateway.serve(sockets, unchanging(), || {}, until(stopping)));

        let told = Client::new(&url, preset, certificate)?.round(&show, &wire).await;
        if told.is_ok() && !self.once {
            super::ready();
            Show::note("It stays up until it is stopped (Ctrl-C).");
            stopped.await;
        }
        let _ = stop.send(true);
        let joined = |error: tokio::task::JoinError| Failed::Step(error.to_string());
        let cut = secured.await.map_err(joined)? + plain.await.map_err(joined)?;
        told?;
        drained(cut)
    }
}

/// What the plain service saw last.
#[derive(Default)]
struct Wire(Mutex<Option<Seen>>);

/// A request as the plain service saw it, and its answer.
struct Seen {
    request: Vec<u8>,
    headers: Vec<(&'static str, String)>,
    response: Vec<u8>,
}

impl Wire {
    fn take(&self) -> Option<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The plain service, with somebody who looks at its wire.
struct Watched {
    echo: Echo,
    wire: Arc<Wire>,
}

impl Handler for Watched {
    type Heard = Claimed;

    fn hear(headers: &HeaderMap) -> Claimed {
        Echo::hear(headers)
    }

    async fn handle(&self, request: Inbound, claimed: Claimed, audit: &mut Audit) -> Outbound {
        let body = request.body.clone();
        let headers = [
            ("Content-Type", Some(request.content_type.clone())),
            ("X-Nuncio-Principal", claimed.principal.clone()),
            ("X-Nuncio-Conversation", claimed.conversation.clone()),
        ];
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let answer = self.echo.handle(request, claimed, audit).await;
        let seen = Seen { request: body, headers, response: answer.body.clone() };
        *self.wire.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        answer
    }
}

fn address(socket: &tokio::net::TcpListener) -> Result<std::net::SocketAddr, Failed> {
    socket.local_addr().map_err(|error| Failed::Step(error.to_string()))
}

fn listener(address: &str) -> ListenerSettings {
    ListenerSettings {
        address: Said::flag("listen", address.to_owned()),
        binding: Binding::default(),
        side: Side::Ingress,
        protection: Protection::Clear { tls_terminated_by: Vec::new() },
        certificates: Vec::new(),
    }
}

/// A certificate of our own making, and its key in PEM.
fn generate() -> Result<(Certificate, Secret), Failed> {
    let fail = |error: &dyn std::fmt::Display| Failed::Step(format!("no key can be generated: {error}"));
    let validity = Validity { now: Clock::system().now(), lifetime: Duration::from_hours(24) };
    let issued = Issued::self_signed(&Subject::Service(&["localhost".to_owned()]), validity);
    let issued = issued.map_err(|error| fail(&error))?;
    let certificate = Certificate::from_der(issued.certificate_der().to_vec()).map_err(|error| fail(&error))?;
    Ok((certificate, issued.key_pem()))
}

fn configuration(
    listen: &str,
    service: &str,
    preset: &Preset,
    certificate: &Certificate,
    key: Secret,
) -> Result<Configuration, Failed> {
    let url = service.parse().map_err(|error| Failed::Step(format!("{service}: {error}")))?;
    let identity =
        Identity::new(certificate.clone(), key).map_err(|error| Failed::Step(format!("the generated key: {error}")))?;
    let route = RouteSettings {
        hosts: Vec::new(),
        path: RoutePath::Any,
        by_action: Vec::new(),
        faults: nuncio_wss::Faults::Whole,
        backend: Backend::new(url),
        endpoint: Endpoint {
            name: preset.name.to_owned(),
            soap: preset.soap.to_vec(),
            alternatives: vec![preset.policy.clone()],
            operations: Vec::new(),
            message_lifetime: None,
            identity: None,
        },
        contract: ContractSettings::None,
        identities: vec![identity],
        users: Arc::new(Users::new([(USER.to_owned(), Secret::from(PASSWORD.as_bytes()))])),
        trust: nuncio_crypto::trust::Settings::default(),
        telling: Telling::default(),
        authorisation: Authorisation::default(),
        addresses: Vec::new(),
        forward_addressing: false,
        trace: false,
        store: StoreKind::Memory,
        limits: MessageLimits::default(),
        origin: Origin::Flag("demo"),
    };
    Ok(Configuration {
        listeners: vec![listener(listen)],
        routes: vec![route],
        egress: Vec::new(),
        admin: None,
        tracing: None,
        connections: ConnectionLimits::default(),
        stores: StoreLimits::default(),
        keeping: Keeping::default(),
        lifetimes: Lifetimes::default(),
        timeouts: Timeouts::default(),
        files: Vec::new(),
    })
}
