//! Things found by their key, and in an order.
//!
//! They lie one behind the other, and both the table and the order know them by their index, so that each is written down once
//! and costs a dozen octets or two beside itself.

use hashbrown::HashTable;

/// Below so many what is empty is not given back.
const FEW: usize = 64;

/// What is found by its key and has a rank.
pub(super) trait Item {
    type Key: Eq;

    fn key(&self) -> &Self::Key;

    /// A hash of a key that nobody can choose.
    fn hash(key: &Self::Key) -> u64;

    /// The lowest comes first.
    fn rank(&self) -> i64;

    /// Where it is in the order, which is the order's to know.
    fn place(&self) -> u32;

    fn set_place(&mut self, place: u32);
}

/// Items by their key and by their rank.
///
/// An index has 32 bits: more items than that are more memory than a machine has.
pub(super) struct Ordered<T> {
    items: Vec<T>,
    table: HashTable<u32>,
    /// The indices of all items, a heap: what is at place `n` has no lower rank than what is at `(n - 1) / 2`, so the first is
    /// the lowest. Each item knows its place.
    order: Vec<u32>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { items: Vec::new(), table: HashTable::new(), order: Vec::new() }
    }
}

impl<T: Item> Ordered<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    /// Where the item of that key lies, until one is removed.
    pub(super) fn index(&self, key: &T::Key) -> Option<usize> {
        let is_it = |&index: &u32| self.items[index as usize].key() == key;
        self.table.find(T::hash(key), is_it).map(|&index| index as usize)
    }

    pub(super) fn get(&self, key: &T::Key) -> Option<&T> {
        self.index(key).map(|index| &self.items[index])
    }

    pub(super) fn at(&self, index: usize) -> &T {
        &self.items[index]
    }

    /// The item there, of which neither key nor rank may change.
    pub(super) fn at_mut(&mut self, index: usize) -> &mut T {
        &mut self.items[index]
    }

    /// Where the first of the order lies.
    pub(super) fn first(&self) -> Option<usize> {
        self.order.first().map(|&index| index as usize)
    }

    /// Puts in an item whose key is not there; where it lies.
    pub(super) fn insert(&mut self, mut item: T) -> usize {
        // By an eighth, and not by as much again: what is empty is memory that nobody is reckoned for.
        if self.items.len() == self.items.capacity() {
            let more = self.items.len() / 8 + 8;
            self.items.reserve_exact(more);
            self.order.reserve_exact(more);
        }
        let index = self.items.len();
        item.set_place(index as u32);
        let hash = T::hash(item.key());
        self.items.push(item);
        self.order.push(index as u32);
        let items = &self.items;
        self.table.insert_unique(hash, index as u32, |&index| T::hash(items[index as usize].key()));
        self.settle(index);
        index
    }

    /// Changes an item, but not its key.
    pub(super) fn change<R>(&mut self, index: usize, change: impl FnOnce(&mut T) -> R) -> R {
        let before = self.items[index].rank();
        let told = change(&mut self.items[index]);
        if self.items[index].rank() != before {
            self.settle(self.items[index].place() as usize);
        }
        told
    }

    /// Takes an item out. The last one lies in its place then, if it was another.
    pub(super) fn remove(&mut self, index: usize) -> T {
        let place = self.items[index].place() as usize;
        self.order.swap_remove(place);
        if let Some(&moved) = self.order.get(place) {
            self.items[moved as usize].set_place(place as u32);
            self.settle(place);
        }
        let last = self.items.len() - 1;
        let hash_of = |at: usize| T::hash(self.items[at].key());
        if let Ok(found) = self.table.find_entry(hash_of(index), |&other| other as usize == index) {
            found.remove();
        }
        if index != last {
            if let Some(other) = self.table.find_mut(hash_of(last), |&other| other as usize == last) {
                *other = index as u32;
            }
            let place = self.items[last].place() as usize;
            self.order[place] = index as u32;
        }
        let item = self.items.swap_remove(index);
        self.give_back();
        item
    }

    /// A crowd that has left keeps no room; what is given back is nearly as much as stays, so that it is done seldom.
    fn give_back(&mut self) {
        let room = FEW.max(self.len() + self.len() / 8);
        if self.items.capacity() > 2 * room {
            self.items.shrink_to(room);
            self.order.shrink_to(room);
            let items = &self.items;
            self.table.shrink_to(room, |&index| T::hash(items[index as usize].key()));
        }
    }

    fn rank_at(&self, place: usize) -> i64 {
        self.items[self.order[place] as usize].rank()
    }

    /// Moves what is at that place to where its rank has it belong.
    fn settle(&mut self, mut place: usize) {
        while place > 0 && self.rank_at(place) < self.rank_at((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        loop {
            let below = 2 * place + 1..(2 * place + 3).min(self.order.len());
            let Some(first) = below.min_by_key(|&below| self.rank_at(below)) else { return };
            if self.rank_at(place) <= self.rank_at(first) {
                return;
            }
            self.swap(place, first);
            place = first;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.order.swap(one, other);
        for place in [one, other] {
            self.items[self.order[place] as usize].set_place(place as u32);
        }
    }

    /// Holds table and order to the items.
    #[cfg(test)]
    #[track_caller]
    pub(super) fn check(&self) {
        assert_eq!((self.order.len(), self.table.len()), (self.len(), self.len()));
        for (index, item) in self.items.iter().enumerate() {
            assert_eq!(self.index(item.key()), Some(index));
        }
        for (place, &index) in self.order.iter().enumerate() {
            assert_eq!(self.items[index as usize].place() as usize, place);
            assert!(place == 0 || self.rank_at((place - 1) / 2) <= self.rank_at(place));
        }
    }

    /// For how many there is room.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.items.capacity().max(self.order.capacity()).max(self.table.capacity())
    }
}
