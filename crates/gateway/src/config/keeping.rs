//! Where conversations and claims are kept, as it is said.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::base::{Base, read_secret};
use super::error::{ConfigError, Problem, Troubled};
use super::{Keeping, Said};
use crate::keyring;

/// A state directory: what is kept there survives this process, and the machine.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateInput {
    /// The directory. It is made, if it is not there, for this user alone; one process has it at a time.
    pub(crate) directory: Said<PathBuf>,
}

/// Where a route keeps its conversations, and claims its messages.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// In this process, with which they end.
    Memory,
    /// In the directory of `state`.
    Disk,
}

impl StoreKind {
    /// The word for it, and what a configuration that has none says nothing of.
    fn needs(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Memory => None,
            Self::Disk => Some(("disk", "state: { directory: DIRECTORY }")),
        }
    }
}

/// What is said of keeping, but for what the routes say.
pub(super) struct KeepingInput {
    pub(super) state: Option<StateInput>,
    pub(super) key_ring: Option<Said<PathBuf>>,
}

impl KeepingInput {
    /// Reads the key ring, below `base`.
    pub(super) fn build(self, base: &Base) -> Result<Keeping, ConfigError> {
        let ring = self.key_ring.map(|said| {
            let octets = read_secret(base, &said)?;
            let ring = keyring::read(&said.value.display().to_string(), octets.expose());
            ring.map_err(|bad| said.problem(Problem::KeyRing(bad.to_string())))
        });
        Ok(Keeping { state: self.state.map(|state| base.place(&state.directory.value)), ring: ring.transpose()? })
    }
}

impl Keeping {
    /// Where a route keeps its conversations, for which that is said or nothing is.
    pub(super) fn store(&self, said: Option<&Said<StoreKind>>) -> Result<StoreKind, ConfigError> {
        let Some(said) = said else {
            return Ok(if self.state.is_some() { StoreKind::Disk } else { StoreKind::Memory });
        };
        let is_there = match said.value {
            StoreKind::Memory => true,
            StoreKind::Disk => self.state.is_some(),
        };
        match said.value.needs().filter(|_| !is_there) {
            Some((store, needs)) => Err(said.problem(Problem::NoStore { store, needs })),
            None => Ok(said.value),
        }
    }
}
