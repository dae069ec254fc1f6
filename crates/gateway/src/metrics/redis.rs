//! What is counted and measured of a Redis that several gateways share. Without one there are no such rows.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use redis::Value;

use super::BUCKETS;
use crate::shared::{Shared, Unavailable};

/// What Redis is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operation {
    /// A conversation that was found lately.
    Find,
    /// One that was not: whoever comes may name it.
    Seek,
    /// To keep one.
    Keep,
    /// To end some.
    End,
    /// To claim a message.
    Claim,
    /// To note what was used.
    Tell,
    /// All conversations, one after the other.
    List,
}

/// The same, as a label.
const OPERATIONS: [&str; 7] = ["find", "seek", "keep", "end", "claim", "tell", "list"];
/// What came of it, as a label: it answered, had no room or refused, was not asked since too much was, or since there was no
/// connection, did not answer in time, or was lost meanwhile.
const OUTCOMES: [&str; 7] = ["answered", "full", "refused", "busy", "away", "slow", "lost"];

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfOperation {
    operation: &'static str,
    outcome: &'static str,
}

/// What is counted and measured of a Redis. All clones count together.
#[derive(Clone, Debug)]
pub(crate) struct RedisMetrics {
    operations: [[Counter; OUTCOMES.len()]; OPERATIONS.len()],
    durations: Histogram,
    up: Gauge,
    in_flight: Gauge,
    untold: Gauge,
    unreadable: Gauge,
}

impl Default for RedisMetrics {
    fn default() -> Self {
        Self {
            operations: Default::default(),
            durations: Histogram::new(BUCKETS),
            up: Gauge::default(),
            in_flight: Gauge::default(),
            untold: Gauge::default(),
            unreadable: Gauge::default(),
        }
    }
}

impl RedisMetrics {
    pub(super) fn register(&mut self, to: &mut Registry) {
        to.register("redis_up", "Whether there is a connection to Redis", self.up.clone());
        let operations = Family::<OfOperation, Counter>::default();
        let row = |operation, outcome| operations.get_or_create_owned(&OfOperation { operation, outcome });
        self.operations = OPERATIONS.map(|operation| OUTCOMES.map(|outcome| row(operation, outcome)));
        to.register("redis_operations", "What Redis was asked for, by what came of it", operations);
        let help = "From asking Redis to its answer, or to the time after which none is waited for";
        to.register_with_unit("redis_duration", help, Unit::Seconds, self.durations.clone());
        to.register("redis_operations_in_flight", "What Redis is asked for by messages", self.in_flight.clone());
        let help = "Conversations of which Redis is still to be told that they were used or end";
        to.register("redis_untold", help, self.untold.clone());
        let help = "Values found in Redis since the start that are no conversations, or do not open with the key ring";
        to.register("redis_unreadable", help, self.unreadable.clone());
    }

    /// Counts an operation, and measures one that was under way.
    pub(crate) fn asked(&self, operation: Operation, answered: Result<&[Value], &Unavailable>, took: Duration) {
        fn error(value: &Value) -> Option<&str> {
            if let Value::ServerError(error) = value { Some(error.code()) } else { None }
        }
        let outcome = match answered {
            Ok(values) => match values.iter().find_map(error) {
                None => 0,
                Some("OOM") => 1,
                Some(_) => 2,
            },
            Err(Unavailable::Refused(_) | Unavailable::Forgotten) => 2,
            Err(Unavailable::Busy) => 3,
            Err(Unavailable::Away) => 4,
            Err(Unavailable::Slow) => 5,
            Err(Unavailable::Lost(_)) => 6,
        };
        self.operations[operation as usize][outcome].inc();
        if !matches!(answered, Err(Unavailable::Busy | Unavailable::Away)) {
            self.durations.observe(took.as_secs_f64());
        }
    }

    /// How it stands now.
    pub(super) fn stands(&self, redis: &Shared) {
        let set = |gauge: &Gauge, value: usize| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        self.up.set(i64::from(redis.is_healthy()));
        set(&self.in_flight, redis.under_way());
        set(&self.untold, redis.untold());
        set(&self.unreadable, usize::try_from(redis.unreadable()).unwrap_or(usize::MAX));
    }
}
