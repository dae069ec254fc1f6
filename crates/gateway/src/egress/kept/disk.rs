//! Contexts with services in the state directory: all of them in memory too, since there is one for each caller.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nuncio_wss::Time;

use super::Mark;
use crate::state::{Journal, JournalError, Kept};

/// Contexts with services, as a directory has them.
pub(crate) struct Disk {
    journal: Journal,
    kept: Mutex<HashMap<Mark, Sealed>>,
    /// How many there are who would call with each.
    holders: Mutex<HashMap<[u8; 32], usize>>,
}

struct Sealed {
    octets: Vec<u8>,
    end: Time,
}

impl Disk {
    /// Those of a journal that are not over at `now`.
    pub(crate) fn of(journal: Journal, now: Time) -> Result<Self, JournalError> {
        let mut kept = HashMap::new();
        journal.each(now, |mark, Kept { end, sealed, .. }| {
            kept.insert(mark, Sealed { octets: sealed, end });
        })?;
        if !kept.is_empty() {
            tracing::info!(kept = kept.len(), "conversations with services are known again");
        }
        Ok(Self { journal, kept: Mutex::new(kept), holders: Mutex::default() })
    }

    /// The first of these that is there.
    pub(super) fn find(&self, marks: &[Mark]) -> Option<Vec<u8>> {
        let kept = self.kept();
        marks.iter().find_map(|mark| kept.get(mark)).map(|sealed| sealed.octets.clone())
    }

    /// Keeps one, in the place of what is there and of what it was called before. When this is done, it is there whatever
    /// happens to the machine.
    pub(super) async fn put(
        &self,
        mark: Mark,
        before: &[Mark],
        octets: Vec<u8>,
        end: Time,
        now: Time,
    ) -> Result<(), JournalError> {
        // Under the lock, so that the journal has all in the order in which it is here.
        let (put, removed) = {
            let mut kept = self.kept();
            kept.retain(|_, sealed| sealed.end > now);
            kept.insert(mark, Sealed { octets: octets.clone(), end });
            let gone: Vec<Mark> = before.iter().filter(|mark| kept.remove(*mark).is_some()).copied().collect();
            let put = self.journal.put(mark, Kept { end, pending: None, idle: None, sealed: octets }, now);
            (put, self.journal.remove(&gone))
        };
        put.await.and(removed.await)
    }

    /// Forgets what is there under these marks, if it is that.
    pub(super) async fn forget(&self, marks: &[Mark], octets: &[u8]) -> Result<(), JournalError> {
        let removed = {
            let mut kept = self.kept();
            let is = |mark: &&Mark| kept.get(*mark).is_some_and(|sealed| sealed.octets == octets);
            let gone: Vec<Mark> = marks.iter().filter(is).copied().collect();
            for mark in &gone {
                kept.remove(mark);
            }
            self.journal.remove(&gone)
        };
        removed.await
    }

    /// Somebody would call with what was begun so.
    pub(super) fn hold(&self, begun_with: [u8; 32]) {
        *self.holders().entry(begun_with).or_default() += 1;
    }

    /// He does not any more; whether nobody does.
    pub(super) fn give_up(&self, begun_with: &[u8; 32]) -> bool {
        let mut holders = self.holders();
        let Some(count) = holders.get_mut(begun_with) else { return true };
        *count -= 1;
        if *count > 0 {
            return false;
        }
        holders.remove(begun_with);
        true
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Mark, Sealed>> {
        // Every change under the lock is whole before anything can panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<[u8; 32], usize>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
