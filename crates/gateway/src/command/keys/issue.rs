//! Certificates of our own making: an authority, and what it issues.

use std::time::Duration;

use nuncio_crypto::secret::Secret;
use nuncio_wss::Time;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// By how much a certificate is valid before it was made: clocks differ.
const BEFORE: Duration = Duration::from_hours(1);

/// Whom a certificate is about.
pub(in crate::command) enum Subject<'a> {
    /// Who issues the others.
    Authority,
    /// A service, at these hosts and addresses. The first is its common name.
    Service(&'a [String]),
    /// A client of that name.
    Client(&'a str),
}

/// For how long a certificate is valid.
#[derive(Clone, Copy)]
pub(in crate::command) struct Validity {
    /// When it is made.
    pub(in crate::command) now: Time,
    /// From then on.
    pub(in crate::command) lifetime: Duration,
}

/// A certificate with its key: RSA of 2048 bits, which every stack takes.
pub(in crate::command) struct Issued {
    certificate: rcgen::Certificate,
    parameters: CertificateParams,
    key: KeyPair,
}

impl Issued {
    /// Makes a certificate that is signed with its own key.
    pub(in crate::command) fn self_signed(subject: &Subject<'_>, validity: Validity) -> Result<Self, rcgen::Error> {
        let parameters = parameters(subject, validity)?;
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
        let certificate = parameters.self_signed(&key)?;
        Ok(Self { certificate, parameters, key })
    }

    /// Makes a certificate that this one issues.
    pub(super) fn issue(&self, subject: &Subject<'_>, validity: Validity) -> Result<Self, rcgen::Error> {
        let parameters = parameters(subject, validity)?;
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
        let certificate = parameters.signed_by(&key, &Issuer::from_params(&self.parameters, &self.key))?;
        Ok(Self { certificate, parameters, key })
    }

    /// The certificate in DER.
    pub(in crate::command) fn certificate_der(&self) -> &[u8] {
        self.certificate.der()
    }

    /// The certificate in PEM.
    pub(super) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    /// Its key in DER, as PKCS #8.
    pub(super) fn key_der(&self) -> Secret {
        Secret::new(self.key.serialize_der())
    }

    /// Its key in PEM, as PKCS #8.
    pub(in crate::command) fn key_pem(&self) -> Secret {
        Secret::new(self.key.serialize_pem().into_bytes())
    }
}

/// What a certificate says. The key usages are those that WCF and WSS4J ask for: who signs and is encrypted to has both.
fn parameters(subject: &Subject<'_>, validity: Validity) -> Result<CertificateParams, rcgen::Error> {
    let (name, hosts) = match subject {
        Subject::Authority => ("Nuncio development authority", &[][..]),
        Subject::Service(hosts) => (hosts.first().map_or("service", String::as_str), *hosts),
        Subject::Client(name) => (*name, &[][..]),
    };
    let mut parameters = CertificateParams::new(hosts)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "Nuncio development");
    parameters.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = Duration::from_secs(validity.now.seconds().unsigned_abs());
    parameters.not_before = epoch + now.saturating_sub(BEFORE);
    parameters.not_after = epoch + now + validity.lifetime;
    let both = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    // With either of these constraints there is a subject key identifier, by which messages name a certificate.
    (parameters.is_ca, parameters.key_usages, parameters.extended_key_usages) = match subject {
        Subject::Authority => {
            let issues = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            (IsCa::Ca(BasicConstraints::Constrained(0)), issues, Vec::new())
        }
        Subject::Service(_) => (IsCa::ExplicitNoCa, both, vec![ExtendedKeyUsagePurpose::ServerAuth]),
        Subject::Client(_) => (IsCa::ExplicitNoCa, both, vec![ExtendedKeyUsagePurpose::ClientAuth]),
    };
    parameters.use_authority_key_identifier_extension = !matches!(subject, Subject::Authority);
    Ok(parameters)
}
