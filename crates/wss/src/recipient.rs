//! The recipient's side: requests opened, contexts issued, renewed and cancelled, answers sealed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::random::Random;
use nuncio_crypto::trust::Trust;
use nuncio_policy::model::{Addressing, Binding, Operation, Policy, SoapVersion};
use nuncio_xml::{Encoding, NodeId};

use crate::addressing::{Headers, Replies, is_addressing};
use crate::conversation::{Context, DerivedKeys, Principal, cancel, issue};
use crate::demand::{Demand, Direction};
use crate::dialect::{Dialect, TrustVerb};
use crate::envelope::Envelope;
use crate::initiator::Expectation;
use crate::keys::{Credential, Credentials, Keys, Passwords};
use crate::limits::Limits;
use crate::open::{self, Confirm, Evidence, Once};
use crate::operation_terms::OperationTerms;
use crate::plain;
use crate::received::{HttpFacts, Reading, Received, Request, Transport};
use crate::refusal::{Class, NOT_OUR_ADDRESS, Refusal};
use crate::reply::{Message, Reply};
use crate::seal::Unsealed;
use crate::terms::{NotBuilt, Terms, in_other_generation};
use crate::time::Time;
use crate::timestamp::Freshness;
use crate::trust::response::read_cancelled;

/// What a recipient is made of.
pub struct Settings {
    /// The alternatives of the policy: a message may come under any.
    pub alternatives: Vec<Policy>,
    /// The version of SOAP.
    pub soap: SoapVersion,
    /// The operations of the contract; none where it is not known.
    pub operations: Vec<Operation>,
    /// Our certificates and keys, each for its time. The newest signs; keys may be wrapped for any.
    pub credentials: Vec<Credential>,
    /// Which clients' certificates are trusted.
    pub trust: Trust,
    /// The passwords of users whose tokens sign; without them none is believed.
    pub passwords: Option<Arc<dyn Passwords>>,
    /// The addresses that are ours; any where there are none.
    pub addresses: Vec<String>,
    /// How old a message may be.
    pub freshness: Freshness,
    /// How long our answers are good for.
    pub message_lifetime: Duration,
    /// How long a security context lasts.
    pub context_lifetime: Duration,
    /// By how much of that a security context may end sooner, in per cent, drawn anew for each: so that those which were issued
    /// together are not all renewed together.
    pub context_jitter: u8,
    /// Whether the backend gets the addressing headers.
    pub forward_addressing: bool,
    /// How much a message may hold.
    pub limits: Limits,
}

/// The recipient of one port's messages. Immutable; shared between tasks.
pub struct Recipient {
    /// The alternatives of its policy. Never empty.
    alternatives: Vec<Arc<Terms>>,
    /// How many of them the policy has itself; the others are the same in the other generation of WS-Trust.
    served: usize,
    pub(crate) settings: Lasting,
}

/// The settings that outlive compilation.
pub(crate) struct Lasting {
    pub(crate) credentials: Vec<Credential>,
    pub(crate) trust: Trust,
    pub(crate) passwords: Option<Arc<dyn Passwords>>,
    pub(crate) addresses: Vec<String>,
    pub(crate) freshness: Freshness,
    pub(crate) message_lifetime: Duration,
    pub(crate) context_lifetime: Duration,
    pub(crate) context_jitter: u8,
    pub(crate) forward_addressing: bool,
    pub(crate) limits: Limits,
    pub(crate) derived_keys: Arc<DerivedKeys>,
}

/// A request that was opened: every part that the policy wants protected is, by the tokens that it names.
pub struct Opened {
    pub(crate) recipient: Arc<Recipient>,
    /// The alternative of the policy that it satisfies.
    pub(crate) terms: Arc<Terms>,
    pub(crate) envelope: Envelope,
    pub(crate) evidence: Evidence,
    pub(crate) action: Option<String>,
    /// The alternative of its operation's policies that it satisfies.
    pub(crate) way: usize,
    pub(crate) request: Request,
    pub(crate) context: Option<Arc<Context>>,
    /// Whether the policy has TLS authenticate who sent it.
    pub(crate) by_transport: bool,
    /// When it was opened.
    pub(crate) at: Time,
}

impl Recipient {
    /// Compiles the settings. Alternatives that are not built are left out: [`Recipient::alternatives`] has the
    /// others.
    pub fn new(settings: Settings) -> Result<Arc<Self>, NotBuilt> {
        let mut alternatives = Terms::alternatives(&settings.alternatives, settings.soap, &settings.operations)?;
        let served = alternatives.len();
        // The message says in which generation it asks for a context, and is answered in it: clients of both are told apart
        // by nothing else.
        let other = settings.alternatives.iter().filter_map(in_other_generation).collect::<Vec<_>>();
        alternatives.extend(Terms::alternatives(&other, settings.soap, &settings.operations).unwrap_or_default());
        let settings = Lasting {
            credentials: settings.credentials,
            trust: settings.trust,
            passwords: settings.passwords,
            addresses: settings.addresses,
            freshness: settings.freshness,
            message_lifetime: settings.message_lifetime,
            context_lifetime: settings.context_lifetime,
            context_jitter: settings.context_jitter,
            forward_addressing: settings.forward_addressing,
            derived_keys: DerivedKeys::new(settings.limits.hot_contexts),
            limits: settings.limits,
        };
        Ok(Arc::new(Self { alternatives, served, settings }))
    }

    /// The alternatives of its policy that a message may come under, in their order.
    pub fn alternatives(&self) -> impl ExactSizeIterator<Item = &Policy> {
        self.alternatives.iter().take(self.served).map(|terms| &terms.policy)
    }

    /// The version of SOAP that it speaks.
    pub fn soap(&self) -> SoapVersion {
        self.preferred().soap
    }

    /// The generation of its trust messages, and of the faults about them.
    pub fn dialect(&self) -> &'static Dialect {
        self.preferred().dialect()
    }

    /// The version of WS-Addressing that it speaks.
    pub fn addressing(&self) -> Addressing {
        self.preferred().addressing()
    }

    /// Its alternatives, in both generations.
    pub(crate) fn terms(&self) -> impl Iterator<Item = &Arc<Terms>> {
        self.alternatives.iter()
    }

    /// The first alternative: what is said where no message says which.
    fn preferred(&self) -> &Terms {
        &self.alternatives[0]
    }

    /// Reads a request.
    pub fn read(&self, http: &HttpFacts<'_>, body: Vec<u8>) -> Result<Received, Refusal> {
        Received::read(&self.alternatives, http, body, &self.settings.limits)
    }

    /// Opens a request under the first alternative of the policy that it satisfies. `context` is what
    /// [`Received::context`] names, if it is known.
    ///
    /// # Errors
    ///
    /// Why it does not satisfy the first of those that it may come under.
    pub fn open(
        self: &Arc<Self>,
        received: Received,
        context: Option<Arc<Context>>,
        transport: Transport,
        now: Time,
    ) -> Result<Opened, Refusal> {
        self.open_any(received, &Incoming { context, transport, now, demand, late: false })
    }

    /// The same of a request of the application's under a context whose time is over, by which nothing may be done.
    pub(crate) fn open_late(
        self: &Arc<Self>,
        received: Received,
        context: Arc<Context>,
        transport: Transport,
        now: Time,
    ) -> Result<Opened, Refusal> {
        self.open_any(received, &Incoming { context: Some(context), transport, now, demand, late: true })
    }

    /// Opens the answer of a client to a Cancel of ours, under the context that was cancelled: what
    /// [`Received::is_cancelled`] tells of. Which Cancel it answers, [`Opened::relates_to`] says.
    ///
    /// # Errors
    ///
    /// As [`Recipient::open`], and where the policy lets a service begin nothing, or the message does not say that the context
    /// is cancelled.
    pub fn open_cancelled(
        self: &Arc<Self>,
        received: Received,
        context: Option<Arc<Context>>,
        transport: Transport,
        now: Time,
    ) -> Result<Opened, Refusal> {
        let incoming = Incoming { context, transport, now, demand: cancelled, late: false };
        let opened = self.open_any(received, &incoming)?;
        read_cancelled(&opened.envelope.document, opened.envelope.payload(), opened.terms.dialect())?;
        Ok(opened)
    }

    fn open_any(self: &Arc<Self>, received: Received, incoming: &Incoming) -> Result<Opened, Refusal> {
        let Received { envelope, readings, context: named, octets } = received;
        let named = named.as_ref().map(|named| named.name.as_str());
        let mut envelope = Some(envelope);
        let mut refused: Option<Refusal> = None;
        for reading in readings {
            let envelope = match (envelope.take(), &octets) {
                (Some(envelope), _) => envelope,
                // Opening took the first one apart.
                (None, Some(octets)) => {
                    // What its declaration may say was judged when it was read first.
                    Envelope::read_sealed(octets.clone(), Encoding::Utf8, self.soap(), &self.settings.limits)?
                }
                (None, None) => break,
            };
            match self.open_as(envelope, reading, named, incoming) {
                Ok(opened) => return Ok(opened),
                Err(refusal) => refused = Some(told(refused, refusal)),
            }
        }
        Err(refused.unwrap_or(Refusal::Envelope("comes under no alternative of the policy")))
    }

    fn open_as(
        self: &Arc<Self>,
        mut envelope: Envelope,
        reading: Reading,
        named: Option<&str>,
        incoming: &Incoming,
    ) -> Result<Opened, Refusal> {
        let Reading { alternative, way, addressing, action, request } = reading;
        let terms = &self.alternatives[alternative];
        let now = incoming.now;
        envelope.addressing = addressing;
        if let (Request::Application | Request::Cancel | Request::Renew, Some(named), None) =
            (request, named, &incoming.context)
        {
            return Err(Refusal::UnknownContext(named.to_owned()));
        }
        let operation = terms.operation_of(&envelope, action.as_deref()).map(|operation| (operation, way));
        let demand = (incoming.demand)(terms, request, operation, action.as_deref())?;
        let over_transport = matches!(demand.policy.binding, Binding::Transport(_));
        let mut by_transport = false;
        if let (Binding::Transport(binding), true) = (&demand.policy.binding, demand.protected) {
            by_transport = binding.client_certificate;
            match incoming.transport {
                Transport::Clear => return Err(Refusal::UnprotectedTransport),
                Transport::Secure if by_transport => return Err(Refusal::UnauthenticatedTransport),
                Transport::Secure | Transport::Authenticated => {}
            }
        }
        let context = match request {
            // A bootstrap message belongs to no context, whatever it brings.
            Request::Issue => None,
            Request::Application | Request::Cancel | Request::Renew => incoming.context.as_ref(),
        };
        // The end of a context may still be said when its time is over, and WCF's clients renew it then.
        let late = request == Request::Application && !incoming.late;
        if let Some(context) = context.filter(|context| late && context.expires <= now) {
            return Err(Refusal::OutlivedContext(context.identifier.to_string()));
        }
        let keys = Keys {
            credentials: Credentials::at(&self.settings.credentials, now),
            context: context.map(Arc::as_ref),
            shared: None,
            trust: &self.settings.trust,
            passwords: self.settings.passwords.as_deref(),
        };
        let (envelope, evidence) =
            open::open(envelope, demand, keys, Confirm::Nothing, &self.settings.freshness, now, &self.settings.limits)?;
        self.check_address(terms, &envelope)?;
        if demand.protected && !over_transport {
            check_replies(&envelope, &evidence)?;
        }
        let way = terms.check_operation(&envelope, operation, action.as_deref())?;
        // In clear, what is behind the element that the operation is known by is nobody's word.
        if !demand.protected && envelope.document.elements(envelope.body).nth(1).is_some() {
            return Err(Refusal::Envelope("has more than one element in its body"));
        }
        let context = context.filter(|_| evidence.by_context).cloned();
        let (recipient, terms) = (Arc::clone(self), Arc::clone(terms));
        Ok(Opened { recipient, terms, envelope, evidence, action, way, request, context, by_transport, at: now })
    }

    /// Issues a security context to whoever sent `opened`, as whom `principal` says, and seals the answer.
    ///
    /// `cookie` is what seals the context into a cookie, where its client is to keep it: it comes back as
    /// [`Received::cookie`]. `None` where the caller keeps the context.
    ///
    /// The random source is drawn from in this order: 16 octets of identifier, the entropy or key, 16 octets of the
    /// conversation's name, what the cookie takes, then whatever the answer needs.
    ///
    /// # Errors
    ///
    /// [`Issue::Refused`] with a sealed fault where the request cannot be granted; [`Issue::NoCookie`] with
    /// another where `cookie` seals none.
    pub fn issue(
        opened: Opened,
        principal: impl Into<Arc<Principal>>,
        cookie: Option<SealCookie<'_>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Issued, Issue> {
        issue::issue(opened, principal.into(), cookie, now, random)
    }

    /// Renews a security context: the same identifier, a new instance, a new key. `principal` is who sent `opened`, which
    /// brings the bootstrap's credentials again; it must be who established the context.
    ///
    /// The random source is drawn from in this order: 16 octets of instance, the entropy or key, what the cookie takes, then
    /// whatever the answer needs. Both contexts are good afterwards: for how long the old one, is the caller's to say. `cookie`
    /// is as for [`Recipient::issue`].
    pub fn renew(
        opened: Opened,
        principal: impl Into<Arc<Principal>>,
        cookie: Option<SealCookie<'_>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Issued, Issue> {
        issue::renew(opened, principal.into(), cookie, now, random)
    }

    /// Answers a Cancel. The context that it cancels is the one that it was opened with: the caller drops that. The reply
    /// comes back with the answer, for a caller that finds it dropped already.
    pub fn cancel(opened: Opened, now: Time, random: &mut dyn Random) -> Result<(Message, Reply), Issue> {
        cancel::cancel(opened, now, random)
    }

    fn check_address(&self, terms: &Terms, envelope: &Envelope) -> Result<(), Refusal> {
        let addresses = &self.settings.addresses;
        if addresses.is_empty() || terms.addressing() == Addressing::None {
            return Ok(());
        }
        match &envelope.addressing.to {
            Some(to) if addresses.contains(&to.value) => Ok(()),
            Some(_) => Err(Refusal::Addressing { header: "To", fault: NOT_OUR_ADDRESS }),
            None => Err(Refusal::Addressing { header: "To", fault: "is missing" }),
        }
    }
}

/// Where answers go to an address, nobody but the sender says to which.
fn check_replies(envelope: &Envelope, evidence: &Evidence) -> Result<(), Refusal> {
    let Headers { reply_to, fault_to, .. } = &envelope.addressing;
    for (header, address) in [("ReplyTo", reply_to), ("FaultTo", fault_to)] {
        let is = |&block: &NodeId| {
            let name = envelope.document.name(block);
            name.local == header && is_addressing(name.namespace)
        };
        if address.is_some() && evidence.unverified.iter().any(is) {
            return Err(Refusal::NotSigned(header.to_owned()));
        }
    }
    Ok(())
}

/// What comes with a request beside its octets.
struct Incoming {
    /// The context that it names, where it is known.
    context: Option<Arc<Context>>,
    transport: Transport,
    now: Time,
    /// What says what it must satisfy.
    demand: Demanded,
    /// Whether the context's time may be over.
    late: bool,
}

/// Which of two refusals under two alternatives is told: the first, unless the other got as far as to ask who the sender is.
fn told(first: Option<Refusal>, other: Refusal) -> Refusal {
    match first {
        Some(first) if other.class() != Class::FailedAuthentication => first,
        Some(_) | None => other,
    }
}

/// Says what a message must satisfy, by what it asks for, its operation and the way in which that is asked for, and its
/// action.
type Demanded =
    for<'a> fn(&'a Terms, Request, Option<(&'a OperationTerms, usize)>, Option<&str>) -> Result<Demand<'a>, Refusal>;

/// What the answer to a Cancel of ours must satisfy.
fn cancelled<'a>(
    terms: &'a Terms,
    _: Request,
    _: Option<(&'a OperationTerms, usize)>,
    action: Option<&str>,
) -> Result<Demand<'a>, Refusal> {
    let expected = terms.dialect().response_action(TrustVerb::Cancel);
    if terms.replies() != Replies::Address || terms.conversation().is_none() || action != Some(&expected) {
        return Err(Refusal::Action {
            found: action.unwrap_or_default().to_owned(),
            expected: "the answer to a Cancel of ours",
        });
    }
    Ok(Demand::of(&terms.policy, Direction::Request, terms.cancel()).about(Request::Cancel))
}

/// What a request must satisfy.
fn demand<'a>(
    terms: &'a Terms,
    request: Request,
    operation: Option<(&'a OperationTerms, usize)>,
    action: Option<&str>,
) -> Result<Demand<'a>, Refusal> {
    let (operation, way) = operation.map_or((None, 0), |(operation, way)| (Some(operation), way));
    let (policy, message) = match (request, terms.bootstrap()) {
        (Request::Issue | Request::Renew, Some(bootstrap)) => bootstrap,
        (Request::Cancel, Some(_)) => (&terms.policy, terms.cancel()),
        (Request::Application, _) => {
            let message = terms.input(operation, way).ok_or_else(|| Refusal::Action {
                found: action.unwrap_or_default().to_owned(),
                expected: "one that the contract knows",
            })?;
            (&terms.policy, message)
        }
        (Request::Issue | Request::Renew | Request::Cancel, None) => {
            return Err(Refusal::TrustRequest("comes where the policy has no conversation"));
        }
    };
    Ok(Demand::of(policy, Direction::Request, message).about(request))
}

/// Seals a new context into a cookie of at most [`crate::MAX_COOKIE`] octets, or says why it cannot.
pub type SealCookie<'a> = &'a dyn Fn(&Context, &mut dyn Random) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

/// A security context that was granted.
pub struct Issued {
    /// The context.
    pub context: Context,
    /// The sealed answer that tells its client so.
    pub message: Message,
    /// The way to answer something else after all.
    pub reply: Reply,
}

/// Why a trust request was not granted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Issue {
    /// It asks for what is not given; the sealed fault tells its sender so.
    #[error("{refusal}")]
    Refused {
        /// The reason, for the log.
        refusal: Refusal,
        /// The answer.
        message: Message,
    },
    /// The context cannot be sealed into a cookie, and would be lost; the sealed fault tells its sender that the service is not
    /// available.
    #[error("the context has no cookie: {cause}")]
    NoCookie {
        /// The reason, for the log.
        cause: Box<dyn Error + Send + Sync>,
        /// The answer.
        message: Message,
    },
    /// The answer could not be sealed.
    #[error(transparent)]
    Unsealed(#[from] Unsealed),
}

impl Opened {
    /// What is to be claimed before the message has any effect, the message itself before the nonce of its user name;
    /// nothing where nothing in it is unique.
    pub fn once(&self) -> impl Iterator<Item = Once> + Clone {
        let Evidence { once, wrapped, nonces, .. } = &self.evidence;
        once.iter().chain(wrapped).chain(nonces).copied()
    }

    /// When it was made: the oldest of what its timestamp and its user names say. `None` where nothing says it.
    pub fn created(&self) -> Option<Time> {
        self.evidence.created
    }

    /// What it asks for.
    pub fn request(&self) -> Request {
        self.request
    }

    /// Its action.
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// The address that its answer is to be sent to, as it was written; `None` where that is the back channel, as it is
    /// wherever the policy does not have each direction be a channel of its own.
    pub fn reply_to(&self) -> Option<&str> {
        self.envelope.addressing.reply_to.as_deref()
    }

    /// The id of the message that it answers, of an answer to a Cancel of ours.
    pub fn relates_to(&self) -> Option<&str> {
        self.envelope.addressing.relates_to.as_ref().map(|text| text.value.as_str())
    }

    /// The context that it belongs to.
    pub fn context(&self) -> Option<&Arc<Context>> {
        self.context.as_ref()
    }

    /// The local names of header blocks that travel without a signature over them.
    pub fn unverified(&self) -> impl Iterator<Item = &str> {
        let addressing = self.recipient.settings.forward_addressing;
        plain::unverified(&self.envelope, &self.evidence.unverified, addressing)
    }

    /// Whether the contract says that there is an answer; `None` where it does not know the operation.
    pub fn is_answered(&self) -> Option<bool> {
        self.operation().map(|terms| terms.operation.output.is_some())
    }

    /// What an initiator who sent this request would remember of it, to open the answer.
    ///
    /// For a player of recorded conversations, who has no initiator's state but what the request holds.
    pub fn expectation(&self) -> Result<Expectation, Refusal> {
        Expectation::of(self)
    }

    /// What is needed to answer it.
    pub fn into_reply(self) -> Reply {
        Reply::new(self)
    }

    pub(crate) fn operation(&self) -> Option<&OperationTerms> {
        if self.request != Request::Application {
            return None;
        }
        self.terms.operation_of(&self.envelope, self.action.as_deref())
    }
}
