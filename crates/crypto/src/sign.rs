//! Asymmetric signatures: RSASSA-PKCS1-v1_5 ([XML Signature 1.1] section 6.4.2).
//!
//! AWS-LC signs over SHA-256, SHA-384 and SHA-512 and verifies all four. It does not offer to sign over SHA-1, which is
//! what every suite of [WS-SP 1.3] names and every WCF or CXF peer with a `Basic` suite expects; that one is signed by
//! the `rsa` crate, blinded and in constant time, at some nine times the cost. This is the one place that chooses.

use crate::algorithm::{DigestAlgorithm, SignatureAlgorithm};
use crate::digest::hash;
use crate::key::{PrivateKey, PublicKey};
use crate::random::{Random, Stream};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
};
use rsa::Pkcs1v15Sign;
use sha1::Sha1;

/// A signature could not be made: the library reported a fault in its own computation.
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
    };
    let mut signature = vec![0; key.signing.public_modulus_len()];
    // AWS-LC ignores the generator it is given and blinds with its own.
    key.signing.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| SigningFailed)?;
    Ok(signature)
}

/// Whether `signature` is one over `message` by the holder of `key`.
///
/// The encoding must be the one and only ([RFC 8017] section 8.2.2), the signature as long as the modulus, and the
/// modulus within [`RSA_BITS`](crate::key::RSA_BITS); anything else is `false`.
#[must_use]
pub fn verify(key: &PublicKey, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let Some(numbers) = key.usable() else {
        return false;
    };
    let parameters = match algorithm {
        SignatureAlgorithm::RsaSha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        SignatureAlgorithm::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::RsaSha384 => &RSA_PKCS1_2048_8192_SHA384,
        SignatureAlgorithm::RsaSha512 => &RSA_PKCS1_2048_8192_SHA512,
    };
    PublicKeyComponents { n: &numbers.modulus, e: &numbers.exponent }.verify(parameters, message, signature).is_ok()
}
