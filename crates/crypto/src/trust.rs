//! Which certificates a route believes: pins, and what chains to its roots.

use crate::certificate::{Certificate, CertificateError};
use crate::key::RSA_BITS;
use core::time::Duration;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

/// Most certificates between a leaf and its root that a peer may send along.
pub const MAX_INTERMEDIATES: usize = 7;

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Untrusted {
    /// Its validity has ended.
    #[error("the certificate has expired")]
    Expired,
    /// The peer sent more certificates along than [`MAX_INTERMEDIATES`].
    #[error("{0} certificates were sent along, {MAX_INTERMEDIATES} is the limit")]
    LongChain(usize),
    /// Its validity has not begun.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// Its key usage is there and does not say `digitalSignature`.
    #[error("the certificate's key usage does not allow signatures")]
    NotForSignatures,
    /// It is neither pinned nor does it chain to a configured root: none issued it, or one of the certificates between
    /// is expired, constrained or wrongly signed, or it is an authority's.
    #[error("the certificate is neither pinned nor issued under a configured root")]
    UnknownIssuer,
    /// Its key is neither RSA nor on a [`Curve`](crate::key::Curve).
    #[error("the certificate's key is neither RSA nor on the curves P-256, P-384 and P-521")]
    UnknownKey,
    /// Its modulus is out of [`RSA_BITS`].
    #[error("the certificate's key has {0} bits")]
    WeakKey(usize),
}

/// The certificates that an operator configured.
///
/// Each is a pin: the very certificate is believed, be it self-signed, as those of the field often are, or an
/// authority's. One that is an authority's is a root as well, and believed to issue; a pinned leaf issues nothing.
pub struct Trust {
    pins: Vec<Certificate>,
    roots: Vec<TrustAnchor<'static>>,
}

impl Trust {
    /// Nobody.
    pub const fn nobody() -> Self {
        Self { pins: Vec::new(), roots: Vec::new() }
    }

    /// Takes the configured certificates. Without any, nothing is believed.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Malformed`] for an authority's certificate that cannot serve as a root.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, CertificateError> {
        let roots = certificates
            .iter()
            .filter(|certificate| certificate.is_authority())
            .map(|certificate| {
                webpki::anchor_from_trusted_cert(&CertificateDer::from(certificate.der()))
                    .map(|anchor| anchor.to_owned())
                    .map_err(|_| CertificateError::Malformed)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { pins: certificates, roots })
    }

    /// The configured certificates: among them a peer's own may be found, where it only names it.
    pub fn certificates(&self) -> &[Certificate] {
        &self.pins
    }

    /// Checks a peer's certificate, with those it sent along, at the second `now` since 1970.
    ///
    /// For pinned and issued ones alike: valid at `now`, a key of RSA of [`RSA_BITS`] or on a
    /// [`Curve`](crate::key::Curve), and if there is a key usage it says `digitalSignature`. The chain is that of
    /// [RFC 5280] section 6 without revocation lists; signatures in it are over SHA-256 or better. The extended key
    /// usage is not asked: none is registered for messages, and peers use certificates for TLS servers, TLS clients and
    /// mail alike.
    pub fn check(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        now_unix_seconds: i64,
    ) -> Result<(), Untrusted> {
        if intermediates.len() > MAX_INTERMEDIATES {
            return Err(Untrusted::LongChain(intermediates.len()));
        }
        if !self.pins.contains(leaf) {
            self.check_chain(leaf, intermediates, now_unix_seconds)?;
        }
        if now_unix_seconds < leaf.not_before() {
            return Err(Untrusted::NotYetValid);
        }
        if !leaf.valid_at(now_unix_seconds) {
            return Err(Untrusted::Expired);
        }
        match leaf.public_key().rsa_bits() {
            Some(bits) if !RSA_BITS.contains(&bits) => return Err(Untrusted::WeakKey(bits)),
            None if leaf.public_key().curve().is_none() => return Err(Untrusted::UnknownKey),
            _ => {}
        }
        if !leaf.may_sign() {
            return Err(Untrusted::NotForSignatures);
        }
        Ok(())
    }

    fn check_chain(&self, leaf: &Certificate, intermediates: &[Certificate], now: i64) -> Result<(), Untrusted> {
        let der = CertificateDer::from(leaf.der());
        let entity = EndEntityCert::try_from(&der).map_err(|_| Untrusted::UnknownIssuer)?;
        let intermediates: Vec<_> = intermediates.iter().map(|c| CertificateDer::from(c.der())).collect();
        let now = u64::try_from(now).map_err(|_| Untrusted::NotYetValid)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        entity
            .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &self.roots, &intermediates, now, AnyUsage, None, None)
            .map(|_| ())
            .map_err(|error| match error {
                // Of the leaf or of a certificate above it.
                webpki::Error::CertExpired { .. } => Untrusted::Expired,
                webpki::Error::CertNotValidYet { .. } => Untrusted::NotYetValid,
                _ => Untrusted::UnknownIssuer,
            })
    }
}

/// Any extended key usage, or none.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        // Read through, so that a malformed list is refused.
        purposes.into_iter().try_for_each(|purpose| purpose.map(|_| ()))
    }
}
