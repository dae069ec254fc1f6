//! A protected service called without a gateway in between, by whoever has a plain message for it.

use std::sync::Arc;
use std::time::Instant;

use nuncio_crypto::certificate::Certificate;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::{Correlation, Credential, HttpFacts, Message, Unsecured};

use super::exchange::{Exchange, Known};
use super::failure::Failure;
use super::line::{Answered, Line};
use super::material::Material;
use super::recorder::{Exchanged, Recorder};
use super::route::line;
use super::standing::Standing;
use crate::config::{EgressPolicy, EgressSettings, Identity, Lifetimes, Timeouts};
use crate::route::{RouteError, RouteProblem};
use crate::users::{Keep, Users};
use crate::world::World;

/// Somebody who calls a service.
pub(crate) struct Direct {
    line: Arc<Line>,
    standing: Arc<Standing>,
    limits: nuncio_wss::Limits,
    own: Own,
}

/// What the caller has to look at messages with, its own and the service's.
pub(crate) struct Own {
    /// Its certificate, with the key.
    pub(crate) credential: Option<Credential>,
    /// The certificate of the service.
    pub(crate) service: Option<Certificate>,
    /// Its password.
    pub(crate) users: Users,
}

/// What came of a call.
pub(crate) enum Outcome {
    /// An answer of the service's.
    Answered(Message),
    /// A message without an answer was taken.
    Taken,
    /// Nothing that can be believed: why.
    Failed(String),
    /// No message could be made of it: why.
    NotSent(String),
}

impl Direct {
    /// Somebody who calls as the settings say, whose policy is known. What goes over the wire is recorded where that is wanted.
    pub(crate) fn new(
        settings: EgressSettings,
        world: &Arc<World>,
        timeouts: &Timeouts,
        lifetimes: &Lifetimes,
        recorded: bool,
    ) -> Result<Self, RouteError> {
        let origin = settings.origin.clone();
        let fail = |problem: RouteProblem| RouteError { origin: origin.clone(), problem };
        let mut line = line(&settings, world, timeouts).map_err(&fail)?;
        line.recorder = recorded.then(Recorder::default);
        let limits = settings.limits.message();
        let credential = settings.tokens.identity.as_ref().map(Identity::credential).transpose();
        let credential = credential.map_err(|error| fail(error.into()))?;
        let users = Users::kept(Keep::Readable, settings.tokens.user.clone());
        let (policy, material) = Material::of(settings, lifetimes, None);
        let EgressPolicy::Known(endpoint) = policy else { return Err(fail(RouteProblem::NoSoap)) };
        let initiator = material.initiator(&endpoint).map_err(&fail)?;
        let own = Own { credential, service: material.service(&endpoint).cloned(), users };
        Ok(Self { line: Arc::new(line), standing: Standing::new(initiator, None), limits, own })
    }

    /// What the caller has.
    pub(crate) fn own(&self) -> &Own {
        &self.own
    }

    /// The version of SOAP that the service speaks.
    pub(crate) fn soap(&self) -> SoapVersion {
        self.standing.initiator.soap()
    }

    /// Makes a call of a plain message under that action, in a conversation where the policy has one.
    pub(crate) async fn call(&self, action: &str, content_type: &str, body: Vec<u8>) -> Outcome {
        let http = HttpFacts { content_type, soap_action: None };
        let message = match Unsecured::read(&http, self.soap(), body, &self.limits) {
            Ok(message) => Arc::new(message),
            Err(refusal) => return Outcome::NotSent(format!("the message cannot be sent: {refusal}")),
        };
        // Where the contract does not tell, it may have none.
        let may_be_silent = self.standing.initiator.is_answered(action) != Some(true);
        let exchange = Exchange {
            line: &self.line,
            standing: &self.standing,
            message,
            action: action.to_owned(),
            trace: None,
            repeat: true,
            came: Instant::now(),
        };
        match exchange.make(&mut Known::default()).await {
            Ok(Answered::Message(opening)) => Outcome::Answered(opening.answer(self.soap(), &Correlation::NONE)),
            Ok(Answered::Nothing) if may_be_silent => Outcome::Taken,
            Ok(Answered::Nothing) => Outcome::Failed(Failure::NoAnswer.to_string()),
            Err(failure) if failure.is_ours() => Outcome::NotSent(failure.to_string()),
            Err(failure) => Outcome::Failed(failure.to_string()),
        }
    }

    /// Ends the conversation, if there is one that is ended.
    pub(crate) async fn end(&self) {
        self.standing.cancel(&self.line).await;
    }

    /// What went over the wire since it was asked for last.
    pub(crate) fn exchanged(&self) -> Vec<Exchanged> {
        self.line.recorder.as_ref().map(Recorder::take).unwrap_or_default()
    }
}
