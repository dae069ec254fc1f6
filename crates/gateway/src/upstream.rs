//! The plain service behind a route: one POST a message, answered or not.
//!
//! A request is built from nothing, a call is never sent twice, and whatever goes wrong has one name: [`Unavailable`].

use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use nuncio_wss::Plain;
use reqwest::{Certificate, Client, Url, redirect, retry};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::config::Timeouts;
use crate::http::is_soap;
use crate::identity::Permit;

/// Connections to one backend that are kept while nobody uses them.
const IDLE_CONNECTIONS: usize = 64;
/// Header lines of a backend's answer.
const ANSWER_HEADERS: usize = 64;
/// The header that carries the action in SOAP 1.1.
const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// One backend.
#[derive(Clone)]
pub struct Upstream {
    client: Client,
    url: Url,
    /// The largest answer, in octets.
    limit: usize,
}

/// What a backend answered.
#[derive(Debug, Eq, PartialEq)]
pub struct Answer {
    /// The status: of success, or one that carries a SOAP fault.
    pub status: u16,
    /// `Content-Type`: SOAP's, or empty where the body is.
    pub content_type: String,
    /// The body; empty for a one-way call.
    pub body: Vec<u8>,
}

/// Why there is no answer to pass on. For the log alone: it may name hosts.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// No connection within the time for it.
    #[error("the backend cannot be reached: {0}")]
    Unreachable(String),
    /// Connected, but the answer did not come in time.
    #[error("the backend did not answer in time: {0}")]
    Slow(String),
    /// The connection or the answer broke.
    #[error("the backend's answer broke off: {0}")]
    Broken(String),
    /// The answer is larger than the route allows.
    #[error("the backend's answer has more than {0} octets")]
    TooLarge(usize),
    /// It answered something that is no SOAP message.
    #[error("the backend answered {status} with Content-Type {content_type:?}, which is no SOAP message")]
    NotSoap {
        /// The status.
        status: u16,
        /// The content type.
        content_type: String,
    },
    /// The message itself cannot be put into a request: a fault of ours.
    #[error("the request to the backend cannot be built: {0}")]
    Request(String),
}

/// Why a client for a backend cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamProblem {
    /// A trusted certificate is not PEM, or there is none in the file.
    #[error("there is no certificate in PEM in it")]
    Trust,
    /// The TLS library or the system's certificate store refuses.
    #[error("no client can be made for the backend: {0}")]
    Client(String),
}

impl Upstream {
    /// A client for the backend at `url`, whose answers may have `limit` octets. `trust` is PEM: certificates that an
    /// `https` backend is checked against in place of the system's.
    pub fn new(url: Url, trust: Option<&[u8]>, limit: usize, timeouts: &Timeouts) -> Result<Self, UpstreamProblem> {
        // reqwest asks for the process's provider. An error says that there is one already, which is as good.
        let _ = CryptoProvider::install_default(aws_lc_rs::default_provider());
        let mut client = Client::builder()
            // An operator's environment is not a route's: no proxy that the configuration does not name.
            .no_proxy()
            // Elsewhere is not where the operator said, and a POST would arrive there as a GET.
            .redirect(redirect::Policy::none())
            // What was sent may have been acted on.
            .retry(retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(ANSWER_HEADERS)
            .tcp_nodelay(true)
            .connect_timeout(timeouts.backend_connect)
            .read_timeout(timeouts.backend_read)
            .timeout(timeouts.backend_total)
            .pool_idle_timeout(timeouts.backend_idle)
            .pool_max_idle_per_host(IDLE_CONNECTIONS);
        if timeouts.backend_idle == Duration::ZERO {
            client = client.pool_max_idle_per_host(0);
        }
        if let Some(roots) = roots(&url, trust)? {
            client = client.tls_certs_only(roots);
        }
        let client = client.build().map_err(|error| UpstreamProblem::Client(causes(&error)))?;
        Ok(Self { client, url, limit })
    }

    /// Sends `plain`, in the name that `permit` says, and waits for its answer. Whatever happens, it is sent once at most.
    pub async fn forward(&self, permit: &Permit, plain: Plain) -> Result<Answer, Unavailable> {
        let header = |value: String| HeaderValue::try_from(value).map_err(|error| Unavailable::Request(error.to_string()));
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, header(plain.content_type)?);
        if let Some(action) = plain.soap_action {
            request = request.header(SOAP_ACTION, header(action)?);
        }
        for (name, value) in permit.headers() {
            request = request.header(name, value);
        }
        let mut response = request.body(plain.body).send().await.map_err(unavailable)?;

        let status = response.status();
        let content_type = response.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?")).to_owned();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
            if chunk.len() > self.limit - body.len() {
                return Err(Unavailable::TooLarge(self.limit));
            }
            body.extend_from_slice(&chunk);
        }
        let status = status.as_u16();
        match status {
            200 | 202 | 204 if body.is_empty() => Ok(Answer { status, content_type: String::new(), body }),
            200 | 202 | 400..=599 if is_soap(&content_type) && !body.is_empty() => Ok(Answer { status, content_type, body }),
            _ => Err(Unavailable::NotSoap { status, content_type }),
        }
    }
}

/// The certificates that a backend's TLS is checked against; `None` for the system's own.
///
/// A plain backend gets none: it must not need a machine with a certificate store.
fn roots(url: &Url, trust: Option<&[u8]>) -> Result<Option<Vec<Certificate>>, UpstreamProblem> {
    match trust {
        None if url.scheme() == "https" => Ok(None),
        None => Ok(Some(Vec::new())),
        Some(pem) => match Certificate::from_pem_bundle(pem) {
            Ok(roots) if !roots.is_empty() => Ok(Some(roots)),
            _ => Err(UpstreamProblem::Trust),
        },
    }
}

fn unavailable(error: reqwest::Error) -> Unavailable {
    let error = error.without_url();
    let why = causes(&error);
    if error.is_connect() {
        Unavailable::Unreachable(why)
    } else if error.is_timeout() {
        Unavailable::Slow(why)
    } else if error.is_builder() {
        Unavailable::Request(why)
    } else {
        Unavailable::Broken(why)
    }
}

/// An error with its causes, in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
