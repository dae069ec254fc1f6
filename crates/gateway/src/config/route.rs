//! A route, as it is said.

use std::path::PathBuf;
use std::sync::Arc;

use nuncio_policy::authorise::Authorisation;
use nuncio_policy::said::Brief;
use nuncio_wss::Faults;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::action::{ActionInput, by_action};
use super::backend::{BackendSaid, backend, translates};
use super::base::Base;
use super::credentials::{CertificateInput, PairInput, identities};
use super::error::{ConfigError, Problem, Troubled};
use super::identity::{AuthoriseInput, IdentityInput};
use super::keeping::StoreKind;
use super::limits::MessageLimits;
use super::policy::{PolicyInput, PolicySource, PolicyWords};
use super::tables::MessageLimitsInput;
use super::trust::{TrustInput, trust};
use super::user::{KeepInput, UserInput, keep, users};
use super::{ContractSettings, Endpoint, Identity, Keeping, RouteHost, RoutePath, RouteSettings, Said};
use crate::identity::Telling;
use crate::users::{Keep, Users};

/// A route: a path with its policy and the plain service behind it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteInput {
    /// The path, octet by octet as a request writes it; with `/*` at its end every path below; or `*` for every path. Of
    /// several routes the one that says most wins: first by host, then by path.
    pub(crate) path: Said<String>,
    /// The hosts, such as `a.example` or `*.example` for all below it; the port does not count. Any, unless it is said.
    #[serde(default)]
    pub(crate) hosts: Vec<Said<String>>,
    /// The plain service: the URL that every message is sent to, exactly as it stands; or several, and what holds of them.
    pub(crate) backend: BackendSaid,
    /// Other plain services for messages with certain actions, which count where their sender has proved them: by a
    /// signature, by TLS, or by a body that only one operation of the contract has.
    #[serde(default)]
    pub(crate) actions: Vec<ActionInput>,
    /// What of a fault of a plain service goes on to the client.
    #[serde(default)]
    pub(crate) faults: FaultsInput,
    /// The policy: a policy file, or what would stand in one.
    pub(crate) policy: Option<Said<PolicyInput>>,
    /// A file with the contract (WSDL 1.1) whose policy this is, in place of `policy`.
    pub(crate) wsdl: Option<Said<PathBuf>>,
    /// The contract's port; needed where more than one has a policy.
    pub(crate) port: Option<Said<String>>,
    /// A policy by its usual name, in place of `policy`.
    pub(crate) preset: Option<Said<String>>,
    /// No policy at all: plain messages are passed on, from whoever sends them.
    pub(crate) danger_plain: Option<Said<bool>>,
    /// The contract that clients may ask for, if it is not the one of `wsdl`: `backend` for the one that the backend
    /// publishes.
    pub(crate) contract: Option<Said<ContractInput>>,
    /// Whether clients may ask for the contract.
    #[serde(default = "yes")]
    pub(crate) publish: bool,
    /// A file with the service's certificate in PEM, to which clients encrypt.
    pub(crate) certificate: Option<Said<PathBuf>>,
    /// A file with its key in PEM.
    pub(crate) key: Option<Said<PathBuf>>,
    /// Several certificates of the service, each for its time, in place of `certificate` and `key`. The newest that is active
    /// signs and is published; what is encrypted to any that is not retired is decrypted.
    pub(crate) certificates: Option<Said<Vec<CertificateInput>>>,
    /// Another certificate that clients may encrypt to. It signs nothing.
    pub(crate) encryption: Option<Said<PairInput>>,
    /// Who may call by password.
    #[serde(default)]
    pub(crate) users: Vec<UserInput>,
    /// A file of more of them: on each line `name:hash` or `name:hash:role,role`, the hash of bcrypt (`htpasswd -B`) or
    /// Argon2id.
    pub(crate) user_file: Option<Said<PathBuf>>,
    /// How passwords are kept, where the policy has them hashed or keys derived from them, which needs passwords that can be
    /// read again.
    pub(crate) danger_keep_passwords: Option<Said<KeepInput>>,
    /// What clients' certificates are checked against: a list of files with certificates in PEM, authorities or the very
    /// certificates; or that and more in a mapping.
    #[serde(default)]
    pub(crate) trust: TrustInput,
    /// What the backend is told of who calls.
    pub(crate) identity: Option<IdentityInput>,
    /// Who may call what. Without it, whoever is authenticated may call.
    pub(crate) authorise: Option<AuthoriseInput>,
    /// Addresses that a message may be sent to. Without any, every signed one is ours.
    #[serde(default)]
    pub(crate) addresses: Vec<Said<String>>,
    /// Whether WS-Addressing headers travel to the backend.
    #[serde(default)]
    pub(crate) forward_addressing: bool,
    /// Whether a request without `traceparent` begins a trace.
    #[serde(default)]
    pub(crate) trace: bool,
    /// Where its conversations are kept and its messages are claimed: on `disk`, where there is a `state` directory, or else in
    /// `memory`.
    pub(crate) store: Option<Said<StoreKind>>,
    /// The route's own limits, over those of all.
    #[serde(default)]
    pub(crate) limits: MessageLimitsInput,
}

/// What a message is looked at with.
pub(crate) struct Looked {
    /// The policy.
    pub(crate) endpoint: Option<Endpoint>,
    /// The service's certificates and keys.
    pub(crate) identities: Vec<Identity>,
    /// Whom it trusts.
    pub(crate) trust: nuncio_crypto::trust::Settings,
    /// Whose passwords it knows.
    pub(crate) users: Arc<Users>,
}

/// What of a fault goes on.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FaultsInput {
    /// All of it: faults that a contract declares have details that clients read.
    #[default]
    Pass,
    /// Its code and its reason. Details, and what comes in headers, stay behind.
    Sanitise,
}

/// Where the contract is that clients may ask for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ContractInput {
    /// Where the backend publishes it.
    Backend,
}

/// What holds of a switch that is on unless it is said.
pub(super) fn yes() -> bool {
    true
}

impl RouteInput {
    /// A route of which only what must be said is said.
    pub(crate) fn new(path: Said<String>, backend: Said<String>) -> Self {
        Self {
            path,
            hosts: Vec::new(),
            backend: backend.map(Brief::Short),
            actions: Vec::new(),
            faults: FaultsInput::default(),
            policy: None,
            wsdl: None,
            port: None,
            preset: None,
            danger_plain: None,
            contract: None,
            publish: yes(),
            certificate: None,
            key: None,
            certificates: None,
            encryption: None,
            users: Vec::new(),
            user_file: None,
            danger_keep_passwords: None,
            trust: TrustInput::default(),
            identity: None,
            authorise: None,
            addresses: Vec::new(),
            forward_addressing: false,
            trace: false,
            store: None,
            limits: MessageLimitsInput::default(),
        }
    }

    /// Whether it has no policy. Then it has nothing that says one.
    fn plain(&self) -> Result<bool, ConfigError> {
        let Some(plain) = self.danger_plain.as_ref().filter(|said| said.value) else { return Ok(false) };
        let others = [
            (self.policy.is_some(), "policy"),
            (self.wsdl.is_some(), "wsdl"),
            (self.preset.is_some(), "preset"),
            (self.port.is_some(), "port"),
            (self.contract.is_some(), "contract"),
            // Nobody is known there, and nothing is proved.
            (self.authorise.is_some(), "authorise"),
            (!self.actions.is_empty(), "actions"),
            (!self.users.is_empty(), "users"),
            (self.user_file.is_some(), "user_file"),
            (self.trusts(), "trust"),
            (self.identity.is_some(), "identity"),
            (!self.addresses.is_empty(), "addresses"),
            // Nothing is signed or encrypted.
            (self.certificate.is_some() || self.key.is_some(), "certificate"),
            (self.certificates.is_some(), "certificates"),
            (self.encryption.is_some(), "encryption"),
            // And what is answered goes on as it is.
            (self.faults != FaultsInput::default(), "faults"),
            (translates(&self.backend), "soap"),
            // Nor is anything kept.
            (self.store.is_some(), "store"),
        ];
        match others.into_iter().find(|(said, _)| *said) {
            Some((_, second)) => Err(plain.problem(Problem::Either { owner: "route", first: "danger_plain", second })),
            None => Ok(true),
        }
    }

    /// Whether it names anybody's certificates.
    fn trusts(&self) -> bool {
        !matches!(&self.trust, TrustInput::List(files) if files.is_empty())
    }

    /// The hosts and the path that it serves, each as it is compared; no host for any.
    pub(super) fn places(&self) -> Result<Vec<(Option<RouteHost>, RoutePath)>, ConfigError> {
        let path = RoutePath::parse(&self.path)?;
        let hosts = self.hosts()?;
        if hosts.is_empty() {
            return Ok(vec![(None, path)]);
        }
        Ok(hosts.into_iter().map(|host| (Some(host), path.clone())).collect())
    }

    fn hosts(&self) -> Result<Vec<RouteHost>, ConfigError> {
        self.hosts.iter().map(RouteHost::parse).collect()
    }

    /// Its policy, if it says one, and the keys that it says, for whoever looks at a message with them: they need not be all
    /// that it takes to serve the route.
    pub(crate) fn looked_at(self, base: &Base) -> Result<Looked, ConfigError> {
        let words = PolicyWords { policy: self.policy, wsdl: self.wsdl, port: self.port, preset: self.preset };
        let endpoint = match words.named() {
            Some(_) => Some(Endpoint::load(words.source(&self.path, base)?, base)?),
            None => None,
        };
        let own = PairInput { certificate: self.certificate, key: self.key, ..PairInput::default() };
        Ok(Looked {
            endpoint,
            identities: identities(&own, self.certificates, self.encryption.as_ref(), base)?,
            trust: trust(self.trust, base)?,
            users: Arc::new(users(self.users, self.user_file.as_ref(), Keep::Readable, base)?),
        })
    }

    /// Reads its files, below `base`. What it does not say of `limits` holds.
    pub(super) fn build(
        self,
        limits: &MessageLimits,
        keeping: &Keeping,
        base: &Base,
    ) -> Result<RouteSettings, ConfigError> {
        let path = RoutePath::parse(&self.path)?;
        let hosts = self.hosts()?;
        let plain = self.plain()?;
        let backend = backend(self.backend, base)?;
        let by_action = by_action(self.actions, base)?;
        // What is wrong with a policy is said where the policy is named.
        let words = PolicyWords { policy: self.policy, wsdl: self.wsdl, port: self.port, preset: self.preset };
        let named = words.named().unwrap_or_else(|| self.path.with(()));
        let source = if plain { None } else { Some(words.source(&self.path, base)?) };
        let wsdl = match &source {
            Some(PolicySource::Contract { wsdl, .. }) => Some(wsdl),
            Some(PolicySource::Stated(_)) | None => None,
        };
        let contract = ContractSettings::load(wsdl, self.contract.as_ref(), self.publish, base)?;
        let endpoint = source.map_or_else(|| Ok(Endpoint::plain()), |source| Endpoint::load(source, base))?;
        let own = PairInput { certificate: self.certificate, key: self.key, ..PairInput::default() };
        let identities = identities(&own, self.certificates, self.encryption.as_ref(), base)?;
        let trust = trust(self.trust, base)?;
        if endpoint.admits_certificates() && trust.is_nobody() {
            return Err(named.problem(Problem::Untrusting));
        }
        if endpoint.needs_identity() && identities.is_empty() {
            return Err(named.problem(Problem::NoIdentity));
        }
        let keep = keep(
            self.danger_keep_passwords.as_ref(),
            &endpoint,
            !self.users.is_empty(),
            self.user_file.as_ref(),
            &named,
        )?;
        Ok(RouteSettings {
            hosts,
            path,
            backend,
            by_action,
            faults: match self.faults {
                FaultsInput::Pass => Faults::Whole,
                FaultsInput::Sanitise => Faults::Sanitised,
            },
            endpoint,
            contract,
            identities,
            users: Arc::new(users(self.users, self.user_file.as_ref(), keep, base)?),
            trust,
            telling: self.identity.map_or_else(|| Ok(Telling::default()), IdentityInput::build)?,
            authorisation: self.authorise.map_or_else(|| Ok(Authorisation::default()), AuthoriseInput::build)?,
            addresses: self.addresses.into_iter().map(address).collect::<Result<_, _>>()?,
            forward_addressing: self.forward_addressing,
            trace: self.trace,
            store: keeping.store(self.store.as_ref())?,
            limits: self.limits.over_with_text(limits.clone()),
            origin: named.origin,
        })
    }
}

fn address(address: Said<String>) -> Result<String, ConfigError> {
    if Url::parse(&address.value).is_ok() {
        Ok(address.value)
    } else {
        Err(address.problem(Problem::AddressOfService(address.value.clone())))
    }
}
