//! Spans of our own, for a collector that takes OTLP over HTTP: one for each request that a route answers, with parts for
//! opening it, for its backend, and for sealing the answer.
//!
//! Nothing in them is a peer's word but the trace that they belong to: names and attributes are of closed tables or the
//! operator's. They wait in a queue with an end, and a thread of its own sends them: a collector that is slow, or not there,
//! loses spans and nothing else. Without a collector there is nothing at all.

use std::fmt;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use hyper::header::{AUTHORIZATION, HeaderValue, ORIGIN};
use hyper::{HeaderMap, StatusCode};
use nuncio_crypto::random::Random;
use opentelemetry::trace::Span as _;
use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceState as Beside, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue, SpanId, TraceFlags, TraceId};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, IdGenerator, Sampler, SdkTracer, SdkTracerProvider, Span,
};
use reqwest::{Client, redirect, retry};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::runtime::Handle;

use crate::config::TracingSettings;
use crate::ingress::forwarded_for;
use crate::log::Audit;
use crate::metrics;
use crate::random::Entropy;
use crate::trace::{Trace, TraceParent};
use crate::upstream::causes;

/// Spans that wait to be sent, each of about a kilobyte; more are lost.
const WAITING: usize = 4096;
/// Spans that are sent at once.
const BATCH: usize = 512;
/// How often what waits is sent.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a collector may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end waits for what is still to be sent.
const PATIENCE: Duration = Duration::from_secs(1);
/// Where a collector takes traces, below its URL.
const TRACES: &str = "/v1/traces";

/// Where spans go. By default nowhere.
#[derive(Clone, Default)]
pub struct Spans(Option<Exporting>);

#[derive(Clone)]
struct Exporting {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be exported: {0}")]
pub struct NotExported(String);

impl Spans {
    /// Has spans sent to a collector. To be called within the runtime that is to send them.
    pub fn start(settings: Option<&TracingSettings>, entropy: &Entropy) -> Result<Self, NotExported> {
        let Some(TracingSettings { collector, sample }) = settings else { return Ok(Self::default()) };
        let mut endpoint = collector.clone();
        if endpoint.path() == "/" {
            endpoint.set_path(TRACES);
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(endpoint.scheme() == "https")?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.as_str())
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| NotExported(causes(&error)))?;
        let batch = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(PAUSE)
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batch).build())
            // Who began a trace says whether it is kept: one of which a part is missing explains nothing.
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(*sample))))
            .with_id_generator(Ids(entropy.clone()))
            .with_resource(
                Resource::builder_empty()
                    .with_service_name("nuncio")
                    .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                    .build(),
            )
            .build();
        let tracer = provider.tracer("nuncio");
        Ok(Self(Some(Exporting { provider, tracer })))
    }

    /// Begins the span of a request to a route, of which `audit` tells too.
    pub(crate) fn begin<'a>(&self, route: &str, heard: &Heard, audit: &'a mut Audit) -> Story<'a> {
        audit.trace = heard.trace.as_ref().map(|trace| trace.parent);
        let Some(Exporting { tracer, .. }) = &self.0 else { return Story { audit, span: None } };
        let client = heard.trace.as_ref().and_then(remote);
        let around = client.map_or_else(Context::new, |client| Context::new().with_remote_span_context(client));
        let span = SpanBuilder::from_name(format!("POST {route}"))
            .with_kind(SpanKind::Server)
            .with_start_time(heard.at)
            .with_attributes([
                KeyValue::new("http.request.method", "POST"),
                KeyValue::new("http.route", route.to_owned()),
            ]);
        let span = tracer.build_with_context(span, &around);
        audit.trace = Some(parent(span.span_context()));
        Story { audit, span: Some(Begun { tracer: tracer.clone(), context: Context::new().with_span(span) }) }
    }

    /// Sends what is still to be sent, unless that takes long.
    pub(crate) async fn end(self) {
        if let Some(Exporting { provider, .. }) = self.0 {
            // It waits for its own thread, which waits for this runtime.
            let _ = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(PATIENCE)).await;
        }
    }
}

/// The parent that a client named, as the SDK has it.
fn remote(Trace { parent, state }: &Trace) -> Option<SpanContext> {
    let trace = TraceId::from_hex(parent.trace()).ok()?;
    let span = SpanId::from_hex(parent.span()).ok()?;
    let beside = state.as_ref().and_then(|state| state.text().parse::<Beside>().ok());
    Some(SpanContext::new(trace, span, TraceFlags::new(parent.flags()), true, beside.unwrap_or_default()))
}

/// What is heard of a request beside its message.
pub struct Heard {
    /// The trace, which means nothing but to who looks into it.
    pub(crate) trace: Option<Trace>,
    /// The address that the last proxy in front says the client has.
    pub(crate) forwarded_for: Option<IpAddr>,
    /// Who says who he is, in HTTP's words.
    pub(crate) authorization: Option<HeaderValue>,
    /// Whether a page in a browser asks: no program says so, and no page can leave it out.
    pub(crate) by_page: bool,
    /// When it came.
    at: SystemTime,
}

impl Heard {
    /// What a request says that comes now.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self {
            trace: Trace::of(headers),
            forwarded_for: forwarded_for(headers),
            authorization: headers.get(AUTHORIZATION).cloned(),
            by_page: headers.contains_key(ORIGIN),
            at: SystemTime::now(),
        }
    }
}

/// What is told of a request while it is answered: its access line, and its span, which ends when this is dropped.
pub(crate) struct Story<'a> {
    audit: &'a mut Audit,
    span: Option<Begun>,
}

struct Begun {
    tracer: SdkTracer,
    context: Context,
}

impl Deref for Story<'_> {
    type Target = Audit;

    fn deref(&self) -> &Audit {
        self.audit
    }
}

impl DerefMut for Story<'_> {
    fn deref_mut(&mut self) -> &mut Audit {
        self.audit
    }
}

impl Story<'_> {
    /// Begins a part of it.
    pub(crate) fn part(&self, name: &'static str) -> PartSpan {
        self.child(name, SpanKind::Internal)
    }

    /// Begins the part that is its backend's, and what that is told of the trace: that this part is the parent of its work.
    /// Where spans go nowhere the client's is, or that of a trace that may begin here.
    pub(crate) fn call(
        &mut self,
        trace: Option<Trace>,
        begin: impl FnOnce() -> Option<Trace>,
    ) -> (PartSpan, Option<Trace>) {
        let call = self.child("backend", SpanKind::Client);
        let told = match &call.0 {
            Some(span) => {
                Some(Trace { parent: parent(span.span_context()), state: trace.and_then(|trace| trace.state) })
            }
            None => trace.or_else(begin),
        };
        self.audit.trace = self.audit.trace.or(told.as_ref().map(|trace| trace.parent));
        (call, told)
    }

    fn child(&self, name: &'static str, kind: SpanKind) -> PartSpan {
        let build = |Begun { tracer, context }: &Begun| {
            tracer.build_with_context(SpanBuilder::from_name(name).with_kind(kind), context)
        };
        PartSpan(self.span.as_ref().map(build))
    }

    /// Says what became of the request.
    pub(crate) fn answered(&self, status: StatusCode) {
        let Some(Begun { context, .. }) = &self.span else { return };
        let span = context.span();
        span.set_attribute(answered(status.as_u16()));
        span.set_attribute(KeyValue::new("nuncio.request", metrics::asked(self.audit.request)));
        span.set_attribute(KeyValue::new("nuncio.outcome", self.audit.outcome.word()));
        if let Some(class) = self.audit.outcome.refusal() {
            span.set_attribute(KeyValue::new("nuncio.refusal", class));
        }
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
    }
}

/// A part of a request's span, which ends when it is dropped.
pub(crate) struct PartSpan(Option<Span>);

impl PartSpan {
    /// Says with which status the backend answered; `None` where it did not.
    pub(crate) fn answered(mut self, status: Option<u16>) {
        let Some(span) = &mut self.0 else { return };
        span.set_attributes(status.map(answered));
        if status.is_none_or(|status| status >= 400) {
            span.set_status(Status::error(""));
        }
    }
}

fn answered(status: u16) -> KeyValue {
    KeyValue::new("http.response.status_code", i64::from(status))
}

fn parent(span: &SpanContext) -> TraceParent {
    TraceParent::new(span.trace_id().to_bytes(), span.span_id().to_bytes(), span.trace_flags().to_u8())
}

/// Ids of traces and spans, from where all random octets are from.
struct Ids(Entropy);

impl Ids {
    fn draw<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let mut octets = [0; LENGTH];
        self.0.draw().fill(&mut octets);
        octets
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Ids")
    }
}

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from_bytes(self.draw())
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from_bytes(self.draw())
    }
}

/// Who takes the spans.
#[derive(Debug)]
struct Collector {
    client: Client,
    runtime: Handle,
    /// Whether it took none the last time: an operator is told when that changes, and not each time.
    failing: AtomicBool,
}

impl Collector {
    fn new(secure: bool) -> Result<Self, NotExported> {
        // As a backend's client has it: an error says that there is one already, which is as good.
        let _ = CryptoProvider::install_default(aws_lc_rs::default_provider());
        let mut client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT);
        if !secure {
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| NotExported(causes(&error)))?;
        let runtime = Handle::try_current().map_err(|error| NotExported(error.to_string()))?;
        Ok(Self { client, runtime, failing: AtomicBool::new(false) })
    }

    fn told(&self, trouble: Option<&str>) {
        if self.failing.swap(trouble.is_some(), Ordering::Relaxed) == trouble.is_some() {
            return;
        }
        if let Some(reason) = trouble {
            tracing::warn!(%reason, "the collector takes no traces: they are lost until it does");
        } else {
            tracing::info!("the collector takes traces again");
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let request = self.client.post(head.uri.to_string()).headers(head.headers).body(body);
        // Who waits has no runtime of its own.
        let sent = self.runtime.spawn(async move { request.send().await.map(|response| response.status()) }).await;
        let status = match sent {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => {
                let reason = causes(&error.without_url());
                self.told(Some(&reason));
                return Err(reason.into());
            }
            Err(ended) => return Err(ended.into()),
        };
        self.told((!status.is_success()).then(|| format!("it answers {}", status.as_u16())).as_deref());
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        Ok(response)
    }
}
