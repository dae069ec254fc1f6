//! The state directory: what one gateway keeps on its machine, so that it ends and starts again without its clients noticing.
//!
//! | file | |
//! | --- | --- |
//! | `lock` | locked by the one process that uses the directory |
//! | `keys.yaml` | the key ring under which the rest is sealed; made with the directory |
//! | `journal.redb` | conversations with clients ([`Journal`]) |
//! | `services.redb` | those with services; made when a route first keeps some |
//! | `claims-…` | messages that were seen, by the time until which they matter ([`ClaimFiles`]) |
//! | `boot` | since which start of the machine they were written, or that they are whole |

mod claims;
pub(crate) mod file;
mod journal;

use std::fs::{DirBuilder, File, Metadata, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio_crypto::secret::Secret;
use nuncio_wss::Time;

pub use self::claims::{ClaimFiles, Claimed, Fence};
pub use self::journal::{Journal, JournalError, Kept, Note};
use crate::keyring::{self, BadRing, KeyRing, NotSealed};
use crate::random::{Draw, NoEntropy};

const LOCK: &str = "lock";
const RING: &str = "keys.yaml";
const JOURNAL: &str = "journal";
const SERVICES: &str = "services";
/// The largest key ring that is read, in octets.
const LARGEST_RING: u64 = 1 << 20;

/// Every user of the machine may write.
const WRITTEN_BY_ALL: u32 = 0o002;
/// Every user of the machine may read or write. That a group may is how containers are given what they keep.
const OPEN_TO_ALL: u32 = 0o006;

/// Why nothing can be kept in a directory.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// Two gateways would write over each other.
    #[error("{} is in use by another process: each gateway has a state directory of its own", .0.display())]
    InUse(PathBuf),
    /// Whoever may write there can make himself a conversation.
    #[error("every user of this machine can write to {}: take that mode from it", .0.display())]
    WrittenByAll(PathBuf),
    /// Whoever may read it can read conversations and make them.
    #[error("every user of this machine can read or change {}: make new keys, which its owner alone can read", .0.display())]
    KeysOpenToAll(PathBuf),
    /// The file system does not do what it is asked.
    #[error("{}: {reason}", .file.display())]
    Io {
        /// What was asked for.
        file: PathBuf,
        /// What came of it.
        reason: io::Error,
    },
    /// A file is not as it was written.
    #[error("{} is damaged ({reason}): put it back as it was, or take it away and lose what it keeps", .file.display())]
    Damaged {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key ring's file is none.
    #[error(transparent)]
    BadRing(#[from] BadRing),
    /// The key ring has no key to seal with.
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
    /// No key can be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// Makes an error of the file system one of this file.
fn at(file: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> NotOpened {
    let file = file.into();
    |reason| NotOpened::Io { file, reason }
}

/// A directory that is this process's alone as long as this, or something that was opened in it, lives.
pub struct State {
    directory: PathBuf,
    lock: Arc<Lock>,
}

/// An open file that is locked. The system gives the lock back with the process, however that ends.
#[derive(Debug)]
struct Lock {
    _file: File,
}

impl State {
    /// Makes the directory, if it is not there, and takes it.
    pub fn open(directory: &Path) -> Result<Self, NotOpened> {
        prepare(directory)?;
        let path = directory.join(LOCK);
        let lock = file::private().create(true).truncate(false).open(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(NotOpened::InUse(directory.to_owned())),
            Err(TryLockError::Error(reason)) => return Err(at(path)(reason)),
        }
        Ok(Self { directory: directory.to_owned(), lock: Arc::new(Lock { _file: lock }) })
    }

    /// The key ring of the directory, which is made with one key if it is not there. It has a key to seal with at `now`.
    pub fn ring(&self, now: Time, random: &mut Draw) -> Result<KeyRing, NotOpened> {
        let path = self.directory.join(RING);
        let octets = match File::open(&path) {
            Ok(ring) => read_ring(&path, ring)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let octets = keyring::write(random);
                random.check()?;
                file::replace(&self.directory, RING, octets.expose()).map_err(at(&path))?;
                octets
            }
            Err(error) => return Err(at(path)(error)),
        };
        let ring = keyring::read(&path.display().to_string(), octets.expose())?;
        ring.active(now)?;
        Ok(ring)
    }

    /// The conversations with clients that are kept in the directory.
    pub fn journal(&self) -> Result<Journal, NotOpened> {
        Journal::open(&self.directory, JOURNAL, Arc::clone(&self.lock))
    }

    /// Those with services.
    pub fn services(&self) -> Result<Journal, NotOpened> {
        Journal::open(&self.directory, SERVICES, Arc::clone(&self.lock))
    }

    /// The claims that are kept in the directory: where more are written, those that have not ended at `now`, and whether some
    /// may be missing.
    pub fn claims(&self, now: Time) -> Result<(ClaimFiles, Vec<Claimed>, Fence), NotOpened> {
        ClaimFiles::open(&self.directory, Arc::clone(&self.lock), now)
    }
}

/// Makes a directory in which to keep what must not be forged, if it is not there.
pub(crate) fn prepare(directory: &Path) -> Result<(), NotOpened> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(at(directory))?;
    let facts = std::fs::metadata(directory).map_err(at(directory))?;
    if facts.mode() & WRITTEN_BY_ALL != 0 {
        return Err(NotOpened::WrittenByAll(directory.to_owned()));
    }
    Ok(())
}

fn read_ring(path: &Path, mut ring: File) -> Result<Secret, NotOpened> {
    let facts: Metadata = ring.metadata().map_err(at(path))?;
    if facts.mode() & OPEN_TO_ALL != 0 {
        return Err(NotOpened::KeysOpenToAll(path.to_owned()));
    }
    if facts.len() > LARGEST_RING {
        return Err(NotOpened::Damaged { file: path.to_owned(), reason: "it is too large for a key ring".to_owned() });
    }
    // One octet more than it has, so that it never grows: no copy of a key is left behind.
    let mut octets = Vec::with_capacity(facts.len() as usize + 1);
    let read = Read::by_ref(&mut ring).take(facts.len()).read_to_end(&mut octets);
    let octets = Secret::new(octets);
    read.map_err(at(path))?;
    Ok(octets)
}

#[cfg(test)]
mod tests;
