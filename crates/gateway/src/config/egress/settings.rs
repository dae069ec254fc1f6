//! A protected service and how it is called, as it is served.

use std::path::PathBuf;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::digest::hash;
use nuncio_crypto::secret::Secret;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::PolicyReading;
use reqwest::Url;

use super::super::{Backend, Endpoint, Identity, MessageLimits, Origin, RouteHost, RoutePath, StoreKind, route_name};

/// A protected service, and how it is called.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that an operator says")]
pub struct EgressSettings {
    /// The hosts at which plain programs call; any where there are none.
    pub hosts: Vec<RouteHost>,
    /// The path.
    pub path: RoutePath,
    /// The service.
    pub service: Backend,
    /// The address that messages name.
    pub to: String,
    /// What it asks for.
    pub policy: EgressPolicy,
    /// The version of SOAP that it speaks, where its policy leaves that open.
    pub soap: Option<SoapVersion>,
    /// How it reads its policy.
    pub reading: PolicyReading,
    /// Its certificate, where that is not in its contract.
    pub certificate: Option<Certificate>,
    /// As whom it is called.
    pub tokens: Tokens,
    /// Who may call; empty for whoever comes.
    pub callers: Vec<CallerSettings>,
    /// Whether callers bring the user name and password with which it is called.
    pub pass_through: bool,
    /// Whether a conversation is begun at start.
    pub warm: bool,
    /// Whether a call is made once more where the service did not take its conversation.
    pub repeat: bool,
    /// Whether all its URLs know the conversations that are begun with one.
    pub shared_contexts: bool,
    /// Where its conversations are kept.
    pub store: StoreKind,
    /// Whether a request without a trace begins one.
    pub trace: bool,
    /// What a message may cost.
    pub limits: MessageLimits,
    /// Where it is said.
    pub origin: Origin,
}

/// Where the policy of a service is.
pub enum EgressPolicy {
    /// Here.
    Known(Box<Endpoint>),
    /// In the contract that it publishes.
    Published(Published),
}

/// The contract that a service publishes.
#[derive(Clone, Debug)]
pub struct Published {
    /// Where.
    pub url: Url,
    /// The port, where that is named.
    pub port: Option<String>,
    /// Where the last one is kept.
    pub cache: Option<PathBuf>,
    /// Whether it may come over clear HTTP from another machine.
    pub danger_clear: bool,
}

/// As whom a service is called.
#[derive(Default)]
pub struct Tokens {
    /// A user, with his password.
    pub user: Option<(String, Secret)>,
    /// The holder of a certificate.
    pub identity: Option<Identity>,
}

/// A caller.
pub struct CallerSettings {
    /// What he is called.
    pub name: String,
    /// By what he is known.
    pub proof: CallerProof,
    /// As whom the service is called for him.
    pub tokens: Tokens,
}

/// By what a caller is known. Of a secret its SHA-256 is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallerProof {
    /// A user name and password.
    Basic([u8; 32]),
    /// A token.
    Bearer([u8; 32]),
    /// A certificate, by the SHA-256 of its DER.
    Certificate([u8; 32]),
}

impl CallerProof {
    /// That of a name and password as HTTP writes them, with a colon between.
    pub(crate) fn basic(credentials: &[u8]) -> Self {
        Self::Basic(digest(credentials))
    }

    /// That of a token.
    pub(crate) fn bearer(token: &[u8]) -> Self {
        Self::Bearer(digest(token))
    }

    /// That of a certificate.
    pub(crate) fn certificate(certificate: &Certificate) -> Self {
        Self::Certificate(digest(certificate.der()))
    }
}

impl EgressSettings {
    /// What the route is called in logs and metrics.
    pub fn name(&self) -> String {
        route_name(&self.hosts, &self.path)
    }

    /// Whether anybody may call who reaches it.
    pub fn is_open(&self) -> bool {
        self.callers.is_empty() && !self.pass_through
    }
}

fn digest(octets: &[u8]) -> [u8; 32] {
    hash(DigestAlgorithm::Sha256, octets).as_ref().first_chunk().copied().unwrap_or_default()
}
