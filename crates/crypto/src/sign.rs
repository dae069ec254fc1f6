//! Asymmetric signatures: RSASSA-PKCS1-v1_5 ([XML Signature 1.1] section 6.4.2), and ECDSA of others (section 6.4.3).
//!
//! AWS-LC signs over SHA-256, SHA-384 and SHA-512 and verifies all there are. It does not offer to sign over SHA-1,
//! which is what every suite of [WS-SP 1.3] names and every WCF or CXF peer with a `Basic` suite expects; that one is
//! signed by the `rsa` crate, blinded and in constant time, at some nine times the cost. This is the one place that
//! chooses.

use crate::algorithm::{DigestAlgorithm, SignatureAlgorithm};
use crate::digest::hash;
use crate::key::{Curve, EcPoint, PrivateKey, PublicKey};
use crate::random::{Random, Stream};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, UnparsedPublicKey,
};
use rsa::Pkcs1v15Sign;
use sha1::Sha1;

/// A signature could not be made: it is not one of RSA, or the library reported a fault in its own computation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the signature could not be computed")]
pub struct SigningFailed;

/// The signature over `message`: the octets of a `ds:SignatureValue`, as many as the modulus has.
///
/// The signature depends on key and message alone; `random` only blinds the computation.
pub fn sign(
    key: &PrivateKey,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    random: &mut dyn Random,
) -> Result<Vec<u8>, SigningFailed> {
    let encoding = match algorithm {
        SignatureAlgorithm::RsaSha1 => {
            let digest = hash(DigestAlgorithm::Sha1, message);
            return key
                .other
                .sign_with_rng(&mut Stream::draw(random), Pkcs1v15Sign::new::<Sha1>(), digest.as_ref())
                .map_err(|_| SigningFailed);
        }
        SignatureAlgorithm::RsaSha256 => &RSA_PKCS1_SHA256,
        SignatureAlgorithm::RsaSha384 => &RSA_PKCS1_SHA384,
        SignatureAlgorithm::RsaSha512 => &RSA_PKCS1_SHA512,
        // A private key is RSA.
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::EcdsaSha512 => {
            return Err(SigningFailed);
        }
    };
    let mut signature = vec![0; key.signing.public_modulus_len()];
    // AWS-LC ignores the generator it is given and blinds with its own.
    key.signing.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| SigningFailed)?;
    Ok(signature)
}

/// Whether `signature` is one over `message` by the holder of `key`, by an algorithm of the key's kind.
///
/// Under RSA the encoding must be the one and only ([RFC 8017] section 8.2.2), the signature as long as the modulus,
/// and the modulus within [`RSA_BITS`](crate::key::RSA_BITS). Under ECDSA the signature is r and s, each as long as a
/// coordinate of the key's curve ([XML Signature 1.1] section 6.4.3); for every signature (r, s) there is (r, −s) as
/// well, so nothing may be told apart by its signature. Anything else is `false`.
#[must_use]
pub fn verify(key: &PublicKey, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let parameters = match algorithm {
        SignatureAlgorithm::RsaSha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        SignatureAlgorithm::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::RsaSha384 => &RSA_PKCS1_2048_8192_SHA384,
        SignatureAlgorithm::RsaSha512 => &RSA_PKCS1_2048_8192_SHA512,
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::EcdsaSha512 => {
            return key.point().is_some_and(|point| verify_ecdsa(point, algorithm, message, signature));
        }
    };
    key.usable().is_some_and(|numbers| {
        let components = PublicKeyComponents { n: &numbers.modulus, e: &numbers.exponent };
        components.verify(parameters, message, signature).is_ok()
    })
}

fn verify_ecdsa(point: &EcPoint, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let Some(parameters) = curve_and_digest(point.curve, algorithm.digest()) else {
        return false;
    };
    if signature.len() != 2 * point.curve.size() {
        return false;
    }
    let (r, s) = signature.split_at(point.curve.size());
    UnparsedPublicKey::new(parameters, &point.octets).verify(message, &in_der(r, s)).is_ok()
}

/// What AWS-LC calls a curve with a digest. In the form that takes signatures in DER: in the other it has no P-256 with
/// SHA-384, nor any such pair whose sizes differ.
fn curve_and_digest(curve: Curve, digest: DigestAlgorithm) -> Option<&'static EcdsaVerificationAlgorithm> {
    use DigestAlgorithm::{Sha1, Sha256, Sha384, Sha512};
    match (curve, digest) {
        (_, Sha1) => None,
        (Curve::P256, Sha256) => Some(&ECDSA_P256_SHA256_ASN1),
        (Curve::P256, Sha384) => Some(&ECDSA_P256_SHA384_ASN1),
        (Curve::P256, Sha512) => Some(&ECDSA_P256_SHA512_ASN1),
        (Curve::P384, Sha256) => Some(&ECDSA_P384_SHA256_ASN1),
        (Curve::P384, Sha384) => Some(&ECDSA_P384_SHA384_ASN1),
        (Curve::P384, Sha512) => Some(&ECDSA_P384_SHA512_ASN1),
        (Curve::P521, Sha256) => Some(&ECDSA_P521_SHA256_ASN1),
        (Curve::P521, Sha384) => Some(&ECDSA_P521_SHA384_ASN1),
        (Curve::P521, Sha512) => Some(&ECDSA_P521_SHA512_ASN1),
    }
}

/// `ECDSA-Sig-Value` ([RFC 3279] section 2.2.3) in DER: a sequence of two positive integers.
fn in_der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut integers = Vec::with_capacity(r.len() + s.len() + 6);
    for number in [r, s] {
        let zeros = number.iter().take_while(|octet| **octet == 0).count();
        // One zero stays in front of a first bit, which is the sign, and for the number 0.
        let zero = number.get(zeros).is_none_or(|octet| octet & 0x80 != 0);
        integers.extend([2, (number.len() - zeros + usize::from(zero)) as u8]);
        integers.extend(zero.then_some(0));
        integers.extend_from_slice(&number[zeros..]);
    }
    // Of P-521 up to 138 octets: a length of two octets.
    let length = integers.len() as u8;
    let mut sequence = if length < 0x80 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
    sequence.append(&mut integers);
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest integers, with the sign at its place.
    #[test]
    fn der_of_a_signature() {
        assert_eq!(in_der(&[0, 0], &[0, 1]), [0x30, 6, 2, 1, 0, 2, 1, 1]);
        assert_eq!(in_der(&[0x80, 0], &[0, 0x7f]), [0x30, 8, 2, 3, 0, 0x80, 0, 2, 1, 0x7f]);
        let long = in_der(&[0xff; 66], &[0x7f; 66]);
        assert_eq!(long[..6], [0x30, 0x81, 137, 2, 67, 0]);
        assert_eq!(long.len(), 3 + 137);
    }
}
