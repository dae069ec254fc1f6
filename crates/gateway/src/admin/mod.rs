//! The admin listener: what whoever watches over a gateway may ask. It tells no secret; names, and what changes anything, are
//! for this machine, and for who shows a token or a certificate. So is all else on a listener that is not open.
//!
//! It stands apart from the listeners that serve, so that who may call a service cannot watch it, and so that a watcher
//! is answered where every place for a client is taken.

mod sessions;

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
use nuncio_crypto::secret::Secret;
use nuncio_wss::Transport;
use tokio::sync::{mpsc, oneshot};

use crate::config::{AdminSettings, ConnectionLimits, Timeouts};
use crate::host;
use crate::listen::{self, Arrival, Change, Listener, Serving};
use crate::log::Audit;
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
    serving: AtomicBool,
}

impl Admin {
    /// For a gateway in that world, which does not serve yet.
    pub fn new(world: Arc<World>, token: Option<Secret>, open: bool) -> Self {
        Self { world, token, open, serving: AtomicBool::new(false) }
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

    /// Whether it is this machine that asks, whatever the listener's address, or who shows the token or a certificate.
    fn is_known(&self, headers: &HeaderMap, arrival: &Arrival, host: Option<&str>) -> bool {
        let is_here = arrival.peer.to_canonical().is_loopback() && host.is_some_and(is_here);
        is_here || arrival.transport == Transport::Authenticated || self.is_shown(headers)
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

/// Says what of a listener at that address is dangerous.
pub(crate) fn warn(settings: &AdminSettings, bound: Option<SocketAddr>) {
    let Some(address) = bound.filter(|address| !address.ip().to_canonical().is_loopback()) else { return };
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
    let mut response = match (host, conversations(path)) {
        _ if arrival.pace.is_ambiguous() => StatusCode::BAD_REQUEST.into_response(),
        (Err(_), _) => StatusCode::BAD_REQUEST.into_response(),
        (Ok(host), which) if (which.is_some() || !admin.open) && !admin.is_known(&asked.headers, arrival, host) => {
            StatusCode::FORBIDDEN.into_response()
        }
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
    let peer = arrival.peer.to_string();
    Audit::write_watched(&peer, &asked.method, path, response.status(), start.elapsed());
    response
}

fn text(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
