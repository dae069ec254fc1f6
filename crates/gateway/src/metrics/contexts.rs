//! What is counted of conversations with protected services.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What happened to a conversation, as a label.
const EVENTS: [&str; 7] = ["begun", "renewed", "lost", "refused", "cancelled", "taken-up", "awaited"];

/// What happened to a conversation with a protected service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ContextEvent {
    /// It was begun.
    Begun,
    /// It got another key.
    Renewed,
    /// Its service did not know it any more.
    Lost,
    /// None was given.
    Refused,
    /// It was cancelled.
    Cancelled,
    /// One that was kept, by this gateway or another, was taken up.
    TakenUp,
    /// A call waited until there was one.
    Awaited,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfContext {
    route: String,
    event: &'static str,
}

/// The rows of all routes.
#[derive(Clone, Debug, Default)]
pub(super) struct Contexts(Family<OfContext, Counter>);

impl Contexts {
    pub(super) fn register(&self, to: &mut Registry) {
        let help = "What happened to conversations with protected services";
        to.register("egress_conversations", help, self.0.clone());
    }

    /// The rows of a route.
    pub(super) fn of(&self, route: &str) -> ContextMetrics {
        let row = |event| self.0.get_or_create_owned(&OfContext { route: route.to_owned(), event });
        ContextMetrics(EVENTS.map(row))
    }
}

/// The rows of one route.
#[derive(Debug)]
pub(crate) struct ContextMetrics([Counter; EVENTS.len()]);

impl ContextMetrics {
    /// Counts what happened.
    pub(crate) fn count(&self, event: ContextEvent) {
        if let Some(row) = self.0.get(event as usize) {
            row.inc();
        }
    }
}
