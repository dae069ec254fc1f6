//! Revocation lists, as files have them.

use std::sync::Arc;

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use webpki::{CertRevocationList, OwnedCertRevocationList};

/// Octets that are no revocation list, or one that cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no revocation list of X.509 (version 2) in it, or one that cannot be used")]
pub struct NotRevocationList;

/// A revocation list, read once. Whether it is signed by who issued a certificate is asked when one is checked.
#[derive(Clone)]
pub struct RevocationList(Arc<CertRevocationList<'static>>);

impl RevocationList {
    /// The lists of a file: one in DER, or any number in PEM.
    pub fn from_file(octets: &[u8]) -> Result<Vec<Self>, NotRevocationList> {
        let read = |der: &[u8]| {
            let list = OwnedCertRevocationList::from_der(der).map_err(|_| NotRevocationList)?;
            Ok(Self(Arc::new(list.into())))
        };
        // A sequence of DER begins with an octet that no text begins with.
        if octets.first() == Some(&0x30) && !octets.starts_with(b"0-") {
            return read(octets).map(|list| vec![list]);
        }
        let lists: Vec<Self> = CertificateRevocationListDer::pem_slice_iter(octets)
            .map(|der| read(&der.map_err(|_| NotRevocationList)?))
            .collect::<Result<_, _>>()?;
        if lists.is_empty() { Err(NotRevocationList) } else { Ok(lists) }
    }

    pub(super) fn read(&self) -> &CertRevocationList<'static> {
        &self.0
    }
}
