//! Conversations that survive this process: in its memory, where they are found, and in the journal of a state directory, from
//! which they are brought back.
//!
//! A conversation is handed out once its record is durable, and cancelled once its record is durably gone. That it was used is
//! written a little later: a process that is killed meanwhile forgets that, and no more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_wss::{Context, Restorer, Time};

use super::memory::{Full, Lease, Memory, Owner};
use super::shard::Key;
use super::store::{NotKept, owner};
use crate::keyring::{Binding, Keys};
use crate::random::Entropy;
use crate::sessions::Principals;
use crate::state::{Journal, JournalError, Kept, Note};

/// What is sealed in a journal.
const PURPOSE: &str = "session";
/// Contexts that were brought back whose derived keys are kept.
const HOT: usize = 4096;

/// Conversations in memory and in a journal.
pub struct Disk {
    memory: Arc<Memory<Context>>,
    journal: Journal,
    keys: Arc<Keys>,
    entropy: Entropy,
}

/// What came back from a journal.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Restored {
    /// Conversations that are known again.
    known: usize,
    /// Records that do not open with a key of the ring, or are none.
    unreadable: usize,
    /// Those for which the store has no room.
    without_room: usize,
}

/// For what a record is sealed. Its key is a digest of its route and its name.
fn binding(key: &Key) -> Binding<'_> {
    Binding { purpose: PURPOSE, scope: "", name: key }
}

impl Disk {
    /// Conversations of a journal, which are brought back into `memory`.
    pub fn restore(
        journal: Journal,
        keys: Arc<Keys>,
        entropy: Entropy,
        memory: Arc<Memory<Context>>,
        principals: &Principals,
        now: Time,
    ) -> Result<Self, JournalError> {
        let begun = Instant::now();
        let (ring, contexts) = (keys.ring(), Restorer::new(HOT));
        // What is over before its time is over after a start too. Of what is kept in memory alone there is no record.
        let notes = journal.notes();
        memory.tell(move |key, end| notes.note(key, Note::Ends(end)));
        let before = memory.dropped();
        let mut restored = Restored::default();
        journal.each(now, |key, kept| {
            let opened = ring.open(&kept.sealed, binding(&key), now).ok();
            let Some(mut context) = opened.and_then(|record| contexts.restore(&record).ok()) else {
                restored.unreadable += 1;
                return;
            };
            context.principal = principals.shared(context.principal);
            let (name, octets) = (owner(&context.principal), context.principal.octets());
            let owner = Owner { name: &name, octets };
            // Of one that was used it is not known when it was last; it has its whole time to be idle again.
            let used = || kept.idle.map_or(kept.end, |idle| now.plus(idle).min(kept.end));
            let pending = kept.pending.unwrap_or_else(used);
            let lease = Lease { owner, octets: context.octets(), pending, end: kept.end, idle: kept.idle };
            match memory.put_at(key, Arc::new(context), lease, now) {
                Ok(()) => restored.known += 1,
                Err(Full::Store | Full::Share) => restored.without_room += 1,
            }
            if kept.pending.is_none() {
                memory.used_at(&key, kept.idle.map(|idle| now.plus(idle)), now);
            }
        })?;
        let dropped = usize::try_from(memory.dropped() - before).unwrap_or(usize::MAX);
        restored.known -= dropped.min(restored.known);
        restored.without_room += dropped;
        let Restored { known, unreadable, without_room } = restored;
        let took = begun.elapsed();
        if unreadable + without_room > 0 {
            tracing::warn!(known, unreadable, without_room, ?took, "not all conversations are known again");
        } else {
            tracing::info!(known, ?took, "conversations are known again");
        }
        Ok(Self { memory, journal, keys, entropy })
    }

    /// Where they are found.
    pub(super) fn memory(&self) -> &Memory<Context> {
        &self.memory
    }

    /// Keeps a conversation; when this is done it will be known whatever happens to this process.
    pub(super) async fn put(
        &self,
        name: &str,
        context: Arc<Context>,
        lease: Lease<'_>,
        now: Time,
    ) -> Result<(), NotKept> {
        let key = super::memory::key(name);
        let record = context.record().ok_or(NotKept::TooLong)?;
        let mut random = self.entropy.draw();
        let sealed = self.keys.ring().seal(&record, binding(&key), now, &mut random)?;
        random.check()?;
        let kept = Kept { end: lease.end, pending: Some(lease.pending), idle: lease.idle, sealed };
        // Its room first, so that nothing is written for which there is none.
        self.memory.put_at(key, context, lease, now)?;
        match self.journal.put(key, kept, now).await {
            // Whoever ended it meanwhile did so before it was written.
            Ok(()) if self.memory.find(name, now).is_none() => Ok(self.journal.remove(&[key]).await?),
            Ok(()) => Ok(()),
            Err(error) => {
                self.memory.remove(name);
                Err(error.into())
            }
        }
    }

    pub(super) fn used(&self, name: &str, idle: Option<Duration>, now: Time) {
        if self.memory.used(name, idle.map(|idle| now.plus(idle)), now) {
            self.journal.note(super::memory::key(name), Note::Used);
        }
    }

    pub(super) fn retire(&self, name: &str, end: Time) {
        if self.memory.retire(name, end) {
            self.journal.note(super::memory::key(name), Note::Ends(end));
        }
    }

    /// Ends a conversation for good; whether it was there, which of several at once one is told.
    pub(super) async fn remove(&self, name: &str) -> Result<bool, NotKept> {
        if self.memory.remove(name).is_none() {
            return Ok(false);
        }
        self.journal.remove(&[super::memory::key(name)]).await?;
        Ok(true)
    }

    /// Ends for good what was ended in memory.
    pub(crate) async fn forget(&self, keys: Vec<Key>) -> Result<(), NotKept> {
        Ok(self.journal.remove(&keys).await?)
    }
}

#[cfg(test)]
mod tests {
    use nuncio_wss::Principal;

    use super::*;
    use crate::keyring;
    use crate::random::Entropy;
    use crate::sessions::Room;
    use crate::sessions::cookie::tests::context;
    use crate::state::State;

    fn at(minutes: i64) -> Time {
        Time::from_millis(minutes * 60_000)
    }

    /// A process with that directory.
    fn opened(directory: &std::path::Path, keys: &Arc<Keys>, now: Time) -> Disk {
        let journal = State::open(directory).unwrap().journal().unwrap();
        let memory = Arc::new(Memory::new(Room::of(1 << 20), Room::of(1 << 20)));
        Disk::restore(journal, Arc::clone(keys), Entropy::system(), memory, &Principals::default(), now).unwrap()
    }

    /// What was used has its whole time to be idle again after a start, and no more; what was not keeps its shorter time.
    #[tokio::test]
    async fn a_start_makes_nothing_live_for_ever() {
        let (directory, keys) = made("start");
        let disk = opened(&directory, &keys, at(0));
        let idle = Duration::from_mins(30);
        let owner = Owner { name: "user alice", octets: 0 };
        let lease = |idle| Lease { owner, octets: 100, pending: at(2), end: at(600), idle };
        for (name, idle) in [("used", Some(idle)), ("long", None), ("pending", Some(idle)), ("retired", None)] {
            let context = Arc::new(context(Principal::User("alice".into()), at(0)));
            disk.put(name, context, lease(idle), at(0)).await.unwrap();
        }
        disk.used("used", Some(idle), at(1));
        disk.used("long", None, at(1));
        disk.used("retired", None, at(1));
        disk.retire("retired", at(6));
        drop(disk);

        let disk = opened(&directory, &keys, at(1));
        let knows = |name: &str, minutes| disk.memory().find(name, at(minutes)).is_some();
        assert!(knows("pending", 1) && !knows("pending", 2));
        assert!(knows("used", 30) && !knows("used", 31), "it was idle since");
        assert!(knows("long", 599) && !knows("long", 600));
        assert!(knows("retired", 5) && !knows("retired", 6));
        assert!(disk.remove("used").await.unwrap() && !disk.remove("used").await.unwrap());
        drop(disk);
        assert!(opened(&directory, &keys, at(1)).memory().find("used", at(1)).is_none());
        let _ = std::fs::remove_dir_all(&directory);
    }

    /// A directory of its own with its keys, for a test.
    fn made(name: &str) -> (std::path::PathBuf, Arc<Keys>) {
        let directory = std::env::temp_dir().join(format!("nuncio-disk-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        let ring = keyring::write(&mut Entropy::system().draw());
        (directory, Arc::new(Keys::new(keyring::read("keys.yaml", ring.expose()).unwrap())))
    }

    /// Alice's, unused for two minutes and used for ten hours, or idle for so long.
    async fn put(disk: &Disk, name: &str, idle: Option<Duration>, now: Time) -> Result<(), NotKept> {
        let owner = Owner { name: "user alice", octets: 0 };
        let (pending, end) = (now.plus(Duration::from_mins(2)), now.plus(Duration::from_hours(10)));
        let lease = Lease { owner, octets: 100, pending, end, idle };
        disk.put(name, Arc::new(context(Principal::User("alice".into()), now)), lease, now).await
    }

    /// What was idle for too long is over, and a start does not give it the same time again.
    #[tokio::test]
    async fn what_was_idle_for_too_long_does_not_come_back() {
        let (directory, keys) = made("idle");
        let disk = opened(&directory, &keys, at(0));
        let idle = Duration::from_mins(30);
        for name in ["idle", "busy"] {
            put(&disk, name, Some(idle), at(0)).await.unwrap();
            disk.used(name, Some(idle), at(1));
        }
        disk.used("busy", Some(idle), at(20));
        disk.memory().sweep(at(31));
        drop(disk);

        let disk = opened(&directory, &keys, at(31));
        assert!(disk.memory().find("idle", at(31)).is_none());
        assert!(disk.memory().find("busy", at(31)).is_some());
        let _ = std::fs::remove_dir_all(&directory);
    }

    /// What made room for another while nobody had used it is gone for good.
    #[tokio::test]
    async fn what_was_dropped_does_not_come_back() {
        let (directory, keys) = made("dropped");
        let restore = |count| {
            let journal = State::open(&directory).unwrap().journal().unwrap();
            let room = Room { octets: 1 << 20, count };
            let memory = Arc::new(Memory::new(room, Room::of(1 << 20)));
            let principals = Principals::default();
            Disk::restore(journal, Arc::clone(&keys), Entropy::system(), memory, &principals, at(0)).unwrap()
        };
        let disk = restore(2);
        for name in ["first", "second", "third"] {
            put(&disk, name, None, at(0)).await.unwrap();
        }
        let known = |disk: &Disk| ["first", "second", "third"].map(|name| disk.memory().find(name, at(0)).is_some());
        assert_eq!(known(&disk).iter().filter(|known| **known).count(), 2);
        let before = known(&disk);
        drop(disk);
        let disk = restore(3);
        assert_eq!(known(&disk), before);
        for name in ["first", "second", "third"] {
            disk.used(name, None, at(0));
        }
        // There is room for one more, and none for another.
        put(&disk, "fourth", None, at(0)).await.unwrap();
        disk.used("fourth", None, at(0));
        assert!(matches!(put(&disk, "fifth", None, at(0)).await, Err(NotKept::Full(Full::Store))));
        drop(disk);
        // A start with less room keeps as many as it has room for.
        assert_eq!(restore(2).memory().census(at(0)).conversations, 2);
        let _ = std::fs::remove_dir_all(&directory);
    }
}
