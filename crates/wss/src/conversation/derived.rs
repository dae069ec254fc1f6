//! Keys derived from those of conversations, kept while a conversation is hot: peers derive theirs from the same nonces in
//! message after message, and so do we; what is derived once is not derived again.
//!
//! The keys are in a table of fixed size, not in the contexts: what many idle conversations take does not grow by it. A
//! context holds a [`Lease`] of the table, and its keys are gone from there when the context is.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nuncio_crypto::derive::{self, TooLong};
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;

/// Contexts that share a lock and compete for room.
const WAYS: usize = 4;

/// Keys of one context's peer: it signs with one and encrypts with another; the rest is for those that change them.
const KEYS: usize = 4;

/// For how many messages a key of ours serves. Each encrypts a few texts, of which 2³² would be too many in GCM
/// ([SP 800-38D] section 8.3).
const MESSAGES: u32 = 1 << 20;

/// Where derived keys of hot conversations are kept.
///
/// A peer that draws a new nonce for every message displaces its own keys and no others. A context displaces the one of
/// its neighbours that was used least recently.
pub(crate) struct DerivedKeys {
    sets: Vec<Mutex<Set>>,
    /// How many contexts there were: each gets the next number, so that neighbours are nobody's choice.
    contexts: AtomicU64,
}

#[derive(Default)]
struct Set {
    ways: [Way; WAYS],
    /// How often it was looked at.
    clock: u64,
}

/// The keys of one context.
#[derive(Default)]
struct Way {
    /// The number of the context; no context has zero.
    context: u64,
    /// The clock when it was last used.
    used: u64,
    keys: Vec<Derived>,
    /// Our own, one for each purpose.
    own: Vec<Own>,
    /// Which key the next one displaces when there is no more room.
    oldest: usize,
}

struct Derived {
    label: Vec<u8>,
    nonce: Vec<u8>,
    range: Range<usize>,
    key: Secret,
}

/// What a key of ours is for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// For signatures.
    Signing,
    /// For encryption.
    Encrypting,
}

/// The nonce of a derived key.
pub(crate) type Nonce = [u8; 16];

/// A key of ours: it is derived with the default label, from the beginning of the key stream.
struct Own {
    purpose: Purpose,
    nonce: Nonce,
    key: Secret,
    /// How many messages it still serves.
    left: u32,
}

/// A nonce that nobody had before, and the key that comes of it.
pub(crate) fn fresh(secret: &Secret, length: usize, random: &mut dyn Random) -> Result<(Nonce, Secret), TooLong> {
    let mut nonce = [0; 16];
    random.fill(&mut nonce);
    Ok((nonce, derive::derived_key(secret.expose(), derive::DEFAULT_LABEL, &nonce, 0..length)?))
}

impl Derived {
    fn is(&self, label: &[u8], nonce: &[u8], range: &Range<usize>) -> bool {
        self.nonce == nonce && self.range == *range && self.label == label
    }
}

impl DerivedKeys {
    /// A table with room for the keys of so many contexts, rounded up; for none where that is zero.
    pub(crate) fn new(contexts: usize) -> Arc<Self> {
        let sets = std::iter::repeat_with(Mutex::default).take(contexts.div_ceil(WAYS)).collect();
        Arc::new(Self { sets, contexts: AtomicU64::new(0) })
    }

    /// A lease for a new context.
    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        Lease { context: self.contexts.fetch_add(1, Ordering::Relaxed) + 1, keys: Arc::clone(self) }
    }

    /// The set of a context; none where nothing is kept.
    fn set(&self, context: u64) -> Option<MutexGuard<'_, Set>> {
        let at = context.checked_rem(self.sets.len() as u64)?;
        self.sets.get(usize::try_from(at).ok()?).map(|set| set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many keys are in it.
    #[cfg(test)]
    fn len(&self) -> usize {
        let keys = |set: &Mutex<Set>| {
            let set = set.lock().unwrap_or_else(PoisonError::into_inner);
            set.ways.iter().map(|way| way.keys.len() + way.own.len()).sum::<usize>()
        };
        self.sets.iter().map(keys).sum()
    }
}

impl Set {
    /// The keys of a context, which has just been used.
    fn find(&mut self, context: u64) -> Option<&mut Way> {
        self.clock += 1;
        let way = self.ways.iter_mut().find(|way| way.context == context)?;
        way.used = self.clock;
        Some(way)
    }

    /// The keys of a context, in the place of those that were used least recently if there were none.
    fn make(&mut self, context: u64) -> Option<&mut Way> {
        if self.find(context).is_none() {
            let idle = self.ways.iter_mut().min_by_key(|way| way.used)?;
            *idle = Way { context, used: self.clock, ..Way::default() };
        }
        self.find(context)
    }
}

impl Way {
    /// Our own key for that purpose, if there is one.
    fn own(&mut self, purpose: Purpose, length: usize) -> Option<(Nonce, Secret)> {
        let own = self.own.iter_mut().find(|own| own.purpose == purpose && own.key.len() == length)?;
        own.left = own.left.checked_sub(1)?;
        Some((own.nonce, own.key.clone()))
    }

    fn keep_own(&mut self, own: Own) {
        self.own.retain(|other| other.purpose != own.purpose);
        self.own.push(own);
    }

    fn keep(&mut self, derived: Derived) {
        if self.keys.len() < KEYS {
            self.keys.push(derived);
        } else {
            self.keys[self.oldest] = derived;
            self.oldest = (self.oldest + 1) % KEYS;
        }
    }
}

/// A context's part of the table. What it keeps there ends with it.
pub(crate) struct Lease {
    context: u64,
    keys: Arc<DerivedKeys>,
}

impl Lease {
    /// The key that `nuncio_crypto::derive::derived_key` gives, the one of before where that was asked for already. `secret`
    /// is the context's key, always the same one.
    pub(crate) fn derive(
        &self,
        secret: &Secret,
        label: &[u8],
        nonce: &[u8],
        range: Range<usize>,
    ) -> Result<Secret, TooLong> {
        let kept = self.keys.set(self.context).and_then(|mut set| {
            let way = set.find(self.context)?;
            way.keys.iter().find(|derived| derived.is(label, nonce, &range)).map(|derived| derived.key.clone())
        });
        if let Some(key) = kept {
            return Ok(key);
        }
        // Nobody waits for this.
        let key = derive::derived_key(secret.expose(), label, nonce, range.clone())?;
        if let Some(mut set) = self.keys.set(self.context)
            && let Some(way) = set.make(self.context)
            && !way.keys.iter().any(|derived| derived.is(label, nonce, &range))
        {
            way.keep(Derived { label: label.to_vec(), nonce: nonce.to_vec(), range, key: key.clone() });
        }
        Ok(key)
    }
}

impl Lease {
    /// A key of ours for that purpose and its nonce: those of the message before, until they have served long enough or had
    /// to go. `secret` is the context's key, always the same one.
    pub(crate) fn own(
        &self,
        secret: &Secret,
        purpose: Purpose,
        length: usize,
        random: &mut dyn Random,
    ) -> Result<(Nonce, Secret), TooLong> {
        let kept = self.keys.set(self.context).and_then(|mut set| set.find(self.context)?.own(purpose, length));
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let (nonce, key) = fresh(secret, length, random)?;
        if let Some(mut set) = self.keys.set(self.context)
            && let Some(way) = set.make(self.context)
        {
            way.keep_own(Own { purpose, nonce, key: key.clone(), left: MESSAGES });
        }
        Ok((nonce, key))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(mut set) = self.keys.set(self.context)
            && let Some(way) = set.ways.iter_mut().find(|way| way.context == self.context)
        {
            *way = Way::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &[u8] = derive::DEFAULT_LABEL;

    fn secret(octet: u8) -> Secret {
        Secret::new(vec![octet; 32])
    }

    fn derive(lease: &Lease, secret: &Secret, nonce: u64) -> Secret {
        lease.derive(secret, LABEL, &nonce.to_be_bytes(), 0..32).expect("derived")
    }

    /// Whether it is the very key of before, not one that was derived again.
    fn same(one: &Secret, other: &Secret) -> bool {
        one.expose().as_ptr() == other.expose().as_ptr()
    }

    #[test]
    fn keys_are_derived_once() {
        let keys = DerivedKeys::new(64);
        let (lease, secret) = (keys.lease(), secret(1));
        let first = derive(&lease, &secret, 1);
        assert!(same(&first, &derive(&lease, &secret, 1)));
        let expected = derive::derived_key(secret.expose(), LABEL, &1_u64.to_be_bytes(), 0..32).expect("derived");
        assert!(first.matches(expected.expose()));
        assert_eq!(keys.len(), 1);
    }

    /// Whatever is asked for otherwise is another key, of another context too.
    #[test]
    fn everything_about_a_key_tells_it() {
        let keys = DerivedKeys::new(64);
        let (lease, other) = (keys.lease(), keys.lease());
        let ask = |lease: &Lease, octet: u8, label: &[u8], nonce: &[u8], range: Range<usize>| {
            lease.derive(&secret(octet), label, nonce, range).expect("derived").expose().to_vec()
        };
        let asked = [
            ask(&lease, 1, LABEL, b"nonce", 0..32),
            ask(&lease, 1, b"label", b"nonce", 0..32),
            ask(&lease, 1, LABEL, b"other", 0..32),
            ask(&lease, 1, LABEL, b"nonce", 32..64),
            ask(&other, 2, LABEL, b"nonce", 0..32),
        ];
        for (at, key) in asked.iter().enumerate() {
            assert!(!asked[..at].contains(key), "{at}");
        }
        assert_eq!(ask(&lease, 1, LABEL, b"nonce", 0..16), asked[0][..16]);
        assert_eq!(ask(&lease, 1, LABEL, b"nonce", 0..32), asked[0]);
        assert!(lease.derive(&secret(1), LABEL, b"nonce", 0..derive::MAX_STREAM + 1).is_err());
    }

    /// A flood of nonces in one conversation displaces no other's keys, and the table never holds more than its bound.
    #[test]
    fn a_flood_displaces_its_own_keys_alone() {
        let keys = DerivedKeys::new(64);
        let leases: Vec<Lease> = (0..64).map(|_| keys.lease()).collect();
        let hot: Vec<[Secret; 2]> =
            leases[1..].iter().map(|lease| [derive(lease, &secret(1), 1), derive(lease, &secret(1), 2)]).collect();
        for nonce in 0..10_000 {
            derive(&leases[0], &secret(2), nonce);
        }
        for (lease, [signing, encrypting]) in leases[1..].iter().zip(&hot) {
            assert!(same(signing, &derive(lease, &secret(1), 1)));
            assert!(same(encrypting, &derive(lease, &secret(1), 2)));
        }
        assert_eq!(keys.len(), 63 * 2 + KEYS);
    }

    /// A flood of conversations displaces those that are idle, while one that is used between them stays.
    #[test]
    fn a_flood_of_conversations_leaves_what_is_hot() {
        let keys = DerivedKeys::new(64);
        let hot = keys.lease();
        let key = derive(&hot, &secret(1), 1);
        let mut leases = Vec::new();
        for _ in 0..1000 {
            let lease = keys.lease();
            for nonce in 0..8 {
                derive(&lease, &secret(2), nonce);
            }
            leases.push(lease);
            assert!(same(&key, &derive(&hot, &secret(1), 1)));
            assert!(keys.len() <= 64 * KEYS);
        }
        assert!(keys.len() > 63 * KEYS - KEYS);
    }

    /// Numbers that are other ones each time.
    struct Numbers(u8);

    impl Random for Numbers {
        fn fill(&mut self, out: &mut [u8]) {
            self.0 = self.0.wrapping_add(1);
            out.fill(self.0);
        }
    }

    /// Ours are one for each purpose, and other ones in another conversation, at another length, and after long use.
    #[test]
    fn our_own_keys_serve_again() {
        let keys = DerivedKeys::new(64);
        let (lease, other, mut random) = (keys.lease(), keys.lease(), Numbers(0));
        let mut own = |lease: &Lease, purpose, length| {
            let (nonce, key) = lease.own(&secret(1), purpose, length, &mut random).expect("derived");
            let expected = derive::derived_key(secret(1).expose(), LABEL, &nonce, 0..length).expect("derived");
            assert!(key.matches(expected.expose()));
            nonce
        };
        let signing = own(&lease, Purpose::Signing, 24);
        let encrypting = own(&lease, Purpose::Encrypting, 32);
        assert_ne!(signing, encrypting);
        assert_eq!(own(&lease, Purpose::Signing, 24), signing);
        assert_eq!(own(&lease, Purpose::Encrypting, 32), encrypting);
        assert_ne!(own(&other, Purpose::Signing, 24), signing);
        assert_ne!(own(&lease, Purpose::Encrypting, 16), encrypting);
        assert_eq!(keys.len(), 3);
        let way = |at: usize| keys.sets[1].lock().expect("no thread failed").ways[at].own[0].left;
        assert_eq!(way(0), MESSAGES - 1);
        keys.sets[1].lock().expect("no thread failed").ways[0].own[0].left = 0;
        assert_ne!(own(&lease, Purpose::Signing, 24), signing);
        drop((lease, other));
        assert_eq!(keys.len(), 0);
    }

    #[test]
    fn keys_end_with_their_context() {
        let keys = DerivedKeys::new(64);
        let (lease, other) = (keys.lease(), keys.lease());
        derive(&lease, &secret(1), 1);
        derive(&lease, &secret(1), 2);
        derive(&other, &secret(2), 1);
        assert_eq!(keys.len(), 3);
        drop(lease);
        assert_eq!(keys.len(), 1);
        drop(other);
        assert_eq!(keys.len(), 0);
    }

    #[test]
    fn no_room_keeps_nothing() {
        let keys = DerivedKeys::new(0);
        let lease = keys.lease();
        assert!(!same(&derive(&lease, &secret(1), 1), &derive(&lease, &secret(1), 1)));
        assert_eq!(keys.len(), 0);
    }

    #[test]
    fn several_threads_share_a_table() {
        let keys = DerivedKeys::new(8);
        std::thread::scope(|scope| {
            for octet in 0..4 {
                let keys = &keys;
                scope.spawn(move || {
                    for nonce in 0..1000 {
                        let (lease, secret) = (keys.lease(), secret(octet));
                        let expected = derive::derived_key(secret.expose(), LABEL, &u64::to_be_bytes(nonce), 0..32);
                        assert!(derive(&lease, &secret, nonce).matches(expected.expect("derived").expose()));
                    }
                });
            }
        });
        assert_eq!(keys.len(), 0);
    }
}
