//! How long a connection may keep us waiting, as a stream that times out by itself.
//!
//! hyper's own header deadline counts an idle connection as a slow one, and there is none for a stalled write; a stream
//! that knows what the connection is doing has one rule for each.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::frames::Frames;
use super::head::Head;
use super::streams::Streams;
use crate::config::Timeouts;

/// How much of a refused body is read and thrown away before the connection is closed.
///
/// A close with unread octets is a reset, and a reset overtakes the response: the client would see a broken connection
/// in place of the 413 that explains it.
const LINGER_OCTETS: usize = 4 * 1024 * 1024;
/// How long that may take.
const LINGER: Duration = Duration::from_secs(2);

/// What a connection is doing. Shared by the stream, which watches the clock, and the requests, which move it on.
#[derive(Debug)]
pub(crate) struct Pace {
    /// A count of moves, shifted by two, and the phase below: a phase that comes again is another one.
    state: AtomicU64,
    linger: AtomicBool,
    ambiguous: AtomicBool,
}

/// Before the first octet of the first request.
const FRESH: u64 = 0;
/// Between the first octet of a request and the end of its headers.
const HEAD: u64 = 1;
/// From there to the end of the response: the body has its own deadline, and the rest of the wait is ours.
const BUSY: u64 = 2;
/// Between a response and the next request.
const IDLE: u64 = 3;

impl Pace {
    /// A connection that was just opened.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: AtomicU64::new(FRESH),
            linger: AtomicBool::new(false),
            ambiguous: AtomicBool::new(false),
        })
    }

    /// The headers of a request are complete.
    pub(crate) fn busy(&self) {
        self.enter(BUSY);
    }

    /// A response has been handed over whole.
    pub(crate) fn idle(&self) {
        self.enter(IDLE);
    }

    /// A request was answered before its body was read: read it before closing.
    pub(crate) fn linger(&self) {
        self.linger.store(true, Ordering::Relaxed);
    }

    /// Whether the request that is being answered said twice how long it is. One that was sent before the answer to the
    /// one before it is not looked at; its connection ends after it all the same.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.ambiguous.load(Ordering::Relaxed)
    }

    /// Something came, and it is no request yet.
    pub(super) fn began(&self) {
        if self.phase() == FRESH {
            self.enter(HEAD);
        }
    }

    /// The headers of a request have begun.
    pub(super) fn head(&self) {
        self.enter(HEAD);
    }

    fn enter(&self, phase: u64) {
        // All movers of one connection run on its task, or under the lock of `Streams`: no update is lost.
        let count = self.state.load(Ordering::Relaxed) >> 2;
        self.state.store((count + 1) << 2 | phase, Ordering::Relaxed);
    }

    fn phase(&self) -> u64 {
        self.state.load(Ordering::Relaxed) & 3
    }
}

/// What is spoken on a connection, as far as it tells how far that has come.
enum Spoken {
    /// HTTP/1.1: one request after the other.
    Requests(Head),
    /// HTTP/2.
    Streams(Arc<Streams>, Frames),
}

/// A stream under the rules of [`Timeouts`].
pub(crate) struct Paced<S> {
    stream: S,
    pace: Arc<Pace>,
    spoken: Spoken,
    timeouts: Arc<Timeouts>,
    /// The state for which `reading` was set.
    seen: Option<u64>,
    reading: Pin<Box<Sleep>>,
    /// Whether `writing` runs, that is, whether the last write did not go through.
    stalled: bool,
    writing: Pin<Box<Sleep>>,
    /// Octets still to be thrown away, once the stream is shut down.
    lingering: Option<usize>,
}

impl<S> Paced<S> {
    /// Puts `stream`, on which HTTP/1.1 is spoken, under `timeouts`, in the phase that `pace` says.
    pub(crate) fn new(stream: S, pace: Arc<Pace>, timeouts: Arc<Timeouts>) -> Self {
        Self::speaking(Spoken::Requests(Head::default()), stream, pace, timeouts)
    }

    /// The same of a stream on which HTTP/2 is spoken.
    pub(super) fn multiplexed(stream: S, pace: Arc<Pace>, streams: Arc<Streams>, timeouts: Arc<Timeouts>) -> Self {
        Self::speaking(Spoken::Streams(streams, Frames::new()), stream, pace, timeouts)
    }

    fn speaking(spoken: Spoken, stream: S, pace: Arc<Pace>, timeouts: Arc<Timeouts>) -> Self {
        let timer = || Box::pin(tokio::time::sleep(Duration::ZERO));
        Self {
            stream,
            pace,
            spoken,
            timeouts,
            seen: None,
            reading: timer(),
            stalled: false,
            writing: timer(),
            lingering: None,
        }
    }

    fn octets_came(&mut self, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        match &mut self.spoken {
            Spoken::Streams(streams, frames) => {
                frames.read(octets);
                streams.octets_came(frames);
            }
            Spoken::Requests(head) => {
                match self.pace.phase() {
                    BUSY => return,
                    HEAD => {}
                    _ => {
                        self.pace.enter(HEAD);
                        *head = Head::default();
                    }
                }
                head.read(octets);
                self.pace.ambiguous.store(head.is_ambiguous(), Ordering::Relaxed);
            }
        }
    }

    /// How long nothing may be asked. HTTP/2 has a way to say first that the connection ends (`GOAWAY`), and time to do so.
    fn idle_limit(&self) -> Duration {
        match self.spoken {
            Spoken::Requests(_) => self.timeouts.keep_alive,
            Spoken::Streams(..) => self.timeouts.keep_alive + self.timeouts.headers,
        }
    }

    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let state = self.pace.state.load(Ordering::Relaxed);
        let (limit, what) = match state & 3 {
            FRESH => (self.timeouts.first_byte, "no request came"),
            HEAD => (self.timeouts.headers, "the request's headers did not end"),
            IDLE => (self.idle_limit(), "no further request came"),
            _ => return Poll::Pending,
        };
        if self.seen != Some(state) {
            self.seen = Some(state);
            self.reading.as_mut().reset(Instant::now() + limit);
        }
        ready!(self.reading.as_mut().poll(context));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, what))
    }

    /// Passes on the outcome of a write, and watches for one that does not go through.
    fn watch_write<T>(&mut self, outcome: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = false;
            return outcome;
        }
        if !self.stalled {
            self.stalled = true;
            self.writing.as_mut().reset(Instant::now() + self.timeouts.write_stall);
        }
        ready!(self.writing.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take its response")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(outcome) => {
                this.octets_came(&buffer.filled()[before..]);
                Poll::Ready(outcome)
            }
            Poll::Pending => this.poll_late(context).map(Err),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, octets);
        this.watch_write(outcome, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.watch_write(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_flush(context);
        this.watch_write(outcome, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            let outcome = Pin::new(&mut this.stream).poll_shutdown(context);
            ready!(this.watch_write(outcome, context))?;
            if !this.pace.linger.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            this.lingering = Some(LINGER_OCTETS);
            this.reading.as_mut().reset(Instant::now() + LINGER);
        }
        let mut scratch = [0; 8 * 1024];
        while let Some(left) = this.lingering.filter(|left| *left > 0) {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    this.lingering = Some(left.saturating_sub(buffer.filled().len()));
                }
                Poll::Ready(_) => break,
                Poll::Pending => {
                    ready!(this.reading.as_mut().poll(context));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn paced() -> (Paced<tokio::io::DuplexStream>, Arc<Pace>, tokio::io::DuplexStream) {
        let (ours, theirs) = duplex(64);
        let pace = Pace::new();
        (Paced::new(ours, Arc::clone(&pace), Arc::new(Timeouts::default())), pace, theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_own_deadline() {
        let (mut stream, pace, mut peer) = paced();
        let mut buffer = [0; 8];

        let start = Instant::now();
        assert_eq!(stream.read(&mut buffer).await.unwrap_err().to_string(), "no request came");
        assert_eq!(start.elapsed().as_secs(), 5);

        peer.write_all(b"POST").await.unwrap();
        stream.read_exact(&mut buffer[..4]).await.unwrap();
        let start = Instant::now();
        let error = stream.read(&mut buffer).await.unwrap_err();
        assert_eq!(error.to_string(), "the request's headers did not end");
        assert_eq!(start.elapsed().as_secs(), 10);

        pace.busy();
        let waited = tokio::time::timeout(Duration::from_hours(1), stream.read(&mut buffer)).await;
        assert!(waited.is_err(), "while we are busy, the client owes nothing");

        pace.idle();
        let start = Instant::now();
        assert_eq!(stream.read(&mut buffer).await.unwrap_err().to_string(), "no further request came");
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn dripping_octets_do_not_move_the_deadline() {
        let (mut stream, _pace, mut peer) = paced();
        let drip = tokio::spawn(async move {
            while peer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let start = Instant::now();
        let mut buffer = [0; 8];
        let error = loop {
            match stream.read(&mut buffer).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.to_string(), "the request's headers did not end");
        assert_eq!(start.elapsed().as_secs(), 10);
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_write_ends() {
        let (mut stream, pace, _peer) = paced();
        pace.busy();
        let start = Instant::now();
        let error = stream.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.to_string(), "the client does not take its response");
        assert_eq!(start.elapsed().as_secs(), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_body_is_read_before_the_close() {
        let (mut stream, pace, mut peer) = paced();
        pace.busy();
        pace.linger();
        let sender = tokio::spawn(async move {
            let sent = peer.write_all(&[0; 10_000]).await;
            (sent, peer)
        });
        stream.shutdown().await.unwrap();
        let (sent, _peer) = sender.await.unwrap();
        sent.unwrap();
    }
}
