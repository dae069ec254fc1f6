//! Conversations in this process's memory.
//!
//! Not a cache: a cache that is full drops what was used least, and a conversation dropped is a client cut off by
//! somebody else's load. This store refuses a new conversation instead, and keeps every live one until it expires.
//! The time is an argument, so that the gateway's clock decides, and a test's.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nuncio_wss::Time;

/// How many locks the store is spread over; two calls meet at one lock only by chance.
const SHARDS: usize = 16;
/// What an entry costs beside its value, in octets: its identifier twice, two table slots and two counted pointers.
const OVERHEAD: usize = 256;

/// The store holds as much as it may, and all of it is live.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("the store of conversations is full")]
pub struct Full;

/// Conversations by identifier, each until its own instant, bounded by their size.
///
/// `V` is the conversation; it is shared, never copied.
pub struct Memory<V> {
    shards: Vec<Mutex<Shard<V>>>,
    hasher: RandomState,
    used: AtomicUsize,
    capacity: usize,
}

struct Shard<V> {
    entries: HashMap<Arc<str>, Entry<V>>,
    /// The same entries by their end, the earliest first.
    ends: BTreeSet<(i64, Arc<str>)>,
}

struct Entry<V> {
    value: Arc<V>,
    end: i64,
    octets: usize,
}

impl<V> Memory<V> {
    /// An empty store for at most `capacity` octets.
    pub fn new(capacity: usize) -> Self {
        let shard = || Mutex::new(Shard { entries: HashMap::new(), ends: BTreeSet::new() });
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::new(),
            used: AtomicUsize::new(0),
            capacity,
        }
    }

    /// Keeps `value` under `identifier` until `end`. `octets` is what the value itself takes.
    ///
    /// A value that is there already under that identifier is replaced.
    pub fn put(&self, identifier: &str, value: Arc<V>, octets: usize, end: Time, now: Time) -> Result<(), Full> {
        let octets = octets + identifier.len() + OVERHEAD;
        self.remove(identifier);
        if !self.reserve(octets) {
            self.sweep(now);
            if !self.reserve(octets) {
                return Err(Full);
            }
        }
        let identifier: Arc<str> = identifier.into();
        let end = end.millis();
        let mut shard = self.shard(&identifier);
        shard.ends.insert((end, Arc::clone(&identifier)));
        // Two threads may put the same identifier: the one that comes first gives its place back.
        if let Some(before) = shard.entries.insert(Arc::clone(&identifier), Entry { value, end, octets }) {
            if before.end != end {
                shard.ends.remove(&(before.end, identifier));
            }
            self.used.fetch_sub(before.octets, Ordering::Relaxed);
        }
        self.expire(&mut shard, now);
        Ok(())
    }

    /// Whether a value of `octets` would find room; asked before the work of making one. Somebody else may take it.
    pub fn has_room(&self, octets: usize, now: Time) -> bool {
        let fits = || self.used.load(Ordering::Relaxed).saturating_add(octets + OVERHEAD) <= self.capacity;
        if !fits() {
            self.sweep(now);
        }
        fits()
    }

    /// The conversation with that identifier, if it is live at `now`.
    pub fn find(&self, identifier: &str, now: Time) -> Option<Arc<V>> {
        let shard = self.shard(identifier);
        let entry = shard.entries.get(identifier)?;
        (entry.end > now.millis()).then(|| Arc::clone(&entry.value))
    }

    /// Ends the conversation with that identifier; gives it back if it was there.
    pub fn remove(&self, identifier: &str) -> Option<Arc<V>> {
        let mut shard = self.shard(identifier);
        let (key, entry) = shard.entries.remove_entry(identifier)?;
        shard.ends.remove(&(entry.end, key));
        self.used.fetch_sub(entry.octets, Ordering::Relaxed);
        Some(entry.value)
    }

    /// How many conversations there are, those included that have expired and not been swept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).entries.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops whatever has expired.
    pub fn sweep(&self, now: Time) {
        for shard in &self.shards {
            self.expire(&mut lock(shard), now);
        }
    }

    fn expire(&self, shard: &mut Shard<V>, now: Time) {
        while let Some((end, identifier)) = shard.ends.pop_first() {
            if end > now.millis() {
                shard.ends.insert((end, identifier));
                return;
            }
            if let Some(entry) = shard.entries.remove(&identifier) {
                self.used.fetch_sub(entry.octets, Ordering::Relaxed);
            }
        }
    }

    fn reserve(&self, octets: usize) -> bool {
        let fits = |used: usize| used.checked_add(octets).filter(|used| *used <= self.capacity);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    fn shard(&self, identifier: &str) -> MutexGuard<'_, Shard<V>> {
        lock(&self.shards[self.hasher.hash_one(identifier) as usize % SHARDS])
    }
}

/// Every change under the lock is whole before anything can panic, so what a panicking thread left is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn a_conversation_lives_until_its_end() {
        let store = Memory::new(10_000);
        store.put("a", Arc::new(1), 0, at(10), at(0)).unwrap();
        assert_eq!(store.find("a", at(9)).as_deref(), Some(&1));
        assert_eq!(store.find("a", at(10)), None, "the end is not part of its life");
        assert_eq!(store.find("b", at(0)), None);
        store.sweep(at(10));
        assert!(store.is_empty());
    }

    #[test]
    fn a_removed_conversation_is_gone() {
        let store = Memory::new(10_000);
        store.put("a", Arc::new(1), 0, at(10), at(0)).unwrap();
        assert_eq!(store.remove("a").as_deref(), Some(&1));
        assert_eq!(store.remove("a"), None);
        assert_eq!(store.find("a", at(0)), None);
        assert_eq!(store.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_full_store_refuses_and_keeps_what_lives() {
        let store = Memory::new(3 * (OVERHEAD + 1 + 100));
        for name in ["a", "b", "c"] {
            store.put(name, Arc::new(0), 100, at(10), at(0)).unwrap();
        }
        assert_eq!(store.put("d", Arc::new(0), 100, at(20), at(9)), Err(Full));
        assert!(["a", "b", "c"].iter().all(|name| store.find(name, at(9)).is_some()));
        // The expired ones make place, wherever they lie.
        store.put("d", Arc::new(0), 100, at(20), at(10)).unwrap();
        assert_eq!(store.len(), 1);
    }

    #[test]
    fn a_replaced_conversation_gives_its_place_back() {
        let store = Memory::new(10_000);
        for value in 0..1000 {
            store.put("a", Arc::new(value), 100, at(value), at(0)).unwrap();
        }
        assert_eq!(store.find("a", at(998)).as_deref(), Some(&999));
        assert_eq!(store.used.load(Ordering::Relaxed), OVERHEAD + 1 + 100);
        store.sweep(at(999));
        assert_eq!(store.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_account_is_right_after_a_crowd() {
        let store = Memory::new(usize::MAX);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    for round in 0..500_i64 {
                        let identifier = (round % 37).to_string();
                        store.put(&identifier, Arc::new(thread), 10, at(round), at(round - 20)).unwrap();
                        if round % 5 == 0 {
                            store.remove(&identifier);
                        }
                    }
                });
            }
        });
        store.sweep(at(1000));
        assert!(store.is_empty());
        assert_eq!(store.used.load(Ordering::Relaxed), 0);
    }
}
