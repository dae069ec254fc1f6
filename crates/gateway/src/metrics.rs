//! What is counted and measured, for Prometheus.
//!
//! No label comes from a peer: a route is the operator's, everything else a word of a closed table. Each row is there
//! from the start, so a message finds its own by position, and takes no memory and no lock that is held for long.

mod backends;
mod contexts;
mod redis;
mod traffic;

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nuncio_wss::{Class, Request};
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use backends::{BackendMetrics, Call};
pub(crate) use contexts::{ContextEvent, ContextMetrics};
pub(crate) use redis::{Operation, RedisMetrics};
pub use traffic::Traffic;

use crate::sessions::Census;
use crate::shared::Shared;
use backends::Urls;
use contexts::Contexts;
use traffic::REJECTIONS;

/// The media type of what [`Metrics::text`] gives.
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Upper ends of the buckets of durations, in seconds: from a message of a conversation, which takes some hundred
/// microseconds, to the longest that a backend may take by default.
const BUCKETS: [f64; 16] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// What a request asked for, as a label; the first where it was not read so far.
const KINDS: [&str; 5] = ["unread", "application", "issue", "renew", "cancel"];
/// What became of a request, as a label.
const OUTCOMES: [&str; 7] = ["answered", "fault", "unavailable", "busy", "refused", "failed", "denied"];
/// The classes of refusals, in the order of the enum.
const CLASSES: [Class; 7] = [
    Class::Unreadable,
    Class::NotUnderstood,
    Class::InvalidSecurity,
    Class::FailedAuthentication,
    Class::BadContextToken,
    Class::InvalidRequest,
    Class::InvalidTimeRange,
];

/// What became of a request that a route answered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Outcome {
    /// The backend answered, or a conversation was issued, renewed or cancelled.
    #[default]
    Answered,
    /// The backend answered with a fault.
    Fault,
    /// The backend did not answer, or not in a way that can be read.
    Unavailable,
    /// There was no room for what it asked for.
    Busy,
    /// It was refused.
    Refused(Class),
    /// A fault of ours, or of the machine's.
    Failed,
    /// The caller is known, and may not do it.
    Denied,
}

impl Outcome {
    fn position(self) -> usize {
        match self {
            Self::Answered => 0,
            Self::Fault => 1,
            Self::Unavailable => 2,
            Self::Busy => 3,
            Self::Refused(_) => 4,
            Self::Failed => 5,
            Self::Denied => 6,
        }
    }

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        OUTCOMES[self.position()]
    }

    /// The word for why it was refused, if it was.
    pub(crate) fn refusal(self) -> Option<&'static str> {
        if let Self::Refused(of) = self { Some(class(of)) } else { None }
    }
}

/// The word for what a request asked for.
pub(crate) fn asked(request: Option<Request>) -> &'static str {
    KINDS[kind(request)]
}

fn kind(request: Option<Request>) -> usize {
    match request {
        None => 0,
        Some(Request::Application) => 1,
        Some(Request::Issue) => 2,
        Some(Request::Renew) => 3,
        Some(Request::Cancel) => 4,
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Unreadable => "unreadable",
        Class::NotUnderstood => "not_understood",
        Class::InvalidSecurity => "invalid_security",
        Class::FailedAuthentication => "failed_authentication",
        Class::BadContextToken => "bad_context_token",
        Class::InvalidRequest => "invalid_request",
        Class::InvalidTimeRange => "invalid_time_range",
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfRoute {
    route: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfRequest {
    route: String,
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfRefusal {
    route: String,
    class: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfRejection {
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfReload {
    outcome: &'static str,
}

/// A histogram for each route.
type Durations = Family<OfRoute, Histogram, fn() -> Histogram>;

/// All that is counted and measured of one gateway.
pub struct Metrics {
    registry: Registry,
    requests: Family<OfRequest, Counter>,
    refusals: Family<OfRefusal, Counter>,
    throttled: Family<OfRoute, Counter>,
    durations: Durations,
    backends: Durations,
    urls: Urls,
    contexts: Contexts,
    traffic: Traffic,
    reloads: [Counter; 2],
    conversations: Gauge,
    pending: Gauge,
    dropped: Counter,
    session_octets: Gauge,
    claims: Gauge,
    /// Where there is a Redis.
    redis: Option<RedisMetrics>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let durations: fn() -> Histogram = || Histogram::new(BUCKETS);
        let mut metrics = Self {
            registry: Registry::with_prefix("nuncio"),
            requests: Family::default(),
            refusals: Family::default(),
            throttled: Family::default(),
            durations: Family::new_with_constructor(durations),
            backends: Family::new_with_constructor(durations),
            urls: Urls::default(),
            contexts: Contexts::default(),
            traffic: Traffic::default(),
            reloads: <[Counter; 2]>::default(),
            conversations: Gauge::default(),
            pending: Gauge::default(),
            dropped: Counter::default(),
            session_octets: Gauge::default(),
            claims: Gauge::default(),
            redis: None,
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// Counts a configuration that was to take the place of another, and did or did not.
    pub(crate) fn reloaded(&self, done: bool) {
        self.reloads[usize::from(done)].inc();
    }

    /// What is counted of a Redis, if there is one.
    pub(crate) fn redis(&mut self) -> RedisMetrics {
        let registry = &mut self.registry;
        let registered = || {
            let mut redis = RedisMetrics::default();
            redis.register(registry);
            redis
        };
        self.redis.get_or_insert_with(registered).clone()
    }

    fn register(&mut self) {
        let Self { registry: to, requests, refusals, throttled, durations, backends, urls, contexts, traffic, .. } =
            self;
        to.register("build", "The program", Info::new([("version", env!("CARGO_PKG_VERSION"))].to_vec()));
        to.register("requests", "Requests that a route answered", requests.clone());
        to.register("refusals", "Requests that were refused, by what their senders were told", refusals.clone());
        let help = "Passwords that were not looked at, or answered late, since too many wrong ones came before";
        to.register("passwords_throttled", help, throttled.clone());
        let help = "From the end of a request's headers to its answer";
        to.register_with_unit("request_duration", help, Unit::Seconds, durations.clone());
        let help = "From sending a message to a backend to the end of its answer";
        to.register_with_unit("backend_duration", help, Unit::Seconds, backends.clone());

        urls.register(to);
        contexts.register(to);

        let rejections = Family::<OfRejection, Counter>::default();
        traffic.rejections = REJECTIONS.map(|status| {
            let status = status.as_u16();
            rejections.get_or_create_owned(&OfRejection { status })
        });
        to.register("rejections", "Requests that were turned away before their body was looked at", rejections);
        to.register("requests_in_flight", "Requests that are being answered", traffic.in_flight.clone());
        let help = "Requests whose clients went away before the answer";
        to.register("requests_abandoned", help, traffic.abandoned.clone());
        to.register("connections", "Open connections of clients", traffic.connections.clone());
        let help = "Connections that were closed at once, as their peer had as many as it may";
        to.register("connections_refused", help, traffic.refused.clone());

        let reloads = Family::<OfReload, Counter>::default();
        self.reloads = ["refused", "done"].map(|outcome| reloads.get_or_create_owned(&OfReload { outcome }));
        to.register("reloads", "Configurations that were to take the place of another", reloads);

        to.register("conversations", "Conversations that live", self.conversations.clone());
        let help = "Of these, those in which nothing was said yet";
        to.register("conversations_pending", help, self.pending.clone());
        let help = "Conversations in which nothing was said, and which made room for others";
        to.register("conversations_dropped", help, self.dropped.clone());
        let help = "What conversations take of their store";
        to.register_with_unit("conversations", help, Unit::Bytes, self.session_octets.clone());
        to.register(
            "replay_claims",
            "Messages that are remembered so that they cannot be replayed",
            self.claims.clone(),
        );
    }

    /// The rows of a route.
    pub fn route(&self, route: &str) -> RouteMetrics {
        let route = || route.to_owned();
        let requests = |kind, outcome| self.requests.get_or_create_owned(&OfRequest { route: route(), kind, outcome });
        let refusals = |of| self.refusals.get_or_create_owned(&OfRefusal { route: route(), class: class(of) });
        RouteMetrics {
            requests: KINDS.map(|kind| OUTCOMES.map(|outcome| requests(kind, outcome))),
            refusals: CLASSES.map(refusals),
            throttled: self.throttled.get_or_create_owned(&OfRoute { route: route() }),
            durations: self.durations.get_or_create_owned(&OfRoute { route: route() }),
            backends: self.backends.get_or_create_owned(&OfRoute { route: route() }),
            urls: self.urls.clone(),
            route: route(),
        }
    }

    /// The rows of a route's conversations with its service.
    pub(crate) fn contexts(&self, route: &str) -> ContextMetrics {
        self.contexts.of(route)
    }

    /// The rows of connections.
    pub fn traffic(&self) -> Traffic {
        self.traffic.clone()
    }

    /// All of it in Prometheus's text format, with what the stores hold now.
    pub(crate) fn text(&self, sessions: Census, claims: usize, shared: Option<&Shared>) -> Result<String, fmt::Error> {
        let set = |gauge: &Gauge, value: usize| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.conversations, sessions.conversations);
        set(&self.pending, sessions.pending);
        self.dropped.inner().store(sessions.dropped, Ordering::Relaxed);
        set(&self.session_octets, sessions.octets);
        set(&self.claims, claims);
        if let (Some(redis), Some(shared)) = (&self.redis, shared) {
            redis.stands(shared);
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The rows of one route.
#[derive(Debug)]
pub struct RouteMetrics {
    requests: [[Counter; OUTCOMES.len()]; KINDS.len()],
    refusals: [Counter; CLASSES.len()],
    throttled: Counter,
    durations: Histogram,
    backends: Histogram,
    urls: Urls,
    route: String,
}

impl RouteMetrics {
    /// Counts a request that was answered.
    pub(crate) fn answered(&self, request: Option<Request>, outcome: Outcome, took: Duration) {
        self.requests[kind(request)][outcome.position()].inc();
        if let Outcome::Refused(class) = outcome
            && let Some(refusals) = self.refusals.get(class as usize)
        {
            refusals.inc();
        }
        self.durations.observe(took.as_secs_f64());
    }

    /// A password was not looked at, or is answered late.
    pub(crate) fn throttled(&self) {
        self.throttled.inc();
    }

    /// The rows of a URL of its backends.
    pub(crate) fn backend(&self, backend: &str) -> BackendMetrics {
        self.urls.of(&self.route, backend)
    }

    /// Measures a call of the backend.
    pub(crate) fn called(&self, took: Duration) {
        self.backends.observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Census = Census { conversations: 0, pending: 0, octets: 0, dropped: 0 };

    fn row(metrics: &Metrics, name: &str) -> String {
        let text = metrics.text(NOTHING, 0, None).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in\n{text}")).to_owned()
    }

    #[test]
    fn a_class_is_counted_as_what_it_is() {
        let metrics = Metrics::default();
        let route = metrics.route("/a");
        for (count, of) in (1..).zip(CLASSES) {
            for _ in 0..count {
                route.answered(Some(Request::Issue), Outcome::Refused(of), Duration::ZERO);
            }
        }
        for (count, of) in (1..).zip(CLASSES) {
            let name = format!("nuncio_refusals_total{{route=\"/a\",class=\"{}\"}}", class(of));
            assert_eq!(row(&metrics, &name), count.to_string());
        }
        let refused = "nuncio_requests_total{route=\"/a\",kind=\"issue\",outcome=\"refused\"}";
        assert_eq!(row(&metrics, refused), "28");
    }

    #[test]
    fn a_request_is_counted_once_at_its_place() {
        let metrics = Metrics::default();
        let (route, other) = (metrics.route("/a"), metrics.route("*"));
        let took = Duration::from_millis(3);
        route.answered(Some(Request::Application), Outcome::Answered, took);
        route.answered(Some(Request::Application), Outcome::Fault, took);
        other.answered(None, Outcome::Failed, Duration::from_secs(100));
        other.called(took);
        for (name, count) in [
            ("requests_total{route=\"/a\",kind=\"application\",outcome=\"answered\"}", "1"),
            ("requests_total{route=\"/a\",kind=\"application\",outcome=\"fault\"}", "1"),
            ("requests_total{route=\"/a\",kind=\"cancel\",outcome=\"answered\"}", "0"),
            ("requests_total{route=\"*\",kind=\"unread\",outcome=\"failed\"}", "1"),
            ("request_duration_seconds_bucket{route=\"/a\",le=\"0.0025\"}", "0"),
            ("request_duration_seconds_bucket{route=\"/a\",le=\"0.005\"}", "2"),
            ("request_duration_seconds_sum{route=\"/a\"}", "0.006"),
            ("request_duration_seconds_bucket{route=\"*\",le=\"60\"}", "0"),
            ("request_duration_seconds_bucket{route=\"*\",le=\"+Inf\"}", "1"),
            ("backend_duration_seconds_count{route=\"/a\"}", "0"),
            ("backend_duration_seconds_count{route=\"*\"}", "1"),
        ] {
            assert_eq!(row(&metrics, &format!("nuncio_{name}")), count, "{name}");
        }
    }

    #[test]
    fn traffic_is_counted_while_it_lasts() {
        let metrics = Metrics::default();
        let traffic = metrics.traffic();
        let counts = || {
            ["connections", "connections_refused_total", "requests_in_flight", "requests_abandoned_total"]
                .map(|name| row(&metrics, &format!("nuncio_{name}")).parse::<u32>().unwrap())
        };
        let open = traffic.opened();
        let (first, second) = (traffic.began(), traffic.began());
        traffic.refused();
        assert_eq!(counts(), [1, 1, 2, 0]);
        first.answered();
        drop(second);
        drop(open);
        assert_eq!(counts(), [0, 1, 0, 1]);
    }
}
