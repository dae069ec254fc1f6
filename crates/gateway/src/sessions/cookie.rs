//! Conversations that their clients keep: each request brings its context along, in the cookie of its token, sealed under the
//! key ring. Any process that has the ring knows it, whenever it was started and however many there are.
//!
//! Nothing is kept here that is needed. What was opened lately is kept opened, so that a conversation's keys are derived once;
//! and what an administrator cut, until it would have ended.

use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::hash;
use nuncio_crypto::random::Random;
use nuncio_policy::model::{Include, Policy};
use nuncio_wss::{Context, ConversationId, MAX_COOKIE, Restorer, Time};

use super::accounts::Room;
use super::cuts::{Cut, Cuts, CutsFull};
use super::memory::{Lease, Memory, Owner};
use crate::keyring::{Binding, KeyRing, Keys, NotSealed};

/// What a sealed context is for.
const PURPOSE: &str = "cookie";
/// For how long a context that nobody uses is kept opened.
const KEPT: Duration = Duration::from_mins(10);

/// How much may be kept beside what clients keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CookieLimits {
    /// Contexts that were opened lately, in octets. Where there are more than have room, some are opened with every request.
    pub opened: usize,
    /// Those of them whose derived keys are kept.
    pub hot: usize,
    /// What was cut, in octets; where that is full, nothing more can be cut.
    pub cuts: usize,
}

/// A context that was opened.
pub struct Known {
    /// The context.
    pub context: Arc<Context>,
    /// A digest of the cookie that it was in.
    cookie: [u8; 32],
}

/// Why a context has no cookie.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoCookie {
    /// A name in it is so long that the cookie would not be taken again.
    #[error("its cookie would have more than 2 KiB: the name of whoever asks for it is too long")]
    TooLong,
    /// Nothing can be sealed.
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
}

/// Whether the clients of a policy bring the token of their conversation with every request, for the cookie in it. Those of a
/// policy without conversations have none to bring.
pub fn is_brought(policy: &Policy) -> bool {
    let always = |include| matches!(include, Include::AlwaysToRecipient | Include::Always);
    policy.conversation().is_none_or(|token| always(token.include))
}

/// The contexts that clients keep, of all routes: each is sealed for its route, its identifier and its instance, and is nothing
/// elsewhere.
pub struct Cookies {
    keys: Arc<Keys>,
    restorer: Restorer,
    opened: Memory<Known>,
    /// What an administrator cut.
    cuts: Cuts,
    /// What clients cancelled: however much that is, it takes no place from the others.
    cancelled: Cuts,
}

impl Cookies {
    /// Contexts sealed under that ring, or whichever takes its place.
    pub fn new(keys: Arc<Keys>, limits: CookieLimits) -> Self {
        Self {
            keys,
            restorer: Restorer::new(limits.hot),
            opened: Memory::new(Room::of(limits.opened), Room::of(limits.opened)),
            cuts: Cuts::new(limits.cuts),
            cancelled: Cuts::new(limits.cuts),
        }
    }

    /// The cookie of a new context of the route that `scope` names. Whether what it was drawn from was random is the caller's to
    /// ask.
    pub fn seal(
        &self,
        scope: &str,
        context: &Context,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, NoCookie> {
        let record = context.record().ok_or(NoCookie::TooLong)?;
        let name = context.name();
        let cookie = self.keys.ring().seal(&record, binding(scope, &name), now, random)?;
        if cookie.len() > MAX_COOKIE { Err(NoCookie::TooLong) } else { Ok(cookie) }
    }

    /// The context of that name, on that route, from its cookie. A message that names it without its token brings none: then it
    /// is known if it was opened lately, and not cut off by a change of the ring. Why there is none is nobody's to know.
    pub fn find(&self, scope: &str, name: &str, cookie: Option<&[u8]>, now: Time) -> Option<Arc<Context>> {
        let ring = self.keys.ring();
        let key = key(&ring, scope, name);
        let digest = cookie.map(digest);
        let known = self.opened.find(&key, now).filter(|known| digest.is_none_or(|digest| digest == known.cookie));
        let context = match (known, cookie) {
            (Some(known), _) => {
                self.opened.used(&key, Some(now.plus(KEPT)), now);
                Arc::clone(&known.context)
            }
            (None, Some(cookie)) => self.open(&ring, scope, name, cookie, now)?,
            (None, None) => return None,
        };
        (!self.is_cut(&context)).then_some(context)
    }

    fn open(&self, ring: &KeyRing, scope: &str, name: &str, cookie: &[u8], now: Time) -> Option<Arc<Context>> {
        if cookie.len() > MAX_COOKIE {
            return None;
        }
        let record = ring.open(cookie, binding(scope, name), now).ok()?;
        let context = self.restorer.restore(&record).ok().filter(|context| context.name() == name)?;
        if context.expires <= now {
            return None;
        }
        let context = Arc::new(context);
        // Under a ring that takes this one's place it is opened anew, so that a key which is taken away opens nothing more.
        let end = ring.retires(cookie).map_or(context.expires, |retires| context.expires.min(retires));
        let octets = context.octets() + context.principal.octets() + size_of::<Known>();
        let owner = Owner { name: "", octets: 0 };
        let lease = Lease { owner, octets, pending: now.plus(KEPT), end, idle: None };
        let known = Known { context: Arc::clone(&context), cookie: digest(cookie) };
        // Where there is no room it is opened again next time.
        let _ = self.opened.put(&key(ring, scope, name), Arc::new(known), lease, now);
        Some(context)
    }

    /// The contexts that were opened lately: all that can be told of those that clients keep.
    pub fn opened(&self) -> &Memory<Known> {
        &self.opened
    }

    /// Cuts conversations of all routes; how many of them are known here. `until` is when the last of them would end: until then
    /// this process refuses them. Another one that has the same ring does not know, unless it is told too.
    pub fn cut(&self, cut: Cut<'_>, until: Time, now: Time) -> Result<usize, CutsFull> {
        self.cuts.cut(&cut, until, now)?;
        let known = self.opened.look(None, usize::MAX, now, |known| cut.means(&known.context)).len();
        let _ = self.opened.cut(now, |known| cut.means(&known.context));
        Ok(known)
    }

    /// Ends a conversation whose client cancels it, as [`Cookies::cut`] does.
    pub fn cancel(&self, conversation: ConversationId, until: Time, now: Time) -> Result<(), CutsFull> {
        let cut = Cut::Conversation(conversation);
        self.cancelled.cut(&cut, until, now)?;
        let _ = self.opened.cut(now, |known| cut.means(&known.context));
        Ok(())
    }

    /// Whether a conversation was cut, or cancelled.
    pub fn is_cut(&self, context: &Context) -> bool {
        self.cuts.has(context) || self.cancelled.has(context)
    }
}

fn binding<'a>(scope: &'a str, name: &'a str) -> Binding<'a> {
    Binding { purpose: PURPOSE, scope, name: name.as_bytes() }
}

fn digest(cookie: &[u8]) -> [u8; 32] {
    hash(DigestAlgorithm::Sha256, cookie).as_ref().first_chunk().copied().unwrap_or_default()
}

/// Under what a context is kept that was opened with that ring.
fn key(ring: &KeyRing, scope: &str, name: &str) -> String {
    format!("{} {} {scope} {name}", ring.epoch(), scope.len())
}

#[cfg(test)]
pub(crate) mod tests;
