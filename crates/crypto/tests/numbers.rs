//! Public keys with numbers that nobody's honest key has.

mod common;

use common::Foreseeable;
use nuncio_crypto::algorithm::{DigestAlgorithm, KeyTransport, SignatureAlgorithm};
use nuncio_crypto::digest::hash;
use nuncio_crypto::key::PublicKey;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::sign::verify;
use nuncio_crypto::transport::{WrapError, wrap};

/// A value in DER of that tag.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..0x80 => out.push(length as u8),
        0x80..0x100 => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// A public key of RSA with that modulus and exponent, whatever they are.
fn rsa(modulus: &[u8], exponent: &[u8]) -> PublicKey {
    let positive = |octets: &[u8]| der(2, &[&[0], octets].concat());
    let exponent = if exponent[0] & 0x80 == 0 { der(2, exponent) } else { positive(exponent) };
    let numbers = der(0x30, &[positive(modulus), exponent].concat());
    // rsaEncryption, NULL
    let algorithm = der(0x30, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]);
    let info = der(0x30, &[algorithm, der(3, &[&[0], numbers.as_slice()].concat())].concat());
    PublicKey::from_der(&info).expect("well-formed")
}

/// Moduli that are too small, or so large that one verification costs what a hundred should, are not used at all.
#[test]
fn pa_14_moduli_of_other_sizes() {
    let secret = Secret::new(vec![7; 32]);
    let wrapped = |octets: usize| {
        let mut modulus = vec![0xff; octets];
        // Odd, and no power of two.
        modulus[octets - 1] = 0xfd;
        let key = rsa(&modulus, &[1, 0, 1]);
        assert_eq!(key.rsa_bits(), Some(octets * 8));
        assert!(!verify(&key, SignatureAlgorithm::RsaSha256, b"Nuncio", &vec![1; octets]));
        wrap(&key, KeyTransport::OAEP_SHA1, &secret, &mut Foreseeable(1))
    };
    for octets in [64, 128, 255, 1025, 2048, 8000] {
        assert!(matches!(wrapped(octets), Err(WrapError::UnusableKey)), "{octets}");
    }
    assert!(wrapped(256).is_ok() && wrapped(512).is_ok());
}

/// Under the exponent 1 every encoding is its own signature.
#[test]
fn pa_14_exponents_that_sign_everything() {
    // DigestInfo of SHA-256.
    let info = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let digest = hash(DigestAlgorithm::Sha256, b"Nuncio");
    let mut encoding = vec![0, 1];
    encoding.resize(256 - info.len() - 33, 0xff);
    encoding.push(0);
    encoding.extend_from_slice(&info);
    encoding.extend_from_slice(digest.as_ref());
    let mut modulus = vec![0xc5; 256];
    modulus[255] = 0x0d;
    for exponent in [&[1][..], &[2], &[0x7f, 0xff, 0xff, 0xfe], &[0xff; 9], &[0xff; 256]] {
        let forged = rsa(&modulus, exponent);
        assert!(!verify(&forged, SignatureAlgorithm::RsaSha256, b"Nuncio", &encoding), "{exponent:?}");
    }
}
