//! The accept loop: connections counted, timed, decrypted, and drained at the end.
//!
//! Our own, because `axum::serve` has no deadline for headers and hyper-util's protocol detection none for the first
//! octet. HTTP/1.1, and HTTP/2 where TLS says so: a protocol is chosen by ALPN and never guessed.

mod clients;
mod frames;
mod head;
mod pace;
mod peers;
mod requests;
mod streams;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use nuncio_crypto::certificate::Certificate;
use nuncio_wss::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use clients::ClientCertificates;
pub(crate) use pace::Pace;
pub(crate) use peers::{Counted, Peers, network};
pub use tls::{TlsProblem, TlsSettings, server_config};

use crate::config::{Cidr, ConnectionLimits, Timeouts};
use crate::handover::{self, LAST_HANDSHAKES};
use crate::metrics::Traffic;

/// How long the accept loop rests when the system has no descriptor left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A bound socket and what is spoken on it.
pub struct Listener {
    /// The socket, bound and listening. Shared, so that one socket can be spoken on in another way from some moment on.
    pub socket: Arc<TcpListener>,
    /// Whether other processes may listen at the same address.
    pub reuse_port: bool,
    /// TLS settings; `None` for plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// On plain HTTP: peers that take TLS off in front of us, whose requests count as secure.
    pub tls_terminated_by: Vec<Cidr>,
    /// Which routes are served on it.
    pub side: Side,
}

/// Which routes are served on a listener.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Side {
    /// Those that hold conversations on behalf of a plain service.
    #[default]
    Ingress,
    /// Those on which plain programs call a protected service.
    Egress,
}

/// Where a request came from; the accept loop puts it into each request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) peer: IpAddr,
    /// Which routes it may reach.
    pub(crate) side: Side,
    /// Secure under TLS of ours, or of the proxy in front that we trust to take it off.
    pub(crate) transport: Transport,
    /// The certificate by which TLS has authenticated the client.
    pub(crate) client: Option<Certificate>,
    /// Whether the peer takes TLS off in front of us, and so speaks for many.
    pub(crate) inside: bool,
    pub(crate) pace: Arc<Pace>,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    Serving,
    /// Requests in flight are answered, nothing new is taken.
    Draining,
    /// What is still open is cut.
    Ended,
}

/// What every connection needs.
struct Floor {
    router: Router,
    connections: ConnectionLimits,
    timeouts: Arc<Timeouts>,
    traffic: Traffic,
    places: Arc<Semaphore>,
    peers: Arc<Peers>,
    stage: watch::Receiver<Stage>,
    /// Whether another floor has taken this one's place. What stands on it goes on, and each of its connections is closed
    /// with the next answer: the client is told so, and loses nothing.
    replaced: watch::Sender<bool>,
}

/// What is served, and on which terms.
pub struct Serving {
    /// Where.
    pub listeners: Vec<Listener>,
    /// What.
    pub router: Router,
    /// What a connection may cost.
    pub connections: ConnectionLimits,
    /// How long a peer may keep us waiting.
    pub timeouts: Timeouts,
    /// Where connections are counted.
    pub traffic: Traffic,
}

/// Other terms, from some moment on.
pub struct Change {
    /// All listeners that there shall be: those that are there already share their sockets.
    pub listeners: Vec<Listener>,
    /// How long a peer of theirs may keep us waiting.
    pub timeouts: Timeouts,
    /// Who is told when it is so.
    pub made: oneshot::Sender<()>,
}

/// No change, ever.
pub fn unchanging<T>() -> mpsc::Receiver<T> {
    mpsc::channel(1).1
}

/// Serves until `shutdown` completes, then answers what is in flight for at most [`Timeouts::drain`]. `ready` is called
/// once, when connections are accepted; each of `changes` is made when it comes.
///
/// Returns how many connections had to be cut.
pub async fn serve(
    serving: Serving,
    ready: impl FnOnce(),
    mut changes: mpsc::Receiver<Change>,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let Serving { listeners, router, connections, timeouts, traffic } = serving;
    let total = connections.connections.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
    let places = Arc::new(Semaphore::new(total));
    let (stage, watched) = watch::channel(Stage::Serving);
    let mut floor = Arc::new(Floor {
        router,
        connections,
        timeouts: Arc::new(timeouts),
        traffic,
        places: Arc::clone(&places),
        peers: Arc::default(),
        stage: watched,
        replaced: watch::Sender::new(false),
    });

    let mut beside = beside_others(&listeners);
    let mut loops = accept_on(listeners, &floor);
    ready();
    let mut shutdown = pin!(shutdown);
    loop {
        let change = tokio::select! {
            () = shutdown.as_mut() => break,
            Some(change) = changes.recv() => change,
        };
        // A loop ends where it waits for a connection, never with one in its hands: those that come meanwhile wait in the
        // kernel's queue, and find the new loops.
        loops.shutdown().await;
        floor.replaced.send_replace(true);
        floor = Arc::new(floor.changed(change.timeouts));
        beside = beside_others(&change.listeners);
        loops = accept_on(change.listeners, &floor);
        let _ = change.made.send(());
    }

    // Where another process listens too, who has begun to connect to us is still taken, and who has not goes there.
    if !beside.is_empty() {
        for socket in beside.drain(..) {
            if let Err(error) = handover::begin_no_more(&socket) {
                tracing::warn!(%error, "connections that begin now may be reset");
            }
        }
        tokio::time::sleep(LAST_HANDSHAKES).await;
    }
    // Dropping the loops closes the sockets: a client that comes now finds another instance, or none.
    loops.shutdown().await;
    let _ = stage.send(Stage::Draining);
    tracing::info!(open = total - places.available_permits(), "draining");
    // Each connection holds a permit: when all are back, all are done.
    let drained = tokio::time::timeout(floor.timeouts.drain, places.acquire_many(total as u32)).await;
    let cut = if drained.is_ok() { 0 } else { total - places.available_permits() };
    let _ = stage.send(Stage::Ended);
    cut
}

/// The sockets beside which other processes may listen.
fn beside_others(listeners: &[Listener]) -> Vec<Arc<TcpListener>> {
    listeners.iter().filter(|listener| listener.reuse_port).map(|listener| Arc::clone(&listener.socket)).collect()
}

/// One loop for each listener.
fn accept_on(listeners: Vec<Listener>, floor: &Arc<Floor>) -> JoinSet<()> {
    listeners.into_iter().map(|listener| accept(listener, Arc::clone(floor))).collect()
}

impl Floor {
    /// The same with other deadlines.
    fn changed(&self, timeouts: Timeouts) -> Self {
        Self {
            router: self.router.clone(),
            connections: self.connections.clone(),
            timeouts: Arc::new(timeouts),
            traffic: self.traffic.clone(),
            places: Arc::clone(&self.places),
            peers: Arc::clone(&self.peers),
            stage: self.stage.clone(),
            replaced: watch::Sender::new(false),
        }
    }
}

async fn accept(listener: Listener, floor: Arc<Floor>) {
    let Listener { socket, tls, tls_terminated_by: terminated_by, side, .. } = listener;
    let tls = tls.map(TlsAcceptor::from);
    loop {
        // The place first: with none free, connections wait in the kernel's queue and cost us nothing.
        let Ok(place) = Arc::clone(&floor.places).acquire_owned().await else { return };
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) if gone_already(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        // Whoever takes TLS off in front of us speaks for many.
        let inside = terminated_by.iter().any(|range| range.contains(peer.ip()));
        let counted = if inside { None } else { floor.peers.count(peer.ip(), floor.connections.per_peer) };
        if !inside && counted.is_none() {
            floor.traffic.refused();
            tracing::debug!(%peer, "connection closed: its peer has as many as it may");
            continue;
        }
        let open = floor.traffic.opened();
        let connection = Connection { peer, side, inside, tls: tls.clone(), floor: Arc::clone(&floor) };
        tokio::spawn(async move {
            connection.run(stream, place).await;
            drop((counted, open));
        });
    }
}

/// Completes when the end has come further than `stage`.
async fn past(watched: &mut watch::Receiver<Stage>, stage: Stage) {
    // The sender outlives every connection, but for the last moment, when all is past.
    let _ = watched.wait_for(|now| *now > stage).await;
}

/// Whether an accept failed because of that one client.
fn gone_already(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Connection {
    peer: SocketAddr,
    side: Side,
    tls: Option<TlsAcceptor>,
    /// Whether the peer takes TLS off in front of us.
    inside: bool,
    floor: Arc<Floor>,
}

impl Connection {
    async fn run(self, stream: TcpStream, place: OwnedSemaphorePermit) {
        let peer = self.peer;
        let mut stage = self.floor.stage.clone();
        tokio::select! {
            served = self.serve(stream) => if let Err(reason) = served {
                tracing::debug!(%peer, reason, "connection ended");
            },
            () = past(&mut stage, Stage::Draining) => {
                tracing::warn!(%peer, "connection cut: it outlived the drain");
            }
        }
        drop(place);
    }

    async fn serve(self, stream: TcpStream) -> Result<(), String> {
        // An answer is one small write: waiting for more to send with it only costs time.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let arrival = |transport, client| Arrival {
            peer: self.peer.ip(),
            side: self.side,
            transport,
            client,
            inside: self.inside,
            pace: Pace::new(),
        };
        let Some(acceptor) = &self.tls else {
            let transport = if self.inside { Transport::Secure } else { Transport::Clear };
            return requests::serve(stream, arrival(transport, None), &self.floor).await;
        };
        let stream = tokio::time::timeout(self.floor.timeouts.handshake, acceptor.accept(stream))
            .await
            .map_err(|_| "the TLS handshake took too long".to_owned())?
            .map_err(|error| format!("the TLS handshake failed: {error}"))?;
        // rustls has checked the first of them, or has refused the handshake.
        let certificate = stream.get_ref().1.peer_certificates().and_then(|sent| sent.first());
        let arrival = match certificate.map(|certificate| Certificate::from_der(certificate.to_vec())) {
            None => arrival(Transport::Secure, None),
            Some(Ok(certificate)) => arrival(Transport::Authenticated, Some(certificate)),
            Some(Err(error)) => return Err(format!("the client's certificate cannot be used: {error}")),
        };
        match stream.get_ref().1.alpn_protocol() {
            Some(tls::H2) => streams::serve(stream, arrival, &self.floor).await,
            _ => requests::serve(stream, arrival, &self.floor).await,
        }
    }
}
