//! Where conversations and claims are kept, as it is said.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::base::{Base, read, read_secret};
use super::error::{ConfigError, Problem, Troubled};
use super::scalar::{Count, Octets, Span};
use super::{Keeping, Said, first_line};
use crate::keyring;
use crate::shared::{BadSettings, Settings};

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
    /// In the Redis of `redis`, which several gateways share.
    Redis,
    /// In the tokens of its clients, sealed with the key ring: gateways that have it share them without a store beside them.
    /// Claims are in Redis where there is one, or in the directory of `state`, or else in this process.
    Cookie,
}

/// A Redis, or Valkey, that several gateways share.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedisInput {
    /// Where it is: `redis://HOST:PORT/DATABASE`, or `rediss://` where it speaks TLS.
    pub(crate) url: Said<String>,
    /// Who the gateway is to it.
    pub(crate) username: Option<Said<String>>,
    /// A file whose one line is the gateway's password.
    pub(crate) password_file: Option<Said<PathBuf>>,
    /// A file of certificates in PEM that its own is checked against; the system's roots, unless it is said.
    pub(crate) trust: Option<Said<PathBuf>>,
    /// A file with a certificate in PEM that it is shown, and its key.
    pub(crate) identity: Option<Said<PathBuf>>,
    /// With what all keys there begin.
    pub(crate) prefix: Option<Said<String>>,
    /// How long it may take to answer.
    pub(super) timeout: Option<Span>,
    /// How long it may take to be connected.
    pub(super) connect_timeout: Option<Span>,
    /// For how long a conversation that was found is known without asking it: so long after it was ended by one gateway another
    /// may still take a message in it.
    pub(super) cache: Option<Span>,
    /// What such conversations may take in memory.
    pub(super) cache_bytes: Option<Octets>,
    /// What it is asked at once; more is told that there is too much.
    pub(super) operations: Option<Count>,
    /// How many conversations one principal may have there.
    pub(super) principal_conversations: Option<Count>,
}

impl RedisInput {
    /// One of which only the URL is said.
    pub(crate) fn at(url: Said<String>) -> Self {
        Self {
            url,
            username: None,
            password_file: None,
            trust: None,
            identity: None,
            prefix: None,
            timeout: None,
            connect_timeout: None,
            cache: None,
            cache_bytes: None,
            operations: None,
            principal_conversations: None,
        }
    }

    fn build(self, base: &Base) -> Result<Settings, ConfigError> {
        let mut settings =
            Settings::at(&self.url.value).map_err(|bad| self.url.problem(Problem::Redis(bad.to_string())))?;
        if let Some(said) = &self.username {
            settings.username = Some(said.value.clone());
        }
        if let Some(said) = &self.password_file {
            settings.password = Some(first_line(read_secret(base, said)?.expose()));
        }
        if let Some(said) = self.trust.as_ref().or(self.identity.as_ref()).filter(|_| !settings.tls) {
            return Err(said.problem(Problem::Redis("without rediss:// it is asked without TLS".to_owned())));
        }
        settings.trust = self.trust.as_ref().map(|said| read(base, said)).transpose()?;
        settings.identity = self.identity.as_ref().map(|said| read_secret(base, said)).transpose()?;
        if let Some(said) = &self.prefix {
            settings.prefix.clone_from(&said.value);
        }
        settings.timeout = self.timeout.map_or(settings.timeout, Into::into);
        settings.connect_timeout = self.connect_timeout.map_or(settings.connect_timeout, Into::into);
        settings.cache = self.cache.map_or(settings.cache, Into::into);
        settings.cache_bytes = self.cache_bytes.map_or(settings.cache_bytes, Into::into);
        settings.operations = self.operations.map_or(settings.operations, Into::into);
        settings.principal_conversations =
            self.principal_conversations.map_or(settings.principal_conversations, Into::into);
        settings.check().map_err(|bad| self.bad(&bad))?;
        if !settings.tls && !settings.is_local() {
            tracing::warn!(
                "Redis at {} is asked without TLS: whoever is between can have messages replayed",
                settings.place()
            );
        }
        Ok(settings)
    }

    /// What cannot be used, where it is said.
    fn bad(&self, why: &BadSettings) -> ConfigError {
        let problem = Problem::Redis(why.to_string());
        let file = match why {
            BadSettings::Password => &self.password_file,
            BadSettings::Identity | BadSettings::Tls(_) if self.identity.is_some() => &self.identity,
            BadSettings::Trust | BadSettings::Identity | BadSettings::Tls(_) => &self.trust,
            BadSettings::NoPassword | BadSettings::Host | BadSettings::Prefix => &None,
        };
        match (file, why) {
            (Some(file), _) => file.problem(problem),
            (None, BadSettings::NoPassword) => self.username.as_ref().unwrap_or(&self.url).problem(problem),
            (None, BadSettings::Prefix) => self.prefix.as_ref().unwrap_or(&self.url).problem(problem),
            (None, _) => self.url.problem(problem),
        }
    }
}

impl StoreKind {
    /// The word for it, and what a configuration that has none says nothing of.
    fn needs(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Memory => None,
            Self::Disk => Some(("disk", "state: { directory: DIRECTORY }")),
            Self::Redis => Some(("redis", "redis: { url: URL }")),
            Self::Cookie => Some(("cookie", "key_ring: FILE")),
        }
    }
}

/// What is said of keeping, but for what the routes say.
pub(super) struct KeepingInput {
    pub(super) state: Option<StateInput>,
    pub(super) key_ring: Option<Said<PathBuf>>,
    pub(super) redis: Option<RedisInput>,
}

impl KeepingInput {
    /// Reads the key ring, below `base`.
    pub(super) fn build(self, base: &Base) -> Result<Keeping, ConfigError> {
        let ring = self.key_ring.map(|said| {
            let octets = read_secret(base, &said)?;
            let ring = keyring::read(&said.value.display().to_string(), octets.expose());
            ring.map(Arc::new).map_err(|bad| said.problem(Problem::KeyRing(bad.to_string())))
        });
        let (ring, state) = (ring.transpose()?, self.state.map(|state| base.place(&state.directory.value)));
        if let Some(redis) = self.redis.as_ref().filter(|_| ring.is_none()) {
            return Err(redis.url.problem(Problem::NoRing));
        }
        Ok(Keeping { state, ring, redis: self.redis.map(|redis| redis.build(base)).transpose()? })
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
            StoreKind::Redis => self.redis.is_some(),
            StoreKind::Cookie => self.ring.is_some() || self.state.is_some(),
        };
        match said.value.needs().filter(|_| !is_there) {
            Some((store, needs)) => Err(said.problem(Problem::NoStore { store, needs })),
            None => Ok(said.value),
        }
    }
}
