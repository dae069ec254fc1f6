//! Clients of HTTP/2: a polite one, and one that writes its frames by hand.

use std::sync::Arc;
use std::time::Duration;

use h2::client::SendRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::serving::{ENVELOPE, Server};

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const CONTINUATION: u8 = 0x9;
pub(crate) const END_HEADERS: u8 = 0x4;

/// A connection under TLS that offers these protocols.
pub(crate) async fn secured(server: &Server, alpn: &[&str]) -> TlsStream<tokio::net::TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await.unwrap()
}

/// A polite client. Its connection is driven in the background.
pub(crate) async fn client(server: &Server, builder: &h2::client::Builder) -> SendRequest<bytes::Bytes> {
    let (client, connection) = builder.handshake(secured(server, &["h2"]).await).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A request with these headers over the usual ones.
pub(crate) fn request(path: &str, headers: &[(&str, &str)]) -> axum::http::Request<()> {
    let mut builder = axum::http::Request::post(format!("https://localhost{path}")).header("content-type", "text/xml");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.version(axum::http::Version::HTTP_2).body(()).unwrap()
}

/// Sends a request with the usual body, and reads the answer whole.
pub(crate) async fn ask(
    client: &SendRequest<bytes::Bytes>,
    request: axum::http::Request<()>,
) -> Result<(u16, String), h2::Error> {
    let mut client = client.clone().ready().await?;
    let (response, mut body) = client.send_request(request, false)?;
    // A server that has said no may have reset what it does not want to hear.
    let _ = body.send_data(bytes::Bytes::from_static(ENVELOPE.as_bytes()), true);
    read(response).await
}

/// Reads an answer whole.
pub(crate) async fn read(response: h2::client::ResponseFuture) -> Result<(u16, String), h2::Error> {
    let response = response.await?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        text.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len())?;
    }
    Ok((status, String::from_utf8(text).unwrap()))
}

/// A frame that was read.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The error code of one that ends something.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A client that writes its frames by hand.
pub(crate) struct Rude(pub(crate) TlsStream<tokio::net::TcpStream>);

impl Rude {
    /// Says nothing yet.
    pub(crate) async fn silent(server: &Server) -> Self {
        Self(secured(server, &["h2"]).await)
    }

    /// Has said what a client says first.
    pub(crate) async fn begun(server: &Server) -> Self {
        let mut this = Self::silent(server).await;
        let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
        assert!(this.send(&hello).await);
        this
    }

    /// Whether it could still be sent.
    pub(crate) async fn send(&mut self, octets: &[u8]) -> bool {
        self.0.write_all(octets).await.is_ok() && self.0.flush().await.is_ok()
    }

    /// The next frame; `None` when the connection is closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let [first, second, third, kind, _, stream @ ..] = head;
            let length = u32::from_be_bytes([0, first, second, third]) as usize;
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame { kind, stream: u32::from_be_bytes(stream), payload })
        };
        tokio::time::timeout(Duration::from_secs(5), read).await.expect("the server neither says anything nor closes")
    }

    /// Reads until the connection is closed; all that came.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

/// A frame, as it is written.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut octets = vec![length[1], length[2], length[3], kind, flags];
    octets.extend(stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

/// A header block of literals that are not indexed (RFC 7541 section 6.2.2).
pub(crate) fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// The block of a sound request.
pub(crate) fn sound() -> Vec<u8> {
    let target = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")];
    block(&[&target[..], &[("content-type", "text/xml")]].concat())
}
