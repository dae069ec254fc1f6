//! The admin listener: what whoever watches over a gateway may ask. It tells no secret and nobody's name.
//!
//! It stands apart from the listeners that serve, so that who may call a service cannot watch it, and so that a watcher
//! is answered where every place for a client is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hyper::{Method, StatusCode};

use crate::config::{ConnectionLimits, Timeouts};
use crate::host;
use crate::listen::{self, Arrival, Listener, Serving, unchanging};
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
/// How long an answer may still take at the end, when nothing is left to watch.
const DRAIN: Duration = Duration::from_secs(1);

/// What the admin listener answers from.
pub struct Admin {
    world: Arc<World>,
    serving: AtomicBool,
}

impl Admin {
    /// For a gateway in that world, which does not serve yet.
    pub fn new(world: Arc<World>) -> Self {
        Self { world, serving: AtomicBool::new(false) }
    }

    /// Says whether the gateway serves: not before its connections are accepted, and not from the signal to end on.
    pub fn serves(&self, serving: bool) {
        self.serving.store(serving, Ordering::Relaxed);
    }

    /// Answers on `listener` until `shutdown` completes.
    pub async fn serve(self: &Arc<Self>, listener: Listener, timeouts: Timeouts, shutdown: impl Future<Output = ()>) {
        let router = Router::new().fallback(answer).with_state(Arc::clone(self));
        let timeouts = Timeouts { drain: DRAIN, ..timeouts };
        // A watcher is no traffic.
        let serving = Serving {
            listeners: vec![listener],
            router,
            connections: CONNECTIONS,
            timeouts,
            traffic: Traffic::default(),
        };
        listen::serve(serving, || {}, unchanging(), shutdown).await;
    }

    fn tell(&self, path: &str) -> Response {
        match path {
            "/healthz" => text(StatusCode::OK, "it lives\n"),
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

async fn answer(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let start = Instant::now();
    let Some(arrival) = request.extensions().get::<Arrival>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let host = host::named(request.uri(), request.headers(), request.version());
    let mut response = if arrival.pace.is_ambiguous() || host.is_err() {
        StatusCode::BAD_REQUEST.into_response()
    } else if request.method() != Method::GET {
        (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")]).into_response()
    } else {
        admin.tell(request.uri().path())
    };
    if response.status().is_client_error() {
        arrival.pace.linger();
    }
    // What was so is not so for long.
    response.headers_mut().insert(CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    let (peer, path) = (arrival.peer.to_string(), request.uri().path());
    Audit::write_watched(&peer, request.method(), path, response.status(), start.elapsed());
    response
}

fn text(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
