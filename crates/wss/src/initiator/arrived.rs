//! Messages that come to where an initiator listens: answers on a channel of their own, and what the service begins
//! (`CompositeDuplex`).
//!
//! No connection says what such a message is to. An answer names the request that it is to, and a message that answers
//! nothing comes under an operation that the contract has the service begin; both are for the address that the initiator
//! listens at.

use std::sync::Arc;

use nuncio_crypto::random::Random;
use nuncio_policy::model::Binding;
use nuncio_xml::Writer;

use super::{Expectation, Initiator, Opening, Outbound, SealPlain};
use crate::addressing::Headers;
use crate::conversation::Context;
use crate::conversation::cancel::check_target;
use crate::demand::{Demand, Direction};
use crate::dialect::{Dialect, TrustVerb};
use crate::envelope::Envelope;
use crate::fault::Told;
use crate::header;
use crate::keys::{Credentials, Keys};
use crate::message_terms::MessageTerms;
use crate::open::Confirm;
use crate::operation_terms::{OperationTerms, check_operation};
use crate::received::{HttpFacts, Request, Transport};
use crate::refusal::Refusal;
use crate::time::Time;
use crate::trust::response::write_cancelled;
use crate::trust::secret::Unwrapping;

/// A message that came to where an initiator listens, read and classified; nothing in it is believed yet.
pub struct Arrived {
    envelope: Envelope,
    /// The name of the context that it is under.
    context: Option<String>,
    transport: Transport,
}

impl Arrived {
    /// What it asks for, if it answers nothing: the end of its context, or something of the application.
    pub fn request(&self) -> Request {
        let action = self.envelope.addressing.action.as_ref();
        match action.and_then(|action| Dialect::of_action(&action.value)) {
            Some((_, TrustVerb::Cancel)) => Request::Cancel,
            _ => Request::Application,
        }
    }

    /// The id of the request that it says it answers; `None` where it says that it answers none.
    pub fn relates_to(&self) -> Option<&str> {
        self.envelope.addressing.relates_to.as_ref().map(|text| text.value.as_str())
    }

    /// The name of the security context that it claims to belong to: see [`Context::name`].
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }
}

impl Initiator {
    /// Reads a message that came to where it listens. `transport` is [`Transport::Secure`] where the transport itself proves
    /// that the service sent it.
    ///
    /// # Errors
    ///
    /// Where it is no message of the port's, or its addressing is another than the policy's.
    pub fn receive(&self, http: &HttpFacts<'_>, body: Vec<u8>, transport: Transport) -> Result<Arrived, Refusal> {
        let envelope = self.read(&self.terms, http, body)?;
        let named = envelope.security.filter(|_| self.terms.conversation().is_some());
        let context = named.and_then(|node| header::context_name(&envelope.document, node));
        Ok(Arrived { envelope, context: context.map(|named| named.name), transport })
    }

    /// Opens an answer that came to where it listens.
    ///
    /// # Errors
    ///
    /// As [`Initiator::open`], and where it does not say that it answers that request, or is for another address than the
    /// request asked to be answered at.
    pub fn open_answer(&self, arrived: Arrived, expectation: &Expectation, now: Time) -> Result<Opening, Refusal> {
        let Arrived { mut envelope, transport, .. } = arrived;
        let terms = &*expectation.terms;
        envelope.addressing = Headers::read(&envelope.document, &envelope.blocks, terms.addressing(), terms.replies())?;
        // An answer to a trust request is protected as that was: by the bootstrap policy.
        let protects = match (expectation.request, terms.bootstrap()) {
            (Request::Issue | Request::Renew, Some((policy, _))) => policy,
            _ => &terms.policy,
        };
        check_transport(&protects.binding, transport)?;
        let opening = self.open_envelope(envelope, expectation, Confirm::These(&expectation.signatures), now)?;
        if opening.envelope.addressing.relates_to.is_none() || expectation.message_id.is_none() {
            return Err(Refusal::Addressing { header: "RelatesTo", fault: "does not say which request it answers" });
        }
        check_to(&opening.envelope, &expectation.addresses)?;
        Ok(opening)
    }

    /// Opens a message that the service began: one of the operations that the initiator was told of, or the Cancel of the
    /// context that it is under. `context` is what [`Arrived::context`] names, if it is known.
    ///
    /// # Errors
    ///
    /// Where the contract has no such operation or the Cancel is of another context, where it says that it answers something,
    /// where it is for another address than those listened at, and for what makes any message be refused: it is held to the
    /// policy as the service's answers are, but that it has no signatures to confirm and no key of a request to be under.
    pub fn open_callback(
        &self,
        arrived: Arrived,
        context: Option<&Arc<Context>>,
        now: Time,
    ) -> Result<Opening, Refusal> {
        let request = arrived.request();
        let Arrived { envelope, context: named, transport } = arrived;
        if envelope.security.is_none() && envelope.is_fault() {
            return Err(Refusal::UnsecuredFault(Told::by(&envelope)));
        }
        check_unasked(&envelope)?;
        let operation = if request == Request::Cancel { None } else { Some(self.callback(&envelope)?) };
        let policy = &self.terms.policy;
        check_transport(&policy.binding, transport)?;
        if let (Some(named), None) = (named, context) {
            return Err(Refusal::UnknownContext(named));
        }
        // The end of a context may still be said when its time is over.
        if let Some(context) = context.filter(|context| operation.is_some() && context.expires <= now) {
            return Err(Refusal::OutlivedContext(context.identifier.to_string()));
        }
        let messages: Vec<&MessageTerms> = match operation {
            Some(operation) => operation.inputs().collect(),
            None => vec![self.terms.cancel()],
        };
        let demands = messages.iter().map(|message| Demand::of(policy, Direction::Response, message).about(request));
        let keys = Keys {
            credentials: Credentials::at(self.credentials(), now),
            context: context.map(Arc::as_ref),
            shared: None,
            trust: &self.trust,
            passwords: None,
        };
        let opening = self.open_under_any(envelope, demands, keys, Confirm::Nothing, now)?;
        let envelope = &opening.envelope;
        // It may have been encrypted.
        check_unasked(envelope)?;
        check_to(envelope, &self.listens)?;
        // Under any of its alternatives it is the same operation.
        let first = operation.map(|operation| (operation, 0));
        check_operation(&self.callbacks, self.terms.any_request(), envelope, first, opening.action())?;
        if request == Request::Cancel {
            self.check_cancel(envelope, context.map(Arc::as_ref), now)?;
        }
        Ok(opening)
    }

    /// Seals the answer to a Cancel of the service's, which [`Initiator::open_callback`] opened under that context: to where
    /// it says, or else to where requests go.
    ///
    /// # Errors
    ///
    /// [`SealPlain::Unreadable`] where it is no Cancel of that context.
    pub fn seal_cancelled(
        &self,
        cancel: &Opening,
        context: &Arc<Context>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Outbound, SealPlain> {
        let Opening { envelope, .. } = cancel;
        let dialect = self.terms.dialect();
        let correlation = self.check_cancel(envelope, Some(context), now)?;
        let write = |writer: &mut Writer| write_cancelled(writer, dialect, correlation.as_deref());
        let relates_to = envelope.addressing.message_id.as_ref().map(|text| text.value.as_str());
        let to = envelope.addressing.reply_to.as_deref().unwrap_or(&self.to);
        Ok(self.seal_answer(context, relates_to, to, &write, now, random)?)
    }

    /// A Cancel is about the context that it is under. The result is what correlates its answer.
    fn check_cancel(
        &self,
        envelope: &Envelope,
        context: Option<&Context>,
        now: Time,
    ) -> Result<Option<String>, Refusal> {
        let keys = Unwrapping {
            credentials: Credentials::at(self.credentials(), now),
            shared: None,
            context,
            suite: self.terms.bootstrap_suite(),
        };
        check_target(&self.terms, envelope, self.terms.dialect(), &keys)
    }

    /// The operation that a message of the service begins.
    fn callback(&self, envelope: &Envelope) -> Result<&OperationTerms, Refusal> {
        let action = envelope.addressing.action.as_ref().map(|text| text.value.as_str());
        let mut callbacks = self.callbacks.iter();
        callbacks.find(|terms| action == Some(terms.operation.input.action.as_str())).ok_or_else(|| Refusal::Action {
            found: action.unwrap_or_default().to_owned(),
            expected: "one that the contract has the service begin",
        })
    }
}

/// Where nothing in a message protects it, the transport must have: not, as for an answer on the back channel, the one that
/// the request went over.
fn check_transport(binding: &Binding, transport: Transport) -> Result<(), Refusal> {
    match (binding, transport) {
        (Binding::Transport(_), Transport::Clear) => Err(Refusal::UnprotectedTransport),
        (Binding::Transport(binding), Transport::Secure) if binding.client_certificate => {
            Err(Refusal::UnauthenticatedTransport)
        }
        (Binding::Transport(_), Transport::Secure | Transport::Authenticated)
        | (Binding::Symmetric(_) | Binding::Asymmetric(_), _) => Ok(()),
    }
}

/// What the service begins answers nothing.
fn check_unasked(envelope: &Envelope) -> Result<(), Refusal> {
    match envelope.addressing.relates_to {
        Some(_) => Err(Refusal::Addressing { header: "RelatesTo", fault: "is there where nothing was asked" }),
        None => Ok(()),
    }
}

/// Under one key both sides sign: what is for the service, its client does not take.
fn check_to(envelope: &Envelope, addresses: &[String]) -> Result<(), Refusal> {
    match &envelope.addressing.to {
        Some(to) if addresses.contains(&to.value) => Ok(()),
        Some(_) => Err(Refusal::Addressing { header: "To", fault: "is not an address of ours" }),
        None => Err(Refusal::Addressing { header: "To", fault: "is missing" }),
    }
}
