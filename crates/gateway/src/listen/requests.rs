//! HTTP/1.1: one request of a connection after the other.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use super::pace::{Pace, Paced};
use super::{Arrival, Floor, Stage, past};
use crate::upstream::causes;

/// Longer than it takes a client's octets to arrive.
const LINGER: Duration = Duration::from_millis(500);

/// Serves a connection until it ends.
pub(super) async fn serve<S>(stream: S, arrival: Arrival, floor: &Arc<Floor>) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let timeouts = &floor.timeouts;
    let stream = Paced::new(stream, Arc::clone(&arrival.pace), Arc::clone(timeouts));
    let router = TowerToHyperService::new(floor.router.clone());
    let service = Requests { router, arrival, floor: Arc::clone(floor) };
    let connection = hyper::server::conn::http1::Builder::new()
        // `Paced` knows better than hyper what is late, but an idle connection is only asked whether it is late
        // where hyper has a deadline of its own: one that `Paced` always meets first.
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.first_byte.max(timeouts.keep_alive) + timeouts.headers)
        .max_buf_size(floor.connections.header_bytes.max(8 * 1024))
        .max_headers(floor.connections.headers)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut stage = floor.stage.clone();
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = async {
            past(&mut stage, Stage::Serving).await;
            // Closed at once, a connection that just began, or whose next request is on its way, would be lost to its client.
            // What comes is answered, and closed with that.
            tokio::time::sleep(linger(timeouts.drain)).await;
        } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    served.map_err(|error| causes(&error))
}

/// For how long a connection on which nothing happens is still listened to at the end.
fn linger(drain: Duration) -> Duration {
    LINGER.min(drain / 4)
}

/// The router, told where each request came from, and telling the stream how far each has come.
struct Requests {
    router: TowerToHyperService<Router>,
    arrival: Arrival,
    floor: Arc<Floor>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Tail>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let pace = Arc::clone(&self.arrival.pace);
        pace.busy();
        request.extensions_mut().insert(self.arrival.clone());
        let response = self.router.call(request);
        let floor = Arc::clone(&self.floor);
        Box::pin(async move {
            let mut response = response.await?.map(|body| Tail { body, pace });
            if *floor.replaced.borrow() || *floor.stage.borrow() > Stage::Serving {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        })
    }
}

/// A response body that says when hyper is done with it.
struct Tail {
    body: Body,
    pace: Arc<Pace>,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.pace.idle();
    }
}

impl hyper::body::Body for Tail {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
