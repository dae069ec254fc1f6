//! Messages seen before, in this process's memory.
//!
//! A claim lives as long as its message would be taken, and is never dropped sooner: a full store refuses the message
//! (the client is told to come again), because an attacker who can push claims out can replay.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nuncio_wss::{Once, Time};

use crate::clock::Clock;
use crate::shared::{Shared, Unavailable};
use crate::state::ClaimFiles;

/// How many locks the store is spread over.
const SHARDS: usize = 16;
/// The length of a slice, in milliseconds: claims that end within one are dropped together, at its end.
const SLICE: i64 = 30_000;
/// What one claim may take, in octets: 17 a slot, of which a table that has just grown uses 7 in 16.
const CLAIM: usize = 40;

/// What became of a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claim {
    /// Nobody made it before: the message may be acted on.
    Fresh,
    /// Somebody made it before: the message is a replay.
    Seen,
    /// It is not known: there is no room for one more. The message must be refused.
    Full,
    /// It is not known: the message was made when claims were made that nobody remembers. It must be refused.
    Forgotten,
}

/// Where a route claims its messages.
#[derive(Clone)]
pub enum Claims {
    /// In this process's memory: of what was claimed before it began nothing is known.
    Memory {
        /// Its claims.
        replays: Arc<Replays>,
        /// When it began to remember; `None` where nothing can have been before.
        since: Option<Time>,
    },
    /// In files beside it, which are read when a process begins.
    Files {
        /// Its claims, those that were read among them.
        replays: Arc<Replays>,
        /// Where they are written.
        files: Arc<ClaimFiles>,
        /// When the files began to be whole; `None` where they are.
        since: Option<Time>,
    },
    /// In a Redis that several gateways share, and here: routes may keep what they claim in several places, and a message is one.
    Redis {
        /// The claims of this process.
        replays: Arc<Replays>,
        /// Those of all gateways.
        shared: Arc<Shared>,
    },
}

impl Claims {
    /// Claims all of what makes a message unique: it is fresh where each is. What it says of itself comes first: in this process
    /// what is only sent again takes nothing of the others. Redis is told of all in one turn.
    ///
    /// Where one cannot be made, so that the message is refused as too much, those made before are given back: the message had no
    /// effect, and whoever sends it again when he is told to has sent it once. In Redis they stay, since whether one there is
    /// still ours is not known where it may have been emptied meanwhile; nor is one given back that may have been made there.
    ///
    /// `created` is when the message was made, if that is known; of one that does not say so, as much is believed as of any.
    pub(crate) async fn claim(
        &self,
        once: impl Iterator<Item = Once> + Clone,
        created: Option<Time>,
        at: Moment,
    ) -> Result<Claim, Unavailable> {
        let is_before = |since: Option<Time>| created.zip(since).is_some_and(|(created, since)| created < since);
        match self {
            Self::Memory { since, .. } | Self::Files { since, .. } if is_before(*since) => Ok(Claim::Forgotten),
            Self::Memory { replays, .. } => {
                Ok(claim_all(replays, once, |once| replays.claim(&once.key, once.until, at)))
            }
            Self::Files { replays, files, .. } => {
                Ok(claim_all(replays, once, |once| match replays.claim(&once.key, once.until, at) {
                    Claim::Fresh => write(replays, files, once),
                    claim => claim,
                }))
            }
            Self::Redis { replays, shared } => {
                let all: Vec<Once> = once.collect();
                // It is large, and no other way to claim waits.
                let claim = match Box::pin(shared.claim(&all, at.now)).await? {
                    Claim::Fresh => {
                        claim_all(replays, all.into_iter(), |once| replays.claim(&once.key, once.until, at))
                    }
                    claim => claim,
                };
                if claim != Claim::Fresh {
                    return Ok(claim);
                }
                Ok(if is_before(shared.fence()) { Claim::Forgotten } else { Claim::Fresh })
            }
        }
    }
}

/// Makes one claim after the other, up to the first that is not fresh. Where there is no room for that, the others are given back.
fn claim_all(
    replays: &Replays,
    all: impl Iterator<Item = Once> + Clone,
    mut claim: impl FnMut(&Once) -> Claim,
) -> Claim {
    for (made, once) in all.clone().enumerate() {
        match claim(&once) {
            Claim::Fresh => {}
            Claim::Full => {
                all.take(made).for_each(|once| replays.release(&once));
                return Claim::Full;
            }
            claim => return claim,
        }
    }
    Claim::Fresh
}

/// Writes down a claim that was made; the message has no effect before. One that cannot be written is given back; if a part of it
/// came to the disk all the same, then after a start it is known, and its message is refused.
fn write(replays: &Replays, files: &ClaimFiles, once: &Once) -> Claim {
    match files.append(&once.key, once.until) {
        Ok(()) => Claim::Fresh,
        Err(error) => {
            tracing::error!(%error, "a claim cannot be written, and its message is not taken");
            replays.release(once);
            Claim::Full
        }
    }
}

/// Claims, each made at most once.
pub struct Replays {
    shards: Vec<Mutex<Slices>>,
    claims: AtomicUsize,
    capacity: usize,
}

/// Claims by the slice in which they end.
type Slices = BTreeMap<i64, Slice>;

/// Claims that end within one slice of time.
#[derive(Default)]
struct Slice {
    claims: HashSet<[u8; 16]>,
    /// When the last of them ends on the steady clock.
    ends: i64,
}

/// What time it is, on two clocks: that of the messages, which may be set, and one that only runs.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time that messages are held to.
    pub now: Time,
    /// Milliseconds that passed since some moment.
    pub steady: i64,
}

impl Clock {
    /// What time it is, on both clocks.
    pub(crate) fn moment(&self, now: Time) -> Moment {
        Moment { now, steady: self.steady() }
    }
}

impl Replays {
    /// An empty store that takes at most `octets`.
    pub fn new(octets: usize) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            claims: AtomicUsize::new(0),
            capacity: octets / CLAIM,
        }
    }

    /// Claims `key`, a hash of what makes the message unique, until `until`: the instant after which the message would
    /// be refused for its age. Of any number of claims of one key, at any moment, one is [`Claim::Fresh`].
    pub fn claim(&self, key: &[u8; 16], until: Time, at: Moment) -> Claim {
        match self.try_claim(key, until, at) {
            Claim::Full => {
                self.sweep(at);
                self.try_claim(key, until, at)
            }
            claim => claim,
        }
    }

    fn try_claim(&self, key: &[u8; 16], until: Time, at: Moment) -> Claim {
        let mut slices = self.lock(usize::from(key[0]) % SHARDS);
        self.drop_past(&mut slices, at);
        // The same message may come with another end where it is not signed: every slice is asked. They are few, as the
        // longest life of a message is a few minutes.
        if slices.values().any(|slice| slice.claims.contains(key)) {
            return Claim::Seen;
        }
        let room = |claims: usize| (claims < self.capacity).then_some(claims + 1);
        if self.claims.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
            return Claim::Full;
        }
        let slice = slices.entry(until.millis().div_euclid(SLICE)).or_default();
        slice.claims.insert(*key);
        let lasts = until.millis().saturating_sub(at.now.millis()).max(0);
        slice.ends = slice.ends.max(at.steady.saturating_add(lasts));
        Claim::Fresh
    }

    /// Gives back a claim; for nobody but who was told that it was fresh, and did not act on the message. Until now whoever else
    /// brought that message was told that it was seen, and from now on one of them is told that it is fresh. Were the claim past
    /// and made again meanwhile, it would be in another slice: a message is not taken after its own.
    pub fn release(&self, once: &Once) {
        let mut slices = self.lock(usize::from(once.key[0]) % SHARDS);
        let slice = slices.get_mut(&once.until.millis().div_euclid(SLICE));
        if slice.is_some_and(|slice| slice.claims.remove(&once.key)) {
            self.claims.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many claims live at `now`.
    pub fn alive(&self, at: Moment) -> usize {
        self.sweep(at);
        self.len()
    }

    /// How many claims there are.
    pub fn len(&self) -> usize {
        self.claims.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn sweep(&self, at: Moment) {
        for shard in 0..SHARDS {
            self.drop_past(&mut self.lock(shard), at);
        }
    }

    /// Drops the slices that ended before the one that it is now: on both clocks, so that one which jumps ahead and is set
    /// right again forgets nothing.
    fn drop_past(&self, slices: &mut Slices, at: Moment) {
        let current = at.now.millis().div_euclid(SLICE);
        let past = |key: i64, slice: &Slice| key < current && slice.ends <= at.steady;
        while let Some(slice) = slices.first_entry().filter(|slice| past(*slice.key(), slice.get())) {
            self.claims.fetch_sub(slice.remove().claims.len(), Ordering::Relaxed);
        }
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Slices> {
        // Every change under the lock is whole before anything can panic.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    /// Both clocks show the same.
    fn now(seconds: i64) -> Moment {
        Moment { now: at(seconds), steady: seconds * 1000 }
    }

    fn key(number: u64) -> [u8; 16] {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_le_bytes());
        key
    }

    #[test]
    fn a_claim_is_made_once() {
        let replays = Replays::new(4000);
        assert_eq!(replays.claim(&key(1), at(300), now(0)), Claim::Fresh);
        assert_eq!(replays.claim(&key(1), at(300), now(0)), Claim::Seen);
        assert_eq!(replays.claim(&key(1), at(360), now(1)), Claim::Seen, "another end makes no other message");
        assert_eq!(replays.claim(&key(17), at(300), now(0)), Claim::Fresh);
        assert_eq!(replays.claim(&key(1), at(300), now(300)), Claim::Seen, "it lives through its last instant");
        assert_eq!(replays.claim(&key(1), at(700), now(330)), Claim::Fresh, "and is forgotten with its slice");
        assert_eq!(replays.len(), 1);
        assert_eq!((replays.alive(now(700)), replays.alive(now(730))), (1, 0), "nor is it counted");
    }

    #[test]
    fn a_full_store_drops_nothing_that_lives() {
        let replays = Replays::new(100 * CLAIM);
        for number in 0..100 {
            assert_eq!(replays.claim(&key(number), at(300), now(0)), Claim::Fresh);
        }
        assert_eq!(replays.claim(&key(100), at(300), now(1)), Claim::Full);
        for number in 0..100 {
            assert_eq!(replays.claim(&key(number), at(300), now(299)), Claim::Seen);
        }
        assert_eq!(replays.claim(&key(100), at(700), now(330)), Claim::Fresh, "what is past makes room");
    }

    #[test]
    fn tk_07_a_clock_that_jumps_ahead_and_back_forgets_nothing() {
        let replays = Replays::new(4000);
        let moment = |now, steady: i64| Moment { now: at(now), steady: steady * 1000 };
        assert_eq!(replays.claim(&key(1), at(300), moment(0, 0)), Claim::Fresh);
        assert_eq!(replays.claim(&key(2), at(3900), moment(3600, 1)), Claim::Fresh, "the clock jumped");
        assert_eq!(replays.claim(&key(1), at(300), moment(2, 2)), Claim::Seen, "and is set right");
        assert_eq!(replays.alive(moment(7200, 3)), 2);
        assert_eq!(replays.alive(moment(7200, 300)), 1);
        assert_eq!(replays.alive(moment(7200, 301)), 0);
    }

    #[test]
    fn a_clock_set_back_forgets_nothing() {
        let replays = Replays::new(4000);
        assert_eq!(replays.claim(&key(1), at(300), now(0)), Claim::Fresh);
        assert_eq!(replays.claim(&key(1), at(-3300), now(-3600)), Claim::Seen);
    }

    #[test]
    fn of_two_hundred_at_once_one_is_fresh() {
        let replays = Replays::new(1 << 20);
        for round in 0..50 {
            let start = std::sync::Barrier::new(200);
            let fresh = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..200 {
                    scope.spawn(|| {
                        start.wait();
                        match replays.claim(&key(round), at(300), now(0)) {
                            Claim::Fresh => {
                                fresh.fetch_add(1, Ordering::Relaxed);
                            }
                            claim => assert_eq!(claim, Claim::Seen),
                        }
                    });
                }
            });
            assert_eq!(fresh.into_inner(), 1);
        }
        assert_eq!(replays.len(), 50);
    }

    #[test]
    fn what_is_given_back_may_be_claimed_again() {
        let replays = Replays::new(4000);
        let once = Once { key: key(1), until: at(300) };
        assert_eq!(replays.claim(&once.key, once.until, now(0)), Claim::Fresh);
        replays.release(&Once { until: at(400), ..once });
        assert_eq!(replays.claim(&once.key, once.until, now(0)), Claim::Seen, "that was another");
        replays.release(&once);
        replays.release(&once);
        assert_eq!(replays.len(), 0);
        assert_eq!(replays.claim(&once.key, once.until, now(0)), Claim::Fresh);
        assert_eq!(replays.claim(&once.key, once.until, now(0)), Claim::Seen);
    }

    fn all(numbers: &[u64]) -> impl Iterator<Item = Once> + Clone {
        numbers.iter().map(|number| Once { key: key(*number), until: at(300) })
    }

    /// A message that was told to come again is no replay when it does.
    #[tokio::test]
    async fn what_cannot_be_claimed_whole_is_not_claimed() {
        let claims = |capacity| Claims::Memory { replays: Arc::new(Replays::new(capacity * CLAIM)), since: None };
        let small = claims(2);
        assert_eq!(small.claim(all(&[1]), None, now(0)).await.unwrap(), Claim::Fresh);
        for _ in 0..2 {
            assert_eq!(small.claim(all(&[2, 3]), None, now(0)).await.unwrap(), Claim::Full);
        }
        assert_eq!(small.claim(all(&[3]), None, now(0)).await.unwrap(), Claim::Fresh, "there is room for one");
        let large = claims(100);
        assert_eq!(large.claim(all(&[1, 2]), None, now(0)).await.unwrap(), Claim::Fresh);
        assert_eq!(large.claim(all(&[3, 2]), None, now(0)).await.unwrap(), Claim::Seen);
        assert_eq!(large.claim(all(&[3, 4]), None, now(0)).await.unwrap(), Claim::Seen, "a replay gives nothing back");
    }

    /// A claim that the disk did not take, and the one that it took before.
    #[tokio::test]
    async fn what_cannot_be_written_is_not_claimed() {
        let directory = std::env::temp_dir().join(format!("nuncio-unwritten-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        let state = State::open(&directory).unwrap();
        let files = Arc::new(state.claims(at(0)).unwrap().0);
        let claims = Claims::Files { replays: Arc::new(Replays::new(4000)), files, since: None };
        let claim = async |numbers: &[u64], until| {
            let once =
                all(numbers).enumerate().map(move |(at, once)| if at == 0 { once } else { Once { until, ..once } });
            claims.claim(once, None, now(0)).await.unwrap()
        };
        // Another slice is another file, and where that would be there is a directory.
        let in_the_way = directory.join(format!("claims-{}", 600_000 / SLICE));
        std::fs::create_dir(&in_the_way).unwrap();
        for _ in 0..3 {
            assert_eq!(claim(&[1, 2], at(600)).await, Claim::Full);
        }
        std::fs::remove_dir(&in_the_way).unwrap();
        assert_eq!(claim(&[1, 2], at(600)).await, Claim::Fresh);
        assert_eq!(claim(&[1, 2], at(600)).await, Claim::Seen);
        drop(claims);
        let _ = std::fs::remove_dir_all(&directory);
    }
}
