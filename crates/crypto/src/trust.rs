//! Which certificates a route believes: pins, what chains to its roots, and what is asked of both.

mod pattern;
mod revocation;

use crate::algorithm::DigestAlgorithm;
use crate::certificate::{Certificate, CertificateError};
use crate::digest;
use crate::key::RSA_BITS;
use core::time::Duration;
pub use pattern::{NotPattern, Pattern, Subject, is_like};
pub use revocation::{NotRevocationList, RevocationList};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    EndEntityCert, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Most certificates between a leaf and its root that a peer may send along.
pub const MAX_INTERMEDIATES: usize = 7;

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Untrusted {
    /// There are more certificates between it and its root than may be.
    #[error("there are {0} certificates between it and its root, more than may be")]
    Deep(usize),
    /// Its validity has ended.
    #[error("the certificate has expired")]
    Expired,
    /// Its issuer is none of those that are asked for.
    #[error("the certificate's issuer is none of those that are asked for")]
    IssuerNotAllowed,
    /// The peer sent more certificates along than [`MAX_INTERMEDIATES`].
    #[error("{0} certificates were sent along, {MAX_INTERMEDIATES} is the limit")]
    LongChain(usize),
    /// Its validity has not begun.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// Its key usage is there and does not say `digitalSignature`.
    #[error("the certificate's key usage does not allow signatures")]
    NotForSignatures,
    /// Its extended key usages are not there, or none of them is asked for.
    #[error("the certificate's extended key usage is none of those that are asked for")]
    NotForPurpose,
    /// It, or one above it, is on a revocation list.
    #[error("the certificate, or one above it, is revoked")]
    Revoked,
    /// No revocation list that holds now says anything about it, or about one above it.
    #[error("no revocation list that is valid tells of the certificate, or of one above it")]
    RevocationUnknown,
    /// Its names are refused, or none of them is asked for.
    #[error("the certificate's names are not those that are let in")]
    SubjectNotAllowed,
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

/// In which ways a certificate may be believed, as WCF calls them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ways {
    /// `PeerTrust`: it is pinned.
    Peer,
    /// `ChainTrust`: it was issued under a root.
    Chain,
    /// `PeerOrChainTrust`: either.
    #[default]
    PeerOrChain,
}

/// A certificate that is pinned by a digest of its DER.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Thumbprint {
    /// SHA-1, as Windows shows it.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl Thumbprint {
    /// Reads hexadecimal digits, with whatever between: Windows puts an unseen mark in front, OpenSSL colons between.
    pub fn parse(text: &str) -> Option<Self> {
        let seen = |digit: &char| !matches!(digit, ':' | ' ' | '\u{200e}');
        let digits: Vec<u8> =
            text.chars().filter(seen).map(|digit| Some(digit.to_digit(16)? as u8)).collect::<Option<_>>()?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let octets: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        match (octets.len(), rest) {
            (20, []) => octets.try_into().ok().map(Self::Sha1),
            (32, []) => octets.try_into().ok().map(Self::Sha256),
            _ => None,
        }
    }

    fn is_of(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Sha1(octets) => certificate.thumbprint() == *octets,
            Self::Sha256(octets) => digest::hash(DigestAlgorithm::Sha256, certificate.der()).as_ref() == octets,
        }
    }
}

/// What an operator says of whom is believed. By default, nobody.
#[derive(Clone, Default)]
pub struct Settings {
    /// Each is a pin: the very certificate is believed, be it self-signed, as those of the field often are, or an
    /// authority's. One that is an authority's is a root as well, and believed to issue; a pinned leaf issues nothing.
    pub certificates: Vec<Certificate>,
    /// More pins.
    pub thumbprints: Vec<Thumbprint>,
    /// Which of pins and roots count.
    pub ways: Ways,
    /// Authorities that peers may leave out of what they send along. They bring no trust.
    pub intermediates: Vec<Certificate>,
    /// How many certificates may be between one and its root, if that is asked.
    pub depth: Option<usize>,
    /// Extended key usages of which a certificate must have one, as dotted numbers. Without any it may have any or none.
    pub purposes: Vec<String>,
    /// Revocation lists. Where they are given, each certificate of a chain but its root must be on none, and one that holds
    /// now must be there for it.
    pub revocation: Option<Vec<RevocationList>>,
    /// Names of which a certificate must have one, if there are any.
    pub allow: Vec<Pattern>,
    /// Names of which it must have none.
    pub deny: Vec<Pattern>,
    /// Issuers of which one must be its own, if there are any.
    pub issuers: Vec<Pattern>,
}

impl Settings {
    /// Whether nobody could be believed.
    pub fn is_nobody(&self) -> bool {
        self.certificates.is_empty() && self.thumbprints.is_empty()
    }
}

/// Whom a route believes.
pub struct Trust {
    settings: Settings,
    roots: Vec<TrustAnchor<'static>>,
}

impl Trust {
    /// Nobody.
    pub fn nobody() -> Self {
        Self { settings: Settings::default(), roots: Vec::new() }
    }

    /// Takes certificates alone: pins and roots. Without any, nothing is believed.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Malformed`] for an authority's certificate that cannot serve as a root.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, CertificateError> {
        Self::of(Settings { certificates, ..Settings::default() })
    }

    /// Takes all that an operator says.
    ///
    /// # Errors
    ///
    /// As [`Trust::new`].
    pub fn of(settings: Settings) -> Result<Self, CertificateError> {
        let roots = settings
            .certificates
            .iter()
            .filter(|certificate| certificate.is_authority() && settings.ways != Ways::Peer)
            .map(|certificate| {
                webpki::anchor_from_trusted_cert(&CertificateDer::from(certificate.der()))
                    .map(|anchor| anchor.to_owned())
                    .map_err(|_| CertificateError::Malformed)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { settings, roots })
    }

    /// The configured certificates: among them a peer's own may be found, where it only names it.
    pub fn certificates(&self) -> &[Certificate] {
        &self.settings.certificates
    }

    /// Checks a peer's certificate, with those it sent along, at the second `now` since 1970.
    ///
    /// For pinned and issued ones alike: valid at `now`, a key of RSA of [`RSA_BITS`] or on a
    /// [`Curve`](crate::key::Curve), and if there is a key usage it says `digitalSignature`; and its names and extended key
    /// usages are those that are asked for. The chain is that of [RFC 5280] section 6, with revocation lists where there are
    /// some: a pin is believed for itself, and not asked for there. Signatures in it are over SHA-256 or better. No extended
    /// key usage is asked for unless it is said: none is registered for messages, and peers use certificates for TLS
    /// servers, TLS clients and mail alike.
    pub fn check(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        now_unix_seconds: i64,
    ) -> Result<(), Untrusted> {
        if intermediates.len() > MAX_INTERMEDIATES {
            return Err(Untrusted::LongChain(intermediates.len()));
        }
        if !self.pins(leaf) {
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
        self.check_rules(leaf)
    }

    fn pins(&self, leaf: &Certificate) -> bool {
        let Settings { certificates, thumbprints, ways, .. } = &self.settings;
        *ways != Ways::Chain
            && (certificates.contains(leaf) || thumbprints.iter().any(|thumbprint| thumbprint.is_of(leaf)))
    }

    fn check_rules(&self, leaf: &Certificate) -> Result<(), Untrusted> {
        let Settings { purposes, allow, deny, issuers, .. } = &self.settings;
        if purposes.is_empty() && allow.is_empty() && deny.is_empty() && issuers.is_empty() {
            return Ok(());
        }
        // It was read before.
        let Ok((_, facts)) = X509Certificate::from_der(leaf.der()) else { return Err(Untrusted::SubjectNotAllowed) };
        if !purposes.is_empty() {
            let usages = facts.extended_key_usage().map_err(|_| Untrusted::NotForPurpose)?;
            let named = usages.map(|usages| pattern::usages(usages.value)).unwrap_or_default();
            if !purposes.iter().any(|purpose| named.contains(purpose)) {
                return Err(Untrusted::NotForPurpose);
            }
        }
        let names = pattern::Names::of(&facts).ok_or(Untrusted::SubjectNotAllowed)?;
        if deny.iter().any(|pattern| names.has(pattern)) {
            return Err(Untrusted::SubjectNotAllowed);
        }
        if !allow.is_empty() && !allow.iter().any(|pattern| names.has(pattern)) {
            return Err(Untrusted::SubjectNotAllowed);
        }
        let issuer = pattern::Names::issuer_of(&facts);
        if !issuers.is_empty() && !issuers.iter().any(|pattern| issuer.has(pattern)) {
            return Err(Untrusted::IssuerNotAllowed);
        }
        Ok(())
    }

    fn check_chain(&self, leaf: &Certificate, intermediates: &[Certificate], now: i64) -> Result<(), Untrusted> {
        let der = CertificateDer::from(leaf.der());
        let entity = EndEntityCert::try_from(&der).map_err(|_| Untrusted::UnknownIssuer)?;
        let between = intermediates.iter().chain(&self.settings.intermediates);
        let between: Vec<_> = between.map(|certificate| CertificateDer::from(certificate.der())).collect();
        let now = u64::try_from(now).map_err(|_| Untrusted::NotYetValid)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let lists = self.settings.revocation.as_ref();
        let lists: Option<Vec<_>> = lists.map(|lists| lists.iter().map(RevocationList::read).collect());
        let revocation = match &lists {
            None => None,
            // No list at all: nothing is known of any certificate.
            Some(lists) => Some(
                RevocationOptionsBuilder::new(lists)
                    .map_err(|_| Untrusted::RevocationUnknown)?
                    .with_depth(RevocationCheckDepth::Chain)
                    .with_status_policy(UnknownStatusPolicy::Deny)
                    .with_expiration_policy(ExpirationPolicy::Enforce)
                    .build(),
            ),
        };
        let path = entity
            .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &self.roots, &between, now, AnyUsage, revocation, None)
            .map_err(|error| match error {
                // Of the leaf or of a certificate above it.
                webpki::Error::CertExpired { .. } => Untrusted::Expired,
                webpki::Error::CertNotValidYet { .. } => Untrusted::NotYetValid,
                webpki::Error::CertRevoked => Untrusted::Revoked,
                webpki::Error::UnknownRevocationStatus
                | webpki::Error::CrlExpired { .. }
                | webpki::Error::IssuerNotCrlSigner => Untrusted::RevocationUnknown,
                _ => Untrusted::UnknownIssuer,
            })?;
        let depth = path.intermediate_certificates().count();
        if self.settings.depth.is_some_and(|most| depth > most) { Err(Untrusted::Deep(depth)) } else { Ok(()) }
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
