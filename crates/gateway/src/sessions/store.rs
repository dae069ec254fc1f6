//! Where a route keeps its conversations: the questions that a message asks, whichever way they are kept.

use std::sync::Arc;
use std::time::Duration;

use nuncio_wss::{Context, Principal, Time};

use super::disk::Disk;
use super::memory::{Full, Lease, Memory, Owner};
use crate::keyring::NotSealed;
use crate::random::NoEntropy;
use crate::state::JournalError;

/// Why a conversation is not kept, or not ended for good.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// There is no room.
    #[error(transparent)]
    Full(#[from] Full),
    /// Its caller's name is longer than a record has it.
    #[error("the conversation has no record: its caller's name is too long")]
    TooLong,
    /// Nothing can be sealed.
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
    /// It could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A fault of the machine's.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// The store of a route. What names a conversation in it says the route too.
#[derive(Clone)]
pub enum Store {
    /// This process's memory: they end with it.
    Memory(Arc<Memory<Context>>),
    /// A state directory.
    Disk(Arc<Disk>),
}

impl Store {
    /// The conversation of that name, if it is live at `now`.
    pub(crate) fn find(&self, name: &str, now: Time) -> Option<Arc<Context>> {
        match self {
            Self::Memory(memory) => memory.find(name, now),
            Self::Disk(disk) => disk.memory().find(name, now),
        }
    }

    /// Whether one that takes so many octets would find room; asked before the work of making it.
    pub(crate) fn has_room(&self, owner: Owner<'_>, octets: usize, now: Time) -> Result<(), Full> {
        match self {
            Self::Memory(memory) => memory.has_room(owner, octets, now),
            Self::Disk(disk) => disk.memory().has_room(owner, octets, now),
        }
    }

    /// Keeps a conversation. When this is done, it may be handed out.
    pub(crate) async fn put(
        &self,
        name: &str,
        context: Arc<Context>,
        lease: Lease<'_>,
        now: Time,
    ) -> Result<(), NotKept> {
        match self {
            Self::Memory(memory) => Ok(memory.put(name, context, lease, now)?),
            Self::Disk(disk) => disk.put(name, context, lease, now).await,
        }
    }

    /// It was used: it lives for as long as `idle` says, or else its whole life.
    pub(crate) fn used(&self, name: &str, idle: Option<Duration>, now: Time) {
        match self {
            Self::Memory(memory) => {
                memory.used(name, idle.map(|idle| now.plus(idle)), now);
            }
            Self::Disk(disk) => disk.used(name, idle, now),
        }
    }

    /// Lets it end at `end`, if it would end later.
    pub(crate) fn retire(&self, name: &str, end: Time) {
        match self {
            Self::Memory(memory) => {
                memory.retire(name, end);
            }
            Self::Disk(disk) => disk.retire(name, end),
        }
    }

    /// Ends it. Whether it was there; of several at once, one is told so.
    pub(crate) async fn remove(&self, name: &str) -> Result<bool, NotKept> {
        match self {
            Self::Memory(memory) => Ok(memory.remove(name).is_some()),
            Self::Disk(disk) => disk.remove(name).await,
        }
    }
}

/// Whose share of a store a principal's conversations count against; a user and a certificate of one name are two.
pub(crate) fn owner(principal: &Principal) -> String {
    match principal {
        Principal::Anonymous => "anonymous".to_owned(),
        Principal::Certificate(holder) => format!("certificate {}", holder.subject),
        Principal::User(name) => format!("user {name}"),
    }
}
