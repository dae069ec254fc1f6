//! Where the policy of a route is said: in a policy file, in its place, or by the short ways.

use std::path::PathBuf;

use nuncio_policy::said::{self, Brief, NotRead, Origin};
use nuncio_policy::yaml::{PolicyFile, Source, Stated};

use super::Said;
use super::base::{Base, read};
use super::error::{ConfigError, Problem, Troubled};

/// A policy file, or what would stand in it.
pub(crate) type PolicyInput = Brief<PathBuf, PolicyFile>;

/// What a route says of its policy, as it is said.
pub(super) struct PolicyWords {
    pub(super) policy: Option<Said<PolicyInput>>,
    pub(super) wsdl: Option<Said<PathBuf>>,
    pub(super) port: Option<Said<String>>,
    pub(super) preset: Option<Said<String>>,
}

/// What a route's policy is.
pub(super) enum PolicySource {
    /// That of a contract.
    Contract {
        /// Its file.
        wsdl: Said<PathBuf>,
        /// Its port, where that is named.
        port: Option<Said<String>>,
    },
    /// A policy, and where it is named.
    Stated(Said<Box<Stated>>),
}

impl PolicyWords {
    /// Where it is named, for what is wrong with it.
    pub(super) fn named(&self) -> Option<Said<()>> {
        let policy = self.policy.as_ref().map(|said| said.with(()));
        let wsdl = || self.wsdl.as_ref().map(|said| said.with(()));
        policy.or_else(wsdl).or_else(|| self.preset.as_ref().map(|said| said.with(())))
    }

    /// The policy, read from its file. `route` is where a route says nothing of it.
    pub(super) fn source(self, route: &Said<String>, base: &Base) -> Result<PolicySource, ConfigError> {
        let either = |first, second| Problem::Either { owner: "route", first, second };
        match self {
            Self { policy: Some(_), wsdl: Some(said), .. } => Err(said.problem(either("policy", "wsdl"))),
            Self { policy: Some(_), preset: Some(said), .. } => Err(said.problem(either("policy", "preset"))),
            Self { wsdl: None, port: Some(port), .. } => {
                Err(port.problem(Problem::Half { given: "port", missing: "wsdl" }))
            }
            Self { policy: Some(policy), .. } => written(policy, base),
            Self { wsdl: Some(file), preset: Some(_), .. } => Err(file.problem(either("wsdl", "preset"))),
            Self { wsdl: Some(wsdl), port, .. } => Ok(PolicySource::Contract { wsdl, port }),
            Self { preset: Some(name), .. } => {
                let at = name.with(());
                let source = PolicyFile::preset(name).source();
                Ok(of_source(source.map_err(|refused| at.problem(Problem::Yaml(refused.reason)))?, at))
            }
            Self { .. } => Err(route.problem(Problem::PolicyUnsaid)),
        }
    }
}

/// A policy that is said in a file of its own, or in the place of one.
fn written(policy: Said<PolicyInput>, base: &Base) -> Result<PolicySource, ConfigError> {
    let at = policy.with(());
    let file = match policy.value {
        Brief::Long(file) => return Ok(of_source(file.source().map_err(refused)?, at)),
        Brief::Short(file) => at.with(file),
    };
    let yaml = read(base, &file)?;
    let source = said::read::<PolicyFile>(&file.value.display().to_string(), &yaml).and_then(PolicyFile::source);
    Ok(match source.map_err(refused)? {
        // A file's paths are relative to itself.
        Source::Contract(contract) => {
            let folder = file.value.parent().map(PathBuf::from).unwrap_or_default();
            let wsdl = contract.wsdl.map(|wsdl| folder.join(wsdl));
            PolicySource::Contract { wsdl, port: contract.port }
        }
        source @ Source::Stated(_) => of_source(source, at),
    })
}

fn of_source(source: Source, at: Said<()>) -> PolicySource {
    match source {
        Source::Contract(contract) => PolicySource::Contract { wsdl: contract.wsdl, port: contract.port },
        Source::Stated(stated) => PolicySource::Stated(at.map(|()| Box::new(stated))),
    }
}

fn refused(refused: NotRead) -> ConfigError {
    ConfigError { origin: Origin::File(refused.at), problem: Box::new(Problem::Yaml(refused.reason)) }
}
