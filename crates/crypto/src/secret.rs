//! Octets that must not leak: zeroed on drop, compared in constant time, without a printed form.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The longest secret, in octets, that takes one allocation and not two: the key of every suite does. Of 56 octets with the
/// counts beside it, which allocators round up to 64.
const SHORT: usize = 38;

/// A key, a password, or other secret octets.
///
/// A clone is the same octets in the same place, and they are zeroed when the last is dropped. It has neither `Debug` nor
/// `Display` nor `PartialEq` nor a serialised form, so it can neither be logged by accident nor compared in variable time.
///
/// ```compile_fail,E0369
/// use nuncio_crypto::secret::Secret;
/// assert!(Secret::new(Vec::new()) == Secret::new(Vec::new()));
/// ```
///
/// ```compile_fail,E0277
/// println!("{:?}", nuncio_crypto::secret::Secret::new(Vec::new()));
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Octets>);

enum Octets {
    Short { length: u8, octets: Zeroizing<[u8; SHORT]> },
    Long(Zeroizing<Vec<u8>>),
}

impl Secret {
    /// Takes the octets over. What is short is copied, and zeroed where it was.
    pub fn new(octets: Vec<u8>) -> Self {
        let octets = Zeroizing::new(octets);
        Self::short(&octets).unwrap_or_else(|| Self(Arc::new(Octets::Long(octets))))
    }

    /// Short octets, written where they stay: a value that is moved there would leave itself behind.
    fn short(from: &[u8]) -> Option<Self> {
        let count = u8::try_from(from.len()).ok().filter(|count| usize::from(*count) <= SHORT)?;
        let mut place = Arc::new(Octets::Short { length: count, octets: Zeroizing::new([0; SHORT]) });
        let Octets::Short { octets, .. } = Arc::get_mut(&mut place)? else { return None };
        octets.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self(place))
    }

    /// The octets, for the one who uses them. Do not keep them.
    pub fn expose(&self) -> &[u8] {
        match &*self.0 {
            Octets::Short { length, octets } => &octets[..usize::from(*length)],
            Octets::Long(octets) => octets,
        }
    }

    /// Octets in all. The length is not secret.
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// Octets that are allocated for it and all its clones.
    pub fn allocated(&self) -> usize {
        let long = match &*self.0 {
            Octets::Short { .. } => 0,
            Octets::Long(octets) => octets.capacity(),
        };
        size_of::<Octets>() + 2 * size_of::<usize>() + long
    }

    /// Whether there is no octet at all.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// Whether `claimed` is the same octets, in time that depends on the lengths alone.
    #[must_use]
    pub fn matches(&self, claimed: &[u8]) -> bool {
        same(self.expose(), claimed)
    }
}

impl From<&[u8]> for Secret {
    fn from(octets: &[u8]) -> Self {
        Self::short(octets).unwrap_or_else(|| Self(Arc::new(Octets::Long(Zeroizing::new(octets.to_vec())))))
    }
}

/// The one comparison of the crate: in time that depends on the lengths alone.
pub(crate) fn same(ours: &[u8], claimed: &[u8]) -> bool {
    ours.ct_eq(claimed).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No copy is made that would have to be zeroed too.
    #[test]
    fn clones_are_in_one_place() {
        for length in [32, SHORT + 1] {
            let secret = Secret::new(vec![7; length]);
            assert_eq!(secret.clone().expose().as_ptr(), secret.expose().as_ptr());
        }
    }

    /// Short or long, it is what it was made of, in one place of 56 octets where it is short.
    #[test]
    fn octets_of_every_length_are_kept() {
        for length in 0..300 {
            let octets: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            for secret in [Secret::from(&*octets), Secret::new(octets.clone())] {
                assert_eq!(secret.expose(), octets);
                assert_eq!((secret.len(), secret.is_empty()), (octets.len(), octets.is_empty()));
                assert_eq!(matches!(*secret.0, Octets::Short { .. }), octets.len() <= SHORT);
            }
        }
        assert_eq!(Secret::from(&[7; SHORT][..]).allocated(), 56);
        assert_eq!(Secret::from(&[7; 100][..]).allocated(), 56 + 100);
    }

    /// A secret matches itself, and nothing that is longer, shorter or one bit off.
    #[test]
    fn matches_only_itself() {
        let secret = Secret::from(&b"correct horse"[..]);
        assert_eq!(secret.len(), 13);
        assert!(secret.matches(b"correct horse"));
        assert!(secret.clone().matches(secret.expose()));
        for other in [&b"correct horsf"[..], b"borrect horse", b"correct hors", b"correct horse\0", b""] {
            assert!(!secret.matches(other));
        }
        assert!(Secret::new(Vec::new()).is_empty());
        assert!(Secret::new(Vec::new()).matches(b""));
    }
}
