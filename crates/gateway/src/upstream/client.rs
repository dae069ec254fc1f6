//! The HTTP client of a backend: what it trusts, what it shows, and all that it must not do.

use std::time::Duration;

use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use reqwest::{Certificate, Client, Identity, Url, redirect, retry};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use super::Unavailable;
use super::answer::whole;
use crate::config::{Backend, Timeouts};

/// Connections to one URL that are kept while nobody uses them.
const IDLE_CONNECTIONS: usize = 64;
/// Header lines of a backend's answer.
const ANSWER_HEADERS: usize = 64;

/// Why a client for a backend cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamProblem {
    /// A trusted certificate is not PEM, or there is none in the file.
    #[error("there is no certificate in PEM in it")]
    Trust,
    /// The TLS library or the system's certificate store refuses.
    #[error("no client can be made for the backend: {0}")]
    Client(String),
}

/// A client for a backend.
pub(crate) fn client(backend: &Backend, timeouts: &Timeouts) -> Result<Client, UpstreamProblem> {
    // reqwest asks for the process's provider. An error says that there is one already, which is as good.
    let _ = CryptoProvider::install_default(aws_lc_rs::default_provider());
    let mut client = Client::builder()
        // An operator's environment is not a route's: no proxy that the configuration does not name.
        .no_proxy()
        // Elsewhere is not where the operator said, and a POST would arrive there as a GET.
        .redirect(redirect::Policy::none())
        // What was sent may have been acted on.
        .retry(retry::never())
        .referer(false)
        .http1_only()
        .http1_max_headers(ANSWER_HEADERS)
        .tcp_nodelay(true)
        .connect_timeout(timeouts.backend_connect)
        .read_timeout(timeouts.backend_read)
        .timeout(timeouts.backend_total)
        .pool_idle_timeout(timeouts.backend_idle)
        .pool_max_idle_per_host(IDLE_CONNECTIONS);
    if timeouts.backend_idle == Duration::ZERO {
        client = client.pool_max_idle_per_host(0);
    }
    if let Some(roots) = roots(backend)? {
        client = client.tls_certs_only(roots);
    }
    if let Some(identity) = &backend.identity {
        let identity =
            Identity::from_pem(identity.expose()).map_err(|error| UpstreamProblem::Client(causes(&error)))?;
        client = client.identity(identity);
    }
    client.build().map_err(|error| UpstreamProblem::Client(causes(&error)))
}

/// The certificates that a backend's TLS is checked against; `None` for the system's own.
///
/// A plain backend gets none: it must not need a machine with a certificate store.
fn roots(backend: &Backend) -> Result<Option<Vec<Certificate>>, UpstreamProblem> {
    match &backend.trust {
        None if backend.urls.iter().any(|(url, _)| url.scheme() == "https") => Ok(None),
        None => Ok(Some(Vec::new())),
        Some(pem) => match Certificate::from_pem_bundle(pem) {
            Ok(roots) if !roots.is_empty() => Ok(Some(roots)),
            _ => Err(UpstreamProblem::Trust),
        },
    }
}

/// Fetches what is published at a URL, of so many octets at most.
pub(crate) async fn document(client: &Client, url: Url, limit: usize) -> Result<Vec<u8>, Unavailable> {
    let response = client.get(url).header(ACCEPT_ENCODING, "identity").send().await.map_err(unavailable)?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(Unavailable::NotPublished(status));
    }
    match response.headers().get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(Unavailable::Encoded(format!("{encoding:?}"))),
        _ => whole(response, limit, false).await,
    }
}

pub(super) fn unavailable(error: reqwest::Error) -> Unavailable {
    let error = error.without_url();
    let why = causes(&error);
    if error.is_connect() {
        Unavailable::Unreachable(why)
    } else if error.is_timeout() {
        Unavailable::Slow(why)
    } else if error.is_builder() {
        Unavailable::Request(why)
    } else {
        Unavailable::Broken(why)
    }
}

/// An error with its causes, in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nuncio_crypto::secret::Secret;
    use rustls::RootCertStore;
    use rustls::server::WebPkiClientVerifier;
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    fn made(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    /// A service that talks to whoever shows that certificate.
    async fn service((certificate, key): &(String, String), client: &str) -> Url {
        let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(der(client)).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![der(certificate)], PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", socket.local_addr().unwrap().port()).parse().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut seen = Vec::new();
                while !seen.ends_with(b"\r\n\r\n") && stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {}
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        });
        url
    }

    #[tokio::test]
    async fn a_backend_is_shown_our_certificate_and_shows_its_own() {
        let (own, ours, other) = (made("localhost"), made("gateway"), made("localhost"));
        let url = service(&own, &ours.0).await;
        let ask = async |trust: &str, identity: Option<&(String, String)>| {
            let identity = identity.map(|(certificate, key)| Secret::new(format!("{certificate}{key}").into_bytes()));
            let backend = Backend { trust: Some(trust.as_bytes().to_vec()), identity, ..Backend::new(url.clone()) };
            let client = client(&backend, &Timeouts::default()).unwrap();
            client.get(url.clone()).send().await.is_ok_and(|answer| answer.status() == 200)
        };
        assert!(ask(&own.0, Some(&ours)).await);
        assert!(!ask(&own.0, None).await, "it lets nobody in without a certificate");
        assert!(!ask(&own.0, Some(&other)).await, "nor with another");
        assert!(!ask(&other.0, Some(&ours)).await, "we do not believe whoever answers");
    }
}
