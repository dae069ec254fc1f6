//! Conversations in this process's memory.
//!
//! Not a cache: a cache that is full drops what was used least, and a conversation dropped is a client cut off by
//! somebody else's load. This store refuses a new conversation instead, and keeps every live one until it expires.
//! Two rules keep that from being a way to lock others out: a conversation that nobody uses lives for a short while
//! only, and no owner gets more than a share.
//! The time is an argument, so that the gateway's clock decides, and a test's.
//!
//! There may be a million of them, so an entry is small: a key of sixteen octets in place of the identifier's text, and a
//! hash of eight in place of its owner's name.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::hash;
use nuncio_wss::Time;

use super::shard::{Entry, Key, OVERHEAD, Shard};

/// How many locks the store is spread over; two calls meet at one lock only by chance.
const SHARDS: usize = 16;
/// What an owner takes beside his conversations and what they share, in octets: a slot of a table that may just have grown
/// here, and one where he is found again.
const OWNER: usize = 96;

/// There is no room, and all that takes it lives.
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
}

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

/// Conversations by identifier, each until its own instant, bounded by their size.
///
/// `V` is the conversation; it is shared, never copied.
pub struct Memory<V> {
    shards: Vec<Mutex<Shard<V>>>,
    /// Locked after a shard, never before one.
    accounts: Mutex<Accounts>,
    hasher: RandomState,
    capacity: usize,
    share: usize,
}

/// Who takes how much, in octets.
#[derive(Default)]
struct Accounts {
    total: usize,
    /// By a hash of each owner that nobody can foresee. Two of one hash would share a share; of a million owners any two have
    /// one once in thirty million times.
    owners: HashMap<u64, Account>,
}

/// What an owner takes, in octets.
struct Account {
    /// With what is common to his conversations.
    taken: usize,
    common: usize,
}

impl Accounts {
    fn take(&mut self, owner: u64, common: usize, octets: u32) {
        let account = self.owners.entry(owner).or_insert_with(|| {
            self.total += common;
            Account { taken: common, common }
        });
        account.taken += octets as usize;
        self.total += octets as usize;
    }

    fn give_back<V>(&mut self, entry: &Entry<V>) {
        self.total -= entry.octets as usize;
        if let Some(account) = self.owners.get_mut(&entry.owner) {
            account.taken -= entry.octets as usize;
            if account.taken == account.common {
                self.total -= account.common;
                self.owners.remove(&entry.owner);
            }
        }
    }
}

impl<V> Memory<V> {
    /// An empty store for at most `capacity` octets, of which one owner gets `share` at most.
    pub fn new(capacity: usize, share: usize) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            accounts: Mutex::default(),
            hasher: RandomState::new(),
            capacity,
            share,
        }
    }

    /// Keeps `value` under `identifier` on those terms.
    ///
    /// A value that is there already under that identifier is replaced.
    pub fn put(&self, identifier: &str, value: Arc<V>, lease: Lease<'_>, now: Time) -> Result<(), Full> {
        self.put_at(key(identifier), value, lease, now)
    }

    /// The same, where only the key of the identifier is known.
    pub(super) fn put_at(&self, key: Key, value: Arc<V>, lease: Lease<'_>, now: Time) -> Result<(), Full> {
        // What is larger than an entry can say has no room anywhere.
        let octets = u32::try_from(lease.octets.saturating_add(OVERHEAD)).map_err(|_| Full::Store)?;
        let (owner, common) = self.owner(lease.owner);
        self.remove_at(&key);
        self.reserve(owner, common, octets).or_else(|_| {
            self.sweep(now);
            self.reserve(owner, common, octets)
        })?;
        let full = lease.end.millis();
        let end = lease.pending.millis().min(full);
        let mut shard = self.shard(&key);
        // Two threads may put the same identifier: the one that comes first gives its place back.
        if let Some(before) = shard.insert(key, Entry::new(value, owner, octets, end, full)) {
            lock(&self.accounts).give_back(&before);
        }
        self.expire(&mut shard, now);
        Ok(())
    }

    /// Whether a value on those terms would find room; asked before the work of making one. Somebody else may take it.
    pub fn has_room(&self, owner: Owner<'_>, octets: usize, now: Time) -> Result<(), Full> {
        let (owner, common) = self.owner(owner);
        let octets = octets.saturating_add(OVERHEAD);
        let fits = || self.fits(&lock(&self.accounts), owner, common, octets);
        fits().or_else(|_| {
            self.sweep(now);
            fits()
        })
    }

    /// The conversation with that identifier, if it is live at `now`.
    pub fn find(&self, identifier: &str, now: Time) -> Option<Arc<V>> {
        let key = key(identifier);
        let shard = self.shard(&key);
        let entry = shard.get(&key)?;
        (entry.end() > now.millis()).then(|| Arc::clone(&entry.value))
    }

    /// The conversation with that identifier was used at `now`: it lives until `idle`, if that is said, or else its whole life.
    /// Whether it is there and was not used before.
    pub fn used(&self, identifier: &str, idle: Option<Time>, now: Time) -> bool {
        self.used_at(&key(identifier), idle, now)
    }

    /// The same, where only the key of the identifier is known.
    pub(super) fn used_at(&self, key: &Key, idle: Option<Time>, now: Time) -> bool {
        self.shard(key).use_until(key, idle.map_or(i64::MAX, Time::millis), now.millis())
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
        let entry = self.shard(key).remove(key)?;
        lock(&self.accounts).give_back(&entry);
        Some(entry.value)
    }

    /// How many conversations there are, those included that have expired and not been swept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// How many owners they have.
    pub fn owners(&self) -> usize {
        lock(&self.accounts).owners.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What there is at `now`. It looks at each conversation, a shard at a time: for a watcher, not for a message.
    pub fn census(&self, now: Time) -> Census {
        let mut census = Census { conversations: 0, pending: 0, octets: 0 };
        for shard in &self.shards {
            let mut shard = lock(shard);
            self.expire(&mut shard, now);
            census.conversations += shard.len();
            census.pending += shard.entries().filter(|(_, entry)| entry.used().is_none()).count();
        }
        census.octets = lock(&self.accounts).total;
        census
    }

    /// Those of the conversations alive at `now` that `which` takes, no more than `most` of them, in the order of their places
    /// from the one behind `after` on. It looks at each, a shard at a time, as [`Memory::census`] does.
    pub fn look(&self, after: Option<Place>, most: usize, now: Time, which: impl Fn(&V) -> bool) -> Vec<Seen<V>> {
        let mut seen: Vec<Seen<V>> = Vec::new();
        for at in 0..SHARDS {
            let shard = lock(&self.shards[at]);
            let place = |key: &Key| Place { shard: at, key: *key };
            let begun = seen.len();
            for (key, entry) in shard.entries() {
                let place = place(key);
                if entry.end() > now.millis() && after.is_none_or(|after| place > after) && which(&entry.value) {
                    let (used, end) = (entry.used().map(Time::from_millis), Time::from_millis(entry.end()));
                    seen.push(Seen { place, value: Arc::clone(&entry.value), used, end });
                }
            }
            drop(shard);
            seen[begun..].sort_unstable_by_key(|seen| seen.place);
            seen.truncate(most);
            if seen.len() == most {
                break;
            }
        }
        seen
    }

    /// Ends the conversations that `which` takes; the keys of these.
    pub fn cut(&self, now: Time, which: impl Fn(&V) -> bool) -> Vec<Key> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            self.expire(&mut shard, now);
            let cut: Vec<_> = shard.entries().filter(|(_, entry)| which(&entry.value)).map(|(key, _)| *key).collect();
            for entry in cut.iter().filter_map(|key| shard.remove(key)) {
                lock(&self.accounts).give_back(&entry);
            }
            all.extend(cut);
        }
        all
    }

    /// Drops whatever has expired.
    pub fn sweep(&self, now: Time) {
        for shard in &self.shards {
            self.expire(&mut lock(shard), now);
        }
    }

    fn expire(&self, shard: &mut Shard<V>, now: Time) {
        while let Some(entry) = shard.expired(now.millis()) {
            lock(&self.accounts).give_back(&entry);
        }
    }

    /// By what an owner is known here, and what his conversations share.
    fn owner(&self, owner: Owner<'_>) -> (u64, usize) {
        (self.hasher.hash_one(owner.name), owner.octets.saturating_add(OWNER))
    }

    fn fits(&self, accounts: &Accounts, owner: u64, common: usize, octets: usize) -> Result<(), Full> {
        // What is common is taken with the first.
        let (taken, octets) = match accounts.owners.get(&owner) {
            Some(account) => (account.taken, octets),
            None => (0, octets.saturating_add(common)),
        };
        if accounts.total.saturating_add(octets) > self.capacity {
            Err(Full::Store)
        } else if taken.saturating_add(octets) > self.share {
            Err(Full::Share)
        } else {
            Ok(())
        }
    }

    fn reserve(&self, owner: u64, common: usize, octets: u32) -> Result<(), Full> {
        let mut accounts = lock(&self.accounts);
        self.fits(&accounts, owner, common, octets as usize)?;
        accounts.take(owner, common, octets);
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
