//! Key wrap: a key under a symmetric key ([XML Encryption 1.1] section 5.6).
//!
//! `RustCrypto` throughout: AWS-LC's interface has AES key wrap without its 192 bits, and no Triple DES.

use crate::Undecryptable;
use crate::algorithm::KeyWrap;
use crate::random::Random;
use crate::secret::{Secret, same};
use aes::{Aes128, Aes192, Aes256};
use aes_kw::{AesKw, InnerInit};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::typenum::U16;
use cbc::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use des::TdesEde3;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// Octets of a block of AES key wrap and of Triple DES.
const BLOCK: usize = 8;

/// Fewest octets that AES key wrap is defined for ([RFC 3394] section 2). Triple DES would take one block; no key has one.
const SHORTEST: usize = 2 * BLOCK;

/// The vector of the outer encryption of Triple DES key wrap ([RFC 3217] section 3.1).
const OUTER_IV: [u8; BLOCK] = [0x4a, 0xdd, 0xa2, 0x2c, 0x79, 0xe8, 0x21, 0x05];

/// A key that could not be wrapped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyWrapError {
    /// The key to be wrapped is not of whole blocks of 8 octets, or has fewer than two.
    #[error("a key of {octets} octets cannot be wrapped so")]
    Unwrappable {
        /// Octets of the key to be wrapped.
        octets: usize,
    },
    /// The key that wraps is not as long as the algorithm takes.
    #[error("{octets} octets do not make a key that wraps so")]
    WrongKeySize {
        /// Octets of the key that was to wrap.
        octets: usize,
    },
}

/// Encrypts `secret` under `key`: the octets of an `xenc:CipherValue`.
///
/// Under AES the result depends on both keys alone; that of Triple DES has a vector, drawn from `random`.
pub fn wrap(
    key: &Secret,
    algorithm: KeyWrap,
    secret: &Secret,
    random: &mut dyn Random,
) -> Result<Vec<u8>, KeyWrapError> {
    if key.len() != algorithm.key_size() {
        return Err(KeyWrapError::WrongKeySize { octets: key.len() });
    }
    match algorithm {
        KeyWrap::TripleDes => wrap_triple_des(key, secret, random),
        KeyWrap::Aes128 => wrap_aes::<Aes128>(key, secret),
        KeyWrap::Aes192 => wrap_aes::<Aes192>(key, secret),
        KeyWrap::Aes256 => wrap_aes::<Aes256>(key, secret),
    }
    .ok_or(KeyWrapError::Unwrappable { octets: secret.len() })
}

/// The key that was encrypted under `key`: `wrapped` is the decoded `xenc:CipherValue` of an `xenc:EncryptedKey`.
///
/// # Errors
///
/// [`Undecryptable`], whatever the cause.
pub fn unwrap(key: &Secret, algorithm: KeyWrap, wrapped: &[u8]) -> Result<Secret, Undecryptable> {
    match algorithm {
        KeyWrap::TripleDes => unwrap_triple_des(key, wrapped),
        KeyWrap::Aes128 => unwrap_aes::<Aes128>(key, wrapped),
        KeyWrap::Aes192 => unwrap_aes::<Aes192>(key, wrapped),
        KeyWrap::Aes256 => unwrap_aes::<Aes256>(key, wrapped),
    }
    .ok_or(Undecryptable)
}

fn wrap_aes<C>(key: &Secret, secret: &Secret) -> Option<Vec<u8>>
where
    C: BlockCipherEncrypt<BlockSize = U16> + KeyInit,
{
    if secret.len() < SHORTEST || !secret.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut wrapped = vec![0; BLOCK + secret.len()];
    keyed::<C>(key)?.wrap_key(secret.expose(), &mut wrapped).ok()?;
    Some(wrapped)
}

fn unwrap_aes<C>(key: &Secret, wrapped: &[u8]) -> Option<Secret>
where
    C: BlockCipherDecrypt<BlockSize = U16> + KeyInit,
{
    if wrapped.len() < BLOCK + SHORTEST || !wrapped.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut octets = Zeroizing::new(vec![0; wrapped.len() - BLOCK]);
    keyed::<C>(key)?.unwrap_key(wrapped, &mut octets).ok().map(Secret::from)
}

fn keyed<C: KeyInit>(key: &Secret) -> Option<AesKw<C>> {
    C::new_from_slice(key.expose()).ok().map(AesKw::inner_init)
}

/// [RFC 3217] section 3.1, but for its first step: the bits of parity stay as they are, because the same octets serve
/// as a key of HMAC, which does not pass over them. And not for keys of Triple DES alone ([XML Encryption 1.1] section
/// 5.6.1 leaves others open, and stacks wrap them).
fn wrap_triple_des(key: &Secret, secret: &Secret, random: &mut dyn Random) -> Option<Vec<u8>> {
    if secret.len() < SHORTEST || !secret.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut octets = vec![0; BLOCK];
    random.fill(&mut octets);
    octets.extend_from_slice(secret.expose());
    octets.extend_from_slice(&checksum(secret.expose()));
    let (iv, text) = octets.split_at_mut(BLOCK);
    encrypt(key, iv, text)?;
    octets.reverse();
    encrypt(key, &OUTER_IV, &mut octets)?;
    Some(octets)
}

/// [RFC 3217] section 3.2, without a look at the bits of parity.
fn unwrap_triple_des(key: &Secret, wrapped: &[u8]) -> Option<Secret> {
    if wrapped.len() < BLOCK + SHORTEST + BLOCK || !wrapped.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut octets = Zeroizing::new(wrapped.to_vec());
    decrypt(key, &OUTER_IV, &mut octets)?;
    octets.reverse();
    let (iv, text) = octets.split_at_mut(BLOCK);
    decrypt(key, iv, text)?;
    let (secret, claimed) = text.split_at(text.len() - BLOCK);
    same(&checksum(secret), claimed).then(|| Secret::from(secret))
}

/// The checksum of keys in CMS ([RFC 3217] section 2).
fn checksum(octets: &[u8]) -> [u8; BLOCK] {
    let digest: [u8; 20] = Sha1::digest(octets).into();
    let mut checksum = [0; BLOCK];
    checksum.copy_from_slice(&digest[..BLOCK]);
    checksum
}

fn encrypt(key: &Secret, iv: &[u8], blocks: &mut [u8]) -> Option<()> {
    let mode = Encryptor::<TdesEde3>::new_from_slices(key.expose(), iv).ok()?;
    let length = blocks.len();
    mode.encrypt_padded::<NoPadding>(blocks, length).ok().map(|_| ())
}

fn decrypt(key: &Secret, iv: &[u8], blocks: &mut [u8]) -> Option<()> {
    let mode = Decryptor::<TdesEde3>::new_from_slices(key.expose(), iv).ok()?;
    mode.decrypt_padded::<NoPadding>(blocks).ok().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// Draws these octets, at every call.
    struct These(&'static str);

    impl Random for These {
        fn fill(&mut self, out: &mut [u8]) {
            out.copy_from_slice(&hex(self.0));
        }
    }

    /// [RFC 3394] sections 4.1 to 4.6: every size of key under every size of key that is not shorter.
    #[test]
    fn rfc_3394() {
        const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        const SECRET: &str = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
        #[track_caller]
        fn check(algorithm: KeyWrap, octets: usize, expect: &str) {
            let (key, secret) = (&KEY[..2 * algorithm.key_size()], &SECRET[..2 * octets]);
            let (key, secret) = (Secret::new(hex(key)), Secret::new(hex(secret)));
            let wrapped = wrap(&key, algorithm, &secret, &mut These("")).unwrap();
            assert_eq!(wrapped, hex(expect));
            assert!(unwrap(&key, algorithm, &wrapped).unwrap().matches(secret.expose()));
        }
        check(KeyWrap::Aes128, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
        check(KeyWrap::Aes192, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d");
        check(KeyWrap::Aes256, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7");
        check(KeyWrap::Aes192, 24, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2");
        check(KeyWrap::Aes256, 24, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1");
        check(KeyWrap::Aes256, 32, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
    }

    /// [RFC 3217] section 4.1.
    #[test]
    fn rfc_3217() {
        let key = Secret::new(hex("255e0d1c07b646dfb3134cc843ba8aa71f025b7c0838251f"));
        let secret = Secret::new(hex("2923bf85e06dd6ae529149f1f1bae9eab3a7da3d860d3e98"));
        let wrapped = wrap(&key, KeyWrap::TripleDes, &secret, &mut These("5dd4cbfc96f5453b")).unwrap();
        assert_eq!(wrapped, hex("690107618ef092b3b48ca1796b234ae9fa33ebb4159604037db5d6a84eb3aac2768c632775a467d4"));
        assert!(unwrap(&key, KeyWrap::TripleDes, &wrapped).unwrap().matches(secret.expose()));
    }

    /// A wrapped key with one bit changed, shortened or lengthened, or under another key, is none.
    #[test]
    fn xe_11_changes_are_refused() {
        for algorithm in KeyWrap::ALL {
            let key = Secret::new((0..algorithm.key_size() as u8).collect());
            let secret = Secret::new(vec![0x5a; 24]);
            let wrapped = wrap(&key, algorithm, &secret, &mut These("0001020304050607")).unwrap();
            for bit in 0..8 * wrapped.len() {
                let mut changed = wrapped.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(unwrap(&key, algorithm, &changed).err(), Some(Undecryptable), "{algorithm:?}, bit {bit}");
            }
            let longer = [&wrapped[..], &[0; 16]].concat();
            for length in (0..longer.len()).filter(|length| *length != wrapped.len()) {
                let changed = &longer[..length];
                assert_eq!(unwrap(&key, algorithm, changed).err(), Some(Undecryptable), "{algorithm:?}, {length}");
            }
            let other = Secret::new(vec![1; algorithm.key_size()]);
            assert_eq!(unwrap(&other, algorithm, &wrapped).err(), Some(Undecryptable));
            for size in (0..40).filter(|size| *size != algorithm.key_size()) {
                let key = Secret::new(vec![1; size]);
                assert_eq!(unwrap(&key, algorithm, &wrapped).err(), Some(Undecryptable));
                let error = wrap(&key, algorithm, &secret, &mut These("")).err();
                assert_eq!(error, Some(KeyWrapError::WrongKeySize { octets: size }));
            }
        }
    }

    /// Keys of whole blocks, two and more.
    #[test]
    fn what_can_be_wrapped() {
        for algorithm in KeyWrap::ALL {
            let key = Secret::new(vec![7; algorithm.key_size()]);
            for octets in 0..80_usize {
                let secret = Secret::new(vec![9; octets]);
                let fits = octets >= 16 && octets.is_multiple_of(8);
                let wrapped = wrap(&key, algorithm, &secret, &mut These("0001020304050607"));
                match wrapped {
                    Ok(wrapped) if fits => assert!(unwrap(&key, algorithm, &wrapped).unwrap().matches(secret.expose())),
                    other => assert_eq!((fits, other), (false, Err(KeyWrapError::Unwrappable { octets }))),
                }
            }
        }
    }
}
