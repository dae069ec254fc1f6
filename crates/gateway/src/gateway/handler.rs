//! What answers the requests of a route, and where it is served.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;

use crate::config::{RouteHost, RoutePath};
use crate::contract::Contract;
use crate::http::{Inbound, Outbound};
use crate::listen::Side;
use crate::log::Audit;

/// What answers the requests of a route.
pub trait Handler: Send + Sync + 'static {
    /// What it takes of a request's headers beside what [`Inbound`] has. Nothing, if what a client says of itself must
    /// mean nothing.
    type Heard: Send;

    /// Takes it.
    fn hear(headers: &HeaderMap) -> Self::Heard;

    /// Whether it can do now what those headers ask for. Where it cannot, the request is turned away before its body is read: it
    /// costs as little as it can.
    fn has_room(&self, _headers: &HeaderMap) -> bool {
        true
    }

    /// Answers one request, and notes what is known of it in `audit` as it becomes known: a client may go away before the
    /// answer. Whatever goes wrong is an answer too.
    fn handle(&self, request: Inbound, heard: Self::Heard, audit: &mut Audit) -> impl Future<Output = Outbound> + Send;

    /// Counts a request that it answered, which took so long with its body and its answer.
    fn count(&self, _audit: &Audit, _took: Duration) {}
}

impl<H: Handler> Handler for Arc<H> {
    type Heard = H::Heard;

    fn hear(headers: &HeaderMap) -> Self::Heard {
        H::hear(headers)
    }

    fn has_room(&self, headers: &HeaderMap) -> bool {
        H::has_room(self, headers)
    }

    fn handle(&self, request: Inbound, heard: Self::Heard, audit: &mut Audit) -> impl Future<Output = Outbound> + Send {
        H::handle(self, request, heard, audit)
    }

    fn count(&self, audit: &Audit, took: Duration) {
        H::count(self, audit, took);
    }
}

/// A route that can be served.
pub struct Route<H> {
    /// On which listeners it is served.
    pub side: Side,
    /// The hosts; any where there are none.
    pub hosts: Vec<RouteHost>,
    /// The path.
    pub path: RoutePath,
    /// The contract that clients may ask for there.
    pub contract: Option<Contract>,
    /// What answers there.
    pub handler: H,
    /// The largest body, in octets.
    pub body_bytes: usize,
}
