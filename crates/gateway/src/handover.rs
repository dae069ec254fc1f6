//! Sockets that are handed over: taken from who started the gateway, and left to another process that listens beside it.
//!
//! A service manager that binds a socket and passes it on (`LISTEN_FDS`) keeps it open while one gateway ends and the next
//! begins: who connects meanwhile waits in its queue, and nobody is refused. That is the better of two ways. The other is
//! `SO_REUSEPORT`: the next gateway binds the same address beside the one that ends, and Linux gives each connection to one
//! of the two. What waits in the queue of a socket that is closed is reset; so before it is, its queue is let run dry.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait for their accept: as many as tokio's own listeners have.
const BACKLOG: u32 = 1024;
/// How long connections that have begun may take to be whole, before a socket beside which another one listens is closed.
/// Shorter than the second after which a client tries again that was passed over, so that it finds the other socket.
pub(crate) const LAST_HANDSHAKES: Duration = Duration::from_millis(500);

/// Sockets that were passed to this process, each with its name.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(String, std::net::TcpListener)>);

impl Inherited {
    /// Those that the environment speaks of (`LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES`), which says so no more
    /// afterwards. To be called before there are other threads.
    pub fn take() -> io::Result<Self> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names: VecDeque<_> = names.split(':').collect();
        let mut passed = listenfd::ListenFd::from_env();
        let mut sockets = Vec::with_capacity(passed.len());
        for at in 0..passed.len() {
            let name = names.pop_front().unwrap_or_default().to_owned();
            if let Some(socket) = passed.take_tcp_listener(at)? {
                socket.set_nonblocking(true)?;
                sockets.push((name, socket));
            }
        }
        Ok(Self(sockets))
    }

    /// The socket of that name.
    fn named(&mut self, name: &str) -> Option<std::net::TcpListener> {
        self.only(|(own, _)| own == name)
    }

    /// The socket at one of these addresses.
    fn at(&mut self, addresses: &[SocketAddr]) -> Option<std::net::TcpListener> {
        self.only(|(_, socket)| socket.local_addr().is_ok_and(|own| addresses.contains(&own)))
    }

    fn only(&mut self, is: impl FnMut(&(String, std::net::TcpListener)) -> bool) -> Option<std::net::TcpListener> {
        let at = self.0.iter().position(is)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Those that nobody took: name and address.
    pub fn left(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, socket)| match socket.local_addr() {
            Ok(address) => format!("{name} ({address})"),
            Err(_) => name.clone(),
        })
    }
}

/// How a listener comes by its socket.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Binding {
    /// The name under which it is passed; `None` for one that is passed with the listener's address, or else bound.
    pub socket: Option<String>,
    /// Whether other processes may listen at the same address.
    pub reuse_port: bool,
}

/// A listener's socket at `address`: one that was passed, or else one that is bound.
pub(crate) async fn bind(address: &str, binding: &Binding, inherited: &mut Inherited) -> io::Result<TcpListener> {
    let passed = match &binding.socket {
        Some(name) => {
            let missing = || io::Error::new(io::ErrorKind::NotFound, format!("no socket named {name:?} was passed"));
            Some(inherited.named(name).ok_or_else(missing)?)
        }
        None if inherited.0.is_empty() => None,
        None => inherited.at(&tokio::net::lookup_host(address).await?.collect::<Vec<_>>()),
    };
    match passed {
        Some(socket) => TcpListener::from_std(socket),
        None if binding.reuse_port => beside_others(address).await,
        None => TcpListener::bind(address).await,
    }
}

/// A socket at an address at which others may listen too.
async fn beside_others(address: &str) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "the name leads nowhere");
    for address in tokio::net::lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Has the kernel pass over who begins to connect to `socket`: he tries again a second later, and finds another socket.
/// Who has begun goes on, and is there to be accepted.
///
/// Nothing is needed where the kernel moves what waits to the other socket (`net.ipv4.tcp_migrate_req`).
#[cfg(target_os = "linux")]
pub(crate) fn begin_no_more(socket: &TcpListener) -> io::Result<()> {
    use socket2::{SockFilter, SockRef};
    /// Instructions of the classic Berkeley packet filter.
    const LOAD_OCTET: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    /// Where a TCP segment has its flags (RFC 9293, section 3.1), and the one that begins a connection.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    SockRef::from(socket).attach_filter(&[
        SockFilter::new(LOAD_OCTET, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Elsewhere there is no such thing.
#[cfg(not(target_os = "linux"))]
pub(crate) fn begin_no_more(_socket: &TcpListener) -> io::Result<()> {
    Ok(())
}

/// What a service manager is told (`sd_notify`), where there is one that listens.
pub(crate) enum Told {
    /// It serves, or has reloaded.
    Ready,
    /// It reloads.
    Reloading,
    /// It ends.
    Stopping,
}

/// Tells the service manager.
pub(crate) fn tell(what: &Told) {
    let told = match what {
        Told::Ready => sd_notify::notify(&[NotifyState::Ready]),
        // Since when, so that the manager does not take an older word that it is ready for the end of this.
        Told::Reloading => {
            NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]))
        }
        Told::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    };
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed() -> (Inherited, [SocketAddr; 2]) {
        let sockets = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
        for socket in &sockets {
            socket.set_nonblocking(true).unwrap();
        }
        let [first, second] = sockets;
        (Inherited(vec![("a".into(), first), ("b".into(), second)]), addresses)
    }

    #[tokio::test]
    async fn a_socket_is_found_by_its_name_or_by_its_address() {
        let (mut inherited, [first, second]) = passed();
        let by_name = Binding { socket: Some("b".into()), ..Binding::default() };
        let named = bind("127.0.0.1:1", &by_name, &mut inherited).await.unwrap();
        assert_eq!(named.local_addr().unwrap(), second);
        assert_eq!(inherited.left().collect::<Vec<_>>(), [format!("a ({first})")]);
        let again = bind("127.0.0.1:1", &by_name, &mut inherited).await.unwrap_err();
        assert_eq!(again.to_string(), "no socket named \"b\" was passed");
        let found = bind(&first.to_string(), &Binding::default(), &mut inherited).await.unwrap();
        assert_eq!(found.local_addr().unwrap(), first);
        assert_eq!(inherited.left().count(), 0);
        assert!(bind(&first.to_string(), &Binding::default(), &mut inherited).await.is_err(), "it is in use");
    }

    #[tokio::test]
    async fn others_may_listen_where_a_listener_says_so() {
        let shared = Binding { reuse_port: true, ..Binding::default() };
        let first = bind("127.0.0.1:0", &shared, &mut Inherited::default()).await.unwrap();
        let address = first.local_addr().unwrap().to_string();
        assert!(bind(&address, &shared, &mut Inherited::default()).await.is_ok());
        assert!(bind(&address, &Binding::default(), &mut Inherited::default()).await.is_err());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_has_begun_to_connect_goes_on_and_who_has_not_is_passed_over() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let begun = tokio::net::TcpStream::connect(address).await.unwrap();
        begin_no_more(&socket).unwrap();
        let late = tokio::net::TcpStream::connect(address);
        assert!(
            tokio::time::timeout(Duration::from_millis(200), late).await.is_err(),
            "it is neither taken nor refused"
        );
        let (accepted, peer) = socket.accept().await.unwrap();
        assert_eq!(peer, begun.local_addr().unwrap());
        drop(accepted);
    }
}
