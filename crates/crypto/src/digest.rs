//! Digests, at once or piece by piece.

use crate::algorithm::DigestAlgorithm;
use crate::secret::same;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use zeroize::Zeroize;

/// A digest under way.
///
/// ```
/// use nuncio_crypto::{algorithm::DigestAlgorithm, digest::Hasher};
///
/// let mut hasher = Hasher::new(DigestAlgorithm::Sha1);
/// hasher.update(b"a");
/// hasher.update(b"bc");
/// assert!(hasher.finish().as_ref().starts_with(&[0xa9, 0x99, 0x3e]));
/// ```
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Begins a digest.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Sha1 => State::Sha1(Sha1::new()),
            DigestAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            DigestAlgorithm::Sha384 => State::Sha384(Sha384::new()),
            DigestAlgorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Takes the next octets in.
    pub fn update(&mut self, octets: &[u8]) {
        match &mut self.0 {
            State::Sha1(state) => state.update(octets),
            State::Sha256(state) => state.update(octets),
            State::Sha384(state) => state.update(octets),
            State::Sha512(state) => state.update(octets),
        }
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha1(state) => Digest::from_octets(&state.finalize()),
            State::Sha256(state) => Digest::from_octets(&state.finalize()),
            State::Sha384(state) => Digest::from_octets(&state.finalize()),
            State::Sha512(state) => Digest::from_octets(&state.finalize()),
        }
    }
}

/// The digest of `octets`.
pub fn hash(algorithm: DigestAlgorithm, octets: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(octets);
    hasher.finish()
}

/// A finished digest: 20 to 64 octets.
///
/// Without `PartialEq`: what a peer claims is compared by [`Digest::matches`], in constant time.
///
/// ```compile_fail,E0369
/// use nuncio_crypto::{algorithm::DigestAlgorithm, digest::hash};
/// assert!(hash(DigestAlgorithm::Sha1, b"") == hash(DigestAlgorithm::Sha1, b""));
/// ```
#[derive(Clone, Copy)]
pub struct Digest {
    octets: [u8; 64],
    size: usize,
}

impl Digest {
    /// Whether a peer's `claimed` digest is this one: of the same length, compared in constant time.
    #[must_use]
    pub fn matches(&self, claimed: &[u8]) -> bool {
        same(self.as_ref(), claimed)
    }

    fn from_octets(octets: &[u8]) -> Self {
        let mut digest = Self { octets: [0; 64], size: octets.len() };
        digest.octets[..octets.len()].copy_from_slice(octets);
        digest
    }
}

/// For a digest that is a key, or on the way to one.
impl Zeroize for Digest {
    fn zeroize(&mut self) {
        self.octets.zeroize();
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.size]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[track_caller]
    fn check(algorithm: DigestAlgorithm, octets: &[u8], expect: &str) {
        let expect = hex(expect);
        assert_eq!(hash(algorithm, octets).as_ref(), expect);
        assert_eq!(expect.len(), algorithm.size());
        // The same in pieces, at every length of the first piece up to one block of SHA-512 and a bit.
        for at in 0..octets.len().min(150) {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(&octets[..at]);
            hasher.update(&octets[at..]);
            assert_eq!(hasher.finish().as_ref(), expect, "split at {at}");
        }
    }

    /// The examples of FIPS 180-4 (one block, two blocks, nothing).
    #[test]
    fn fips_180_4() {
        use DigestAlgorithm::{Sha1, Sha256, Sha384, Sha512};
        const TWO_56: &[u8] = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        const TWO_112: &[u8] = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
            hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
        check(Sha1, b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(Sha1, TWO_56, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        check(Sha1, b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check(Sha256, b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        check(Sha256, TWO_56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        check(Sha256, b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        check(
            Sha384,
            b"abc",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        );
        check(
            Sha384,
            TWO_112,
            "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
        );
        check(
            Sha512,
            b"abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        );
        check(
            Sha512,
            TWO_112,
            "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018\
             501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
        );
    }

    /// A million times `a`, in unequal pieces.
    #[test]
    fn a_million() {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha1);
        for piece in vec![b'a'; 1_000_000].chunks(997) {
            hasher.update(piece);
        }
        assert_eq!(hasher.finish().as_ref(), hex("34aa973cd4c4daa4f61eeb2bdbad27316534016f"));
    }

    /// A digest matches itself only at full length.
    #[test]
    fn xs_27_matches_at_full_length() {
        let digest = hash(DigestAlgorithm::Sha256, b"abc");
        let mut claimed = digest.as_ref().to_vec();
        assert!(digest.matches(&claimed));
        claimed[31] ^= 1;
        assert!(!digest.matches(&claimed));
        assert!(!digest.matches(&digest.as_ref()[..31]));
        assert!(!digest.matches(&[digest.as_ref(), &[0]].concat()));
        assert!(!digest.matches(&[]));
    }
}
