//! TLS for a listener.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::clients::{ClientCertificates, verifier};

/// HTTP/2, as ALPN has it (RFC 7301).
pub(super) const H2: &[u8] = b"h2";

/// Why a listener's certificate and key cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum TlsProblem {
    /// The certificate file is not PEM.
    #[error("the certificate is not PEM")]
    CertificateNotPem,
    /// The key file is not an unencrypted key in PEM.
    #[error("the key is not an unencrypted private key in PEM")]
    KeyNotPem,
    /// The certificate file has no certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// What clients are checked against cannot be used.
    #[error("clients cannot be checked: {0}")]
    Clients(String),
    /// rustls refuses them: another key than the certificate's, or a kind it does not know.
    #[error("TLS refuses them: {0}")]
    Refused(#[from] rustls::Error),
}

/// What a TLS listener is made of.
pub struct TlsSettings<'a> {
    /// PEM: its own certificate first, its chain after it.
    pub certificate: &'a [u8],
    /// The certificate's key in PEM, unencrypted.
    pub key: &'a [u8],
    /// Whether `h2` is taken by ALPN, before `http/1.1`.
    pub http2: bool,
    /// Which clients are believed by certificate; `None` where none is asked for one.
    pub clients: Option<ClientCertificates>,
}

/// The settings of a TLS listener in rustls's terms: TLS 1.2 and 1.3.
///
/// Sessions are resumed from a store of these very settings, so that none is where other clients are believed.
pub fn server_config(settings: TlsSettings<'_>) -> Result<Arc<ServerConfig>, TlsProblem> {
    let TlsSettings { certificate, key, http2, clients } = settings;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsProblem::CertificateNotPem)?;
    if chain.is_empty() {
        return Err(TlsProblem::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsProblem::KeyNotPem)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(verifier(clients, &provider)?),
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = http2.then_some(H2).into_iter().chain([&b"http/1.1"[..]]).map(<[u8]>::to_vec).collect();
    Ok(Arc::new(config))
}
