//! Certificates and keys, as they are said.

use std::path::PathBuf;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::pfx::Pfx;
use nuncio_crypto::secret::Secret;
use nuncio_wss::{Tenure, Time};
use schemars::JsonSchema;
use serde::Deserialize;

use super::base::{Base, read, read_secret};
use super::error::{ConfigError, Problem, Troubled};
use super::user::{Password, first_line};
use super::{Identity, Said};

/// A certificate with its key: of two files in PEM, or of one file of PKCS #12.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PairInput {
    /// A file with the certificate in PEM.
    pub(crate) certificate: Option<Said<PathBuf>>,
    /// A file with its key in PEM.
    pub(crate) key: Option<Said<PathBuf>>,
    /// A file with both in PKCS #12, in place of the two.
    pub(crate) pfx: Option<Said<PathBuf>>,
    /// The password of the PKCS #12 file.
    pub(crate) password: Option<Password>,
    /// A file whose one line is that password.
    pub(crate) password_file: Option<Said<PathBuf>>,
}

/// One of several certificates of a service, and its time.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateInput {
    /// A file with the certificate in PEM.
    pub(crate) certificate: Option<Said<PathBuf>>,
    /// A file with its key in PEM.
    pub(crate) key: Option<Said<PathBuf>>,
    /// A file with both in PKCS #12, in place of the two.
    pub(crate) pfx: Option<Said<PathBuf>>,
    /// The password of the PKCS #12 file.
    pub(crate) password: Option<Password>,
    /// A file whose one line is that password.
    pub(crate) password_file: Option<Said<PathBuf>>,
    /// From when on it signs and is published, such as `2027-01-01T00:00:00Z`; from ever, unless it is said. What is
    /// encrypted to it is decrypted before, too.
    pub(crate) activate: Option<Said<String>>,
    /// From when on it is not used any more; never, unless it is said.
    pub(crate) retire: Option<Said<String>>,
}

/// A certificate and its key, in PEM, and what they are called where something is wrong with them.
pub(super) struct Pair {
    /// The certificate, and those above it.
    pub(super) certificate: Vec<u8>,
    /// The key.
    pub(super) key: Secret,
    pub(super) certificate_file: Said<PathBuf>,
    pub(super) key_file: Said<PathBuf>,
}

impl PairInput {
    /// Of both files in PEM, of one in PKCS #12, or of none.
    pub(super) fn read(&self, base: &Base) -> Result<Option<Pair>, ConfigError> {
        let half = |said: &Said<PathBuf>, given, missing| said.problem(Problem::Half { given, missing });
        if let Some(file) = &self.pfx {
            if let Some(said) = self.certificate.as_ref().or(self.key.as_ref()) {
                let (first, second) = ("certificate", "pfx");
                return Err(said.problem(Problem::Either { owner: "certificate", first, second }));
            }
            return self.read_pfx(file, base).map(Some);
        }
        if let Some(said) = &self.password_file {
            return Err(half(said, "password_file", "pfx"));
        }
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), None) => Err(half(certificate, "certificate", "key")),
            (None, Some(key)) => Err(half(key, "key", "certificate")),
            (Some(certificate), Some(_)) if self.password.is_some() => Err(half(certificate, "password", "pfx")),
            (Some(certificate), Some(key)) => Ok(Some(Pair {
                certificate: read(base, certificate)?,
                key: read_secret(base, key)?,
                certificate_file: certificate.clone(),
                key_file: key.clone(),
            })),
        }
    }

    fn read_pfx(&self, file: &Said<PathBuf>, base: &Base) -> Result<Pair, ConfigError> {
        let password = match (&self.password, &self.password_file) {
            (Some(Password(password)), None) => password.clone(),
            (None, Some(file)) => first_line(read_secret(base, file)?.expose()),
            (None, None) => Secret::new(Vec::new()),
            (Some(_), Some(said)) => {
                let (first, second) = ("password", "password_file");
                return Err(said.problem(Problem::Either { owner: "certificate", first, second }));
            }
        };
        let shown = file.value.display().to_string();
        let pfx = Pfx::read(read_secret(base, file)?.expose(), &password)
            .map_err(|reason| file.problem(Problem::Pfx { file: shown, reason }))?;
        let (certificate_file, key_file) = (file.clone(), file.clone());
        Ok(Pair { certificate: pfx.chain_pem(), key: pfx.key_pem(), certificate_file, key_file })
    }

    /// A service's own, for its time.
    pub(super) fn identity(&self, tenure: Tenure, base: &Base) -> Result<Option<Identity>, ConfigError> {
        let Some(Pair { certificate, key, certificate_file, key_file }) = self.read(base)? else { return Ok(None) };
        let shown = certificate_file.value.display().to_string();
        let chain = Certificate::from_pem(&certificate)
            .map_err(|reason| certificate_file.problem(Problem::Certificate { file: shown.clone(), reason }))?;
        let file = key_file.value.display().to_string();
        let private = PrivateKey::from_pem(key.expose())
            .map_err(|reason| key_file.problem(Problem::Key { file: file.clone(), reason }))?;
        match chain.into_iter().next() {
            Some(leaf) if private.matches(&leaf) => Ok(Some(Identity { certificate: leaf, key, tenure })),
            _ => Err(key_file.problem(Problem::KeyOfAnother { certificate: shown, key: file })),
        }
    }
}

impl CertificateInput {
    fn identity(self, list: &Said<()>, base: &Base) -> Result<Identity, ConfigError> {
        let Self { certificate, key, pfx, password, password_file, activate, retire } = self;
        let time = |said: &Said<String>| {
            Time::parse(&said.value).ok_or_else(|| said.problem(Problem::Time(said.value.clone())))
        };
        let begins = activate.as_ref().map(time).transpose()?;
        let ends = retire.as_ref().map(time).transpose()?;
        if let (Some(begins), Some(ends), Some(said)) = (begins, ends, &retire)
            && ends <= begins
        {
            return Err(said.problem(Problem::RetiredBefore));
        }
        let tenure = Tenure { activate: begins.or(Tenure::ALWAYS.activate), retire: ends };
        let pair = PairInput { certificate, key, pfx, password, password_file };
        let (first, second) = ("certificate", "pfx");
        let neither = || list.problem(Problem::Either { owner: "certificate", first, second });
        pair.identity(tenure, base)?.ok_or_else(neither)
    }
}

/// The certificates of a service: those of a list, or the one pair of files; and one that only decrypts.
pub(super) fn identities(
    own: &PairInput,
    list: Option<Said<Vec<CertificateInput>>>,
    encryption: Option<&Said<PairInput>>,
    base: &Base,
) -> Result<Vec<Identity>, ConfigError> {
    let mut identities = Vec::new();
    if let Some(list) = list {
        let place = list.with(());
        if own.certificate.is_some() || own.key.is_some() {
            return Err(place.problem(Problem::Either {
                owner: "route",
                first: "certificate",
                second: "certificates",
            }));
        }
        if list.value.is_empty() {
            return Err(place.problem(Problem::Empty("certificates", "nothing could be encrypted to the service")));
        }
        for input in list.value {
            let identity = input.identity(&place, base)?;
            if identities.iter().any(|other: &Identity| other.certificate == identity.certificate) {
                let value = identity.certificate.subject().to_owned();
                return Err(place.problem(Problem::Twice { what: "certificate", value }));
            }
            identities.push(identity);
        }
    } else {
        identities.extend(own.identity(Tenure::ALWAYS, base)?);
    }
    if let Some(encryption) = encryption {
        // The first that there is signs.
        if identities.is_empty() {
            return Err(encryption.problem(Problem::Half { given: "encryption", missing: "certificate" }));
        }
        let (first, second) = ("certificate", "pfx");
        let neither = || encryption.problem(Problem::Either { owner: "certificate", first, second });
        identities.push(encryption.value.identity(Tenure::OPENS, base)?.ok_or_else(neither)?);
    }
    Ok(identities)
}

/// A file that has certificates in PEM, as it is.
pub(crate) fn certificates_of(file: &Said<PathBuf>) -> Result<Vec<u8>, ConfigError> {
    let base = Base::default();
    certificates(file, &base)?;
    read(&base, file)
}

/// The certificates of a file.
pub(super) fn certificates(file: &Said<PathBuf>, base: &Base) -> Result<Vec<Certificate>, ConfigError> {
    let shown = file.value.display().to_string();
    Certificate::from_pem(&read(base, file)?)
        .map_err(|reason| file.problem(Problem::Certificate { file: shown, reason }))
}
