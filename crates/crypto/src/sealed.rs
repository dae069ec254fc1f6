//! State of our own that leaves our memory, into a database or a client's hands: encrypted and authenticated, with
//! AES-256-GCM-SIV ([RFC 8452]).
//!
//! That mode, since a nonce that is drawn twice tells no more than that two texts are the same: there may be more of them under
//! one key than random nonces of 96 bits are good for in GCM, and machines that share a key cannot count together.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::Undecryptable;
use crate::random::Random;
use crate::secret::Secret;

/// Octets of a key.
pub const KEY_BYTES: usize = 32;
/// Octets by which what is sealed is longer: the nonce in front, the tag behind.
pub const OVERHEAD: usize = NONCE_LEN + 16;

/// A key that seals. It has no printed form.
pub struct SealingKey(LessSafeKey);

impl SealingKey {
    /// A key of [`KEY_BYTES`] octets; `None` for another length.
    pub fn new(octets: &Secret) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM_SIV, octets.expose()).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// Encrypts `text`, and binds it to `to`: it opens with the same alone. `None` for a text of gigabytes.
    pub fn seal(&self, text: &[u8], to: &[u8], random: &mut dyn Random) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(text.len() + OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(text);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let inner = sealed.get_mut(NONCE_LEN..)?;
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(to), inner).ok()?;
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    /// What was sealed under this key and bound to `to`.
    pub fn open(&self, sealed: &[u8], to: &[u8]) -> Result<Zeroizing<Vec<u8>>, Undecryptable> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Undecryptable)?;
        let mut text = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(to), &mut text).map_err(|_| Undecryptable)?.len();
        text.truncate(length);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    struct Given(Vec<u8>);

    impl Random for Given {
        fn fill(&mut self, out: &mut [u8]) {
            out.copy_from_slice(&self.0);
        }
    }

    fn key() -> SealingKey {
        let mut octets = vec![0; KEY_BYTES];
        octets[0] = 1;
        SealingKey::new(&Secret::new(octets)).unwrap()
    }

    fn nonce() -> Given {
        Given(hex("030000000000000000000000"))
    }

    /// [RFC 8452] appendix C.2.
    #[test]
    fn seals_as_the_specification_does() {
        for (text, to, sealed) in [
            ("", "", "07f5f4169bbf55a8400cd47ea6fd400f"),
            ("0100000000000000", "", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"),
            ("0200000000000000", "01", "1de22967237a813291213f267e3b452f02d01ae33e4ec854"),
        ] {
            let (text, to) = (hex(text), hex(to));
            let all = key().seal(&text, &to, &mut nonce()).unwrap();
            assert_eq!((&all[..NONCE_LEN], &all[NONCE_LEN..]), (&nonce().0[..], &hex(sealed)[..]));
            assert_eq!(all.len(), text.len() + OVERHEAD);
            assert_eq!(**key().open(&all, &to).unwrap(), *text);
        }
    }

    #[test]
    fn what_is_changed_cut_or_bound_to_another_does_not_open() {
        let sealed = key().seal(b"state", b"route", &mut nonce()).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key().open(&changed, b"route").unwrap_err(), Undecryptable, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key().open(&sealed[..length], b"route").unwrap_err(), Undecryptable, "{length} octets");
        }
        assert_eq!(key().open(&sealed, b"another").unwrap_err(), Undecryptable);
        let other = SealingKey::new(&Secret::new(vec![2; KEY_BYTES])).unwrap();
        assert_eq!(other.open(&sealed, b"route").unwrap_err(), Undecryptable);
    }

    #[test]
    fn a_key_of_another_length_is_none() {
        for length in [0, 16, 31, 33, 64] {
            assert!(SealingKey::new(&Secret::new(vec![1; length])).is_none(), "{length}");
        }
    }
}
