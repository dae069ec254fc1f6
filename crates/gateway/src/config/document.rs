//! A whole configuration as it is said, in YAML or by flags; and from there to what can be served.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use nuncio_policy::said;
use schemars::JsonSchema;
use serde::Deserialize;

use super::base::Base;
use super::egress::EgressInput;
use super::error::{ConfigError, Problem, Troubled};
use super::keeping::{KeepingInput, RedisInput, StateInput};
use super::limits::MessageLimits;
use super::listener::{AdminInput, ListenerInput};
use super::route::RouteInput;
use super::tables::{ConnectionLimitsInput, LifetimesInput, MessageLimitsInput, StoreLimitsInput, TimeoutsInput};
use super::traces::TracingInput;
use super::{Configuration, ListenerSettings, Said};

/// A configuration of Nuncio.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Nuncio", extend("anyOf" = [{ "required": ["listeners", "routes"] }, { "required": ["egress"] }]))]
pub(crate) struct Document {
    /// Where requests come in.
    #[serde(default = "no_listeners")]
    #[schemars(length(min = 1))]
    pub(crate) listeners: Said<Vec<ListenerInput>>,
    /// What is served.
    #[serde(default = "no_routes")]
    #[schemars(length(min = 1))]
    pub(crate) routes: Said<Vec<RouteInput>>,
    /// The other side: protected services that plain programs call.
    pub(crate) egress: Option<EgressInput>,
    /// Where the gateway is watched over: `/healthz`, `/readyz`, `/metrics`.
    pub(crate) admin: Option<AdminInput>,
    /// Where spans of the gateway's own go; without it, nowhere.
    pub(crate) tracing: Option<TracingInput>,
    /// What one message may cost to read.
    #[serde(default)]
    pub(crate) limits: MessageLimitsInput,
    /// What one connection may cost.
    #[serde(default)]
    pub(crate) connections: ConnectionLimitsInput,
    /// A directory for what is to survive this process.
    pub(crate) state: Option<StateInput>,
    /// A file with the keys with which what leaves this process is sealed.
    pub(crate) key_ring: Option<Said<PathBuf>>,
    /// A Redis that several gateways share.
    pub(crate) redis: Option<RedisInput>,
    /// What may be kept.
    #[serde(default)]
    pub(crate) stores: StoreLimitsInput,
    /// How long what is said is good for.
    #[serde(default)]
    pub(crate) lifetimes: LifetimesInput,
    /// How long a peer may keep the gateway waiting.
    #[serde(default)]
    pub(crate) timeouts: TimeoutsInput,
}

/// What is said of a list that is not there.
fn nothing<T>() -> Said<Vec<T>> {
    Said::flag("config", Vec::new())
}

fn no_listeners() -> Said<Vec<ListenerInput>> {
    nothing()
}

fn no_routes() -> Said<Vec<RouteInput>> {
    nothing()
}

/// Reads the YAML of `file`.
fn parse(file: &Path, yaml: &[u8]) -> Result<Document, ConfigError> {
    said::read(&file.display().to_string(), yaml).map_err(|not_read| ConfigError {
        origin: said::Origin::File(not_read.at),
        problem: Box::new(Problem::Yaml(not_read.reason)),
    })
}

impl Document {
    /// Reads a YAML file.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let yaml = std::fs::read(file).map_err(|error| ConfigError {
            origin: said::Origin::Flag("config"),
            problem: Box::new(Problem::Unreadable { file: file.display().to_string(), reason: error.to_string() }),
        })?;
        parse(file, &yaml)
    }

    /// A configuration of which only what must be said is said.
    pub(crate) fn new(listeners: Said<Vec<ListenerInput>>, routes: Said<Vec<RouteInput>>) -> Self {
        Self {
            listeners,
            routes,
            egress: None,
            admin: None,
            tracing: None,
            state: None,
            key_ring: None,
            redis: None,
            limits: MessageLimitsInput::default(),
            connections: ConnectionLimitsInput::default(),
            stores: StoreLimitsInput::default(),
            lifetimes: LifetimesInput::default(),
            timeouts: TimeoutsInput::default(),
        }
    }

    /// Reads the files that are named, below `base`, and checks all that can be checked before a policy is compiled.
    pub(crate) fn build(self, base: &Base) -> Result<Configuration, ConfigError> {
        let serves_egress_alone =
            self.egress.is_some() && self.listeners.value.is_empty() && self.routes.value.is_empty();
        if self.listeners.value.is_empty() && !serves_egress_alone {
            return Err(self.listeners.problem(Problem::Empty("listeners", "nobody could reach it")));
        }
        if self.routes.value.is_empty() && !serves_egress_alone {
            return Err(self.routes.problem(Problem::Empty("routes", "nothing would be served")));
        }
        let mut places = HashSet::new();
        for route in &self.routes.value {
            for (host, path) in route.places()? {
                if !places.insert((host.clone(), path.clone())) {
                    let (host, path) = (host.map(|host| host.to_string()), path.to_string());
                    return Err(route.path.problem(Problem::SamePlace { host, path }));
                }
            }
        }
        let mut addresses = HashSet::new();
        let others = self.egress.iter().flat_map(|egress| &egress.listeners.value);
        for ListenerInput { address, .. } in self.listeners.value.iter().chain(others) {
            // One socket would be spoken on in two ways, as it happens.
            if !addresses.insert(&address.value) {
                return Err(address.problem(Problem::Twice { what: "listener", value: address.value.clone() }));
            }
        }
        let listeners = self.listeners.value.into_iter().map(|input| input.build(base));
        let mut listeners: Vec<_> = listeners.collect::<Result<_, _>>()?;
        let limits = self.limits.over_with_text(MessageLimits::default());
        let keeping = KeepingInput { state: self.state, key_ring: self.key_ring, redis: self.redis }.build(base)?;
        let routes = self.routes.value.into_iter().map(|input| input.build(&limits, &keeping, base));
        let routes: Vec<_> = routes.collect::<Result<_, _>>()?;
        // Every route is served on every listener.
        let clear = listeners.iter().find(|listener| listener.is_clear());
        let secure = routes.iter().find(|route| route.endpoint.needs_transport());
        if let (Some(listener), Some(route)) = (clear, secure) {
            return Err(listener
                .address
                .problem(Problem::TransportInClear { route: route.name(), listener: listener.address.value.clone() }));
        }
        let asked = listeners.iter().any(ListenerSettings::asks_certificates);
        if let Some(route) = routes.iter().find(|route| !asked && route.endpoint.needs_client_certificates()) {
            let problem = Box::new(Problem::NoClientCertificates(route.name()));
            return Err(ConfigError { origin: route.origin.clone(), problem });
        }
        let mut egress = Vec::new();
        if let Some(input) = self.egress {
            let (routes, own) = input.build(&limits, &keeping, base)?;
            egress = routes;
            listeners.extend(own);
        }
        let admin = self.admin.map(|admin| admin.build(base)).transpose()?;
        base.warn_of_open_secrets();
        Ok(Configuration {
            listeners,
            routes,
            egress,
            admin,
            tracing: self.tracing.map(TracingInput::build).transpose()?,
            connections: self.connections.over_defaults(),
            stores: self.stores.over_with_share(),
            keeping,
            lifetimes: self.lifetimes.over_defaults(),
            timeouts: self.timeouts.over_defaults(),
            files: base.files(),
        })
    }
}
