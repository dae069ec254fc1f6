//! What a client under a policy makes of an answer: asked of the very initiator that egress asks.

use std::sync::Arc;

use nuncio_policy::model::Policy;
use nuncio_wss::{
    Context, Dialect, Expectation, Freshness, HttpFacts, Initiator, InitiatorSettings, Lack, Opened, Opening,
    PolicyReading, Recipient, Refusal, Request, Tenure, Time,
};

use super::capture::Capture;
use super::judge::{Judge, Outcome, Side, Verdict, Wanting};
use crate::command::Failed;
use crate::config::{Endpoint, Identity};

/// What is said where there was nothing to try.
const NO_ALTERNATIVE: Refusal = Refusal::Envelope("comes under no alternative of the policy");

/// The request that an answer is to.
pub(super) struct Asked {
    content_type: String,
    soap_action: Option<String>,
    body: Vec<u8>,
}

/// What is known of a request.
struct Known {
    /// What its sender may remember. Never empty.
    expectations: Vec<Expectation>,
    /// Whether that is what the request says, and not only what its answer tells.
    remembered: bool,
    /// Why a request that is given tells nothing.
    refused: Option<Refusal>,
    /// For want of what one that is given does not open, and what comes of going without that.
    sealed: Option<(Lack, Refusal)>,
}

/// An answer, with what came with it and before it.
struct Held<'a> {
    http: &'a HttpFacts<'a>,
    body: &'a [u8],
    asked: Option<&'a Asked>,
    /// Whether the request may be supposed, where none is given that opens.
    suppose: bool,
}

impl Asked {
    /// The request of a capture, in that content type where the capture has none.
    pub(super) fn of(capture: &Capture, otherwise: &str) -> Self {
        Self {
            content_type: capture.header("Content-Type").unwrap_or(otherwise).to_owned(),
            soap_action: capture.header("SOAPAction").map(str::to_owned),
            body: capture.body.clone(),
        }
    }

    fn http(&self) -> HttpFacts<'_> {
        HttpFacts { content_type: &self.content_type, soap_action: self.soap_action.as_deref() }
    }
}

impl Judge {
    /// Holds an answer to the policy, as `now`.
    pub(super) fn believe(
        &self,
        endpoint: &Endpoint,
        http: &HttpFacts<'_>,
        body: &[u8],
        asked: Option<&Asked>,
        now: Time,
    ) -> Result<Verdict, Failed> {
        let mut held = Held { http, body, asked, suppose: true };
        let mut stale = None;
        let mut at = now;
        let mut verdict = loop {
            let mut assumed = Vec::new();
            match self.believed(endpoint, &held, at, &mut assumed)? {
                Outcome::Refused(
                    refusal @ (Refusal::Expired { created, .. } | Refusal::FromTheFuture { created, .. }),
                ) if stale.is_none() => {
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
        let known = match self.known(&recipient, &initiators[0], held, at) {
            Ok(known) => known,
            Err(outcome) => return Ok(outcome),
        };
        let remembered = known.remembered;
        let (mut first, mut wanting) = (None, None);
        let mut opened = None;
        'all: for initiator in &initiators {
            for expectation in &known.expectations {
                match open(initiator, http, body, expectation, remembered, at) {
                    Ok(opening) => {
                        opened = Some((opening, expectation));
                        break 'all;
                    }
                    Err(refusal) => match self.wanting_of_answer(endpoint, &refusal, remembered) {
                        // With that it might have been believed, whatever others say.
                        Some(lack) => wanting = wanting.or(Some((lack, refusal))),
                        // Of several clients the one that it is for says more than the others.
                        None if first.as_ref().is_none_or(is_for_another) => first = Some(refusal),
                        None => {}
                    },
                }
            }
        }
        let Some((opening, expectation)) = opened else {
            return Ok(match (wanting, known.sealed) {
                // What is wrong whatever was asked is wrong.
                (None, _) => Outcome::Refused(first.unwrap_or(NO_ALTERNATIVE)),
                (Some(_), Some((lack, refusal))) => Outcome::Undecided(Wanting::OfRequest(lack), refusal),
                (Some((Lack::Request, refusal)), None) if known.refused.is_some() => {
                    Outcome::Undecided(Wanting::AnotherRequest, refusal)
                }
                (Some((lack, refusal)), None) => Outcome::Undecided(Wanting::Of(lack), refusal),
            });
        };
        if let Some((lack, refusal)) = known.sealed {
            return Ok(Outcome::Undecided(Wanting::OfRequest(lack), refusal));
        }
        self.assume(&opening, expectation, &known, assumed);
        Ok(Outcome::Taken)
    }

    /// What is known of the request, by itself or by its answer; an outcome where nothing can be.
    fn known(
        &self,
        recipient: &Arc<Recipient>,
        initiator: &Initiator,
        held: &Held<'_>,
        at: Time,
    ) -> Result<Known, Outcome> {
        let Held { http, body, .. } = *held;
        let (mut refused, mut sealed) = (None, None);
        if let Some(asked) = held.asked {
            match self.opened(recipient, asked, at).and_then(|opened| opened.expectation()) {
                Ok(expectation) => {
                    let expectations = vec![expectation];
                    return Ok(Known { expectations, remembered: true, refused: None, sealed: None });
                }
                Err(refusal) => match self.wanting(&refusal) {
                    Some(lack) => sealed = Some((lack, refusal)),
                    None if held.suppose => refused = Some(refusal),
                    None => return Err(Outcome::NotAsked(refusal)),
                },
            }
        }
        let find = |name: &str, dialect: &'static Dialect| -> Option<Arc<Context>> {
            self.contexts(dialect, at).into_iter().find(|context| context.name() == name)
        };
        let supposed = match self.side {
            // A gateway asks in the generation of its policy, and is asked in either.
            Side::Egress(_) => initiator.suppose(http, body, &find),
            Side::Flags { .. } | Side::Ingress { .. } => recipient.suppose(http, body, &find),
        };
        match supposed {
            Ok(expectations) => Ok(Known { expectations, remembered: false, refused, sealed }),
            Err(refusal) => Err(match (self.wanting(&refusal), sealed) {
                (None, _) => Outcome::Refused(refusal),
                (Some(_), Some((lack, refusal))) => Outcome::Undecided(Wanting::OfRequest(lack), refusal),
                (Some(lack), None) => Outcome::Undecided(Wanting::Of(lack), refusal),
            }),
        }
    }

    /// The request, opened as the service would have, at the instant at which it was made.
    pub(super) fn opened(&self, recipient: &Arc<Recipient>, asked: &Asked, at: Time) -> Result<Opened, Refusal> {
        match self.open(recipient, &asked.http(), &asked.body, at, &mut Vec::new()) {
            Err(Refusal::Expired { created, .. } | Refusal::FromTheFuture { created, .. }) => {
                self.open(recipient, &asked.http(), &asked.body, created, &mut Vec::new())
            }
            opened => opened,
        }
    }

    /// What the sender of a request remembers of it, whatever the policy's alternative; `None` where it does not open.
    pub(super) fn remembered(
        &self,
        endpoint: &Endpoint,
        asked: &Asked,
        at: Time,
    ) -> Result<Option<Expectation>, Failed> {
        let Some(soap) = asked.http().soap().filter(|soap| endpoint.soap.contains(soap)) else { return Ok(None) };
        let recipient = self.recipient(endpoint, soap, endpoint.alternatives.clone())?;
        Ok(self.opened(&recipient, asked, at).and_then(|opened| opened.expectation()).ok())
    }

    /// Who might have asked. Never empty.
    pub(super) fn initiators(
        &self,
        endpoint: &Endpoint,
        recipient: &Recipient,
        at: Time,
    ) -> Result<Vec<Initiator>, Failed> {
        if let Side::Egress(outside) = &self.side {
            return outside
                .material
                .initiators(endpoint)
                .map_err(|problem| Failed::Step(format!("{}: {problem}", self.name)));
        }
        let client = match &self.side {
            Side::Flags { client, .. } | Side::Ingress { client } => client.as_ref(),
            Side::Egress(_) => None,
        };
        let credential = client.map(Identity::credential).transpose();
        let lasts = |otherwise| endpoint.message_lifetime.unwrap_or(otherwise);
        let alternatives: Vec<Policy> = endpoint.alternatives.clone();
        let initiator = Initiator::new(InitiatorSettings {
            alternatives,
            soap: recipient.soap(),
            operations: endpoint.operations.clone(),
            service: self.service(endpoint, at),
            username: None,
            credential: credential.map_err(|error| Failed::Step(error.to_string()))?,
            to: self.addresses.first().cloned().unwrap_or_default(),
            reading: PolicyReading::default(),
            freshness: Freshness { skew: self.lifetimes.skew, window: lasts(self.lifetimes.message) },
            message_lifetime: lasts(self.lifetimes.answer),
            limits: self.limits.message(),
        });
        let initiator = initiator.map_err(|reason| Failed::Step(format!("policy of {}: {reason}", endpoint.name)))?;
        Ok(vec![initiator])
    }

    /// The certificate by which the client knows the service.
    fn service(&self, endpoint: &Endpoint, at: Time) -> Option<nuncio_crypto::certificate::Certificate> {
        match &self.side {
            Side::Egress(outside) => outside.material.service(endpoint).cloned(),
            Side::Flags { service: Some(service), .. } => Some(service.clone()),
            Side::Flags { .. } | Side::Ingress { .. } => {
                let signs = Tenure::newest(self.identities.iter().map(|identity| &identity.tenure), at);
                let own = signs.and_then(|at| self.identities.get(at)).map(|identity| identity.certificate.clone());
                own.or_else(|| endpoint.identity.clone())
            }
        }
    }

    /// For want of what alone an answer may have been refused; `remembered` says whether its request is known.
    fn wanting_of_answer(&self, endpoint: &Endpoint, refusal: &Refusal, remembered: bool) -> Option<Lack> {
        let has_client = match &self.side {
            Side::Flags { client, .. } | Side::Ingress { client } => client.is_some(),
            // What it does not have, it does not have.
            Side::Egress(_) => true,
        };
        refusal.lacks().filter(|lack| match lack {
            Lack::Context => self.contexts.is_empty(),
            Lack::PrivateKey => !has_client,
            Lack::Trust => {
                let known = self.service(endpoint, Time::from_millis(0)).is_some() || !self.identities.is_empty();
                !known && self.outside().is_none()
            }
            Lack::Request => !remembered,
            Lack::Password => false,
        })
    }

    /// Says what was taken for granted of an answer that is believed.
    fn assume(&self, opening: &Opening, expectation: &Expectation, known: &Known, assumed: &mut Vec<String>) {
        if opening.is_fault() {
            assumed.push("It is a fault, and the service vouches for it.".to_owned());
        }
        let remembered = known.remembered;
        if let Some(refusal) = &known.refused {
            assumed.push(format!(
                "The request that is given would be refused itself, and says nothing of its answer: {refusal}."
            ));
        } else if !remembered {
            assumed.push(
                "Its request is not given: that it answers the one to which it came, and confirms its signatures where the policy \
                 asks for that, is taken for granted."
                    .to_owned(),
            );
        }
        if !remembered && matches!(expectation.request(), Request::Issue | Request::Renew) && !opening.is_fault() {
            assumed.push(
                "Whether client and service come to the same key by it cannot be said without its request.".to_owned(),
            );
        }
        if expectation.context().is_some() {
            assumed.push("The conversation is taken to be one of the client's, and not to be over.".to_owned());
        }
        if self.endpoint.as_ref().is_some_and(Endpoint::needs_transport) {
            assumed.push(
                "Where the policy leaves protection to TLS, it is taken to have come over TLS from the service."
                    .to_owned(),
            );
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

/// Opens an answer as egress does, and takes from it what it brings: a context, or the end of one.
fn open(
    initiator: &Initiator,
    http: &HttpFacts<'_>,
    body: &[u8],
    expectation: &Expectation,
    remembered: bool,
    at: Time,
) -> Result<Opening, Refusal> {
    let opening = initiator.open(http, body.to_vec(), expectation, at)?;
    if !opening.is_fault() {
        match expectation.request() {
            // The key is made of what the request brought.
            Request::Issue | Request::Renew if remembered => {
                initiator.established(&opening, expectation, at)?;
            }
            Request::Cancel => initiator.cancelled(&opening, expectation)?,
            Request::Application | Request::Issue | Request::Renew => {}
        }
    }
    Ok(opening)
}
