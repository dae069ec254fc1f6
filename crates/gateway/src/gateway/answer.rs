//! One request: which route it is for, whether it is let in, and its line in the log.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};

use super::handler::{Handler, Route};
use crate::config::{Timeouts, is_path};
use crate::contract::{Asked, Contract, came_by};
use crate::host;
use crate::http::{Outbound, Rejection, admit};
use crate::listen::{Arrival, Side};
use crate::load::Load;
use crate::log::Audit;
use crate::metrics::{Outcome, Traffic};
use crate::site::Table;

/// What is served at one time.
pub(super) struct Site<H> {
    ingress: Table<Served<H>>,
    egress: Table<Served<H>>,
    timeouts: Timeouts,
    traffic: Traffic,
    load: Arc<Load>,
}

impl<H> Site<H> {
    pub(super) fn new(routes: Vec<Route<H>>, timeouts: Timeouts, traffic: Traffic, load: &Arc<Load>) -> Self {
        let (ingress, egress) = (Table::new(), Table::new());
        let mut site = Self { ingress, egress, timeouts, traffic, load: Arc::clone(load) };
        for route in routes {
            let served = Served { contract: route.contract, handler: route.handler, body_bytes: route.body_bytes };
            let routes = match route.side {
                Side::Ingress => &mut site.ingress,
                Side::Egress => &mut site.egress,
            };
            routes.insert(&route.hosts, &route.path, served);
        }
        site
    }

    fn find(&self, side: Side, host: Option<String>, path: &str) -> Result<&Served<H>, Rejection> {
        let routes = match side {
            Side::Ingress => &self.ingress,
            Side::Egress => &self.egress,
        };
        routes.find(host.as_deref(), path).ok_or_else(|| match host {
            host if routes.asks_hosts() => Rejection::Place { host: host.unwrap_or_default(), path: path.to_owned() },
            _ => Rejection::Path(path.to_owned()),
        })
    }
}

struct Served<H> {
    contract: Option<Contract>,
    handler: H,
    body_bytes: usize,
}

/// Answers one request, by what is served now.
pub(super) async fn answer<H: Handler>(State(site): State<Arc<ArcSwap<Site<H>>>>, request: Request) -> Response {
    // Whatever is served next, this request is answered by what is served now.
    let site = site.load_full();
    let Some(arrival) = request.extensions().get::<Arrival>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut line = Line::new(&arrival, request.uri().path());
    let work = site.traffic.began();
    let response = respond(&site, request, &arrival, &mut line).await;
    work.answered();
    line.write(response.status());
    response
}

async fn respond<H: Handler>(site: &Site<H>, request: Request, arrival: &Arrival, line: &mut Line) -> Response {
    // Before anything else: a request too many shall cost as little as it can.
    let Some(present) = site.load.enter(arrival) else {
        return rejected(site, arrival, Rejection::Busy, line);
    };
    let heard = H::hear(request.headers());
    let route = host::asked(&request).and_then(|host| site.find(arrival.side, host, &line.path));
    if let Ok(route) = &route
        && let Some(contract) = &route.contract
        && let Some(asked) = Asked::of(request.method(), request.uri().query())
    {
        return match published(contract, &asked, request, arrival, &mut line.audit).await {
            Ok(outbound) => {
                let mut response = outbound.into_response();
                // The address in it is as the client wrote it: another's must not come of it.
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(rejection) => rejected(site, arrival, rejection, line),
        };
    }
    let admitted = match route {
        Err(rejection) => Err(rejection),
        Ok(route) if !route.handler.has_room(request.headers()) => {
            arrival.pace.linger();
            line.audit = Audit { outcome: Outcome::Busy, ..Audit::refused(Rejection::Busy) };
            route.handler.count(&line.audit, line.start.elapsed());
            return Rejection::Busy.into_response();
        }
        Ok(route) => {
            let admitted = admit(request, arrival, route.body_bytes, &site.timeouts, &present).await;
            admitted.map(|(inbound, work)| (route, inbound, work))
        }
    };
    match admitted {
        Err(rejection) => rejected(site, arrival, rejection, line),
        Ok((route, inbound, work)) => {
            // It is large, and every future around it would hold it, and be moved with it.
            let handling = Box::pin(route.handler.handle(inbound, heard, &mut line.audit));
            let handled = contained(work.carry(handling)).await;
            let outbound = handled.unwrap_or_else(|| panicked(&mut line.audit));
            route.handler.count(&line.audit, line.start.elapsed());
            outbound.into_response()
        }
    }
}

/// The access line of a request: written once, when it is answered or when its client goes away before.
struct Line {
    peer: IpAddr,
    path: String,
    start: Instant,
    audit: Audit,
    written: bool,
}

impl Line {
    fn new(arrival: &Arrival, path: &str) -> Self {
        let (path, audit) = (path.to_owned(), Audit::default());
        Self { peer: arrival.peer, path, start: Instant::now(), audit, written: false }
    }

    fn write(&mut self, status: StatusCode) {
        self.written = true;
        self.audit.write(&self.peer.to_string(), &self.path, Some(status), self.start.elapsed());
    }
}

impl Drop for Line {
    /// What was done for somebody who did not wait for the answer is done: his backend may have been called.
    fn drop(&mut self) {
        if !self.written {
            self.audit.refused.get_or_insert_with(|| "its client went away before the answer".to_owned());
            self.audit.write(&self.peer.to_string(), &self.path, None, self.start.elapsed());
        }
    }
}

/// What a request gets that HTTP itself says no to.
fn rejected<H>(site: &Site<H>, arrival: &Arrival, rejection: Rejection, line: &mut Line) -> Response {
    arrival.pace.linger();
    site.traffic.rejected(rejection.status());
    line.audit = Audit::refused(&rejection);
    rejection.into_response()
}

/// A document of a route's contract.
async fn published(
    contract: &Contract,
    asked: &Asked,
    request: Request,
    arrival: &Arrival,
    audit: &mut Audit,
) -> Result<Outbound, Rejection> {
    if arrival.pace.is_ambiguous() {
        return Err(Rejection::Ambiguous);
    }
    let (head, _) = request.into_parts();
    let (scheme, host) = came_by(&head, arrival.transport)?;
    let path = head.uri.path();
    if !is_path(path) {
        return Err(Rejection::Path(path.to_owned()));
    }
    let address = contract.address(scheme, host, path).ok_or(Rejection::Hosts(0))?;
    let answered = contained(contract.answer(asked, &address, audit)).await;
    answered.unwrap_or_else(|| Some(panicked(audit))).ok_or(Rejection::Method(head.method))
}

/// Keeps a panic to the one request in which it happens: the others on the connection, and the client's next try, must
/// not pay for it. `None` where there was one.
async fn contained<T>(handling: impl Future<Output = T>) -> Option<T> {
    let mut handling = pin!(handling);
    std::future::poll_fn(|context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

/// What a request gets whose handler panicked.
fn panicked(audit: &mut Audit) -> Outbound {
    audit.refused = Some("the handler panicked, which is a fault of ours".to_owned());
    audit.outcome = Outcome::Failed;
    Outbound::empty(StatusCode::INTERNAL_SERVER_ERROR)
}
