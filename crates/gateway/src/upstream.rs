//! The plain service behind a route: one POST a message, answered or not.
//!
//! A request is built from nothing, a call is never sent twice, and whatever goes wrong has one name: [`Unavailable`].

use std::time::Duration;

use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use nuncio_wss::Plain;
use reqwest::{Certificate, Client, Response, Url, redirect, retry};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::config::Timeouts;
use crate::identity::Permit;
use crate::media;
use crate::trace::{TRACEPARENT, Trace};
use crate::tracestate::TRACESTATE;

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
    /// It publishes nothing there.
    #[error("the backend answered {0} where it should publish a document")]
    NotPublished(u16),
    /// It compresses what it was asked to send as it is.
    #[error("the backend's document has Content-Encoding {0}")]
    Encoded(String),
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

    /// Where the backend is.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Fetches what the backend publishes at a URL of its own, of so many octets at most.
    pub(crate) async fn document(&self, url: Url, limit: usize) -> Result<Vec<u8>, Unavailable> {
        let response = self.client.get(url).header(ACCEPT_ENCODING, "identity").send().await.map_err(unavailable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Unavailable::NotPublished(status));
        }
        match response.headers().get(CONTENT_ENCODING) {
            Some(encoding) if encoding != "identity" => Err(Unavailable::Encoded(format!("{encoding:?}"))),
            _ => whole(response, limit).await,
        }
    }

    /// Sends `plain`, in the name that `permit` says and as part of `trace`, and waits for its answer. Whatever happens, it
    /// is sent once at most.
    pub async fn forward(&self, permit: &Permit, trace: Option<&Trace>, plain: Plain) -> Result<Answer, Unavailable> {
        let header =
            |value: String| HeaderValue::try_from(value).map_err(|error| Unavailable::Request(error.to_string()));
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, header(plain.content_type)?);
        if let Some(action) = plain.soap_action {
            request = request.header(SOAP_ACTION, header(action)?);
        }
        if let Some((trace, parent)) = trace.and_then(|trace| Some((trace, trace.parent.header()?))) {
            request = request.header(TRACEPARENT, parent);
            if let Some(state) = &trace.state {
                request = request.header(TRACESTATE, state.header());
            }
        }
        for (name, value) in permit.headers() {
            request = request.header(name, value);
        }
        let response = request.body(plain.body).send().await.map_err(unavailable)?;

        let status = response.status();
        let content_type =
            response.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?")).to_owned();
        let body = whole(response, self.limit).await?;
        let status = status.as_u16();
        match status {
            200 | 202 | 204 if body.is_empty() => Ok(Answer { status, content_type: String::new(), body }),
            200 | 202 | 400..=599 if media::version(&content_type).is_some() && !body.is_empty() => {
                Ok(Answer { status, content_type, body })
            }
            _ => Err(Unavailable::NotSoap { status, content_type }),
        }
    }
}

/// The body of a response of so many octets at most.
async fn whole(mut response: Response, limit: usize) -> Result<Vec<u8>, Unavailable> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if chunk.len() > limit - body.len() {
            return Err(Unavailable::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use nuncio_wss::Principal;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::identity::{Caller, Telling};

    /// What a backend does with a connection, once a request has come.
    #[derive(Clone)]
    enum Behaviour {
        Answers(Vec<u8>),
        Closes,
        Hangs,
        /// The head of an answer, then white space for ever.
        Floods,
    }

    /// A backend that counts requests and remembers the last one.
    struct Backend {
        url: Url,
        requests: Arc<AtomicUsize>,
        last: Arc<std::sync::Mutex<String>>,
    }

    async fn backend(behaviour: Behaviour) -> Backend {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/svc?x=1", socket.local_addr().unwrap()).parse().unwrap();
        let backend = Backend { url, requests: Arc::default(), last: Arc::default() };
        let (requests, last) = (Arc::clone(&backend.requests), Arc::clone(&backend.last));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = socket.accept().await.unwrap();
                let mut seen = Vec::new();
                while !seen.ends_with(b"<x/>") {
                    if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                requests.fetch_add(1, Ordering::SeqCst);
                *last.lock().unwrap() = String::from_utf8(seen).unwrap();
                match &behaviour {
                    Behaviour::Answers(octets) => drop(stream.write_all(octets).await),
                    Behaviour::Closes => {}
                    Behaviour::Hangs => std::future::pending().await,
                    Behaviour::Floods => {
                        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
                        let mut sent = stream.write_all(head).await;
                        while sent.is_ok() {
                            sent = stream.write_all(b"10\r\n                \r\n").await;
                        }
                    }
                }
            }
        });
        backend
    }

    fn plain() -> Plain {
        Plain {
            content_type: "text/xml; charset=utf-8".into(),
            soap_action: Some("\"urn:do\"".into()),
            body: b"<x/>".to_vec(),
        }
    }

    async fn ask(url: &Url) -> Result<Answer, Unavailable> {
        let timeouts = Timeouts {
            backend_connect: Duration::from_millis(500),
            backend_read: Duration::from_millis(200),
            backend_total: Duration::from_millis(800),
            ..Timeouts::default()
        };
        let caller =
            Caller { principal: Principal::User("Zoë".into()), conversation: Some("c-1".into()), roles: Vec::new() };
        let permit = Permit::assertion(caller, &Telling::default()).unwrap();
        Upstream::new(url.clone(), None, 1000, &timeouts).unwrap().forward(&permit, None, plain()).await
    }

    fn response(head: &str, body: &str) -> Behaviour {
        let length = body.len();
        Behaviour::Answers(format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes())
    }

    #[tokio::test]
    async fn a_request_is_what_we_say_and_nothing_else() {
        let backend = backend(response("200 OK\r\nContent-Type: text/xml; charset=utf-8", "<y/>")).await;
        let answer = ask(&backend.url).await.unwrap();
        let content_type = "text/xml; charset=utf-8".to_owned();
        assert_eq!(answer, Answer { status: 200, content_type, body: b"<y/>".to_vec() });
        let host = backend.url.authority();
        let sent = backend.last.lock().unwrap().to_ascii_lowercase();
        let mut lines: Vec<&str> = sent.split("\r\n").collect();
        assert_eq!(lines.remove(0), "post /svc?x=1 http/1.1");
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "",
                "<x/>",
                "accept: */*",
                "content-length: 4",
                "content-type: text/xml; charset=utf-8",
                &format!("host: {host}"),
                "soapaction: \"urn:do\"",
                "x-nuncio-conversation: c-1",
                "x-nuncio-principal: zo%c3%ab",
            ]
        );
    }

    #[tokio::test]
    async fn faults_and_empty_answers_are_answers() {
        for (head, body, status) in [
            ("500 Oops\r\nContent-Type: application/soap+xml", "<f/>", 500),
            ("400 Bad\r\nContent-Type: application/soap+xml", "<f/>", 400),
            ("202 Accepted", "", 202),
            ("200 OK\r\nContent-Type: text/html", "", 200),
        ] {
            let backend = backend(response(head, body)).await;
            let answer = ask(&backend.url).await.unwrap();
            assert_eq!((answer.status, &*answer.body), (status, body.as_bytes()), "{head}");
        }
    }

    #[tokio::test]
    async fn whatever_goes_wrong_is_unavailable_and_sent_once() {
        let canary = backend(response("200 OK\r\nContent-Type: text/xml", "<y/>")).await;
        let elsewhere = format!("302 Found\r\nContent-Type: text/xml\r\nLocation: {}", canary.url);
        let large = format!("<y>{}</y>", "x".repeat(1000));
        for (behaviour, reason) in [
            (response(&elsewhere, "<y/>"), "the backend answered 302 with Content-Type \"text/xml\""),
            (
                response("200 OK\r\nContent-Type: text/html", "<y/>"),
                "the backend answered 200 with Content-Type \"text/html\"",
            ),
            (response("500 Oops\r\nContent-Type: text/html", "<y/>"), "the backend answered 500"),
            (response("500 Oops", ""), "the backend answered 500"),
            (response("200 OK", "<y/>"), "the backend answered 200 with Content-Type \"\""),
            (response("200 OK\r\nContent-Type: text/xml", &large), "the backend's answer has more than 1000 octets"),
            (Behaviour::Floods, "the backend's answer has more than 1000 octets"),
            (Behaviour::Hangs, "the backend did not answer in time"),
            (Behaviour::Closes, "the backend's answer broke off"),
            (Behaviour::Answers(b"SSH-2.0-OpenSSH\r\n".to_vec()), "the backend's answer broke off"),
            (
                Behaviour::Answers(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 9\r\n\r\n<y/>".to_vec(),
                ),
                "the backend's answer broke off",
            ),
        ] {
            let backend = backend(behaviour).await;
            let error = ask(&backend.url).await.unwrap_err().to_string();
            assert!(error.starts_with(reason), "{error}\n is not\n{reason}");
            assert_eq!(backend.requests.load(Ordering::SeqCst), 1, "{error}");
        }
        assert_eq!(canary.requests.load(Ordering::SeqCst), 0, "a redirect is not followed");
    }

    #[tokio::test]
    async fn a_backend_that_is_down_is_unreachable_at_once() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", socket.local_addr().unwrap()).parse().unwrap();
        drop(socket);
        let start = std::time::Instant::now();
        let error = ask(&url).await.unwrap_err();
        assert!(matches!(error, Unavailable::Unreachable(_)), "{error}");
        assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    }

    #[test]
    fn trust_that_is_no_certificate_is_refused() {
        let url: Url = "https://localhost/".parse().unwrap();
        let refused = Upstream::new(url, Some(b"nothing"), 1, &Timeouts::default());
        assert!(matches!(refused.err(), Some(UpstreamProblem::Trust)));
    }
}
