//! Keys derived from those of conversations, kept while a conversation is hot: peers derive theirs from the same nonces in
//! message after message, and what is derived once is not derived again.
//!
//! The keys are in a table of fixed size, not in the contexts: what many idle conversations take does not grow by it. A
//! context holds a [`Lease`] of the table, and its keys are gone from there when the context is.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nuncio_crypto::derive::{self, TooLong};
use nuncio_crypto::secret::Secret;

/// Contexts that share a lock and compete for room.
const WAYS: usize = 4;

/// Keys of one context: a peer signs with one and encrypts with another; the rest is for those that change them.
const KEYS: usize = 4;

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
    /// Which key the next one displaces when there is no more room.
    oldest: usize,
}

struct Derived {
    label: Vec<u8>,
    nonce: Vec<u8>,
    range: Range<usize>,
    key: Secret,
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
            set.ways.iter().map(|way| way.keys.len()).sum::<usize>()
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
