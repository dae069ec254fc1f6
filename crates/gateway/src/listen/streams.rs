//! HTTP/2: the streams of one connection, each with its own deadlines.
//!
//! What hyper and h2 bound is theirs: how many streams at once, how long a header block is, how many resets wait. What
//! they do not bound is here: a response that the client gives no room for, a client that asks and takes back without
//! end, and a connection on which nothing is asked.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::rt::Executor;
use hyper::service::{Service, service_fn};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use super::frames::Frames;
use super::pace::{Pace, Paced};
use super::{Arrival, Floor, Stage, past};
use crate::upstream::causes;

/// Streams that a client took back before they were looked at; with more the connection ends (CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// Streams that were reset because of what the client did; with more the connection ends (CVE-2025-8671).
const LOCAL_RESETS: usize = 1024;
/// How much of a response is handed to h2 beyond what the client has given room for.
const PIECE: usize = 16 * 1024;
/// Streams that were taken back sooner than this count as abandoned at once.
const SOON: Duration = Duration::from_secs(1);
/// How many streams of a connection may be, before more of them than were answered is too many.
const ABANDONED: u64 = 100;

tokio::task_local! {
    /// The stream whose task this is.
    static STREAM: Arc<Stream>;
}

/// Serves a connection until it ends.
pub(super) async fn serve<S>(stream: S, arrival: Arrival, floor: &Arc<Floor>) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (timeouts, limits) = (&floor.timeouts, &floor.connections);
    let pace = Arc::clone(&arrival.pace);
    let streams = Streams::new(Arc::clone(&pace));
    let stream = Paced::multiplexed(stream, pace, Arc::clone(&streams), Arc::clone(timeouts));
    let runner = Runner { streams: Arc::clone(&streams), write_stall: timeouts.write_stall };
    let connection = hyper::server::conn::http2::Builder::new(runner)
        .timer(TokioTimer::new())
        .max_concurrent_streams(u32::try_from(limits.streams).unwrap_or(u32::MAX))
        .max_header_list_size(u32::try_from(limits.header_list_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        // For a client that is gone without a word, while something is answered.
        .keep_alive_interval(timeouts.keep_alive / 2)
        .keep_alive_timeout(timeouts.write_stall)
        .serve_connection(TokioIo::new(stream), answers(arrival, floor));
    let mut connection = pin!(connection);
    let (mut stage, mut replaced) = (floor.stage.clone(), floor.replaced.subscribe());
    let over = async {
        tokio::select! {
            () = past(&mut stage, Stage::Serving) => {}
            () = streams.idle(timeouts.keep_alive) => {}
            // Another floor has taken the place of the connection's own.
            _ = replaced.wait_for(|replaced| *replaced) => {}
        }
    };
    let served = async {
        tokio::select! {
            served = connection.as_mut() => return served,
            () = over => {}
        }
        // `GOAWAY`: what has come is answered, and the client knows what has not.
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    tokio::select! {
        served = served => served.map_err(|error| causes(&error)),
        () = streams.exhausted.notified() => Err("the client takes back what it asks".to_owned()),
    }
}

/// The router, told where each request came from.
fn answers(
    arrival: Arrival,
    floor: &Arc<Floor>,
) -> impl Service<
    Request<Incoming>,
    Response = hyper::Response<Pieces>,
    Error = Infallible,
    Future = impl Future<Output = Result<hyper::Response<Pieces>, Infallible>> + Send + 'static,
> {
    let router = TowerToHyperService::new(floor.router.clone());
    let floor = Arc::clone(floor);
    service_fn(move |mut request: Request<Incoming>| {
        // hyper counts the lines of a header block in HTTP/1.1 alone.
        let response = (request.headers().len() <= floor.connections.headers).then(|| {
            request.extensions_mut().insert(arrival.clone());
            router.call(request.map(Asked))
        });
        async move {
            let response = match response {
                Some(response) => response.await?,
                None => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response(),
            };
            Ok(response.map(Pieces::new))
        }
    })
}

/// The streams of one connection. Shared by the stream of octets, which watches the clock, the requests, and the loop
/// that drives the connection.
#[derive(Debug)]
pub(super) struct Streams {
    pace: Arc<Pace>,
    state: Mutex<State>,
    /// Told when too many were abandoned.
    exhausted: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that are not answered yet.
    open: usize,
    /// The header block that is being read.
    block: Option<u64>,
    /// How many header blocks have begun.
    begun: u64,
    /// Since when nothing is asked; `None` before the first request, and while one is open.
    idle: Option<Instant>,
    answered: u64,
    abandoned: u64,
}

impl Streams {
    fn new(pace: Arc<Pace>) -> Arc<Self> {
        Arc::new(Self { pace, state: Mutex::default(), exhausted: Notify::new() })
    }

    /// Moves the connection on by what has come.
    pub(super) fn octets_came(&self, frames: &Frames) {
        let mut state = self.lock();
        let (block, begun) = (frames.block(), frames.begun());
        if (block, begun) == (state.block, state.begun) {
            if begun == 0 && state.open == 0 {
                // The preface: a request must follow.
                self.pace.began();
            }
            return;
        }
        (state.block, state.begun) = (block, begun);
        if block.is_some() {
            self.pace.head();
        } else {
            self.settle(&mut state);
        }
    }

    /// Completes when nothing has been asked for `limit`.
    async fn idle(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            // Whatever becomes idle from now on is so for less long.
            let until = self.lock().idle.unwrap_or(now) + limit;
            if until <= now {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn begin(self: &Arc<Self>) -> Arc<Stream> {
        let mut state = self.lock();
        state.open += 1;
        state.idle = None;
        if state.block.is_none() {
            self.pace.busy();
        }
        Arc::new(Stream { streams: Arc::clone(self), began: Instant::now(), sending: Mutex::default() })
    }

    fn end(&self, began: Instant, answered: bool) {
        let mut state = self.lock();
        state.open = state.open.saturating_sub(1);
        if answered {
            state.answered += 1;
        } else if began.elapsed() < SOON {
            state.abandoned += 1;
            if state.abandoned > ABANDONED.max(state.answered) {
                self.exhausted.notify_one();
            }
        }
        if state.open == 0 && state.block.is_none() {
            self.settle(&mut state);
        }
    }

    /// No header block is open: either something is being answered, or the connection is idle.
    fn settle(&self, state: &mut State) {
        if state.open > 0 {
            self.pace.busy();
        } else {
            state.idle = Some(Instant::now());
            self.pace.idle();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream, from the end of its request's headers.
#[derive(Debug)]
struct Stream {
    streams: Arc<Streams>,
    began: Instant,
    sending: Mutex<Sending>,
}

/// How far a response has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Sending {
    #[default]
    Not,
    /// There is a piece that the client has had since then to give room for.
    Since(Instant),
    /// The same, of the last piece.
    Last(Instant),
    /// The client has given room for all of it.
    Whole,
    /// The request broke off: whatever is said to it, nobody listens.
    Broken,
}

impl Stream {
    fn sends(&self, sending: Sending) {
        let mut now = self.lock();
        if *now != Sending::Broken {
            *now = sending;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let answered = *self.lock() == Sending::Whole;
        self.streams.end(self.began, answered);
    }
}

/// Runs what hyper makes of each stream, until the client keeps it waiting for too long: then the stream is reset, and
/// the others on the connection go on.
#[derive(Clone)]
struct Runner {
    streams: Arc<Streams>,
    write_stall: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Runner {
    fn execute(&self, handling: F) {
        let stream = self.streams.begin();
        let watched = Watched {
            handling: Box::pin(handling),
            stream: Arc::clone(&stream),
            late: Box::pin(tokio::time::sleep(Duration::ZERO)),
            limit: self.write_stall,
        };
        tokio::spawn(STREAM.scope(stream, watched));
    }
}

struct Watched<F> {
    handling: Pin<Box<F>>,
    stream: Arc<Stream>,
    late: Pin<Box<Sleep>>,
    limit: Duration,
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.handling.as_mut().poll(context).is_ready() {
            // hyper is done when the last piece has its room, or when the client took the stream back.
            if matches!(*this.stream.lock(), Sending::Last(_)) {
                this.stream.sends(Sending::Whole);
            }
            return Poll::Ready(());
        }
        let (Sending::Since(since) | Sending::Last(since)) = *this.stream.lock() else { return Poll::Pending };
        if this.late.deadline() != since + this.limit {
            this.late.as_mut().reset(since + this.limit);
        }
        ready!(this.late.as_mut().poll(context));
        tracing::debug!("stream reset: the client does not take its response");
        Poll::Ready(())
    }
}

/// A request's body that notes when the client takes the request back.
struct Asked(Incoming);

impl hyper::body::Body for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.get_mut().0).poll_frame(context);
        if let Poll::Ready(Some(Err(_))) = &polled {
            let _ = STREAM.try_with(|stream| stream.sends(Sending::Broken));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// A response's body in pieces, so that it is known when the client takes none.
///
/// hyper hands a piece to h2 as soon as there is room for one octet of it, and asks for the next one at once. So the
/// last piece is one octet: when it goes, all before it has its room.
struct Pieces {
    body: Body,
    rest: Bytes,
    stream: Option<Arc<Stream>>,
}

impl Pieces {
    fn new(body: Body) -> Self {
        let stream = STREAM.try_with(Arc::clone).ok();
        let pieces = Self { body, rest: Bytes::new(), stream };
        pieces.note();
        pieces
    }

    fn note(&self) {
        if let Some(stream) = &self.stream {
            let over = hyper::body::Body::is_end_stream(self);
            let now = Instant::now();
            stream.sends(if over { Sending::Last(now) } else { Sending::Since(now) });
        }
    }
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = this.rest.len().min(PIECE);
        let last = length == this.rest.len() && length > 1;
        let piece = this.rest.split_to(if last { length - 1 } else { length });
        this.note();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && hyper::body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = hyper::body::Body::size_hint(&self.body);
        let rest = self.rest.len() as u64;
        match hint.exact() {
            Some(length) => hint.set_exact(length + rest),
            None => hint.set_lower(hint.lower() + rest),
        }
        hint
    }
}
