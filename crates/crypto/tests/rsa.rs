//! RSA: keys, key transport and signatures, against the vectors of a third implementation and against each other.

mod common;

use common::{Foreseeable, certificate, data, key, vector};
use nuncio_crypto::Undecryptable;
use nuncio_crypto::algorithm::{DigestAlgorithm, KeyTransport, SignatureAlgorithm};
use nuncio_crypto::key::{KeyError, PrivateKey};
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::sign::{sign, verify};
use nuncio_crypto::transport::{WrapError, unwrap, wrap};

const MESSAGE: &[u8] = b"Nuncio";
/// The vectors of RSA 1.5 that are malformed.
const RSA15_MALFORMED: [&str; 12] = [
    "first-octet",
    "block-type-1",
    "block-type-0",
    "no-zero",
    "zero-at-2",
    "zero-at-3",
    "zero-at-8",
    "zero-at-9",
    "zeros",
    "ones",
    "empty",
    "long",
];
/// OAEP does not ask.
const ANY: &[usize] = &[];

fn name(digest: DigestAlgorithm) -> &'static str {
    match digest {
        DigestAlgorithm::Sha1 => "sha1",
        DigestAlgorithm::Sha256 => "sha256",
        DigestAlgorithm::Sha384 => "sha384",
        DigestAlgorithm::Sha512 => "sha512",
    }
}

/// The signature algorithms of RSA.
fn algorithms() -> impl Iterator<Item = SignatureAlgorithm> {
    SignatureAlgorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_ecdsa())
}

/// Every pair of digests of OAEP, with the name of its vector.
fn pairs() -> impl Iterator<Item = (KeyTransport, String)> {
    DigestAlgorithm::ALL.into_iter().flat_map(|digest| {
        DigestAlgorithm::ALL.into_iter().map(move |mask| {
            (KeyTransport::Oaep { digest, mask, v11: true }, format!("oaep-{}-{}", name(digest), name(mask)))
        })
    })
}

/// The key in PKCS #8 and in PKCS #1 is one key; a certificate matches it or not.
#[test]
fn keys() {
    let key = key();
    let other = PrivateKey::from_pem(&data("leaf.pkcs1.key.pem")).unwrap();
    for name in ["leaf", "self-signed", "expired", "names"] {
        assert!(key.matches(&certificate(name)), "{name}");
        assert!(other.matches(&certificate(name)), "{name}");
    }
    for name in ["imposter", "root", "weak", "ec"] {
        assert!(!key.matches(&certificate(name)), "{name}");
    }
    assert_eq!(key.public_key().rsa_bits(), Some(2048));
    // A chain file with the key in it, in either order.
    assert!(PrivateKey::from_pem(&[data("leaf.pem"), data("leaf.key.pem")].concat()).is_ok());
}

/// What an operator may mistake for a key of ours.
#[test]
fn xs_21_keys_that_are_refused() {
    let error = |pem: &[u8]| PrivateKey::from_pem(pem).err();
    assert_eq!(error(&data("leaf.encrypted.key.pem")), Some(KeyError::Encrypted));
    assert_eq!(error(&data("weak.key.pem")), Some(KeyError::Size { bits: 1024 }));
    assert_eq!(error(&data("ec.key.pem")), Some(KeyError::NotRsa));
    assert_eq!(error(&data("leaf.pem")), Some(KeyError::Missing));
    assert_eq!(error(b""), Some(KeyError::Missing));
    assert_eq!(PrivateKey::from_der(&[]).err(), Some(KeyError::NotRsa));
    assert_eq!(PrivateKey::from_der(certificate("leaf").der()).err(), Some(KeyError::NotRsa));
}

/// A key is shared between threads, and so are the certificates.
#[test]
fn keys_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<PrivateKey>();
    shared::<nuncio_crypto::certificate::Certificate>();
    shared::<nuncio_crypto::trust::Trust>();
    shared::<Secret>();
}

/// What another implementation wrapped, under every pair of digests, opens under that pair alone.
#[test]
fn oaep_vectors() {
    let key = key();
    let expect: Vec<u8> = (0..32).collect();
    for (transport, name) in pairs() {
        let ciphertext = vector(&name);
        for (other, _) in pairs() {
            let opened = unwrap(&key, other, &ciphertext, ANY);
            assert_eq!(opened.is_ok_and(|secret| secret.matches(&expect)), other == transport, "{name} as {other:?}");
        }
    }
    // The URI of the older specification is the same operation.
    let older = KeyTransport::Oaep { digest: DigestAlgorithm::Sha256, mask: DigestAlgorithm::Sha1, v11: false };
    assert!(unwrap(&key, older, &vector("oaep-sha256-sha1"), ANY).unwrap().matches(&expect));
    assert!(unwrap(&key, KeyTransport::OAEP_SHA1, &vector("oaep-sha1-sha1"), ANY).unwrap().matches(&expect));
}

/// Keys of every size survive, under every pair; the random octets alone decide the ciphertext.
#[test]
fn oaep_round_trips() {
    let (key, certificate) = (key(), certificate("leaf"));
    for (transport, name) in pairs() {
        for size in [0_u8, 16, 24, 32, 64] {
            let secret = Secret::new((0..size).collect());
            let wrapped = |seed| wrap(certificate.public_key(), transport, &secret, &mut Foreseeable(seed)).unwrap();
            assert_eq!(wrapped(1).len(), 256);
            assert_eq!(wrapped(1), wrapped(1), "{name}");
            assert_ne!(wrapped(1), wrapped(2), "{name}");
            assert!(
                unwrap(&key, transport, &wrapped(u64::from(size)), ANY).unwrap().matches(secret.expose()),
                "{name}"
            );
        }
    }
}

/// The largest key that has room, and one octet more.
#[test]
fn oaep_room() {
    let certificate = certificate("leaf");
    for (transport, _) in pairs() {
        let KeyTransport::Oaep { digest, .. } = transport else { continue };
        let room = 256 - 2 - 2 * digest.size();
        let wrapped =
            |size| wrap(certificate.public_key(), transport, &Secret::new(vec![1; size]), &mut Foreseeable(1));
        assert!(unwrap(&key(), transport, &wrapped(room).unwrap(), ANY).unwrap().matches(&vec![1; room]));
        assert_eq!(wrapped(room + 1), Err(WrapError::TooLong { octets: room + 1 }));
    }
}

/// Keys that nothing is wrapped under.
#[test]
fn xs_21_unusable_keys() {
    for name in ["weak", "ec"] {
        let (certificate, secret) = (certificate(name), Secret::new(vec![1; 16]));
        let wrapped = wrap(certificate.public_key(), KeyTransport::OAEP_SHA1, &secret, &mut Foreseeable(1));
        assert_eq!(wrapped, Err(WrapError::UnusableKey), "{name}");
    }
}

/// Whatever is wrong with a ciphertext, in either library: the same error.
#[test]
fn xe_03_oaep_failures_are_one() {
    let key = key();
    for (transport, name) in pairs().step_by(3) {
        let sound = vector(&name);
        let mut broken: Vec<Vec<u8>> = (0..256).step_by(51).map(|at| flipped(&sound, at)).collect();
        broken.extend([
            Vec::new(),
            vec![0; 256],
            [vec![0; 255], vec![1]].concat(), // 1 stays 1 under any exponent
            vec![0xff; 256],                  // larger than the modulus
            sound[1..].to_vec(),
            sound[..255].to_vec(),
            [&[0], &sound[..]].concat(),
            [&sound[..], &[0]].concat(),
        ]);
        for ciphertext in broken {
            assert_eq!(unwrap(&key, transport, &ciphertext, ANY).err(), Some(Undecryptable), "{name}");
        }
    }
}

/// Keys of every size survive RSA 1.5, and the random octets alone decide the ciphertext.
#[test]
fn rsa15_round_trips() {
    let (key, certificate) = (key(), certificate("leaf"));
    let wrapped = |size, seed| {
        wrap(certificate.public_key(), KeyTransport::Rsa15, &Secret::new(vec![9; size]), &mut Foreseeable(seed))
    };
    for size in [16, 24, 32, 64, 245] {
        let ciphertext = wrapped(size, 1).unwrap();
        assert_eq!(ciphertext.len(), 256);
        assert_eq!(wrapped(size, 1).unwrap(), ciphertext);
        assert_ne!(wrapped(size, 2).unwrap(), ciphertext);
        for lengths in [&[size][..], &[1, size], &[size, 300]] {
            assert!(unwrap(&key, KeyTransport::Rsa15, &ciphertext, lengths).unwrap().matches(&vec![9; size]));
        }
    }
    assert_eq!(wrapped(246, 1), Err(WrapError::TooLong { octets: 246 }));
    assert_eq!(unwrap(&key, KeyTransport::Rsa15, &wrapped(16, 1).unwrap(), &[]).err(), Some(Undecryptable));
}

/// What another implementation wrapped.
#[test]
fn rsa15_vector() {
    let expect: Vec<u8> = (0..32).collect();
    assert!(unwrap(&key(), KeyTransport::Rsa15, &vector("rsa15"), &[32]).unwrap().matches(&expect));
}

/// Every way in which a padding may be malformed, and every length that is not asked for, opens as a sound one does: to
/// a key of the usual length, the same each time, and another for another ciphertext or another private key.
#[test]
fn xe_02_rsa15_rejects_implicitly() {
    let key = key();
    let other = PrivateKey::from_pem(&data("other.key.pem")).unwrap();
    let mut broken: Vec<(String, Vec<u8>)> = RSA15_MALFORMED
        .iter()
        .map(|name| ((*name).to_owned(), vector(&format!("rsa15-{name}"))))
        .chain([0_usize, 15, 17, 24, 31, 33, 64, 245].map(|size| {
            let secret = Secret::new(vec![9; size]);
            let wrapped = wrap(key.public_key(), KeyTransport::Rsa15, &secret, &mut Foreseeable(3)).unwrap();
            (format!("{size} octets"), wrapped)
        }))
        .collect();
    let sound = vector("rsa15");
    broken.extend((0..256).step_by(51).map(|at| (format!("bit of octet {at}"), flipped(&sound, at))));
    broken.extend([
        ("nothing".to_owned(), Vec::new()),
        ("zero".to_owned(), vec![0; 256]),
        ("one".to_owned(), [vec![0; 255], vec![1]].concat()),
        ("beyond the modulus".to_owned(), vec![0xff; 256]),
        ("an octet less".to_owned(), sound[1..].to_vec()),
        ("an octet more".to_owned(), [&sound[..], &[0]].concat()),
        ("OAEP".to_owned(), vector("oaep-sha1-sha1")),
    ]);
    let mut seen = Vec::new();
    for (name, ciphertext) in broken {
        let opened = |key, lengths: &[usize]| unwrap(key, KeyTransport::Rsa15, &ciphertext, lengths).unwrap();
        let secret = opened(&key, &[32]);
        assert_eq!(secret.len(), 32, "{name}");
        assert!(opened(&key, &[32]).matches(secret.expose()), "{name}");
        assert!(!opened(&other, &[32]).matches(secret.expose()), "{name}");
        // Nothing of what is under the padding shines through.
        for part in [[9; 8], [0, 1, 2, 3, 4, 5, 6, 7], [0; 8]] {
            assert!(!secret.expose().windows(8).any(|window| window == part), "{name}");
        }
        assert!(!seen.contains(&secret.expose().to_vec()), "{name}");
        seen.push(secret.expose().to_vec());
    }
}

/// The lengths that are let in beside the usual one are let in, and a made-up key has the usual one, if it is longer
/// than a modulus.
#[test]
fn xe_02_rsa15_lengths() {
    let key = key();
    let sound = vector("rsa15");
    let size =
        |ciphertext: &[u8], lengths: &[usize]| unwrap(&key, KeyTransport::Rsa15, ciphertext, lengths).unwrap().len();
    assert_eq!(size(&sound, &[16, 24, 32]), 32);
    assert_eq!(size(&sound, &[16, 24]), 16);
    assert_eq!(size(&sound, &[24, 16]), 24);
    assert_eq!(size(&sound, &[300]), 300);
    assert_eq!(size(&sound[1..], &[1000, 32]), 1000);
    // `rsa` gives a malformed one a length of its own, which may be let in by chance, but not often.
    let usual = (0..200).filter(|seed| {
        let mut ciphertext = vec![0; 256];
        Foreseeable(*seed).fill(&mut ciphertext[1..]);
        size(&ciphertext, &[32, 16, 24]) == 32
    });
    assert!((190..=200).contains(&usual.count()));
}

/// Signatures are those of another implementation, to the octet, and verify.
#[test]
fn signature_vectors() {
    let (key, certificate) = (key(), certificate("leaf"));
    for algorithm in algorithms() {
        let expect = vector(&format!("rsa-{}", name(algorithm.digest())));
        for seed in 0..3 {
            assert_eq!(sign(&key, algorithm, MESSAGE, &mut Foreseeable(seed)).unwrap(), expect, "{algorithm:?}");
        }
        assert!(verify(certificate.public_key(), algorithm, MESSAGE, &expect));
        assert!(verify(key.public_key(), algorithm, MESSAGE, &expect));
    }
}

/// A generator that always draws the same may give the key away, but keeps nobody waiting.
#[test]
fn poor_generators_are_no_trap() {
    struct Same(u8);
    impl Random for Same {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }
    let key = key();
    for octet in [0, 1, 0xff] {
        let signature = sign(&key, SignatureAlgorithm::RsaSha1, MESSAGE, &mut Same(octet)).unwrap();
        assert_eq!(signature, vector("rsa-sha1"));
        let secret = Secret::new(vec![7; 32]);
        let wrapped = wrap(key.public_key(), KeyTransport::OAEP_SHA1, &secret, &mut Same(octet)).unwrap();
        assert!(unwrap(&key, KeyTransport::OAEP_SHA1, &wrapped, ANY).unwrap().matches(secret.expose()));
    }
}

/// A signature is for one message, one algorithm, one key, and has one form.
#[test]
fn xs_21_other_signatures_do_not_verify() {
    let key = key();
    for algorithm in algorithms() {
        let sound = vector(&format!("rsa-{}", name(algorithm.digest())));
        for other in SignatureAlgorithm::ALL {
            assert_eq!(verify(key.public_key(), other, MESSAGE, &sound), other == algorithm);
        }
        assert!(!verify(key.public_key(), algorithm, b"nuncio", &sound));
        assert!(!verify(key.public_key(), algorithm, b"", &sound));
        for name in ["imposter", "root", "weak", "ec"] {
            assert!(!verify(certificate(name).public_key(), algorithm, MESSAGE, &sound), "{name}");
        }
        for at in 0..256 {
            assert!(!verify(key.public_key(), algorithm, MESSAGE, &flipped(&sound, at)), "{at}");
        }
        for signature in
            [&[][..], &sound[1..], &sound[..255], &[&[0], &sound[..]].concat(), &[&sound[..], &[0]].concat(), &[0; 256]]
        {
            assert!(!verify(key.public_key(), algorithm, MESSAGE, signature));
        }
    }
}

/// Signatures by the right key whose encoding is not the one and only, as a forger could make under a small exponent.
#[test]
fn xs_21_malformed_encodings_do_not_verify() {
    for name in ["short-padding", "no-null", "long-length", "block-type-2", "padding-octet", "bare-digest"] {
        let signature = vector(&format!("malformed-{name}"));
        assert_eq!(signature.len(), 256);
        assert!(!verify(key().public_key(), SignatureAlgorithm::RsaSha1, MESSAGE, &signature), "{name}");
    }
}

fn flipped(octets: &[u8], at: usize) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets[at] ^= 1;
    octets
}
