//! What may go wrong between two ends of TCP: a proxy that is told what to do to all that passes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// What is done to connections, to those that are there too.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Toxic {
    /// Nothing.
    #[default]
    None,
    /// Everything comes so much later, in either direction.
    Latency(Duration),
    /// There is nobody: connections are closed, and no more are taken.
    Down,
    /// So many octets a second pass, in either direction.
    Bandwidth(u32),
    /// That one side has closed the other learns so much later.
    SlowClose(Duration),
    /// Connections are taken and stay, and nothing passes: what is sent is swallowed.
    Timeout,
    /// Connections are reset, new ones as soon as something is sent.
    Reset,
    /// What passes comes in pieces of so many octets, with a pause after each.
    Slice(usize, Duration),
}

impl Toxic {
    fn ends(self) -> bool {
        matches!(self, Self::Down | Self::Reset)
    }
}

/// A proxy in front of something that listens.
pub struct Chaos {
    address: SocketAddr,
    toxic: watch::Sender<Toxic>,
    taken: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Chaos {
    /// A proxy on a free port of the loopback interface.
    pub fn to(target: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let (toxic, watched) = watch::channel(Toxic::None);
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        runtime.spawn(async move {
            if let Ok(listener) = TcpListener::from_std(listener) {
                listen(listener, address, target, watched, &counted).await;
            }
        });
        Ok(Self { address, toxic, taken, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it does from now on.
    pub fn set(&self, toxic: Toxic) {
        self.toxic.send_replace(toxic);
    }

    /// How many connections it took.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // It may be dropped by a task, which must not wait.
            runtime.shutdown_background();
        }
    }
}

async fn listen(
    listener: TcpListener,
    address: SocketAddr,
    target: SocketAddr,
    mut toxic: watch::Receiver<Toxic>,
    taken: &AtomicUsize,
) {
    let mut listener = Some(listener);
    loop {
        if *toxic.borrow_and_update() == Toxic::Down {
            listener = None;
            if toxic.changed().await.is_err() {
                return;
            }
            continue;
        }
        let bound = match listener.take() {
            Some(open) => Ok(open),
            None => TcpListener::bind(address).await,
        };
        let Ok(open) = bound else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                if let Ok((client, _)) = accepted {
                    taken.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(pass(client, target, toxic.clone()));
                }
            }
            changed = toxic.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
        listener = Some(open);
    }
}

/// One connection to its end.
async fn pass(mut client: TcpStream, target: SocketAddr, toxic: watch::Receiver<Toxic>) {
    if *toxic.borrow() == Toxic::Reset {
        let _ = client.read(&mut [0; 1024]).await;
        let _ = client.set_zero_linger();
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    for end in [&client, &server] {
        let _ = end.set_nodelay(true);
    }
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let (there, back) = (toxic.clone(), toxic.clone());
    let ((from_client, to_server), (from_server, to_client)) =
        tokio::join!(pump(from_client, to_server, there), pump(from_server, to_client, back));
    if *toxic.borrow() == Toxic::Reset {
        for end in [from_client.unsplit(to_client), from_server.unsplit(to_server)] {
            let _ = end.set_zero_linger();
        }
    }
}

/// One direction, until it is closed or all is; its halves, so that they can be put together.
async fn pump(
    from: ReadHalf<TcpStream>,
    to: WriteHalf<TcpStream>,
    toxic: watch::Receiver<Toxic>,
) -> (ReadHalf<TcpStream>, WriteHalf<TcpStream>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (mut from, mut to) = (from, to);
    tokio::join!(read(&mut from, sender, toxic.clone()), write(&mut to, receiver, toxic));
    (from, to)
}

/// What was read and when it may be written; nothing for the end.
type Piece = (Instant, Option<Vec<u8>>);

async fn read(from: &mut ReadHalf<TcpStream>, pieces: mpsc::UnboundedSender<Piece>, mut toxic: watch::Receiver<Toxic>) {
    let mut octets = vec![0; 16 * 1024];
    loop {
        let count = tokio::select! {
            count = from.read(&mut octets) => count.unwrap_or(0),
            _ = toxic.wait_for(|toxic| toxic.ends()) => return,
        };
        let set = *toxic.borrow();
        let late = match set {
            Toxic::Latency(late) => late,
            Toxic::SlowClose(late) if count == 0 => late,
            _ => Duration::ZERO,
        };
        let piece = octets.get(..count).filter(|octets| !octets.is_empty()).map(<[u8]>::to_vec);
        let swallowed = set == Toxic::Timeout && piece.is_some();
        if !swallowed && pieces.send((Instant::now() + late, piece)).is_err() {
            return;
        }
        if count == 0 {
            return;
        }
    }
}

async fn write(
    to: &mut WriteHalf<TcpStream>,
    mut pieces: mpsc::UnboundedReceiver<Piece>,
    mut toxic: watch::Receiver<Toxic>,
) {
    let mut watched = toxic.clone();
    let all = async {
        while let Some((when, piece)) = pieces.recv().await {
            sleep_until(when).await;
            let Some(octets) = piece else {
                let _ = to.shutdown().await;
                continue;
            };
            let (most, pause) = match *toxic.borrow_and_update() {
                // A hundredth of a second's octets in a hundredth of a second.
                Toxic::Bandwidth(octets) => ((octets as usize / 100).max(1), Duration::from_millis(10)),
                Toxic::Slice(most, pause) => (most.max(1), pause),
                _ => (octets.len(), Duration::ZERO),
            };
            for part in octets.chunks(most) {
                if to.write_all(part).await.is_err() {
                    return;
                }
                if pause > Duration::ZERO {
                    sleep(pause).await;
                }
            }
        }
    };
    tokio::select! {
        () = all => {}
        _ = watched.wait_for(|toxic| toxic.ends()) => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpStream;

    use super::*;

    /// Somebody who says again what he hears, until it is closed.
    fn echo() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || {
                    let (mut stream, mut octets) = (stream, [0; 4096]);
                    while let Ok(count @ 1..) = stream.read(&mut octets) {
                        let _ = stream.write_all(&octets[..count]);
                    }
                });
            }
        });
        address
    }

    fn connected(chaos: &Chaos) -> TcpStream {
        let stream = TcpStream::connect(chaos.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// What comes back of so many octets, and how long it took.
    fn said(stream: &mut TcpStream, count: usize) -> (io::Result<Vec<u8>>, Duration) {
        let begun = std::time::Instant::now();
        let sent = vec![b'x'; count];
        let mut back = vec![0; count];
        let heard = stream.write_all(&sent).and_then(|()| stream.read_exact(&mut back)).map(|()| back);
        (heard, begun.elapsed())
    }

    #[test]
    fn each_toxic_does_what_it_says() {
        let chaos = Chaos::to(echo()).unwrap();
        let mut stream = connected(&chaos);
        assert_eq!(said(&mut stream, 5).0.unwrap(), b"xxxxx");
        // Each is a time at least: how much longer it takes is the machine's.
        let late = Duration::from_millis(50);
        for (toxic, count, least) in [
            (Toxic::Latency(late), 3, 2 * late),
            (Toxic::Bandwidth(10_000), 1000, Duration::from_millis(100)),
            (Toxic::Slice(1, Duration::from_millis(5)), 10, Duration::from_millis(50)),
            (Toxic::None, 100_000, Duration::ZERO),
        ] {
            chaos.set(toxic);
            let (heard, took) = said(&mut stream, count);
            assert_eq!(heard.unwrap().len(), count);
            assert!(took >= least, "{toxic:?} took {took:?}");
        }
        chaos.set(Toxic::Timeout);
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let kind = said(&mut stream, 1).0.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind:?}");
        let mut other = connected(&chaos);
        other.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert!(said(&mut other, 1).0.is_err());
    }

    #[test]
    fn what_is_down_refuses_and_comes_back_where_it_was() {
        let chaos = Chaos::to(echo()).unwrap();
        let mut stream = connected(&chaos);
        said(&mut stream, 1).0.unwrap();
        chaos.set(Toxic::Down);
        assert!(matches!(stream.read(&mut [0]), Ok(0)), "it is closed in order");
        let begun = std::time::Instant::now();
        while TcpStream::connect(chaos.address()).is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
        chaos.set(Toxic::None);
        let begun = std::time::Instant::now();
        while TcpStream::connect(chaos.address()).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
        assert!(said(&mut connected(&chaos), 3).0.is_ok());
        assert!(chaos.taken() >= 3);
    }

    #[test]
    fn what_is_reset_is_not_closed_in_order() {
        let chaos = Chaos::to(echo()).unwrap();
        let mut stream = connected(&chaos);
        said(&mut stream, 1).0.unwrap();
        chaos.set(Toxic::Reset);
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        let mut other = connected(&chaos);
        assert_eq!(said(&mut other, 1).0.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn that_one_has_closed_is_learnt_late() {
        let chaos = Chaos::to(echo()).unwrap();
        let mut stream = connected(&chaos);
        said(&mut stream, 1).0.unwrap();
        let late = Duration::from_millis(80);
        chaos.set(Toxic::SlowClose(late));
        let begun = std::time::Instant::now();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(matches!(stream.read(&mut [0]), Ok(0)));
        assert!(begun.elapsed() >= 2 * late, "there and back");
    }
}
