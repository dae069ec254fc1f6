//! Clients that prove by certificate to TLS who they are.

use std::fmt;
use std::sync::Arc;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::trust::{Settings, Trust, Untrusted, Ways};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::TlsProblem;

/// Which clients a listener believes that prove by certificate who they are.
#[derive(Clone)]
pub struct ClientCertificates {
    /// Whether a client without a certificate is turned away.
    pub required: bool,
    /// Which certificates are believed, as of messages. What an authority issued must be for clients besides.
    pub trust: Settings,
}

/// Judges clients' certificates.
struct Clients {
    required: bool,
    trust: Trust,
    /// The same, of certificates that are named themselves alone; `None` where that is no way to be believed.
    named: Option<Trust>,
    /// Asks of what an authority issued whether it is for clients of TLS; `None` where there are no authorities.
    issued: Option<Arc<dyn ClientCertVerifier>>,
    /// What clients may leave out of what they send along.
    between: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// What judges clients' certificates so.
pub(super) fn verifier(
    clients: ClientCertificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsProblem> {
    let ClientCertificates { required, trust } = clients;
    let mut roots = RootCertStore::empty();
    for authority in trust.certificates.iter().filter(|certificate| certificate.is_authority()) {
        roots.add(CertificateDer::from(authority.der().to_vec()))?;
    }
    let issued = if roots.is_empty() {
        None
    } else {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        Some(builder.build().map_err(|error| TlsProblem::Clients(error.to_string()))?)
    };
    let between = trust.intermediates.iter().map(|above| CertificateDer::from(above.der().to_vec())).collect();
    let whom = |settings| Trust::of(settings).map_err(|error| TlsProblem::Clients(error.to_string()));
    let named =
        (trust.ways != Ways::Chain).then(|| whom(Settings { ways: Ways::Peer, ..trust.clone() })).transpose()?;
    let trust = whom(trust)?;
    Ok(Arc::new(Clients {
        required,
        trust,
        named,
        issued,
        between,
        algorithms: provider.signature_verification_algorithms,
    }))
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A client whose very certificate is trusted would send none for the names of authorities.
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let read = |der: &CertificateDer<'_>| {
            let read = Certificate::from_der(der.to_vec());
            read.map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))
        };
        let leaf = read(certificate)?;
        let between = above.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        self.trust.check(&leaf, &between, seconds).map_err(|reason| Error::InvalidCertificate(told(reason)))?;
        if self.named.as_ref().is_some_and(|named| named.check(&leaf, &[], seconds).is_ok()) {
            return Ok(ClientCertVerified::assertion());
        }
        match &self.issued {
            Some(issued) => {
                let above: Vec<_> = above.iter().chain(&self.between).cloned().collect();
                issued.verify_client_cert(certificate, &above, now)
            }
            None => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What TLS's own alert tells the client of it.
fn told(reason: Untrusted) -> CertificateError {
    match reason {
        Untrusted::Expired => CertificateError::Expired,
        Untrusted::NotYetValid => CertificateError::NotValidYet,
        Untrusted::Revoked => CertificateError::Revoked,
        Untrusted::RevocationUnknown => CertificateError::UnknownRevocationStatus,
        Untrusted::UnknownIssuer => CertificateError::UnknownIssuer,
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Clients").field("required", &self.required).finish_non_exhaustive()
    }
}
