//! Conversations that were found lately, in this process's memory: for a moment they are answered without Redis, and for a while
//! longer they need not be opened again.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::Hasher;
use nuncio_wss::{Context, Time};

use super::hex;
use super::record::{Key, Life};
use crate::sessions::{Lease, Memory, Owner, Room};

/// For how long one is kept that nobody asks for.
const KEPT: Duration = Duration::from_mins(1);
/// What a conversation takes beside its context, in octets: where it is in the table, and itself with the counts of who has it.
const ENTRY: usize = size_of::<Found>() + 32;

/// A conversation that was found.
pub(super) struct Found {
    pub(super) context: Arc<Context>,
    /// The latest end that it was given.
    full: Time,
    /// Of what was opened to find it.
    sealed: Digest,
    life: Mutex<Life>,
    /// When that was what Redis said, on the steady clock.
    asked: AtomicI64,
}

/// A digest of what is sealed.
pub(super) type Digest = [u8; 32];

/// The digest of what is sealed.
pub(super) fn digest(epoch: u64, sealed: &[u8]) -> Digest {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    hasher.update(&epoch.to_be_bytes());
    hasher.update(sealed);
    hasher.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

impl Found {
    pub(super) fn new(context: Arc<Context>, full: Time, sealed: Digest, life: Life, asked: i64) -> Self {
        let found = Self { context, full, sealed, life: Mutex::new(life), asked: AtomicI64::new(asked) };
        found.learn(life);
        found
    }

    /// Whether it was opened from that.
    pub(super) fn is_of(&self, sealed: &Digest) -> bool {
        self.sealed == *sealed
    }

    /// Its life as Redis has it.
    pub(super) fn life(&self) -> Life {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes its life as Redis has it. No head gives it more than what was sealed.
    pub(super) fn learn(&self, mut life: Life) {
        life.full = life.full.min(self.full);
        life.end = life.end.min(life.full);
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
    }

    /// Redis said so at that moment of the steady clock.
    pub(super) fn said(&self, life: Life, at: i64) {
        self.learn(life);
        self.asked.store(at, Ordering::Relaxed);
    }

    /// Whether Redis said so within that time.
    pub(super) fn is_fresh(&self, within: Duration, at: i64) -> bool {
        let age = at.saturating_sub(self.asked.load(Ordering::Relaxed));
        age >= 0 && u128::from(age.unsigned_abs()) < within.as_millis()
    }
}

/// Conversations that were found lately.
pub(super) struct Local {
    memory: Memory<Found>,
    /// How often one was ended here: what was read before that is not put back.
    ended: AtomicU64,
}

impl Local {
    pub(super) fn new(octets: usize) -> Self {
        Self { memory: Memory::new(Room::of(octets), Room::of(octets)), ended: AtomicU64::new(0) }
    }

    pub(super) fn find(&self, key: &Key, now: Time) -> Option<Arc<Found>> {
        self.memory.find(&hex(key), now)
    }

    /// How many were ended here so far: said to [`Local::keep`] of what was read after.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// Keeps one for a while, if there is room and none was ended here since `ended` was asked.
    pub(super) fn keep(&self, key: &Key, found: &Arc<Found>, ended: u64, now: Time) {
        let name = hex(key);
        let octets = found.context.octets() + found.context.principal.octets() + ENTRY;
        let until = now.plus(KEPT);
        let owner = Owner { name: "", octets: 0 };
        let lease = Lease { owner, octets, pending: until, end: Time::from_millis(i64::MAX), idle: None };
        // What there is no room for is asked of Redis each time.
        let _ = self.memory.put(&name, Arc::clone(found), lease, now);
        if self.ended() != ended {
            self.memory.remove(&name);
        }
    }

    /// Keeps it a while longer.
    pub(super) fn keep_on(&self, key: &Key, now: Time) {
        self.memory.used(&hex(key), Some(now.plus(KEPT)), now);
    }

    /// Redis said that of one, if it is here.
    pub(super) fn learn(&self, key: &Key, life: Life, now: Time) {
        if let Some(found) = self.find(key, now) {
            found.learn(life);
        }
    }

    /// It is not in Redis.
    pub(super) fn forget(&self, key: &Key) {
        self.memory.remove(&hex(key));
    }

    /// It is ended here: what was read of it before is not kept either.
    pub(super) fn end(&self, key: &Key) {
        // In this order: who keeps one counts again behind that.
        self.ended.fetch_add(1, Ordering::SeqCst);
        self.forget(key);
    }
}

#[cfg(test)]
mod tests {
    use nuncio_wss::{Restorer, V13};

    use super::*;

    fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    fn life(end: i64) -> Life {
        Life { end: at(end), full: at(end), used: None }
    }

    fn found(asked: i64) -> Arc<Found> {
        let mut record = vec![1];
        for part in [V13.conversation, "urn:uuid:1", "", ""] {
            record.extend_from_slice(&u16::try_from(part.len()).unwrap().to_be_bytes());
            record.extend_from_slice(part.as_bytes());
        }
        // Nobody's, with a number, two instants and a key of one octet.
        record.push(0);
        record.extend_from_slice(&[0; 32]);
        record.extend_from_slice(&[0, 1, 7]);
        let context = Restorer::new(4).restore(&record).unwrap();
        Arc::new(Found::new(Arc::new(context), at(1000), [0; 32], life(500), asked))
    }

    const KEY: Key = [1; 16];

    #[test]
    fn what_was_read_before_one_was_ended_is_not_kept() {
        let local = Local::new(1 << 20);
        let before = local.ended();
        local.keep(&KEY, &found(0), before, at(0));
        assert!(local.find(&KEY, at(0)).is_some());
        local.end(&KEY);
        assert!(local.find(&KEY, at(0)).is_none());
        local.keep(&KEY, &found(0), before, at(0));
        assert!(local.find(&KEY, at(0)).is_none(), "it may have been read before");
        local.keep(&KEY, &found(0), local.ended(), at(0));
        assert!(local.find(&KEY, at(0)).is_some());
        // That Redis has none ends nothing here: others are kept.
        let before = local.ended();
        local.forget(&[2; 16]);
        local.keep(&KEY, &found(0), before, at(0));
        assert!(local.find(&KEY, at(0)).is_some());
    }

    #[test]
    fn what_nobody_asks_for_is_not_kept_for_ever() {
        let local = Local::new(1 << 20);
        local.keep(&KEY, &found(0), 0, at(0));
        assert!(local.find(&KEY, at(59_999)).is_some());
        local.keep_on(&KEY, at(30_000));
        assert!(local.find(&KEY, at(89_999)).is_some() && local.find(&KEY, at(90_000)).is_none());
        // Nor more than there is room for.
        let small = Local::new(4096);
        for number in 0..100 {
            small.keep(&[number; 16], &found(0), 0, at(0));
        }
        let kept = (0..100).filter(|number| small.find(&[*number; 16], at(0)).is_some()).count();
        assert!((1..12).contains(&kept), "{kept}");
        small.keep(&[200; 16], &found(0), 0, at(60_000));
        assert!(small.find(&[200; 16], at(60_000)).is_some(), "what is over makes room");
    }

    /// On the steady clock, and not where that was another's.
    #[test]
    fn what_redis_said_is_believed_for_a_moment() {
        let found = found(5000);
        let within = Duration::from_secs(1);
        for (now, fresh) in [(5000, true), (5999, true), (6000, false), (4999, false), (i64::MIN, false)] {
            assert_eq!(found.is_fresh(within, now), fresh, "{now}");
        }
        assert!(!found.is_fresh(Duration::ZERO, 5000), "nor at all, if that is said");
        found.said(life(2000), 7000);
        assert!(found.is_fresh(within, 7999));
        assert_eq!(found.life(), life(1000), "no longer than was sealed");
    }
}
