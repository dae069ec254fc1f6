//! A server over the plain service, and a client on a raw socket.

#![allow(dead_code, reason = "each test program uses what it needs of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use nuncio::config::{Cidr, ConnectionLimits, MessageLimits, RouteHost, RoutePath, Timeouts};
use nuncio::gateway::{Handler, Parts, Route, serve};
use nuncio::http::{Inbound, Outbound};
use nuncio::listen::{ClientCertificates, Listener, Side, TlsSettings, server_config, unchanging};
use nuncio::log::Audit;
use nuncio::metrics::Traffic;
use nuncio::service::{Claimed, Echo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const ENVELOPE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
    <Echo xmlns=\"http://nuncio.example/echo\"><text>hello</text></Echo></s:Body></s:Envelope>";

/// A handler that does what the text of its message says.
#[derive(Clone)]
pub(crate) struct Scripted {
    echo: Echo,
    pause: Duration,
}

impl Handler for Scripted {
    type Heard = Claimed;

    fn hear(headers: &HeaderMap) -> Claimed {
        Echo::hear(headers)
    }

    async fn handle(&self, request: Inbound, claimed: Claimed, audit: &mut Audit) -> Outbound {
        assert_ne!(request.path, "/panic", "a handler that panics, as the test asked");
        tokio::time::sleep(self.pause).await;
        if request.path == "/transport" {
            let body = format!("{:?}", request.transport).into_bytes();
            let content_type = Some("text/plain".to_owned());
            return Outbound { status: StatusCode::OK, content_type, body };
        }
        self.echo.handle(request, claimed, audit).await
    }
}

/// A server under test.
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    /// What its TLS proves itself by.
    #[allow(dead_code, reason = "each test that is a program of its own uses what it needs")]
    pub(crate) certificate: rustls_pki_types::CertificateDer<'static>,
    pub(crate) requests: Arc<AtomicU64>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<usize>,
}

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) timeouts: Timeouts,
    pub(crate) connections: ConnectionLimits,
    pub(crate) hosts: Vec<RouteHost>,
    pub(crate) path: RoutePath,
    pub(crate) tls: bool,
    pub(crate) http2: bool,
    pub(crate) clients: Option<ClientCertificates>,
    pub(crate) tls_terminated_by: Vec<Cidr>,
    pub(crate) pause: Duration,
}

pub(crate) fn options() -> Options {
    let milliseconds = Duration::from_millis;
    Options {
        timeouts: Timeouts {
            handshake: milliseconds(200),
            first_byte: milliseconds(200),
            headers: milliseconds(300),
            body: milliseconds(400),
            keep_alive: milliseconds(500),
            drain: milliseconds(600),
            ..Timeouts::default()
        },
        connections: ConnectionLimits { header_bytes: 8192, headers: 16, ..ConnectionLimits::default() },
        hosts: Vec::new(),
        path: RoutePath::Any,
        tls: false,
        http2: true,
        clients: None,
        tls_terminated_by: Vec::new(),
        pause: Duration::ZERO,
    }
}

impl Server {
    pub(crate) async fn start(options: Options) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let tls = options.tls.then(|| {
            let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
            let (http2, clients) = (options.http2, options.clients.clone());
            let (certificate, key) = (certificate.as_bytes(), key.as_bytes());
            server_config(TlsSettings { certificate, key, http2, clients }).unwrap()
        });
        let echo = Echo::new(MessageLimits::default());
        let requests = echo.requests();
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(serve(Parts {
            listeners: vec![Listener {
                side: Side::Ingress,
                socket: Arc::new(socket),
                reuse_port: false,
                tls,
                tls_terminated_by: options.tls_terminated_by,
            }],
            routes: vec![Route {
                side: Side::Ingress,
                hosts: options.hosts,
                path: options.path,
                contract: None,
                handler: Scripted { echo, pause: options.pause },
                body_bytes: 10_000,
            }],
            connections: options.connections,
            timeouts: options.timeouts,
            traffic: Traffic::default(),
            changes: unchanging(),
            ready: move || ready.send(()).unwrap(),
            shutdown: async move { stopped.await.unwrap_or_default() },
        }));
        is_ready.await.unwrap();
        Self { address, certificate: made.cert.der().clone(), requests, stop: Some(stop), task }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends octets on a new connection and reads until the other side closes.
    pub(crate) async fn say(&self, octets: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // A server that has heard enough may close before all is sent.
        let _ = stream.write_all(octets.as_ref()).await;
        rest(&mut stream).await
    }

    pub(crate) fn count(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server neither answers nor closes");
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn post(path: &str, headers: &str) -> String {
    let length = ENVELOPE.len();
    format!("POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n{headers}\r\n")
}

pub(crate) fn whole(path: &str) -> String {
    post(path, "Connection: close\r\n") + ENVELOPE
}
