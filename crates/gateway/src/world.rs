//! What all routes of a gateway share: its clock, its random source, and what it keeps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use nuncio_wss::{Context, Time};
use tokio::task::spawn_blocking;

use crate::clock::Clock;
use crate::config::{Keeping, StoreKind, StoreLimits, TracingSettings};
use crate::egress::kept::Keeper;
use crate::egress::{self, Farewells, Registry};
use crate::keyring::{Keys, NotSealed};
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::random::Entropy;
use crate::replays::{Claim, Claims, Replays};
use crate::sessions::{CookieLimits, Cookies, Disk, Known, Meant, Memory, NotKept, Principals, Renewals, Room, Store};
use crate::shared::{BadSettings, Shared};
use crate::spans::{NotExported, Spans};
use crate::state::{ClaimFiles, JournalError, NotOpened, State};
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
    /// What is kept elsewhere than in memory, if anything is.
    kept: Option<Kept>,
    /// Whether nobody serves anything in it.
    imagined: bool,
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
    /// Who calls protected services.
    pub(crate) egress: Registry,
    /// Conversations with these that are being ended.
    pub(crate) farewells: Arc<Farewells>,
    /// Whether the process ends.
    ending: AtomicBool,
}

/// Longer than any conversation lives that a client keeps.
const LONGEST: Duration = Duration::from_hours(24 * 366);
/// How long a process that ends waits for what was noted to be kept.
const SETTLE: Duration = Duration::from_secs(1);
/// How often what is over is dropped: conversations, and files of claims in a state directory.
const PAST: Duration = Duration::from_secs(30);

/// Drops conversations that are over, as long as somebody keeps any: where nobody comes any more, nothing else would.
async fn drop_conversations(sessions: Weak<Memory<Context>>, clock: Clock) {
    let mut ticks = tokio::time::interval(PAST);
    loop {
        ticks.tick().await;
        let Some(sessions) = sessions.upgrade() else { return };
        sessions.sweep(clock.now());
    }
}

/// Removes files of claims that are over, as long as somebody writes to a state directory.
async fn drop_files(files: Weak<ClaimFiles>, clock: Clock) {
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

/// What is kept elsewhere than in memory.
struct Kept {
    disk: Option<OnDisk>,
    redis: Option<Arc<Shared>>,
    cookies: Arc<Cookies>,
    /// Whether some route's clients keep conversations.
    brought: AtomicBool,
    keys: Arc<Keys>,
}

/// What is kept in a state directory.
struct OnDisk {
    state: State,
    disk: Arc<Disk>,
    /// Conversations with services, where a route keeps some here.
    services: Mutex<Option<Arc<Keeper>>>,
    files: Arc<ClaimFiles>,
    /// When its claims began to be whole; `None` where they are.
    since: Option<Time>,
}

/// Why nothing can be kept as it is said.
#[derive(Debug, thiserror::Error)]
pub enum NotKeeping {
    /// The state directory cannot be used.
    #[error("state: {0}")]
    State(#[from] NotOpened),
    /// What is in it cannot be read.
    #[error("state: {0}")]
    Journal(#[from] JournalError),
    /// The key ring has no key to seal with.
    #[error("key_ring: {0}")]
    Ring(#[from] NotSealed),
    /// Redis cannot be asked, whatever it does.
    #[error("redis: {0}")]
    Redis(#[from] BadSettings),
}

/// What is kept of cookies: contexts that were opened lately, and what was cut.
const COOKIES: CookieLimits = CookieLimits { opened: 64 << 20, hot: 4096, cuts: 16 << 20 };

/// How many uses of a private key may wait for each processor: at a millisecond or two each, a quarter of a second.
const PRIVATE_KEYS: usize = 128;
/// How many slow hashes may wait for each processor: at some tens of milliseconds each, a second.
const PASSWORDS: usize = 16;

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(clock: Clock, entropy: Entropy, stores: &StoreLimits) -> Self {
        let capacity = Room { octets: stores.session_bytes, count: stores.sessions };
        let share = Room { octets: stores.principal_bytes, count: stores.sessions_per_principal };
        let sessions = Arc::new(Memory::new(capacity, share));
        Self {
            clock,
            entropy,
            sessions,
            principals: Principals::default(),
            renewals: Arc::default(),
            replays: Arc::new(Replays::new(stores.replay_bytes)),
            since: None,
            kept: None,
            imagined: false,
            guesses: Guesses::default(),
            private_keys: Pool::of_processors(PRIVATE_KEYS),
            passwords: Pool::of_processors(PASSWORDS),
            metrics: Metrics::default(),
            spans: Spans::default(),
            egress: Registry::default(),
            farewells: Arc::default(),
            ending: AtomicBool::new(false),
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

    /// The same world, in which what is over is dropped from now on, with what is kept elsewhere: brought back, and from now on
    /// kept there too.
    pub async fn with(mut self, keeping: &Keeping) -> Result<Self, NotKeeping> {
        tokio::spawn(drop_conversations(Arc::downgrade(&self.sessions), self.clock.clone()));
        let Keeping { state, ring, redis } = keeping;
        let now = self.clock.now();
        let state = state.as_deref().map(State::open).transpose()?;
        let ring = match (ring, &state) {
            (Some(ring), _) => Arc::clone(ring),
            (None, Some(state)) => Arc::new(state.ring(now, &mut self.entropy.draw())?),
            (None, None) => return Ok(self),
        };
        ring.active(now)?;
        let keys = Arc::new(Keys::new(ring));
        let disk = state.map(|state| self.restored(state, &keys, now)).transpose()?;
        let redis = match redis.as_ref() {
            Some(settings) => {
                let (clock, entropy, metrics) = (self.clock.clone(), self.entropy.clone(), self.metrics.redis());
                let shared = Shared::counted(settings, Arc::clone(&keys), clock, entropy, metrics);
                Some(Arc::new(shared.await?))
            }
            None => None,
        };
        let cookies = Arc::new(Cookies::new(Arc::clone(&keys), COOKIES));
        let brought = AtomicBool::new(false);
        Ok(Self { kept: Some(Kept { disk, redis, cookies, brought, keys }), ..self })
    }

    /// What a state directory has.
    fn restored(&self, state: State, keys: &Arc<Keys>, now: Time) -> Result<OnDisk, NotKeeping> {
        let (files, claims, fence) = state.claims(now)?;
        let at = self.clock.moment(now);
        // One for which there is no room is not known: then what was made before now is not taken.
        let known = claims.into_iter().all(|(key, until)| self.replays.claim(&key, until, at) != Claim::Full);
        if !known {
            tracing::warn!("there is no room for all claims of the state directory: give `replay_bytes` more");
        }
        let (keys, entropy, memory) = (Arc::clone(keys), self.entropy.clone(), Arc::clone(&self.sessions));
        let disk = Disk::restore(state.journal()?, keys, entropy, memory, &self.principals, now)?;
        let since = (fence.is_up() || !known).then_some(now).filter(|_| self.since.is_some());
        let files = Arc::new(files);
        tokio::spawn(drop_files(Arc::downgrade(&files), self.clock.clone()));
        Ok(OnDisk { state, disk: Arc::new(disk), services: Mutex::default(), files, since })
    }

    /// The same world, in which routes are only looked at: what they keep is kept nowhere.
    #[must_use]
    pub(crate) fn looked_at(self) -> Self {
        Self { imagined: true, ..self }
    }

    /// Where a route keeps its conversations and claims its messages; `None` where nothing is kept so.
    pub(crate) fn store(&self, kind: StoreKind) -> Option<(Store, Claims)> {
        let kept = self.kept.as_ref();
        let (disk, redis) = (kept.and_then(|kept| kept.disk.as_ref()), kept.and_then(|kept| kept.redis.as_ref()));
        let in_memory = || Claims::Memory { replays: Arc::clone(&self.replays), since: self.since };
        let in_files = |OnDisk { files, since, .. }: &OnDisk| {
            let (replays, files, since) = (Arc::clone(&self.replays), Arc::clone(files), *since);
            Claims::Files { replays, files, since }
        };
        let in_redis = |shared: &Arc<Shared>| {
            let (replays, shared) = (Arc::clone(&self.replays), Arc::clone(shared));
            Claims::Redis { replays, shared }
        };
        let kind = if self.imagined { StoreKind::Memory } else { kind };
        Some(match kind {
            // What is claimed is written down wherever that can be.
            StoreKind::Memory => (Store::Memory(Arc::clone(&self.sessions)), disk.map_or_else(in_memory, in_files)),
            StoreKind::Disk => (Store::Disk(Arc::clone(&disk?.disk)), in_files(disk?)),
            StoreKind::Redis => (Store::Redis(Arc::clone(redis?)), in_redis(redis?)),
            StoreKind::Cookie => {
                kept?.brought.store(true, Ordering::Relaxed);
                let claims = redis.map(in_redis).or_else(|| disk.map(in_files)).unwrap_or_else(in_memory);
                (Store::Cookie(Arc::clone(&kept?.cookies)), claims)
            }
        })
    }

    /// Where a route keeps its conversations with a service; `None` for in memory alone.
    pub(crate) fn keeper(&self, kind: StoreKind) -> Result<Option<Arc<Keeper>>, NotKeeping> {
        let Some(kept) = self.kept.as_ref().filter(|_| !self.imagined) else { return Ok(None) };
        let keeper = |store| Keeper::new(store, Arc::clone(&kept.keys), self.entropy.clone());
        match (kind, &kept.disk, &kept.redis) {
            (StoreKind::Disk, Some(OnDisk { state, services, .. }), _) => {
                let mut services = services.lock().unwrap_or_else(PoisonError::into_inner);
                if services.is_none() {
                    let disk = egress::kept::Disk::of(state.services()?, self.clock.now())?;
                    *services = Some(keeper(egress::kept::Store::Disk(Arc::new(disk))));
                }
                Ok(services.clone())
            }
            (StoreKind::Redis, _, Some(shared)) => Ok(Some(keeper(egress::kept::Store::Redis(Arc::clone(shared))))),
            _ => Ok(None),
        }
    }

    /// Says that the process ends.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    /// Whether the process ends.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// The keys with which what is kept is sealed; `None` where nothing is.
    pub(crate) fn keys(&self) -> Option<&Keys> {
        self.kept.as_ref().map(|kept| &*kept.keys)
    }

    /// Redis, where there is one.
    pub(crate) fn redis(&self) -> Option<&Shared> {
        self.kept.as_ref()?.redis.as_deref()
    }

    /// Those of the contexts that clients keep which were opened here lately; `None` where clients keep none.
    pub(crate) fn opened(&self) -> Option<&Memory<Known>> {
        let kept = self.kept.as_ref().filter(|kept| kept.brought.load(Ordering::Relaxed))?;
        Some(kept.cookies.opened())
    }

    /// Whether all that is kept elsewhere can be asked at the moment.
    pub(crate) fn is_whole(&self) -> bool {
        self.kept.as_ref().and_then(|kept| kept.redis.as_ref()).is_none_or(|redis| redis.is_healthy())
    }

    /// Waits a moment until what was noted is where it is kept: for a process that ends.
    pub(crate) async fn settle(&self) {
        self.egress.end();
        self.farewells.said().await;
        // What is over and was not looked at since is noted too.
        self.sessions.sweep(self.clock.now());
        if let Some(redis) = self.kept.as_ref().and_then(|kept| kept.redis.as_ref())
            && !redis.settle(SETTLE).await
        {
            tracing::warn!(conversations = redis.untold(), "Redis was not told of all that were used");
        }
    }

    /// Ends for good the conversations that are meant, wherever they are kept; how many keys of theirs these were, as far as they
    /// are known. It looks at each, which takes a while.
    pub(crate) async fn cut(self: &Arc<Self>, meant: &Meant) -> Result<usize, NotKept> {
        let mut count = 0;
        // What is renewed while it is cut comes after: twice, as it is not looked at what is renewed once it is gone.
        let mut ended = Ok(());
        for _ in 0..2 {
            let (world, which) = (Arc::clone(self), meant.clone());
            let cut = spawn_blocking(move || world.sessions.cut(world.clock.now(), |context| which.means(context)));
            let cut = cut.await.map_err(|_| NotKept::Panicked)?;
            count += cut.len();
            if let Some(OnDisk { disk, .. }) = self.kept.as_ref().and_then(|kept| kept.disk.as_ref())
                && !cut.is_empty()
            {
                ended = ended.and(disk.forget(cut).await);
            }
        }
        let Some(kept) = &self.kept else { return Ok(count) };
        let now = self.clock.now();
        // Each is asked, whatever becomes of the others.
        let cookies = if kept.brought.load(Ordering::Relaxed) {
            kept.cookies.cut(meant.cut(), now.plus(LONGEST), now).map_err(NotKept::from)
        } else {
            Ok(0)
        };
        let redis = match &kept.redis {
            Some(redis) => redis.cut(now, |context| meant.means(context)).await.map_err(NotKept::from),
            None => Ok(0),
        };
        ended?;
        Ok(count + cookies? + redis?)
    }

    /// What is counted, in Prometheus's text format.
    pub fn measured(&self) -> Result<String, std::fmt::Error> {
        let now = self.clock.now();
        let census = self.sessions.census(now);
        self.principals.forget(self.sessions.owners());
        self.metrics.text(census, self.replays.alive(self.clock.moment(now)), self.redis())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use nuncio_wss::{Restorer, V13};

    use super::*;
    use crate::sessions::{Lease, Owner};

    fn context() -> Arc<Context> {
        let mut record = vec![1];
        for part in [V13.conversation, "urn:uuid:1", "", ""] {
            record.extend_from_slice(&u16::try_from(part.len()).unwrap().to_be_bytes());
            record.extend_from_slice(part.as_bytes());
        }
        // Nobody's, with a number, two instants and a key of one octet.
        record.push(0);
        record.extend_from_slice(&[0; 32]);
        record.extend_from_slice(&[0, 1, 7]);
        Arc::new(Restorer::new(4).restore(&record).unwrap())
    }

    /// Nobody comes, nothing is measured, and nothing is kept but in memory.
    #[tokio::test(start_paused = true)]
    async fn what_is_over_is_dropped_by_itself() {
        let hands = Arc::new(AtomicI64::new(0));
        let world = World::new(Clock::given(Arc::clone(&hands)), Entropy::system(), &StoreLimits::default());
        let world = world.with(&Keeping::default()).await.unwrap();
        let (now, end) = (world.clock.now(), Time::from_millis(1000));
        let lease = Lease { owner: Owner { name: "", octets: 0 }, octets: 0, pending: end, end, idle: None };
        world.sessions.put("a", context(), lease, now).unwrap();
        tokio::time::sleep(PAST * 2).await;
        assert_eq!(world.sessions.len(), 1, "it lives");
        hands.store(1000, Ordering::Relaxed);
        tokio::time::sleep(PAST * 2).await;
        assert_eq!(world.sessions.len(), 0);
        let sessions = Arc::downgrade(&world.sessions);
        drop(world);
        assert!(sessions.upgrade().is_none(), "the store goes with its world");
    }

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
