//! RSA keys, parsed once in the forms that [`transport`](crate::transport) and [`sign`](crate::sign) need.

use crate::algorithm::MacAlgorithm;
use crate::certificate::Certificate;
use crate::mac::{Tag, mac};
use crate::secret::Secret;
use aws_lc_rs::rsa::{KeyPair, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::KeyPair as _;
use core::ops::RangeInclusive;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::PublicKeyParts;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;

/// Bits of the moduli that are used: below 2048 signatures can be forged, above 8192 one verification costs a peer
/// nothing and us milliseconds.
pub const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// Why a private key cannot be used. For the operator: a peer never sends one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The PEM file holds a key under a password. There is nobody to ask for it.
    #[error("the private key is encrypted; store it without a password, readable for the service alone")]
    Encrypted,
    /// The PEM file holds no private key.
    #[error("there is no private key in it")]
    Missing,
    /// The octets are not an RSA key in PKCS #8 or PKCS #1, or its numbers do not belong together.
    #[error("it is not a sound RSA private key")]
    NotRsa,
    /// The modulus is out of [`RSA_BITS`].
    #[error("an RSA key of {bits} bits, from {} to {} are used", RSA_BITS.start(), RSA_BITS.end())]
    Size {
        /// Bits of the modulus.
        bits: usize,
    },
}

/// An RSA private key. It opens what is encrypted to its certificate and signs in its name.
///
/// Without `Debug`; both libraries zero their form of it when it is dropped.
pub struct PrivateKey {
    pub(crate) signing: KeyPair,
    pub(crate) decrypting: OaepPrivateDecryptingKey,
    /// The same key once more, for what the other library does not offer.
    pub(crate) other: rsa::PrivateKey,
    /// The key under which octets are made up: [`PrivateKey::synthetic`].
    making_up: Secret,
    public: PublicKey,
}

impl PrivateKey {
    /// The first private key of a PEM file, in PKCS #8 (`PRIVATE KEY`) or PKCS #1 (`RSA PRIVATE KEY`).
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        match PrivateKeyDer::from_pem_slice(pem) {
            Ok(PrivateKeyDer::Pkcs8(der)) => Self::from_der(der.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(der)) => Self::from_der(der.secret_pkcs1_der()),
            Ok(_) => Err(KeyError::NotRsa),
            Err(_) if pem.windows(9).any(|word| word == b"ENCRYPTED") => Err(KeyError::Encrypted),
            Err(_) => Err(KeyError::Missing),
        }
    }

    /// A private key in the DER of PKCS #8 or PKCS #1.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let other = rsa::PrivateKey::from_pkcs8_der(der)
            .or_else(|_| rsa::PrivateKey::from_pkcs1_der(der).map_err(|_| KeyError::NotRsa))?;
        let bits = other.n().bit_width_vartime() as usize;
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::Size { bits });
        }
        other.validate().map_err(|_| KeyError::NotRsa)?;
        let pkcs8 = other.to_pkcs8_der().map_err(|_| KeyError::NotRsa)?;
        let signing = KeyPair::from_pkcs8(pkcs8.as_bytes()).map_err(|_| KeyError::NotRsa)?;
        let decrypting = PrivateDecryptingKey::from_pkcs8(pkcs8.as_bytes()).map_err(|_| KeyError::NotRsa)?;
        let decrypting = OaepPrivateDecryptingKey::new(decrypting).map_err(|_| KeyError::NotRsa)?;
        let public = PublicKey::from_pkcs1(signing.public_key().as_ref());
        let making_up =
            mac(MacAlgorithm::HmacSha256, pkcs8.as_bytes(), &[b"octets in place of a malformed ciphertext's"]);
        Ok(Self { signing, decrypting, other, making_up: Secret::from(making_up.as_ref()), public })
    }

    /// Octets in place of those that are not in a ciphertext: always the same for the same one, and without this key
    /// not to be told from a wrapped key.
    pub(crate) fn synthetic(&self, ciphertext: &[u8], octets: usize) -> Secret {
        let block = |count: u32| -> Tag {
            mac(MacAlgorithm::HmacSha256, self.making_up.expose(), &[&count.to_be_bytes(), ciphertext])
        };
        let mut made_up = Vec::with_capacity(octets + MacAlgorithm::HmacSha256.size());
        for count in (0..).take(octets.div_ceil(MacAlgorithm::HmacSha256.size())) {
            made_up.extend_from_slice(block(count).as_ref());
        }
        made_up.truncate(octets);
        Secret::new(made_up)
    }

    /// Whether `certificate` is about this key.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        self.public.rsa.is_some() && self.public == *certificate.public_key()
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

/// The public key of a certificate.
///
/// One of another kind than RSA, or beyond [`RSA_BITS`], is a value too: it verifies nothing and wraps nothing.
#[derive(Clone, Eq, PartialEq)]
pub struct PublicKey {
    pub(crate) rsa: Option<RsaNumbers>,
}

/// The numbers of an RSA public key, big-endian without leading zeros.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct RsaNumbers {
    pub(crate) modulus: Vec<u8>,
    pub(crate) exponent: Vec<u8>,
}

impl PublicKey {
    /// Bits of the modulus; `None` for a key that is not RSA.
    pub fn rsa_bits(&self) -> Option<usize> {
        let modulus = &self.rsa.as_ref()?.modulus;
        Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
    }

    /// The RSA numbers, where their sizes are ones we work with.
    pub(crate) fn usable(&self) -> Option<&RsaNumbers> {
        self.rsa_bits().filter(|bits| RSA_BITS.contains(bits)).and(self.rsa.as_ref())
    }

    /// A key of another kind.
    pub(crate) const fn foreign() -> Self {
        Self { rsa: None }
    }

    /// An `RSAPublicKey` ([RFC 8017] appendix A.1.1); what is malformed counts as of another kind.
    pub(crate) fn from_pkcs1(der: &[u8]) -> Self {
        let Ok((&[], key)) = RSAPublicKey::from_der(der) else {
            return Self::foreign();
        };
        // The exponent is checked by the libraries (odd, at most 33 bits) when it is used.
        match (number(key.modulus), number(key.exponent)) {
            (Some(modulus), Some(exponent)) => Self { rsa: Some(RsaNumbers { modulus, exponent }) },
            _ => Self::foreign(),
        }
    }
}

/// The octets of a positive INTEGER without its leading zeros.
fn number(octets: &[u8]) -> Option<Vec<u8>> {
    // In DER the first bit is the sign.
    let negative = octets.first().is_some_and(|first| first & 0x80 != 0);
    let start = octets.iter().position(|octet| *octet != 0)?;
    (!negative).then(|| octets[start..].to_vec())
}
