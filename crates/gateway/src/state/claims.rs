//! Messages seen before, in files: a process that is killed forgets none of them.
//!
//! A claim is one write of one record to the file of the slice of time in which it ends. Nothing waits for the disk: the kernel
//! keeps what a killed process wrote. A machine that stops loses the last seconds of it, and the next start says so by its
//! [`Fence`]. A file is read once, at the start, and removed when its slice is over.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::hash;
use nuncio_wss::Time;

use super::{Lock, NotOpened, at, file};

/// The length of a slice, in milliseconds.
const SLICE: i64 = 30_000;
/// A record: the key, its end, and a check of both. It lies within one page, so that a kill leaves it whole or not at all.
const RECORD: usize = 32;
/// Files that are open at once. A message lives a few minutes, so that these are all there are.
const OPEN: usize = 32;
/// Octets that are read at once.
const PIECE: usize = 2048 * RECORD;
/// What every file of claims begins with, before the number of its slice.
const PREFIX: &str = "claims-";
/// The file that says when the claims were written.
const BOOT: &str = "boot";
/// What it says when all of them are on the disk.
const ENDED: &str = "ended\n";
/// The longest of what it says.
const LONGEST_BOOT: u64 = 256;
/// Where the system says which of its starts this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A key that was claimed, and until when.
pub type Claimed = ([u8; 16], Time);

/// Whether all claims that were made are there. If not, messages that were created before now must be refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fence {
    /// They are.
    Whole,
    /// The directory is new: what was seen before is not known.
    New,
    /// The machine stopped before all of them were on the disk.
    Stopped,
    /// A file has records that nobody wrote.
    Damaged,
}

impl Fence {
    /// Whether a message that was created before now may have been seen.
    pub fn is_up(self) -> bool {
        self != Self::Whole
    }
}

/// Files to which claims are written.
pub struct ClaimFiles {
    directory: PathBuf,
    slices: Mutex<BTreeMap<i64, Slice>>,
    _lock: Arc<Lock>,
}

/// The file of a slice.
#[derive(Default)]
struct Slice {
    /// `None` while it is closed.
    file: Option<Arc<File>>,
    /// Where the next record comes.
    next: u64,
}

impl ClaimFiles {
    pub(super) fn open(directory: &Path, lock: Arc<Lock>, now: Time) -> Result<(Self, Vec<Claimed>, Fence), NotOpened> {
        // Where the system does not say it, every start may be one of the machine's.
        let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        Self::open_on(directory, lock, now, boot.trim())
    }

    /// The same, on that start of the machine; with an empty name it is none that was before.
    fn open_on(
        directory: &Path,
        lock: Arc<Lock>,
        now: Time,
        boot: &str,
    ) -> Result<(Self, Vec<Claimed>, Fence), NotOpened> {
        let path = directory.join(BOOT);
        let mut fence = said(&path, boot).map_err(at(&path))?;
        let (mut slices, mut claims) = (BTreeMap::new(), Vec::new());
        for entry in std::fs::read_dir(directory).map_err(at(directory))? {
            let entry = entry.map_err(at(directory))?;
            let Some(number) = number(&entry.file_name().to_string_lossy()) else { continue };
            let mut slice = Slice::default();
            if number >= now.millis().div_euclid(SLICE) {
                let path = entry.path();
                let (next, damaged) = read(&path, now, &mut claims).map_err(at(&path))?;
                slice.next = next;
                if damaged {
                    fence = Fence::Damaged;
                }
            }
            slices.insert(number, slice);
        }
        // Before the first claim is made: from now on the file must not say that all are on the disk.
        file::replace(directory, BOOT, format!("{boot}\n").as_bytes()).map_err(at(&path))?;
        let files = Self { directory: directory.to_owned(), slices: Mutex::new(slices), _lock: lock };
        Ok((files, claims, fence))
    }

    /// Writes down that `key` was claimed until `until`. A message whose claim is not written down must be refused.
    pub fn append(&self, key: &[u8; 16], until: Time) -> io::Result<()> {
        let (file, place) = self.place(until.millis().div_euclid(SLICE))?;
        // Whoever writes at the same time has another place. One that stays empty, because the disk is full, is no claim.
        file.write_all_at(&record(key, until), place)
    }

    /// The file of a slice and where in it the next record comes.
    fn place(&self, number: i64) -> io::Result<(Arc<File>, u64)> {
        let mut slices = self.lock();
        let is_open = slices.get(&number).is_some_and(|slice| slice.file.is_some());
        if !is_open && slices.values().filter(|slice| slice.file.is_some()).count() >= OPEN {
            // The first to be over, which is opened again if it must be.
            let first = slices.values_mut().find_map(|slice| slice.file.take());
            drop(first);
        }
        let slice = slices.entry(number).or_default();
        let file = if let Some(file) = &slice.file {
            Arc::clone(file)
        } else {
            let file = file::private().create(true).truncate(false).open(self.path(number))?;
            Arc::clone(slice.file.insert(Arc::new(file)))
        };
        let place = slice.next;
        slice.next += RECORD as u64;
        Ok((file, place))
    }

    /// Removes the files of slices that ended before the one that it is now.
    pub fn drop_before(&self, now: Time) -> io::Result<()> {
        let past = {
            let mut slices = self.lock();
            let live = slices.split_off(&now.millis().div_euclid(SLICE));
            std::mem::replace(&mut *slices, live)
        };
        let mut outcome = Ok(());
        for number in past.into_keys() {
            outcome = file::remove(&self.path(number)).and(outcome);
        }
        outcome
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Brings all claims to the disk and says so in the directory.
    fn end(&self) -> io::Result<()> {
        for (number, slice) in &*self.lock() {
            match &slice.file {
                Some(file) => file.sync_data()?,
                None => File::open(self.path(*number))?.sync_data()?,
            }
        }
        file::sync(&self.directory)?;
        file::replace(&self.directory, BOOT, ENDED.as_bytes())
    }

    fn path(&self, number: i64) -> PathBuf {
        self.directory.join(format!("{PREFIX}{number}"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<i64, Slice>> {
        // Every change under the lock is whole before anything can panic.
        self.slices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClaimFiles {
    fn drop(&mut self) {
        if let Err(reason) = self.end() {
            tracing::warn!(%reason, "claims of messages may not all be on the disk: after a restart of the machine, old messages are refused");
        }
    }
}

/// What the directory says of when its claims were written, on that start of the machine.
fn said(path: &Path, boot: &str) -> io::Result<Fence> {
    let mut said = String::new();
    match File::open(path) {
        Ok(file) => file.take(LONGEST_BOOT).read_to_string(&mut said),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Fence::New),
        Err(error) => return Err(error),
    }
    .or_else(|error| if error.kind() == io::ErrorKind::InvalidData { Ok(0) } else { Err(error) })?;
    let same = !boot.is_empty() && said.trim() == boot;
    Ok(if same || said == ENDED { Fence::Whole } else { Fence::Stopped })
}

/// The number of the slice of which a file is, if it is one of claims.
fn number(name: &str) -> Option<i64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// Reads the claims of a file that have not ended. Where the next record comes, and whether there are some that nobody wrote.
fn read(path: &Path, now: Time, claims: &mut Vec<Claimed>) -> io::Result<(u64, bool)> {
    let mut file = File::open(path)?;
    let (mut piece, mut next, mut damaged) = (vec![0; PIECE], 0, false);
    loop {
        let length = fill(&mut file, &mut piece)?;
        for octets in piece[..length].as_chunks::<RECORD>().0 {
            next += RECORD as u64;
            match parse(octets) {
                Some((key, until)) if until >= now => claims.push((key, until)),
                Some(_) => {}
                // Its place was given out, and who had it was killed before he wrote, or found the disk full.
                None if *octets == [0; RECORD] => {}
                None => damaged = true,
            }
        }
        // What is left of the last one is no record, and the next is written over it.
        if length < PIECE {
            return Ok((next, damaged));
        }
    }
}

/// Reads until there is no room, or no more.
fn fill(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match file.read(&mut piece[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn record(key: &[u8; 16], until: Time) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..16].copy_from_slice(key);
    record[16..24].copy_from_slice(&until.millis().to_le_bytes());
    let check = check(&record);
    record[24..].copy_from_slice(&check);
    record
}

fn parse(record: &[u8; RECORD]) -> Option<Claimed> {
    let (key, rest) = record.split_first_chunk()?;
    let until = Time::from_millis(i64::from_le_bytes(*rest.first_chunk()?));
    (record[24..] == check(record)).then_some((*key, until))
}

/// By which a record is told from what a crash or a fault of the disk left in its place.
fn check(record: &[u8; RECORD]) -> [u8; 8] {
    hash(DigestAlgorithm::Sha256, &record[..24]).as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
