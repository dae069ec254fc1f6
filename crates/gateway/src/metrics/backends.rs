//! What is counted of each URL of a backend. A URL is the operator's, and so is its label.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfBackend {
    route: String,
    backend: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfCall {
    route: String,
    backend: String,
    result: &'static str,
}

/// What came of a call of a URL of a backend.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// An answer, whatever it says.
    Answered,
    /// No answer, or one that says that there is none.
    Failed,
    /// No connection.
    Unreachable,
    /// Nobody waited for its end.
    Abandoned,
}

/// The same, as a label.
const CALLS: [&str; 4] = ["answered", "failed", "unreachable", "abandoned"];

/// What is counted of each URL of a backend.
#[derive(Clone, Debug, Default)]
pub(super) struct Urls {
    calls: Family<OfCall, Counter>,
    in_flight: Family<OfBackend, Gauge>,
    in_service: Family<OfBackend, Gauge>,
    ejections: Family<OfBackend, Counter>,
}

impl Urls {
    pub(super) fn register(&self, to: &mut Registry) {
        to.register("backend_calls", "Calls of a URL of a backend, by what came of them", self.calls.clone());
        to.register("backend_calls_in_flight", "Calls that a URL of a backend has", self.in_flight.clone());
        to.register("backend_in_service", "Whether a URL of a backend is called", self.in_service.clone());
        let help = "How often a URL of a backend was taken out of service as calls of it failed";
        to.register("backend_ejections", help, self.ejections.clone());
    }

    /// The rows of a URL behind a route.
    pub(super) fn of(&self, route: &str, backend: &str) -> BackendMetrics {
        let of = || OfBackend { route: route.to_owned(), backend: backend.to_owned() };
        let call = |result| OfCall { route: route.to_owned(), backend: backend.to_owned(), result };
        BackendMetrics {
            calls: CALLS.map(|result| self.calls.get_or_create_owned(&call(result))),
            in_flight: self.in_flight.get_or_create_owned(&of()),
            in_service: self.in_service.get_or_create_owned(&of()),
            ejections: self.ejections.get_or_create_owned(&of()),
        }
    }
}

/// The rows of one URL of a backend.
#[derive(Debug)]
pub(crate) struct BackendMetrics {
    calls: [Counter; CALLS.len()],
    in_flight: Gauge,
    in_service: Gauge,
    ejections: Counter,
}

impl BackendMetrics {
    /// A call began.
    pub(crate) fn began(&self) {
        self.in_flight.inc();
    }

    /// A call ended.
    pub(crate) fn ended(&self, result: Call) {
        self.in_flight.dec();
        self.calls[result as usize].inc();
    }

    /// Whether it is called.
    pub(crate) fn serves(&self, serves: bool) {
        self.in_service.set(i64::from(serves));
    }

    /// It was taken out of service.
    pub(crate) fn ejected(&self) {
        self.ejections.inc();
        self.serves(false);
    }
}
