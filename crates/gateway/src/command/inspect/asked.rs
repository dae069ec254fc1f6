//! The request that an answer is to: what its sender remembers of it, or may.

use std::sync::Arc;

use nuncio_wss::portrait::Portrait;
use nuncio_wss::{
    Context, Dialect, Expectation, HttpFacts, Initiator, Opened, Opening, Recipient, Refusal, Request, Supposed, Time,
};

use super::answer::Held;
use super::capture::Capture;
use super::judge::{Judge, Outcome, Side, Wanting};
use crate::command::Failed;
use crate::config::Endpoint;
use crate::media;

/// The request that an answer is to.
pub(super) struct Asked {
    content_type: String,
    soap_action: Option<String>,
    body: Vec<u8>,
    /// The id that it says it has, where that can be read.
    message_id: Option<String>,
}

/// What is known of a request.
pub(super) struct Known {
    /// What its sender may remember. Never empty.
    pub(super) requests: Vec<Remembered>,
    /// What is wanting to open one that is given, and why it does not open: nothing is proved of its answer.
    pub(super) unproved: Option<(Wanting, Refusal)>,
}

/// What a sender remembers of a request, or may.
pub(super) enum Remembered {
    /// By the request itself, and that one.
    Surely(Expectation, Box<Opened>),
    /// By what its answer tells alone.
    Supposedly(Supposed),
}

impl Asked {
    /// The request of a capture, with what can be seen of it.
    pub(super) fn of(capture: &Capture, portrait: &Portrait) -> Self {
        Self {
            content_type: capture.header("Content-Type").unwrap_or(media::content_type(portrait.soap)).to_owned(),
            soap_action: capture.header("SOAPAction").map(str::to_owned),
            body: capture.body.clone(),
            message_id: portrait.addressing.message_id.clone(),
        }
    }

    pub(super) fn http(&self) -> HttpFacts<'_> {
        HttpFacts { content_type: &self.content_type, soap_action: self.soap_action.as_deref() }
    }
}

impl Remembered {
    /// What was asked for.
    pub(super) fn request(&self) -> Request {
        match self {
            Self::Surely(expectation, _) => expectation.request(),
            Self::Supposedly(supposed) => supposed.request(),
        }
    }

    /// Whether it was asked within a conversation, as far as that is known.
    pub(super) fn is_within(&self) -> bool {
        match self {
            Self::Surely(expectation, _) => expectation.context().is_some(),
            Self::Supposedly(supposed) => supposed.context().is_some(),
        }
    }

    /// Whether its answer counts on TLS.
    pub(super) fn needs_transport(&self) -> bool {
        match self {
            Self::Surely(expectation, _) => expectation.needs_transport(),
            Self::Supposedly(supposed) => supposed.needs_transport(),
        }
    }

    /// Whether an answer that opens is one to it, whatever its headers say.
    pub(super) fn binds(&self) -> bool {
        matches!(self, Self::Surely(expectation, _) if expectation.binds())
    }

    /// Whether the request itself tells.
    pub(super) fn is_sure(&self) -> bool {
        matches!(self, Self::Surely(..))
    }

    /// Whether that one may have asked.
    pub(super) fn may_be_of(&self, initiator: &Initiator) -> bool {
        match self {
            Self::Surely(_, opened) => opened.may_be_of(initiator),
            Self::Supposedly(_) => true,
        }
    }

    /// Opens an answer as egress does, and takes from it what it brings: a context, or the end of one.
    pub(super) fn open(
        &self,
        initiator: &Initiator,
        http: &HttpFacts<'_>,
        body: &[u8],
        at: Time,
    ) -> Result<Opening, Refusal> {
        let expectation = match self {
            // The key of a context is made of what the request brought.
            Self::Supposedly(supposed) => return initiator.open_supposed(http, body.to_vec(), supposed, at),
            Self::Surely(expectation, _) => expectation,
        };
        let opening = initiator.open(http, body.to_vec(), expectation, at)?;
        if !opening.is_fault() {
            match expectation.request() {
                Request::Issue | Request::Renew => drop(initiator.established(&opening, expectation, at)?),
                Request::Cancel => initiator.cancelled(&opening, expectation)?,
                Request::Application => {}
            }
        }
        Ok(opening)
    }
}

impl Judge {
    /// What is known of the request, by itself or by its answer; an outcome where nothing can be.
    pub(super) fn known(
        &self,
        recipient: &Arc<Recipient>,
        initiator: &Initiator,
        held: &Held<'_>,
        at: Time,
    ) -> Result<Known, Outcome> {
        let Held { http, body, .. } = *held;
        let mut unproved = None;
        if let Some(asked) = held.asked {
            match self.opened(recipient, asked, at).and_then(|opened| Ok((opened.expectation()?, opened))) {
                Ok((expectation, opened)) => {
                    let requests = vec![Remembered::Surely(expectation, Box::new(opened))];
                    return Ok(Known { requests, unproved: None });
                }
                Err(refusal) => match self.wanting(&refusal) {
                    Some(lack) => unproved = Some((Wanting::OfRequest(lack), refusal)),
                    None if held.suppose => unproved = Some((Wanting::AnotherRequest, refusal)),
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
            Ok(supposed) => {
                // Nobody vouches for what a request says that does not open; its answer must fit that all the same.
                let id = || held.asked.and_then(|asked| asked.message_id.clone());
                let supposed = supposed.into_iter().map(|supposed| supposed.answering(id()));
                let requests = supposed.map(Remembered::Supposedly).collect();
                Ok(Known { requests, unproved })
            }
            Err(refusal) => Err(match (self.wanting(&refusal), unproved) {
                (None, _) => Outcome::Refused(refusal),
                (Some(_), Some((wanting, refusal))) => Outcome::Undecided(wanting, refusal),
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
}
