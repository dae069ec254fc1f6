//! A route without security, where the operator says so: its messages are read as strictly as any and forwarded by the
//! same client of the backend, and nobody is believed in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::{HeaderMap, StatusCode};
use nuncio_policy::model::Addressing;
use nuncio_wss::{Fault, HttpFacts, Limits, Principal, Refusal, Request, Unsecured};

use crate::gateway::Handler;
use crate::http::{Inbound, Outbound};
use crate::identity::{Caller, Permit, Telling};
use crate::log::Audit;
use crate::media;
use crate::metrics::{Outcome, RouteMetrics};
use crate::spans::{Heard, Story};
use crate::trace::Trace;
use crate::upstream::{Backends, Unavailable};
use crate::world::World;

/// A route that passes plain messages on.
pub struct Passing {
    /// What it is called in its spans.
    pub(crate) name: String,
    pub(crate) limits: Limits,
    pub(crate) backends: Backends,
    pub(crate) metrics: RouteMetrics,
    /// Whether a request that comes without a trace begins one.
    pub(crate) trace: bool,
    pub(crate) world: Arc<World>,
}

impl Handler for Passing {
    type Heard = Heard;

    fn hear(headers: &HeaderMap) -> Heard {
        Heard::of(headers)
    }

    async fn handle(&self, request: Inbound, heard: Heard, audit: &mut Audit) -> Outbound {
        let mut story = self.world.spans.begin(&self.name, &heard, audit);
        let outbound = self.told(request, heard.trace, &mut story).await;
        story.answered(outbound.status);
        outbound
    }

    fn count(&self, audit: &Audit, took: Duration) {
        self.metrics.answered(audit.request, audit.outcome, took);
    }
}

/// What ends a message's way.
enum Failed {
    /// It cannot be read, or has security that nobody would check.
    Refused(Refusal),
    /// The backend has as many calls as it may.
    Busy(Unavailable),
    /// The backend does not answer, or not in a way that can be read.
    Unavailable(String),
}

impl Passing {
    /// What the client is told.
    async fn told(&self, request: Inbound, trace: Option<Trace>, audit: &mut Story<'_>) -> Outbound {
        let soap = request.soap;
        let told = match self.pass(request, trace, audit).await {
            Ok(None) => return Outbound::empty(StatusCode::ACCEPTED),
            Ok(Some((status, body))) => {
                if status.as_u16() >= 400 {
                    audit.outcome = Outcome::Fault;
                }
                return Outbound { status, content_type: Some(media::content_type(soap).to_owned()), body };
            }
            Err(Failed::Refused(refusal)) => {
                (audit.outcome, audit.refused) = (Outcome::Refused(refusal.class()), Some(refusal.to_string()));
                Fault::refusal(refusal.class(), &nuncio_wss::V13)
            }
            Err(Failed::Busy(reason)) => {
                (audit.outcome, audit.refused) = (Outcome::Busy, Some(reason.to_string()));
                Fault::busy()
            }
            Err(Failed::Unavailable(reason)) => {
                (audit.outcome, audit.refused) = (Outcome::Unavailable, Some(reason));
                Fault::unavailable()
            }
        };
        Outbound {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            content_type: Some(media::content_type(soap).to_owned()),
            body: told.envelope(soap, Addressing::None, None),
        }
    }

    /// The backend's answer, written anew; `None` for a message that has none.
    async fn pass(
        &self,
        request: Inbound,
        trace: Option<Trace>,
        audit: &mut Story<'_>,
    ) -> Result<Option<(StatusCode, Vec<u8>)>, Failed> {
        let http = HttpFacts { content_type: &request.content_type, soap_action: request.soap_action.as_deref() };
        let message = Unsecured::read(&http, request.soap, request.body, &self.limits).map_err(Failed::Refused)?;
        audit.request = Some(Request::Application);
        audit.action = message.action().map(str::to_owned);
        let begin = || if self.trace { Trace::drawn(&self.world.entropy) } else { None };
        let nobody = Caller { principal: Principal::Anonymous.into(), conversation: None, roles: Vec::new() };
        let nobody =
            Permit::assertion(nobody, &Telling::default()).map_err(|reason| Failed::Unavailable(reason.to_string()))?;
        let (call, trace) = audit.call(trace, begin);
        let sent = Instant::now();
        let answer = self.backends.default().forward(&nobody, trace.as_ref(), message.plain()).await;
        self.metrics.called(sent.elapsed());
        call.answered(answer.as_ref().ok().map(|answer| answer.status));
        let answer = answer.map_err(|reason| match reason {
            busy @ Unavailable::Busy(_) => Failed::Busy(busy),
            other => Failed::Unavailable(other.to_string()),
        })?;
        if answer.body.is_empty() {
            return Ok(None);
        }
        let http = HttpFacts { content_type: &answer.content_type, soap_action: None };
        let read = Unsecured::read(&http, request.soap, answer.body, &self.limits);
        let read =
            read.map_err(|reason| Failed::Unavailable(format!("the backend's answer is not sent on: {reason}")))?;
        // The client of a backend lets nothing else through.
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Ok(Some((status, read.plain().body)))
    }
}
