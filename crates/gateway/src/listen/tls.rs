//! TLS for a listener.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

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
    /// rustls refuses them: another key than the certificate's, or a kind it does not know.
    #[error("TLS refuses them: {0}")]
    Refused(#[from] rustls::Error),
}

/// The settings of a TLS listener: TLS 1.2 and 1.3, no client certificate asked, and by ALPN `h2` where `http2` says so,
/// and `http/1.1`.
///
/// `certificate` is PEM, the listener's own first, its chain after it; `key` is PEM, unencrypted.
pub fn server_config(certificate: &[u8], key: &[u8], http2: bool) -> Result<Arc<ServerConfig>, TlsProblem> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsProblem::CertificateNotPem)?;
    if chain.is_empty() {
        return Err(TlsProblem::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsProblem::KeyNotPem)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = http2.then_some(H2).into_iter().chain([&b"http/1.1"[..]]).map(<[u8]>::to_vec).collect();
    Ok(Arc::new(config))
}
