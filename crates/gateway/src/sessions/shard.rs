//! Conversations behind one lock: found by their key, and in the order of their ends; those that wait for their first message
//! apart, and each of these between its owner's others.

use std::sync::Arc;

use hashbrown::HashTable;

use super::order::{Item, Ordered};

/// The key of a conversation: a digest of what names it, so that nobody chooses which come to lie together.
pub type Key = [u8; 16];

/// What an entry costs beside its value, in octets, where all has just grown: 64 for itself with its key, and an eighth of that;
/// eleven of the table, and as much of that of owners; five of the order of ends.
pub(super) const OVERHEAD: usize = 104;

/// A conversation, whose account that is, and what is known of its use.
struct Entry<V, U> {
    value: Arc<V>,
    key: Key,
    /// A hash of its owner.
    owner: u64,
    /// When it ends as things are.
    end: i64,
    /// When it ends at the latest.
    full: i64,
    uses: U,
    octets: u32,
    place: u32,
}

/// Between which two of its owner's that wait for their first message it is: they are in a ring, in the order in which they
/// came.
struct Waits {
    before: u32,
    after: u32,
}

/// When it was used last.
struct Used(i64);

impl<V, U> Item for Entry<V, U> {
    type Key = Key;

    fn key(&self) -> &Key {
        &self.key
    }

    /// The first octets of a digest are as good as any hash of it.
    fn hash(key: &Key) -> u64 {
        u64::from_ne_bytes(key.first_chunk().copied().unwrap_or_default())
    }

    fn rank(&self) -> i64 {
        self.end
    }

    fn place(&self) -> u32 {
        self.place
    }

    fn set_place(&mut self, place: u32) {
        self.place = place;
    }
}

/// A conversation to be put into a shard: it ends at `end`, and no later than `full` once it was used.
pub(super) struct New<V> {
    pub(super) key: Key,
    pub(super) value: Arc<V>,
    pub(super) owner: u64,
    pub(super) octets: u32,
    pub(super) end: i64,
    pub(super) full: i64,
}

/// A conversation that is there.
pub(super) struct There<'s, V> {
    pub(super) key: &'s Key,
    pub(super) value: &'s Arc<V>,
    pub(super) end: i64,
    /// When it was used last, if it was.
    pub(super) used: Option<i64>,
}

/// A conversation that was taken out.
pub(super) struct Gone<V> {
    pub(super) key: Key,
    pub(super) value: Arc<V>,
    pub(super) owner: u64,
    pub(super) octets: u32,
    pub(super) end: i64,
    pub(super) full: i64,
    /// Whether it was waiting for its first message.
    pub(super) pending: bool,
}

impl<V, U> Entry<V, U> {
    fn gone(self, pending: bool) -> Gone<V> {
        let Self { value, key, owner, end, full, octets, .. } = self;
        Gone { key, value, owner, octets, end, full, pending }
    }
}

/// One that waits for its first message.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) key: Key,
    pub(super) owner: u64,
    pub(super) end: i64,
}

/// Entries by their key and by their end.
pub(super) struct Shard<V> {
    pending: Ordered<Entry<V, Waits>>,
    used: Ordered<Entry<V, Used>>,
    /// Of each owner, the one of his pending entries that has waited the longest.
    owners: HashTable<u32>,
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self { pending: Ordered::default(), used: Ordered::default(), owners: HashTable::new() }
    }
}

impl<V> Shard<V> {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.pending.len() + self.used.len()
    }

    /// How many of them wait for their first message.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = There<'_, V>> {
        let pending =
            self.pending.iter().map(|Entry { key, value, end, .. }| There { key, value, end: *end, used: None });
        let used = self.used.iter();
        let used = used.map(|Entry { key, value, end, uses, .. }| There { key, value, end: *end, used: Some(uses.0) });
        pending.chain(used)
    }

    /// The value of that key, and when it ends as things are.
    pub(super) fn get(&self, key: &Key) -> Option<(&Arc<V>, i64)> {
        let used = || self.used.get(key).map(|entry| (&entry.value, entry.end));
        used().or_else(|| self.pending.get(key).map(|entry| (&entry.value, entry.end)))
    }

    /// Puts an entry there; gives back the one that it replaces.
    pub(super) fn insert(&mut self, new: New<V>) -> Option<Gone<V>> {
        let New { key, value, owner, octets, end, full } = new;
        let before = self.remove(&key);
        let uses = Waits { before: 0, after: 0 };
        let index = self.pending.insert(Entry { value, key, owner, end, full, uses, octets, place: 0 });
        self.link(index);
        before
    }

    /// The entry was used at `now`: it lives until `end` if it would end sooner, and no longer than it may. If it is the first
    /// time, whose it is and what it takes.
    pub(super) fn use_until(&mut self, key: &Key, end: i64, now: i64) -> Option<(u64, u32)> {
        if let Some(index) = self.used.index(key) {
            self.used.change(index, |entry| {
                entry.uses.0 = entry.uses.0.max(now);
                entry.end = entry.end.max(end).min(entry.full);
            });
            return None;
        }
        let Entry { value, key, owner, end: pending, full, octets, .. } = self.take_pending(self.pending.index(key)?);
        let end = pending.max(end).min(full);
        self.used.insert(Entry { value, key, owner, end, full, uses: Used(now), octets, place: 0 });
        Some((owner, octets))
    }

    /// Lets the entry end no later than that, used or not. Whether it may not live as long now as it might have.
    pub(super) fn shorten(&mut self, key: &Key, end: i64) -> bool {
        fn shorten<V, U>(entry: &mut Entry<V, U>, end: i64) -> bool {
            let longer = entry.full > end;
            entry.full = entry.full.min(end);
            entry.end = entry.end.min(end);
            longer
        }
        if let Some(index) = self.used.index(key) {
            self.used.change(index, |entry| shorten(entry, end))
        } else if let Some(index) = self.pending.index(key) {
            self.pending.change(index, |entry| shorten(entry, end))
        } else {
            false
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Gone<V>> {
        match self.used.index(key) {
            Some(index) => Some(self.used.remove(index).gone(false)),
            None => self.remove_pending(key),
        }
    }

    /// Takes an entry out, if it waits for its first message.
    pub(super) fn remove_pending(&mut self, key: &Key) -> Option<Gone<V>> {
        let index = self.pending.index(key)?;
        Some(self.take_pending(index).gone(true))
    }

    /// Takes out one that has ended, if there is one.
    pub(super) fn expired(&mut self, now: i64) -> Option<Gone<V>> {
        if let Some(index) = self.pending.first().filter(|&index| self.pending.at(index).end <= now) {
            return Some(self.take_pending(index).gone(true));
        }
        let index = self.used.first().filter(|&index| self.used.at(index).end <= now)?;
        Some(self.used.remove(index).gone(false))
    }

    /// The first to end of those that wait for their first message.
    pub(super) fn first_pending(&self) -> Option<Pending> {
        self.pending.first().map(|index| self.pending_at(index))
    }

    /// The one of an owner's that has waited the longest for its first message.
    pub(super) fn first_pending_of(&self, owner: u64) -> Option<Pending> {
        let index = self.owners.find(owner, |&index| self.pending.at(index as usize).owner == owner)?;
        Some(self.pending_at(*index as usize))
    }

    fn pending_at(&self, index: usize) -> Pending {
        let Entry { key, owner, end, .. } = self.pending.at(index);
        Pending { key: *key, owner: *owner, end: *end }
    }

    fn take_pending(&mut self, index: usize) -> Entry<V, Waits> {
        self.unlink(index);
        let last = self.pending.len() - 1;
        let entry = self.pending.remove(index);
        if index != last {
            self.moved(last, index);
        }
        entry
    }

    /// Puts the entry there behind its owner's others.
    fn link(&mut self, index: usize) {
        let (Self { pending, owners, .. }, here) = (self, index as u32);
        let owner = pending.at(index).owner;
        // What wants to know where the others are finds them where they were: this one is not in the table.
        let first = owners.find(owner, |&index| pending.at(index as usize).owner == owner).copied();
        let Some(first) = first else {
            pending.at_mut(index).uses = Waits { before: here, after: here };
            owners.insert_unique(owner, here, |&index| pending.at(index as usize).owner);
            return;
        };
        let last = pending.at(first as usize).uses.before;
        pending.at_mut(index).uses = Waits { before: last, after: first };
        pending.at_mut(last as usize).uses.after = here;
        pending.at_mut(first as usize).uses.before = here;
    }

    /// Takes the entry there from between its owner's others.
    fn unlink(&mut self, index: usize) {
        let Self { pending, owners, .. } = self;
        let Entry { owner, uses: Waits { before, after }, .. } = *pending.at(index);
        pending.at_mut(before as usize).uses.after = after;
        pending.at_mut(after as usize).uses.before = before;
        let Ok(mut first) = owners.find_entry(owner, |&first| first as usize == index) else { return };
        if after as usize == index {
            first.remove();
            // A crowd of owners that has left keeps no room.
            if owners.capacity() > 4 * owners.len() + 64 {
                owners.shrink_to(2 * owners.len(), |&index| pending.at(index as usize).owner);
            }
        } else {
            *first.get_mut() = after;
        }
    }

    /// What lay at `from` lies at `index`, and its neighbours learn it.
    fn moved(&mut self, from: usize, index: usize) {
        let (Self { pending, owners, .. }, here) = (self, index as u32);
        let Entry { owner, uses: Waits { before, after }, .. } = *pending.at(index);
        if after as usize == from {
            pending.at_mut(index).uses = Waits { before: here, after: here };
        } else {
            pending.at_mut(before as usize).uses.after = here;
            pending.at_mut(after as usize).uses.before = here;
        }
        if let Some(first) = owners.find_mut(owner, |&first| first as usize == from) {
            *first = here;
        }
    }
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

    fn entry(name: u64, value: u64, end: i64, full: i64) -> New<u64> {
        New { key: key(name), value: Arc::new(value), owner: owner(name), octets: 1, end, full }
    }

    /// Whose an entry is: there are few of them.
    fn owner(name: u64) -> u64 {
        (name % 7).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// The values of an owner's entries that wait for their first message, in their order.
    fn waiting(shard: &Shard<u64>, owner: u64) -> Vec<u64> {
        let find = |&index: &u32| shard.pending.at(index as usize).owner == owner;
        let Some(&first) = shard.owners.find(owner, find) else { return Vec::new() };
        let (mut values, mut at) = (Vec::new(), first);
        loop {
            let Entry { value, owner: of, uses: Waits { after, .. }, .. } = shard.pending.at(at as usize);
            assert_eq!((*of, shard.pending.at(*after as usize).uses.before), (owner, at));
            values.push(**value);
            at = *after;
            if at == first {
                return values;
            }
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
                    let before = shard.insert(entry(name, step, end, full));
                    assert_eq!(
                        before.map(|entry| *entry.value),
                        model.insert(name, (step, end, full, true)).map(|old| old.0)
                    );
                }
                3 => {
                    let until = if end % 2 == 0 { i64::MAX } else { end };
                    let first = shard.use_until(&key(name), until, 0);
                    assert_eq!(first.is_some(), model.get(&name).is_some_and(|old| old.3));
                    model.entry(name).and_modify(|(_, end, full, pending)| {
                        *end = until.max(*end).min(*full);
                        *pending = false;
                    });
                }
                4 => {
                    shard.shorten(&key(name), end);
                    model.entry(name).and_modify(|(_, of, full, _)| (*of, *full) = (end.min(*of), end.min(*full)));
                }
                5 if end % 2 == 0 => {
                    let removed = shard.remove_pending(&key(name)).map(|entry| *entry.value);
                    assert_eq!(removed, model.extract_if(name..=name, |_, old| old.3).next().map(|(_, old)| old.0));
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
            shard.pending.check();
            shard.used.check();
            for (name, (value, end, _, pending)) in &model {
                let (found, ends) = shard.get(&key(*name)).unwrap();
                assert_eq!((**found, ends), (*value, *end));
                assert_eq!(shard.pending.get(&key(*name)).is_some(), *pending);
            }
            let pending = model.values().filter(|old| old.3);
            assert_eq!((shard.len(), shard.pending()), (model.len(), pending.clone().count()));
            assert_eq!(shard.first_pending().map(|first| first.end), pending.map(|old| old.1).min());
            // Each has the number of the step in which it came.
            for owner in (0..7).map(owner) {
                let of_owner = |(name, old): (&u64, &(u64, i64, i64, bool))| {
                    (self::owner(*name) == owner && old.3).then_some(old.0)
                };
                let mut values: Vec<_> = model.iter().filter_map(of_owner).collect();
                values.sort_unstable();
                assert_eq!(waiting(&shard, owner), values);
                let first = values.first().map(|value| model.iter().find(|(_, old)| old.0 == *value).unwrap());
                assert_eq!(shard.first_pending_of(owner).map(|first| first.key), first.map(|(name, _)| key(*name)));
            }
        }
    }

    #[test]
    fn the_first_to_end_comes_first() {
        let mut shard = Shard::default();
        for number in 0..1000 {
            let end = i64::try_from(number * 7919 % 1000).unwrap();
            assert!(shard.insert(entry(number, number, end, end)).is_none());
        }
        for end in 0..1000 {
            assert!(shard.expired(end - 1).is_none());
            assert_eq!(shard.expired(end).map(|entry| entry.end), Some(end));
        }
        assert!(shard.expired(i64::MAX).is_none());
    }

    /// A crowd that has left takes no memory.
    #[test]
    fn what_a_crowd_took_is_given_back() {
        let mut shard = Shard::default();
        let unlike = |number: u64| New { owner: number << 32 | number, ..entry(number, number, 0, 0) };
        for number in 0..10_000 {
            shard.insert(unlike(number));
        }
        for number in 0..5_000 {
            assert!(shard.use_until(&key(number), 0, 0).is_some());
        }
        for number in (0..4_990).chain(5_000..9_990) {
            assert!(shard.remove(&key(number)).is_some());
        }
        shard.pending.check();
        shard.used.check();
        let room = shard.pending.room().max(shard.used.room()).max(shard.owners.capacity());
        assert!(room <= 256, "{room}");
        assert!((4_990..5_000).chain(9_990..10_000).all(|number| **shard.get(&key(number)).unwrap().0 == number));
    }
}
