//! Connections that are there before the first call: nobody's call waits for a connection, or for the handshakes of TLS, that
//! could have been made while nothing was to do.

use hyper::Version;
use reqwest::Client;
use tokio::runtime::Handle;

use super::pool::{Member, Pool};

/// Opens a connection to every member of a pool, for the client's own pool of idle ones, where it ends as any that is idle.
/// What cannot be opened now is opened when it is needed, and failed then.
pub(super) fn connect(pool: &Pool, client: &Client) {
    let Ok(runtime) = Handle::try_current() else { return };
    for member in &pool.members {
        runtime.spawn(open(member, client));
    }
}

/// Opens a connection to one of them. Nothing is sent on it.
fn open(member: &Member, client: &Client) -> impl Future<Output = ()> + use<> {
    // A request of HTTP/2 does not fit on a connection of HTTP/1.1, which alone this client opens: it opens one, finds so
    // before a single octet is written, and keeps the connection for who comes next.
    let unfit = client.head(member.url.clone()).version(Version::HTTP_2).send();
    async { drop(unfit.await) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::config::{Backend, Timeouts};
    use crate::metrics::Metrics;
    use crate::upstream::{Before, Upstream, document};

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<y/>";

    fn upstream(backend: &Backend, timeouts: &Timeouts) -> Upstream {
        let metrics = Metrics::default().route("/");
        let before = Before { route: "/", limit: 1000, fault_limit: 100, sealed: false, timeouts, metrics: &metrics };
        Upstream::new(backend, &before, &mut HashSet::new()).unwrap()
    }

    async fn socket() -> (TcpListener, reqwest::Url) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/svc", socket.local_addr().unwrap()).parse().unwrap();
        (socket, url)
    }

    /// Answers the next request on a connection; what it was.
    async fn answer(stream: &mut TcpStream) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
        }
        stream.write_all(ANSWER).await.unwrap();
        String::from_utf8(seen).unwrap()
    }

    /// Opens connections as [`connect`] does, and waits for them.
    async fn opened(upstream: &Upstream) {
        for member in &upstream.pool.members {
            open(member, &upstream.client).await;
        }
    }

    #[tokio::test]
    async fn the_first_call_finds_a_connection_on_which_nothing_was_sent() {
        let ((socket, url), (other_socket, other)) = (socket().await, socket().await);
        let backend = Backend { urls: vec![(url.clone(), 1), (other, 1)], ..Backend::new(url.clone()) };
        let upstream = upstream(&backend, &Timeouts::default());
        opened(&upstream).await;
        let (mut stream, _) = socket.accept().await.unwrap();
        let (other, _) = other_socket.accept().await.unwrap();
        assert!(other.try_read(&mut [0; 1]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
        let call = tokio::spawn(async move { document(upstream.client(), url, 1000).await });
        let asked = answer(&mut stream).await;
        assert!(asked.starts_with("GET /svc HTTP/1.1\r\n"), "{asked}");
        assert_eq!(call.await.unwrap().unwrap(), b"<y/>");
    }

    #[tokio::test]
    async fn one_that_the_backend_closed_is_not_used() {
        let (socket, url) = socket().await;
        let upstream = upstream(&Backend::new(url.clone()), &Timeouts::default());
        opened(&upstream).await;
        drop(socket.accept().await.unwrap());
        // The client's side of it hears of that within a turn.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let call = tokio::spawn(async move { document(upstream.client(), url, 1000).await });
        let (mut stream, _) = socket.accept().await.unwrap();
        answer(&mut stream).await;
        assert_eq!(call.await.unwrap().unwrap(), b"<y/>");
    }

    #[tokio::test]
    async fn connections_are_opened_ahead_where_that_is_wanted_and_they_are_kept() {
        let (socket, url) = socket().await;
        for (connect_ahead, idle, opens) in [(true, 15, true), (true, 0, false), (false, 15, false)] {
            let timeouts = Timeouts { backend_idle: Duration::from_secs(idle), ..Timeouts::default() };
            upstream(&Backend { connect_ahead, ..Backend::new(url.clone()) }, &timeouts).connect_ahead();
            let accepted = tokio::time::timeout(Duration::from_millis(200), socket.accept()).await;
            assert_eq!(accepted.is_ok(), opens, "{connect_ahead} {idle}");
        }
    }
}
