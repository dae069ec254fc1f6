//! Conversations in this process's memory.
//!
//! Not a cache: a cache that is full drops what was used least, and a conversation dropped is a client cut off by
//! somebody else's load. This store keeps every conversation in which something was said until it expires, and refuses a new one
//! where these leave no room.
//! Three rules keep that from being a way to lock others out: a conversation that nobody uses lives for a short while only, and
//! while it waits for its first message it makes room for a new one; and no owner gets more than a share, in which his own make
//! room for his own. Where the whole store is full, it is one of whoever has the most that wait: who asks for more and more
//! drops what he was given himself, and not what an honest client is about to use.
//! The time is an argument, so that the gateway's clock decides, and a test's.
//!
//! There may be a million of them, so an entry is small: a key of sixteen octets in place of the identifier's text, and a
//! hash of eight in place of its owner's name.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::hash;
use nuncio_wss::Time;

use super::accounts::{Accounts, Asking, OWNER, Room};
use super::shard::{Gone, Key, New, OVERHEAD, Pending, Shard};

/// How many locks the store is spread over; two calls meet at one lock only by chance.
const SHARDS: usize = 16;
/// How many that have expired are dropped under a lock: nobody who comes by pays for a crowd that has left.
const AT_ONCE: usize = 64;

/// There is no room, and all that takes it is in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Full {
    /// For anybody.
    #[error("the store of conversations is full")]
    Store,
    /// For that owner.
    #[error("the caller's share of the store of conversations is full")]
    Share,
}

/// Who has conversations.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// Whose share they count against.
    pub name: &'a str,
    /// What they take together, in octets, however many they are; what the owner takes of the store comes to it.
    pub octets: usize,
}

/// What a conversation takes, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Lease<'a> {
    /// Whose it is.
    pub owner: Owner<'a>,
    /// What the value takes, in octets; the table comes to it.
    pub octets: usize,
    /// Until when it lives if nobody uses it.
    pub pending: Time,
    /// Until when it lives once it was used.
    pub end: Time,
    /// For how long it lives then if nobody uses it any more; to its end, where that is not said.
    pub idle: Option<Duration>,
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Census {
    /// Conversations.
    pub conversations: usize,
    /// Those of them in which nothing was said yet.
    pub pending: usize,
    /// What they take, in octets.
    pub octets: usize,
    /// How many were dropped so far that waited for their first message, to make room.
    pub dropped: u64,
}

/// Who is told which conversations end, and when, that would have lived longer.
type Listener = Box<dyn Fn(Key, Time) + Send + Sync>;

/// Where a conversation is among all of them. It is written in hexadecimal.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    shard: usize,
    key: Key,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", u128::from_be_bytes(self.key))
    }
}

impl FromStr for Place {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let key = u128::from_str_radix(text, 16)?.to_be_bytes();
        Ok(Self { shard: shard_of(&key), key })
    }
}

/// A conversation as a watcher sees it.
#[derive(Debug)]
pub struct Seen<V> {
    /// Where it is.
    pub place: Place,
    /// The conversation.
    pub value: Arc<V>,
    /// When it was used last, if it was.
    pub used: Option<Time>,
    /// When it ends as things are.
    pub end: Time,
}

/// Conversations by identifier, each until its own instant, bounded by their size and their number.
///
/// `V` is the conversation; it is shared, never copied.
pub struct Memory<V> {
    shards: Vec<Mutex<Shard<V>>>,
    /// Locked after a shard, never before one.
    accounts: Mutex<Accounts>,
    hasher: RandomState,
    capacity: Room,
    share: Room,
    dropped: AtomicU64,
    listener: OnceLock<Listener>,
}

impl<V> Memory<V> {
    /// An empty store for as much as `capacity` at most, of which one owner gets `share` at most.
    pub fn new(capacity: Room, share: Room) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            accounts: Mutex::default(),
            hasher: RandomState::new(),
            capacity,
            share,
            dropped: AtomicU64::new(0),
            listener: OnceLock::new(),
        }
    }

    /// From now on `listener` is told of each conversation that ends sooner than was known when it was put there, used for the
    /// first time or retired: because it was idle, or made room. There is one listener.
    pub(super) fn tell(&self, listener: impl Fn(Key, Time) + Send + Sync + 'static) {
        let _ = self.listener.set(Box::new(listener));
    }

    /// Keeps `value` under `identifier` on those terms.
    ///
    /// A value that is there already under that identifier is replaced.
    pub fn put(&self, identifier: &str, value: Arc<V>, lease: Lease<'_>, now: Time) -> Result<(), Full> {
        self.put_at(key(identifier), value, lease, now)
    }

    /// The same, where only the key of the identifier is known.
    pub(super) fn put_at(&self, key: Key, value: Arc<V>, lease: Lease<'_>, now: Time) -> Result<(), Full> {
        let asking = self.asking(lease.owner, lease.octets)?;
        self.remove_at(&key);
        self.make_room(asking, now)?;
        let full = lease.end.millis();
        let end = lease.pending.millis().min(full);
        let mut shard = self.shard(&key);
        let new = New { key, value, owner: asking.owner, octets: asking.octets, end, full };
        // Two threads may put the same identifier: the one that comes first gives its place back.
        if let Some(before) = shard.insert(new) {
            lock(&self.accounts).give_back(&before);
        }
        self.expire(&mut shard, now);
        Ok(())
    }

    /// Whether a value on those terms would find room; asked before the work of making one. Somebody else may take it. Nothing
    /// is dropped yet.
    pub fn has_room(&self, owner: Owner<'_>, octets: usize, now: Time) -> Result<(), Full> {
        let asking = self.asking(owner, octets)?;
        let could_fit = || lock(&self.accounts).could_fit(asking, self.capacity, self.share);
        could_fit().or_else(|_| {
            self.sweep(now);
            could_fit()
        })
    }

    /// Takes room; where there is none, what has ended makes some, and then what waits for its first message.
    fn make_room(&self, asking: Asking, now: Time) -> Result<(), Full> {
        if self.reserve(asking).is_ok() {
            return Ok(());
        }
        self.sweep(now);
        loop {
            let full = match self.reserve(asking) {
                Ok(()) => return Ok(()),
                Err(full) => full,
            };
            // Nothing is dropped where that is not enough.
            lock(&self.accounts).could_fit(asking, self.capacity, self.share)?;
            let Pending { key, .. } = self.droppable(full, asking.owner).ok_or(full)?;
            // It may have been used meanwhile: then it stays, and another is looked for.
            let dropped = self.shard(&key).remove_pending(&key);
            if let Some(gone) = dropped {
                lock(&self.accounts).give_back(&gone);
                self.dropped.fetch_add(1, Ordering::Relaxed);
                self.told(gone.key, now);
            }
        }
    }

    /// What makes room where that is full: in an owner's share, of his own that wait the first to end. In the store, the first to
    /// end of all that wait, unless somebody has more of them than its owner: then the first of his.
    fn droppable(&self, full: Full, owner: u64) -> Option<Pending> {
        let first = |of: &dyn Fn(&Shard<V>) -> Option<Pending>| {
            self.shards.iter().filter_map(|shard| of(&lock(shard))).min_by_key(|pending| pending.end)
        };
        let first_of = |owner| first(&|shard| shard.first_pending_of(owner));
        if full == Full::Share {
            return first_of(owner);
        }
        let oldest = first(&Shard::first_pending)?;
        let most = {
            let accounts = lock(&self.accounts);
            let has = accounts.pending_of(oldest.owner);
            accounts.most_pending().filter(|(_, most)| *most > has)
        };
        most.and_then(|(owner, _)| first_of(owner)).or(Some(oldest))
    }

    /// The conversation with that identifier, if it is live at `now`.
    pub fn find(&self, identifier: &str, now: Time) -> Option<Arc<V>> {
        let key = key(identifier);
        let shard = self.shard(&key);
        let (value, end) = shard.get(&key)?;
        (end > now.millis()).then(|| Arc::clone(value))
    }

    /// The conversation with that identifier was used at `now`: it lives until `idle`, if that is said, or else its whole life.
    /// Whether it is there and was not used before.
    pub fn used(&self, identifier: &str, idle: Option<Time>, now: Time) -> bool {
        self.used_at(&key(identifier), idle, now)
    }

    /// The same, where only the key of the identifier is known.
    pub(super) fn used_at(&self, key: &Key, idle: Option<Time>, now: Time) -> bool {
        let mut shard = self.shard(key);
        let first = shard.use_until(key, idle.map_or(i64::MAX, Time::millis), now.millis());
        if let Some((owner, octets)) = first {
            lock(&self.accounts).used(owner, octets);
        }
        first.is_some()
    }

    /// Lets what is kept under that identifier end at `end`, if it would end later. Whether it is there and would.
    pub fn retire(&self, identifier: &str, end: Time) -> bool {
        let key = key(identifier);
        self.shard(&key).shorten(&key, end.millis())
    }

    /// Ends the conversation with that identifier; gives it back if it was there.
    pub fn remove(&self, identifier: &str) -> Option<Arc<V>> {
        self.remove_at(&key(identifier))
    }

    fn remove_at(&self, key: &Key) -> Option<Arc<V>> {
        let gone = self.shard(key).remove(key)?;
        lock(&self.accounts).give_back(&gone);
        Some(gone.value)
    }

    /// How many conversations there are, those included that have expired and not been swept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// How many were dropped so far, to make room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many owners they have.
    pub fn owners(&self) -> usize {
        lock(&self.accounts).owners()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What there is at `now`: for a watcher, not for a message.
    pub fn census(&self, now: Time) -> Census {
        let mut census = Census { conversations: 0, pending: 0, octets: 0, dropped: self.dropped() };
        self.sweep(now);
        for shard in &self.shards {
            let shard = lock(shard);
            census.conversations += shard.len();
            census.pending += shard.pending();
        }
        census.octets = lock(&self.accounts).total().octets;
        census
    }

    /// Those of the conversations alive at `now` that `which` takes, no more than `most` of them, in the order of their places
    /// from the one behind `after` on. It looks at each from there on, a shard at a time.
    pub fn look(&self, after: Option<Place>, most: usize, now: Time, which: impl Fn(&V) -> bool) -> Vec<Seen<V>> {
        let mut seen: Vec<Seen<V>> = Vec::new();
        for at in after.map_or(0, |after| after.shard)..SHARDS {
            let shard = lock(&self.shards[at]);
            let place = |key: &Key| Place { shard: at, key: *key };
            let is_behind = |key: &Key| after.is_none_or(|after| place(key) > after);
            let alive = shard.entries().filter(|there| there.end > now.millis() && is_behind(there.key));
            let mut found: Vec<_> = alive.filter(|there| which(there.value)).collect();
            // Of many, those of the page alone are put in order.
            let left = most - seen.len();
            if found.len() > left {
                found.select_nth_unstable_by_key(left, |there| *there.key);
                found.truncate(left);
            }
            found.sort_unstable_by_key(|there| *there.key);
            seen.extend(found.into_iter().map(|there| Seen {
                place: place(there.key),
                value: Arc::clone(there.value),
                used: there.used.map(Time::from_millis),
                end: Time::from_millis(there.end),
            }));
            if seen.len() == most {
                break;
            }
        }
        seen
    }

    /// Ends the conversations that `which` takes; the keys of these.
    pub fn cut(&self, now: Time, which: impl Fn(&V) -> bool) -> Vec<Key> {
        let mut all = Vec::new();
        self.sweep(now);
        for shard in &self.shards {
            let mut shard = lock(shard);
            let cut: Vec<_> = shard.entries().filter(|there| which(there.value)).map(|there| *there.key).collect();
            for gone in cut.iter().filter_map(|key| shard.remove(key)) {
                lock(&self.accounts).give_back(&gone);
            }
            all.extend(cut);
        }
        all
    }

    /// Drops whatever has expired.
    pub fn sweep(&self, now: Time) {
        for shard in &self.shards {
            // Whoever waits for the shard comes in between.
            while self.expire(&mut lock(shard), now) {}
        }
    }

    /// Drops some of what has expired; whether more may have.
    fn expire(&self, shard: &mut Shard<V>, now: Time) -> bool {
        for _ in 0..AT_ONCE {
            let Some(gone) = shard.expired(now.millis()) else { return false };
            lock(&self.accounts).give_back(&gone);
            let Gone { key, end, full, pending, .. } = gone;
            // Until when it lives unused is known since it came.
            if !pending && end < full {
                self.told(key, Time::from_millis(end));
            }
        }
        true
    }

    fn told(&self, key: Key, end: Time) {
        if let Some(listener) = self.listener.get() {
            listener(key, end);
        }
    }

    /// What is asked for. What is larger than an account can say has no room anywhere.
    fn asking(&self, owner: Owner<'_>, octets: usize) -> Result<Asking, Full> {
        let narrow = |octets: usize| u32::try_from(octets).map_err(|_| Full::Store);
        let common = narrow(owner.octets.saturating_add(OWNER))?;
        let octets = narrow(octets.saturating_add(OVERHEAD))?;
        Ok(Asking { owner: self.hasher.hash_one(owner.name), common, octets })
    }

    fn reserve(&self, asking: Asking) -> Result<(), Full> {
        let mut accounts = lock(&self.accounts);
        accounts.fits(asking, self.capacity, self.share)?;
        accounts.take(asking);
        Ok(())
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard<V>> {
        lock(&self.shards[shard_of(key)])
    }
}

fn shard_of(key: &Key) -> usize {
    usize::from(key[15]) % SHARDS
}

/// The key under which that identifier is known.
pub(super) fn key(identifier: &str) -> Key {
    let digest = hash(DigestAlgorithm::Sha256, identifier.as_bytes());
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

/// Every change under the lock is whole before anything can panic, so what a panicking thread left is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
