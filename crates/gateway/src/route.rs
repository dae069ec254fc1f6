//! From a route's settings to what serves it.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::CertificateError;
use nuncio_crypto::digest::Hasher;
use nuncio_crypto::key::KeyError;
use nuncio_crypto::trust::{self, Trust};
use nuncio_policy::model::{Policy, SoapVersion};
use nuncio_policy::publish::{Ports, Publication, Served};
use nuncio_wss::{Freshness, NotBuilt, Recipient, RecipientSettings, Tenure, Time};

use crate::clock::Clock;
use crate::config::{ContractSettings, Endpoint, Identity, Lifetimes, Origin, RouteSettings, StoreKind, Timeouts};
use crate::contract::{Certificates, Contract, Editions};
use crate::egress::Egress;
use crate::gateway::{Handler, Route};
use crate::http::{Inbound, Outbound};
use crate::ingress::Ingress;
use crate::listen::Side;
use crate::log::Audit;
use crate::plain::Passing;
use crate::sessions::is_brought;
use crate::spans::Heard;
use crate::upstream::{Backends, Before, Upstream, UpstreamProblem};
use crate::users::{Keep, Users};
use crate::world::{NotKeeping, World};

/// A route that cannot be served: `file:line: reason`.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct RouteError {
    /// Where the route is said.
    pub origin: Origin,
    /// What is wrong with it.
    pub problem: RouteProblem,
}

/// Why a route cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteProblem {
    /// Its policy asks for what the gateway does not do.
    #[error("policy of {endpoint}: {reason}")]
    NotBuilt {
        /// The port or the preset.
        endpoint: String,
        /// What it asks for.
        reason: NotBuilt,
    },
    /// Its key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It has certificates, and the time of none has come or lasts.
    #[error("none of its certificates is active at {0}: nothing could be signed")]
    Inactive(Time),
    /// A trusted certificate cannot be used.
    #[error("trust: {0}")]
    Trust(#[from] CertificateError),
    /// Its policy asks for a token that is not there.
    #[error("{}policy of {endpoint}: it asks for {what}, and there is none", of_caller(caller.as_deref()))]
    Lacks {
        /// The port or the preset.
        endpoint: String,
        /// What it asks for.
        what: &'static str,
        /// For whom.
        caller: Option<String>,
    },
    /// Its policy counts on TLS, and the service is called without.
    #[error("policy of {endpoint}: it leaves protection to TLS, and {url} is not https")]
    ServiceInClear {
        /// The port or the preset.
        endpoint: String,
        /// The service.
        url: String,
    },
    /// Several services do not know each other's contexts.
    #[error(
        "policy of {0}: a conversation is begun with one of the service's URLs, and the others do not know it; say \
         `shared_contexts: true` if they do"
    )]
    Apart(String),
    /// Callers are to bring their passwords, and nobody looks at these.
    #[error(
        "policy of {0}: `pass_through` has callers bring the user name and password that the service asks for, and it asks for none: \
         anybody could call with anything; say `callers`"
    )]
    Unasked(String),
    /// It is to be called in a version of SOAP that it does not speak.
    #[error("policy of {endpoint}: it does not speak SOAP {}", soap.number())]
    OtherSoap {
        /// The port or the preset.
        endpoint: String,
        /// What it is to be called in.
        soap: SoapVersion,
    },
    /// Its policy speaks no version of SOAP.
    #[error("its policy speaks no version of SOAP")]
    NoSoap,
    /// Nothing is kept where it keeps its conversations.
    #[error("nothing is kept where it is to keep its conversations")]
    NoStore,
    /// What it keeps cannot be kept there.
    #[error(transparent)]
    Keeping(#[from] NotKeeping),
    /// Its clients are to keep their conversations, and do not bring them.
    #[error(
        "with `store: cookie` clients must bring the token of their conversation with every request \
         (IncludeToken AlwaysToRecipient), for the cookie in it"
    )]
    NotBrought,
    /// No client can be made for its backend.
    #[error("backend: {0}")]
    Upstream(#[from] UpstreamProblem),
}

fn of_caller(caller: Option<&str>) -> String {
    caller.map(|name| format!("caller {name:?}: ")).unwrap_or_default()
}

/// What answers at a route.
pub enum Service {
    /// It holds messages to the route's policy.
    Secured(Box<Ingress>),
    /// It passes plain messages on, where the route has no policy.
    Plain(Box<Passing>),
    /// It calls a protected service for plain programs.
    Egress(Box<Egress>),
}

impl Service {
    /// Opens connections to its backends for those who will call.
    pub(crate) fn connect_ahead(&self) {
        match self {
            Self::Secured(ingress) => ingress.backends.connect_ahead(),
            Self::Plain(passing) => passing.backends.connect_ahead(),
            Self::Egress(egress) => egress.warm(),
        }
    }
}

impl Handler for Service {
    type Heard = Heard;

    fn hear(headers: &HeaderMap) -> Self::Heard {
        Ingress::hear(headers)
    }

    fn has_room(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::Secured(ingress) => ingress.has_room(headers),
            Self::Plain(passing) => passing.has_room(headers),
            Self::Egress(egress) => egress.has_room(headers),
        }
    }

    async fn handle(&self, request: Inbound, heard: Self::Heard, audit: &mut Audit) -> Outbound {
        match self {
            Self::Secured(ingress) => ingress.handle(request, heard, audit).await,
            Self::Plain(passing) => passing.handle(request, heard, audit).await,
            Self::Egress(egress) => egress.handle(request, heard, audit).await,
        }
    }

    fn count(&self, audit: &Audit, took: Duration) {
        match self {
            Self::Secured(ingress) => ingress.count(audit, took),
            Self::Plain(passing) => passing.count(audit, took),
            Self::Egress(egress) => egress.count(audit, took),
        }
    }
}

/// Makes a route of its settings.
pub fn compile(
    mut settings: RouteSettings,
    world: &Arc<World>,
    timeouts: &Timeouts,
    lifetimes: &Lifetimes,
) -> Result<Route<Service>, RouteError> {
    let origin = settings.origin.clone();
    let fail = |problem| RouteError { origin: origin.clone(), problem };
    let body_bytes = settings.limits.body_bytes;
    let name = settings.name();
    let metrics = world.metrics.route(&name);
    let before = Before {
        route: &name,
        limit: body_bytes,
        fault_limit: settings.limits.fault_bytes,
        sealed: false,
        timeouts,
        metrics: &metrics,
    };
    let backends =
        Backends::new(&settings.backend, &settings.by_action, &before).map_err(|problem| fail(problem.into()))?;
    if settings.endpoint.is_plain() {
        tracing::warn!(
            route = %name,
            "DANGER: the route has no security: whoever reaches it calls the backend, and whoever is between reads along"
        );
        let (limits, trace) = (settings.limits.message(), settings.trace);
        let handler = Passing { name: settings.name(), limits, backends, metrics, trace, world: Arc::clone(world) };
        let handler = Service::Plain(Box::new(handler));
        return Ok(Route {
            side: Side::Ingress,
            hosts: settings.hosts,
            path: settings.path,
            contract: None,
            handler,
            body_bytes,
        });
    }
    let mut served = Vec::new();
    for &soap in &settings.endpoint.soap {
        served.push(serve(&settings, soap, lifetimes).map_err(&fail)?);
    }
    if settings.endpoint.admits_users() && settings.users.is_empty() {
        tracing::warn!(route = %name, "the policy admits users, and none is named: nobody gets in");
    }
    if !settings.endpoint.admits_users() && !settings.users.is_empty() {
        tracing::warn!(route = %name, "users are named, and the policy asks nobody for a password: they are not asked either");
    }
    if !settings.endpoint.admits_certificates() && !settings.trust.is_nobody() {
        tracing::warn!(route = %name, "`trust` is named, and the policy asks nobody for a certificate: it is not looked at");
    }
    if settings.users.keep() != Keep::Hashed {
        tracing::warn!(route = %name, "passwords are kept so that they can be read again");
    }
    if settings.endpoint.takes_names_alone() {
        tracing::warn!(route = %name, "the policy has user names without passwords: none of them is believed");
    }
    let now = world.clock.now();
    let tenures = || settings.identities.iter().map(|identity| &identity.tenure);
    if settings.endpoint.needs_identity() && Tenure::newest(tenures(), now).is_none() {
        return Err(fail(RouteProblem::Inactive(now)));
    }
    let contract = contract(&mut settings, &served, backends.default(), &world.clock);
    let scope = scope(&settings);
    let is_kept_by_clients = matches!(settings.store, StoreKind::Cookie);
    if is_kept_by_clients && !settings.endpoint.alternatives.iter().all(is_brought) {
        return Err(fail(RouteProblem::NotBrought));
    }
    let (store, claims) = world.store(settings.store).ok_or_else(|| fail(RouteProblem::NoStore))?;
    let handler = Service::Secured(Box::new(Ingress {
        scope,
        name: settings.name(),
        served,
        users: settings.users,
        authorisation: settings.authorisation,
        telling: settings.telling,
        backends,
        faults: settings.faults,
        metrics,
        trace: settings.trace,
        pending: lifetimes.pending,
        idle: lifetimes.idle,
        store,
        claims,
        world: Arc::clone(world),
    }));
    Ok(Route { side: Side::Ingress, hosts: settings.hosts, path: settings.path, contract, handler, body_bytes })
}

/// What conversations of a route belong to, and are nothing outside of: its hosts and path, its policy and whom it trusts. A
/// configuration that changes one of them begins anew.
fn scope(settings: &RouteSettings) -> String {
    let Endpoint { soap, alternatives, operations, .. } = &settings.endpoint;
    let mut hash = Hasher::new(DigestAlgorithm::Sha256);
    hash.update(format!("{}\n{soap:?}\n{alternatives:?}\n{operations:?}\n", settings.name()).as_bytes());
    // Revocation lists are renewed every day, and asked when a conversation begins.
    let trust::Settings { certificates, thumbprints, ways, intermediates: _, depth, purposes, revocation: _, .. } =
        &settings.trust;
    let trust::Settings { allow, deny, issuers, .. } = &settings.trust;
    hash.update(
        format!("{thumbprints:?}\n{ways:?}\n{depth:?}\n{purposes:?}\n{allow:?}\n{deny:?}\n{issuers:?}").as_bytes(),
    );
    for certificate in certificates {
        hash.update(certificate.der());
    }
    let digest = hash.finish();
    digest.as_ref().iter().take(8).fold(String::new(), |scope, octet| scope + &format!("{octet:02x}"))
}

/// The contract that clients may ask for: under what is served of the policy, and with the certificate that protects.
fn contract(
    settings: &mut RouteSettings,
    served: &[Arc<Recipient>],
    upstream: &Upstream,
    clock: &Clock,
) -> Option<Contract> {
    let alternatives: Vec<Policy> = served.first()?.alternatives().cloned().collect();
    let published = settings.endpoint.needs_identity().then_some(&settings.identities);
    let of = |identity: &Identity| (identity.tenure, identity.certificate.der().to_vec());
    let certificates = Certificates::new(published.into_iter().flatten().map(of), clock.clone());
    let addresses = settings.addresses.clone();
    let Endpoint { name, soap, operations, .. } = &settings.endpoint;
    match std::mem::replace(&mut settings.contract, ContractSettings::None) {
        ContractSettings::None => None,
        ContractSettings::Backend => {
            Some(Contract::of_backend(upstream.clone(), soap.clone(), alternatives, certificates, addresses))
        }
        ContractSettings::Documents(documents) => {
            let publish = |certificate: Option<&[u8]>| {
                let ports = Ports::Named(name);
                Publication::new(&documents, &Served { ports, alternatives: &alternatives, operations, certificate })
            };
            Editions::new(&certificates, publish)
                .inspect_err(|reason| tracing::warn!(port = %name, %reason, "the contract is not published"))
                .ok()
                .map(|editions| Contract::known(editions, addresses))
        }
    }
}

/// What serves one version of SOAP, under every alternative of the policy that is built.
fn serve(settings: &RouteSettings, soap: SoapVersion, lifetimes: &Lifetimes) -> Result<Arc<Recipient>, RouteProblem> {
    let Endpoint { name, alternatives, operations, message_lifetime, .. } = &settings.endpoint;
    let credentials = settings.identities.iter().map(Identity::credential);
    let recipient = Recipient::new(RecipientSettings {
        alternatives: alternatives.clone(),
        soap,
        operations: operations.clone(),
        credentials: credentials.collect::<Result<_, _>>()?,
        trust: Trust::of(settings.trust.clone())?,
        passwords: Some(Arc::<Users>::clone(&settings.users)),
        addresses: settings.addresses.clone(),
        freshness: Freshness { skew: lifetimes.skew, window: message_lifetime.unwrap_or(lifetimes.message) },
        message_lifetime: message_lifetime.unwrap_or(lifetimes.answer),
        context_lifetime: lifetimes.conversation,
        context_jitter: lifetimes.jitter,
        forward_addressing: settings.forward_addressing,
        limits: settings.limits.message(),
    })
    .map_err(|reason| RouteProblem::NotBuilt { endpoint: name.clone(), reason })?;
    if recipient.alternatives().len() < alternatives.len() {
        let (served, of) = (recipient.alternatives().len(), alternatives.len());
        tracing::info!(port = %name, served, of, "some alternatives of the policy are not served");
    }
    Ok(recipient)
}
