//! What all routes of a gateway share: its clock, its random source, and what it keeps.

use std::sync::{Arc, Weak};
use std::time::Duration;

use nuncio_wss::{Context, Time};
use tokio::task::spawn_blocking;

use crate::clock::Clock;
use crate::config::{Keeping, StoreKind, StoreLimits, TracingSettings};
use crate::keyring::Keys;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::random::Entropy;
use crate::replays::{Claim, Claims, Replays};
use crate::sessions::{Disk, Memory, NotKept, Principals, Renewals, Store};
use crate::spans::{NotExported, Spans};
use crate::state::{ClaimFiles, NotOpened, State};
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
    /// New keys of theirs that nobody used yet.
    pub renewals: Arc<Renewals>,
    /// Messages seen before, on whatever route: a message taken on one is a replay on another.
    pub replays: Arc<Replays>,
    /// When what is kept in memory alone began to be kept; `None` where nothing can have been before.
    pub since: Option<Time>,
    /// The state directory, if there is one.
    kept: Option<Kept>,
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

/// How often files of claims that are over are removed.
const PAST: Duration = Duration::from_secs(30);

/// Removes files of claims that are over, as long as somebody writes such files.
async fn drop_past(files: Weak<ClaimFiles>, clock: Clock) {
    let mut ticks = tokio::time::interval(PAST);
    loop {
        ticks.tick().await;
        let (Some(files), now) = (files.upgrade(), clock.now()) else { return };
        let dropped = spawn_blocking(move || files.drop_before(now)).await;
        if let Ok(Err(error)) = dropped {
            tracing::warn!(%error, "files of claims that are over cannot be removed");
        }
    }
}

/// What is kept in a state directory.
struct Kept {
    disk: Arc<Disk>,
    files: Arc<ClaimFiles>,
    /// When its claims began to be whole; `None` where they are.
    since: Option<Time>,
    keys: Arc<Keys>,
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
            renewals: Arc::default(),
            replays: Arc::new(Replays::new(stores.replay_bytes)),
            since: None,
            kept: None,
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

    /// The same world, with what is kept elsewhere: brought back, and from now on kept there too.
    pub fn with(self, keeping: &mut Keeping) -> Result<Self, NotOpened> {
        let Some(directory) = &keeping.state else { return Ok(self) };
        let (now, state) = (self.clock.now(), State::open(directory)?);
        let ring = match keeping.ring.take() {
            Some(ring) => ring,
            None => state.ring(now, &mut self.entropy.draw())?,
        };
        let (files, claims, fence) = state.claims(now)?;
        let at = self.clock.moment(now);
        // One for which there is no room is not known: then what was made before now is not taken.
        let known = claims.into_iter().all(|(key, until)| self.replays.claim(&key, until, at) != Claim::Full);
        if !known {
            tracing::warn!("there is no room for all claims of the state directory: give `replay_bytes` more");
        }
        let keys = Arc::new(Keys::new(ring));
        let disk = Disk::restore(
            state.journal()?,
            Arc::clone(&keys),
            self.entropy.clone(),
            Arc::clone(&self.sessions),
            &self.principals,
            now,
        )
        .map_err(|error| NotOpened::Damaged { file: directory.clone(), reason: error.to_string() })?;
        let since = (fence.is_up() || !known).then_some(now).filter(|_| self.since.is_some());
        let files = Arc::new(files);
        tokio::spawn(drop_past(Arc::downgrade(&files), self.clock.clone()));
        let kept = Kept { disk: Arc::new(disk), files, since, keys };
        Ok(Self { kept: Some(kept), ..self })
    }

    /// Where a route keeps its conversations and claims its messages; `None` where nothing is kept so.
    pub(crate) fn store(&self, kind: StoreKind) -> Option<(Store, Claims)> {
        let replays = Arc::clone(&self.replays);
        match kind {
            StoreKind::Memory => {
                Some((Store::Memory(Arc::clone(&self.sessions)), Claims::Memory { replays, since: self.since }))
            }
            StoreKind::Disk => {
                let Kept { disk, files, since, .. } = self.kept.as_ref()?;
                let claims = Claims::Files { replays, files: Arc::clone(files), since: *since };
                Some((Store::Disk(Arc::clone(disk)), claims))
            }
        }
    }

    /// The keys with which what is kept is sealed; `None` where nothing is.
    pub(crate) fn keys(&self) -> Option<&Keys> {
        self.kept.as_ref().map(|kept| &*kept.keys)
    }

    /// Ends for good those of the conversations that `which` takes; how many keys of theirs these were. It looks at each, which
    /// takes a while.
    pub(crate) async fn cut(
        self: &Arc<Self>,
        which: impl Fn(&Context) -> bool + Send + 'static,
    ) -> Result<usize, NotKept> {
        let world = Arc::clone(self);
        let cut = spawn_blocking(move || world.sessions.cut(world.clock.now(), which));
        let cut = cut.await.unwrap_or_default();
        let count = cut.len();
        if let Some(Kept { disk, .. }) = self.kept.as_ref().filter(|_| count > 0) {
            disk.forget(cut).await?;
        }
        Ok(count)
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
