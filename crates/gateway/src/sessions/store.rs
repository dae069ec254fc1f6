//! Where a route keeps its conversations: the questions that a message asks, whichever way they are kept.

use std::sync::Arc;
use std::time::Duration;

use nuncio_wss::{Context, Principal, Time};

use super::cookie::Cookies;
use super::cuts::CutsFull;
use super::disk::Disk;
use super::memory::{Full, Lease, Memory, Owner};
use crate::keyring::NotSealed;
use crate::random::NoEntropy;
use crate::shared::{self, Shared, Unavailable};
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
    /// Redis does not keep it.
    #[error(transparent)]
    Shared(#[from] shared::NotKept),
    /// Redis has no answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Looking for it panicked.
    #[error("looking for it panicked, which is a fault of ours")]
    Panicked,
    /// It cannot be remembered that it ended.
    #[error(transparent)]
    CutsFull(#[from] CutsFull),
}

/// Which conversation it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    /// Whose: a route's, whose policy and trust do not change.
    pub(crate) scope: &'a str,
    /// What its context, and the context's key, are called.
    pub(crate) name: &'a str,
}

impl At<'_> {
    /// Its name in a store that says no scope.
    fn whole(self) -> String {
        format!("{} {}", self.scope, self.name)
    }
}

/// The store of a route.
#[derive(Clone)]
pub enum Store {
    /// This process's memory: they end with it.
    Memory(Arc<Memory<Context>>),
    /// A state directory.
    Disk(Arc<Disk>),
    /// A Redis that several gateways share.
    Redis(Arc<Shared>),
    /// Their clients.
    Cookie(Arc<Cookies>),
}

impl Store {
    /// The conversation, if it is live at `now`; `cookie` is what came with its token.
    pub(crate) async fn find(
        &self,
        at: At<'_>,
        cookie: Option<&[u8]>,
        now: Time,
    ) -> Result<Option<Arc<Context>>, Unavailable> {
        match self {
            Self::Memory(memory) => Ok(memory.find(&at.whole(), now)),
            Self::Disk(disk) => Ok(disk.memory().find(&at.whole(), now)),
            // It is large, and most of what is found is found at once.
            Self::Redis(shared) => Box::pin(shared.find(at.scope, at.name, now)).await,
            Self::Cookie(cookies) => Ok(cookies.find(at.scope, at.name, cookie, now)),
        }
    }

    /// Whether one that takes so many octets would find room here; asked before the work of making it.
    pub(crate) fn has_room(&self, owner: Owner<'_>, octets: usize, now: Time) -> Result<(), Full> {
        match self {
            Self::Memory(memory) => memory.has_room(owner, octets, now),
            Self::Disk(disk) => disk.memory().has_room(owner, octets, now),
            Self::Redis(_) | Self::Cookie(_) => Ok(()),
        }
    }

    /// What seals a new conversation into a cookie, where its client is to keep it.
    pub(crate) fn cookies(&self) -> Option<Arc<Cookies>> {
        if let Self::Cookie(cookies) = self { Some(Arc::clone(cookies)) } else { None }
    }

    /// Keeps a conversation. When this is done, it may be handed out.
    pub(crate) async fn put(
        &self,
        at: At<'_>,
        context: Arc<Context>,
        lease: Lease<'_>,
        now: Time,
    ) -> Result<(), NotKept> {
        match self {
            Self::Memory(memory) => Ok(memory.put(&at.whole(), context, lease, now)?),
            Self::Disk(disk) => disk.put(&at.whole(), context, lease, now).await,
            Self::Redis(shared) => Ok(shared.put(at.scope, &context, &lease, now).await?),
            Self::Cookie(_) => Ok(()),
        }
    }

    /// Whether one that another was made to replace, which is kept by now, was not ended meanwhile: then the other is not to be
    /// handed out.
    pub(crate) fn goes_on(&self, replaced: At<'_>, now: Time) -> bool {
        match self {
            Self::Memory(memory) => memory.find(&replaced.whole(), now).is_some(),
            Self::Disk(disk) => disk.memory().find(&replaced.whole(), now).is_some(),
            // Redis does not keep a new key without the old one, and what clients keep is asked for with each message.
            Self::Redis(_) | Self::Cookie(_) => true,
        }
    }

    /// It was used: it lives for as long as `idle` says, or else its whole life.
    pub(crate) fn used(&self, at: At<'_>, idle: Option<Duration>, now: Time) {
        let until = idle.map(|idle| now.plus(idle));
        match self {
            Self::Memory(memory) => {
                memory.used(&at.whole(), until, now);
            }
            Self::Disk(disk) => disk.used(&at.whole(), idle, now),
            Self::Redis(shared) => shared.used(at.scope, at.name, until, now),
            Self::Cookie(_) => {}
        }
    }

    /// Lets it end at `end`, if it would end later.
    pub(crate) fn retire(&self, at: At<'_>, end: Time, now: Time) {
        match self {
            Self::Memory(memory) => {
                memory.retire(&at.whole(), end);
            }
            Self::Disk(disk) => disk.retire(&at.whole(), end),
            Self::Redis(shared) => shared.retire(at.scope, at.name, end, now),
            // What a client has is good for as long as it says.
            Self::Cookie(_) => {}
        }
    }

    /// Ends it, with what was renewed of it where that is all the same. Whether it was there; of several at once, one is told so.
    pub(crate) async fn remove(&self, at: At<'_>, context: &Context, now: Time) -> Result<bool, NotKept> {
        match self {
            Self::Memory(memory) => Ok(memory.remove(&at.whole()).is_some()),
            Self::Disk(disk) => disk.remove(&at.whole()).await,
            Self::Redis(shared) => Ok(shared.remove(at.scope, at.name, &owner(&context.principal), now).await?),
            Self::Cookie(cookies) => {
                if cookies.is_cut(context) {
                    return Ok(false);
                }
                // No other key of it lives longer from now on than this one did from its beginning.
                let life = context.expires.millis().saturating_sub(context.created.millis());
                let until = Time::from_millis(now.millis().saturating_add(life)).max(context.expires);
                cookies.cancel(context.conversation, until, now)?;
                Ok(true)
            }
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
