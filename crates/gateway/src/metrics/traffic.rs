//! Connections and requests, before a route has them.

use hyper::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The statuses of [`crate::http::Rejection`].
pub(super) const REJECTIONS: [StatusCode; 9] = [
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::EXPECTATION_FAILED,
    StatusCode::NOT_IMPLEMENTED,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// What is counted of connections and requests before a route has them. All clones count together.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    pub(super) connections: Gauge,
    pub(super) refused: Counter,
    pub(super) in_flight: Gauge,
    pub(super) abandoned: Counter,
    pub(super) rejections: [Counter; REJECTIONS.len()],
}

impl Traffic {
    /// A connection is open, until what this gives is dropped.
    pub(crate) fn opened(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    /// A connection was closed at once.
    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// A request was turned away with that status.
    pub(crate) fn rejected(&self, status: StatusCode) {
        if let Some(at) = REJECTIONS.iter().position(|of| *of == status) {
            self.rejections[at].inc();
        }
    }

    /// A request came; what this gives must be told when it is answered.
    pub(crate) fn began(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight { traffic: self, answered: false }
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A request that is being answered. It is dropped unanswered when its client goes away.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    traffic: &'a Traffic,
    answered: bool,
}

impl InFlight<'_> {
    /// It is answered.
    pub(crate) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.traffic.in_flight.dec();
        if !self.answered {
            self.traffic.abandoned.inc();
        }
    }
}
