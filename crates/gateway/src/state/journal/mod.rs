//! Sealed records of conversations, in an embedded database.
//!
//! One thread writes. What waits for it while it brings a transaction to the disk is the next transaction, so that however many
//! wait, each waits for the disk twice at the most. What need not wait, that a conversation was used, rides along.

mod table;
mod writer;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nuncio_wss::Time;
use tokio::sync::oneshot;

use self::table::{Opener, Tables};
use super::{Lock, NotOpened, at};

/// What names a record: a digest of what names the conversation.
type Key = [u8; 16];

/// Octets that may wait to be written.
const WAITING: usize = 16 << 20;
/// What a record that waits takes beside what is sealed.
const OVERHEAD: usize = 192;
/// Keys whose removal is one piece of work, so that who removes many holds up nobody for long.
const PIECE: usize = 512;
/// How long a note may wait for a transaction that has more to do.
const PATIENCE: Duration = Duration::from_millis(100);

/// A conversation as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// When it ends at the latest.
    pub end: Time,
    /// When it ends while nobody has used it; `None` once somebody has.
    pub pending: Option<Time>,
    /// For how long it lives unused, if that is said.
    pub idle: Option<Duration>,
    /// What it is: nobody's to read here.
    pub sealed: Vec<u8>,
}

impl Kept {
    /// When it is over, in milliseconds.
    fn over(&self) -> i64 {
        self.pending.map_or(self.end, |pending| pending.min(self.end)).millis()
    }
}

/// What is written down of a conversation when there is time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Note {
    /// It was used.
    Used,
    /// It ends at that time, if it would end later.
    Ends(Time),
}

/// All notes of one conversation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Noted {
    used: bool,
    ends: Option<Time>,
}

impl Noted {
    fn and(self, other: Self) -> Self {
        let ends = self.ends.into_iter().chain(other.ends).min();
        Self { used: self.used || other.used, ends }
    }
}

impl From<Note> for Noted {
    fn from(note: Note) -> Self {
        match note {
            Note::Used => Self { used: true, ends: None },
            Note::Ends(end) => Self { used: false, ends: Some(end) },
        }
    }
}

/// Why a record is not kept, not removed or not read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JournalError {
    /// As much waits for the disk as may. Of all that can be asked, only a record is turned away.
    #[error("as much waits for the disk as may")]
    Busy,
    /// The disk did not do what it was asked. Nothing of it counts: a record that is not kept does not come back, and the
    /// removal of one is tried again.
    #[error("the journal of conversations failed: {0}")]
    Failed(Arc<str>),
}

/// Where records of conversations are kept. When it is dropped, all that was noted is written.
pub struct Journal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    /// Given back when all is written.
    _lock: Option<Arc<Lock>>,
}

/// Whoever may note something in a journal, for as long as it is there.
#[derive(Clone)]
pub struct Notes(Arc<Shared>);

/// What the writer shares with those who wait for it.
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to do.
    wake: Condvar,
    /// What it is called.
    name: &'static str,
    /// `None` while they have failed.
    tables: Mutex<Option<Tables>>,
    commits: AtomicU64,
    /// Octets that may wait.
    waiting: usize,
}

/// What waits for the writer.
#[derive(Default)]
struct Queue {
    orders: Vec<Order>,
    /// What all records take that wait or are being written.
    octets: usize,
    notes: HashMap<Key, Noted>,
    /// When there is something to do even if nobody waits.
    due: Option<Instant>,
    /// What time it was last said to be.
    now: Option<Time>,
    closing: bool,
}

/// Something for whose end somebody waits.
struct Order {
    work: Work,
    octets: usize,
    told: oneshot::Sender<Result<(), JournalError>>,
}

enum Work {
    Put(Key, Kept),
    Remove(Vec<Key>),
}

impl Journal {
    /// The one of that name in a directory.
    pub(super) fn open(directory: &Path, name: &'static str, lock: Arc<Lock>) -> Result<Self, NotOpened> {
        let (opener, tables) = table::open(directory, name)?;
        Self::start(name, opener, tables, WAITING, Some(lock)).map_err(at(directory))
    }

    fn start(
        name: &'static str,
        opener: Opener,
        tables: Tables,
        waiting: usize,
        lock: Option<Arc<Lock>>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name,
            queue: Mutex::default(),
            wake: Condvar::new(),
            tables: Mutex::new(Some(tables)),
            commits: AtomicU64::new(0),
            waiting,
        });
        let writer = writer::start(Arc::clone(&shared), opener)?;
        Ok(Self { shared, writer: Some(writer), _lock: lock })
    }

    /// Keeps a record, in the place of another with that key. When this is done, it is there whatever happens to the machine. It is
    /// ordered at once, in the order of the calls.
    pub fn put(&self, key: [u8; 16], kept: Kept, now: Time) -> impl Future<Output = Result<(), JournalError>> + use<> {
        let octets = kept.sealed.len().saturating_add(OVERHEAD);
        let told = {
            let mut queue = self.shared.queue();
            queue.now = Some(now);
            if queue.octets.saturating_add(octets) > self.shared.waiting {
                None
            } else {
                // They were of the record that this one replaces.
                queue.notes.remove(&key);
                Some(queue.order(Work::Put(key, kept), octets))
            }
        };
        self.shared.wake.notify_one();
        async {
            match told {
                Some(told) => outcome(told).await,
                None => Err(JournalError::Busy),
            }
        }
    }

    /// Removes records. When this is done, they are gone whatever happens to the machine; if it fails, they are removed as soon as
    /// the disk does what it is asked. It is ordered at once, too.
    pub fn remove(&self, keys: &[[u8; 16]]) -> impl Future<Output = Result<(), JournalError>> + use<> {
        let all: Vec<_> = {
            let mut queue = self.shared.queue();
            for key in keys {
                queue.notes.remove(key);
            }
            let pieces = keys.chunks(PIECE);
            pieces.map(|keys| queue.order(Work::Remove(keys.to_vec()), size_of_val(keys))).collect()
        };
        self.shared.wake.notify_one();
        async {
            let mut outcomes = Ok(());
            for told in all {
                outcomes = outcome(told).await.and(outcomes);
            }
            outcomes
        }
    }

    /// Writes a note of a record with the next transaction, soon. It waits for nothing, and is dropped where there is no such
    /// record.
    pub fn note(&self, key: [u8; 16], note: Note) {
        self.shared.note(key, note);
    }

    /// For whoever is told of what ends, and does not keep the journal.
    pub fn notes(&self) -> Notes {
        Notes(Arc::clone(&self.shared))
    }

    /// Shows each record that is not over at `now`, as the last transaction left it.
    pub fn each(&self, now: Time, mut f: impl FnMut([u8; 16], Kept)) -> Result<(), JournalError> {
        let records = match &*self.shared.tables() {
            Some(tables) => tables.read().map_err(|error| failed(&error))?,
            None => return Err(failed(&"it cannot be opened")),
        };
        {
            // What is over is removed, and not read a second time.
            let mut queue = self.shared.queue();
            queue.now = Some(now);
            queue.due = Some(Instant::now());
        }
        self.shared.wake.notify_one();
        let live = |key, kept: Kept| {
            if kept.over() > now.millis() {
                f(key, kept);
            }
        };
        records.each(live).map_err(|error| failed(&error))
    }

    /// How many transactions were brought to the disk.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.queue().closing = true;
        self.shared.wake.notify_one();
        if let Some(writer) = self.writer.take() {
            // It does not panic, and if it did there would be nobody to tell.
            let _ = writer.join();
        }
    }
}

impl Notes {
    /// Does as [`Journal::note`] does; nothing, once the journal is closed.
    pub fn note(&self, key: [u8; 16], note: Note) {
        self.0.note(key, note);
    }
}

impl Shared {
    fn note(&self, key: Key, note: Note) {
        let mut queue = self.queue();
        if queue.closing {
            return;
        }
        let noted = queue.notes.entry(key).or_default();
        *noted = noted.and(note.into());
        if queue.due.is_none() {
            queue.due = Some(Instant::now() + PATIENCE);
            self.wake.notify_one();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Every change under the lock is whole before anything can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tables(&self) -> MutexGuard<'_, Option<Tables>> {
        // Tables in whose midst something panicked are not used again.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn order(&mut self, work: Work, octets: usize) -> oneshot::Receiver<Result<(), JournalError>> {
        let (told, outcome) = oneshot::channel();
        self.octets += octets;
        self.orders.push(Order { work, octets, told });
        outcome
    }
}

/// What becomes of an order.
async fn outcome(told: oneshot::Receiver<Result<(), JournalError>>) -> Result<(), JournalError> {
    told.await.unwrap_or_else(|_| Err(failed(&"nobody writes it")))
}

fn failed(reason: &dyn std::fmt::Display) -> JournalError {
    JournalError::Failed(reason.to_string().into())
}

#[cfg(test)]
mod tests;
