//! The answer to an opened request, sealed under the same keys.

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::random::Random;
use nuncio_policy::model::{Addressing, Binding, Policy, SoapVersion, Token};
use nuncio_xml::Writer;

use crate::addressing::{self, Headers, Replies};
use crate::conversation::Context;
use crate::conversation::issue::uuid;
use crate::demand::{Demand, Direction};
use crate::dialect::{Dialect, TrustVerb};
use crate::envelope::Envelope;
use crate::fault::Fault;
use crate::keys::{Credentials, Fresh, SharedKey};
use crate::message_terms::MessageTerms;
use crate::names::soap;
use crate::plain::{self, content_type};
use crate::received::Request;
use crate::recipient::Opened;
use crate::refusal::Refusal;
use crate::seal::{Content, Outgoing, Protection, Seal, Unsealed, encrypts, seal};
use crate::time::Time;
use crate::translate::{self, Faults};

/// A message to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// Whether it is a fault, which SOAP's HTTP binding sends with status 500.
    pub fault: bool,
    /// The envelope.
    pub body: Vec<u8>,
}

/// What the backend answered.
pub enum Answer {
    /// An envelope.
    Envelope(Vec<u8>),
    /// An envelope that must be a fault, since it came with a status that says so.
    FaultEnvelope(Vec<u8>),
    /// Nothing that can be sent on: this fault stands in for it.
    Fault(Fault),
}

/// A request that was opened, waiting for its answer.
pub struct Reply {
    opened: Opened,
}

impl Reply {
    pub(crate) fn new(opened: Opened) -> Self {
        Self { opened }
    }

    /// Seals what the backend answered. An answer that cannot be read is not sent on: a constant fault is, and the
    /// second value says why, for the log.
    pub fn seal(
        &self,
        answer: Answer,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Message, Option<String>), Unsealed> {
        let (bytes, must_be_fault) = match answer {
            Answer::Fault(fault) => return Ok((self.seal_fault(fault, now, random)?, None)),
            Answer::Envelope(bytes) => (bytes, false),
            Answer::FaultEnvelope(bytes) => (bytes, true),
        };
        let recipient = &self.opened.recipient;
        let trouble = match Envelope::read(bytes, recipient.soap(), Addressing::None, &recipient.settings.limits) {
            Ok(envelope) if envelope.is_fault() || !must_be_fault => {
                return Ok((self.seal_envelope(&envelope, now, random)?, None));
            }
            Ok(_) => "its status says that it is a fault, and it is none".to_owned(),
            Err(refusal) => refusal.to_string(),
        };
        Ok((self.seal_fault(Fault::unavailable(), now, random)?, Some(trouble)))
    }

    /// What the backend answered in that version of SOAP, in the version of the request, and with what of a fault goes on.
    /// It is not sealed yet.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn translate(&self, bytes: Vec<u8>, version: SoapVersion, faults: Faults) -> Result<Vec<u8>, Refusal> {
        let recipient = &self.opened.recipient;
        let envelope = Envelope::read(bytes, version, Addressing::None, &recipient.settings.limits)?;
        let blocks = plain::travelling(&envelope, true);
        Ok(translate::write(&envelope, &blocks, recipient.soap(), faults, None))
    }

    fn seal_fault(&self, fault: Fault, now: Time, random: &mut dyn Random) -> Result<Message, Unsealed> {
        let version = self.opened.recipient.soap();
        let write = |writer: &mut Writer| fault.write(writer, version);
        let action = addressing::namespace(self.opened.terms.addressing()).map(addressing::fault_action);
        self.seal_content(action, &[], Content::Write(&write), true, now, random)
    }

    /// Seals a fault about the conversation itself, under the action by which WCF's client knows it; Metro's looks at the code
    /// alone.
    pub(crate) fn seal_session_fault(
        &self,
        fault: Fault,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Message, Unsealed> {
        let version = self.opened.recipient.soap();
        let write = |writer: &mut Writer| fault.write(writer, version);
        let action = addressing::namespace(self.opened.terms.addressing()).map(|_| addressing::SESSION_FAULT);
        self.seal_content(action, &[], Content::Write(&write), true, now, random)
    }

    fn seal_envelope(&self, envelope: &Envelope, now: Time, random: &mut dyn Random) -> Result<Message, Unsealed> {
        let fault = envelope.is_fault();
        let action = self.response_action(envelope, fault);
        let blocks = envelope.blocks_beside_addressing();
        let content = Content::Copy(&envelope.document, envelope.body);
        self.seal_content(action.as_deref(), &blocks, content, fault, now, random)
    }

    /// Seals a trust response.
    pub(crate) fn seal_trust(
        &self,
        dialect: &Dialect,
        verb: TrustVerb,
        write: &dyn Fn(&mut Writer),
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Message, Unsealed> {
        let action = dialect.response_action(verb);
        self.seal_content(Some(&action), &[], Content::Write(write), false, now, random)
    }

    /// The action of an answer: what the contract says of the response or of the fault; else the pattern that every
    /// stack follows, and for a fault the one that needs no declaration.
    fn response_action(&self, envelope: &Envelope, fault: bool) -> Option<String> {
        let namespace = addressing::namespace(self.opened.terms.addressing())?;
        let operation = self.opened.operation().map(|terms| &terms.operation);
        if fault {
            let declared = operation.and_then(|operation| {
                let name = detail(envelope)?;
                operation.faults.iter().find(|fault| {
                    fault.message.element.as_ref().is_some_and(|(ns, local)| (ns.as_str(), local.as_str()) == name)
                })
            });
            return Some(
                declared.map_or_else(
                    || addressing::fault_action(namespace).to_owned(),
                    |fault| fault.message.action.clone(),
                ),
            );
        }
        match operation.and_then(|operation| operation.output.as_ref()) {
            Some(output) => Some(output.action.clone()),
            None => self.opened.action.as_ref().map(|action| format!("{action}Response")),
        }
    }

    fn seal_content(
        &self,
        action: Option<&str>,
        blocks: &[(&nuncio_xml::Document, nuncio_xml::NodeId)],
        content: Content<'_>,
        fault: bool,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Message, Unsealed> {
        let Opened { recipient, terms, envelope, evidence, request, context, .. } = &self.opened;
        let (policy, message) = self.terms(action, fault);
        let demand = Demand::to_seal(policy, Direction::Response, message);
        let suite = demand.suite();
        // Under an asymmetric binding the answer goes to whoever signed the request.
        let initiator = demand.asymmetric().and(evidence.certificate.as_ref()).filter(|_| encrypts(&demand, &[]));
        let fresh = initiator
            .map(|certificate| Fresh::new(certificate, suite, random))
            .transpose()
            .map_err(|_| Unsealed::Asymmetric)?;
        let protection =
            protection(&demand, context.as_deref(), evidence.shared.as_ref(), fresh.as_ref().zip(initiator))?;
        let version = envelope.soap;
        let addressing = terms.addressing();
        let message_id = message_id(random);
        let relates_to = envelope.addressing.message_id.as_ref().map(|text| text.value.as_str());
        let outgoing = Outgoing {
            soap: version,
            addressing,
            action,
            message_id: (addressing != Addressing::None).then_some(message_id.as_str()),
            relates_to,
            to: self.to(fault),
            reply_to: None,
            blocks,
            content,
        };
        let sealed = seal(
            &outgoing,
            &Seal {
                demand,
                protection,
                signing: demand.asymmetric().and(Credentials::at(&recipient.settings.credentials, now).signing()),
                supporting: Vec::new(),
                confirm: (policy.wss.signature_confirmation && demand.protected)
                    .then_some(evidence.signatures.as_slice()),
                mac: evidence.mac.unwrap_or(suite.mac),
                signature: evidence.signature.unwrap_or(suite.signature),
                lifetime: recipient.settings.message_lifetime,
            },
            now,
            random,
        )?;
        debug_assert_eq!(soap(version), soap(terms.soap), "answers are of the version asked, {request:?}");
        Ok(Message { content_type: content_type(version), fault, body: sealed.octets })
    }

    /// Whom the answer addresses: where the request says, which is another place than the back channel only where the
    /// policy lets it be.
    fn to(&self, fault: bool) -> Option<&str> {
        let Headers { reply_to, fault_to, replies, .. } = &self.opened.envelope.addressing;
        let addressing = self.opened.terms.addressing();
        let elsewhere = fault_to.as_ref().filter(|_| fault).or(reply_to.as_ref()).map(String::as_str);
        // Clients of August 2004 want to be addressed, even on the back channel.
        let always = addressing == Addressing::August2004 || *replies == Replies::Address;
        elsewhere.or_else(|| addressing::namespace(addressing).filter(|_| always).map(addressing::anonymous))
    }

    /// The policy that the answer is under, and what is asked of it.
    fn terms(&self, action: Option<&str>, fault: bool) -> (&Policy, &MessageTerms) {
        let terms = &self.opened.terms;
        match (self.opened.request, terms.bootstrap()) {
            (Request::Issue | Request::Renew, Some(bootstrap)) => bootstrap,
            (Request::Cancel, _) => (&terms.policy, terms.cancel()),
            _ => {
                let operation = self.opened.operation();
                let messages = match action {
                    Some(action) if fault => terms.faults(operation, self.opened.way, action),
                    _ => terms.outputs(operation, self.opened.way),
                };
                // Whoever asks takes any of them.
                (&terms.policy, messages.first().unwrap_or(terms.any_response()))
            }
        }
    }

    /// The request that it answers.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }
}

/// The id of a new message.
pub(crate) fn message_id(random: &mut dyn Random) -> String {
    let mut octets = [0; 16];
    random.fill(&mut octets);
    format!("urn:uuid:{}", uuid(octets))
}

/// The key that protects what a service sends: that of the context, of the request that it answers, or a new one for the
/// client's certificate.
pub(crate) fn protection<'a>(
    demand: &Demand<'_>,
    context: Option<&'a Context>,
    answered: Option<&'a SharedKey>,
    fresh: Option<(&'a Fresh, &'a Certificate)>,
) -> Result<Protection<'a>, Unsealed> {
    Ok(match (&demand.policy.binding, fresh) {
        _ if !demand.protected => Protection::None,
        (Binding::Asymmetric(_), Some((Fresh { shared, wrapped }, certificate))) => {
            Protection::Fresh { certificate, shared, wrapped }
        }
        (Binding::Asymmetric(_), None) if encrypts(demand, &[]) => {
            return Err(Unsealed::TokenMissing("the initiator's certificate"));
        }
        (Binding::Transport(_) | Binding::Asymmetric(_), _) => Protection::None,
        (Binding::Symmetric(binding), _) => match &binding.protection {
            Token::SecureConversation(token) => Protection::Context {
                context: context.ok_or(Unsealed::TokenMissing("a security context"))?,
                include: token.include.to_initiator(),
            },
            Token::X509(_) | Token::Username(_) => {
                Protection::Answer(answered.ok_or(Unsealed::TokenMissing("an encrypted key"))?)
            }
        },
    })
}

/// The expanded name of what a fault's detail holds.
fn detail(envelope: &Envelope) -> Option<(&str, &str)> {
    let document = &envelope.document;
    let fault = envelope.payload()?;
    let detail = document.elements(fault).find(|&child| match envelope.soap {
        SoapVersion::V11 => document.is(child, "", "detail"),
        SoapVersion::V12 => document.is(child, soap(envelope.soap), "Detail"),
    })?;
    let name = document.name(document.elements(detail).next()?);
    Some((name.namespace, name.local))
}
