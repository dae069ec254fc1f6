//! New keys of conversations that nobody has used yet: a few of each, and none once another of them is in use.
//!
//! A client renews again where the answer to a renewal was lost, so that there may be several. Were there any number of them, one
//! who is known could fill the store with keys of one conversation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nuncio_wss::{ConversationId, Time};

/// New keys of a conversation that may wait for their first use at once (`MaxPendingKeysPerSession` of WCF).
const MOST: usize = 5;
/// Below so many conversations those are not looked for whose keys have ended.
const FEW: usize = 1024;

/// New keys that wait for their first use.
#[derive(Default)]
pub struct Renewals(Mutex<Table>);

#[derive(Default)]
struct Table {
    keys: HashMap<[u8; 16], Vec<Pending>>,
    /// How many there were; each has the next number.
    count: u64,
    /// At how many conversations it is looked through next.
    full: usize,
}

struct Pending {
    number: u64,
    /// The name of the key; `None` while it is made.
    name: Option<Box<str>>,
    /// When it ends if nobody uses it.
    until: Time,
}

/// A place for one new key, given back when this is dropped before the key is there.
pub struct Waiting {
    renewals: Arc<Renewals>,
    of: ConversationId,
    number: u64,
}

impl Renewals {
    /// A place for a new key of that conversation, which ends at `until` if nobody uses it; `None` where as many wait as may.
    pub fn begin(self: &Arc<Self>, of: ConversationId, until: Time, now: Time) -> Option<Waiting> {
        let mut table = self.lock();
        if table.keys.len() >= table.full.max(FEW) {
            table.keys.retain(|_, keys| keys.iter().any(|key| key.until > now));
            table.full = 2 * table.keys.len();
        }
        table.count += 1;
        let number = table.count;
        let keys = table.keys.entry(of.0).or_default();
        keys.retain(|key| key.until > now);
        if keys.len() >= MOST {
            return None;
        }
        keys.push(Pending { number, name: None, until });
        Some(Waiting { renewals: Arc::clone(self), of, number })
    }

    /// The new key of that name is in use. The names of the others that waited, which are good for nothing any more.
    pub fn used(&self, of: ConversationId, name: &str) -> Vec<Box<str>> {
        let mut table = self.lock();
        let Some(keys) = table.keys.get(&of.0) else { return Vec::new() };
        if !keys.iter().any(|key| key.name.as_deref() == Some(name)) {
            return Vec::new();
        }
        let keys = table.keys.remove(&of.0).unwrap_or_default();
        keys.into_iter().filter_map(|key| key.name).filter(|other| **other != *name).collect()
    }

    /// The conversation is over: the names of its new keys, which are over with it.
    pub fn ended(&self, of: ConversationId) -> Vec<Box<str>> {
        let keys = self.lock().keys.remove(&of.0).unwrap_or_default();
        keys.into_iter().filter_map(|key| key.name).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Every change under the lock is whole before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The key of that name is there. Whether the place still was: where it was not, the conversation is over, or another of its
    /// new keys in use, and this one is good for nothing.
    #[must_use]
    pub fn taken(self, name: &str) -> bool {
        let mut table = self.renewals.lock();
        let mut keys = table.keys.get_mut(&self.of.0).into_iter().flatten();
        let place = keys.find(|key| key.number == self.number);
        place.is_some_and(|place| {
            place.name = Some(name.into());
            true
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut table = self.renewals.lock();
        let Some(keys) = table.keys.get_mut(&self.of.0) else { return };
        keys.retain(|key| key.number != self.number || key.name.is_some());
        if keys.is_empty() {
            table.keys.remove(&self.of.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ConversationId = ConversationId([1; 16]);
    const OTHER: ConversationId = ConversationId([2; 16]);

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn five_keys_of_a_conversation_wait_and_no_more() {
        let renewals = Arc::new(Renewals::default());
        for name in ["a", "b", "c", "d", "e"] {
            assert!(renewals.begin(ONE, at(120), at(0)).unwrap().taken(name));
        }
        assert!(renewals.begin(ONE, at(121), at(1)).is_none());
        assert!(renewals.begin(OTHER, at(121), at(1)).is_some(), "another's are its own");
        assert!(renewals.begin(ONE, at(240), at(120)).expect("what has ended waits no more").taken("f"));
        assert!(renewals.used(ONE, "x").is_empty(), "it is none of them");
        assert_eq!(renewals.used(ONE, "f"), Vec::<Box<str>>::new());
        assert!(renewals.lock().keys.is_empty());
    }

    #[test]
    fn once_one_is_used_the_others_are_over() {
        let renewals = Arc::new(Renewals::default());
        for name in ["a", "b", "c"] {
            assert!(renewals.begin(ONE, at(120), at(0)).unwrap().taken(name));
        }
        assert_eq!(renewals.used(ONE, "b"), ["a".into(), "c".into()] as [Box<str>; 2]);
        assert!(renewals.used(ONE, "b").is_empty(), "and that is said once");
        assert!(renewals.begin(ONE, at(120), at(0)).unwrap().taken("d"));
        assert_eq!(renewals.ended(ONE), ["d".into()] as [Box<str>; 1]);
        assert!(renewals.ended(ONE).is_empty() && renewals.ended(OTHER).is_empty());
    }

    /// Of many at once no more get a place than there are; what is not made gives it back.
    #[test]
    fn a_place_that_is_not_taken_is_given_back() {
        let renewals = Arc::new(Renewals::default());
        let places: Vec<_> = (0..7).filter_map(|_| renewals.begin(ONE, at(120), at(0))).collect();
        assert_eq!(places.len(), MOST);
        drop(places);
        assert!(renewals.lock().keys.is_empty());
        assert!(renewals.begin(ONE, at(120), at(0)).is_some());
    }

    /// It would be found by nobody who ends the conversation, and outlive it.
    #[test]
    fn a_key_that_comes_when_all_is_over_has_no_place() {
        let renewals = Arc::new(Renewals::default());
        let begin = || renewals.begin(ONE, at(120), at(0)).unwrap();
        let late = begin();
        assert!(renewals.ended(ONE).is_empty());
        // Another's place is not its own.
        let next = begin();
        assert!(!late.taken("late"));
        assert!(next.taken("next"));
        let late = begin();
        assert!(renewals.used(ONE, "next").is_empty());
        assert!(!late.taken("late"), "another is in use");
        assert!(renewals.lock().keys.is_empty());
    }

    #[test]
    fn what_has_ended_takes_no_memory() {
        let renewals = Arc::new(Renewals::default());
        for number in 0..10_000_u32 {
            let mut of = [0; 16];
            of[..4].copy_from_slice(&number.to_be_bytes());
            let place = renewals.begin(ConversationId(of), at(i64::from(number) + 1), at(i64::from(number)));
            assert!(place.unwrap().taken("x"));
        }
        assert!(renewals.lock().keys.len() <= 2 * FEW);
    }
}
