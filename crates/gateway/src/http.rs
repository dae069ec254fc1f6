//! What of HTTP a SOAP request may use, and how it becomes plain values.
//!
//! Everything is checked before the body is read, and the body is read whole before anything looks at it. Nothing of a
//! request is ever relayed, so nobody behind us can read it another way.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use hyper::{Method, StatusCode};
use nuncio_crypto::certificate::Certificate;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::Transport;
use tokio::time::{Instant, timeout_at};

use crate::config::{BODY_GRACE, Timeouts};
use crate::host;
use crate::listen::Arrival;
use crate::load::{Present, Work};
use crate::media;

/// The header that carries the action in SOAP 1.1.
pub(crate) const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");
/// How a caller may say who he is.
const CHALLENGE: &str = "Basic realm=\"nuncio\", charset=\"UTF-8\", Bearer realm=\"nuncio\"";
/// Seconds after which a client that was turned away for load may come again.
const RETRY_SECONDS: &str = "5";

/// A request, read whole.
#[derive(Debug)]
pub struct Inbound {
    /// The path it asked for.
    pub path: String,
    /// `Content-Type`, as sent.
    pub content_type: String,
    /// The version of SOAP that it means.
    pub soap: SoapVersion,
    /// `SOAPAction`, as sent, quotes included.
    pub soap_action: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether TLS protected it.
    pub transport: Transport,
    /// Who sent it; of a connection through a proxy, that proxy.
    pub peer: IpAddr,
    /// Whether that is a proxy which takes TLS off in front of us.
    pub relayed: bool,
    /// The certificate by which TLS has authenticated who sent it.
    pub client: Option<Certificate>,
}

/// A response.
#[derive(Debug)]
pub struct Outbound {
    /// The status.
    pub status: StatusCode,
    /// `Content-Type`; `None` where there is no body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Outbound {
    /// A response without a body: 202, or one that comes before a message was opened.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, content_type: None, body: Vec::new() }
    }
}

impl IntoResponse for Outbound {
    fn into_response(self) -> Response {
        let Ok(content_type) = self.content_type.map(HeaderValue::try_from).transpose() else {
            // Ours are constants, a backend's came in as a header: this is a fault of ours, and says nothing more.
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        // A full body has an exact length, which hyper turns into Content-Length.
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        if let Some(content_type) = content_type {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
        }
        response
    }
}

/// Why a request was turned away before anything looked at its body.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// There is more to do than can be done in time.
    #[error("more is in hand than can be worked on")]
    Busy,
    /// The body has more octets than the route allows.
    #[error("the body has more than the {0} octets that the route allows")]
    BodyTooLarge(usize),
    /// The body did not end in time.
    #[error("the body did not end within {0:?}")]
    BodyTooLate(Duration),
    /// The body came slower than the rate that is asked for.
    #[error("the body came slower than {0} octets a second")]
    BodyTooSlow(usize),
    /// The body broke off, or its chunks are malformed.
    #[error("the body broke off: {0}")]
    BodyBroke(String),
    /// The body is compressed: a few octets may become any number.
    #[error("Content-Encoding {0:?} is not taken")]
    Encoded(String),
    /// It asks for a contract, and has a body.
    #[error("it asks for a contract, and has a body")]
    Body,
    /// It expects what we do not know.
    #[error("Expect {0:?} is not known")]
    Expected(String),
    /// Not exactly one `Host` header.
    #[error("{0} Host headers in place of one")]
    Hosts(usize),
    /// `Host` beside a target, or an `:authority`, that names another.
    #[error("Host is not the host of the target")]
    HostOfAnother,
    /// `Content-Length` beside `Transfer-Encoding`: two readers may see two requests (RFC 9112 section 6.3).
    #[error("Content-Length and Transfer-Encoding are both there")]
    Ambiguous,
    /// A header that may stand once stands more often, or has octets outside visible ASCII.
    #[error("header {0} is repeated or has octets outside visible ASCII")]
    Malformed(&'static str),
    /// Neither of SOAP's media types, or in another encoding than UTF-8.
    #[error("Content-Type {0:?} is not SOAP in UTF-8")]
    MediaType(String),
    /// Another method than POST.
    #[error("method {0} is not POST")]
    Method(Method),
    /// No route has the path.
    #[error("no route has the path {0:?}")]
    Path(String),
    /// No route has the path on that host.
    #[error("no route has the host {host:?} with the path {path:?}")]
    Place {
        /// The host; empty where it names none.
        host: String,
        /// The path.
        path: String,
    },
    /// A transfer coding beside `chunked`.
    #[error("Transfer-Encoding {0:?} is not just chunked")]
    TransferEncoding(String),
}

impl Rejection {
    /// What the client is told: the status, and nothing else.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooLate(_) | Self::BodyTooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Ambiguous
            | Self::Body
            | Self::BodyBroke(_)
            | Self::HostOfAnother
            | Self::Hosts(_)
            | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Encoded(_) | Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Expected(_) => StatusCode::EXPECTATION_FAILED,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path(_) | Self::Place { .. } => StatusCode::NOT_FOUND,
            Self::TransferEncoding(_) => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        match self {
            Self::Method(_) => {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            }
            Self::Busy => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
            }
            _ => {}
        }
        response
    }
}

/// Reads a request whole: its headers by the table above, its body up to `limit` octets within `timeouts`. With it comes
/// its turn among all that is worked on.
pub(crate) async fn admit(
    request: Request,
    arrival: &Arrival,
    limit: usize,
    timeouts: &Timeouts,
    present: &Present,
) -> Result<(Inbound, Work), Rejection> {
    if arrival.pace.is_ambiguous() {
        return Err(Rejection::Ambiguous);
    }
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Rejection::Method(head.method));
    }
    let headers = &head.headers;
    host::named(&head.uri, headers, head.version)?;
    if let Some(encoding) = single(headers, TRANSFER_ENCODING, "Transfer-Encoding")?
        && !encoding.eq_ignore_ascii_case("chunked")
    {
        return Err(Rejection::TransferEncoding(encoding));
    }
    if let Some(encoding) = single(headers, CONTENT_ENCODING, "Content-Encoding")? {
        return Err(Rejection::Encoded(encoding));
    }
    let content_type = single(headers, CONTENT_TYPE, "Content-Type")?.unwrap_or_default();
    let Some(soap) = media::version(&content_type) else {
        return Err(Rejection::MediaType(content_type));
    };
    let soap_action = single(headers, SOAP_ACTION, "SOAPAction")?;
    if let Some(expected) = single(headers, EXPECT, "Expect")?
        && !expected.eq_ignore_ascii_case("100-continue")
    {
        return Err(Rejection::Expected(expected));
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(Rejection::BodyTooLarge(limit));
    }
    let work = present.turn(timeouts.queue).await.ok_or(Rejection::Busy)?;
    let body = work.carry(collect(body, declared.unwrap_or(0) as usize, limit, timeouts)).await?;
    let Arrival { peer, transport, inside: relayed, .. } = *arrival;
    let (path, client) = (head.uri.path().to_owned(), arrival.client.clone());
    Ok((Inbound { path, content_type, soap, soap_action, body, transport, peer, relayed, client }, work))
}

/// The value of a header that may stand once at most.
fn single(headers: &HeaderMap, name: HeaderName, shown: &'static str) -> Result<Option<String>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value.to_owned())),
        _ => Err(Rejection::Malformed(shown)),
    }
}

/// So many octets of a sealed message, and what is decrypted from them: three quarters at most, which is put behind them.
pub(crate) fn with_decrypted(octets: usize) -> usize {
    octets + octets / 4 * 3
}

async fn collect(mut body: Body, expected: usize, limit: usize, timeouts: &Timeouts) -> Result<Vec<u8>, Rejection> {
    let start = Instant::now();
    let end = start + timeouts.body;
    let mut octets = Vec::with_capacity(with_decrypted(expected.min(limit)));
    loop {
        // At any moment after the grace, what has come must be worth the time it took.
        let earned = Duration::from_millis(octets.len() as u64 * 1000 / timeouts.body_rate.max(1) as u64);
        let due = start + BODY_GRACE + earned;
        let frame = match timeout_at(due.min(end), body.frame()).await {
            Ok(None) => return Ok(octets),
            Ok(Some(frame)) => frame.map_err(|error| Rejection::BodyBroke(error.to_string()))?,
            Err(_) if due < end => return Err(Rejection::BodyTooSlow(timeouts.body_rate)),
            Err(_) => return Err(Rejection::BodyTooLate(timeouts.body)),
        };
        // Trailers say nothing that we would believe.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - octets.len() {
            return Err(Rejection::BodyTooLarge(limit));
        }
        octets.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::config::ConnectionLimits;
    use crate::listen::{Pace, Side};
    use crate::load::Load;

    async fn admitted(request: Request) -> Result<Inbound, Rejection> {
        let arrival = Arrival {
            side: Side::Ingress,
            peer: Ipv4Addr::LOCALHOST.into(),
            transport: Transport::Clear,
            client: None,
            inside: false,
            pace: Pace::new(),
        };
        let present = Load::new(&ConnectionLimits::default()).enter(&arrival).unwrap();
        admit(request, &arrival, 16, &Timeouts::default(), &present).await.map(|(inbound, _)| inbound)
    }

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut builder = Request::post("/echo").header("host", "here");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::from("<x/>")).unwrap()
    }

    #[tokio::test]
    async fn a_soap_request_is_taken_apart() {
        let content_type = "text/xml; charset=\"UTF-8\"";
        let headers = [("content-type", content_type), ("soapaction", "\"urn:do\"")];
        let inbound = admitted(request(&headers)).await.unwrap();
        assert_eq!(inbound.path, "/echo");
        assert_eq!((&*inbound.content_type, inbound.soap), (content_type, SoapVersion::V11));
        assert_eq!(inbound.soap_action.as_deref(), Some("\"urn:do\""));
        assert_eq!(inbound.body, b"<x/>");
    }

    #[tokio::test]
    async fn what_a_soap_request_does_not_need_is_refused() {
        const SOAP: (&str, &str) = ("content-type", "application/soap+xml");
        for (headers, status) in [
            (vec![], 415),
            (vec![("content-type", "text/plain")], 415),
            (vec![("content-type", "text/xml; charset=utf-16")], 415),
            (vec![("content-type", "text/xml; charset=utf-8; charset=utf-7")], 415),
            (vec![("content-type", "multipart/related; type=\"application/xop+xml\"")], 415),
            (vec![SOAP, SOAP], 400),
            (vec![SOAP, ("content-encoding", "gzip")], 415),
            (vec![SOAP, ("transfer-encoding", "gzip, chunked")], 501),
            (vec![SOAP, ("expect", "miracles")], 417),
            (vec![SOAP, ("host", "there")], 400),
            (vec![SOAP, ("soapaction", "a"), ("soapaction", "b")], 400),
            (vec![SOAP, ("content-length", "17")], 413),
        ] {
            let rejection = admitted(request(&headers)).await.unwrap_err();
            assert_eq!(rejection.status().as_u16(), status, "{headers:?}: {rejection}");
        }
        let get = Request::get("/echo").header("host", "here").body(Body::empty()).unwrap();
        assert_eq!(admitted(get).await.unwrap_err(), Rejection::Method(Method::GET));
    }

    #[tokio::test]
    async fn a_body_larger_than_it_said_is_refused() {
        let large = Request::post("/")
            .header("host", "here")
            .header("content-type", "text/xml")
            .body(Body::from(vec![b' '; 17]))
            .unwrap();
        assert_eq!(admitted(large).await.unwrap_err(), Rejection::BodyTooLarge(16));
    }

    /// A body that gives `octet` every `pause`, for ever.
    struct Drip {
        pause: Duration,
        next: std::pin::Pin<Box<tokio::time::Sleep>>,
    }

    impl hyper::body::Body for Drip {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
            std::task::ready!(self.next.as_mut().poll(context));
            let next = Instant::now() + self.pause;
            self.next.as_mut().reset(next);
            std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(bytes::Bytes::from_static(b"x")))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_given_up() {
        let drip = |pause| {
            let next = Box::pin(tokio::time::sleep(pause));
            Body::new(Drip { pause, next })
        };
        let timeouts = Timeouts { body_rate: 2, ..Timeouts::default() };
        let start = Instant::now();
        let rejection = collect(drip(Duration::from_secs(1)), 0, 1000, &timeouts).await.unwrap_err();
        assert_eq!(rejection, Rejection::BodyTooSlow(2));
        // After 5 s of grace, 1 octet a second against 2: twice the grace at most.
        assert!((5..=10).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());

        let start = Instant::now();
        let rejection = collect(drip(Duration::from_millis(100)), 0, 1000, &timeouts).await.unwrap_err();
        assert_eq!(rejection, Rejection::BodyTooLate(Duration::from_secs(30)));
        assert_eq!(start.elapsed().as_secs(), 30);
    }
}
