//! What a client under a policy makes of an answer: asked of the very initiator that egress asks.

use nuncio_wss::{HttpFacts, Initiator, Lack, Opening, Refusal, Request, Time, Transport};

use super::asked::{Asked, Known, Remembered};
use super::judge::{Judge, Outcome, Verdict, Wanting};
use crate::command::Failed;
use crate::config::Endpoint;

/// What is said where there was nothing to try.
const NO_ALTERNATIVE: Refusal = Refusal::Envelope("comes under no alternative of the policy");

/// An answer, with what came with it and before it.
pub(super) struct Held<'a> {
    pub(super) http: &'a HttpFacts<'a>,
    pub(super) body: &'a [u8],
    pub(super) asked: Option<&'a Asked>,
    /// Whether the request may be supposed, where none is given that opens.
    pub(super) suppose: bool,
}

impl Judge {
    /// Holds an answer to the policy, as `now`, which is `strict` as of requests.
    pub(super) fn believe(
        &self,
        endpoint: &Endpoint,
        http: &HttpFacts<'_>,
        body: &[u8],
        asked: Option<&Asked>,
        (now, strict): (Time, bool),
    ) -> Result<Verdict, Failed> {
        let mut held = Held { http, body, asked, suppose: true };
        let mut stale = None;
        let mut at = now;
        let mut verdict = loop {
            let mut assumed = Vec::new();
            match self.believed(endpoint, &held, at, &mut assumed)? {
                Outcome::Refused(
                    refusal @ (Refusal::Expired { created, .. } | Refusal::FromTheFuture { created, .. }),
                ) if stale.is_none() && !strict => {
                    at = created;
                    stale = Some(refusal);
                }
                outcome => break Verdict { outcome, stale, principal: None, assumed, alternatives: Vec::new() },
            }
        };
        // A request that comes under one alternative is not supposed to have come under another.
        held.suppose = match asked {
            Some(asked) => self.remembered(endpoint, asked, at)?.is_none(),
            None => true,
        };
        for policy in &endpoint.alternatives {
            let alone = Endpoint { alternatives: vec![policy.clone()], ..endpoint.clone() };
            let found = self.believed(&alone, &held, at, &mut Vec::new());
            verdict.alternatives.push(found.map_err(|failed| failed.to_string()));
        }
        Ok(verdict)
    }

    /// What a client makes of an answer at an instant.
    fn believed(
        &self,
        endpoint: &Endpoint,
        held: &Held<'_>,
        at: Time,
        assumed: &mut Vec<String>,
    ) -> Result<Outcome, Failed> {
        let Held { http, body, asked, .. } = *held;
        let version = asked.map_or_else(|| http.soap(), |asked| asked.http().soap());
        let Some(soap) = version.filter(|soap| endpoint.soap.contains(soap)) else {
            let speaks = Refusal::Envelope("is of a version of SOAP that the service does not speak");
            return Ok(Outcome::Refused(speaks));
        };
        let recipient = self.recipient(endpoint, soap, endpoint.alternatives.clone())?;
        let initiators = self.initiators(endpoint, &recipient, at)?;
        let Known { requests, unproved } = match self.known(&recipient, &initiators[0], held, at) {
            Ok(known) => known,
            Err(outcome) => return Ok(outcome),
        };
        // Another than who asked has no answer: what is for one caller is not given to the next. Whom the route does not know, who
        // brings the password himself, may be any.
        let asks = |initiator: &&Initiator| requests.iter().any(|request| request.may_be_of(initiator));
        let mut asking: Vec<&Initiator> = initiators.iter().filter(asks).collect();
        if asking.is_empty() {
            asking.extend(&initiators);
        }
        let (mut first, mut wanting) = (None, None);
        let mut opened = None;
        'all: for initiator in asking {
            for request in &requests {
                let came_in_clear = request.needs_transport() && matches!(self.transport, Some(Transport::Clear));
                let refused = came_in_clear.then_some(Err(Refusal::UnprotectedTransport));
                match refused.unwrap_or_else(|| request.open(initiator, http, body, at)) {
                    Ok(opening) => {
                        opened = Some((opening, request));
                        break 'all;
                    }
                    Err(refusal) => match self.wanting_of_answer(endpoint, &refusal, request.is_sure()) {
                        // With that it might have been believed, whatever others say.
                        Some(lack) => wanting = wanting.or(Some((Wanting::Of(lack), refusal))),
                        // Of several clients the one that it is for says more than the others.
                        None if first.as_ref().is_none_or(is_for_another) => first = Some(refusal),
                        None => {}
                    },
                }
            }
        }
        let Some((opening, request)) = opened else {
            return Ok(match unproved.filter(|_| wanting.is_some()).or(wanting) {
                // What is wrong whatever was asked is wrong.
                None => Outcome::Refused(first.unwrap_or(NO_ALTERNATIVE)),
                Some((wanting, refusal)) => Outcome::Undecided(wanting, refusal),
            });
        };
        // It may fit any request, and says nothing of the one that was made.
        if let Some((wanting, refusal)) = unproved {
            return Ok(Outcome::Undecided(wanting, refusal));
        }
        self.assume(&opening, request, assumed);
        Ok(Outcome::Taken)
    }

    /// Says what was taken for granted of an answer that is believed.
    fn assume(&self, opening: &Opening, request: &Remembered, assumed: &mut Vec<String>) {
        let remembered = request.is_sure();
        if !remembered {
            assumed.push(
                "Its request is not given: that it answers the one to which it came, and confirms its signatures where the policy \
                 asks for that, is taken for granted."
                    .to_owned(),
            );
        }
        // Over TLS the service vouches for headers that nothing signs.
        let says_which = opening.is_correlated() || request.needs_transport() && opening.relates_to().is_some();
        if remembered && !says_which && !request.binds() {
            assumed.push(
                "No header for which the service vouches says which request it answers: it may answer another than the one that \
                 is given."
                    .to_owned(),
            );
        }
        if !remembered && matches!(request.request(), Request::Issue | Request::Renew) && !opening.is_fault() {
            assumed.push(
                "Whether client and service come to the same key by it cannot be said without its request.".to_owned(),
            );
        }
        if request.is_within() {
            assumed.push("The conversation is taken to be one of the client's, and not to be over.".to_owned());
        }
        if self.transport.is_none() && request.needs_transport() {
            assumed.push("It is taken to have come over TLS from the service.".to_owned());
        }
        if !(remembered && opening.is_correlated()) {
            assumed.push("That it did not come before is taken for granted.".to_owned());
        }
    }
}

/// Whether an answer was refused since it is encrypted for somebody else.
fn is_for_another(refusal: &Refusal) -> bool {
    refusal.lacks() == Some(Lack::PrivateKey)
}
