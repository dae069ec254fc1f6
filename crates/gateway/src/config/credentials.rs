//! Certificates and keys, as they are said.

use std::path::PathBuf;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::secret::Secret;

use super::base::{Base, read};
use super::error::{ConfigError, Problem, Troubled};
use super::{Identity, Said};

/// A certificate with its key: of both files, or of none.
pub(super) fn identity(
    certificate: Option<Said<PathBuf>>,
    key: Option<Said<PathBuf>>,
    base: &Base,
) -> Result<Option<Identity>, ConfigError> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), None) => Err(certificate.problem(Problem::Half { given: "certificate", missing: "key" })),
        (None, Some(key)) => Err(key.problem(Problem::Half { given: "key", missing: "certificate" })),
        (Some(certificate), Some(key)) => {
            let shown = certificate.value.display().to_string();
            let chain = certificates(&certificate, base)?;
            let file = key.value.display().to_string();
            let pem = Secret::new(read(base, &key)?);
            let private = PrivateKey::from_pem(pem.expose())
                .map_err(|reason| key.problem(Problem::Key { file: file.clone(), reason }))?;
            match chain.into_iter().next() {
                Some(leaf) if private.matches(&leaf) => Ok(Some(Identity { certificate: leaf, key: pem })),
                _ => Err(key.problem(Problem::KeyOfAnother { certificate: shown, key: file })),
            }
        }
    }
}

/// The certificates of a file.
pub(super) fn certificates(file: &Said<PathBuf>, base: &Base) -> Result<Vec<Certificate>, ConfigError> {
    let shown = file.value.display().to_string();
    Certificate::from_pem(&read(base, file)?)
        .map_err(|reason| file.problem(Problem::Certificate { file: shown, reason }))
}
