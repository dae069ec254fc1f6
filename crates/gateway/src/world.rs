//! What all routes of a gateway share: its clock, its random source, and what it keeps.

use std::sync::Arc;

use nuncio_wss::{Context, Time};

use crate::clock::Clock;
use crate::config::{StoreLimits, TracingSettings};
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::random::Entropy;
use crate::replays::{Claims, Replays};
use crate::sessions::{Memory, Principals};
use crate::spans::{NotExported, Spans};
use crate::users::Guesses;

/// What all routes share.
pub struct World {
    /// What time it is.
    pub clock: Clock,
    /// Random octets.
    pub entropy: Entropy,
    /// Conversations. The identifiers in it are those of [`crate::ingress`], which say the route too.
    pub sessions: Arc<Memory<Context>>,
    /// Who has them.
    pub principals: Principals,
    /// Messages seen before, on whatever route: a message taken on one is a replay on another.
    pub replays: Arc<Replays>,
    /// When what is kept in memory alone began to be kept; `None` where nothing can have been before.
    pub since: Option<Time>,
    /// Wrong passwords.
    pub guesses: Guesses,
    /// Where private keys are used.
    pub private_keys: Pool,
    /// Where slow hashes of passwords are checked.
    pub passwords: Pool,
    /// What is counted.
    pub metrics: Metrics,
    /// Where spans go.
    pub spans: Spans,
}

/// How many uses of a private key may wait for each processor: at a millisecond or two each, a quarter of a second.
const PRIVATE_KEYS: usize = 128;
/// How many slow hashes may wait for each processor: at some tens of milliseconds each, a second.
const PASSWORDS: usize = 16;

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(clock: Clock, entropy: Entropy, stores: &StoreLimits) -> Self {
        let sessions = Arc::new(Memory::new(stores.session_bytes, stores.principal_bytes));
        Self {
            clock,
            entropy,
            sessions,
            principals: Principals::default(),
            replays: Arc::new(Replays::new(stores.replay_bytes)),
            since: None,
            guesses: Guesses::default(),
            private_keys: Pool::of_processors(PRIVATE_KEYS),
            passwords: Pool::of_processors(PASSWORDS),
            metrics: Metrics::default(),
            spans: Spans::default(),
        }
    }

    /// The same world, whose spans are sent to a collector.
    pub fn traced(self, settings: Option<&TracingSettings>) -> Result<Self, NotExported> {
        let spans = Spans::start(settings, &self.entropy)?;
        Ok(Self { spans, ..self })
    }

    /// The same world, before which there may have been another: what was claimed there is not known, so messages that were
    /// made before now are not taken where claims are kept in memory alone.
    #[must_use]
    pub fn after_another(self) -> Self {
        Self { since: Some(self.clock.now()), ..self }
    }

    /// Where a route claims messages whose claims end with this process.
    pub(crate) fn claims(&self) -> Claims {
        Claims::Memory { replays: Arc::clone(&self.replays), since: self.since }
    }

    /// What is counted, in Prometheus's text format.
    pub fn measured(&self) -> Result<String, std::fmt::Error> {
        let now = self.clock.now();
        let census = self.sessions.census(now);
        self.principals.forget(self.sessions.owners());
        self.metrics.text(census, self.replays.alive(self.clock.moment(now)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn what_is_kept_is_measured_as_it_is_now() {
        let hands = Arc::new(AtomicI64::new(0));
        let world = World::new(Clock::given(Arc::clone(&hands)), Entropy::system(), &StoreLimits::default());
        let claims = |count| format!("\nnuncio_replay_claims {count}\n");
        assert!(world.measured().unwrap().contains(&claims(0)));
        let begun = world.clock.moment(Time::from_millis(0));
        let _ = world.replays.claim(&[0; 16], Time::from_millis(1000), begun);
        assert!(world.measured().unwrap().contains(&claims(1)));
        hands.store(60_000, Ordering::Relaxed);
        assert!(world.measured().unwrap().contains(&claims(0)));
    }
}
