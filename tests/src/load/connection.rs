//! One connection of a client's, kept open from call to call, in the clear or under TLS.

use std::pin::{Pin, pin};
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use nuncio_wss::Outbound;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::peers;

/// An answer, read whole.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Where a service is, and how it is reached.
#[derive(Clone)]
pub struct Target {
    authority: String,
    path: String,
    tls: Option<TlsConnector>,
}

impl Target {
    /// The target of an `http` or `https` URL with a port. Under TLS the test server's certificate is the one that is trusted.
    pub fn new(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("{url} is no URL"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let tls = match scheme {
            "http" => None,
            "https" => Some(connector()?),
            _ => return Err(format!("{url} is neither http:// nor https://")),
        };
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { authority: authority.to_owned(), path: path.to_owned(), tls })
    }

    fn request(&self, method: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::builder().method(method).uri(&self.path).header(HOST, &self.authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::from(body)).map_err(|error| error.to_string())
    }
}

fn connector() -> Result<TlsConnector, String> {
    let server = peers::credential("server")?.certificate;
    let mut roots = RootCertStore::empty();
    roots.add(server.der().to_vec().into()).map_err(|error| error.to_string())?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What moves octets between hyper and the socket; polled by the caller, so that a call wakes one task and not two.
type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A connection, opened when it is needed.
pub struct Connection {
    target: Target,
    open: Option<(SendRequest<Full<Bytes>>, Driver)>,
}

impl Connection {
    /// A connection that is not open yet.
    pub fn new(target: Target) -> Self {
        Self { target, open: None }
    }

    /// Posts a message and reads the answer whole. After an error the next call opens another connection.
    pub async fn post(&mut self, message: &Outbound) -> Result<Answer, String> {
        let mut headers = vec![(CONTENT_TYPE.as_str(), message.content_type.as_str())];
        headers.extend(message.soap_action.as_deref().map(|action| ("soapaction", action)));
        let request = self.target.request("POST", &headers, message.body.clone())?;
        self.send(request).await
    }

    /// Asks for what is there under that query.
    pub async fn get(&mut self, query: &str) -> Result<Answer, String> {
        let target = Target { path: format!("{}?{query}", self.target.path), ..self.target.clone() };
        let request = target.request("GET", &[], Vec::new())?;
        self.send(request).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let (mut sender, mut driver) = match self.open.take() {
            Some(open) => open,
            None => connect(&self.target).await?,
        };
        let asking = async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(Response::from_parts(head, body))
        };
        let answer = {
            let mut asking = pin!(asking);
            tokio::select! {
                biased;
                answer = asking.as_mut() => answer,
                // What came before the end may be the whole answer. What was not sent yet never will be, and is told so when
                // the driver is gone.
                _ = &mut driver => {
                    driver = Box::pin(std::future::pending());
                    asking.await
                }
            }
        };
        let answer = answer.map_err(|error| cause(&error))?;
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let closes =
            answer.headers().get("connection").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let status = answer.status().as_u16();
        if !closes && !sender.is_closed() {
            self.open = Some((sender, driver));
        }
        Ok(Answer { status, content_type, body: answer.into_body().into() })
    }
}

async fn connect(target: &Target) -> Result<(SendRequest<Full<Bytes>>, Driver), String> {
    let Target { authority, tls, .. } = target;
    let stream = TcpStream::connect(authority).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    match tls {
        None => shake(stream).await,
        Some(connector) => {
            let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
            let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
            shake(connector.connect(name, stream).await.map_err(|error| error.to_string())?).await
        }
    }
}

async fn shake<S>(stream: S) -> Result<(SendRequest<Full<Bytes>>, Driver), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| cause(&error))?;
    Ok((sender, Box::pin(connection)))
}

/// An error of hyper's with what is behind it, without what differs from call to call.
fn cause(error: &hyper::Error) -> String {
    let inner = std::error::Error::source(error).map(ToString::to_string);
    inner.map_or_else(|| error.to_string(), |inner| format!("{error}: {inner}"))
}
