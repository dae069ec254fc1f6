//! Conversations behind one lock: found by their key, and in the order of their ends.
//!
//! The entries lie one behind the other, and both the table and the order know them by their index: a conversation takes its
//! entry and a dozen octets or two.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use indexmap::IndexMap;

/// The key of a conversation: a digest of what names it, so that nobody chooses which come to lie together.
pub type Key = [u8; 16];

/// What an entry costs beside its value, in octets, where all has just grown: 72 for itself with its key and its hash, and an
/// eighth of that; twenty of the table; eight of the order of ends.
pub(super) const OVERHEAD: usize = 112;

/// Below so many entries what is empty is not given back.
const FEW: usize = 64;

/// A conversation, whose account that is.
pub(super) struct Entry<V> {
    pub value: Arc<V>,
    /// A hash of its owner.
    pub owner: u64,
    pub octets: u32,
    /// Where it is in the order of ends; the shard's own.
    place: u32,
    /// When it ends as things are.
    end: i64,
    /// When it ends at the latest.
    full: i64,
    /// When it was used last; [`NEVER`] for one that was not used yet.
    used: i64,
}

/// When what was not used yet was used.
const NEVER: i64 = i64::MIN;

impl<V> Entry<V> {
    /// One that ends at `end`, and no later than `full` once it was used.
    pub(super) fn new(value: Arc<V>, owner: u64, octets: u32, end: i64, full: i64) -> Self {
        Self { value, owner, octets, place: 0, end, full, used: NEVER }
    }

    /// When it ends as things are.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// When it was used last, if it was.
    pub(super) fn used(&self) -> Option<i64> {
        (self.used != NEVER).then_some(self.used)
    }
}

/// Entries by their key and by their end.
///
/// An index has 32 bits: more entries than that are more memory than a machine has.
pub(super) struct Shard<V> {
    entries: IndexMap<Key, Entry<V>, BuildHasherDefault<First>>,
    /// The indices of all entries, a heap: what is at place `n` ends no sooner than what is at `(n - 1) / 2`, so the first is
    /// the first to end. Each entry knows its place.
    ends: Vec<u32>,
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self { entries: IndexMap::default(), ends: Vec::new() }
    }
}

impl<V> Shard<V> {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&Key, &Entry<V>)> {
        self.entries.iter()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Entry<V>> {
        self.entries.get(key)
    }

    /// Puts an entry there; gives back the one that it replaces.
    pub(super) fn insert(&mut self, key: Key, entry: Entry<V>) -> Option<Entry<V>> {
        // By an eighth, and not by as much again: what is empty is memory that nobody is reckoned for.
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(self.entries.len() / 8 + 8);
        }
        let (index, before) = self.entries.insert_full(key, entry);
        let place = if let Some(before) = &before {
            before.place as usize
        } else {
            self.ends.push(index as u32);
            self.ends.len() - 1
        };
        self.entries[index].place = place as u32;
        self.settle(place);
        before
    }

    /// The entry was used at `now`: it lives until `end` if it would end sooner, and no longer than it may. Whether it is the
    /// first time.
    pub(super) fn use_until(&mut self, key: &Key, end: i64, now: i64) -> bool {
        self.change(key, |entry| {
            let first = entry.used == NEVER;
            entry.used = entry.used.max(now);
            entry.end = entry.end.max(end).min(entry.full);
            first
        })
    }

    /// Lets the entry end no later than that, used or not. Whether it may not live as long now as it might have.
    pub(super) fn shorten(&mut self, key: &Key, end: i64) -> bool {
        self.change(key, |entry| {
            let longer = entry.full > end;
            entry.full = entry.full.min(end);
            entry.end = entry.end.min(end);
            longer
        })
    }

    /// What `change` says of the entry; no, where there is none.
    fn change(&mut self, key: &Key, change: impl FnOnce(&mut Entry<V>) -> bool) -> bool {
        let Some(entry) = self.entries.get_mut(key) else { return false };
        let before = entry.end;
        let told = change(entry);
        if entry.end != before {
            let place = entry.place as usize;
            self.settle(place);
        }
        told
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Entry<V>> {
        let index = self.entries.get_index_of(key)?;
        self.remove_at(index)
    }

    /// Takes out one that has ended, if there is one.
    pub(super) fn expired(&mut self, now: i64) -> Option<Entry<V>> {
        let index = *self.ends.first()? as usize;
        if self.entries[index].end > now { None } else { self.remove_at(index) }
    }

    fn remove_at(&mut self, index: usize) -> Option<Entry<V>> {
        let place = self.entries[index].place as usize;
        self.ends.swap_remove(place);
        if let Some(&moved) = self.ends.get(place) {
            self.entries[moved as usize].place = place as u32;
            self.settle(place);
        }
        let (_, entry) = self.entries.swap_remove_index(index)?;
        // The last entry lies there now, if it was another.
        if let Some((_, moved)) = self.entries.get_index(index) {
            self.ends[moved.place as usize] = index as u32;
        }
        self.give_back();
        Some(entry)
    }

    /// A crowd that has left keeps no room; what is given back is as much as stays, so that it is done seldom.
    fn give_back(&mut self) {
        let room = FEW.max(2 * self.len());
        if self.ends.capacity() > 2 * room {
            self.entries.shrink_to(room);
            self.ends.shrink_to(room);
        }
    }

    fn end_at(&self, place: usize) -> i64 {
        self.entries[self.ends[place] as usize].end
    }

    /// Moves what is at that place to where its end has it belong.
    fn settle(&mut self, mut place: usize) {
        while place > 0 && self.end_at(place) < self.end_at((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        loop {
            let below = 2 * place + 1..(2 * place + 3).min(self.ends.len());
            let Some(first) = below.min_by_key(|&below| self.end_at(below)) else { return };
            if self.end_at(place) <= self.end_at(first) {
                return;
            }
            self.swap(place, first);
            place = first;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.ends.swap(one, other);
        for place in [one, other] {
            self.entries[self.ends[place] as usize].place = place as u32;
        }
    }
}

/// Finds a place by the first octets of a key, which are as good as any hash of it.
#[derive(Default)]
pub(super) struct First(u64);

impl Hasher for First {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for chunk in octets.chunks_exact(8).take(1) {
            self.0 = u64::from_ne_bytes(chunk.try_into().unwrap_or_default());
        }
    }

    /// The length of an array, which says nothing.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn key(number: u64) -> Key {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_ne_bytes());
        key
    }

    fn entry(value: u64, end: i64, full: i64) -> Entry<u64> {
        Entry::new(Arc::new(value), 0, 1, end, full)
    }

    #[track_caller]
    fn check(shard: &Shard<u64>) {
        assert_eq!(shard.ends.len(), shard.len());
        for (place, &index) in shard.ends.iter().enumerate() {
            assert_eq!(shard.entries[index as usize].place as usize, place);
            assert!(place == 0 || shard.end_at((place - 1) / 2) <= shard.end_at(place));
        }
    }

    /// Whatever is done to it, it holds what a plain table would hold, and its order stands.
    #[test]
    fn it_is_a_table_in_order() {
        let (mut shard, mut model) = (Shard::default(), BTreeMap::<u64, (u64, i64, i64, bool)>::new());
        let mut state = 1_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for step in 0..20_000 {
            let (name, end) = (next(150), i64::try_from(next(1000)).unwrap());
            match next(6) {
                0..3 => {
                    let full = end + i64::try_from(next(3)).unwrap() * 100;
                    let before = shard.insert(key(name), entry(step, end, full));
                    assert_eq!(
                        before.map(|entry| *entry.value),
                        model.insert(name, (step, end, full, true)).map(|old| old.0)
                    );
                }
                3 => {
                    let until = if end % 2 == 0 { i64::MAX } else { end };
                    shard.use_until(&key(name), until, 0);
                    model.entry(name).and_modify(|(_, end, full, pending)| {
                        *end = until.max(*end).min(*full);
                        *pending = false;
                    });
                }
                4 => {
                    shard.shorten(&key(name), end);
                    model.entry(name).and_modify(|(_, of, full, _)| (*of, *full) = (end.min(*of), end.min(*full)));
                }
                _ => {
                    let removed = shard.remove(&key(name)).map(|entry| *entry.value);
                    assert_eq!(removed, model.remove(&name).map(|old| old.0));
                }
            }
            if step % 100 == 99 {
                let now = i64::try_from(next(200)).unwrap();
                let expired = std::iter::from_fn(|| shard.expired(now)).map(|entry| *entry.value);
                let mut expired: Vec<_> = expired.collect();
                expired.sort_unstable();
                let mut past: Vec<_> = model.extract_if(.., |_, old| old.1 <= now).map(|(_, old)| old.0).collect();
                past.sort_unstable();
                assert_eq!(expired, past);
            }
            check(&shard);
            for (name, (value, end, _, pending)) in &model {
                let entry = shard.get(&key(*name)).unwrap();
                assert_eq!((*entry.value, entry.end(), entry.used().is_none()), (*value, *end, *pending));
            }
            assert_eq!(shard.len(), model.len());
        }
    }

    #[test]
    fn the_first_to_end_comes_first() {
        let mut shard = Shard::default();
        for number in 0..1000 {
            let end = i64::try_from(number * 7919 % 1000).unwrap();
            assert!(shard.insert(key(number), entry(number, end, end)).is_none());
        }
        for end in 0..1000 {
            assert!(shard.expired(end - 1).is_none());
            assert_eq!(shard.expired(end).map(|entry| entry.end()), Some(end));
        }
        assert!(shard.expired(i64::MAX).is_none());
    }

    /// A crowd that has left takes no memory.
    #[test]
    fn what_a_crowd_took_is_given_back() {
        let mut shard = Shard::default();
        for number in 0..10_000 {
            shard.insert(key(number), entry(number, 0, 0));
        }
        for number in 0..9_990 {
            assert!(shard.remove(&key(number)).is_some());
        }
        check(&shard);
        assert!(shard.ends.capacity() <= 4 * FEW && shard.entries.capacity() <= 4 * FEW);
        assert!((9_990..10_000).all(|number| *shard.get(&key(number)).unwrap().value == number));
    }
}
