//! What an operator wants: from YAML or from flags, into types that cannot be wrong.
//!
//! [`Configuration`] is what was said, checked: every file it names has been read, every address can be used, every
//! policy has what it needs.

mod action;
mod backend;
mod base;
mod cidr;
mod contract;
mod credentials;
mod document;
mod egress;
mod endpoint;
mod error;
mod identity;
mod keeping;
mod limits;
mod listener;
mod place;
mod policy;
mod route;
mod scalar;
mod schema;
mod several;
mod tables;
mod traces;
mod trust;
mod user;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::{KeyError, PrivateKey};
use nuncio_crypto::secret::Secret;
use nuncio_policy::authorise::Authorisation;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::{Credential, Faults, Tenure};
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use backend::{BackendInput, SoapInput, called};
pub(crate) use base::Base;
pub use base::Look;
pub use cidr::{Cidr, NotCidr};
pub use contract::ContractSettings;
pub(crate) use contract::documents_of;
pub(crate) use credentials::{CertificateInput, certificates_of};
pub(crate) use document::Document;
pub(crate) use egress::{AsUserInput, EgressInput, EgressRouteInput, ReadingInput};
pub use egress::{CallerProof, CallerSettings, EgressPolicy, EgressSettings, Published, Tokens};
pub use endpoint::Endpoint;
pub(crate) use error::Troubled;
pub use error::{ConfigError, Problem};
pub use keeping::StoreKind;
pub(crate) use keeping::{RedisInput, StateInput};
pub use limits::{
    BODY_GRACE, CALLS, ConnectionLimits, Ejection, Health, Lifetimes, MessageLimits, StoreLimits, Timeouts,
};
pub(crate) use listener::{AdminInput, ClientCertificatesInput, ListenerInput, TlsInput};
pub use nuncio_policy::said::{Origin, Said};
pub(crate) use place::is_path;
pub use place::{RouteHost, RoutePath};
pub(crate) use route::{ContractInput, Looked, RouteInput};
pub use schema::schema;
pub(crate) use several::Several;
pub(crate) use user::{KeepInput, Password, UserInput, first_line};

use crate::handover::Binding;
use crate::identity::Telling;
use crate::keyring::KeyRing;
use crate::listen::Side;
use crate::shared;
use crate::users::Users;

/// A configuration.
pub struct Configuration {
    /// Where requests come in. Never empty.
    pub listeners: Vec<ListenerSettings>,
    /// What is served. No host with a path twice; empty only where there is egress.
    pub routes: Vec<RouteSettings>,
    /// Protected services that plain programs call.
    pub egress: Vec<EgressSettings>,
    /// Where the gateway is watched over; `None` for nowhere.
    pub admin: Option<AdminSettings>,
    /// Where spans of the gateway's own go; `None` for nowhere.
    pub tracing: Option<TracingSettings>,
    /// What a connection may cost.
    pub connections: ConnectionLimits,
    /// What may be kept.
    pub stores: StoreLimits,
    /// Where it is kept, beside this process's memory.
    pub keeping: Keeping,
    /// How long what is said is good for.
    pub lifetimes: Lifetimes,
    /// How long a peer may keep us waiting.
    pub timeouts: Timeouts,
    /// Every file that this was read from, its own among them, as each looked before: when one changes, so may this.
    pub files: Vec<Look>,
}

impl Configuration {
    /// Reads a YAML file. Paths in it are relative to it.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::load_noting(file, &mut Vec::new())
    }

    /// The same; `files` gets what [`Configuration::files`] has, of a configuration that is refused too: what it lacks may be
    /// one of them.
    pub(crate) fn load_noting(file: &Path, files: &mut Vec<Look>) -> Result<Self, ConfigError> {
        files.push(Look::at(file.to_owned()));
        let document = Document::read(file)?;
        let base = base_of(file);
        let configuration = document.build(&base);
        files.extend(base.files());
        Ok(Self { files: files.clone(), ..configuration? })
    }

    /// What the document in `file` says.
    pub(crate) fn of(document: Document, file: &Path) -> Result<Self, ConfigError> {
        let mut configuration = document.build(&base_of(file))?;
        configuration.files.push(Look::at(file.to_owned()));
        Ok(configuration)
    }
}

/// What paths in a file are relative to.
fn base_of(file: &Path) -> Base {
    Base::new(file.parent().unwrap_or(Path::new("")))
}

/// Where conversations and claims are kept beside this process's memory.
#[derive(Default)]
pub struct Keeping {
    /// A state directory.
    pub state: Option<PathBuf>,
    /// The keys with which what leaves this process is sealed; of a state directory its own, where there are none.
    pub ring: Option<Arc<KeyRing>>,
    /// A Redis that several gateways share.
    pub redis: Option<shared::Settings>,
}

/// Where spans go.
#[derive(Clone, Debug)]
pub struct TracingSettings {
    /// The collector, which takes OTLP over HTTP.
    pub collector: Url,
    /// Which part of the traces that begin here is kept.
    pub sample: f64,
}

/// Where the gateway is watched over.
pub struct AdminSettings {
    /// The listener.
    pub listener: ListenerSettings,
    /// Who shows it may do all from other machines; `None` for nobody.
    pub token: Option<Secret>,
    /// Whether whoever reaches it may watch, be it that only this machine does: else he must show the token or a certificate.
    pub open: bool,
}

/// A listener.
pub struct ListenerSettings {
    /// Address and port, `127.0.0.1:8080`.
    pub address: Said<String>,
    /// How its socket comes to be there.
    pub binding: Binding,
    /// Which routes are served on it.
    pub side: Side,
    /// What is spoken there.
    pub protection: Protection,
    /// Its certificate, and those above it that it shows; none without TLS of its own.
    pub certificates: Vec<Certificate>,
}

impl ListenerSettings {
    /// Whether clients may prove by certificate to TLS who they are.
    pub fn asks_certificates(&self) -> bool {
        matches!(self.protection, Protection::Tls { client_certificates: true, .. })
    }

    /// Whether nothing protects its connections, here or in front.
    pub fn is_clear(&self) -> bool {
        matches!(&self.protection, Protection::Clear { tls_terminated_by } if tls_terminated_by.is_empty())
    }
}

/// What protects a listener's connections.
pub enum Protection {
    /// Nothing of ours.
    Clear {
        /// Peers that take TLS off in front; empty if there is none.
        tls_terminated_by: Vec<Cidr>,
    },
    /// TLS.
    Tls {
        /// Its settings.
        config: Arc<rustls::ServerConfig>,
        /// Whether clients are asked for certificates.
        client_certificates: bool,
    },
}

/// A route.
pub struct RouteSettings {
    /// The hosts it serves; any where there are none.
    pub hosts: Vec<RouteHost>,
    /// The path it serves.
    pub path: RoutePath,
    /// The plain service behind it.
    pub backend: Backend,
    /// Those that messages with some actions go to in its place.
    pub by_action: Vec<ByAction>,
    /// What of a fault of theirs goes on.
    pub faults: Faults,
    /// Its policy.
    pub endpoint: Endpoint,
    /// The contract that clients may ask for.
    pub contract: ContractSettings,
    /// Its own certificates and keys, each for its time; none where none was given.
    pub identities: Vec<Identity>,
    /// Its users.
    pub users: Arc<Users>,
    /// What clients' certificates are checked against.
    pub trust: nuncio_crypto::trust::Settings,
    /// What the backend is told of who calls.
    pub telling: Telling,
    /// Who may call what.
    pub authorisation: Authorisation,
    /// The addresses that a message may be sent to; empty for any.
    pub addresses: Vec<String>,
    /// Whether the addressing headers travel to the backend.
    pub forward_addressing: bool,
    /// Whether a request that comes without a trace begins one.
    pub trace: bool,
    /// Where it keeps its conversations.
    pub store: StoreKind,
    /// What a message may cost.
    pub limits: MessageLimits,
    /// Where the route is said.
    pub origin: Origin,
}

impl RouteSettings {
    /// What the route is called in logs and metrics: its hosts and its path.
    pub fn name(&self) -> String {
        route_name(&self.hosts, &self.path)
    }
}

/// What a route is called at those hosts and that path.
fn route_name(hosts: &[RouteHost], path: &RoutePath) -> String {
    let hosts: Vec<String> = hosts.iter().map(RouteHost::to_string).collect();
    match path {
        RoutePath::Any if !hosts.is_empty() => format!("{}/*", hosts.join(",")),
        path => format!("{}{path}", hosts.join(",")),
    }
}

/// A plain service.
pub struct Backend {
    /// Where it is, each place with its weight. Never empty.
    pub urls: Vec<(Url, u32)>,
    /// PEM: what its certificate is checked against; `None` for the system's roots.
    pub trust: Option<Vec<u8>>,
    /// PEM: the certificate that it is shown, with its key.
    pub identity: Option<Secret>,
    /// Which URL is called next.
    pub balance: Balance,
    /// How each is asked whether it is well; `None` for not at all.
    pub health: Option<Health>,
    /// When one is not called for a while; `None` for never.
    pub ejection: Option<Ejection>,
    /// Calls of one at once.
    pub calls: usize,
    /// Whether a connection is opened before the first call.
    pub connect_ahead: bool,
    /// How long it may keep us waiting, where that is not what holds for all.
    pub timeouts: BackendTimeouts,
    /// The version of SOAP that it speaks; `None` for the one in which it is called.
    pub soap: Option<SoapVersion>,
}

impl Backend {
    /// A backend of one URL, of which nothing more is said.
    pub fn new(url: Url) -> Self {
        Self {
            urls: vec![(url, 1)],
            trust: None,
            identity: None,
            balance: Balance::default(),
            health: None,
            ejection: None,
            calls: CALLS,
            connect_ahead: false,
            timeouts: BackendTimeouts::default(),
            soap: None,
        }
    }
}

/// The plain service of messages with certain actions.
pub struct ByAction {
    /// The actions.
    pub actions: Vec<Action>,
    /// The service.
    pub backend: Backend,
}

/// Actions of messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// This one.
    Exact(String),
    /// All that begin so.
    Beginning(String),
}

/// Which URL of a backend is called next.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Of two that are drawn by weight, the one with fewer calls for its weight.
    #[default]
    LeastRequests,
    /// One after the other, by weight.
    RoundRobin,
}

/// How long a backend may keep us waiting; `None` for what holds for all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BackendTimeouts {
    /// To connect.
    pub connect: Option<Duration>,
    /// Without an octet from it.
    pub read: Option<Duration>,
    /// From sending a request to the end of its answer.
    pub total: Option<Duration>,
    /// An idle connection is kept.
    pub idle: Option<Duration>,
}

impl BackendTimeouts {
    /// What holds, over what holds for all.
    pub(crate) fn over(&self, all: &Timeouts) -> Timeouts {
        Timeouts {
            backend_connect: self.connect.unwrap_or(all.backend_connect),
            backend_read: self.read.unwrap_or(all.backend_read),
            backend_total: self.total.unwrap_or(all.backend_total),
            backend_idle: self.idle.unwrap_or(all.backend_idle),
            ..all.clone()
        }
    }
}

/// The route's own certificate, with its key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: Certificate,
    /// The key, in PEM: a sound one, and the certificate's.
    key: Secret,
    /// For how long they are used.
    pub tenure: Tenure,
}

impl Identity {
    /// A certificate with its key in PEM, used at all times. That the key is the certificate's is for the caller to have checked.
    pub fn new(certificate: Certificate, key: Secret) -> Result<Self, KeyError> {
        PrivateKey::from_pem(key.expose())?;
        Ok(Self { certificate, key, tenure: Tenure::ALWAYS })
    }

    /// The certificate with its key, for one recipient more.
    pub fn credential(&self) -> Result<Credential, KeyError> {
        let key = PrivateKey::from_pem(self.key.expose())?;
        Ok(Credential { certificate: self.certificate.clone(), key, tenure: self.tenure })
    }
}
