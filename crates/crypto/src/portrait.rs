//! A certificate as its owner looks at it: what the protocol does not ask, and whoever installs it wants to know.

use std::net::IpAddr;

use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::certificate::Certificate;
use crate::key::Curve;

/// What a certificate says beside what messages need of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Portrait {
    /// The hosts and addresses that it is for, as it writes them.
    pub hosts: Vec<String>,
    /// Its key, in words.
    pub key: String,
    /// How it is signed.
    pub signature: Signature,
    /// Whether its issuer is its subject: it is signed with its own key.
    pub self_signed: bool,
    /// Whether it may be shown by a TLS server: its extended key usage says so, or there is none.
    pub for_servers: bool,
}

/// How a certificate is signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signature {
    /// In words, or as an object identifier.
    pub algorithm: String,
    /// The digest in it for which collisions are found.
    pub weak: Option<&'static str>,
}

impl Portrait {
    /// Looks at a certificate.
    pub fn of(certificate: &Certificate) -> Self {
        let key = match (certificate.public_key().rsa_bits(), certificate.public_key().curve()) {
            (Some(bits), _) => format!("RSA of {bits} bits"),
            (None, Some(Curve::P256)) => "on the curve P-256".to_owned(),
            (None, Some(Curve::P384)) => "on the curve P-384".to_owned(),
            (None, Some(Curve::P521)) => "on the curve P-521".to_owned(),
            (None, None) => "of a kind that is not used here".to_owned(),
        };
        let self_signed = certificate.subject() == certificate.issuer();
        let signature = Signature { algorithm: "unknown".to_owned(), weak: None };
        let mut portrait = Self { hosts: Vec::new(), key, signature, self_signed, for_servers: true };
        // It was read once already: nothing in it can be unreadable now.
        let Ok((_, parsed)) = X509Certificate::from_der(certificate.der()) else { return portrait };
        portrait.signature = Signature::of(parsed.signature_algorithm.algorithm.to_id_string());
        if let Ok(Some(names)) = parsed.subject_alternative_name() {
            portrait.hosts = names.value.general_names.iter().filter_map(host).collect();
        }
        if let Ok(Some(purposes)) = parsed.extended_key_usage() {
            portrait.for_servers = purposes.value.server_auth || purposes.value.any;
        }
        portrait
    }
}

/// Whether a client that looks for `host`, a name or an address, takes the certificate for it (RFC 9525).
pub fn is_for(certificate: &Certificate, host: &str) -> bool {
    let Ok(name) = ServerName::try_from(host) else { return false };
    let der = CertificateDer::from(certificate.der());
    EndEntityCert::try_from(&der).is_ok_and(|entity| entity.verify_is_valid_for_subject_name(&name).is_ok())
}

impl Signature {
    /// By the object identifier of the algorithm.
    fn of(identifier: String) -> Self {
        let (name, weak) = match &*identifier {
            "1.2.840.113549.1.1.2" => ("RSA with MD2", Some("MD2")),
            "1.2.840.113549.1.1.4" => ("RSA with MD5", Some("MD5")),
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => ("RSA with SHA-1", Some("SHA-1")),
            "1.2.840.113549.1.1.10" => ("RSA-PSS", None),
            "1.2.840.113549.1.1.11" => ("RSA with SHA-256", None),
            "1.2.840.113549.1.1.12" => ("RSA with SHA-384", None),
            "1.2.840.113549.1.1.13" => ("RSA with SHA-512", None),
            "1.2.840.10045.4.1" => ("ECDSA with SHA-1", Some("SHA-1")),
            "1.2.840.10045.4.3.2" => ("ECDSA with SHA-256", None),
            "1.2.840.10045.4.3.3" => ("ECDSA with SHA-384", None),
            "1.2.840.10045.4.3.4" => ("ECDSA with SHA-512", None),
            "1.3.101.112" => ("Ed25519", None),
            _ => return Self { algorithm: identifier, weak: None },
        };
        Self { algorithm: name.to_owned(), weak }
    }
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => {
            let address = <[u8; 4]>::try_from(*octets).map(IpAddr::from);
            address.or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from)).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}
