//! Keys, parsed once in the forms that [`transport`](crate::transport) and [`sign`](crate::sign) need: RSA, and public
//! ones on the curves of NIST.

use crate::algorithm::MacAlgorithm;
use crate::certificate::Certificate;
use crate::mac::{Tag, mac};
use crate::secret::Secret;
use aws_lc_rs::rsa::{KeyPair, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, KeyPair as _, ParsedPublicKey,
};
use core::ops::RangeInclusive;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::PublicKeyParts;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION, Oid,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

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
        self.public.rsa_bits().is_some() && self.public == *certificate.public_key()
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

/// The public key of a certificate.
///
/// One that is neither RSA nor on a [`Curve`], or RSA beyond [`RSA_BITS`], is a value too: it verifies nothing and
/// wraps nothing.
#[derive(Clone, Eq, PartialEq)]
pub struct PublicKey {
    kind: Kind,
}

#[derive(Clone, Eq, PartialEq)]
enum Kind {
    Rsa(RsaNumbers),
    Ec(EcPoint),
    Foreign,
}

/// The numbers of an RSA public key, big-endian without leading zeros.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct RsaNumbers {
    pub(crate) modulus: Vec<u8>,
    pub(crate) exponent: Vec<u8>,
}

/// A point that lies on its curve.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct EcPoint {
    pub(crate) curve: Curve,
    /// Uncompressed ([SEC 1] section 2.3.3).
    pub(crate) octets: Vec<u8>,
}

/// A curve of [FIPS 186] that keys may be on ([XML Signature 1.1] section 6.4.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Curve {
    /// `secp256r1`.
    P256,
    /// `secp384r1`.
    P384,
    /// `secp521r1`.
    P521,
}

impl Curve {
    /// Octets of a coordinate, and of each half of a signature.
    pub const fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn from_oid(oid: &Oid<'_>) -> Option<Self> {
        [(OID_EC_P256, Self::P256), (OID_NIST_EC_P384, Self::P384), (OID_NIST_EC_P521, Self::P521)]
            .into_iter()
            .find_map(|(known, curve)| (known == *oid).then_some(curve))
    }
}

impl PublicKey {
    /// The key in a `SubjectPublicKeyInfo` ([RFC 5280] section 4.1.2.7) in DER; `None` for octets that are none. A key
    /// of another kind is a value.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        match SubjectPublicKeyInfo::from_der(der) {
            Ok((&[], info)) => Some(Self::from_info(&info)),
            _ => None,
        }
    }

    /// Bits of the modulus; `None` for a key that is not RSA.
    pub fn rsa_bits(&self) -> Option<usize> {
        let Kind::Rsa(numbers) = &self.kind else {
            return None;
        };
        Some(numbers.modulus.len() * 8 - numbers.modulus.first()?.leading_zeros() as usize)
    }

    /// The curve; `None` for a key that is on none of ours.
    pub fn curve(&self) -> Option<Curve> {
        self.point().map(|point| point.curve)
    }

    /// The RSA numbers, where their sizes are ones we work with.
    pub(crate) fn usable(&self) -> Option<&RsaNumbers> {
        let Kind::Rsa(numbers) = &self.kind else {
            return None;
        };
        self.rsa_bits().is_some_and(|bits| RSA_BITS.contains(&bits)).then_some(numbers)
    }

    /// The point, of a key on a curve.
    pub(crate) fn point(&self) -> Option<&EcPoint> {
        match &self.kind {
            Kind::Ec(point) => Some(point),
            Kind::Rsa(_) | Kind::Foreign => None,
        }
    }

    /// The key of a certificate.
    pub(crate) fn from_info(info: &SubjectPublicKeyInfo<'_>) -> Self {
        let octets = &info.subject_public_key.data;
        if info.algorithm.algorithm == OID_PKCS1_RSAENCRYPTION {
            return Self::from_pkcs1(octets);
        }
        let point = (info.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY)
            .then(|| info.algorithm.parameters.as_ref()?.as_oid().ok())
            .flatten()
            .and_then(|oid| Curve::from_oid(&oid))
            .and_then(|curve| EcPoint::read(curve, octets));
        Self { kind: point.map_or(Kind::Foreign, Kind::Ec) }
    }

    /// An `RSAPublicKey` ([RFC 8017] appendix A.1.1); what is malformed counts as of another kind.
    fn from_pkcs1(der: &[u8]) -> Self {
        let numbers = match RSAPublicKey::from_der(der) {
            // The exponent is checked by the libraries (odd, at most 33 bits) when it is used.
            Ok((&[], key)) => number(key.modulus).zip(number(key.exponent)),
            _ => None,
        };
        let kind = numbers.map_or(Kind::Foreign, |(modulus, exponent)| Kind::Rsa(RsaNumbers { modulus, exponent }));
        Self { kind }
    }
}

impl EcPoint {
    /// Uncompressed octets, if they are a point of that curve.
    fn read(curve: Curve, octets: &[u8]) -> Option<Self> {
        // Only this form: AWS-LC takes others, and one key must not have two spellings.
        if octets.len() != 1 + 2 * curve.size() || octets.first() != Some(&4) {
            return None;
        }
        // For the check of the point alone: the digest is the signature's affair.
        let algorithm = match curve {
            Curve::P256 => &ECDSA_P256_SHA256_ASN1,
            Curve::P384 => &ECDSA_P384_SHA384_ASN1,
            Curve::P521 => &ECDSA_P521_SHA512_ASN1,
        };
        ParsedPublicKey::new(algorithm, octets).ok()?;
        Some(Self { curve, octets: octets.to_vec() })
    }
}

/// The octets of a positive INTEGER without its leading zeros.
fn number(octets: &[u8]) -> Option<Vec<u8>> {
    // In DER the first bit is the sign.
    let negative = octets.first().is_some_and(|first| first & 0x80 != 0);
    let start = octets.iter().position(|octet| *octet != 0)?;
    (!negative).then(|| octets[start..].to_vec())
}
