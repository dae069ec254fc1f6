//! ECDSA: keys on curves, and signatures of a third implementation.

mod common;

use common::{Foreseeable, certificate, key, vector};
use nuncio_crypto::algorithm::SignatureAlgorithm;
use nuncio_crypto::key::{Curve, PublicKey};
use nuncio_crypto::sign::{SigningFailed, sign, verify};

const MESSAGE: &[u8] = b"Nuncio";

/// The signature algorithms of ECDSA, with the name of their vectors.
fn algorithms() -> [(SignatureAlgorithm, &'static str); 3] {
    [
        (SignatureAlgorithm::EcdsaSha256, "ecdsa-sha256"),
        (SignatureAlgorithm::EcdsaSha384, "ecdsa-sha384"),
        (SignatureAlgorithm::EcdsaSha512, "ecdsa-sha512"),
    ]
}

/// A key is on a curve or RSA, or neither.
#[test]
fn keys() {
    let facts = |name: &str| {
        let certificate = certificate(name);
        (certificate.public_key().curve(), certificate.public_key().rsa_bits())
    };
    assert_eq!(facts("ec"), (Some(Curve::P256), None));
    assert_eq!(facts("leaf"), (None, Some(2048)));
    assert_eq!(facts("foreign"), (None, None));
    assert!(!key().matches(&certificate("ec")));
    assert!(!key().matches(&certificate("foreign")));
}

/// A signature is for one message, one algorithm, one key, and has one form.
#[test]
fn signatures() {
    let certificate = certificate("ec");
    let key = certificate.public_key();
    for (algorithm, name) in algorithms() {
        let sound = vector(name);
        assert_eq!(sound.len(), 64);
        for other in SignatureAlgorithm::ALL {
            assert_eq!(verify(key, other, MESSAGE, &sound), other == algorithm, "{name} as {other:?}");
        }
        assert!(!verify(key, algorithm, b"nuncio", &sound));
        assert!(!verify(key, algorithm, b"", &sound));
        for other in ["leaf", "foreign"] {
            assert!(!verify(common::certificate(other).public_key(), algorithm, MESSAGE, &sound), "{other}");
        }
        for at in 0..64 {
            let mut flipped = sound.clone();
            flipped[at] ^= 1;
            assert!(!verify(key, algorithm, MESSAGE, &flipped), "{at}");
        }
        let (r, s) = sound.split_at(32);
        for signature in [
            &[][..],
            &sound[1..],
            &sound[..63],
            &[&sound[..], &[0]].concat(),
            &[&[0], r, &[0], s].concat(),
            &[r, &[0], s].concat(), // the same numbers
            &[s, r].concat(),
            &[&[0; 32], s].concat(),
            &[r, &[0; 32]].concat(),
            &[0; 64],
            &[0xff; 64],
            &vector(&format!("{name}-der")),
        ] {
            assert!(!verify(key, algorithm, MESSAGE, signature), "{signature:?}");
        }
    }
}

/// An RSA key signs nothing by ECDSA, and does not pretend to.
#[test]
fn nothing_is_signed() {
    for (algorithm, _) in algorithms() {
        assert_eq!(sign(&key(), algorithm, MESSAGE, &mut Foreseeable(1)), Err(SigningFailed));
    }
}

/// A point that is not on its curve, or spelled otherwise, is no key; neither is one that the curve's name does not fit.
#[test]
fn xs_21_other_points() {
    // P-256, the point of `ec`.
    let certificate = certificate("ec");
    let der = certificate.der();
    let header = [0x03, 0x42, 0x00, 0x04];
    let at = der.windows(4).position(|window| window == header).unwrap();
    // The algorithm's identifier of 21 octets, and the sequence around it.
    let info = &der[at - 23..at + 68];
    assert!(PublicKey::from_der(info).unwrap() == *certificate.public_key());
    let changed = |at: usize, octet: u8| {
        let mut info = info.to_vec();
        info[at] = octet;
        PublicKey::from_der(&info).map(|key| key.curve())
    };
    let point = 26;
    assert_eq!(info[point], 4);
    assert_eq!(changed(point, 4), Some(Some(Curve::P256)));
    assert_eq!(changed(point + 1, info[point + 1] ^ 1), Some(None), "off the curve");
    assert_eq!(changed(point + 64, info[point + 64] ^ 1), Some(None), "off the curve");
    for form in [0, 2, 3, 5, 6, 7] {
        assert_eq!(changed(point, form), Some(None), "form {form}");
    }
    assert_eq!(changed(22, 6), Some(None), "another curve");
    assert!(PublicKey::from_der(&info[..90]).is_none());
    assert!(PublicKey::from_der(&[info, &[0]].concat()).is_none());
    assert!(PublicKey::from_der(&[]).is_none());
}
