//! Who takes how much of the store of conversations.

use super::memory::Full;
use super::order::{Item, Ordered};
use super::shard::Gone;

/// What an owner takes beside his conversations and what they share, in octets, where all has just grown: 40 for his account,
/// and an eighth of that; eleven of the table, and five of the order; and 39 of the table where he is found again.
pub(super) const OWNER: usize = 100;

/// How much there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    /// In octets.
    pub octets: usize,
    /// How many conversations.
    pub count: usize,
}

impl Room {
    /// So many octets, however many conversations they are.
    pub fn of(octets: usize) -> Self {
        Self { octets, count: usize::MAX }
    }

    fn has(self, taken: Taken, octets: usize) -> bool {
        taken.octets.saturating_add(octets) <= self.octets && taken.count < self.count
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Taken {
    pub(super) octets: usize,
    pub(super) count: usize,
}

impl Taken {
    fn add(&mut self, octets: u32) {
        self.octets += octets as usize;
        self.count += 1;
    }

    fn take(&mut self, octets: u32) {
        self.octets -= octets as usize;
        self.count -= 1;
    }

    fn without(self, other: Self) -> Self {
        Self { octets: self.octets - other.octets, count: self.count - other.count }
    }
}

/// Somebody who wants a conversation.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    /// A hash of his name that nobody can foresee. Two of one hash would share a share; of a million owners any two have one once
    /// in thirty million times.
    pub(super) owner: u64,
    /// What is common to his conversations, in octets; it is taken with the first.
    pub(super) common: u32,
    /// What the conversation takes.
    pub(super) octets: u32,
}

/// What an owner takes.
struct Account {
    owner: u64,
    /// With what is common to his conversations.
    octets: usize,
    /// What of it those take that wait for their first message.
    pending_octets: usize,
    count: u32,
    pending: u32,
    common: u32,
    place: u32,
}

impl Account {
    fn taken(&self) -> Taken {
        Taken { octets: self.octets, count: self.count as usize }
    }

    fn pending(&self) -> Taken {
        Taken { octets: self.pending_octets, count: self.pending as usize }
    }
}

impl Item for Account {
    type Key = u64;

    fn key(&self) -> &u64 {
        &self.owner
    }

    fn hash(owner: &u64) -> u64 {
        *owner
    }

    /// Whoever has the most that wait comes first.
    fn rank(&self) -> i64 {
        -i64::from(self.pending)
    }

    fn place(&self) -> u32 {
        self.place
    }

    fn set_place(&mut self, place: u32) {
        self.place = place;
    }
}

/// Who takes how much.
#[derive(Default)]
pub(super) struct Accounts {
    total: Taken,
    /// What of it those take that wait for their first message.
    pending: Taken,
    owners: Ordered<Account>,
}

impl Accounts {
    /// What there is.
    pub(super) fn total(&self) -> Taken {
        self.total
    }

    /// How many owners there are.
    pub(super) fn owners(&self) -> usize {
        self.owners.len()
    }

    /// Whoever has the most conversations that wait for their first message, if any does; and how many these are.
    pub(super) fn most_pending(&self) -> Option<(u64, u32)> {
        let account = self.owners.at(self.owners.first()?);
        (account.pending > 0).then_some((account.owner, account.pending))
    }

    /// How many of an owner's wait for their first message.
    pub(super) fn pending_of(&self, owner: u64) -> u32 {
        self.owners.get(&owner).map_or(0, |account| account.pending)
    }

    /// Whether there is room for one more.
    pub(super) fn fits(&self, asking: Asking, capacity: Room, share: Room) -> Result<(), Full> {
        let account = self.owners.get(&asking.owner);
        Self::check(asking, capacity, self.total, share, account.map(Account::taken))
    }

    /// Whether there would be if all were dropped that may be: of the owner's share his own that wait for their first message,
    /// and of the store anybody's.
    pub(super) fn could_fit(&self, asking: Asking, capacity: Room, share: Room) -> Result<(), Full> {
        let account = self.owners.get(&asking.owner).map(|account| account.taken().without(account.pending()));
        Self::check(asking, capacity, self.total.without(self.pending), share, account)
    }

    fn check(asking: Asking, capacity: Room, total: Taken, share: Room, account: Option<Taken>) -> Result<(), Full> {
        let common = if account.is_none() { asking.common as usize } else { 0 };
        let octets = (asking.octets as usize).saturating_add(common);
        // His share first: what is over it makes no room by dropping somebody else's.
        if !share.has(account.unwrap_or_default(), octets) {
            Err(Full::Share)
        } else if !capacity.has(total, octets) {
            Err(Full::Store)
        } else {
            Ok(())
        }
    }

    /// Takes the room of one more, which waits for its first message.
    pub(super) fn take(&mut self, asking: Asking) {
        let Asking { owner, common, octets } = asking;
        let index = self.owners.index(&owner).unwrap_or_else(|| {
            self.total.octets += common as usize;
            let octets = common as usize;
            self.owners.insert(Account { owner, octets, pending_octets: 0, count: 0, pending: 0, common, place: 0 })
        });
        self.owners.change(index, |account| {
            account.octets += octets as usize;
            account.pending_octets += octets as usize;
            account.count += 1;
            account.pending += 1;
        });
        self.total.add(octets);
        self.pending.add(octets);
    }

    /// One that takes so much waits no more: it was used.
    pub(super) fn used(&mut self, owner: u64, octets: u32) {
        if let Some(index) = self.owners.index(&owner) {
            self.waits_no_more(index, octets);
        }
    }

    fn waits_no_more(&mut self, index: usize, octets: u32) {
        self.pending.take(octets);
        self.owners.change(index, |account| {
            account.pending_octets -= octets as usize;
            account.pending -= 1;
        });
    }

    /// Gives back what one took.
    pub(super) fn give_back<V>(&mut self, gone: &Gone<V>) {
        let Some(index) = self.owners.index(&gone.owner) else { return };
        if gone.pending {
            self.waits_no_more(index, gone.octets);
        }
        self.total.take(gone.octets);
        let left = self.owners.change(index, |account| {
            account.octets -= gone.octets as usize;
            account.count -= 1;
            account.count
        });
        if left == 0 {
            self.total.octets -= self.owners.remove(index).common as usize;
        }
    }

    /// What all owners take together.
    #[cfg(test)]
    pub(super) fn check_sum(&self) -> Taken {
        let all = self.owners.iter();
        let sum = all.fold((Taken::default(), Taken::default()), |(taken, pending), account| {
            let add =
                |sum: Taken, more: Taken| Taken { octets: sum.octets + more.octets, count: sum.count + more.count };
            (add(taken, account.taken()), add(pending, account.pending()))
        });
        assert_eq!(sum, (self.total, self.pending));
        self.owners.check();
        self.total
    }
}
