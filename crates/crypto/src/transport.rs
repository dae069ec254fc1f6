//! Key transport: a session's key under somebody's RSA key ([XML Encryption 1.1] section 5.5).
//!
//! AWS-LC where it offers the operation, the `rsa` crate where it does not; this is the one place that chooses.
//!
//! - Unwrapping with equal digests for label and mask, which is what `rsa-oaep-mgf1p` means without children and so
//!   nearly every message: AWS-LC, some ten times as fast.
//! - Unwrapping with unequal digests (`rsa-oaep-mgf1p` with a `ds:DigestMethod` of SHA-256 and the mask still SHA-1):
//!   AWS-LC has four fixed pairs, so `rsa`, whose private operation is blinded and in constant time from 0.10 on. It
//!   passes over the first octet under RSA, by design: hearing that it is not zero is all that Manger's attack needs.
//!   Only who made the whole encoding can set it to something else, so nothing is lost; AWS-LC looks, and does not tell.
//! - Unwrapping RSA 1.5: AWS-LC says that a padding is malformed, and whoever hears that can decrypt with our answers;
//!   `rsa` has an answer for every ciphertext.
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
use rsa::{BoxedUint, Oaep, Pkcs1v15Encrypt};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// A key that could not be wrapped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WrapError {
    /// The receiver's key is not RSA, or its modulus or exponent is not one we work with.
    #[error("the receiver's key cannot take a key")]
    UnusableKey,
    /// The modulus has no room for that many octets beside the padding.
    #[error("{octets} octets do not fit under the receiver's key")]
    TooLong {
        /// Octets of the key to be wrapped.
        octets: usize,
    },
}

/// The key that was encrypted to `key`: `ciphertext` is the decoded `xenc:CipherValue` of an `xenc:EncryptedKey`.
///
/// `lengths` are the octets that such a key may have, the usual first. They are for RSA 1.5 alone: under OAEP the key
/// comes in whatever length it has, and the caller looks.
///
/// Under RSA 1.5 every ciphertext opens: where the padding is malformed, the key of no length of `lengths`, or the
/// ciphertext none of this key's, the result is a key made up from private key and ciphertext, of the usual length. So
/// `Ok` says nothing, and nothing may be believed of the key before a signature or tag under it is checked. Which of
/// the two it was shows neither in the result nor in the way to it, but for its length: where `lengths` has more than
/// one, another than the usual is that of a wrapped key. Give one wherever the message or the suite says which.
///
/// # Errors
///
/// [`Undecryptable`], whatever the cause; under RSA 1.5 only if `lengths` is empty.
pub fn unwrap(
    key: &PrivateKey,
    transport: KeyTransport,
    ciphertext: &[u8],
    lengths: &[usize],
) -> Result<Secret, Undecryptable> {
    let (digest, mask) = match transport {
        KeyTransport::Oaep { digest, mask, v11: _ } => (digest, mask),
        KeyTransport::Rsa15 => return unwrap_rsa15(key, ciphertext, lengths).ok_or(Undecryptable),
    };
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

/// RSAES-PKCS1-v1_5 with implicit rejection ([draft-irtf-cfrg-rsa-guidance-10] section 7.2), and a length coerced to
/// one of `lengths`; `None` if there are none.
fn unwrap_rsa15(key: &PrivateKey, ciphertext: &[u8], lengths: &[usize]) -> Option<Secret> {
    let (usual, longest) = (*lengths.first()?, *lengths.iter().max()?);
    let synthetic = key.synthetic(ciphertext, longest);
    // Where the padding is malformed, `rsa` gives octets of its own, in a length of its own that may be one of ours. It
    // fails only for what anybody can see on a ciphertext: its length, or a number beyond the modulus.
    let message = Unwrap { key, ciphertext }.with(Pkcs1v15Encrypt).unwrap_or_else(|_| Secret::new(Vec::new()));
    // Of a length that does not depend on the message's.
    let mut octets = Zeroizing::new(vec![0; longest.max(key.decrypting.key_size_bytes())]);
    for (octet, from) in octets.iter_mut().zip(message.expose()) {
        *octet = *from;
    }
    let fits = lengths.iter().fold(Choice::from(0), |fits, length| fits | length.ct_eq(&message.len()));
    let length = u64::conditional_select(&(usual as u64), &(message.len() as u64), fits);
    for (octet, other) in octets.iter_mut().zip(synthetic.expose()) {
        octet.conditional_assign(other, !fits);
    }
    octets.get(..length as usize).map(Secret::from)
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
    let numbers = key.usable().ok_or(WrapError::UnusableKey)?;
    // RSAES-OAEP-ENCRYPT and RSAES-PKCS1-V1_5-ENCRYPT, steps 1 ([RFC 8017] sections 7.1.1 and 7.2.1).
    let overhead = match transport {
        KeyTransport::Oaep { digest, .. } => 2 * digest.size() + 2,
        KeyTransport::Rsa15 => 11,
    };
    if secret.len() + overhead > numbers.modulus.len() {
        return Err(WrapError::TooLong { octets: secret.len() });
    }
    let key = rsa::PublicKey::new(
        BoxedUint::from_be_slice_vartime(&numbers.modulus),
        BoxedUint::from_be_slice_vartime(&numbers.exponent),
    )
    .map_err(|_| WrapError::UnusableKey)?;
    let work = Wrap { key: &key, secret, random };
    match transport {
        KeyTransport::Oaep { digest, mask, v11: _ } => with_scheme(digest, mask, work),
        KeyTransport::Rsa15 => work.with(Pkcs1v15Encrypt),
    }
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

/// Something to be done with a padding, whichever it is.
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
