//! From a route's settings to what calls its service: at once where its policy is known, else as soon as the service has
//! published it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::digest::Hasher;
use nuncio_crypto::secret::Secret;
use nuncio_wss::{Credential, Freshness, Initiator, InitiatorSettings};

use super::Egress;
use super::callers::{As, Callers};
use super::failure::Failure;
use super::flight::{Flight, Outcome};
use super::line::Line;
use crate::config::{
    CallerSettings, EgressPolicy, EgressSettings, Endpoint, Identity, Lifetimes, Published, Timeouts, Tokens,
};
use crate::gateway::Route;
use crate::route::{RouteError, RouteProblem, Service};
use crate::upstream::{Before, Upstream};
use crate::world::World;

/// How long a process that ends waits until its conversations are cancelled.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);
/// The first and the longest pause between attempts to begin what can be begun before anybody calls.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// All that calls a service: who may, and as whom.
pub(crate) struct Prepared {
    pub(super) callers: Callers,
    /// How the service is reached, for the end.
    line: ArcSwap<Line>,
}

/// What calls a service, or is to.
pub(crate) struct Preparing {
    ready: ArcSwapOption<Prepared>,
    flight: Flight<Arc<Prepared>>,
    /// Where its policy comes from, if that is not known; and all that is known besides.
    published: Option<(Published, Arc<Material>)>,
}

/// What initiators are made of, beside the policy.
pub(super) struct Material {
    to: String,
    soap: Option<nuncio_policy::model::SoapVersion>,
    reading: nuncio_wss::PolicyReading,
    certificate: Option<Certificate>,
    tokens: Tokens,
    callers: Vec<CallerSettings>,
    pass_through: bool,
    limits: nuncio_wss::Limits,
    lifetimes: Lifetimes,
}

/// Those of the process, by what they were made of: a reload that changes nothing of one goes on with its conversations.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<[u8; 32], Weak<Preparing>>>);

impl Registry {
    fn take(
        &self,
        key: [u8; 32],
        make: impl FnOnce() -> Result<Preparing, RouteProblem>,
    ) -> Result<Arc<Preparing>, RouteProblem> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, preparing| preparing.strong_count() > 0);
        if let Some(preparing) = all.get(&key).and_then(Weak::upgrade) {
            return Ok(preparing);
        }
        let preparing = Arc::new(make()?);
        all.insert(key, Arc::downgrade(&preparing));
        Ok(preparing)
    }
}

impl Material {
    /// That of a route, and where its policy is.
    pub(super) fn of(settings: EgressSettings, lifetimes: &Lifetimes) -> (EgressPolicy, Self) {
        let limits = settings.limits.message();
        let EgressSettings { to, policy, soap, reading, certificate, tokens, callers, pass_through, .. } = settings;
        let lifetimes = lifetimes.clone();
        (policy, Self { to, soap, reading, certificate, tokens, callers, pass_through, limits, lifetimes })
    }

    /// Who calls the service under that policy, as the route says.
    pub(super) fn initiator(&self, endpoint: &Endpoint) -> Result<Initiator, RouteProblem> {
        let Endpoint { name, soap, alternatives, operations, message_lifetime, identity } = endpoint;
        let soap = self.soap.or(soap.first().copied()).ok_or(RouteProblem::NoSoap)?;
        let lasts = |otherwise| message_lifetime.unwrap_or(otherwise);
        Initiator::new(InitiatorSettings {
            alternatives: alternatives.clone(),
            soap,
            operations: operations.clone(),
            service: self.certificate.clone().or_else(|| identity.clone()),
            username: self.tokens.user.as_ref().map(username),
            credential: credential(&self.tokens)?,
            to: self.to.clone(),
            reading: self.reading,
            freshness: Freshness { skew: self.lifetimes.skew, window: lasts(self.lifetimes.message) },
            message_lifetime: lasts(self.lifetimes.answer),
            limits: self.limits.clone(),
        })
        .map_err(|reason| RouteProblem::NotBuilt { endpoint: name.clone(), reason })
    }

    /// Who may call the service under that policy, and as whom.
    fn prepare(&self, endpoint: &Endpoint) -> Result<Callers, RouteProblem> {
        let (name, own) = (&endpoint.name, self.initiator(endpoint)?);
        let lacks = |initiator: &Initiator, who: Option<&str>| match initiator.lacks() {
            None => Ok(()),
            Some(what) => Err(RouteProblem::Lacks { endpoint: name.clone(), what, caller: who.map(str::to_owned) }),
        };
        if self.callers.is_empty() && !self.pass_through {
            lacks(&own, None)?;
        }
        let mut named = Vec::with_capacity(self.callers.len());
        for CallerSettings { name: caller, proof, tokens } in &self.callers {
            let user = tokens.user.as_ref().or(self.tokens.user.as_ref());
            let identity = if tokens.identity.is_some() { tokens } else { &self.tokens };
            let initiator = own.of_caller(user.map(username), credential(identity)?.map(Arc::new));
            lacks(&initiator, Some(caller))?;
            named.push(As { caller: (caller.clone(), proof.clone()), initiator });
        }
        Ok(Callers::new(own, named, self.pass_through))
    }
}

fn username((name, password): &(String, Secret)) -> (String, String) {
    (name.clone(), String::from_utf8_lossy(password.expose()).into_owned())
}

fn credential(tokens: &Tokens) -> Result<Option<Credential>, RouteProblem> {
    Ok(tokens.identity.as_ref().map(Identity::credential).transpose()?)
}

impl Preparing {
    /// What calls the service, once its policy is known.
    pub(super) async fn prepared(self: &Arc<Self>, line: &Arc<Line>) -> Outcome<Arc<Prepared>> {
        if let Some(prepared) = self.ready.load_full() {
            return Ok(prepared);
        }
        let (preparing, line) = (Arc::clone(self), Arc::clone(line));
        self.flight.join(move || async move { preparing.prepare(&line).await }).await
    }

    async fn prepare(&self, line: &Arc<Line>) -> Result<Arc<Prepared>, Failure> {
        if let Some(prepared) = self.ready.load_full() {
            return Ok(prepared);
        }
        let unprepared = |reason: &dyn std::fmt::Display| Failure::Unprepared(reason.to_string());
        let Some((published, material)) = &self.published else {
            return Err(Failure::Unprepared("nothing says where it is".to_owned()));
        };
        let endpoint = super::published::obtain(published, &line.upstream, &line.world.clock)
            .await
            .map_err(|reason| unprepared(&reason))?;
        let callers = material.prepare(&endpoint).map_err(|reason| unprepared(&reason))?;
        let prepared = Arc::new(Prepared { callers, line: ArcSwap::new(Arc::clone(line)) });
        self.ready.store(Some(Arc::clone(&prepared)));
        Ok(prepared)
    }
}

impl Drop for Prepared {
    /// Nobody calls any more: its conversations are ended where their policy has that.
    fn drop(&mut self) {
        let line = self.line.load_full();
        for standing in self.callers.all() {
            let (farewells, line) = (Arc::clone(&line.world.farewells), Arc::clone(&line));
            farewells.add(async move { standing.cancel(&line).await });
        }
    }
}

/// Begins conversations for all who may call, each at a time of its own; as often as it takes, while somebody may come.
pub(super) fn warm(preparing: &Arc<Preparing>, line: &Arc<Line>) {
    let (preparing, line) = (Arc::downgrade(preparing), Arc::clone(line));
    tokio::spawn(async move {
        let mut pause = PAUSES.0;
        loop {
            let Some(preparing) = preparing.upgrade() else { return };
            match begun(&preparing, &line).await {
                Ok(()) => return,
                Err(failure) => {
                    tracing::warn!(route = %line.name, %failure, "no conversation is begun ahead yet");
                }
            }
            drop(preparing);
            tokio::time::sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
        }
    });
}

async fn begun(preparing: &Arc<Preparing>, line: &Arc<Line>) -> Outcome<()> {
    let prepared = preparing.prepared(line).await?;
    for standing in prepared.callers.settled() {
        if standing.converses() {
            standing.context(line).await?;
        }
    }
    Ok(())
}

/// Makes an egress route of its settings.
pub(crate) fn compile(
    settings: EgressSettings,
    world: &Arc<World>,
    timeouts: &Timeouts,
    lifetimes: &Lifetimes,
) -> Result<Route<Service>, RouteError> {
    let origin = settings.origin.clone();
    let fail = |problem: RouteProblem| RouteError { origin: origin.clone(), problem };
    let body_bytes = settings.limits.body_bytes;
    let key = key(&settings, lifetimes);
    let line = Arc::new(line(&settings, world, timeouts).map_err(&fail)?);
    let limits = settings.limits.message();
    let (hosts, path) = (settings.hosts.clone(), settings.path.clone());
    let (warm, repeat, trace) = (settings.warm, settings.repeat, settings.trace);
    let (policy, material) = Material::of(settings, lifetimes);
    let make = || {
        let (ready, published) = match policy {
            EgressPolicy::Known(endpoint) => {
                let callers = material.prepare(&endpoint)?;
                let line = ArcSwap::new(Arc::clone(&line));
                (Some(Arc::new(Prepared { callers, line })), None)
            }
            EgressPolicy::Published(published) => (None, Some((published, Arc::new(material)))),
        };
        Ok(Preparing { ready: ArcSwapOption::new(ready), flight: Flight::default(), published })
    };
    let preparing = world.egress.take(key, make).map_err(fail)?;
    if let Some(prepared) = &*preparing.ready.load() {
        prepared.line.store(Arc::clone(&line));
    }
    let handler = Service::Egress(Box::new(Egress { limits, line, preparing, repeat, warm, trace }));
    Ok(Route { side: crate::listen::Side::Egress, hosts, path, contract: None, handler, body_bytes })
}

/// How the service of a route is reached.
pub(super) fn line(settings: &EgressSettings, world: &Arc<World>, timeouts: &Timeouts) -> Result<Line, RouteProblem> {
    let name = settings.name();
    let metrics = world.metrics.route(&name);
    let (limit, fault_limit) = (settings.limits.body_bytes, settings.limits.fault_bytes);
    let before = Before { route: &name, limit, fault_limit, timeouts, metrics: &metrics };
    let upstream = Upstream::new(&settings.service, &before, &mut HashSet::new())?;
    let contexts = world.metrics.contexts(&name);
    Ok(Line { name, upstream, metrics, contexts, world: Arc::clone(world), recorder: None })
}

/// What conversations of a route depend on: where one of these changes, others are begun.
fn key(settings: &EgressSettings, lifetimes: &Lifetimes) -> [u8; 32] {
    let EgressSettings {
        service, to, policy, soap, reading, certificate, tokens, callers, pass_through, limits, ..
    } = settings;
    let mut hash = Hasher::new(DigestAlgorithm::Sha256);
    let mut part = |octets: &[u8]| {
        hash.update(&(octets.len() as u64).to_le_bytes());
        hash.update(octets);
    };
    part(settings.name().as_bytes());
    part(
        format!("{:?}\n{to}\n{soap:?}\n{reading:?}\n{pass_through}\n{limits:?}\n{lifetimes:?}", service.urls)
            .as_bytes(),
    );
    match policy {
        EgressPolicy::Known(endpoint) => {
            let Endpoint { soap, alternatives, operations, message_lifetime, identity, .. } = &**endpoint;
            part(format!("{soap:?}\n{alternatives:?}\n{operations:?}\n{message_lifetime:?}").as_bytes());
            part(identity.as_ref().map_or(&[], Certificate::der));
        }
        EgressPolicy::Published(published) => part(format!("{published:?}").as_bytes()),
    }
    part(certificate.as_ref().map_or(&[], Certificate::der));
    let mut tokens_of = |Tokens { user, identity }: &Tokens| {
        part(user.as_ref().map_or(&[], |(name, _)| name.as_bytes()));
        part(user.as_ref().map_or(&[], |(_, password)| password.expose()));
        part(identity.as_ref().map_or(&[], |identity| identity.certificate.der()));
    };
    tokens_of(tokens);
    for CallerSettings { name: _, proof: _, tokens } in callers {
        tokens_of(tokens);
    }
    for CallerSettings { name, proof, .. } in callers {
        part(format!("{name}\n{proof:?}").as_bytes());
    }
    hash.finish().as_ref().first_chunk().copied().unwrap_or_default()
}
