//! Key transport: a session's key under somebody's RSA key ([XML Encryption 1.1] section 5.5).
//!
//! AWS-LC where it offers the operation, the `rsa` crate where it does not; this is the one place that chooses.
//!
//! - Unwrapping with equal digests for label and mask, which is what `rsa-oaep-mgf1p` means without children and so
//!   nearly every message: AWS-LC, some ten times as fast.
//! - Unwrapping with unequal digests (`rsa-oaep-mgf1p` with a `ds:DigestMethod` of SHA-256 and the mask still SHA-1):
//!   AWS-LC has four fixed pairs, so `rsa`, whose private operation is blinded and in constant time from 0.10 on.
//! - Wrapping: always `rsa`. AWS-LC draws the seed of OAEP itself, and here random octets are an argument. There is no
//!   private key in it, and it happens once a session at most.

use crate::Undecryptable;
use crate::algorithm::{DigestAlgorithm, KeyTransport};
use crate::key::{PrivateKey, PublicKey};
use crate::random::{Random, Stream};
use crate::secret::Secret;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
};
use rsa::traits::PaddingScheme;
use rsa::{BoxedUint, Oaep};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

/// A key that could not be wrapped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WrapError {
    /// The receiver's key is not RSA, or its modulus or exponent is not one we work with.
    #[error("the receiver's key cannot take a key")]
    UnusableKey,
    /// The modulus has no room for that many octets under that digest.
    #[error("{octets} octets do not fit under the receiver's key")]
    TooLong {
        /// Octets of the key to be wrapped.
        octets: usize,
    },
}

/// The key that was encrypted to `key`: `ciphertext` is the decoded `xenc:CipherValue` of an `xenc:EncryptedKey`.
///
/// # Errors
///
/// [`Undecryptable`], whatever the cause.
pub fn unwrap(key: &PrivateKey, transport: KeyTransport, ciphertext: &[u8]) -> Result<Secret, Undecryptable> {
    let KeyTransport::Oaep { digest, mask, v11: _ } = transport;
    if ciphertext.len() != key.decrypting.key_size_bytes() {
        return Err(Undecryptable);
    }
    match offered(digest, mask) {
        Some(algorithm) => {
            let mut room = Zeroizing::new(vec![0; key.decrypting.min_output_size()]);
            key.decrypting
                .decrypt(algorithm, ciphertext, &mut room, None)
                .map(|plain| Secret::from(&*plain))
                .map_err(|_| Undecryptable)
        }
        None => with_scheme(digest, mask, Unwrap { key, ciphertext }),
    }
}

/// Encrypts `secret` to `key`: the octets of an `xenc:CipherValue`.
///
/// # Errors
///
/// [`WrapError`] when the receiver's key is not one we work with, or too small for the secret.
pub fn wrap(
    key: &PublicKey,
    transport: KeyTransport,
    secret: &Secret,
    random: &mut dyn Random,
) -> Result<Vec<u8>, WrapError> {
    let KeyTransport::Oaep { digest, mask, v11: _ } = transport;
    let numbers = key.usable().ok_or(WrapError::UnusableKey)?;
    // RSAES-OAEP-ENCRYPT, step 1 b ([RFC 8017] section 7.1.1).
    if secret.len() + 2 * digest.size() + 2 > numbers.modulus.len() {
        return Err(WrapError::TooLong { octets: secret.len() });
    }
    let key = rsa::PublicKey::new(
        BoxedUint::from_be_slice_vartime(&numbers.modulus),
        BoxedUint::from_be_slice_vartime(&numbers.exponent),
    )
    .map_err(|_| WrapError::UnusableKey)?;
    with_scheme(digest, mask, Wrap { key: &key, secret, random })
}

/// The pairs of digests that AWS-LC has.
fn offered(digest: DigestAlgorithm, mask: DigestAlgorithm) -> Option<&'static OaepAlgorithm> {
    use DigestAlgorithm::{Sha1, Sha256, Sha384, Sha512};
    match (digest, mask) {
        (Sha1, Sha1) => Some(&OAEP_SHA1_MGF1SHA1),
        (Sha256, Sha256) => Some(&OAEP_SHA256_MGF1SHA256),
        (Sha384, Sha384) => Some(&OAEP_SHA384_MGF1SHA384),
        (Sha512, Sha512) => Some(&OAEP_SHA512_MGF1SHA512),
        _ => None,
    }
}

/// Something to be done with a padding, of whatever pair of digests.
trait WithScheme {
    type Output;
    fn with(self, scheme: impl PaddingScheme) -> Self::Output;
}

struct Unwrap<'a> {
    key: &'a PrivateKey,
    ciphertext: &'a [u8],
}

impl WithScheme for Unwrap<'_> {
    type Output = Result<Secret, Undecryptable>;

    fn with(self, scheme: impl PaddingScheme) -> Self::Output {
        // The blinding draws from the operating system, as AWS-LC's does: it leaves no trace in the result.
        self.key.other.decrypt(scheme, self.ciphertext).map(Secret::new).map_err(|_| Undecryptable)
    }
}

struct Wrap<'a> {
    key: &'a rsa::PublicKey,
    secret: &'a Secret,
    random: &'a mut dyn Random,
}

impl WithScheme for Wrap<'_> {
    type Output = Result<Vec<u8>, WrapError>;

    fn with(self, scheme: impl PaddingScheme) -> Self::Output {
        self.key
            .encrypt(&mut Stream::draw(self.random), scheme, self.secret.expose())
            .map_err(|_| WrapError::UnusableKey)
    }
}

fn with_scheme<W: WithScheme>(digest: DigestAlgorithm, mask: DigestAlgorithm, work: W) -> W::Output {
    match digest {
        DigestAlgorithm::Sha1 => with_mask::<Sha1, W>(mask, work),
        DigestAlgorithm::Sha256 => with_mask::<Sha256, W>(mask, work),
        DigestAlgorithm::Sha384 => with_mask::<Sha384, W>(mask, work),
        DigestAlgorithm::Sha512 => with_mask::<Sha512, W>(mask, work),
    }
}

fn with_mask<D: hmac::digest::Digest + hmac::digest::FixedOutputReset, W: WithScheme>(
    mask: DigestAlgorithm,
    work: W,
) -> W::Output {
    match mask {
        DigestAlgorithm::Sha1 => work.with(Oaep::<D, Sha1>::new_with_mgf_hash()),
        DigestAlgorithm::Sha256 => work.with(Oaep::<D, Sha256>::new_with_mgf_hash()),
        DigestAlgorithm::Sha384 => work.with(Oaep::<D, Sha384>::new_with_mgf_hash()),
        DigestAlgorithm::Sha512 => work.with(Oaep::<D, Sha512>::new_with_mgf_hash()),
    }
}
