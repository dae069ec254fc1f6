//! X.509 certificates: the facts that WS-Security refers to them by.

use crate::algorithm::DigestAlgorithm;
use crate::digest::hash;
use crate::key::PublicKey;
use crate::name::{self, Name};
use core::fmt;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{KeyUsage, ParsedExtension};
use x509_parser::num_bigint::BigInt;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_KEY_IDENTIFIER;
use x509_parser::prelude::FromDer;

/// Longest certificate, in octets of DER, that is looked at. Those of the field have 1 to 2 KiB.
pub const MAX_CERTIFICATE: usize = 16 * 1024;

/// Why octets are not taken for a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate of X.509 in DER, or with something behind it, or with an extension twice.
    #[error("is not a sound X.509 certificate")]
    Malformed,
    /// The PEM file holds no certificate.
    #[error("there is no certificate in it")]
    Missing,
    /// Longer than [`MAX_CERTIFICATE`].
    #[error("a certificate of {octets} octets, {MAX_CERTIFICATE} is the limit")]
    TooLarge {
        /// Octets of DER.
        octets: usize,
    },
}

/// A certificate, read once. A clone is another handle on it.
///
/// That it can be read says nothing about whether it is trusted: that is for [`Trust`](crate::trust::Trust) to say.
#[derive(Clone)]
pub struct Certificate(Arc<Facts>);

struct Facts {
    der: Vec<u8>,
    thumbprint: [u8; 20],
    subject_key_identifier: Option<Vec<u8>>,
    subject: String,
    issuer: String,
    issuer_reference: String,
    issuer_name: Name,
    serial: String,
    not_before: i64,
    not_after: i64,
    digital_signature: bool,
    key_encipherment: bool,
    authority: bool,
    public_key: PublicKey,
}

impl Certificate {
    /// Reads one certificate in DER.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE {
            return Err(CertificateError::TooLarge { octets: der.len() });
        }
        Facts::read(der).map(|facts| Self(Arc::new(facts))).ok_or(CertificateError::Malformed)
    }

    /// Reads the certificates of a PEM file, in their order; other blocks in it, a key say, are passed over.
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let certificates = CertificateDer::pem_slice_iter(pem)
            .map(|der| Self::from_der(der.map_err(|_| CertificateError::Malformed)?.to_vec()))
            .collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() { Err(CertificateError::Missing) } else { Ok(certificates) }
    }

    /// The certificate in DER, as it was read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// SHA-1 over the DER: what a `wsse:KeyIdentifier` of type `ThumbprintSHA1` holds.
    pub fn thumbprint(&self) -> [u8; 20] {
        self.0.thumbprint
    }

    /// The value inside the subject key identifier extension ([X.509 Token Profile 1.1] section 3.2.1); `None` without
    /// the extension, and then no reference by key identifier can mean this certificate.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.0.subject_key_identifier.as_deref()
    }

    /// The subject, as [RFC 2253] writes it.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The issuer, as [RFC 2253] writes it.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The issuer, as a `ds:X509IssuerName` holds it for readers of every platform: as [`Self::issuer`], but with quotes
    /// around values with special characters in place of backslashes, which Windows does not read.
    pub fn issuer_reference(&self) -> &str {
        &self.0.issuer_reference
    }

    /// The serial number in decimal digits, as `ds:X509SerialNumber` holds it.
    pub fn serial(&self) -> &str {
        &self.0.serial
    }

    /// First second of its validity, in seconds since 1970.
    pub fn not_before(&self) -> i64 {
        self.0.not_before
    }

    /// Last second of its validity, in seconds since 1970.
    pub fn not_after(&self) -> i64 {
        self.0.not_after
    }

    /// Whether it is valid at that second since 1970; both ends belong to the validity ([RFC 5280] section 4.1.2.5).
    pub fn valid_at(&self, unix_seconds: i64) -> bool {
        (self.0.not_before..=self.0.not_after).contains(&unix_seconds)
    }

    /// Whether its key may sign messages: the key usage says `digitalSignature`, or there is none.
    pub fn may_sign(&self) -> bool {
        self.0.digital_signature
    }

    /// Whether keys may be encrypted to it: the key usage says `keyEncipherment`, or there is none.
    pub fn may_encipher_keys(&self) -> bool {
        self.0.key_encipherment
    }

    /// Whether it may issue certificates: the basic constraints say so.
    pub fn is_authority(&self) -> bool {
        self.0.authority
    }

    /// Whether a `ds:X509IssuerSerial` means this certificate.
    ///
    /// The serial number must be the same number. The issuer's name is compared as a list of types and values, whatever
    /// the spelling: blanks, quotes or backslashes, keywords or OIDs (`S` for `ST`, `E` for `emailAddress`), upper or
    /// lower case, and the list in the order of [RFC 2253] or in that of the certificate. It only picks among
    /// certificates that are known; whoever searches must see to it that exactly one fits.
    pub fn is_issued_as(&self, issuer: &str, serial: &str) -> bool {
        canonical_serial(serial).is_some_and(|serial| serial == self.0.serial)
            && Name::parse(issuer).is_some_and(|name| name.is_same(&self.0.issuer_name))
    }

    /// The key it is about.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }
}

/// Equal octets.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.subject()).finish()
    }
}

impl Facts {
    fn read(der: Vec<u8>) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(&der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        // One list that is refused when an extension stands twice, so that no later look-up can pick the wrong one.
        let extensions = certificate.extensions_map().ok()?;
        let subject_key_identifier = match extensions.get(&OID_X509_EXT_SUBJECT_KEY_IDENTIFIER) {
            None => None,
            Some(extension) => match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(value) => Some(value.0.to_vec()),
                _ => return None,
            },
        };
        let usage = certificate.key_usage().ok()?;
        let allows = |bit: fn(&KeyUsage) -> bool| usage.as_ref().is_none_or(|usage| bit(usage.value));
        let mut thumbprint = [0; 20];
        thumbprint.copy_from_slice(hash(DigestAlgorithm::Sha1, &der).as_ref());
        Some(Self {
            thumbprint,
            subject_key_identifier,
            subject: name::write(certificate.subject()),
            issuer: name::write(certificate.issuer()),
            issuer_reference: name::write_quoted(certificate.issuer()),
            issuer_name: Name::from_certificate(certificate.issuer()),
            serial: BigInt::from_signed_bytes_be(certificate.raw_serial()).to_string(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            digital_signature: allows(KeyUsage::digital_signature),
            key_encipherment: allows(KeyUsage::key_encipherment),
            authority: certificate.is_ca(),
            public_key: PublicKey::from_info(certificate.public_key()),
            der,
        })
    }
}

/// A decimal number without white space around it and zeros in front.
fn canonical_serial(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serial numbers are numbers, and nothing else is one.
    #[test]
    fn serial_numbers() {
        for (text, expect) in [("0", "0"), ("-0", "0"), ("007", "7"), (" 12\n", "12"), ("-05", "-5"), ("00", "0")] {
            assert_eq!(canonical_serial(text).as_deref(), Some(expect), "{text}");
        }
        for text in ["", " ", "-", "+1", "0x10", "1 2", "1.0", "٣", "--1"] {
            assert_eq!(canonical_serial(text), None, "{text}");
        }
    }
}
