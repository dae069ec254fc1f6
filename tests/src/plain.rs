//! The plain service behind a gateway: knows neither WS-Security nor WS-Addressing, and remembers what it was asked.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use roxmltree::{Document, Node};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// A request as the backend got it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The request's target.
    pub target: String,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of the first header field of that name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// Whether the body is an envelope without a header of any kind and without a trace of security: no element or attribute
    /// of those specifications. A declaration of a prefix is none: it may be needed by a qualified name in the content.
    pub fn is_plain(&self) -> bool {
        let Ok(document) = Document::parse(self.text()) else { return false };
        let of_security = |namespace: Option<&str>| {
            namespace.is_some_and(|uri| {
                ["/wss/", "/addressing", "/xmlenc", "/xmldsig", "/2005/02/sc", "ws-secureconversation"]
                    .iter()
                    .any(|of| uri.contains(of))
            })
        };
        document.root_element().tag_name().name() == "Envelope"
            && document.descendants().filter(Node::is_element).all(|node| {
                node.tag_name().name() != "Header"
                    && !of_security(node.tag_name().namespace())
                    && !node.attributes().any(|attribute| of_security(attribute.namespace()))
            })
    }

    /// The body as text, and nothing where it is none.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap_or_default()
    }
}

/// What a backend answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A running service; it ends when this is dropped.
pub struct Backend {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    // Shut down without waiting for connections that clients keep open.
    runtime: Option<Runtime>,
}

impl Backend {
    /// Starts the echo service ([`echo`]) on a free port.
    pub fn start() -> std::io::Result<Self> {
        Self::answering(echo)
    }

    /// Starts a service on a free port that answers so.
    pub fn answering(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        runtime.spawn(serve(listener, seen.clone(), Arc::new(answer)));
        Ok(Self { address, seen, runtime: Some(runtime) })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/plain", self.address)
    }

    /// What it was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it was asked since the last time that this was called.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

type Answering = dyn Fn(&Seen) -> Answer + Send + Sync;

async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>, answer: Arc<Answering>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (seen, answer) = (seen.clone(), answer.clone());
        let service = hyper::service::service_fn(move |request| respond(request, seen.clone(), answer.clone()));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(
    request: Request<Incoming>,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Answering>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = Seen {
        target: head.uri.to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default(),
    };
    let answer = answer(&request);
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let mut response = Response::new(Full::new(answer.body.into()));
    *response.status_mut() = answer.status.try_into().unwrap_or_default();
    if let Ok(value) = answer.content_type.try_into() {
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, value);
    }
    Ok(response)
}

/// Answers an `IEcho` call, in the namespace and the SOAP version that it came in: `Echo` (`text`), `Reverse` (`data`),
/// `Fail` (`why`: always a fault), `Notify` (one-way), `WhoAmI` (the principal that the gateway names), `SessionId` (the
/// conversation that the gateway names, or nothing).
pub fn echo(request: &Seen) -> Answer {
    let text = request.text();
    let Ok(document) = Document::parse(text) else { return fault(SOAP12, "this is not XML") };
    let version = if document.root_element().tag_name().namespace() == Some(SOAP11) { SOAP11 } else { SOAP12 };
    let operation = document
        .root_element()
        .children()
        .filter(|node| node.tag_name().name() == "Body")
        .find_map(|body| body.first_element_child());
    let Some(operation) = operation else { return fault(version, "there is no operation") };
    let argument = operation.first_element_child().map(text_of).unwrap_or_default();
    let header = |name| request.header(name).unwrap_or_default().to_owned();
    match operation.tag_name().name() {
        "Echo" => result(version, operation, &argument),
        "Reverse" => match base64_simd::STANDARD.decode_to_vec(argument.trim()) {
            Ok(mut octets) => {
                octets.reverse();
                result(version, operation, &base64_simd::STANDARD.encode_to_string(octets))
            }
            Err(_) => fault(version, "data is not base64"),
        },
        "Fail" => fault(version, &format!("failed as asked: {argument}")),
        "Notify" => Answer { status: 202, content_type: String::new(), body: Vec::new() },
        "WhoAmI" => result(version, operation, &header("x-nuncio-principal")),
        "SessionId" => result(version, operation, &header("x-nuncio-conversation")),
        other => fault(version, &format!("there is no operation {other}")),
    }
}

fn result(version: &str, operation: Node<'_, '_>, value: &str) -> Answer {
    let (namespace, name) = (operation.tag_name().namespace().unwrap_or_default(), operation.tag_name().name());
    let response = format!(
        "<{name}Response xmlns=\"{namespace}\"><{name}Result>{}</{name}Result></{name}Response>",
        escape(value)
    );
    envelope(version, 200, &response)
}

fn fault(version: &str, reason: &str) -> Answer {
    let reason = escape(reason);
    let fault = if version == SOAP11 {
        format!("<s:Fault><faultcode>s:Server</faultcode><faultstring>{reason}</faultstring></s:Fault>")
    } else {
        format!(
            "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">{reason}</s:Text></s:Reason></s:Fault>"
        )
    };
    envelope(version, 500, &fault)
}

fn envelope(version: &str, status: u16, body: &str) -> Answer {
    let media_type = if version == SOAP11 { "text/xml" } else { "application/soap+xml" };
    let body = format!("<s:Envelope xmlns:s=\"{version}\"><s:Body>{body}</s:Body></s:Envelope>").into_bytes();
    Answer { status, content_type: format!("{media_type}; charset=utf-8"), body }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#xD;")
}

fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter_map(|child| child.text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpMessage;
    use crate::wire;

    #[test]
    fn a_plain_body_has_no_trace_of_security() {
        let is_plain = |inner: &str| {
            let body = format!(
                "<s:Envelope xmlns:s='{SOAP12}' xmlns:a='http://www.w3.org/2005/08/addressing' xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'>{inner}</s:Envelope>"
            );
            Seen { target: String::new(), headers: Vec::new(), body: body.into_bytes() }.is_plain()
        };
        assert!(is_plain("<s:Body><Echo xmlns='urn:e'/></s:Body>"));
        assert!(!is_plain("<s:Header/><s:Body/>"));
        assert!(!is_plain("<s:Body u:Id='_0'/>"));
        assert!(!is_plain("<s:Body><a:To/></s:Body>"));
        assert!(!is_plain("<s:Body>"));
    }

    #[test]
    fn it_answers_and_remembers() {
        let backend = Backend::start().unwrap();
        let ask = |body: &str| {
            let request = HttpMessage {
                start_line: "POST /x HTTP/1.1".into(),
                headers: vec![("X-Nuncio-Principal".into(), "alice".into())],
                body: format!("<s:Envelope xmlns:s='{SOAP12}'><s:Body>{body}</s:Body></s:Envelope>").into_bytes(),
            };
            let response = wire::send(&backend.url(), &request).unwrap();
            (response.status().unwrap(), String::from_utf8(response.body).unwrap())
        };
        let (status, body) = ask("<Echo xmlns='urn:e'><text>a &amp; b</text></Echo>");
        assert_eq!(status, 200);
        assert!(
            body.contains("<EchoResponse xmlns=\"urn:e\"><EchoResult>a &amp; b</EchoResult></EchoResponse>"),
            "{body}"
        );
        assert!(ask("<Reverse xmlns='urn:e'><data>AAEC</data></Reverse>").1.contains(">AgEA<"));
        assert!(ask("<WhoAmI xmlns='urn:e'/>").1.contains(">alice<"));
        assert_eq!(ask("<Fail xmlns='urn:e'><why>on purpose</why></Fail>").0, 500);
        assert_eq!(ask("<Notify xmlns='urn:e'><text>x</text></Notify>"), (202, String::new()));
        let seen = backend.take();
        assert_eq!((seen.len(), seen[0].target.as_str()), (5, "/x"));
        assert!(backend.seen().is_empty());
    }
}
