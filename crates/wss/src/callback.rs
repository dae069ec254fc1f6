//! What a service begins, where each direction is a channel of its own (`CompositeDuplex`): the mirror of
//! `initiator/arrived.rs`.
//!
//! A client is called under the context that it has, or its certificate, at the address that it asked to be answered at. That
//! address is text, which was signed: who connects to it is the caller's to decide.

use std::sync::Arc;

use nuncio_crypto::algorithm::{MacAlgorithm, SignatureAlgorithm};
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::random::Random;
use nuncio_policy::model::{Addressing, Operation};
use nuncio_xml::{Document, NodeId, Writer};

use crate::addressing::Replies;
use crate::conversation::Context;
use crate::demand::{Demand, Direction};
use crate::dialect::TrustVerb;
use crate::envelope::Envelope;
use crate::initiator::{Outbound, SealPlain};
use crate::keys::{Credentials, Fresh};
use crate::message_terms::MessageTerms;
use crate::operation_terms::OperationTerms;
use crate::recipient::{Opened, Recipient};
use crate::refusal::Refusal;
use crate::reply::{message_id, protection};
use crate::seal::{Content, Outgoing, Seal, Unsealed, encrypts, seal};
use crate::terms::{NotBuilt, Terms};
use crate::time::Time;
use crate::trust::request::write_cancel;

/// The operations that a service begins, whose `input` is what it sends.
pub struct Callbacks {
    recipient: Arc<Recipient>,
    /// Under each alternative of the policy that has a channel from the service to its clients.
    compiled: Vec<(Arc<Terms>, Vec<OperationTerms>)>,
}

/// The way from a service to one of its clients.
pub struct Channel {
    terms: Arc<Terms>,
    address: String,
    /// Where the client reaches the service.
    own: Option<String>,
    context: Option<Arc<Context>>,
    certificate: Option<Certificate>,
    /// The signature algorithms that the client uses, where the suite leaves a choice.
    mac: Option<MacAlgorithm>,
    signature: Option<SignatureAlgorithm>,
}

impl Opened {
    /// The way to whoever sent it; `None` where it asks to be answered on the back channel.
    pub fn channel(&self) -> Option<Channel> {
        Some(Channel {
            terms: Arc::clone(&self.terms),
            address: self.reply_to()?.to_owned(),
            own: self.envelope.addressing.to.as_ref().map(|text| text.value.clone()),
            context: self.context.clone(),
            certificate: self.evidence.certificate.clone(),
            mac: self.evidence.mac,
            signature: self.evidence.signature,
        })
    }
}

impl Channel {
    /// The address that the client listens at.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// A message before it is sealed.
struct Begun<'a> {
    action: &'a str,
    blocks: &'a [(&'a Document, NodeId)],
    content: Content<'a>,
    /// Its id, of a message that is answered.
    message_id: Option<&'a str>,
    reply_to: Option<&'a str>,
}

impl Callbacks {
    /// Compiles what the service begins.
    ///
    /// # Errors
    ///
    /// [`NotBuilt`] where no alternative of the policy has a channel from the service to its clients, or asks of a callback
    /// what is not built.
    pub fn new(recipient: &Arc<Recipient>, operations: &[Operation]) -> Result<Self, NotBuilt> {
        let duplex = recipient.terms().filter(|terms| terms.replies() == Replies::Address);
        let compile = |terms: &Arc<Terms>| Ok((Arc::clone(terms), terms.callbacks(operations.to_vec())?));
        let compiled = duplex.map(compile).collect::<Result<Vec<_>, NotBuilt>>()?;
        if compiled.is_empty() {
            return Err(NotBuilt("a callback under a policy without CompositeDuplex"));
        }
        Ok(Self { recipient: Arc::clone(recipient), compiled })
    }

    /// Seals a plain message that the service begins, under that action.
    ///
    /// # Errors
    ///
    /// [`SealPlain::Unreadable`] where it is no envelope of the port's SOAP version, or the contract has no such callback.
    pub fn seal(
        &self,
        channel: &Channel,
        plain: Vec<u8>,
        action: &str,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Outbound, SealPlain> {
        let limits = &self.recipient.settings.limits;
        let envelope = Envelope::read(plain, channel.terms.soap, Addressing::None, limits)?;
        let callback = self.callback(channel, action).ok_or_else(|| Refusal::Action {
            found: action.to_owned(),
            expected: "one that the contract has the service begin",
        })?;
        let message = callback.input(0).unwrap_or(channel.terms.any_request());
        let id = callback.operation.output.as_ref().map(|_| message_id(random));
        let begun = Begun {
            action,
            blocks: &envelope.blocks_beside_addressing(),
            content: Content::Copy(&envelope.document, envelope.body),
            message_id: id.as_deref(),
            reply_to: channel.own.as_deref().filter(|_| id.is_some()),
        };
        Ok(self.begin(channel, message, begun, now, random)?)
    }

    /// Seals the end of the client's context. Its answer is opened by [`Recipient::open_cancelled`], and names the id
    /// that comes with the message here ([`Opened::relates_to`]).
    pub fn cancel(
        &self,
        channel: &Channel,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, String), Unsealed> {
        let context = channel.context.as_deref().ok_or(Unsealed::TokenMissing("a security context"))?;
        let dialect = channel.terms.dialect();
        let id = message_id(random);
        let write = |writer: &mut Writer| {
            write_cancel(writer, dialect, &context.identifier, context.instance());
        };
        let begun = Begun {
            action: &dialect.request_action(TrustVerb::Cancel),
            blocks: &[],
            content: Content::Write(&write),
            message_id: Some(&id),
            // WCF's has none: its client answers where it sends its requests.
            reply_to: None,
        };
        let outbound = self.begin(channel, channel.terms.cancel(), begun, now, random)?;
        Ok((outbound, id))
    }

    fn callback(&self, channel: &Channel, action: &str) -> Option<&OperationTerms> {
        let (_, callbacks) = self.compiled.iter().find(|(terms, _)| Arc::ptr_eq(terms, &channel.terms))?;
        callbacks.iter().find(|terms| terms.operation.input.action == action)
    }

    fn begin(
        &self,
        channel: &Channel,
        message: &MessageTerms,
        begun: Begun<'_>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Outbound, Unsealed> {
        let Channel { terms, context, .. } = channel;
        let settings = &self.recipient.settings;
        let demand = Demand::to_seal(&terms.policy, Direction::Response, message);
        let suite = demand.suite();
        let initiator = demand.asymmetric().and(channel.certificate.as_ref()).filter(|_| encrypts(&demand, &[]));
        let fresh = initiator
            .map(|certificate| Fresh::new(certificate, suite, random))
            .transpose()
            .map_err(|_| Unsealed::Asymmetric)?;
        let outgoing = Outgoing {
            soap: terms.soap,
            addressing: terms.addressing(),
            action: Some(begun.action),
            message_id: begun.message_id,
            relates_to: None,
            to: Some(&channel.address),
            reply_to: begun.reply_to,
            blocks: begun.blocks,
            content: begun.content,
        };
        let sealing = Seal {
            demand,
            protection: protection(&demand, context.as_deref(), None, fresh.as_ref().zip(initiator))?,
            signing: demand.asymmetric().and(Credentials::at(&settings.credentials, now).signing()),
            supporting: Vec::new(),
            confirm: None,
            mac: channel.mac.unwrap_or(suite.mac),
            signature: channel.signature.unwrap_or(suite.signature),
            lifetime: settings.message_lifetime,
        };
        let sealed = seal(&outgoing, &sealing, now, random)?;
        Ok(Outbound::new(terms.soap, begun.action, sealed.octets))
    }
}
