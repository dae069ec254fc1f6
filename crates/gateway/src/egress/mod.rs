//! The other side: a plain program calls, and the service behind the route is one that wants secure conversations. One
//! message through it is [`Egress::call`].

mod asked;
mod callers;
mod direct;
mod exchange;
mod failure;
mod farewells;
mod flight;
mod held;
pub(crate) mod kept;
mod line;
mod material;
mod prepared;
mod published;
mod recorder;
mod registry;
mod route;
mod standing;
mod together;
mod warm;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::{HeaderMap, StatusCode};
use nuncio_wss::{Correlation, Fault, HttpFacts, Initiator, Limits, Opening, Refusal, Request, Unsecured};

use crate::gateway::Handler;
use crate::http::{Inbound, Outbound};
use crate::log::Audit;
use crate::media;
use crate::metrics::Outcome;
use crate::spans::{Heard, Story};
use crate::trace::Trace;
pub(crate) use asked::{NotSent, action_of, check_replies};
use callers::{Admitted, Callers, NotAdmitted, Tried};
pub(crate) use direct::{Direct, Outcome as DirectOutcome, Own};
use exchange::{Exchange, Known};
use failure::Failure;
pub(crate) use farewells::Farewells;
use line::{Answered, Line};
pub(crate) use material::Material;
use prepared::Preparing;
pub(crate) use recorder::{Exchanged, Wire};
pub(crate) use registry::Registry;
pub(crate) use route::compile;

/// A route on which plain programs call a protected service.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that an operator says")]
pub struct Egress {
    pub(crate) limits: Limits,
    line: Arc<Line>,
    preparing: Arc<Preparing>,
    /// Whether a call is made once more where the service did not take its conversation.
    repeat: bool,
    /// Whether conversations are begun before anybody calls.
    warm: bool,
    /// Whether a request that comes without a trace begins one.
    trace: bool,
    /// Whether pages in browsers may ask: else the page of a stranger, whose host's name leads to this machine, could call with the
    /// route's credentials and read what it is answered.
    pages: bool,
}

/// Why a plain client gets a fault of ours.
enum Denied {
    /// He may not call.
    NotAdmitted(NotAdmitted),
    /// His message is not one that can be sent on.
    Refused(Refusal),
    /// It says too little, or too much.
    NotSent(NotSent),
    /// There is no answer of the service's.
    Failed(Arc<Failure>),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotSent> for Denied {
    fn from(reason: NotSent) -> Self {
        Self::NotSent(reason)
    }
}

impl From<Arc<Failure>> for Denied {
    fn from(failure: Arc<Failure>) -> Self {
        Self::Failed(failure)
    }
}

impl From<Failure> for Denied {
    fn from(failure: Failure) -> Self {
        Self::Failed(Arc::new(failure))
    }
}

/// What a service said of a password, by what it made of a call.
enum Judged {
    Right,
    Wrong,
    /// Nothing: it was not asked, or did not look at it.
    Neither,
}

/// Whether the service is asked about the password that such a call brings; or asks nobody who he is.
fn is_asked(initiator: &Initiator, action: &str) -> bool {
    initiator.conversation().is_some() && initiator.brings_password(Request::Issue, "")
        || initiator.brings_password(Request::Application, action)
        || !initiator.protects(action)
}

/// What the service said of the password that a call brought.
fn judged(initiator: &Initiator, action: &str, answered: &Result<Answered, Arc<Failure>>, known: &Known) -> Judged {
    // Who has a conversation was believed when it was begun.
    if known.conversation.is_some() && initiator.brings_password(Request::Issue, "") {
        return Judged::Right;
    }
    match answered {
        Err(failure) if failure.is_of_caller() => Judged::Wrong,
        // What nobody vouches for may be said before anybody looks at who asks. That a message was taken may, too.
        Ok(Answered::Message(opening)) if opening.is_fault() && !opening.is_secured() => {
            if opening.is_of_security() {
                Judged::Wrong
            } else {
                Judged::Neither
            }
        }
        // It may be about somebody else, whom the application asked.
        Ok(Answered::Message(opening)) if opening.is_of_security() => Judged::Neither,
        Ok(Answered::Message(_)) if initiator.brings_password(Request::Application, action) => Judged::Right,
        Ok(_) | Err(_) => Judged::Neither,
    }
}

/// What a plain client is to get, as far as it is known.
struct Asked {
    correlation: Correlation,
}

impl Handler for Egress {
    type Heard = Heard;

    fn hear(headers: &HeaderMap) -> Heard {
        Heard::of(headers)
    }

    async fn handle(&self, request: Inbound, heard: Heard, audit: &mut Audit) -> Outbound {
        let mut story = self.line.world.spans.begin(&self.line.name, &heard, audit);
        let soap = request.soap;
        let mut asked = Asked { correlation: Correlation::NONE };
        let outbound = match self.call(request, heard, &mut asked, &mut story).await {
            Ok(None) => Outbound::empty(StatusCode::ACCEPTED),
            Ok(Some(opening)) => {
                let message = opening.answer(soap, &asked.correlation);
                if message.fault {
                    story.outcome = Outcome::Fault;
                }
                Outbound {
                    status: if message.fault { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK },
                    content_type: Some(message.content_type.to_owned()),
                    body: message.body,
                }
            }
            Err(denied) => {
                let mut status = StatusCode::UNAUTHORIZED;
                let (outcome, reason, fault) = match &denied {
                    Denied::NotAdmitted(reason) => {
                        if *reason == NotAdmitted::Page {
                            // Nothing that he could bring would help.
                            status = StatusCode::FORBIDDEN;
                        }
                        let class = nuncio_wss::Class::FailedAuthentication;
                        (Outcome::Refused(class), reason.to_string(), None)
                    }
                    Denied::Refused(refusal) => {
                        let fault = Fault::refusal(refusal.class(), &nuncio_wss::V13);
                        (Outcome::Refused(refusal.class()), refusal.to_string(), Some(fault))
                    }
                    Denied::NotSent(reason) => {
                        let fault = match reason {
                            NotSent::NoAction => Fault::no_action(),
                            NotSent::AnsweredElsewhere => Fault::answered_elsewhere(),
                        };
                        (Outcome::Refused(nuncio_wss::Class::Unreadable), reason.to_string(), Some(fault))
                    }
                    Denied::Failed(failure) => (failure.outcome(), failure.to_string(), Some(failure.fault())),
                };
                (story.outcome, story.refused) = (outcome, Some(reason));
                match fault {
                    None => Outbound::empty(status),
                    Some(fault) => Outbound {
                        status: StatusCode::INTERNAL_SERVER_ERROR,
                        content_type: Some(media::content_type(soap).to_owned()),
                        body: fault.envelope(soap, asked.correlation.addressing(), asked.correlation.message_id()),
                    },
                }
            }
        };
        story.answered(outbound.status);
        outbound
    }

    fn count(&self, audit: &Audit, took: Duration) {
        self.line.metrics.answered(audit.request, audit.outcome, took);
    }
}

impl Egress {
    /// The service's answer to a plain request, opened; `None` for a one-way message that it took.
    async fn call(
        &self,
        request: Inbound,
        heard: Heard,
        asked: &mut Asked,
        audit: &mut Story<'_>,
    ) -> Result<Option<Box<Opening>>, Denied> {
        let came = Instant::now();
        if heard.by_page && !self.pages {
            return Err(Denied::NotAdmitted(NotAdmitted::Page));
        }
        let from = heard.forwarded_for.filter(|_| request.relayed).unwrap_or(request.peer);
        let http = HttpFacts { content_type: &request.content_type, soap_action: request.soap_action.as_deref() };
        let message = Unsecured::read(&http, request.soap, request.body, &self.limits)?;
        audit.request = Some(Request::Application);
        audit.action = message.action().map(str::to_owned);
        asked.correlation = message.correlation();
        check_replies(&message)?;
        let prepared = self.preparing.prepared().await?;
        let admission = prepared
            .callers
            .admit(heard.authorization.as_ref(), request.client.as_ref(), from, self.line.now(), &self.line)
            .await;
        let Admitted { name, standing, tried } = admission.map_err(Denied::NotAdmitted)?;
        audit.principal = name;
        let operation = standing.initiator.operation_of(&message);
        // Where the contract does not tell, it may have none.
        let may_be_silent = operation.is_none_or(|operation| operation.output.is_none());
        // Such a message says nothing to its sender.
        let is_one_way = operation.is_some_and(|operation| operation.output.is_none());
        let action = action_of(&standing.initiator, &message)?;
        audit.action = Some(action.clone());
        let asked_for = action.clone();
        // Whoever called with anything would be let in.
        if tried.as_ref().is_some_and(|tried| !tried.proved) && !is_asked(&standing.initiator, &action) {
            return Err(Denied::NotAdmitted(NotAdmitted::Unasked));
        }
        let begin = || if self.trace { Trace::drawn(&self.line.world.entropy) } else { None };
        let (call, trace) = audit.call(heard.trace, begin);
        let exchange = Exchange {
            line: &self.line,
            standing: &standing,
            message: Arc::new(message),
            action,
            trace,
            repeat: self.repeat,
            came,
        };
        let mut known = Known::default();
        let total = self.line.upstream.total();
        let left = total.saturating_sub(came.elapsed());
        // With what is begun for it, too.
        let answered = match tokio::time::timeout(left, exchange.make(&mut known)).await {
            Ok(answered) => answered,
            Err(_) => Err(Arc::new(Failure::Late(total))),
        };
        if let Some(tried) = &tried {
            let said = judged(&standing.initiator, &asked_for, &answered, &known);
            self.admitted(tried, said, from, &prepared.callers).await;
        }
        call.answered(known.status);
        audit.conversation = known.conversation;
        match answered? {
            // Nothing in such an answer says what it answers: it may be what another was told.
            Answered::Message(opening) if is_one_way && !opening.is_fault() => Ok(None),
            Answered::Message(opening) => {
                audit.unverified = opening.unverified().map(str::to_owned).collect();
                Ok(Some(opening))
            }
            Answered::Nothing if may_be_silent => Ok(None),
            Answered::Nothing => Err(Failure::NoAnswer.into()),
        }
    }

    /// Notes what the service made of who brings its own password: only it can tell whether that is right.
    async fn admitted(&self, tried: &Tried, said: Judged, from: IpAddr, callers: &Callers) {
        match said {
            Judged::Right => callers.proved(tried, from, self.line.now(), &self.line),
            Judged::Wrong => callers.wrong(tried, from, self.line.now(), &self.line).await,
            Judged::Neither => {}
        }
    }

    /// Begins what can be begun before anybody calls.
    pub(crate) fn warm(&self) {
        // Now that it is served, and no sooner: a configuration that is refused changes nothing of the one that is not.
        self.preparing.line.store(Arc::clone(&self.line));
        self.line.upstream.connect_ahead();
        if self.warm {
            warm::warm(&self.preparing);
        }
    }
}
