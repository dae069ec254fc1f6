//! Which handler gets which request, and what holds for all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::admin::{self, Admin};
use crate::config::{
    AdminSettings, Configuration, ConnectionLimits, ListenerSettings, Origin, Protection, RouteHost, RoutePath,
    Timeouts, is_path,
};
use crate::contract::{Asked, Contract, came_by};
use crate::egress;
use crate::handover::{self, Inherited, Told};
use crate::host;
use crate::http::{Inbound, Outbound, Rejection, admit};
use crate::listen::{self, Arrival, Listener, Serving, Side};
use crate::load::Load;
use crate::log::Audit;
use crate::metrics::{Outcome, Traffic};
use crate::route::{self, RouteError, Service};
use crate::site::Table;
use crate::world::World;

/// What answers the requests of a route.
pub trait Handler: Send + Sync + 'static {
    /// What it takes of a request's headers beside what [`Inbound`] has. Nothing, if what a client says of itself must
    /// mean nothing.
    type Heard: Send;

    /// Takes it.
    fn hear(headers: &HeaderMap) -> Self::Heard;

    /// Whether it can do now what those headers ask for. Where it cannot, the request is turned away before its body is read: it
    /// costs as little as it can.
    fn has_room(&self, _headers: &HeaderMap) -> bool {
        true
    }

    /// Answers one request, and notes what is known of it in `audit` as it becomes known: a client may go away before the
    /// answer. Whatever goes wrong is an answer too.
    fn handle(&self, request: Inbound, heard: Self::Heard, audit: &mut Audit) -> impl Future<Output = Outbound> + Send;

    /// Counts a request that it answered, which took so long with its body and its answer.
    fn count(&self, _audit: &Audit, _took: Duration) {}
}

impl<H: Handler> Handler for Arc<H> {
    type Heard = H::Heard;

    fn hear(headers: &HeaderMap) -> Self::Heard {
        H::hear(headers)
    }

    fn has_room(&self, headers: &HeaderMap) -> bool {
        H::has_room(self, headers)
    }

    fn handle(&self, request: Inbound, heard: Self::Heard, audit: &mut Audit) -> impl Future<Output = Outbound> + Send {
        H::handle(self, request, heard, audit)
    }

    fn count(&self, audit: &Audit, took: Duration) {
        H::count(self, audit, took);
    }
}

/// A route that can be served.
pub struct Route<H> {
    /// On which listeners it is served.
    pub side: Side,
    /// The hosts; any where there are none.
    pub hosts: Vec<RouteHost>,
    /// The path.
    pub path: RoutePath,
    /// The contract that clients may ask for there.
    pub contract: Option<Contract>,
    /// What answers there.
    pub handler: H,
    /// The largest body, in octets.
    pub body_bytes: usize,
}

/// Everything that serving needs. Sockets and the end are given, so that a test can choose both.
pub struct Parts<H, R, S> {
    /// Bound sockets.
    pub listeners: Vec<Listener>,
    /// The routes; of two with one host and path the last counts.
    pub routes: Vec<Route<H>>,
    /// What a connection may cost.
    pub connections: ConnectionLimits,
    /// How long a peer may keep us waiting.
    pub timeouts: Timeouts,
    /// Where connections and requests are counted.
    pub traffic: Traffic,
    /// What shall be served instead, each from when it comes.
    pub changes: mpsc::Receiver<Change<H>>,
    /// Called once, when connections are accepted.
    pub ready: R,
    /// Completes when serving shall end: what is in flight is then answered, and nothing new taken.
    pub shutdown: S,
}

/// What shall be served from some moment on, instead of what was served.
pub struct Change<H> {
    /// Bound sockets; of those that were there already, the same ones.
    pub listeners: Vec<Listener>,
    /// The admin listener, on the socket that it has, if there is one.
    pub admin: Option<Listener>,
    /// The routes.
    pub routes: Vec<Route<H>>,
    /// How long a peer may keep us waiting.
    pub timeouts: Timeouts,
    /// Who is told when it is so.
    pub made: oneshot::Sender<()>,
}

/// A socket that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: cannot listen on {address}: {reason}")]
pub struct CannotListen {
    origin: Origin,
    address: String,
    reason: std::io::Error,
}

/// Binds a listener's socket.
pub async fn bind(settings: &ListenerSettings) -> Result<Listener, CannotListen> {
    bind_among(settings, &mut Inherited::default()).await
}

/// The same, where the socket may be among those that were passed.
async fn bind_among(settings: &ListenerSettings, inherited: &mut Inherited) -> Result<Listener, CannotListen> {
    let address = &settings.address;
    let socket = handover::bind(&address.value, &settings.binding, inherited).await;
    let socket = socket.map_err(|reason| CannotListen {
        origin: address.origin.clone(),
        address: address.value.clone(),
        reason,
    })?;
    Ok(speak(settings, Arc::new(socket)))
}

/// What a listener speaks, on a socket that is bound.
fn speak(settings: &ListenerSettings, socket: Arc<TcpListener>) -> Listener {
    let (tls, tls_terminated_by) = match &settings.protection {
        Protection::Clear { tls_terminated_by } => (None, tls_terminated_by.clone()),
        Protection::Tls { config, .. } => (Some(Arc::clone(config)), Vec::new()),
    };
    let (reuse_port, side) = (settings.binding.reuse_port, settings.side);
    Listener { socket, reuse_port, tls, tls_terminated_by, side }
}

/// Which sockets are bound, so that one gateway can go on where another listens. It does not keep them open.
#[derive(Debug, Default)]
pub struct Bound {
    listeners: HashMap<String, Weak<TcpListener>>,
    /// The admin listener's, which is nobody else's.
    admin: Weak<TcpListener>,
}

impl Bound {
    /// The sockets of `listeners`: the one that is there where one is there already.
    async fn bind(
        &mut self,
        listeners: &[ListenerSettings],
        inherited: &mut Inherited,
    ) -> Result<Vec<Listener>, CannotListen> {
        let mut bound = Vec::with_capacity(listeners.len());
        for settings in listeners {
            let address = &settings.address.value;
            let listener = match self.listeners.get(address).and_then(Weak::upgrade) {
                Some(socket) => speak(settings, socket),
                None => bind_among(settings, inherited).await?,
            };
            self.listeners.insert(address.clone(), Arc::downgrade(&listener.socket));
            bound.push(listener);
        }
        Ok(bound)
    }
}

/// The sockets of a gateway.
pub struct Sockets {
    /// Its listeners', in their order.
    pub listeners: Vec<Listener>,
    /// The admin listener's, if it has one.
    pub admin: Option<Listener>,
    /// Which they are.
    pub(crate) bound: Bound,
}

impl Sockets {
    /// Which they are, for who changes them later.
    pub fn take_bound(&mut self) -> Bound {
        std::mem::take(&mut self.bound)
    }
}

/// A gateway, ready to be served: what `run`, `proxy`, the demonstration and the tests have in common.
pub struct Gateway {
    listeners: Vec<ListenerSettings>,
    routes: Vec<Route<Service>>,
    admin: Option<AdminSettings>,
    world: Arc<World>,
    connections: ConnectionLimits,
    timeouts: Timeouts,
}

impl Gateway {
    /// Compiles a configuration's routes, which share `world`.
    pub fn build(configuration: Configuration, world: &Arc<World>) -> Result<Self, RouteError> {
        let Configuration {
            listeners,
            routes,
            egress,
            admin,
            connections,
            lifetimes,
            timeouts,
            stores: _,
            keeping: _,
            tracing: _,
            files: _,
        } = configuration;
        let compile = |route| route::compile(route, world, &timeouts, &lifetimes);
        let mut routes: Vec<_> = routes.into_iter().map(compile).collect::<Result<_, _>>()?;
        for settings in egress {
            routes.push(egress::compile(settings, world, &timeouts, &lifetimes)?);
        }
        Ok(Self { listeners, routes, admin, world: Arc::clone(world), connections, timeouts })
    }

    /// Binds its sockets.
    pub async fn bind(&self) -> Result<Sockets, CannotListen> {
        self.bind_among(&mut Inherited::default()).await
    }

    /// The same, where some of them may have been passed. What is left of these is nobody's.
    pub async fn bind_among(&self, inherited: &mut Inherited) -> Result<Sockets, CannotListen> {
        let bound = Bound::default();
        let mut sockets = Sockets { listeners: Vec::new(), admin: None, bound };
        sockets.listeners = sockets.bound.bind(&self.listeners, inherited).await?;
        if let Some(settings) = &self.admin {
            let admin = bind_among(&settings.listener, inherited).await?;
            sockets.bound.admin = Arc::downgrade(&admin.socket);
            admin::warn(settings, admin.socket.local_addr().ok());
            sockets.admin = Some(admin);
        }
        Ok(sockets)
    }

    /// What a gateway that serves on `bound` changes to become this one; `made` is told when it has. What may not change has
    /// been compared.
    pub(crate) async fn change(
        self,
        bound: &mut Bound,
        made: oneshot::Sender<()>,
    ) -> Result<Change<Service>, CannotListen> {
        let listeners = bound.bind(&self.listeners, &mut Inherited::default()).await?;
        let admin = self.admin.as_ref().zip(bound.admin.upgrade());
        let admin = admin.map(|(settings, socket)| speak(&settings.listener, socket));
        self.connect_ahead();
        Ok(Change { listeners, admin, routes: self.routes, timeouts: self.timeouts, made })
    }

    /// Opens connections to all backends for those who will call.
    fn connect_ahead(&self) {
        self.routes.iter().for_each(|route| route.handler.connect_ahead());
    }

    /// Serves on `sockets` as [`serve`] does. The admin listener is there before and until after: it tells of the drain.
    pub async fn serve(
        self,
        sockets: Sockets,
        mut changes: mpsc::Receiver<Change<Service>>,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()>,
    ) -> usize {
        self.connect_ahead();
        let Self { routes, world, connections, timeouts, admin: watching, .. } = self;
        let Sockets { listeners, admin, .. } = sockets;
        let (traffic, spans, kept) = (world.metrics.traffic(), world.spans.clone(), Arc::clone(&world));
        let ending = Arc::clone(&world);
        let (token, open) = watching.map_or((None, false), |admin| (admin.token, admin.open));
        let at = admin.as_ref().and_then(|listener| listener.socket.local_addr().ok());
        let state = Arc::new(Admin::new(world, token, open, at));
        let (over, is_over) = oneshot::channel::<()>();
        let (passing, passed) = mpsc::channel(1);
        let (watching, watched_anew) = mpsc::channel(1);
        // What is watched over changes first: who is told that all is changed finds it so.
        let pass = async {
            while let Some(mut change) = changes.recv().await {
                if let Some(admin) = change.admin.take() {
                    let (made, is_made) = oneshot::channel();
                    let _ = watching.send(Admin::change(admin, &change.timeouts, made)).await;
                    let _ = is_made.await;
                }
                let _ = passing.send(change).await;
            }
            std::future::pending().await
        };
        let watched = async {
            if let Some(listener) = admin {
                let until = async { is_over.await.unwrap_or_default() };
                Box::pin(state.serve(listener, &timeouts, watched_anew, until)).await;
            }
        };
        let served = async {
            let ready = || {
                state.serves(true);
                ready();
            };
            let shutdown = async {
                shutdown.await;
                ending.end();
                state.serves(false);
                handover::tell(&Told::Stopping);
                // Whoever asks whether it is ready sends nobody any more; who was sent still finds it.
                tokio::time::sleep(timeouts.drain_delay).await;
            };
            let timeouts = timeouts.clone();
            let cut =
                serve(Parts { listeners, routes, connections, timeouts, traffic, changes: passed, ready, shutdown })
                    .await;
            drop(over);
            cut
        };
        let cut = tokio::select! {
            (cut, ()) = Box::pin(async { tokio::join!(served, watched) }) => cut,
            cut = pass => cut,
        };
        kept.settle().await;
        spans.end().await;
        cut
    }
}

/// Serves until `shutdown`, and drains. Returns how many connections had to be cut because they outlived the drain.
pub async fn serve<H, R, S>(parts: Parts<H, R, S>) -> usize
where
    H: Handler,
    R: FnOnce(),
    S: Future<Output = ()>,
{
    let Parts { listeners, routes, connections, timeouts, traffic, mut changes, ready, shutdown } = parts;
    let load = Load::new(&connections);
    let site = Arc::new(ArcSwap::from_pointee(Site::new(routes, timeouts.clone(), traffic.clone(), &load)));
    let router = Router::new().fallback(answer::<H>).with_state(Arc::clone(&site));
    let (listening, listened) = mpsc::channel(1);
    let change = async {
        while let Some(Change { listeners, routes, timeouts, made, .. }) = changes.recv().await {
            // What is served first: a connection to a new listener must not find what was served before.
            site.store(Arc::new(Site::new(routes, timeouts.clone(), traffic.clone(), &load)));
            let _ = listening.send(listen::Change { listeners, timeouts, made }).await;
        }
        std::future::pending().await
    };
    let serving = Serving { listeners, router, connections, timeouts, traffic: traffic.clone() };
    tokio::select! {
        cut = listen::serve(serving, ready, listened, shutdown) => cut,
        cut = change => cut,
    }
}

struct Site<H> {
    ingress: Table<Served<H>>,
    egress: Table<Served<H>>,
    timeouts: Timeouts,
    traffic: Traffic,
    load: Arc<Load>,
}

impl<H> Site<H> {
    fn new(routes: Vec<Route<H>>, timeouts: Timeouts, traffic: Traffic, load: &Arc<Load>) -> Self {
        let (ingress, egress) = (Table::new(), Table::new());
        let mut site = Self { ingress, egress, timeouts, traffic, load: Arc::clone(load) };
        for route in routes {
            let served = Served { contract: route.contract, handler: route.handler, body_bytes: route.body_bytes };
            let routes = match route.side {
                Side::Ingress => &mut site.ingress,
                Side::Egress => &mut site.egress,
            };
            routes.insert(&route.hosts, &route.path, served);
        }
        site
    }

    fn find(&self, side: Side, host: Option<String>, path: &str) -> Result<&Served<H>, Rejection> {
        let routes = match side {
            Side::Ingress => &self.ingress,
            Side::Egress => &self.egress,
        };
        routes.find(host.as_deref(), path).ok_or_else(|| match host {
            host if routes.asks_hosts() => Rejection::Place { host: host.unwrap_or_default(), path: path.to_owned() },
            _ => Rejection::Path(path.to_owned()),
        })
    }
}

struct Served<H> {
    contract: Option<Contract>,
    handler: H,
    body_bytes: usize,
}

async fn answer<H: Handler>(State(site): State<Arc<ArcSwap<Site<H>>>>, request: Request) -> Response {
    // Whatever is served next, this request is answered by what is served now.
    let site = site.load_full();
    let Some(arrival) = request.extensions().get::<Arrival>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut line = Line::new(&arrival, request.uri().path());
    let work = site.traffic.began();
    let response = respond(&site, request, &arrival, &mut line).await;
    work.answered();
    line.write(response.status());
    response
}

async fn respond<H: Handler>(site: &Site<H>, request: Request, arrival: &Arrival, line: &mut Line) -> Response {
    // Before anything else: a request too many shall cost as little as it can.
    let Some(present) = site.load.enter(arrival) else {
        return rejected(site, arrival, Rejection::Busy, line);
    };
    let heard = H::hear(request.headers());
    let route = host::asked(&request).and_then(|host| site.find(arrival.side, host, &line.path));
    if let Ok(route) = &route
        && let Some(contract) = &route.contract
        && let Some(asked) = Asked::of(request.method(), request.uri().query())
    {
        return match published(contract, &asked, request, arrival, &mut line.audit).await {
            Ok(outbound) => {
                let mut response = outbound.into_response();
                // The address in it is as the client wrote it: another's must not come of it.
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(rejection) => rejected(site, arrival, rejection, line),
        };
    }
    let admitted = match route {
        Err(rejection) => Err(rejection),
        Ok(route) if !route.handler.has_room(request.headers()) => {
            arrival.pace.linger();
            line.audit = Audit { outcome: Outcome::Busy, ..Audit::refused(Rejection::Busy) };
            route.handler.count(&line.audit, line.start.elapsed());
            return Rejection::Busy.into_response();
        }
        Ok(route) => {
            let admitted = admit(request, arrival, route.body_bytes, &site.timeouts, &present).await;
            admitted.map(|(inbound, work)| (route, inbound, work))
        }
    };
    match admitted {
        Err(rejection) => rejected(site, arrival, rejection, line),
        Ok((route, inbound, work)) => {
            // It is large, and every future around it would hold it, and be moved with it.
            let handling = Box::pin(route.handler.handle(inbound, heard, &mut line.audit));
            let handled = contained(work.carry(handling)).await;
            let outbound = handled.unwrap_or_else(|| panicked(&mut line.audit));
            route.handler.count(&line.audit, line.start.elapsed());
            outbound.into_response()
        }
    }
}

/// The access line of a request: written once, when it is answered or when its client goes away before.
struct Line {
    peer: IpAddr,
    path: String,
    start: Instant,
    audit: Audit,
    written: bool,
}

impl Line {
    fn new(arrival: &Arrival, path: &str) -> Self {
        let (path, audit) = (path.to_owned(), Audit::default());
        Self { peer: arrival.peer, path, start: Instant::now(), audit, written: false }
    }

    fn write(&mut self, status: StatusCode) {
        self.written = true;
        self.audit.write(&self.peer.to_string(), &self.path, Some(status), self.start.elapsed());
    }
}

impl Drop for Line {
    /// What was done for somebody who did not wait for the answer is done: his backend may have been called.
    fn drop(&mut self) {
        if !self.written {
            self.audit.refused.get_or_insert_with(|| "its client went away before the answer".to_owned());
            self.audit.write(&self.peer.to_string(), &self.path, None, self.start.elapsed());
        }
    }
}

/// What a request gets that HTTP itself says no to.
fn rejected<H>(site: &Site<H>, arrival: &Arrival, rejection: Rejection, line: &mut Line) -> Response {
    arrival.pace.linger();
    site.traffic.rejected(rejection.status());
    line.audit = Audit::refused(&rejection);
    rejection.into_response()
}

/// A document of a route's contract.
async fn published(
    contract: &Contract,
    asked: &Asked,
    request: Request,
    arrival: &Arrival,
    audit: &mut Audit,
) -> Result<Outbound, Rejection> {
    if arrival.pace.is_ambiguous() {
        return Err(Rejection::Ambiguous);
    }
    let (head, _) = request.into_parts();
    let (scheme, host) = came_by(&head, arrival.transport)?;
    let path = head.uri.path();
    if !is_path(path) {
        return Err(Rejection::Path(path.to_owned()));
    }
    let address = contract.address(scheme, host, path).ok_or(Rejection::Hosts(0))?;
    let answered = contained(contract.answer(asked, &address, audit)).await;
    answered.unwrap_or_else(|| Some(panicked(audit))).ok_or(Rejection::Method(head.method))
}

/// Keeps a panic to the one request in which it happens: the others on the connection, and the client's next try, must
/// not pay for it. `None` where there was one.
async fn contained<T>(handling: impl Future<Output = T>) -> Option<T> {
    let mut handling = pin!(handling);
    std::future::poll_fn(|context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

/// What a request gets whose handler panicked.
fn panicked(audit: &mut Audit) -> Outbound {
    audit.refused = Some("the handler panicked, which is a fault of ours".to_owned());
    audit.outcome = Outcome::Failed;
    Outbound::empty(StatusCode::INTERNAL_SERVER_ERROR)
}
