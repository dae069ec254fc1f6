//! Paths of certificates in one token (`X509PKIPathv1`: [X.509 Token Profile 1.1] section 3.1).

use crate::certificate::{Certificate, CertificateError, MAX_CERTIFICATE};
use crate::trust::MAX_INTERMEDIATES;
use x509_parser::asn1_rs::{Any, FromDer, Tag};

/// Most certificates of a path: the signer's, and as many above it as are looked at.
pub const MAX_PATH: usize = MAX_INTERMEDIATES + 1;

/// The tag of a sequence in DER.
const SEQUENCE: u8 = 0x30;

/// Why octets are not taken for a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathError {
    /// A certificate of the path is none.
    #[error("a certificate of the path {0}")]
    Certificate(CertificateError),
    /// There are more certificates than [`MAX_PATH`], or more octets than they may have together.
    #[error("a path of more than {MAX_PATH} certificates")]
    Long,
    /// Not a sequence of certificates in DER, or an empty one, or with something behind it.
    #[error("is not a sound path of certificates")]
    Malformed,
    /// A certificate is not issued by the subject of the one before it: the order is another, or something is missing.
    #[error("a certificate of the path is not issued by the one before it")]
    NotIssuedByPrevious,
}

/// A path: the certificate of whoever signs, and those above it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificatePath {
    /// The last of the path.
    pub signer: Certificate,
    /// The others, the nearest to the signer last.
    pub above: Vec<Certificate>,
}

impl CertificatePath {
    /// Reads a `PkiPath` ([X.509] section 7.7): a sequence of certificates in DER, an authority's first, the signer's
    /// last, each issued by the one before it.
    ///
    /// That they name each other says nothing about whether one signed the next or is trusted: the certificates above
    /// are what [`Trust::check`](crate::trust::Trust::check) takes along.
    pub fn from_der(der: &[u8]) -> Result<Self, PathError> {
        // The tag and length of the sequence take some octets more.
        if der.len() > MAX_PATH * MAX_CERTIFICATE + 8 {
            return Err(PathError::Long);
        }
        let (behind, sequence) = Any::from_der(der).map_err(|_| PathError::Malformed)?;
        if !behind.is_empty() || sequence.tag() != Tag::Sequence {
            return Err(PathError::Malformed);
        }
        let mut above = Vec::new();
        let mut rest = sequence.data;
        while !rest.is_empty() {
            if above.len() == MAX_PATH {
                return Err(PathError::Long);
            }
            let (next, _) = Any::from_der(rest).map_err(|_| PathError::Malformed)?;
            let der = &rest[..rest.len() - next.len()];
            above.push(Certificate::from_der(der.to_vec()).map_err(PathError::Certificate)?);
            rest = next;
        }
        if above.windows(2).any(|pair| pair[1].issuer() != pair[0].subject()) {
            return Err(PathError::NotIssuedByPrevious);
        }
        let signer = above.pop().ok_or(PathError::Malformed)?;
        Ok(Self { signer, above })
    }

    /// Writes a `PkiPath` of those certificates, an authority's first, the signer's last.
    pub fn to_der(certificates: &[&Certificate]) -> Vec<u8> {
        let length: usize = certificates.iter().map(|certificate| certificate.der().len()).sum();
        let octets = length.to_be_bytes();
        let octets = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
        let mut der = vec![SEQUENCE];
        match (length, u8::try_from(octets.len())) {
            // The long form says how many octets of length follow ([X.690] section 8.1.3).
            (0x80.., Ok(count)) => {
                der.push(0x80 | count);
                der.extend_from_slice(octets);
            }
            _ => der.push(octets.first().copied().unwrap_or(0)),
        }
        for certificate in certificates {
            der.extend_from_slice(certificate.der());
        }
        der
    }
}
