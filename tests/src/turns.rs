//! A balancer without a memory: requests go to each of several services in turn, whatever connection they come on.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use nuncio_wss::Outbound;
use tokio::runtime::Runtime;

use crate::load::connection::{Connection, Target};

/// The longest message.
const LONGEST: usize = 1 << 20;

struct Targets {
    targets: Vec<Target>,
    /// How many requests came.
    count: AtomicUsize,
}

/// A running balancer; it ends when this is dropped.
pub struct Turns {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Turns {
    /// Between services at those URLs, of which the first is asked first.
    pub fn between(urls: impl IntoIterator<Item = String>) -> io::Result<Self> {
        let targets =
            urls.into_iter().map(|url| Target::new(&url)).collect::<Result<_, _>>().map_err(io::Error::other)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let socket = TcpListener::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let targets = Targets { targets, count: AtomicUsize::new(0) };
        let router = Router::new().fallback(pass).with_state(Arc::new(targets));
        runtime.spawn(async move {
            let socket = tokio::net::TcpListener::from_std(socket)?;
            axum::serve(socket, router).await
        });
        Ok(Self { address, _runtime: runtime })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/echo", self.address)
    }
}

async fn pass(State(all): State<Arc<Targets>>, request: Request) -> Response {
    let turn = all.count.fetch_add(1, Ordering::Relaxed) % all.targets.len();
    let (head, body) = request.into_parts();
    let text = |headers: &HeaderMap, name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let content_type = text(&head.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let soap_action = text(&head.headers, "soapaction");
    let Ok(body) = to_bytes(body, LONGEST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let message = Outbound { content_type, soap_action, body: body.into() };
    let Ok(answer) = Connection::new(all.targets[turn].clone()).post(&message).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, [(CONTENT_TYPE, answer.content_type)], Body::from(answer.body)).into_response()
}
