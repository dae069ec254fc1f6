//! Octets that must not leak: zeroed on drop, compared in constant time, without a printed form.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A key, a password, or other secret octets.
///
/// A clone is the same octets in the same place, and they are zeroed when the last is dropped. It has neither `Debug` nor `Display` nor `PartialEq` nor a serialised form, so it can neither
/// be logged by accident nor compared in variable time.
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
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// Takes the octets over, without a copy.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(octets)))
    }

    /// The octets, for the one who uses them. Do not keep them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Octets in all. The length is not secret.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no octet at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `claimed` is the same octets, in time that depends on the lengths alone.
    #[must_use]
    pub fn matches(&self, claimed: &[u8]) -> bool {
        same(&self.0, claimed)
    }
}

impl From<&[u8]> for Secret {
    fn from(octets: &[u8]) -> Self {
        Self::new(octets.to_vec())
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
        let secret = Secret::new(vec![7; 32]);
        assert_eq!(secret.clone().expose().as_ptr(), secret.expose().as_ptr());
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
