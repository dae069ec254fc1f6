//! The admin listener: what whoever watches over a gateway may ask. It tells no secret; names, and what changes anything, are
//! for who shows a token or a certificate, and where only this machine reaches it, for whoever is there. So is all else on a
//! listener that is not open.
//!
//! It stands apart from the listeners that serve, so that who may call a service cannot watch it, and so that a watcher
//! is answered where every place for a client is taken.

mod sessions;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use hyper::{HeaderMap, Method, StatusCode};
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::secret::Secret;
use nuncio_wss::Transport;
use tokio::sync::{mpsc, oneshot};

use crate::config::{AdminSettings, ConnectionLimits, Timeouts};
use crate::host;
use crate::listen::{self, Arrival, Change, Listener, Serving};
use crate::log::Watched;
use crate::metrics::{self, Traffic};
use crate::world::World;

/// What its connections may cost: watchers are few, and ask little.
const CONNECTIONS: ConnectionLimits = ConnectionLimits {
    connections: 64,
    per_peer: 64,
    requests: 64,
    requests_per_peer: 64,
    header_bytes: 8 * 1024,
    headers: 64,
    streams: 1,
    header_list_bytes: 8 * 1024,
};
/// Before a token (RFC 6750 section 2.1).
const BEARER: &[u8] = b"Bearer ";
/// How long an answer may still take at the end, when nothing is left to watch.
const DRAIN: Duration = Duration::from_secs(1);

/// What the admin listener answers from.
pub struct Admin {
    world: Arc<World>,
    /// Who shows it may do all from wherever he is.
    token: Option<Secret>,
    /// Whether whoever comes may watch.
    open: bool,
    /// Whether nobody comes but from this machine.
    local: bool,
    serving: AtomicBool,
}

impl Admin {
    /// For a gateway in that world, which does not serve yet. `bound` is where it listens.
    pub fn new(world: Arc<World>, token: Option<Secret>, open: bool, bound: Option<SocketAddr>) -> Self {
        let local = bound.is_some_and(is_local);
        Self { world, token, open, local, serving: AtomicBool::new(false) }
    }

    /// Says whether the gateway serves: not before its connections are accepted, and not from the signal to end on.
    pub fn serves(&self, serving: bool) {
        self.serving.store(serving, Ordering::Relaxed);
    }

    /// Answers on `listener` until `shutdown` completes; each of `changes`, which [`Admin::change`] makes, is made when it comes.
    pub async fn serve(
        self: &Arc<Self>,
        listener: Listener,
        timeouts: &Timeouts,
        changes: mpsc::Receiver<Change>,
        shutdown: impl Future<Output = ()>,
    ) {
        let router = Router::new().fallback(answer).with_state(Arc::clone(self));
        let timeouts = of_watchers(timeouts);
        // A watcher is no traffic.
        let serving = Serving {
            listeners: vec![listener],
            router,
            connections: CONNECTIONS,
            timeouts,
            traffic: Traffic::default(),
        };
        listen::serve(serving, || {}, changes, shutdown).await;
    }

    /// What else is spoken on its socket from some moment on; `made` is told when it is so.
    pub fn change(listener: Listener, timeouts: &Timeouts, made: oneshot::Sender<()>) -> Change {
        Change { listeners: vec![listener], timeouts: of_watchers(timeouts), made }
    }

    /// By what it is known that whoever asks may: a certificate, the token, or that he is here; `None` where it is not.
    ///
    /// Here is who comes from this machine to a listener that only this machine reaches, and calls it by its own name. Whatever
    /// relays connections comes from this machine too: where others reach the listener, they may come by that.
    fn proof<'a>(&self, headers: &HeaderMap, arrival: &'a Arrival, host: Option<&str>) -> Option<Proof<'a>> {
        if arrival.transport == Transport::Authenticated {
            return Some(Proof::Certificate(arrival.client.as_ref().map_or("", Certificate::subject)));
        }
        if self.is_shown(headers) {
            return Some(Proof::Token);
        }
        let is_here = self.local && arrival.peer.to_canonical().is_loopback() && host.is_some_and(is_here);
        is_here.then_some(Proof::Here)
    }

    /// Whether a request shows the token.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
        let shown = shown.split_at_checked(BEARER.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER));
        self.token.as_ref().zip(shown).is_some_and(|(token, (_, shown))| token.matches(shown))
    }

    /// What is asked of conversations, by who may.
    async fn converse(&self, asked: &Parts, which: &str) -> Response {
        if !matches!(asked.method, Method::GET | Method::DELETE) {
            return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, DELETE")]).into_response();
        }
        let id = which.strip_prefix('/').map(str::to_owned);
        let (world, method) = (Arc::clone(&self.world), asked.method.clone());
        match Query::try_from_uri(&asked.uri) {
            Ok(Query(asked)) => sessions::tell(world, method, id, asked).await,
            Err(_) => text(StatusCode::BAD_REQUEST, "`after`, `most`, `store`, `principal` and `issuer` can be said\n"),
        }
    }

    fn tell(&self, path: &str) -> Response {
        match path {
            "/healthz" => text(StatusCode::OK, "it lives\n"),
            "/readyz" if self.serving.load(Ordering::Relaxed) && !self.world.is_whole() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "it serves, and Redis does not answer\n")
            }
            "/readyz" if self.serving.load(Ordering::Relaxed) => text(StatusCode::OK, "it serves\n"),
            "/metrics" => match self.world.measured() {
                Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            },
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "it does not serve\n"),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

/// By what it is known that somebody may ask all.
enum Proof<'a> {
    /// The certificate with that subject.
    Certificate(&'a str),
    /// The token.
    Token,
    /// That he is on this machine.
    Here,
}

impl fmt::Display for Proof<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(subject) => write!(out, "certificate {subject}"),
            Self::Token => out.write_str("token"),
            Self::Here => out.write_str("here"),
        }
    }
}

/// Whether only this machine reaches that address.
fn is_local(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Says what of a listener at that address is dangerous.
pub(crate) fn warn(settings: &AdminSettings, bound: Option<SocketAddr>) {
    let Some(address) = bound.filter(|address| !is_local(*address)) else { return };
    if settings.open {
        tracing::warn!(%address, "DANGER: the admin listener can be reached from other machines, by anybody");
    }
    if settings.token.is_some() && settings.listener.is_clear() {
        tracing::warn!(%address, "DANGER: the token of the admin listener travels in clear");
    }
}

fn of_watchers(timeouts: &Timeouts) -> Timeouts {
    Timeouts { drain: DRAIN, ..timeouts.clone() }
}

/// What of a path of conversations says which: nothing for them all, or a slash and the number of one.
fn conversations(path: &str) -> Option<&str> {
    path.strip_prefix(sessions::PATH).filter(|which| which.is_empty() || which.starts_with('/'))
}

/// Whether an authority is one by which this machine calls itself. A page of somebody else's, whose name was made to lead here,
/// comes under that name.
fn is_here(authority: &str) -> bool {
    host::compared(authority).is_some_and(|host| host::is_loopback(&host))
}

async fn answer(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let start = Instant::now();
    // Nothing that is asked has a body.
    let (asked, _) = request.into_parts();
    let Some(arrival) = asked.extensions.get::<Arrival>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let path = asked.uri.path();
    let host = host::named(&asked.uri, &asked.headers, asked.version);
    let which = conversations(path);
    let proof = host.as_ref().ok().and_then(|host| admin.proof(&asked.headers, arrival, *host));
    let mut response = match (&host, which) {
        _ if arrival.pace.is_ambiguous() => StatusCode::BAD_REQUEST.into_response(),
        (Err(_), _) => StatusCode::BAD_REQUEST.into_response(),
        (Ok(_), which) if (which.is_some() || !admin.open) && proof.is_none() => StatusCode::FORBIDDEN.into_response(),
        (Ok(_), Some(which)) => admin.converse(&asked, which).await,
        (Ok(_), None) if asked.method != Method::GET => {
            (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")]).into_response()
        }
        (Ok(_), None) => admin.tell(path),
    };
    if response.status().is_client_error() {
        arrival.pace.linger();
    }
    // What was so is not so for long.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let (peer, proof) = (arrival.peer.to_string(), proof.map(|proof| proof.to_string()));
    // Whose conversations were asked for, or ended, and by whom.
    let query = asked.uri.query().filter(|_| which.is_some());
    let by = proof.as_deref().filter(|_| which.is_some());
    let (method, status) = (asked.method.as_str(), response.status());
    Watched { peer: &peer, method, path, query, by, status }.write(start.elapsed());
    response
}

fn text(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
