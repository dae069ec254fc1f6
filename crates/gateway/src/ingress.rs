//! One message through the gateway: [`Ingress::converse`] is the story, the rest its footnotes.

mod caller;
mod conversation;

use std::fmt::{self, Display};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use caller::forwarded_for;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use nuncio_policy::authorise::{self, Authorisation};
use nuncio_policy::model::{Addressing, SoapVersion};
use nuncio_wss::{
    Answer, Class, Context, Dialect, Fault, Faults, HttpFacts, Message, Opened, Received, Recipient, Refusal, Reply,
    Request, Time, Unsealed,
};

use crate::gateway::Handler;
use crate::http::{Inbound, Outbound, SOAP_ACTION};
use crate::identity::{Caller, Permit, Telling, TooLong};
use crate::log::Audit;
use crate::media;
use crate::metrics::{Outcome, RouteMetrics};
use crate::pool::Overfull;
use crate::random::NoEntropy;
use crate::replays::{Claim as Seen, Claims};
use crate::sessions::{At, Store};
use crate::shared;
use crate::spans::{Heard, Story};
use crate::trace::Trace;
use crate::upstream::{self, Backends, Unavailable};
use crate::users::Users;
use crate::world::World;

/// A route that holds conversations on behalf of a plain service.
pub struct Ingress {
    /// What its conversations belong to: a context that one route issued is nothing to another.
    pub(crate) scope: String,
    /// What it is called in its spans.
    pub(crate) name: String,
    /// One for each version of SOAP that the route speaks. Never empty.
    pub(crate) served: Vec<Arc<Recipient>>,
    pub(crate) users: Arc<Users>,
    /// Where its conversations are.
    pub(crate) store: Store,
    /// Where its messages are claimed.
    pub(crate) claims: Claims,
    pub(crate) authorisation: Authorisation,
    pub(crate) telling: Telling,
    pub(crate) backends: Backends,
    /// What of a fault of theirs goes on.
    pub(crate) faults: Faults,
    pub(crate) metrics: RouteMetrics,
    /// Whether a request that comes without a trace begins one.
    pub(crate) trace: bool,
    /// How long a conversation lives in which nothing was said yet.
    pub(crate) pending: Duration,
    /// How long one lives in which nothing is said any more; `None` for to its end.
    pub(crate) idle: Option<Duration>,
    pub(crate) world: Arc<World>,
}

/// What ends a message's way before it was believed.
#[derive(Debug, thiserror::Error)]
enum Denied {
    /// The peer did something wrong. The client gets the coarse fault of its class, unsecured.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many wrong passwords came for the user, or from there: this one was not looked at. The client is told no more than
    /// that it is wrong.
    #[error("a password for {0:?} was not looked at: too many wrong ones came before")]
    Throttled(String),
    /// As much work waits as may. It was not begun.
    #[error(transparent)]
    Overfull(#[from] Overfull),
    /// It is not known whether its conversation is there.
    #[error(transparent)]
    Unavailable(#[from] shared::Unavailable),
    /// The name that was proved does not fit into a header.
    #[error(transparent)]
    Unnameable(#[from] TooLong),
    /// A fault of ours.
    #[error(transparent)]
    Unsealed(#[from] Unsealed),
    /// A fault of the machine's. What was made with such octets is not sent.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// An outcome that this gateway does not know.
    #[error("the protocol says what the gateway does not know")]
    Unknown,
}

impl Denied {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(refusal) => Outcome::Refused(refusal.class()),
            Self::Unnameable(_) | Self::Throttled(_) => Outcome::Refused(Class::FailedAuthentication),
            Self::Overfull(_) | Self::Unavailable(_) => Outcome::Busy,
            Self::Unsealed(_) | Self::NoEntropy(_) | Self::Unknown => Outcome::Failed,
        }
    }
}

/// What a refusal needs to know of the message, as far as it got.
struct Asked {
    soap: SoapVersion,
    message_id: Option<String>,
    /// The generation in which it names a context.
    dialect: Option<&'static Dialect>,
}

impl Handler for Ingress {
    type Heard = Heard;

    fn hear(headers: &HeaderMap) -> Heard {
        Heard::of(headers)
    }

    /// Not where as many wait for a private key as may, and the message will ask for one.
    fn has_room(&self, headers: &HeaderMap) -> bool {
        !self.world.private_keys.is_full() || {
            let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            let content_type = text(CONTENT_TYPE).unwrap_or_default();
            let http = HttpFacts { content_type, soap_action: text(SOAP_ACTION) };
            let recipient = media::version(content_type).and_then(|soap| self.speaking(soap));
            !recipient.is_some_and(|recipient| recipient.demands_private_key(&http))
        }
    }

    async fn handle(&self, request: Inbound, heard: Heard, audit: &mut Audit) -> Outbound {
        let mut story = self.world.spans.begin(&self.name, &heard, audit);
        let mut asked = Asked { soap: request.soap, message_id: None, dialect: None };
        // Whoever takes TLS off in front says who came; of anybody else it is the word of the one who came.
        let from = heard.forwarded_for.filter(|_| request.relayed).unwrap_or(request.peer);
        let outbound = match self.converse(request, from, heard.trace, &mut asked, &mut story).await {
            Ok(Some(message)) => {
                if message.fault && story.outcome == Outcome::Answered {
                    story.outcome = Outcome::Fault;
                }
                Outbound {
                    // SOAP's HTTP bindings send a fault with 500; both versions' clients take it so.
                    status: if message.fault { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK },
                    content_type: Some(message.content_type.to_owned()),
                    body: message.body,
                }
            }
            Ok(None) => Outbound::empty(StatusCode::ACCEPTED),
            Err(denied) => {
                note(&mut story, denied.outcome(), &denied);
                self.deny(&denied, &asked)
            }
        };
        story.answered(outbound.status);
        outbound
    }

    fn count(&self, audit: &Audit, took: Duration) {
        self.metrics.answered(audit.request, audit.outcome, took);
    }
}

impl Ingress {
    /// `None` for a one-way message that was taken.
    async fn converse(
        &self,
        request: Inbound,
        from: IpAddr,
        trace: Option<Trace>,
        asked: &mut Asked,
        audit: &mut Story<'_>,
    ) -> Result<Option<Message>, Denied> {
        let now = self.world.clock.now();
        let opening = audit.part("open");
        let http = HttpFacts { content_type: &request.content_type, soap_action: request.soap_action.as_deref() };
        let recipient = self.recipient(asked.soap)?;

        let received = recipient.read(&http, request.body)?;
        asked.message_id = received.message_id().map(str::to_owned);
        asked.dialect = received.dialect();
        audit.request = Some(received.request());
        audit.action = received.action().map(str::to_owned);
        let context = self.find(&received, now).await?;
        let costly = recipient.opens_by_private_key(&received);
        if let Some(context) = context.as_ref().filter(|context| context.expires <= now)
            && received.request() == Request::Application
        {
            let (recipient, context) = (Arc::clone(recipient), Arc::clone(context));
            let open = move || recipient.open_outlived(received, context, request.transport, now);
            let late = self.by_private_key(costly, open).await??;
            drop(opening);
            return self.outlived(late, audit).map(Some);
        }
        let open = {
            let recipient = Arc::clone(recipient);
            move || recipient.open(received, context, request.transport, now)
        };
        let opened = match self.by_private_key(costly, open).await? {
            Err(Refusal::WrongKey(user)) => return Err(self.wrong_key(user, from, now).await),
            opened => opened?,
        };
        let caller = self.authenticate(&opened, request.client.as_ref(), from, now).await?;
        audit.principal = caller.principal.name().map(str::to_owned);
        audit.conversation = opened.context().map(|context| context.conversation.to_string());
        audit.unverified = opened.unverified().map(str::to_owned).collect();
        let claimed = self.claim(&opened, now).await;
        drop(opening);
        match claimed {
            Ok(Seen::Fresh) => self.came(&opened, from, now),
            Ok(Seen::Seen) => return Err(Refusal::Replayed.into()),
            unknown => {
                let why = match unknown {
                    Err(unavailable) => unavailable.to_string(),
                    Ok(Seen::Forgotten) => "it was made before what is known of messages that were taken".to_owned(),
                    Ok(_) => "the store of replay claims is full".to_owned(),
                };
                note(audit, Outcome::Busy, &why);
                return self.seal(opened.into_reply(), Answer::Fault(Fault::busy()), audit).await.map(Some);
            }
        }
        if !self.may(&caller, opened.request(), opened.verified_action()) {
            note(audit, Outcome::Denied, &"the rules of the route do not allow it");
            let denied = Fault::refusal(Class::FailedAuthentication, recipient.dialect());
            return self.seal(opened.into_reply(), Answer::Fault(denied), audit).await.map(Some);
        }
        match opened.request() {
            Request::Application => {
                self.used(opened.context(), now);
                let permit = Permit::assertion(caller, &self.telling)?;
                let context = opened.context().filter(|_| self.idle.is_some()).map(Arc::clone);
                let answered = self.forward(opened, &permit, trace, audit).await;
                // While its client waits for an answer it is not idle.
                self.used(context.as_ref(), self.world.clock.now());
                answered
            }
            Request::Issue => {
                self.grant(opened, caller.principal, now, ("issue", Recipient::issue), audit).await.map(Some)
            }
            Request::Cancel => self.cancel(opened, now, audit).await.map(Some),
            Request::Renew => {
                self.used(opened.context(), now);
                self.grant(opened, caller.principal, now, ("renew", Recipient::renew), audit).await.map(Some)
            }
        }
    }

    fn recipient(&self, soap: SoapVersion) -> Result<&Arc<Recipient>, Refusal> {
        self.speaking(soap).ok_or(Refusal::Envelope("is of a version of SOAP that the route does not speak"))
    }

    fn speaking(&self, soap: SoapVersion) -> Option<&Arc<Recipient>> {
        self.served.iter().find(|recipient| recipient.soap() == soap)
    }

    /// The context that a message claims to belong to. A message that brings none needs none, or is refused when it is
    /// opened; one that brings an unknown one is refused here, before any work is done on it.
    async fn find(&self, received: &Received, now: Time) -> Result<Option<Arc<Context>>, Denied> {
        match (received.request(), received.context()) {
            // A bootstrap message belongs to no context, whatever it brings.
            (Request::Issue, _) | (_, None) => Ok(None),
            (Request::Application | Request::Cancel | Request::Renew, Some(identifier)) => {
                // Where nobody keeps anything in cookies, what stands there is as nothing.
                let cookie = if self.store.cookies().is_some() { received.cookie()? } else { None };
                let found = self.store.find(self.at(identifier), cookie.as_deref(), now).await?;
                found.map(Some).ok_or_else(|| Refusal::UnknownContext(identifier.to_owned()).into())
            }
        }
    }

    /// Where a context of that name is.
    fn at<'a>(&'a self, name: &'a str) -> At<'a> {
        At { scope: &self.scope, name }
    }

    /// Whether the rules let the caller do what he asks for.
    fn may(&self, caller: &Caller, request: Request, action: Option<&str>) -> bool {
        if self.authorisation.is_open() {
            return true;
        }
        let roles: Vec<&str> = caller.roles.iter().map(|role| &**role).collect();
        may(&self.authorisation, &asks(caller), &roles, request, action)
    }

    /// After the proof of who sent it, so that a stranger cannot fill the store. The message itself comes first: what
    /// is only sent again takes nothing of the nonce.
    async fn claim(&self, opened: &Opened, now: Time) -> Result<Seen, shared::Unavailable> {
        let at = self.world.clock.moment(now);
        // Whatever it says, a message of a conversation is no older than that.
        let began = opened.context().map(|context| context.created);
        let created = opened.created().map(|created| began.map_or(created, |began| created.max(began)));
        self.claims.claim(opened.once(), created, at).await
    }

    /// A trace for a request that came without one, where the route says so.
    fn begin(&self) -> Option<Trace> {
        if self.trace { Trace::drawn(&self.world.entropy) } else { None }
    }

    async fn forward(
        &self,
        opened: Opened,
        permit: &Permit,
        trace: Option<Trace>,
        audit: &mut Story<'_>,
    ) -> Result<Option<Message>, Denied> {
        let (call, trace) = audit.call(trace, || self.begin());
        let answered = opened.is_answered();
        let upstream = self.backends.of(opened.verified_action());
        let soap = opened.soap();
        let plain = permit.plain(&opened, upstream.soap().unwrap_or(soap));
        let reply = opened.into_reply();
        let sent = Instant::now();
        let answer = upstream.forward(permit, trace.as_ref(), plain).await;
        self.metrics.called(sent.elapsed());
        call.answered(answer.as_ref().ok().map(|answer| answer.status));
        let answer = match answer {
            // The backend has taken it, and there is nobody to tell more.
            Ok(answer) if answered == Some(false) && answer.status < 300 => return Ok(None),
            Ok(answer) if answered.is_none() && answer.body.is_empty() && answer.status < 300 => return Ok(None),
            Ok(answer) => {
                let fault = answer.status >= 400;
                match self.translate(&reply, answer, upstream.soap().is_some().then_some(soap)) {
                    // A failure must not reach the client as a success, whatever its body says.
                    Ok(body) if fault => Answer::FaultEnvelope(body),
                    Ok(body) => Answer::Envelope(body),
                    Err(refusal) => {
                        note(audit, Outcome::Unavailable, &NotSent(&refusal));
                        Answer::Fault(Fault::unavailable())
                    }
                }
            }
            Err(busy @ Unavailable::Busy(_)) => {
                note(audit, Outcome::Busy, &busy);
                Answer::Fault(Fault::busy())
            }
            Err(unavailable) => {
                note(audit, Outcome::Unavailable, &unavailable);
                Answer::Fault(Fault::unavailable())
            }
        };
        self.seal(reply, answer, audit).await.map(Some)
    }

    /// What goes on of an answer: in the version of SOAP in which the client asked, if the backend may speak another, and
    /// without what of a fault stays behind. What goes on as it came is read where it is sealed.
    fn translate(
        &self,
        reply: &Reply,
        answer: upstream::Answer,
        asked: Option<SoapVersion>,
    ) -> Result<Vec<u8>, Refusal> {
        let version = media::version(&answer.content_type);
        let other = version.filter(|version| asked.is_some_and(|asked| asked != *version));
        match version {
            Some(version) if other.is_some() || self.faults == Faults::Sanitised => {
                reply.translate(answer.body, version, self.faults)
            }
            _ => Ok(answer.body),
        }
    }

    /// Does what may take a private key, and what then stands in a bounded queue; everything else on the task itself.
    async fn by_private_key<T: Send + 'static>(
        &self,
        costly: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overfull> {
        // The future of what waits is large, and most of what is opened never waits.
        if costly { Box::pin(self.world.private_keys.run(work)).await } else { Ok(work()) }
    }

    /// Seals an answer at the time it is sent, which may be long after the request came. What takes a private key waits for
    /// its turn, and is never turned away: the backend has acted.
    async fn seal(&self, reply: Reply, answer: Answer, audit: &mut Story<'_>) -> Result<Message, Denied> {
        let _sealing = audit.part("seal");
        let costly = reply.seals_by_private_key();
        let (clock, mut random) = (self.world.clock.clone(), self.world.entropy.draw());
        let seal = move || {
            let sealed = reply.seal(answer, clock.now(), &mut random);
            (sealed, random.check())
        };
        let (sealed, entropy) = if costly { Box::pin(self.world.private_keys.finish(seal)).await } else { seal() };
        let (message, trouble) = sealed?;
        entropy?;
        if let Some(trouble) = trouble {
            note(audit, Outcome::Unavailable, &NotSent(&trouble));
        }
        Ok(message)
    }

    /// What a client is told whose message was not believed: the coarse fault of its class, the same octets for every
    /// member of it.
    fn deny(&self, denied: &Denied, asked: &Asked) -> Outbound {
        let recipient = self.speaking(asked.soap).or(self.served.first());
        let (addressing, dialect) = recipient
            .map_or((Addressing::None, &nuncio_wss::V13), |recipient| (recipient.addressing(), recipient.dialect()));
        let dialect = asked.dialect.unwrap_or(dialect);
        let fault = match denied {
            Denied::Refused(refusal) => Fault::refusal(refusal.class(), dialect),
            Denied::Unnameable(_) | Denied::Throttled(_) => Fault::refusal(Class::FailedAuthentication, dialect),
            Denied::Unsealed(_) => return Outbound::empty(StatusCode::INTERNAL_SERVER_ERROR),
            Denied::NoEntropy(_) | Denied::Unknown | Denied::Overfull(_) | Denied::Unavailable(_) => {
                return Outbound::empty(StatusCode::SERVICE_UNAVAILABLE);
            }
        };
        Outbound {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            content_type: Some(media::content_type(asked.soap).to_owned()),
            body: fault.envelope(asked.soap, addressing, asked.message_id.as_deref()),
        }
    }
}

/// Whether rules let the caller do what he asks for. One who may call nothing gets no conversation; to end one is always
/// allowed.
pub(crate) fn may(
    authorisation: &Authorisation,
    caller: &authorise::Caller<'_>,
    roles: &[&str],
    request: Request,
    action: Option<&str>,
) -> bool {
    match request {
        Request::Application => authorisation.allows(caller, roles, action.unwrap_or_default()),
        Request::Issue | Request::Renew => authorisation.admits(caller, roles),
        Request::Cancel => true,
    }
}

/// A caller as the rules know him.
fn asks(caller: &Caller) -> authorise::Caller<'_> {
    authorise::Caller { proof: caller.proof(), name: caller.principal.name().unwrap_or_default() }
}

/// Why a backend's answer is not sent on.
struct NotSent<'a>(&'a dyn Display);

impl Display for NotSent<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the backend's answer is not sent on: {}", self.0)
    }
}

/// Puts an outcome and its reason into the audit line; the first stay, as they are the cause of what follows.
fn note(audit: &mut Audit, outcome: Outcome, reason: &dyn Display) {
    if audit.refused.is_none() {
        audit.refused = Some(reason.to_string());
        audit.outcome = outcome;
    }
}
