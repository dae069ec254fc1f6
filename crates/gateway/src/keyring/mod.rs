//! Keys of the gateway's own: what it keeps outside its memory, or gives into a client's hands, is sealed with one of them.
//!
//! A ring has several, so that one can take the place of another without a message lost: each machine of a farm is given the new
//! key before any seals with it (`activate`), and keeps the old one until what it sealed is over (`retire`). Its epoch counts
//! its changes: a ring that is older than the one in use is not put in its place.

mod file;

use std::cmp::Ordering;
use std::sync::Arc;

use arc_swap::ArcSwap;
use nuncio_crypto::Undecryptable;
use nuncio_crypto::algorithm::{DigestAlgorithm, MacAlgorithm};
use nuncio_crypto::digest::hash;
use nuncio_crypto::mac::mac;
use nuncio_crypto::random::Random;
use nuncio_crypto::sealed::{KEY_BYTES, OVERHEAD, SealingKey};
use nuncio_crypto::secret::Secret;
use nuncio_wss::{Tenure, Time};
use zeroize::{Zeroize, Zeroizing};

pub use file::{BadRing, read, write};

/// The version of what is sealed, its first octet.
const VERSION: u8 = 1;
/// The longest name of a key, in octets.
const ID_BYTES: usize = 32;

/// What is sealed is for: it opens for the same alone.
///
/// Where it is kept must not matter to what it is: a record under another's name, of another route or of another use is none.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// What use it is of, such as `session`.
    pub purpose: &'static str,
    /// Whose it is, such as a route.
    pub scope: &'a str,
    /// Which it is of all that are that.
    pub name: &'a [u8],
}

impl Binding<'_> {
    /// It and the head of what is sealed, each part after its length.
    fn octets(&self, head: &[u8]) -> Vec<u8> {
        let parts = [head, self.purpose.as_bytes(), self.scope.as_bytes(), self.name];
        let mut octets = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            octets.extend_from_slice(&(part.len() as u64).to_be_bytes());
            octets.extend_from_slice(part);
        }
        octets
    }
}

/// Why nothing can be sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotSealed {
    /// No key of the ring seals at this time.
    #[error("no key of the key ring is active")]
    Inactive,
    /// It has gigabytes.
    #[error("it is too long to be sealed")]
    TooLong,
}

/// One key.
struct RingKey {
    id: Box<str>,
    tenure: Tenure,
    key: SealingKey,
    /// The key of its marks.
    marks: Secret,
    /// By which it is known whether two rings have the same key.
    digest: [u8; 32],
}

impl RingKey {
    /// `None` for octets of another number than [`KEY_BYTES`].
    fn new(id: Box<str>, tenure: Tenure, octets: &Secret) -> Option<Self> {
        let key = SealingKey::new(octets)?;
        let digest = *hash(DigestAlgorithm::Sha256, octets.expose()).as_ref().first_chunk()?;
        let mut tag = mac(MacAlgorithm::HmacSha256, octets.expose(), &[b"nuncio marks"]);
        let marks = Secret::new(tag.as_ref().to_vec());
        tag.zeroize();
        Some(Self { id, tenure, key, marks, digest })
    }
}

/// Keys, of which one seals and all open.
pub struct KeyRing {
    /// How often it was changed.
    epoch: u64,
    keys: Vec<RingKey>,
}

impl KeyRing {
    /// How often it was changed.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The name of the key that seals at `now`.
    pub fn active(&self, now: Time) -> Result<&str, NotSealed> {
        self.sealing(now).map(|key| &*key.id)
    }

    fn sealing(&self, now: Time) -> Result<&RingKey, NotSealed> {
        Tenure::newest(self.keys.iter().map(|key| &key.tenure), now).map(|at| &self.keys[at]).ok_or(NotSealed::Inactive)
    }

    fn gives_way_to(&self, ring: &Self) -> Result<(), NotReplaced> {
        let (used, given) = (self.epoch, ring.epoch);
        let known = |key: &RingKey| (key.id.clone(), key.tenure, key.digest);
        match given.cmp(&used) {
            Ordering::Less => Err(NotReplaced::RolledBack { used, given }),
            Ordering::Equal if !self.keys.iter().map(known).eq(ring.keys.iter().map(known)) => {
                Err(NotReplaced::SameEpoch(used))
            }
            Ordering::Equal | Ordering::Greater => Ok(()),
        }
    }

    /// How many octets what is sealed has more, at most.
    pub const OVERHEAD: usize = 2 + ID_BYTES + OVERHEAD;

    /// Encrypts `text` for `binding` with the key that is active at `now`.
    pub fn seal(
        &self,
        text: &[u8],
        binding: Binding<'_>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, NotSealed> {
        let key = self.sealing(now)?;
        let length = u8::try_from(key.id.len()).map_err(|_| NotSealed::TooLong)?;
        let mut sealed = vec![VERSION, length];
        sealed.extend_from_slice(key.id.as_bytes());
        let inner = key.key.seal(text, &binding.octets(&sealed), random).ok_or(NotSealed::TooLong)?;
        sealed.extend_from_slice(&inner);
        Ok(sealed)
    }

    /// What was sealed for `binding` with a key that is not retired at `now`. Why it does not open is nobody's to know.
    pub fn open(&self, sealed: &[u8], binding: Binding<'_>, now: Time) -> Result<Zeroizing<Vec<u8>>, Undecryptable> {
        let (key, head, inner) = self.parts(sealed).ok_or(Undecryptable)?;
        if !key.tenure.opens(now) {
            return Err(Undecryptable);
        }
        key.key.open(inner, &binding.octets(head))
    }

    /// What `name` is called where nobody may read it, and all who have the ring call it the same: a mark for that purpose under
    /// each key that is not retired at `now`, that of the key which seals first.
    pub fn marks(&self, purpose: &'static str, name: &[u8], now: Time) -> Result<Vec<[u8; 16]>, NotSealed> {
        let sealing = self.sealing(now)?;
        let others = self.keys.iter().filter(|key| key.tenure.opens(now) && !std::ptr::eq(*key, sealing));
        let octets = Binding { purpose, scope: "", name }.octets(&[]);
        let mark = |key: &RingKey| {
            let tag = mac(MacAlgorithm::HmacSha256, key.marks.expose(), &[&octets]);
            tag.as_ref().first_chunk().copied().unwrap_or_default()
        };
        Ok(std::iter::once(sealing).chain(others).map(mark).collect())
    }

    /// From when on what was sealed does not open any more, since its key is retired: for whoever keeps what he opened. `None`
    /// for never.
    pub fn retires(&self, sealed: &[u8]) -> Option<Time> {
        self.parts(sealed).and_then(|(key, ..)| key.tenure.retire)
    }

    /// The key with which something was sealed, as it says itself; that, and what is behind it.
    fn parts<'a>(&self, sealed: &'a [u8]) -> Option<(&RingKey, &'a [u8], &'a [u8])> {
        let [VERSION, length, ..] = *sealed else { return None };
        let (head, inner) = sealed.split_at_checked(2 + usize::from(length))?;
        let key = self.keys.iter().find(|key| *key.id.as_bytes() == head[2..])?;
        Some((key, head, inner))
    }
}

/// The ring that is in use, until another takes its place.
pub struct Keys(ArcSwap<KeyRing>);

/// Why a ring does not take the place of the one in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotReplaced {
    /// It is older.
    #[error("epoch {given} of the key ring is before {used}, which is in use")]
    RolledBack {
        /// The epoch in use.
        used: u64,
        /// Its own.
        given: u64,
    },
    /// It is another of the same age.
    #[error("the key ring has other keys, and epoch {0} as the one in use has: one more is needed")]
    SameEpoch(u64),
}

impl Keys {
    /// A ring in use.
    pub fn new(ring: impl Into<Arc<KeyRing>>) -> Self {
        Self(ArcSwap::new(ring.into()))
    }

    /// The ring in use.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.0.load_full()
    }

    /// Whether `ring` may take the place of the one in use.
    pub fn allows(&self, ring: &KeyRing) -> Result<(), NotReplaced> {
        self.0.load().gives_way_to(ring)
    }

    /// Puts `ring` in the place of the one in use.
    pub fn replace(&self, ring: &Arc<KeyRing>) -> Result<(), NotReplaced> {
        loop {
            let used = self.0.load();
            used.gives_way_to(ring)?;
            // Somebody else may have put another there meanwhile, which must be asked too.
            if Arc::ptr_eq(&used, &self.0.compare_and_swap(&used, Arc::clone(ring))) {
                return Ok(());
            }
        }
    }
}

/// Fresh octets of a key.
fn drawn(random: &mut dyn Random) -> Secret {
    let mut octets = vec![0; KEY_BYTES];
    random.fill(&mut octets);
    Secret::new(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Entropy;

    const HOUR: i64 = 3_600_000;

    fn at(hour: i64) -> Time {
        Time::from_millis(hour * HOUR)
    }

    /// Keys by name, from one hour until another.
    fn ring(epoch: u64, keys: &[(&str, Option<i64>, Option<i64>)]) -> KeyRing {
        let one = |&(id, from, until): &(&str, Option<i64>, Option<i64>)| {
            // The same octets for the same name, on every machine.
            let mut octets = vec![0; KEY_BYTES];
            octets[..id.len()].copy_from_slice(id.as_bytes());
            let tenure = Tenure { activate: from.map(at), retire: until.map(at) };
            RingKey::new(id.into(), tenure, &Secret::new(octets)).unwrap()
        };
        KeyRing { epoch, keys: keys.iter().map(one).collect() }
    }

    const HERE: Binding<'_> = Binding { purpose: "session", scope: "/echo", name: b"urn:uuid:1" };

    fn seal(ring: &KeyRing, now: Time) -> Vec<u8> {
        ring.seal(b"state", HERE, now, &mut Entropy::system().draw()).unwrap()
    }

    #[test]
    fn the_key_that_began_last_seals_and_all_that_are_not_retired_open() {
        let keys = ring(1, &[("old", Some(0), Some(20)), ("new", Some(10), None)]);
        let (early, late) = (seal(&keys, at(9)), seal(&keys, at(10)));
        assert_eq!((keys.active(at(9)), keys.active(at(10))), (Ok("old"), Ok("new")));
        for now in [0, 19] {
            assert_eq!(**keys.open(&early, HERE, at(now)).unwrap(), *b"state");
            assert_eq!(**keys.open(&late, HERE, at(now)).unwrap(), *b"state", "a machine may be ahead of us");
        }
        assert!(keys.open(&early, HERE, at(20)).is_err());
        assert_eq!((keys.retires(&early), keys.retires(&late), keys.retires(b"")), (Some(at(20)), None, None));
        assert!(keys.open(&late, HERE, at(20)).is_ok());
        let later = ring(1, &[("new", Some(10), None)]);
        assert_eq!(later.seal(b"", HERE, at(9), &mut Entropy::system().draw()), Err(NotSealed::Inactive));
    }

    #[test]
    fn tk_12_what_is_changed_cut_or_moved_does_not_open() {
        let keys = ring(1, &[("one", Some(0), None), ("two", None, None)]);
        let sealed = seal(&keys, at(1));
        assert!(sealed.len() <= b"state".len() + KeyRing::OVERHEAD);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.open(&changed, HERE, at(1)).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(keys.open(&sealed[..length], HERE, at(1)).is_err(), "{length} octets");
        }
        for elsewhere in [
            Binding { purpose: "cookie", ..HERE },
            Binding { scope: "/other", ..HERE },
            Binding { scope: "/echourn:uuid:", name: b"1", ..HERE },
            Binding { name: b"urn:uuid:2", ..HERE },
        ] {
            assert!(keys.open(&sealed, elsewhere, at(1)).is_err(), "{elsewhere:?}");
        }
        // The same key under another name is another.
        let mut renamed = sealed.clone();
        renamed[2..5].copy_from_slice(b"two");
        assert!(keys.open(&renamed, HERE, at(1)).is_err());
        assert!(ring(1, &[("six", Some(0), None)]).open(&sealed, HERE, at(1)).is_err());
    }

    #[test]
    fn a_name_has_a_mark_under_each_key() {
        let keys = ring(1, &[("old", Some(0), Some(20)), ("new", Some(10), None)]);
        let marks = |keys: &KeyRing, name: &[u8], now| keys.marks("owner", name, at(now)).unwrap();
        let (early, late) = (marks(&keys, b"alice", 9), marks(&keys, b"alice", 10));
        assert_eq!(early.len(), 2);
        assert_ne!(early[0], early[1]);
        assert_eq!(late, [early[1], early[0]], "that of the key which seals first");
        assert_eq!(marks(&keys, b"alice", 20), [early[1]], "and none of one that is retired");
        assert_eq!(marks(&ring(7, &[("new", None, None), ("one", Some(0), None)]), b"alice", 1)[1], early[1]);
        assert_ne!(marks(&keys, b"alice", 9), keys.marks("other", b"alice", at(9)).unwrap());
        assert_ne!(marks(&keys, b"alice", 9), marks(&keys, b"bob", 9));
        assert_eq!(ring(1, &[("new", Some(10), None)]).marks("owner", b"", at(9)), Err(NotSealed::Inactive));
    }

    /// Whatever machine is first: what either seals the other opens, if each is given a key before it is active.
    #[test]
    fn f_36_a_farm_changes_keys_in_two_steps_without_a_refusal() {
        let before = ring(1, &[("old", Some(0), None)]);
        let known = ring(2, &[("old", Some(0), None), ("new", Some(10), None)]);
        let after = ring(3, &[("old", Some(0), Some(30)), ("new", Some(10), None)]);
        let pairs = [(&before, &known, 5), (&known, &before, 5), (&known, &after, 12), (&after, &known, 12)];
        for (sealer, opener, now) in pairs {
            assert!(opener.open(&seal(sealer, at(now)), HERE, at(now)).is_ok(), "{} {}", sealer.epoch, opener.epoch);
        }
    }

    #[test]
    fn tk_13_an_older_ring_does_not_take_the_place() {
        let keys = Keys::new(ring(2, &[("one", Some(0), None)]));
        let older = Arc::new(ring(1, &[("zero", Some(0), None)]));
        assert_eq!(keys.replace(&older), Err(NotReplaced::RolledBack { used: 2, given: 1 }));
        for other in [("one", Some(1), None), ("two", Some(0), None), ("one", Some(0), Some(9))] {
            let other = Arc::new(ring(2, &[other]));
            assert_eq!(keys.replace(&other), Err(NotReplaced::SameEpoch(2)), "changed, and not counted");
        }
        assert_eq!(keys.ring().active(at(1)), Ok("one"));
        keys.replace(&Arc::new(ring(2, &[("one", Some(0), None)]))).unwrap();
        keys.replace(&Arc::new(ring(3, &[("next", Some(0), None)]))).unwrap();
        assert_eq!((keys.ring().epoch(), keys.ring().active(at(1))), (3, Ok("next")));
    }

    #[test]
    fn of_rings_that_come_at_once_the_newest_stays() {
        let keys = Keys::new(ring(0, &[("k", Some(0), None)]));
        std::thread::scope(|scope| {
            for epoch in 1..=64 {
                let (keys, ring) = (&keys, Arc::new(ring(epoch, &[("k", Some(0), None)])));
                scope.spawn(move || keys.replace(&ring));
            }
        });
        assert_eq!(keys.ring().epoch(), 64);
    }
}
