//! Block encryption of XML Encryption: AES and Triple DES in CBC mode with its own padding, AES in GCM ([XML Encryption
//! 1.1] section 5.2).
//!
//! CBC protects nothing against change. Whoever calls [`decrypt`] must see to it that the message is refused in one and
//! the same way whatever goes wrong afterwards, or better, check a signature over the ciphertext before.
//!
//! GCM is AWS-LC's: it has all three key sizes, is in the program for RSA and TLS anyway, and so no second
//! implementation of it has to be trusted.

mod cbc;
mod gcm;

use crate::Undecryptable;
use crate::algorithm::CipherAlgorithm;
use crate::random::Random;
use crate::secret::Secret;
use aes::{Aes128, Aes192, Aes256};
use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM};
use des::TdesEde3;

/// Most octets that a ciphertext has behind its text: a block of padding, or a tag.
const MOST_BEHIND: usize = 16;

/// A key that is not as long as its cipher needs. Ours, or one a peer derived with a `wsc:Length` of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a key of {size} octets was given, {algorithm:?} takes {}", .algorithm.key_size())]
pub struct WrongKeySize {
    /// The cipher.
    pub algorithm: CipherAlgorithm,
    /// Octets of the key that was given.
    pub size: usize,
}

/// Appends a fresh initialization vector, then the ciphertext of `plain` under `key`, to `out`: the content of an
/// `xenc:CipherValue` before its base64.
///
/// The vector is drawn from `random` at every call: in CBC a foreseeable one gives plaintext away, in GCM one that
/// comes twice under a key gives the key of the tag away, which 2³² texts under one key make likely enough to stop
/// there ([SP 800-38D] section 8.3).
///
/// In CBC every octet of the padding is its length, which those readers of ours want who take the padding for that of
/// PKCS #7; XML Encryption leaves all but the last free. In GCM the tag of 16 octets follows, and there is no further
/// authenticated data.
///
/// # Errors
///
/// [`WrongKeySize`]; `out` is unchanged then.
pub fn encrypt(
    algorithm: CipherAlgorithm,
    key: &Secret,
    random: &mut dyn Random,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), WrongKeySize> {
    if key.len() != algorithm.key_size() {
        return Err(WrongKeySize { algorithm, size: key.len() });
    }
    let start = out.len();
    out.reserve(algorithm.iv_size() + plain.len() + MOST_BEHIND);
    out.resize(start + algorithm.iv_size(), 0);
    random.fill(&mut out[start..]);
    out.extend_from_slice(plain);
    let done = match algorithm {
        CipherAlgorithm::TripleDesCbc => cbc::encrypt::<TdesEde3>(key, out, start),
        CipherAlgorithm::Aes128Cbc => cbc::encrypt::<Aes128>(key, out, start),
        CipherAlgorithm::Aes192Cbc => cbc::encrypt::<Aes192>(key, out, start),
        CipherAlgorithm::Aes256Cbc => cbc::encrypt::<Aes256>(key, out, start),
        CipherAlgorithm::Aes128Gcm => gcm::encrypt(&AES_128_GCM, key, out, start),
        CipherAlgorithm::Aes192Gcm => gcm::encrypt(&AES_192_GCM, key, out, start),
        CipherAlgorithm::Aes256Gcm => gcm::encrypt(&AES_256_GCM, key, out, start),
    };
    if done.is_none() {
        // The sizes were seen to above; should they ever not be, no plaintext must stay in `out`.
        out.truncate(start);
        return Err(WrongKeySize { algorithm, size: key.len() });
    }
    Ok(())
}

/// The plaintext of `data`, the octets of an `xenc:CipherValue`: the initialization vector, the ciphertext, and in GCM
/// the tag.
///
/// Works in place and gives the same allocation back. Of the padding of CBC only the last octet means anything, and it
/// must be from 1 to the octets of a block ([XML Encryption 1.1] section 5.2.2); it is looked at once, without a branch
/// on its value before the answer.
///
/// # Errors
///
/// [`Undecryptable`] for a key of another size, a length that no ciphertext has, a padding out of range, or a tag that
/// is not the one of the text.
pub fn decrypt(algorithm: CipherAlgorithm, key: &Secret, data: Vec<u8>) -> Result<Vec<u8>, Undecryptable> {
    match algorithm {
        CipherAlgorithm::TripleDesCbc => cbc::decrypt::<TdesEde3>(key, data),
        CipherAlgorithm::Aes128Cbc => cbc::decrypt::<Aes128>(key, data),
        CipherAlgorithm::Aes192Cbc => cbc::decrypt::<Aes192>(key, data),
        CipherAlgorithm::Aes256Cbc => cbc::decrypt::<Aes256>(key, data),
        CipherAlgorithm::Aes128Gcm => gcm::decrypt(&AES_128_GCM, key, data),
        CipherAlgorithm::Aes192Gcm => gcm::decrypt(&AES_192_GCM, key, data),
        CipherAlgorithm::Aes256Gcm => gcm::decrypt(&AES_256_GCM, key, data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    const TRIPLE_DES: &str = "df4fb48a5c3414fa340a1553efae84317b4c6aab8845fb9247ee5e08514dd2bc\
         515a4aa25332eca936ee6ebe03ee555dd7d72374bd3d3d150f8ab00f19a5ae97\
         91c7c1cd350365e5";

    /// Draws 0, 1, 2 and so on, anew at every call.
    struct Counting;

    impl Random for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            (0..).zip(out).for_each(|(count, octet)| *octet = count);
        }
    }

    /// [SP 800-38A] sections F.2.1 to F.2.6.
    #[test]
    fn sp_800_38a() {
        #[track_caller]
        fn check(algorithm: CipherAlgorithm, key: &str, expect: &str) {
            let (key, iv): (_, Vec<u8>) = (Secret::new(hex(key)), (0..16).collect());
            let expect = [iv, hex(expect)].concat();
            let mut out = b"before".to_vec();
            encrypt(algorithm, &key, &mut Counting, &hex(PLAIN), &mut out).unwrap();
            assert_eq!(out[6..][..expect.len()], expect);
            assert_eq!(out.len(), 6 + expect.len() + 16, "a whole block of padding follows");
            assert_eq!(decrypt(algorithm, &key, out[6..].to_vec()).unwrap(), hex(PLAIN));
        }
        check(
            CipherAlgorithm::Aes128Cbc,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2\
             73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
        );
        check(
            CipherAlgorithm::Aes192Cbc,
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a\
             571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
        );
        check(
            CipherAlgorithm::Aes256Cbc,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
             39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
        );
    }

    /// What OpenSSL gives for three keys and the same text. The standard's own vectors are for single blocks: those of
    /// [SP 800-67] appendix B.1 are checked as such, by an initialization vector that the text takes out again.
    #[test]
    fn triple_des() {
        let algorithm = CipherAlgorithm::TripleDesCbc;
        let key = Secret::new(hex("0123456789abcdef23456789abcdef01456789abcdef0123"));
        let mut out = Vec::new();
        encrypt(algorithm, &key, &mut Counting, &hex(PLAIN), &mut out).unwrap();
        assert_eq!(out, [&[0, 1, 2, 3, 4, 5, 6, 7][..], &hex(TRIPLE_DES)].concat());
        assert_eq!(decrypt(algorithm, &key, out).unwrap(), hex(PLAIN));

        // As the standard spells it.
        let plain = b"The qufck brown fox jump";
        let blocks = ["a826fd8ce53b855f", "cce21c8112256fe6", "68d5c05dd9b6b900"];
        for (plain, expect) in plain.chunks(8).zip(blocks) {
            let masked: Vec<u8> = (0..).zip(plain).map(|(count, octet)| count ^ octet).collect();
            let mut out = Vec::new();
            encrypt(algorithm, &key, &mut Counting, &masked, &mut out).unwrap();
            assert_eq!(out[8..16], hex(expect));
        }
    }

    /// Draws these octets, at every call.
    struct These(Vec<u8>);

    impl Random for These {
        fn fill(&mut self, out: &mut [u8]) {
            out.copy_from_slice(&self.0);
        }
    }

    /// The cases 3, 9 and 15 of the specification of GCM that was submitted to NIST: those without further data.
    #[test]
    fn gcm() {
        const PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
        const KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
        const IV: &str = "cafebabefacedbaddecaf888";
        #[track_caller]
        fn check(algorithm: CipherAlgorithm, expect: &str) {
            let key = Secret::new(hex(&KEY[..2 * algorithm.key_size()]));
            let mut out = b"before".to_vec();
            encrypt(algorithm, &key, &mut These(hex(IV)), &hex(PLAIN), &mut out).unwrap();
            assert_eq!(out[6..], [hex(IV), hex(expect)].concat());
            assert_eq!(decrypt(algorithm, &key, out[6..].to_vec()).unwrap(), hex(PLAIN));
            for at in 6..out.len() {
                let mut changed = out[6..].to_vec();
                changed[at - 6] ^= 1;
                assert_eq!(decrypt(algorithm, &key, changed), Err(Undecryptable), "{at}");
            }
        }
        check(
            CipherAlgorithm::Aes128Gcm,
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
             21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985\
             4d5c2af327cd64a62cf35abd2ba6fab4",
        );
        check(
            CipherAlgorithm::Aes192Gcm,
            "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c\
             7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710acade256\
             9924a7c8587336bfb118024db8674a14",
        );
        check(
            CipherAlgorithm::Aes256Gcm,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad\
             b094dac5d93471bdec1a502270e3cc6c",
        );
    }

    /// The ciphers that pad, with their block.
    fn padding_ciphers() -> impl Iterator<Item = (CipherAlgorithm, usize)> {
        // In CBC the vector is a block.
        CipherAlgorithm::ALL.into_iter().filter(|a| a.tag_size().is_none()).map(|a| (a, a.iv_size()))
    }

    /// Every length survives, in the allocation that was given.
    #[test]
    fn round_trips_in_place() {
        for algorithm in CipherAlgorithm::ALL {
            let key = Secret::new(vec![7; algorithm.key_size()]);
            for length in 0..100_u8 {
                let plain: Vec<u8> = (0..length).collect();
                let mut out = Vec::new();
                encrypt(algorithm, &key, &mut Counting, &plain, &mut out).unwrap();
                let behind = algorithm.tag_size().unwrap_or_else(|| {
                    let block = algorithm.iv_size();
                    block - usize::from(length) % block
                });
                assert_eq!(out.len(), algorithm.iv_size() + usize::from(length) + behind);
                let place = out.as_ptr();
                let back = decrypt(algorithm, &key, out).unwrap();
                assert_eq!(back, plain);
                assert_eq!(back.as_ptr(), place);
            }
        }
    }

    /// Of the padding only the last octet means anything: 1 to the octets of a block, whatever the others say.
    #[test]
    fn xe_11_only_the_last_octet_of_padding_counts() {
        for (algorithm, size) in padding_ciphers() {
            let key = Secret::new(vec![7; algorithm.key_size()]);
            for last in 0..=255_u8 {
                // Without its own block of padding this is one block whose last octet is `last`, the others arbitrary.
                let block: Vec<u8> = (1..size as u8).map(|i| 0xf0 ^ i).chain([last]).collect();
                let mut data = Vec::new();
                encrypt(algorithm, &key, &mut Counting, &block, &mut data).unwrap();
                data.truncate(2 * size);
                let back = decrypt(algorithm, &key, data);
                if (1..=size).contains(&usize::from(last)) {
                    assert_eq!(back.as_deref(), Ok(&block[..size - usize::from(last)]));
                } else {
                    assert_eq!(back, Err(Undecryptable), "{last}");
                }
            }
        }
    }

    /// In CBC no length but two whole blocks or more does anything.
    #[test]
    fn xe_11_odd_lengths_are_refused() {
        for (algorithm, block) in padding_ciphers() {
            let key = Secret::new(vec![7; algorithm.key_size()]);
            for length in (0..64).filter(|length| *length < 2 * block || length % block != 0) {
                assert_eq!(decrypt(algorithm, &key, vec![1; length]), Err(Undecryptable), "{length}");
            }
        }
    }

    /// In GCM an empty text has a ciphertext, and nothing shorter than it, or shortened to it, is one.
    #[test]
    fn xe_11_truncated_tags_are_refused() {
        for algorithm in CipherAlgorithm::ALL.into_iter().filter(|a| a.tag_size().is_some()) {
            let key = Secret::new(vec![7; algorithm.key_size()]);
            for plain in [&b""[..], b"plain"] {
                let mut out = Vec::new();
                encrypt(algorithm, &key, &mut Counting, plain, &mut out).unwrap();
                for length in 0..out.len() {
                    assert_eq!(decrypt(algorithm, &key, out[..length].to_vec()), Err(Undecryptable), "{length}");
                }
                assert_eq!(decrypt(algorithm, &key, out).as_deref(), Ok(plain));
            }
        }
    }

    /// A key is as long as its cipher wants, or does nothing.
    #[test]
    fn odd_keys_are_refused() {
        for algorithm in CipherAlgorithm::ALL {
            for size in (0..64).filter(|size| *size != algorithm.key_size()) {
                let key = Secret::new(vec![7; size]);
                let mut out = b"before".to_vec();
                assert_eq!(
                    encrypt(algorithm, &key, &mut Counting, b"plain", &mut out),
                    Err(WrongKeySize { algorithm, size })
                );
                assert_eq!(out, b"before");
                assert_eq!(decrypt(algorithm, &key, vec![1; 48]), Err(Undecryptable));
            }
        }
    }

    /// What is wrong with a peer's octets does not show in the error.
    #[test]
    fn xe_01_one_error() {
        assert_eq!(Undecryptable.to_string(), "does not decrypt");
        assert_eq!(size_of::<Undecryptable>(), 0);
    }
}
