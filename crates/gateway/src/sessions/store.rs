//! Where a route keeps its conversations: the questions that a message asks, whichever way they are kept.

use std::sync::Arc;
use std::time::Duration;

use nuncio_wss::{Context, Principal, Time};

use super::memory::{Full, Lease, Memory, Owner};

/// Why a conversation is not kept, or not ended for good.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// There is no room.
    #[error(transparent)]
    Full(#[from] Full),
}

/// The store of a route. What names a conversation in it says the route too.
#[derive(Clone)]
pub enum Store {
    /// This process's memory: they end with it.
    Memory(Arc<Memory<Context>>),
}

impl Store {
    /// The conversation of that name, if it is live at `now`.
    pub(crate) fn find(&self, name: &str, now: Time) -> Option<Arc<Context>> {
        match self {
            Self::Memory(memory) => memory.find(name, now),
        }
    }

    /// Whether one that takes so many octets would find room; asked before the work of making it.
    pub(crate) fn has_room(&self, owner: Owner<'_>, octets: usize, now: Time) -> Result<(), Full> {
        match self {
            Self::Memory(memory) => memory.has_room(owner, octets, now),
        }
    }

    /// Keeps a conversation. When this is done, it may be handed out.
    #[expect(clippy::unused_async, reason = "what is kept elsewhere is waited for")]
    pub(crate) async fn put(
        &self,
        name: &str,
        context: Arc<Context>,
        lease: Lease<'_>,
        now: Time,
    ) -> Result<(), NotKept> {
        match self {
            Self::Memory(memory) => Ok(memory.put(name, context, lease, now)?),
        }
    }

    /// It was used: it lives for as long as `idle` says, or else its whole life.
    pub(crate) fn used(&self, name: &str, idle: Option<Duration>, now: Time) {
        match self {
            Self::Memory(memory) => {
                memory.used(name, idle.map(|idle| now.plus(idle)), now);
            }
        }
    }

    /// Lets it end at `end`, if it would end later.
    pub(crate) fn retire(&self, name: &str, end: Time) {
        match self {
            Self::Memory(memory) => {
                memory.retire(name, end);
            }
        }
    }

    /// Ends it. Whether it was there; of several at once, one is told so.
    #[expect(clippy::unused_async, reason = "what is kept elsewhere is waited for")]
    pub(crate) async fn remove(&self, name: &str) -> Result<bool, NotKept> {
        match self {
            Self::Memory(memory) => Ok(memory.remove(name).is_some()),
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
