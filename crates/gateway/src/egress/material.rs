//! What calls a service is made of, beside the service's policy.

use std::sync::Arc;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::secret::Secret;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::{Credential, Freshness, Initiator, InitiatorSettings, Limits, PolicyReading};
use reqwest::Url;

use super::callers::{As, Callers, Farewell};
use super::kept::Keeper;
use super::registry::Parts;
use super::standing::Standing;
use crate::config::{CallerSettings, EgressPolicy, EgressSettings, Endpoint, Identity, Lifetimes, Tokens};
use crate::route::RouteProblem;

/// What initiators are made of, beside the policy.
pub(crate) struct Material {
    to: String,
    soap: Option<SoapVersion>,
    reading: PolicyReading,
    certificate: Option<Certificate>,
    tokens: Tokens,
    callers: Vec<CallerSettings>,
    pass_through: bool,
    /// A URL of the service that is not under TLS.
    clear: Option<Url>,
    /// Whether it has several, which do not know each other's contexts.
    apart: bool,
    limits: Limits,
    lifetimes: Lifetimes,
    /// A digest of what service it is.
    service: [u8; 32],
    /// Where contexts are kept, if that is not in memory alone.
    keeper: Option<Arc<Keeper>>,
}

impl Material {
    /// That of a route whose contexts are kept there, and where its policy is.
    pub(crate) fn of(
        settings: EgressSettings,
        lifetimes: &Lifetimes,
        keeper: Option<Arc<Keeper>>,
    ) -> (EgressPolicy, Self) {
        let mut service = Parts::new();
        service.add(settings.name().as_bytes());
        service.add(format!("{:?}\n{}", settings.service.urls, settings.to).as_bytes());
        service.shown(settings.service.identity.as_ref());
        let service = service.digest();
        let limits = settings.limits.message();
        let clear = settings.service.urls.iter().map(|(url, _)| url).find(|url| url.scheme() != "https").cloned();
        let apart = settings.service.urls.len() > 1 && !settings.shared_contexts;
        let EgressSettings { to, policy, soap, reading, certificate, tokens, callers, pass_through, .. } = settings;
        let lifetimes = lifetimes.clone();
        let material = Self {
            to,
            soap,
            reading,
            certificate,
            tokens,
            callers,
            pass_through,
            clear,
            apart,
            limits,
            lifetimes,
            service,
            keeper,
        };
        (policy, material)
    }

    /// Who calls the service under that policy, as the route says.
    pub(crate) fn initiator(&self, endpoint: &Endpoint) -> Result<Initiator, RouteProblem> {
        let Endpoint { name, alternatives, operations, message_lifetime, .. } = endpoint;
        let soap = self.soap(endpoint).ok_or(RouteProblem::NoSoap)?;
        if !endpoint.soap.contains(&soap) {
            return Err(RouteProblem::OtherSoap { endpoint: name.clone(), soap });
        }
        let lasts = |otherwise| message_lifetime.unwrap_or(otherwise);
        let initiator = Initiator::new(InitiatorSettings {
            alternatives: alternatives.clone(),
            soap,
            operations: operations.clone(),
            service: self.service(endpoint).cloned(),
            username: self.tokens.user.as_ref().map(username),
            credential: credential(&self.tokens)?,
            to: self.to.clone(),
            reading: self.reading,
            freshness: Freshness { skew: self.lifetimes.skew, window: lasts(self.lifetimes.message) },
            message_lifetime: lasts(self.lifetimes.answer),
            limits: self.limits.clone(),
        })
        .map_err(|reason| RouteProblem::NotBuilt { endpoint: name.clone(), reason })?;
        self.check(name, initiator)
    }

    /// Lets one through that the service can be called with.
    fn check(&self, endpoint: &str, initiator: Initiator) -> Result<Initiator, RouteProblem> {
        if let Some(url) = self.clear.as_ref().filter(|_| initiator.needs_transport()) {
            return Err(RouteProblem::ServiceInClear { endpoint: endpoint.to_owned(), url: url.to_string() });
        }
        if self.apart && initiator.conversation().is_some_and(|token| token.cancel) {
            return Err(RouteProblem::Apart(endpoint.to_owned()));
        }
        Ok(initiator)
    }

    /// Who may call the service under that policy, and as whom; `farewell` ends what nobody calls in any more.
    pub(super) fn callers(&self, endpoint: &Endpoint, farewell: Farewell) -> Result<Callers, RouteProblem> {
        let (name, own) = (&endpoint.name, self.initiator(endpoint)?);
        let lacks = |initiator: &Initiator, who: Option<&str>| match initiator.lacks() {
            None => Ok(()),
            Some(what) => Err(RouteProblem::Lacks { endpoint: name.clone(), what, caller: who.map(str::to_owned) }),
        };
        if self.pass_through {
            let somebody = own.of_user(String::new(), String::new());
            lacks(&somebody, None)?;
            if !somebody.brings_password_at_all() {
                return Err(RouteProblem::Unasked(name.clone()));
            }
        } else if self.callers.is_empty() {
            lacks(&own, None)?;
        }
        let mut named = Vec::with_capacity(self.callers.len());
        for caller in &self.callers {
            let initiator = self.of_caller(name, &own, caller)?;
            lacks(&initiator, Some(&caller.name))?;
            let tokens = [&self.tokens, &caller.tokens];
            let begun_with = self.begun_with(endpoint, &caller.name, tokens);
            let place = self.keeper.as_ref().map(|keeper| keeper.place(begun_with));
            let caller = (caller.name.clone(), caller.proof.clone());
            named.push(As { caller, standing: Standing::new(initiator, place) });
        }
        let begun_with = self.begun_with(endpoint, "", [&self.tokens, &Tokens::default()]);
        Ok(if self.pass_through {
            let keeper = self.keeper.clone().map(|keeper| (keeper, begun_with));
            Callers::passing(own, keeper, named, farewell)
        } else if named.is_empty() {
            Callers::anybody(Standing::new(own, self.keeper.as_ref().map(|keeper| keeper.place(begun_with))))
        } else {
            Callers::named(named)
        })
    }

    /// A digest of what somebody's context is begun with: the service, its policy, and as whom it is called for him.
    fn begun_with(&self, endpoint: &Endpoint, caller: &str, tokens: [&Tokens; 2]) -> [u8; 32] {
        let mut parts = Parts::new();
        parts.add(&self.service);
        parts.add(format!("{:?}\n{:?}", self.soap, self.reading).as_bytes());
        parts.add(self.certificate.as_ref().map_or(&[], Certificate::der));
        parts.endpoint(endpoint);
        parts.add(caller.as_bytes());
        for tokens in tokens {
            parts.tokens(tokens);
        }
        parts.digest()
    }

    /// Who calls the service under that policy for a caller; `own` is who does for the route itself.
    fn of_caller(
        &self,
        endpoint: &str,
        own: &Initiator,
        CallerSettings { tokens, .. }: &CallerSettings,
    ) -> Result<Initiator, RouteProblem> {
        let user = tokens.user.as_ref().or(self.tokens.user.as_ref());
        let identity = if tokens.identity.is_some() { tokens } else { &self.tokens };
        let initiator = own.of_caller(user.map(username), credential(identity)?.map(Arc::new));
        self.check(endpoint, initiator)
    }

    /// All who call the service under that policy: the route itself, and for each of its callers. Never empty.
    pub(crate) fn initiators(&self, endpoint: &Endpoint) -> Result<Vec<Initiator>, RouteProblem> {
        let own = self.initiator(endpoint)?;
        let callers = self.callers.iter().map(|caller| self.of_caller(&endpoint.name, &own, caller));
        let mut all = callers.collect::<Result<Vec<_>, _>>()?;
        all.insert(0, own);
        Ok(all)
    }

    /// The version of SOAP in which the service is called under that policy.
    pub(crate) fn soap(&self, endpoint: &Endpoint) -> Option<SoapVersion> {
        self.soap.or(endpoint.soap.first().copied())
    }

    /// The certificate by which the service's answers are known under that policy.
    pub(crate) fn service<'a>(&'a self, endpoint: &'a Endpoint) -> Option<&'a Certificate> {
        self.certificate.as_ref().or(endpoint.identity.as_ref())
    }
}

/// A password is text: what is none was refused at load.
fn username((name, password): &(String, Secret)) -> (String, String) {
    (name.clone(), String::from_utf8_lossy(password.expose()).into_owned())
}

fn credential(tokens: &Tokens) -> Result<Option<Credential>, RouteProblem> {
    Ok(tokens.identity.as_ref().map(Identity::credential).transpose()?)
}
