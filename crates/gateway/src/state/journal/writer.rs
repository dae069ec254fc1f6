//! The thread that writes the journal.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nuncio_wss::Time;

use super::table::{Change, Opener, TableError, Tables};
use super::{JournalError, Key, Noted, Order, Queue, Shared, Work, failed};

/// Records that one transaction keeps, removes and notes something of, at the most: each, and a piece of work more.
const MOST: usize = 4096;
/// Records that are over and are removed in one transaction.
const SWEPT: usize = 1024;
/// How much longer a record is kept than it lives: the note that it was used may still be on its way.
const GRACE: Duration = Duration::from_mins(1);
/// How long a database that has failed twice is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts the thread.
pub(super) fn start(shared: Arc<Shared>, opener: Opener) -> io::Result<JoinHandle<()>> {
    let mut writer = Writer { shared, opener, removals: HashSet::new(), unkept: Vec::new(), failure: None };
    std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run())
}

struct Writer {
    shared: Arc<Shared>,
    opener: Opener,
    /// Records whose removal failed. There were conversations of them, so that they are no more than these.
    removals: HashSet<Key>,
    /// Records that were told not to be kept, and may be there all the same.
    unkept: Vec<Key>,
    failure: Option<Failure>,
}

/// What went wrong last.
struct Failure {
    error: JournalError,
    /// Until when it is not tried again.
    until: Instant,
}

/// What is one transaction.
struct Batch {
    orders: Vec<Order>,
    notes: HashMap<Key, Noted>,
    /// Until when records are over that are removed, if that is known and no note of them waits.
    swept: Option<Time>,
    closing: bool,
}

impl Queue {
    /// Takes out what comes next.
    fn batch(&mut self) -> Batch {
        let mut most = MOST;
        let fits = |order: &&Order| {
            let before = most;
            most = most.saturating_sub(order.work.records());
            before > 0
        };
        let count = self.orders.iter().take_while(fits).count();
        let rest = self.orders.split_off(count);
        let orders = std::mem::replace(&mut self.orders, rest);
        let notes: HashMap<_, _> = if self.notes.len() <= MOST {
            std::mem::take(&mut self.notes)
        } else {
            let keys: Vec<_> = self.notes.keys().take(MOST).copied().collect();
            keys.iter().filter_map(|key| self.notes.remove_entry(key)).collect()
        };
        self.due = (!self.notes.is_empty()).then(Instant::now);
        let swept = self.now.filter(|_| self.notes.is_empty()).map(|now| now.minus(GRACE));
        Batch { orders, notes, swept, closing: self.closing }
    }
}

impl Work {
    /// Of how many records it is.
    fn records(&self) -> usize {
        match self {
            Self::Put(..) => 1,
            Self::Remove(keys) => keys.len(),
        }
    }
}

impl Batch {
    fn put(&self) -> impl Iterator<Item = Key> {
        self.orders.iter().filter_map(|order| match &order.work {
            Work::Put(key, _) => Some(*key),
            Work::Remove(_) => None,
        })
    }

    fn removed(&self) -> impl Iterator<Item = Key> {
        self.orders
            .iter()
            .flat_map(|order| match &order.work {
                Work::Put(..) => &[],
                Work::Remove(keys) => keys.as_slice(),
            })
            .copied()
    }

    /// Writes all of it. Whether more records may be over.
    fn write(&self, change: &mut Change<'_>) -> Result<bool, TableError> {
        for order in &self.orders {
            match &order.work {
                Work::Put(key, kept) => change.put(key, kept)?,
                Work::Remove(keys) => keys.iter().try_for_each(|key| change.remove(key))?,
            }
        }
        self.notes.iter().try_for_each(|(key, noted)| change.note(key, *noted))?;
        self.swept.map_or(Ok(false), |now| change.sweep(now, SWEPT))
    }
}

impl Writer {
    fn run(&mut self) {
        while let Some(batch) = self.next() {
            if !self.perform(batch) {
                break;
            }
        }
        // Closed in order, it need not be repaired by whoever opens it next.
        if let Some(Err(reason)) = self.shared.tables().take().map(Tables::close) {
            tracing::warn!(%reason, "the journal of conversations was not closed in order");
        }
    }

    /// Waits for something to do; `None` when there will be nothing any more.
    fn next(&self) -> Option<Batch> {
        let mut queue = self.shared.queue();
        loop {
            let now = Instant::now();
            let nothing = queue.orders.is_empty() && queue.notes.is_empty();
            if queue.closing && nothing && self.removals.is_empty() && self.unkept.is_empty() {
                return None;
            }
            if !queue.orders.is_empty() || queue.closing || queue.due.is_some_and(|due| due <= now) {
                return Some(queue.batch());
            }
            queue = match queue.due {
                Some(due) => self.shared.wake.wait_timeout(queue, due - now).unwrap_or_else(PoisonError::into_inner).0,
                None => self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Does it, and tells those who wait. Whether it is to go on.
    fn perform(&mut self, mut batch: Batch) -> bool {
        let outcome = self.attempt(&batch);
        let mut queue = self.shared.queue();
        if let Ok(more) = &outcome {
            self.removals.clear();
            self.unkept.clear();
            if *more {
                queue.due = Some(Instant::now());
            }
        } else {
            self.removals.extend(batch.removed());
            for (key, noted) in batch.notes.drain() {
                let newer = queue.notes.entry(key).or_default();
                *newer = newer.and(noted);
            }
            queue.due = Some(Instant::now() + PAUSE);
        }
        queue.octets -= batch.orders.iter().map(|order| order.octets).sum::<usize>();
        drop(queue);
        let goes_on = outcome.is_ok() || !batch.closing;
        let told = outcome.map(drop);
        for order in batch.orders {
            // Who does not wait any more is not told.
            let _ = order.told.send(told.clone());
        }
        goes_on
    }

    /// Brings it to the disk, unless that has failed just now. Whether more records may be over.
    fn attempt(&mut self, batch: &Batch) -> Result<bool, JournalError> {
        if let Some(failure) = &self.failure
            && Instant::now() < failure.until
            && !batch.closing
        {
            return Err(failure.error.clone());
        }
        match self.transact(batch) {
            Ok(more) => {
                self.shared.commits.fetch_add(1, Ordering::Relaxed);
                if self.failure.take().is_some() {
                    tracing::info!(journal = self.shared.name, "the journal is written again");
                }
                Ok(more)
            }
            Err(reason) => {
                // Once it is tried again at once: what was in the way may have been of this one transaction.
                let pause = if self.failure.is_some() { PAUSE } else { Duration::ZERO };
                if pause.is_zero() || batch.closing {
                    let journal = self.shared.name;
                    tracing::error!(journal, %reason, "the journal cannot be written: no conversation is kept there, and none is ended for good");
                }
                let error = failed(&reason);
                self.failure = Some(Failure { error: error.clone(), until: Instant::now() + pause });
                Err(error)
            }
        }
    }

    fn transact(&mut self, batch: &Batch) -> Result<bool, TableError> {
        let mut tables = self.shared.tables();
        let open = match &mut *tables {
            Some(open) => open,
            none => {
                let opened = (self.opener)()?;
                // The disk may have done what it said that it did not, or not.
                self.unkept.retain(|key| opened.has(key));
                none.insert(opened)
            }
        };
        let outcome = open.change(|change| {
            self.removals.iter().chain(&self.unkept).try_for_each(|key| change.remove(key))?;
            batch.write(change)
        });
        if outcome.is_err() {
            self.unkept.extend(batch.put());
            *tables = None;
        }
        outcome
    }
}
