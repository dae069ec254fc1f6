//! The other side, as it is said: routes on which plain programs call protected services.

mod settings;

use std::collections::HashSet;
use std::path::PathBuf;

use nuncio_crypto::secret::Secret;
use nuncio_wss::{PolicyReading, Tenure};
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::backend::{BackendSaid, SoapInput, backend, called, translates};
use super::base::{Base, read_secret};
use super::credentials::{PairInput, certificates};
use super::error::{ConfigError, Problem, Troubled};
use super::limits::MessageLimits;
use super::listener::{ListenerInput, is_loopback};
use super::policy::{PolicyInput, PolicySource, PolicyWords};
use super::route::yes;
use super::tables::MessageLimitsInput;
use super::user::{Password, first_line};
use super::{Endpoint, Keeping, ListenerSettings, RouteHost, RoutePath, Said, StoreKind};
use crate::host;
use crate::listen::Side;
pub use settings::{CallerProof, CallerSettings, EgressPolicy, EgressSettings, Published, Tokens};

/// What plain programs call, and where.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EgressInput {
    /// Where plain requests come in. Nothing else is served there, and these routes nowhere else.
    #[schemars(length(min = 1))]
    pub(crate) listeners: Said<Vec<ListenerInput>>,
    /// The protected services.
    #[schemars(length(min = 1))]
    pub(crate) routes: Said<Vec<EgressRouteInput>>,
    /// Whether its listeners may be reached from other machines though a route asks nobody who he is: then anybody calls its
    /// service with its credentials.
    #[serde(default)]
    pub(crate) danger_anybody_beyond_loopback: bool,
    /// Whether callers may say who they are in clear, at a listener that can be reached from other machines.
    #[serde(default)]
    pub(crate) danger_clear_callers: bool,
}

/// A protected service, and how it is called.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that an operator says")]
pub(crate) struct EgressRouteInput {
    /// The path that plain programs call, as of any route.
    pub(crate) path: Said<String>,
    /// The hosts. Any, unless it is said.
    #[serde(default)]
    pub(crate) hosts: Vec<Said<String>>,
    /// The protected service: its URL, or several and what holds of them.
    pub(crate) service: BackendSaid,
    /// The address that messages name, where that is not the service's URL.
    pub(crate) to: Option<Said<String>>,
    /// The policy: a policy file, or what would stand in one.
    pub(crate) policy: Option<Said<PolicyInput>>,
    /// The service's contract, in place of `policy`: a file, or the URL at which the service publishes it (`?wsdl`,
    /// `?singleWsdl`), which is asked at start.
    pub(crate) wsdl: Option<Said<String>>,
    /// A directory in which the contract is kept that the service published last, for a start at which it cannot be asked.
    pub(crate) contract_cache: Option<Said<PathBuf>>,
    /// Whether the contract may come over clear HTTP from another machine: whoever is between writes the policy.
    #[serde(default)]
    pub(crate) danger_clear_contract: bool,
    /// The contract's port; needed where more than one has a policy.
    pub(crate) port: Option<Said<String>>,
    /// A policy by its usual name, in place of `policy`.
    pub(crate) preset: Option<Said<String>>,
    /// The version of SOAP that the service speaks, where its policy leaves that open.
    pub(crate) soap: Option<SoapInput>,
    /// How the service reads its policy, where stacks differ.
    #[serde(default)]
    pub(crate) reading: ReadingInput,
    /// A file with the service's certificate in PEM, to which keys are encrypted and by which its answers are known; the one
    /// in its contract, unless it is said.
    pub(crate) service_certificate: Option<Said<PathBuf>>,
    /// As whom the service is called: a user.
    pub(crate) user: Option<AsUserInput>,
    /// A file with the certificate in PEM as whose holder the service is called.
    pub(crate) certificate: Option<Said<PathBuf>>,
    /// A file with its key in PEM.
    pub(crate) key: Option<Said<PathBuf>>,
    /// Who may call, and as whom the service is called for each. Whoever reaches the listener may, unless it is said.
    #[serde(default)]
    pub(crate) callers: Vec<CallerInput>,
    /// Whether callers bring the user name and password with which the service is called (HTTP's Basic authentication).
    #[serde(default)]
    pub(crate) pass_through: bool,
    /// Whether a conversation is begun at start, for the first call.
    #[serde(default = "yes")]
    pub(crate) warm: bool,
    /// Whether a call is made once more, in a new conversation, where the service says that it did not take the old one. It
    /// is, unless it is said, where nobody between can say so in its name: over TLS, or on this machine.
    pub(crate) repeat: Option<bool>,
    /// Whether all URLs of `service` know the conversations that are begun with one of them.
    #[serde(default)]
    pub(crate) shared_contexts: bool,
    /// Where the conversations with the service are kept: `memory`; `disk`, where a start goes on in them, the default where
    /// there is `state`; or `redis`, where several gateways have them together. Only those in memory are cancelled when the
    /// process ends.
    pub(crate) store: Option<Said<StoreKind>>,
    /// Whether a request without `traceparent` begins a trace.
    #[serde(default)]
    pub(crate) trace: bool,
    /// The route's own limits, over those of all.
    #[serde(default)]
    pub(crate) limits: MessageLimitsInput,
}

/// How a service reads its policy, where stacks differ.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReadingInput {
    /// As WCF does: under suites that are named after SHA-256 signatures change with the digest; over TLS no key is derived from
    /// a context that endorses.
    #[default]
    Wcf,
    /// By the letter, as CXF does: the digest alone changes, and keys are derived wherever the policy says so.
    Letter,
}

/// A user as whom a service is called.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AsUserInput {
    /// His name.
    pub(crate) name: Said<String>,
    /// His password.
    pub(crate) password: Option<Password>,
    /// A file whose one line is his password.
    pub(crate) password_file: Option<Said<PathBuf>>,
}

/// A caller: by what he is known, and as whom the service is called for him.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallerInput {
    /// What he is called in logs.
    pub(crate) name: Said<String>,
    /// He brings this user name and password (HTTP's Basic authentication).
    pub(crate) basic: Option<AsUserInput>,
    /// He brings the token in this file (`Authorization: Bearer`).
    pub(crate) bearer_file: Option<Said<PathBuf>>,
    /// A file with the certificate in PEM by which he proves to TLS who he is.
    pub(crate) client_certificate: Option<Said<PathBuf>>,
    /// The user as whom the service is called; that of the route, unless it is said.
    pub(crate) user: Option<AsUserInput>,
    /// A file with the certificate in PEM as whose holder the service is called; that of the route, unless it is said.
    pub(crate) certificate: Option<Said<PathBuf>>,
    /// A file with its key in PEM.
    pub(crate) key: Option<Said<PathBuf>>,
}

impl EgressInput {
    /// Its routes and its listeners.
    pub(super) fn build(
        self,
        limits: &MessageLimits,
        keeping: &Keeping,
        base: &Base,
    ) -> Result<(Vec<EgressSettings>, Vec<ListenerSettings>), ConfigError> {
        if self.listeners.value.is_empty() {
            return Err(self.listeners.problem(Problem::Empty("listeners", "nobody could reach it")));
        }
        if self.routes.value.is_empty() {
            return Err(self.routes.problem(Problem::Empty("routes", "nothing would be served")));
        }
        let mut listeners = Vec::with_capacity(self.listeners.value.len());
        for input in self.listeners.value {
            listeners.push(ListenerSettings { side: Side::Egress, ..input.build(base)? });
        }
        let mut places = HashSet::new();
        let mut routes = Vec::with_capacity(self.routes.value.len());
        for input in self.routes.value {
            let (path, place) = (RoutePath::parse(&input.path)?, input.path.with(()));
            let named: Vec<RouteHost> = input.hosts.iter().map(RouteHost::parse).collect::<Result<_, _>>()?;
            let hosts = if named.is_empty() { vec![None] } else { named.into_iter().map(Some).collect() };
            for host in hosts {
                if !places.insert((host.clone(), path.clone())) {
                    let (host, path) = (host.map(|host| host.to_string()), path.to_string());
                    return Err(place.problem(Problem::SamePlace { host, path }));
                }
            }
            let route = input.build(limits, keeping, base)?;
            let open = listeners.iter().find(|listener| route.is_open() && !is_loopback(&listener.address.value));
            if let Some(listener) = open.filter(|_| !self.danger_anybody_beyond_loopback) {
                let (listener, route) = (listener.address.value.clone(), route.name());
                return Err(place.problem(Problem::AnybodyBeyondLoopback { listener, route }));
            }
            let clear = |listener: &&ListenerSettings| listener.is_clear() && !is_loopback(&listener.address.value);
            if !route.is_open()
                && !self.danger_clear_callers
                && let Some(listener) = listeners.iter().find(clear)
            {
                let (listener, route) = (listener.address.value.clone(), route.name());
                return Err(place.problem(Problem::ClearCallers { listener, route }));
            }
            let asks = |proof: &CallerProof| matches!(proof, CallerProof::Certificate(_));
            if route.callers.iter().any(|caller| asks(&caller.proof))
                && !listeners.iter().any(ListenerSettings::asks_certificates)
            {
                return Err(place.problem(Problem::NoClientCertificates(route.name())));
            }
            routes.push(route);
        }
        Ok((routes, listeners))
    }
}

impl AsUserInput {
    fn read(self, base: &Base) -> Result<(String, Secret), ConfigError> {
        let Self { name, password, password_file } = self;
        let password = match (password, password_file) {
            (Some(Password(plain)), None) => plain,
            (None, Some(file)) => first_line(read_secret(base, &file)?.expose()),
            _ => {
                let (first, second) = ("password", "password_file");
                return Err(name.problem(Problem::Either { owner: "user", first, second }));
            }
        };
        // It goes into messages as text.
        if std::str::from_utf8(password.expose()).is_err() {
            return Err(name.problem(Problem::PasswordOctets));
        }
        Ok((name.value, password))
    }
}

fn tokens(
    user: Option<AsUserInput>,
    certificate: Option<Said<PathBuf>>,
    key: Option<Said<PathBuf>>,
    base: &Base,
) -> Result<Tokens, ConfigError> {
    let pair = PairInput { certificate, key, ..PairInput::default() };
    let user = user.map(|user| user.read(base)).transpose()?;
    Ok(Tokens { user, identity: pair.identity(Tenure::ALWAYS, base)? })
}

impl CallerInput {
    fn build(self, base: &Base) -> Result<CallerSettings, ConfigError> {
        let Self { name, basic, bearer_file, client_certificate, user, certificate, key } = self;
        let proof = match (basic, bearer_file, client_certificate) {
            (Some(basic), None, None) => {
                let at = basic.name.with(());
                let (user, password) = basic.read(base)?;
                if user.contains(':') {
                    return Err(at.problem(Problem::ColonInName(user)));
                }
                CallerProof::basic(&[user.as_bytes(), b":", password.expose()].concat())
            }
            (None, Some(file), None) => {
                let token = first_line(read_secret(base, &file)?.expose());
                if token.expose().is_empty() {
                    return Err(file.problem(Problem::Empty("bearer_file", "anybody could bring nothing")));
                }
                CallerProof::bearer(token.expose())
            }
            (None, None, Some(file)) => {
                let chain = certificates(&file, base)?;
                let leaf = chain.first().ok_or_else(|| {
                    file.problem(Problem::Empty("client_certificate", "nobody could prove to have it"))
                })?;
                CallerProof::certificate(leaf)
            }
            _ => return Err(name.problem(Problem::CallerProof)),
        };
        Ok(CallerSettings { name: name.value, proof, tokens: tokens(user, certificate, key, base)? })
    }
}

/// Those who may call, each of whom is somebody else.
fn callers(said: Vec<CallerInput>, at: &Said<()>, base: &Base) -> Result<Vec<CallerSettings>, ConfigError> {
    let callers: Vec<CallerSettings> = said.into_iter().map(|caller| caller.build(base)).collect::<Result<_, _>>()?;
    for (place, caller) in callers.iter().enumerate() {
        if callers.iter().take(place).any(|other| other.proof == caller.proof || other.name == caller.name) {
            return Err(at.problem(Problem::Twice { what: "caller", value: caller.name.clone() }));
        }
    }
    Ok(callers)
}

impl EgressRouteInput {
    /// A route of which only what must be said is said.
    pub(crate) fn new(path: Said<String>, service: BackendSaid) -> Self {
        Self {
            path,
            hosts: Vec::new(),
            service,
            to: None,
            policy: None,
            wsdl: None,
            contract_cache: None,
            danger_clear_contract: false,
            port: None,
            preset: None,
            soap: None,
            reading: ReadingInput::default(),
            service_certificate: None,
            user: None,
            certificate: None,
            key: None,
            callers: Vec::new(),
            pass_through: false,
            warm: true,
            repeat: None,
            shared_contexts: false,
            store: None,
            trace: false,
            limits: MessageLimitsInput::default(),
        }
    }

    /// Reads its files, below `base`. What it does not say of `limits` holds; `keeping` is where something is kept.
    pub(super) fn build(
        self,
        limits: &MessageLimits,
        keeping: &Keeping,
        base: &Base,
    ) -> Result<EgressSettings, ConfigError> {
        self.build_under(None, limits, keeping, base)
    }

    /// The same under a policy that is known, where it is; else what it says of that.
    pub(crate) fn build_under(
        self,
        known: Option<EgressPolicy>,
        limits: &MessageLimits,
        keeping: &Keeping,
        base: &Base,
    ) -> Result<EgressSettings, ConfigError> {
        let path = RoutePath::parse(&self.path)?;
        let hosts = self.hosts.iter().map(RouteHost::parse).collect::<Result<_, _>>()?;
        if translates(&self.service) {
            return Err(self.service.problem(Problem::Either {
                owner: "route",
                first: "service.soap",
                second: "soap",
            }));
        }
        let at = self.service.with(());
        let service = backend(self.service, base)?;
        let to = match self.to {
            Some(to) if Url::parse(&to.value).is_ok() => to.value,
            Some(to) => return Err(to.problem(Problem::AddressOfService(to.value.clone()))),
            None => service.urls.first().map(|(url, _)| url.to_string()).unwrap_or_default(),
        };
        let published = self.wsdl.as_ref().filter(|said| is_url(&said.value)).cloned();
        if let (Some(cache), None) = (&self.contract_cache, &published) {
            return Err(cache.problem(Problem::Half { given: "contract_cache", missing: "wsdl" }));
        }
        let named;
        let policy = if let Some(known) = known {
            named = self.path.with(());
            known
        } else if let Some(url) = published {
            named = url.with(());
            for (said, second) in [
                (self.policy.as_ref().map(|said| said.with(())), "policy"),
                (self.preset.as_ref().map(|said| said.with(())), "preset"),
            ] {
                if let Some(said) = said {
                    return Err(said.problem(Problem::Either { owner: "route", first: "wsdl", second }));
                }
            }
            let refuse = |reason| url.problem(Problem::Backend { url: url.value.clone(), reason });
            let at_url = called(&url.value).map_err(refuse)?;
            let is_here = at_url.host_str().is_some_and(host::is_loopback);
            if at_url.scheme() != "https" && !is_here && !self.danger_clear_contract {
                return Err(url.problem(Problem::ClearContract(url.value.clone())));
            }
            EgressPolicy::Published(Published {
                url: at_url,
                port: self.port.map(|port| port.value),
                cache: match self.contract_cache {
                    Some(cache) => Some(base.place(&cache.value)),
                    None => keeping.state.as_ref().map(|state| state.join("contracts")),
                },
                danger_clear: self.danger_clear_contract,
            })
        } else {
            let wsdl = self.wsdl.map(|said| said.map(PathBuf::from));
            let words = PolicyWords { policy: self.policy, wsdl, port: self.port, preset: self.preset };
            named = words.named().unwrap_or_else(|| self.path.with(()));
            let source: PolicySource = words.source(&self.path, base)?;
            EgressPolicy::Known(Box::new(Endpoint::load(source, base)?))
        };
        let certificate = match &self.service_certificate {
            None => None,
            Some(file) => certificates(file, base)?.into_iter().next(),
        };
        let user = self.user.as_ref().map(|user| user.name.with(()));
        let tokens = tokens(self.user, self.certificate, self.key, base)?;
        let callers = callers(self.callers, &at, base)?;
        // It is that of callers who are named and have none of their own.
        if let Some(user) = user.filter(|_| self.pass_through)
            && callers.iter().all(|caller| caller.tokens.user.is_some())
        {
            return Err(user.problem(Problem::Either { owner: "route", first: "user", second: "pass_through" }));
        }
        if let Some(said) = self.store.as_ref().filter(|said| said.value == StoreKind::Cookie) {
            return Err(said.problem(Problem::ServiceCookie));
        }
        let store = keeping.store(self.store.as_ref())?;
        // Over clear HTTP whoever is between can have a call made twice, by a fault that he writes.
        let is_safe = |url: &Url| url.scheme() == "https" || url.host_str().is_some_and(host::is_loopback);
        let repeat = self.repeat.unwrap_or_else(|| service.urls.iter().all(|(url, _)| is_safe(url)));
        Ok(EgressSettings {
            hosts,
            path,
            service,
            to,
            policy,
            soap: self.soap.map(SoapInput::version),
            reading: match self.reading {
                ReadingInput::Wcf => PolicyReading::Wcf,
                ReadingInput::Letter => PolicyReading::Letter,
            },
            certificate,
            tokens,
            callers,
            pass_through: self.pass_through,
            warm: self.warm,
            repeat,
            shared_contexts: self.shared_contexts,
            store,
            trace: self.trace,
            limits: self.limits.over_with_text(limits.clone()),
            origin: named.origin,
        })
    }
}

/// Whether a contract is to be fetched.
pub(super) fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}
