//! The contract of a route that clients may ask for: a file with what it imports, or the backend's.

use std::path::{Path, PathBuf};

use nuncio_policy::publish::{Documents, Unpublishable};

use super::Said;
use super::base::{Base, read};
use super::error::{ConfigError, Problem, Troubled};
use super::route::ContractInput;

/// Where the contract is that a route publishes.
#[derive(Debug)]
pub enum ContractSettings {
    /// It publishes none.
    None,
    /// It was read.
    Documents(Documents),
    /// The backend publishes one.
    Backend,
}

impl ContractSettings {
    /// Reads the contract. `wsdl` is the one that the policy is from, `said` what is said of another.
    pub(super) fn load(
        wsdl: Option<&Said<PathBuf>>,
        said: Option<&Said<ContractInput>>,
        publish: bool,
        base: &Base,
    ) -> Result<Self, ConfigError> {
        match (wsdl, said) {
            (Some(_), Some(said)) => {
                Err(said.problem(Problem::Either { owner: "route", first: "wsdl", second: "contract" }))
            }
            (None, Some(Said { value: ContractInput::Backend, .. })) if publish => Ok(Self::Backend),
            (Some(file), None) if publish => {
                let bytes = read(base, file)?;
                let documents = documents(&base.find(&file.value), &bytes, base);
                Ok(documents.map_or_else(
                    |reason| {
                        tracing::warn!(file = %file.value.display(), %reason, "the contract is not published");
                        Self::None
                    },
                    Self::Documents,
                ))
            }
            _ => Ok(Self::None),
        }
    }
}

/// The documents of a contract in a file.
pub(crate) fn documents_of(file: &Path) -> Result<Documents, ConfigError> {
    let (base, said) = (Base::default(), Said::flag("wsdl", file.to_owned()));
    let bytes = read(&base, &said)?;
    documents(&base.find(file), &bytes, &base).map_err(|reason| said.problem(Problem::Contract(reason.to_string())))
}

/// A contract with the files that it imports. What is not in a file, or is no schema, stays as it stands: what an operator
/// names decides what is read, and what is read is published only where it is one.
fn documents(file: &Path, bytes: &[u8], base: &Base) -> Result<Documents, Unpublishable> {
    let mut documents = Documents::new(&file.to_string_lossy(), bytes)?;
    while let Some((from, location)) = documents.import() {
        let location = location.to_owned();
        let beside = Path::new(from).parent().unwrap_or(Path::new("")).join(&location);
        let relative = Path::new(&location).is_relative() && !location.contains("://");
        let found = relative.then(|| std::fs::canonicalize(&beside)).and_then(Result::ok);
        let at = found.as_deref().map(Path::to_string_lossy);
        let added = match (&found, &at) {
            (Some(_), Some(at)) if documents.has(at) => true,
            (Some(found), Some(at)) => match std::fs::read(base.find(found)).map(|bytes| documents.add(at, &bytes)) {
                Ok(Err(reason @ Unpublishable::TooLarge { .. })) => return Err(reason),
                Ok(added) => added.is_ok(),
                Err(_) => false,
            },
            _ => false,
        };
        match at {
            Some(at) if added => documents.link(&at),
            _ => {
                tracing::warn!(file = %file.display(), %location, "an import is published as it stands: there is no such file");
                documents.leave();
            }
        }
    }
    Ok(documents)
}
