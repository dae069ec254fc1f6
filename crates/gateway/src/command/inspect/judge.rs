//! What a policy makes of a message: asked of what a gateway asks itself, so that the two never disagree.

use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::trust::{self, Trust};
use nuncio_policy::authorise::{self, Authorisation};
use nuncio_policy::model::{Policy, SoapVersion};
use nuncio_wss::{
    Claim, Context, Credential, Dialect, Freshness, HttpFacts, Lack, Opened, Principal, Received, Recipient,
    RecipientSettings, Refusal, Request, Time, Transport, V13,
};

use super::outside::Outside;
use crate::command::Failed;
use crate::config::{Endpoint, Identity, Lifetimes, MessageLimits, RouteSettings};
use crate::identity::Caller;
use crate::pool::Pool;
use crate::users::Users;

/// A context's key that the operator has.
#[derive(Clone)]
pub(super) struct ContextKey {
    pub(super) identifier: String,
    pub(super) instance: Option<String>,
    pub(super) secret: Secret,
}

/// What is at hand to look at a message with.
pub(super) struct Judge {
    /// The route, the port, the preset or the file.
    pub(super) name: String,
    /// The policy; `None` where there are keys alone.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) identities: Vec<Identity>,
    pub(super) trust: trust::Settings,
    pub(super) users: Arc<Users>,
    pub(super) addresses: Vec<String>,
    pub(super) forward_addressing: bool,
    pub(super) limits: MessageLimits,
    pub(super) lifetimes: Lifetimes,
    pub(super) authorisation: Authorisation,
    pub(super) contexts: Vec<ContextKey>,
    /// Whether all of it is a route's, and what is not there is not there.
    pub(super) whole: bool,
    /// Whether somebody says that an answer is looked at.
    pub(super) answer: bool,
    pub(super) transport: Option<Transport>,
    /// Who the gateway is in it.
    pub(super) side: Side,
    /// What is to be said of the policy itself.
    pub(super) notes: Vec<String>,
}

/// Who a gateway is, where messages are held to its routes.
pub(super) enum Side {
    /// There is no route: a policy is given, or none. What is known of the client, and of the service beside its key.
    Flags { client: Option<Identity>, service: Option<Certificate> },
    /// The service. What is known of the client.
    Ingress { client: Option<Identity> },
    /// The client.
    Egress(Box<Outside>),
}

/// What becomes of a message.
pub(super) enum Outcome {
    /// It is taken; of an answer, believed.
    Taken,
    Refused(Refusal),
    /// The rules of the route do not let its sender do what it asks for.
    Denied,
    /// The request that an answer is to does not come under the policy.
    NotAsked(Refusal),
    /// It cannot be said for want of that, and what comes of going without it.
    Undecided(Wanting, Refusal),
}

/// What would have to be known to decide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wanting {
    /// Something of who the message is for; of an answer, the client's certificate is the private key, and the service's what
    /// is trusted.
    Of(Lack),
    /// The same to open the request that an answer is to.
    OfRequest(Lack),
    /// A request that opens: the one that is given is refused itself.
    AnotherRequest,
}

/// The verdict.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// That it is too old, or from the future, where the outcome is told for the instant at which it was made.
    pub(super) stale: Option<Refusal>,
    pub(super) principal: Option<String>,
    pub(super) assumed: Vec<String>,
    /// Each alternative of the policy, or why it is not served.
    pub(super) alternatives: Vec<Result<Outcome, String>>,
}

impl Judge {
    /// What a route is made of; `client` is what is known of who calls it.
    pub(super) fn of_route(settings: RouteSettings, lifetimes: &Lifetimes, client: Option<Identity>) -> Self {
        let endpoint = Some(settings.endpoint).filter(|endpoint| !endpoint.is_plain());
        Self {
            name: format!(
                "{}{}",
                settings.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
                settings.path
            ),
            endpoint,
            identities: settings.identities,
            trust: settings.trust,
            users: settings.users,
            addresses: settings.addresses,
            forward_addressing: settings.forward_addressing,
            limits: settings.limits,
            lifetimes: lifetimes.clone(),
            authorisation: settings.authorisation,
            contexts: Vec::new(),
            whole: true,
            answer: false,
            transport: None,
            side: Side::Ingress { client },
            notes: Vec::new(),
        }
    }

    /// The route on which the gateway is the client, if it is.
    pub(super) fn outside(&self) -> Option<&Outside> {
        match &self.side {
            Side::Egress(outside) => Some(outside),
            Side::Flags { .. } | Side::Ingress { .. } => None,
        }
    }

    /// The service's private keys.
    pub(super) fn credentials(&self) -> Result<Vec<Credential>, Failed> {
        let credentials = self.identities.iter().map(Identity::credential).collect::<Result<_, _>>();
        credentials.map_err(|error| Failed::Step(error.to_string()))
    }

    /// The private keys of both.
    pub(super) fn all_credentials(&self) -> Result<Vec<Credential>, Failed> {
        let mut all = self.credentials()?;
        let clients: &[Identity] = match &self.side {
            Side::Flags { client, .. } | Side::Ingress { client } => client.as_slice(),
            Side::Egress(outside) => &outside.clients,
        };
        for client in clients {
            all.push(client.credential().map_err(|error| Failed::Step(error.to_string()))?);
        }
        Ok(all)
    }

    /// The certificates that are known.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        self.trust.certificates.clone()
    }

    /// The contexts, as those of a generation.
    pub(super) fn contexts(&self, dialect: &'static Dialect, now: Time) -> Vec<Arc<Context>> {
        const DAY: Duration = Duration::from_hours(24);
        let context = |key: &ContextKey| {
            let names = (key.identifier.as_str(), key.instance.as_deref());
            Arc::new(Context::known(names, dialect, key.secret.clone(), (now, now.plus(DAY))))
        };
        self.contexts.iter().map(context).collect()
    }

    /// Holds a message to the policy, as `now`; where that is not `strict`, one that is too old then is held to it as of when it says
    /// that it was made.
    pub(super) async fn judge(
        &self,
        endpoint: &Endpoint,
        http: &HttpFacts<'_>,
        body: &[u8],
        (now, strict): (Time, bool),
    ) -> Result<Verdict, Failed> {
        let soap = http.soap();
        let mut stale = None;
        let mut at = now;
        let mut verdict = loop {
            let recipient = soap.filter(|soap| endpoint.soap.contains(soap));
            let recipient = recipient.map(|soap| self.recipient(endpoint, soap, endpoint.alternatives.clone()));
            let (outcome, principal, assumed) = match recipient {
                None => {
                    let refusal = Refusal::Envelope("is of a version of SOAP that the route does not speak");
                    (Outcome::Refused(refusal), None, Vec::new())
                }
                Some(recipient) => self.outcome(&recipient?, http, body, at).await?,
            };
            match outcome {
                Outcome::Refused(
                    refusal @ (Refusal::Expired { created, .. } | Refusal::FromTheFuture { created, .. }),
                ) if stale.is_none() && !strict => {
                    at = created;
                    stale = Some(refusal);
                }
                outcome => {
                    break Verdict { outcome, stale, principal, assumed, alternatives: Vec::new() };
                }
            }
        };
        if let Some(soap) = soap.filter(|soap| endpoint.soap.contains(soap)) {
            for policy in &endpoint.alternatives {
                let alternative = match self.recipient(endpoint, soap, vec![policy.clone()]) {
                    Ok(recipient) => Ok(self.outcome(&recipient, http, body, at).await?.0),
                    Err(failed) => Err(failed.to_string()),
                };
                verdict.alternatives.push(alternative);
            }
        }
        Ok(verdict)
    }

    /// What serves those alternatives.
    pub(super) fn recipient(
        &self,
        endpoint: &Endpoint,
        soap: SoapVersion,
        alternatives: Vec<Policy>,
    ) -> Result<Arc<Recipient>, Failed> {
        let wrong = |error: &dyn std::fmt::Display| Failed::Step(error.to_string());
        let lifetimes = &self.lifetimes;
        Recipient::new(RecipientSettings {
            alternatives,
            soap,
            operations: endpoint.operations.clone(),
            credentials: self.credentials()?,
            trust: Trust::of(self.trust.clone()).map_err(|error| wrong(&error))?,
            passwords: Some(Arc::<Users>::clone(&self.users)),
            addresses: self.addresses.clone(),
            freshness: Freshness {
                skew: lifetimes.skew,
                window: endpoint.message_lifetime.unwrap_or(lifetimes.message),
            },
            message_lifetime: endpoint.message_lifetime.unwrap_or(lifetimes.answer),
            context_lifetime: lifetimes.conversation,
            context_jitter: 0,
            forward_addressing: self.forward_addressing,
            limits: self.limits.message(),
        })
        .map_err(|reason| Failed::Step(format!("policy of {}: {reason}", endpoint.name)))
    }

    async fn outcome(
        &self,
        recipient: &Arc<Recipient>,
        http: &HttpFacts<'_>,
        body: &[u8],
        at: Time,
    ) -> Result<(Outcome, Option<String>, Vec<String>), Failed> {
        let mut assumed = Vec::new();
        let opened = match self.open(recipient, http, body, at, &mut assumed) {
            Ok(opened) => opened,
            Err(refusal) => return Ok((self.refused(refusal), None, assumed)),
        };
        let principal = match self.authenticate(&opened, at, &mut assumed).await? {
            Ok(principal) => principal,
            Err(refusal) => return Ok((self.refused(refusal), None, assumed)),
        };
        let outcome = if self.may(&opened, principal.as_ref()) { Outcome::Taken } else { Outcome::Denied };
        let name = principal.map(|principal| match principal {
            Principal::Anonymous => "nobody in particular".to_owned(),
            Principal::User(name) => format!("the user {name}"),
            Principal::Certificate(holder) => format!("the holder of the certificate {}", holder.subject),
        });
        Ok((outcome, name, assumed))
    }

    pub(super) fn open(
        &self,
        recipient: &Arc<Recipient>,
        http: &HttpFacts<'_>,
        body: &[u8],
        at: Time,
        assumed: &mut Vec<String>,
    ) -> Result<Opened, Refusal> {
        let received = recipient.read(http, body.to_vec())?;
        let context = self.find(&received, at)?;
        if context.is_some() {
            assumed.push("The conversation is taken to be one of this route, and not to be over.".to_owned());
        }
        let asks = self.endpoint.as_ref().is_some_and(Endpoint::needs_transport);
        let transport = self.transport.unwrap_or_else(|| {
            if asks {
                assumed.push(
                    "It is taken to have come over TLS, with a client's certificate where the policy asks for one."
                        .to_owned(),
                );
            }
            Transport::Authenticated
        });
        let opened = recipient.open(received, context, transport, at)?;
        assumed.push("That it did not come before is taken for granted.".to_owned());
        Ok(opened)
    }

    /// The context that a message names.
    fn find(&self, received: &Received, at: Time) -> Result<Option<Arc<Context>>, Refusal> {
        match (received.request(), received.context()) {
            (Request::Issue, _) | (_, None) => Ok(None),
            (Request::Application | Request::Cancel | Request::Renew, Some(name)) => {
                let contexts = self.contexts(received.dialect().unwrap_or(&V13), at);
                let found = contexts.into_iter().find(|context| context.name() == name);
                found.map(Some).ok_or_else(|| Refusal::UnknownContext(name.to_owned()))
            }
        }
    }

    /// Whom it comes from; `None` where the conversation knows.
    async fn authenticate(
        &self,
        opened: &Opened,
        at: Time,
        assumed: &mut Vec<String>,
    ) -> Result<Result<Option<Principal>, Refusal>, Failed> {
        Ok(Ok(Some(match opened.claim() {
            Claim::Anonymous | Claim::Transport => Principal::Anonymous,
            Claim::Certificate(certificate) => Principal::from(certificate),
            Claim::User(name) => Principal::User(name.into()),
            Claim::Context(_) => {
                assumed
                    .push("Who began the conversation is not known: rules about callers are not looked at.".to_owned());
                return Ok(Ok(None));
            }
            Claim::Username(user) => {
                let right = self.users.check(user, at, &Pool::new(1, 1)).await;
                if !right.map_err(|_| Failed::Step("the password could not be looked at".to_owned()))? {
                    return Ok(Err(Refusal::WrongPassword(user.name.clone())));
                }
                Principal::User(user.name.as_str().into())
            }
        })))
    }

    /// Whether the rules of the route let it pass.
    fn may(&self, opened: &Opened, principal: Option<&Principal>) -> bool {
        let Some(principal) = principal.filter(|_| !self.authorisation.is_open()) else { return true };
        let caller = Caller { principal: Arc::new(principal.clone()), conversation: None, roles: Vec::new() };
        let own: Vec<&str> = match principal {
            Principal::User(name) => self.users.roles(name).iter().map(|role| &**role).collect(),
            Principal::Anonymous | Principal::Certificate(_) => Vec::new(),
        };
        let asks = authorise::Caller { proof: caller.proof(), name: principal.name().unwrap_or_default() };
        let roles = self.authorisation.roles(&asks, &own);
        crate::ingress::may(&self.authorisation, &asks, &roles, opened.request(), opened.verified_action())
    }

    /// A refusal, or that it cannot be said.
    fn refused(&self, refusal: Refusal) -> Outcome {
        match self.wanting(&refusal) {
            Some(lack) => Outcome::Undecided(Wanting::Of(lack), refusal),
            None => Outcome::Refused(refusal),
        }
    }

    /// Whether a refusal is for want of the key of a context that is not among those given.
    pub(super) fn lacks_context(&self, refusal: &Refusal) -> bool {
        let Refusal::UnknownContext(name) = refusal else { return false };
        self.contexts(&V13, Time::from_millis(0)).iter().all(|context| context.name() != *name)
    }

    /// For want of what alone a request may have been refused.
    pub(super) fn wanting(&self, refusal: &Refusal) -> Option<Lack> {
        let passes = self.outside().is_some_and(|outside| outside.passes);
        refusal.lacks().filter(|lack| match lack {
            // No route's contexts are at hand, whatever it is.
            Lack::Context => self.lacks_context(refusal),
            Lack::PrivateKey => !self.whole && self.identities.is_empty(),
            Lack::Trust => !self.whole && self.trust.is_nobody(),
            Lack::Password => !self.whole && (self.users.is_empty() || passes),
            Lack::Request => false,
        })
    }
}

/// A context's key as a flag has it: its identifier, an instance behind a space where it was renewed, and base64.
pub(super) fn parse_context(text: &str) -> Result<ContextKey, &'static str> {
    let malformed = "it is not IDENTIFIER=BASE64";
    // Base64 may end in the sign that stands between.
    let end = text.trim_end_matches('=').rfind('=').ok_or(malformed)?;
    let (name, key) = (&text[..end], &text[end + 1..]);
    let secret = nuncio_crypto::base64::decode(key).map_err(|_| "its key is not base64")?;
    if name.is_empty() || secret.is_empty() {
        return Err(malformed);
    }
    let (identifier, instance) = match name.split_once(' ') {
        Some((identifier, instance)) => (identifier, Some(instance.to_owned())),
        None => (name, None),
    };
    Ok(ContextKey { identifier: identifier.to_owned(), instance, secret: Secret::new(secret) })
}

impl std::fmt::Debug for ContextKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ContextKey").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}
