//! Spans of a gateway's own, as a collector gets them.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;
mod watched;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use watched::{Backend, Gateway};

/// A collector that takes OTLP over HTTP.
struct Collector {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

/// A request: its first line, its content type, its body.
type Got = (String, String, Vec<u8>);

impl Collector {
    fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let got = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in socket.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut head, mut line) = (Vec::new(), String::new());
                while stream.read_line(&mut line).unwrap() > 2 {
                    head.push(std::mem::take(&mut line).trim_end().to_owned());
                }
                let header = |name: &str| {
                    let mut values = head.iter().filter_map(|line| line.split_once(": "));
                    values.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
                };
                let mut body = vec![0; header("content-length").unwrap().parse().unwrap()];
                stream.read_exact(&mut body).unwrap();
                into.lock().unwrap().push((head[0].clone(), header("content-type").unwrap(), body));
                let stream = stream.get_mut();
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            }
        });
        Self { address, got }
    }

    fn tracing(&self, sample: &str) -> String {
        format!("tracing: {{ otlp: 'http://{}', sample: {sample} }}\n", self.address)
    }

    /// The spans that it got.
    fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for (line, content_type, body) in &*self.got.lock().unwrap() {
            assert_eq!((line.as_str(), content_type.as_str()), ("POST /v1/traces HTTP/1.1", "application/x-protobuf"));
            for secret in ["alice", "mallory", "wonderland", "1865", "urn:", "needle", "127.0.0.1"] {
                assert!(!body.windows(secret.len()).any(|octets| octets == secret.as_bytes()), "{secret}");
            }
            for of in ExportTraceServiceRequest::decode(body.as_slice()).unwrap().resource_spans {
                let resource = attributes(&of.resource.unwrap().attributes);
                let version = env!("CARGO_PKG_VERSION");
                assert_eq!(resource, of_pairs(&[("service.name", "nuncio"), ("service.version", version)]));
                spans.extend(of.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        spans
    }
}

fn attributes(of: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    of.iter().map(|pair| (pair.key.clone(), text(pair.value.as_ref().unwrap().value.as_ref().unwrap()))).collect()
}

fn of_pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

/// A header that a backend got with its request of that number.
fn told(backend: &Backend, number: usize, name: &str) -> Option<String> {
    let request = backend.requests().remove(number);
    let value = request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.map(str::to_owned)
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_request_has_a_span_with_its_parts() {
    let (backend, collector) = (Backend::start(), Collector::start());
    let gateway = Gateway::start_with(&backend, "", &collector.tracing("1"));
    let sound = gateway.call("Quick");
    let headers = format!("traceparent: {PARENT}\r\ntracestate: rojo=1, congo=2\r\n");
    assert!(gateway.ask(&sound, &headers).starts_with("HTTP/1.1 200 OK\r\n"));
    gateway.ask(&sound.replace("alice", "mallory").replace("urn:Quick", "urn:needle"), &headers);
    gateway.talk();
    let (log, status) = (gateway.log.clone(), gateway.running.stop());
    assert_eq!(status, Some(0));
    let spans = collector.spans();
    let called = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let [answered, refused] = called("POST /echo")[..] else { panic!("{spans:?}") };
    let route = [("http.request.method", "POST"), ("http.route", "/echo"), ("nuncio.request", "application")];
    let said = |more: &[(&str, &str)]| of_pairs(&[&route[..], more].concat());
    assert_eq!(
        attributes(&answered.attributes),
        said(&[("http.response.status_code", "200"), ("nuncio.outcome", "answered")])
    );
    assert_eq!(
        attributes(&refused.attributes),
        said(&[
            ("http.response.status_code", "500"),
            ("nuncio.outcome", "refused"),
            ("nuncio.refusal", "failed_authentication")
        ])
    );
    for root in [answered, refused] {
        assert_eq!((hex(&root.trace_id), hex(&root.parent_span_id)), (PARENT[3..35].into(), PARENT[36..52].into()));
        assert_eq!((root.kind, root.trace_state.as_str()), (2, "rojo=1,congo=2"), "a server's");
    }
    let parts = |of: &Span| {
        let parts = spans.iter().filter(|span| span.parent_span_id == of.span_id);
        let mut names: Vec<_> = parts.map(|span| span.name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(parts(answered), ["backend", "open", "seal"]);
    assert_eq!(parts(refused), ["open"]);
    let [issued] = called("POST /talk")[..] else { panic!("{spans:?}") };
    assert_eq!(parts(issued), ["issue", "open"]);
    assert!(issued.parent_span_id.is_empty());
    // The backend's work is part of the call of it.
    let [call] = called("backend")[..] else { panic!("{spans:?}") };
    assert_eq!(told(&backend, 0, "traceparent").unwrap(), format!("{}{}-01", &PARENT[..36], hex(&call.span_id)));
    assert_eq!(told(&backend, 0, "tracestate").unwrap(), "rojo=1,congo=2");
    assert_eq!((call.kind, attributes(&call.attributes)), (3, of_pairs(&[("http.response.status_code", "200")])));
    for span in &spans {
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    }
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains(&format!(" trace=\"{}\"", hex(&issued.trace_id))), "{log}");
}

/// Whoever began a trace says whether it is kept; of those that begin here, the configuration.
#[test]
fn a_trace_that_is_not_sampled_goes_on_without_spans() {
    let (backend, collector) = (Backend::start(), Collector::start());
    let gateway = Gateway::start_with(&backend, "", &collector.tracing("0"));
    let call = gateway.call("Quick");
    let unkept = PARENT.replace("-01", "-00");
    gateway.ask(&call, &format!("traceparent: {unkept}\r\n"));
    gateway.ask(&call, "");
    assert_eq!(gateway.running.stop(), Some(0));
    assert!(collector.spans().is_empty());
    let parents = [0, 1].map(|number| told(&backend, number, "traceparent").unwrap());
    assert!(parents[0].starts_with(&PARENT[..36]) && parents[0].ends_with("-00"), "{parents:?}");
    assert!(parents[1].len() == 55 && parents[1].ends_with("-00"), "{parents:?}");
    assert_ne!(parents[0][3..35], parents[1][3..35]);
}

#[test]
fn a_collector_that_is_not_there_loses_spans_and_nothing_else() {
    let backend = Backend::start();
    // A port of its own, so that nobody else's collector is there.
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("tracing: {{ otlp: 'http://{}' }}\n", socket.local_addr().unwrap());
    std::thread::spawn(move || socket.incoming().for_each(drop));
    let gateway = Gateway::start_with(&backend, "", &nowhere);
    for _ in 0..3 {
        assert!(gateway.ask(&gateway.call("Quick"), "").starts_with("HTTP/1.1 200 OK\r\n"));
    }
    let (log, status) = (gateway.log.clone(), gateway.running.stop());
    assert_eq!(status, Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("the collector takes no traces: they are lost until it does").count(), 1, "{log}");
}
