//! Every algorithm against the vectors of Project Wycheproof: what is valid must be taken and what is not refused.
//!
//! Each test ends in a table of what was run and of what was passed over, with the reason and the count: a vector that
//! is not looked at any more is a failure. Not loaded at all are the sets of what XML Security does not name (`aes_kwp`,
//! key wrap with padding, among them) and of PSS, which no suite has. There is no set for Triple DES: its vectors stand
//! beside the code.

// A vector that cannot be read is the test's failure.
#![allow(clippy::unwrap_used)]

use nuncio_crypto::Undecryptable;
use nuncio_crypto::algorithm::{
    CipherAlgorithm, DigestAlgorithm, KeyTransport, KeyWrap, MacAlgorithm, SignatureAlgorithm,
};
use nuncio_crypto::key::{Curve, KeyError, PrivateKey, PublicKey};
use nuncio_crypto::mac::mac;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::sign::verify;
use nuncio_crypto::{cipher, keywrap, transport};
use std::collections::BTreeMap;
use wycheproof::{EllipticCurve, HashFunction, Mgf, TestResult, aead, ecdsa, keywrap as wraps, mac as macs};
use wycheproof::{cipher as ciphers, rsa_oaep, rsa_pkcs1_decrypt, rsa_pkcs1_verify};

/// What was run and what was not.
#[derive(Default)]
struct Count(BTreeMap<&'static str, usize>);

impl Count {
    fn add(&mut self, what: &'static str, vectors: usize) {
        *self.0.entry(what).or_default() += vectors;
    }

    #[track_caller]
    fn expect(self, table: &[(&'static str, usize)]) {
        assert_eq!(self.0, table.iter().copied().collect());
    }
}

/// Draws these octets, at every call.
struct These<'a>(&'a [u8]);

impl Random for These<'_> {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(self.0);
    }
}

fn digest(hash: HashFunction) -> Option<DigestAlgorithm> {
    match hash {
        HashFunction::Sha1 => Some(DigestAlgorithm::Sha1),
        HashFunction::Sha2_256 => Some(DigestAlgorithm::Sha256),
        HashFunction::Sha2_384 => Some(DigestAlgorithm::Sha384),
        HashFunction::Sha2_512 => Some(DigestAlgorithm::Sha512),
        _ => None,
    }
}

fn signature(hash: HashFunction, is_ecdsa: bool) -> Option<SignatureAlgorithm> {
    let digest = digest(hash)?;
    SignatureAlgorithm::ALL.into_iter().find(|a| a.digest() == digest && a.is_ecdsa() == is_ecdsa)
}

const NO_DIGEST: &str = "skipped: a digest that is not built (SHA-224, SHA-512/t, SHA-3, SHAKE)";

#[test]
fn xs_21_rsa_signatures() {
    let mut count = Count::default();
    for name in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let Some(algorithm) = signature(group.hash, false) else {
                count.add(NO_DIGEST, group.tests.len());
                continue;
            };
            let key = PublicKey::from_der(&group.der).unwrap();
            for test in &group.tests {
                // What is acceptable lacks the NULL of the digest's parameters: we know one encoding.
                let sound = verify(&key, algorithm, &test.msg, &test.sig);
                assert_eq!(sound, test.result == TestResult::Valid, "{name:?} {}: {}", test.tc_id, test.comment);
            }
            count.add("run", group.tests.len());
        }
    }
    count.expect(&[("run", 3106), (NO_DIGEST, 3096)]);
}

#[test]
fn xs_21_ecdsa_signatures() {
    let mut count = Count::default();
    for name in ecdsa::TestName::all() {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let vectors = group.tests.len();
            let key = PublicKey::from_der(&group.der).unwrap();
            let curve = match group.key.curve {
                EllipticCurve::Secp256r1 => Some(Curve::P256),
                EllipticCurve::Secp384r1 => Some(Curve::P384),
                EllipticCurve::Secp521r1 => Some(Curve::P521),
                _ => None,
            };
            assert_eq!(key.curve(), curve, "{name:?}");
            let Some(algorithm) = signature(group.hash, true) else {
                count.add(NO_DIGEST, vectors);
                continue;
            };
            // The form of X9.62, in DER, is not that of XML Signature: whatever is valid in it is not valid here.
            let in_form = group.test_type == ecdsa::TestGroupTypeId::EcdsaP1363;
            for test in &group.tests {
                let expect = in_form && curve.is_some() && test.result == TestResult::Valid;
                let sound = verify(&key, algorithm, &test.msg, &test.sig);
                assert_eq!(sound, expect, "{name:?} {}: {}", test.tc_id, test.comment);
            }
            count.add(
                match (curve, in_form) {
                    (None, _) => "run: other curves, of which none may verify",
                    (Some(_), false) => "run: in DER, of which none may verify",
                    (Some(_), true) => "run",
                },
                vectors,
            );
        }
    }
    count.expect(&[
        ("run", 1510),
        ("run: in DER, of which none may verify", 3098),
        ("run: other curves, of which none may verify", 10943),
        (NO_DIGEST, 14352),
    ]);
}

/// Where digest and mask differ, the first octet under RSA is not looked at ([`transport`] tells why): what is invalid
/// for it alone opens, and to the very message.
#[test]
fn xe_03_oaep() {
    const LABEL: &str = "run: with a label, of which none may open";
    const FIRST: &str = "run: invalid in the first octet alone, which one library passes over";
    let mut count = Count::default();
    for name in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let vectors = group.tests.len();
            let (Some(digest), Some(mask), Mgf::Mgf1) = (digest(group.hash), digest(group.mgf_hash), group.mgf) else {
                count.add(NO_DIGEST, vectors);
                continue;
            };
            let key = match PrivateKey::from_der(&group.pkcs8) {
                Ok(key) => key,
                Err(error) => {
                    assert_eq!(error, KeyError::Size { bits: group.key_size }, "{name:?}");
                    count.add("skipped: a key of less than 2048 bits, which is refused", vectors);
                    continue;
                }
            };
            let algorithm = KeyTransport::Oaep { digest, mask, v11: true };
            for test in &group.tests {
                let opened = transport::unwrap(&key, algorithm, &test.ct, &[]);
                let first = digest != mask && test.comment.starts_with("First byte is ");
                if test.label.is_empty() && (test.result == TestResult::Valid || first) {
                    assert!(opened.unwrap().matches(&test.pt), "{name:?} {}: {}", test.tc_id, test.comment);
                } else {
                    assert_eq!(opened.err(), Some(Undecryptable), "{name:?} {}: {}", test.tc_id, test.comment);
                }
                count.add(
                    match (test.label.is_empty(), first) {
                        (false, _) => LABEL,
                        (true, true) => FIRST,
                        (true, false) => "run",
                    },
                    1,
                );
            }
        }
    }
    count.expect(&[
        ("run", 601),
        (FIRST, 7),
        (LABEL, 94),
        (NO_DIGEST, 324),
        ("skipped: a key of less than 2048 bits, which is refused", 72),
    ]);
}

/// Under RSA 1.5 whatever is invalid opens, to a key of the length that is asked for, always the same; so does what is
/// valid but of another length.
#[test]
fn xe_02_rsa15() {
    let mut count = Count::default();
    for name in rsa_pkcs1_decrypt::TestName::all() {
        for group in rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            let key = PrivateKey::from_der(&group.pkcs8).unwrap();
            for test in &group.tests {
                let at = format!("{name:?} {}: {}", test.tc_id, test.comment);
                let opened = |octets| transport::unwrap(&key, KeyTransport::Rsa15, &test.ct, &[octets]).unwrap();
                if test.result == TestResult::Valid {
                    assert!(opened(test.pt.len()).matches(&test.pt), "{at}");
                }
                // No message of a vector has as many.
                assert_ne!(test.pt.len(), 31, "{at}");
                let made_up = opened(31);
                assert_eq!(made_up.len(), 31, "{at}");
                assert!(opened(31).matches(made_up.expose()), "{at}");
                assert_ne!(made_up.expose()[..8], [0; 8], "{at}");
            }
            count.add("run", group.tests.len());
        }
    }
    count.expect(&[("run", 201)]);
}

#[test]
fn xe_11_gcm() {
    let mut count = Count::default();
    for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
        if (group.nonce_size, group.tag_size) != (96, 128) {
            count.add("skipped: another vector than of 12 octets, or another tag than of 16", group.tests.len());
            continue;
        }
        let algorithm = CipherAlgorithm::ALL
            .into_iter()
            .find(|a| a.tag_size().is_some() && 8 * a.key_size() == group.key_size)
            .unwrap();
        for test in &group.tests {
            let key = Secret::from(&test.key[..]);
            let data = [&test.nonce[..], &test.ct, &test.tag].concat();
            let opened = cipher::decrypt(algorithm, &key, data.clone());
            if !test.aad.is_empty() {
                assert_eq!(opened, Err(Undecryptable), "{}: {}", test.tc_id, test.comment);
                count.add("run: with further authenticated data, of which none may open", 1);
                continue;
            }
            if test.result == TestResult::Valid {
                assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "{}: {}", test.tc_id, test.comment);
                let mut sealed = Vec::new();
                cipher::encrypt(algorithm, &key, &mut These(&test.nonce), &test.pt, &mut sealed).unwrap();
                assert_eq!(sealed, data, "{}: {}", test.tc_id, test.comment);
            } else {
                assert_eq!(opened, Err(Undecryptable), "{}: {}", test.tc_id, test.comment);
            }
            count.add("run", 1);
        }
    }
    count.expect(&[
        ("run", 145),
        ("run: with further authenticated data, of which none may open", 52),
        ("skipped: another vector than of 12 octets, or another tag than of 16", 119),
    ]);
}

/// The padding of PKCS #7 is a sound one of XML Encryption, so what is valid under it is valid here.
#[test]
fn xe_11_cbc() {
    let mut count = Count::default();
    for group in ciphers::TestSet::load(ciphers::TestName::AesCbcPkcs5).unwrap().test_groups {
        let algorithm =
            CipherAlgorithm::ALL.into_iter().find(|a| a.iv_size() == 16 && 8 * a.key_size() == group.key_size).unwrap();
        for test in &group.tests {
            if test.result != TestResult::Valid {
                count.add("skipped: a padding that PKCS #7 refuses, and XML Encryption mostly not", 1);
                continue;
            }
            let key = Secret::from(&test.key[..]);
            let data = [&test.nonce[..], &test.ct].concat();
            assert_eq!(cipher::decrypt(algorithm, &key, data.clone()).as_deref(), Ok(&test.pt[..]), "{}", test.tc_id);
            let mut sealed = Vec::new();
            cipher::encrypt(algorithm, &key, &mut These(&test.nonce), &test.pt, &mut sealed).unwrap();
            assert_eq!(sealed, data, "{}", test.tc_id);
            count.add("run", 1);
        }
    }
    count.expect(&[("run", 72), ("skipped: a padding that PKCS #7 refuses, and XML Encryption mostly not", 144)]);
}

#[test]
fn xe_11_aes_wrap() {
    let mut count = Count::default();
    for group in wraps::TestSet::load(wraps::TestName::AesKeyWrap).unwrap().test_groups {
        let algorithm =
            KeyWrap::ALL.into_iter().find(|a| *a != KeyWrap::TripleDes && 8 * a.key_size() == group.key_size).unwrap();
        for test in &group.tests {
            let at = format!("{}: {}", test.tc_id, test.comment);
            let key = Secret::from(&test.key[..]);
            let opened = keywrap::unwrap(&key, algorithm, &test.ct);
            // What is acceptable is a key of 8 octets, for which RFC 3394 does not define the algorithm.
            if test.result == TestResult::Valid {
                assert!(opened.unwrap().matches(&test.pt), "{at}");
                let wrapped = keywrap::wrap(&key, algorithm, &Secret::from(&test.pt[..]), &mut These(&[]));
                assert_eq!(wrapped.as_deref(), Ok(&test.ct[..]), "{at}");
            } else {
                assert_eq!(opened.err(), Some(Undecryptable), "{at}");
            }
        }
        count.add("run", group.tests.len());
    }
    count.expect(&[("run", 165)]);
}

#[test]
fn hmac() {
    let mut count = Count::default();
    for (name, algorithm) in [
        (macs::TestName::HmacSha1, MacAlgorithm::HmacSha1),
        (macs::TestName::HmacSha256, MacAlgorithm::HmacSha256),
        (macs::TestName::HmacSha384, MacAlgorithm::HmacSha384),
        (macs::TestName::HmacSha512, MacAlgorithm::HmacSha512),
    ] {
        for group in macs::TestSet::load(name).unwrap().test_groups {
            let full = group.tag_size == 8 * algorithm.size();
            for test in &group.tests {
                let matches = mac(algorithm, &test.key, &[&test.msg]).matches(&test.tag);
                assert_eq!(matches, full && test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
            }
            count.add(if full { "run" } else { "run: shortened tags, of which none may match" }, group.tests.len());
        }
    }
    count.expect(&[("run", 348), ("run: shortened tags, of which none may match", 344)]);
}
