//! Conversations that were cut and cannot be taken out of anywhere, since their clients keep them: they are known again until
//! they would have ended.
//!
//! That is the best that can be done, and not more: it is known to this process, and forgotten with it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::Hasher;
use nuncio_wss::{Context, ConversationId, Principal, Time};

/// What one may take, in octets: 33 a slot, of which a table that has just grown uses 7 in 16.
const CUT: usize = 80;

/// What is cut.
#[derive(Clone, Copy, Debug)]
pub enum Cut<'a> {
    /// The conversation of that number, under all its keys.
    Conversation(ConversationId),
    /// The conversations that somebody has begun so far.
    Of {
        /// His name, or whosever certificate that issuer issued.
        principal: Option<&'a str>,
        /// Who issued his certificate, or whoever did.
        issuer: Option<&'a str>,
    },
}

/// The same, for whoever passes it on.
#[derive(Clone, Debug)]
pub enum Meant {
    /// The conversation of that number, under all its keys.
    Conversation(ConversationId),
    /// As [`Cut::Of`] has it. Of nobody in particular: all.
    Of {
        /// His name.
        principal: Option<String>,
        /// Who issued his certificate.
        issuer: Option<String>,
    },
}

impl Meant {
    /// What is to be cut.
    pub fn cut(&self) -> Cut<'_> {
        match self {
            Self::Conversation(id) => Cut::Conversation(*id),
            Self::Of { principal, issuer } => Cut::Of { principal: principal.as_deref(), issuer: issuer.as_deref() },
        }
    }

    /// Whether a conversation is meant.
    pub fn means(&self, context: &Context) -> bool {
        matches!(self, Self::Of { principal: None, issuer: None }) || self.cut().means(context)
    }
}

/// There is no room to remember one more, and all of them are needed still: it is not cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list of what was cut is full")]
pub struct CutsFull;

/// A digest of what was cut.
type Key = [u8; 16];

/// What it cut, and until when that must be known.
#[derive(Clone, Copy)]
struct Entry {
    /// Conversations that were begun by then.
    begun: Time,
    until: Time,
}

/// What was cut, within bounds.
pub(super) struct Cuts {
    entries: RwLock<HashMap<Key, Entry>>,
    capacity: usize,
}

impl Cut<'_> {
    fn key(&self) -> Key {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        match self {
            Self::Conversation(id) => {
                hasher.update(b"c");
                hasher.update(&id.0);
            }
            Self::Of { principal, issuer } => {
                hasher.update(b"p");
                for name in [principal, issuer] {
                    // What is not said is another than what is empty.
                    let length = name.map_or(u64::MAX, |name| name.len() as u64);
                    hasher.update(&length.to_be_bytes());
                    hasher.update(name.unwrap_or_default().as_bytes());
                }
            }
        }
        hasher.finish().as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Whether a conversation that there was already is meant.
    pub(super) fn means(&self, context: &Context) -> bool {
        match self {
            Self::Conversation(id) => context.conversation == *id,
            Self::Of { principal: None, issuer: None } => false,
            Self::Of { principal, issuer } => {
                principal.is_none_or(|name| context.principal.name() == Some(name))
                    && issuer.is_none_or(|name| issuer_of(context) == Some(name))
            }
        }
    }

    /// All that would mean a conversation.
    fn all(context: &Context) -> impl Iterator<Item = Cut<'_>> {
        let (principal, issuer) = (context.principal.name(), issuer_of(context));
        let of = [(principal, None), (None, issuer), (principal, issuer)];
        let of = of.into_iter().map(|(principal, issuer)| Cut::Of { principal, issuer });
        std::iter::once(Cut::Conversation(context.conversation)).chain(of).filter(|cut| cut.means(context))
    }
}

fn issuer_of(context: &Context) -> Option<&str> {
    match &*context.principal {
        Principal::Certificate(holder) => Some(&holder.issuer),
        Principal::Anonymous | Principal::User(_) => None,
    }
}

impl Cuts {
    /// A list of at most so many octets.
    pub(super) fn new(octets: usize) -> Self {
        Self { entries: RwLock::default(), capacity: octets / CUT }
    }

    /// Cuts what there is at `now`, of which nothing lives beyond `until`. What somebody begins afterwards is another.
    pub(super) fn cut(&self, cut: &Cut<'_>, until: Time, now: Time) -> Result<(), CutsFull> {
        let key = cut.key();
        let mut entries = self.write();
        if !entries.contains_key(&key) && entries.len() >= self.capacity {
            entries.retain(|_, entry| entry.until > now);
            if entries.len() >= self.capacity {
                return Err(CutsFull);
            }
        }
        let begun = match cut {
            // Whichever machine's clock it was begun by.
            Cut::Conversation(_) => Time::from_millis(i64::MAX),
            Cut::Of { .. } => now,
        };
        let entry = entries.entry(key).or_insert(Entry { begun, until });
        *entry = Entry { begun: entry.begun.max(begun), until: entry.until.max(until) };
        Ok(())
    }

    /// Whether a conversation was cut.
    pub(super) fn has(&self, context: &Context) -> bool {
        let entries = self.read();
        !entries.is_empty()
            && Cut::all(context).any(|cut| entries.get(&cut.key()).is_some_and(|entry| context.created <= entry.begun))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Key, Entry>> {
        // Every change under the lock is whole before anything can panic.
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Key, Entry>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}
