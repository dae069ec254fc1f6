//! The journal's tables: records one behind the other as they came, and when they are over.
//!
//! What comes at the same time lies together, so that a transaction of many records changes few pages of the file; under their
//! keys, which are digests, each would lie on another. Where the record of a key is, memory knows.

use std::collections::HashMap;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use nuncio_wss::Time;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageError, Table, TableDefinition,
    WriteTransaction,
};

use super::{Kept, Key, Noted};
use crate::state::{NotOpened, at, file};

/// Under the number of the record: its key, then the end, the pending end and the idle time, 8 octets each, then what is sealed.
/// Another form has another name.
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("conversations/1");
/// The slice of time in which a record is over, and its number.
const ENDS: TableDefinition<'_, (i64, u64), ()> = TableDefinition::new("ends/1");
/// The length of a slice, in milliseconds. Ends that are spread over an hour are on few pages.
const SLICE: i64 = 60_000;
/// Octets before what is sealed.
const HEAD: usize = 40;
/// What is written where there is no pending end.
const NEVER: i64 = i64::MAX;
/// What is written where no idle time is said.
const UNSAID: u64 = u64::MAX;
/// Octets of the file that are kept in memory: the upper pages of the trees, and what one transaction changes.
const CACHE: usize = 32 << 20;

/// An error of the database, or a record that is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    #[error(transparent)]
    Database(#[from] redb::Error),
    #[error("a record is damaged")]
    NoRecord,
    #[error("the database has a fault: {0}")]
    Panicked(String),
}

macro_rules! database_errors {
    ($($error:ident)*) => {
        $(impl From<redb::$error> for TableError {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}

database_errors!(StorageError DatabaseError TransactionError CommitError);

impl From<redb::TableError> for TableError {
    fn from(error: redb::TableError) -> Self {
        Self::Database(error.into())
    }
}

/// Opens the tables again, after they have failed.
pub(super) type Opener = Box<dyn Fn() -> Result<Tables, TableError> + Send>;

/// Opens the tables of that name in a directory, or makes them. The file has its name once it is whole.
pub(super) fn open(directory: &Path, name: &str) -> Result<(Opener, Tables), NotOpened> {
    let name = format!("{name}.redb");
    let path = directory.join(&name);
    if !path.try_exists().map_err(at(&path))? {
        make(directory, &name)?;
    }
    let tables = open_file(&path).map_err(|error| explain(&path, error))?;
    let opener = move || {
        forget_cached(&path);
        open_file(&path)
    };
    Ok((Box::new(opener), tables))
}

fn make(directory: &Path, name: &str) -> Result<(), NotOpened> {
    let path = directory.join(name);
    let fresh = path.with_extension("new");
    let explain = |error| explain(&path, error);
    let new = file::create(&fresh).map_err(at(&fresh))?;
    let backend = FileBackend::new(new).map_err(TableError::from).map_err(explain)?;
    Tables::open(backend).and_then(Tables::close).map_err(explain)?;
    file::settle(directory, &fresh, name).map_err(at(&path))
}

fn open_file(path: &Path) -> Result<Tables, TableError> {
    let file = file::private().open(path).map_err(StorageError::Io)?;
    // An empty one would be taken for a new one.
    if file.metadata().map_err(StorageError::Io)?.len() == 0 {
        return Err(StorageError::Corrupted("it is empty".to_owned()).into());
    }
    Tables::open(FileBackend::new(file)?)
}

/// A fault of the database's is an error as any other of its errors is.
fn guard<T>(work: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&said| said.to_owned()));
        Err(TableError::Panicked(said.unwrap_or_default()))
    })
}

fn explain(path: &Path, error: TableError) -> NotOpened {
    let file = path.to_owned();
    match error {
        TableError::Database(redb::Error::DatabaseAlreadyOpen) => NotOpened::InUse(file),
        TableError::Database(redb::Error::Io(reason))
            if !matches!(reason.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            NotOpened::Io { file, reason }
        }
        error => NotOpened::Damaged { file, reason: error.to_string() },
    }
}

/// What the disk refused to take may still be in the kernel's memory, which would give it as if the disk had it.
#[cfg(target_os = "linux")]
fn forget_cached(path: &Path) {
    if let Ok(file) = std::fs::File::open(path) {
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    }
}

#[cfg(not(target_os = "linux"))]
fn forget_cached(_: &Path) {}

/// The tables, and where in them the records are.
pub(super) struct Tables {
    database: Database,
    numbers: HashMap<Key, u64>,
    /// The number of the next record.
    next: u64,
}

impl Tables {
    /// Opens the tables. All of them are looked at, so that what was damaged is an error here and nowhere else.
    pub(super) fn open(backend: impl redb::StorageBackend) -> Result<Self, TableError> {
        guard(|| {
            let mut builder = Builder::new();
            builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
            let database = builder.create_with_backend(backend)?;
            let mut tables = Self { database, numbers: HashMap::new(), next: 0 };
            // Both are there from the beginning.
            tables.change(|_| Ok(()))?;
            let records = tables.read()?;
            for entry in records.0.iter()? {
                let (number, record) = entry?;
                tables.numbers.insert(*head(record.value())?.key, number.value());
                tables.next = number.value() + 1;
            }
            Ok(tables)
        })
    }

    /// Closes them in order: they need not be repaired by whoever opens them next.
    pub(super) fn close(self) -> Result<(), TableError> {
        Ok(self.database.close()?)
    }

    /// Changes them, and brings it to the disk. If it fails, they are of no more use, and must be opened again to see what came
    /// of it.
    ///
    /// One flush of the disk, not two: the second would keep out whoever chooses what is written and when the machine crashes,
    /// and what is written here is sealed.
    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&mut Change<'_>) -> Result<T, TableError>,
    ) -> Result<T, TableError> {
        guard(|| {
            let transaction = self.database.begin_write()?;
            let (outcome, changed, next) = {
                let mut change = Change::open(&transaction, self)?;
                let outcome = work(&mut change)?;
                (outcome, change.changed, change.next)
            };
            transaction.commit()?;
            for (key, number) in changed {
                match number {
                    Some(number) => self.numbers.insert(key, number),
                    None => self.numbers.remove(&key),
                };
            }
            self.next = next;
            // A crowd that has left keeps no room.
            if self.numbers.capacity() > 4 * self.numbers.len().max(1024) {
                self.numbers.shrink_to(2 * self.numbers.len());
            }
            Ok(outcome)
        })
    }

    /// Whether there is a record of that key.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.numbers.contains_key(key)
    }

    /// All records as the last transaction left them.
    pub(super) fn read(&self) -> Result<Records, TableError> {
        Ok(Records(self.database.begin_read()?.open_table(RECORDS)?))
    }
}

/// The tables within one transaction.
pub(super) struct Change<'t> {
    records: Table<'t, u64, &'static [u8]>,
    ends: Table<'t, (i64, u64), ()>,
    numbers: &'t HashMap<Key, u64>,
    /// What is not as `numbers` has it.
    changed: HashMap<Key, Option<u64>>,
    next: u64,
}

impl<'t> Change<'t> {
    fn open(transaction: &'t WriteTransaction, tables: &'t Tables) -> Result<Self, TableError> {
        Ok(Self {
            records: transaction.open_table(RECORDS)?,
            ends: transaction.open_table(ENDS)?,
            numbers: &tables.numbers,
            changed: HashMap::new(),
            next: tables.next,
        })
    }

    fn number(&self, key: &Key) -> Option<u64> {
        self.changed.get(key).copied().unwrap_or_else(|| self.numbers.get(key).copied())
    }

    pub(super) fn put(&mut self, key: &Key, kept: &Kept) -> Result<(), TableError> {
        self.remove(key)?;
        let number = self.next;
        self.next += 1;
        self.changed.insert(*key, Some(number));
        self.records.insert(number, encode(key, kept).as_slice())?;
        self.ends.insert((slice(kept.over()), number), ())?;
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &Key) -> Result<(), TableError> {
        let Some(number) = self.number(key) else { return Ok(()) };
        self.changed.insert(*key, None);
        if let Some(record) = self.records.remove(number)? {
            self.ends.remove((slice(head(record.value())?.over()), number))?;
        }
        Ok(())
    }

    pub(super) fn note(&mut self, key: &Key, noted: Noted) -> Result<(), TableError> {
        let Some(number) = self.number(key) else { return Ok(()) };
        let Some((_, mut kept)) = self.records.get(number)?.map(|record| decode(record.value())).transpose()? else {
            return Ok(());
        };
        let before = slice(kept.over());
        if noted.used {
            kept.pending = None;
        }
        kept.end = noted.ends.map_or(kept.end, |end| end.min(kept.end));
        self.records.insert(number, encode(key, &kept).as_slice())?;
        if slice(kept.over()) != before {
            self.ends.remove((before, number))?;
            self.ends.insert((slice(kept.over()), number), ())?;
        }
        Ok(())
    }

    /// Removes what was over before the slice of `now`, `most` records at the most. Whether there may be more.
    pub(super) fn sweep(&mut self, now: Time, most: usize) -> Result<bool, TableError> {
        let past = (Bound::Unbounded, Bound::Excluded((slice(now.millis()), 0)));
        let past = self.ends.range::<(i64, u64)>(past)?.take(most);
        let past = past.map(|entry| entry.map(|(end, _)| end.value())).collect::<Result<Vec<_>, _>>()?;
        for (slice, number) in &past {
            self.ends.remove((*slice, *number))?;
            if let Some(record) = self.records.remove(number)? {
                self.changed.insert(*head(record.value())?.key, None);
            }
        }
        Ok(past.len() == most)
    }
}

/// All records as one transaction left them.
pub(super) struct Records(ReadOnlyTable<u64, &'static [u8]>);

impl Records {
    pub(super) fn each(&self, mut f: impl FnMut(Key, Kept)) -> Result<(), TableError> {
        for entry in self.0.iter()? {
            let (key, kept) = decode(entry?.1.value())?;
            f(key, kept);
        }
        Ok(())
    }
}

fn slice(over: i64) -> i64 {
    over.div_euclid(SLICE)
}

fn encode(key: &Key, kept: &Kept) -> Vec<u8> {
    let mut octets = Vec::with_capacity(HEAD + kept.sealed.len());
    octets.extend_from_slice(key);
    octets.extend_from_slice(&kept.end.millis().to_le_bytes());
    octets.extend_from_slice(&kept.pending.map_or(NEVER, Time::millis).to_le_bytes());
    let idle = kept.idle.map_or(UNSAID, |idle| u64::try_from(idle.as_millis()).unwrap_or(UNSAID));
    octets.extend_from_slice(&idle.to_le_bytes());
    octets.extend_from_slice(&kept.sealed);
    octets
}

/// A record without what is sealed.
struct Head<'r> {
    key: &'r Key,
    end: i64,
    pending: i64,
    idle: u64,
}

impl Head<'_> {
    /// When it is over.
    fn over(&self) -> i64 {
        self.end.min(self.pending)
    }
}

fn head(octets: &[u8]) -> Result<Head<'_>, TableError> {
    let (key, rest) = octets.split_first_chunk().ok_or(TableError::NoRecord)?;
    let (&[end, pending, idle], _) = rest.as_chunks().0.split_first_chunk().ok_or(TableError::NoRecord)?;
    let (end, pending) = (i64::from_le_bytes(end), i64::from_le_bytes(pending));
    Ok(Head { key, end, pending, idle: u64::from_le_bytes(idle) })
}

fn decode(octets: &[u8]) -> Result<(Key, Kept), TableError> {
    let Head { key, end, pending, idle } = head(octets)?;
    let kept = Kept {
        end: Time::from_millis(end),
        pending: (pending != NEVER).then(|| Time::from_millis(pending)),
        idle: (idle != UNSAID).then(|| Duration::from_millis(idle)),
        sealed: octets.get(HEAD..).unwrap_or_default().to_vec(),
    };
    Ok((*key, kept))
}
