//! The plain service behind a route: one POST a message, answered or not.
//!
//! A request is built from nothing, a call is never sent twice, and whatever goes wrong has one name: [`Unavailable`].

mod ahead;
mod answer;
mod balance;
mod by_action;
mod client;
mod health;
mod pool;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use nuncio_policy::model::SoapVersion;
use nuncio_wss::Plain;
use reqwest::{Client, Request, Url};
use tokio::time::Instant;

pub use answer::{Answer, Unavailable};
pub(crate) use answer::{check, limit};
pub use by_action::Backends;
pub use client::UpstreamProblem;
pub(crate) use client::{causes, client, document};

use crate::config::{Backend, Timeouts};
use crate::identity::Permit;
use crate::metrics::{Call, RouteMetrics};
use crate::trace::{TRACEPARENT, Trace};
use crate::tracestate::TRACESTATE;
use answer::whole;
use client::unavailable;
use pool::{Member, Pool};

/// The header that carries the action in SOAP 1.1.
const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// One backend, wherever it is.
#[derive(Clone)]
pub struct Upstream {
    client: Client,
    pool: Arc<Pool>,
    /// The largest answer, in octets.
    limit: usize,
    /// The largest that its status says is a fault.
    fault_limit: usize,
    sealed: bool,
    soap: Option<SoapVersion>,
    /// From the beginning of a call to the end of its answer, whomever it was tried with.
    total: Duration,
    /// Whether a connection is opened before the first call.
    connects_ahead: bool,
}

/// The route that a backend is behind.
pub struct Before<'a> {
    /// What it is called.
    pub route: &'a str,
    /// The largest answer that it takes, in octets.
    pub limit: usize,
    /// The largest that its status says is a fault, in octets.
    pub fault_limit: usize,
    /// Whether answers are sealed.
    pub sealed: bool,
    /// What holds for all backends.
    pub timeouts: &'a Timeouts,
    /// Its rows.
    pub metrics: &'a RouteMetrics,
}

impl Upstream {
    /// A client for a backend that stands behind that route. `names` are those of its other backends' URLs.
    pub fn new(backend: &Backend, before: &Before<'_>, names: &mut HashSet<String>) -> Result<Self, UpstreamProblem> {
        let timeouts = backend.timeouts.over(before.timeouts);
        let client = client(backend, &timeouts)?;
        let member = |(url, weight): &(Url, u32)| {
            let name = name(url, names);
            let metrics = before.metrics.backend(&name);
            Member { url: url.clone(), name, weight: *weight, metrics }
        };
        let members = backend.urls.iter().map(member).collect();
        let Backend { balance, ejection, calls, .. } = backend;
        let pool = Pool::new(before.route, members, *balance, ejection.clone(), *calls);
        if let Some(health) = &backend.health {
            health::watch(&pool, &client, health);
        }
        let total = timeouts.backend_total;
        // Where none is kept, it would be closed before anybody comes.
        let connects_ahead = backend.connect_ahead && timeouts.backend_idle > Duration::ZERO;
        Ok(Self {
            client,
            pool,
            limit: before.limit,
            fault_limit: before.fault_limit,
            sealed: before.sealed,
            soap: backend.soap,
            total,
            connects_ahead,
        })
    }

    /// From the beginning of a call to the end of its answer.
    pub(crate) fn total(&self) -> Duration {
        self.total
    }

    /// Opens a connection to each of its URLs for those who will call.
    pub(crate) fn connect_ahead(&self) {
        if self.connects_ahead {
            ahead::connect(&self.pool, &self.client);
        }
    }

    /// The version of SOAP that it speaks, if that is said.
    pub(crate) fn soap(&self) -> Option<SoapVersion> {
        self.soap
    }

    /// Where the backend is: a URL that is in service, if there is one.
    pub(crate) fn url(&self) -> &Url {
        self.pool.url()
    }

    /// The HTTP client that calls it.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends `plain`, in the name that `permit` says and as part of `trace`, and waits for its answer. Whatever happens, it
    /// is sent once at most: where no connection could be opened, nothing of it was, and another URL is tried.
    pub async fn forward(&self, permit: &Permit, trace: Option<&Trace>, plain: Plain) -> Result<Answer, Unavailable> {
        self.deliver(plain, permit.headers(), trace).await
    }

    /// The same of what needs no permit, since it is the receiver who holds callers to a policy.
    pub(crate) async fn deliver(
        &self,
        plain: Plain,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        trace: Option<&Trace>,
    ) -> Result<Answer, Unavailable> {
        let mut request = self.client.post(self.url().clone()).header(CONTENT_TYPE, header(plain.content_type)?);
        if let Some(action) = plain.soap_action {
            request = request.header(SOAP_ACTION, header(action)?);
        }
        if let Some((trace, parent)) = trace.and_then(|trace| Some((trace, trace.parent.header()?))) {
            request = request.header(TRACEPARENT, parent);
            if let Some(state) = &trace.state {
                request = request.header(TRACESTATE, state.header());
            }
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(plain.body).build().map_err(unavailable)?;

        let end = Instant::now() + self.total;
        let (mut tried, mut last) = (Vec::new(), None);
        loop {
            // That nobody else is left is no news beside why the last one was of no use.
            let call = self.pool.choose(&tried).map_err(|none| last.take().unwrap_or(none))?;
            let mut request = request.try_clone().ok_or_else(|| Unavailable::Request("it cannot be copied".into()))?;
            *request.url_mut() = call.member().url.clone();
            *request.timeout_mut() = Some(end.saturating_duration_since(Instant::now()));
            let answer = self.send(request).await;
            tried.push(call.at);
            call.ended(match &answer {
                Ok(Answer { status: 502..=504, .. }) => Call::Failed,
                Ok(_) => Call::Answered,
                Err(unavailable) => unavailable.call(),
            });
            match answer {
                Err(unreachable @ Unavailable::Unreachable(_)) if Instant::now() < end => last = Some(unreachable),
                answer => return answer,
            }
        }
    }

    async fn send(&self, request: Request) -> Result<Answer, Unavailable> {
        let response = self.client.execute(request).await.map_err(unavailable)?;
        let status = response.status();
        let content_type =
            response.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?")).to_owned();
        let status = status.as_u16();
        let body = whole(response, limit(status, self.limit, self.fault_limit), self.sealed).await?;
        check(status, &content_type, body.is_empty())?;
        let content_type = if body.is_empty() { String::new() } else { content_type };
        Ok(Answer { status, content_type, body })
    }
}

/// What a URL is called: its host and port, and where several have the same, its number among them.
fn name(url: &Url, names: &mut HashSet<String>) -> String {
    let host = url.host_str().unwrap_or_default();
    let place = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    let mut name = place.clone();
    let mut number = 1;
    while !names.insert(name.clone()) {
        number += 1;
        name = format!("{place}#{number}");
    }
    name
}

fn header(value: String) -> Result<HeaderValue, Unavailable> {
    HeaderValue::try_from(value).map_err(|error| Unavailable::Request(error.to_string()))
}
