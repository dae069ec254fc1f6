//! The initiator's side: contexts asked for, requests sealed, answers opened.

use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::derive;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::transport;
use nuncio_crypto::trust::Trust;
use nuncio_policy::model::{Addressing, Operation, Parts, Policy, SoapVersion, Token};
use nuncio_xml::Writer;

use crate::addressing;
use crate::conversation::issue::{hex, uuid};
use crate::conversation::{Context, Principal};
use crate::demand::{Demand, Direction};
use crate::dialect::{Dialect, TrustVerb};
use crate::envelope::Envelope;
use crate::fault;
use crate::keys::{Credential, Keys, SharedKey};
use crate::limits::Limits;
use crate::open;
use crate::plain::{self, Plain, content_type};
use crate::received::{HttpFacts, Request};
use crate::recipient::Opened;
use crate::refusal::Refusal;
use crate::seal::{Content, Outgoing, Protection, Seal, Unsealed, seal};
use crate::terms::{NotBuilt, Terms};
use crate::time::Time;
use crate::timestamp::Freshness;
use crate::trust::request::{TokenRequest, write_cancel, write_issue};
use crate::trust::response::{Proof, TokenResponse, read_cancelled};

/// What an initiator is made of.
pub struct Settings {
    /// The policy: one alternative.
    pub policy: Policy,
    /// The version of SOAP.
    pub soap: SoapVersion,
    /// The operations of the contract; none where it is not known.
    pub operations: Vec<Operation>,
    /// The service's certificate, under which keys are wrapped.
    pub service: Option<Certificate>,
    /// The user name and password that requests bring.
    pub username: Option<(String, String)>,
    /// The certificate and key that endorse requests.
    pub credential: Option<Credential>,
    /// The address of the service.
    pub to: String,
    /// How old an answer may be.
    pub freshness: Freshness,
    /// How long requests are good for.
    pub message_lifetime: Duration,
    /// How much an answer may hold.
    pub limits: Limits,
}

/// The initiator of one port's messages. Immutable; shared between tasks.
pub struct Initiator {
    terms: Terms,
    service: Option<Certificate>,
    username: Option<(String, String)>,
    credential: Option<Credential>,
    to: String,
    freshness: Freshness,
    message_lifetime: Duration,
    limits: Limits,
    nobody: Trust,
}

/// A request to be sent.
pub struct Outbound {
    /// The `Content-Type`.
    pub content_type: String,
    /// The `SOAPAction` of SOAP 1.1, quoted.
    pub soap_action: Option<String>,
    /// The envelope.
    pub body: Vec<u8>,
}

/// What an initiator remembers of a request, to open its answer.
pub struct Expectation {
    request: Request,
    action: Option<String>,
    message_id: Option<String>,
    signatures: Vec<Vec<u8>>,
    shared: Option<SharedKey>,
    context: Option<Arc<Context>>,
    entropy: Option<Secret>,
    key_size: usize,
}

/// An answer that was opened.
pub struct Opening {
    envelope: Envelope,
    once: Option<open::Once>,
}

/// What an initiator asks the service for.
enum Asking<'a> {
    Issue { entropy: Option<(String, Secret)>, octets: usize },
    Cancel(&'a Context),
    Application { action: &'a str, content: Content<'a>, blocks: &'a [(&'a nuncio_xml::Document, nuncio_xml::NodeId)] },
}

impl Initiator {
    /// Compiles the settings.
    pub fn new(settings: Settings) -> Result<Self, NotBuilt> {
        Ok(Self {
            terms: Terms::new(settings.policy, settings.soap, settings.operations)?,
            service: settings.service,
            username: settings.username,
            credential: settings.credential,
            to: settings.to,
            freshness: settings.freshness,
            message_lifetime: settings.message_lifetime,
            limits: settings.limits,
            nobody: Trust::nobody(),
        })
    }

    /// Asks for a security context.
    pub fn issue(&self, now: Time, random: &mut dyn Random) -> Result<(Outbound, Expectation), Unsealed> {
        let octets = crate::demand::suite(&self.terms.policy).key;
        let client = self.terms.policy.trust.as_ref().is_none_or(|trust| trust.client_entropy);
        let entropy = client.then(|| {
            let mut entropy = vec![0; octets];
            random.fill(&mut entropy);
            let mut tag = [0; 6];
            random.fill(&mut tag);
            (format!("_{}", hex(&tag)), Secret::new(entropy))
        });
        self.ask(Asking::Issue { entropy, octets }, None, now, random)
    }

    /// Asks for the end of a security context.
    pub fn cancel(
        &self,
        context: &Arc<Context>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), Unsealed> {
        self.ask(Asking::Cancel(context), Some(context), now, random)
    }

    /// Seals a plain request: the content of its body, and its header blocks, under that action.
    ///
    /// # Errors
    ///
    /// [`Request::Refused`](SealPlain::Unreadable) where the plain request is no envelope of the port's SOAP version.
    pub fn seal(
        &self,
        plain: Vec<u8>,
        action: &str,
        context: Option<&Arc<Context>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), SealPlain> {
        let envelope = Envelope::read(plain, self.terms.soap, Addressing::None, &self.limits)?;
        let document = &envelope.document;
        let blocks: Vec<_> = envelope
            .blocks
            .iter()
            .filter(|&&block| !addressing::is_addressing(document.name(block).namespace))
            .map(|&block| (document, block))
            .collect();
        let content = Content::Copy(document, envelope.body);
        Ok(self.ask(Asking::Application { action, content, blocks: &blocks }, context, now, random)?)
    }

    fn ask(
        &self,
        asking: Asking<'_>,
        context: Option<&Arc<Context>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), Unsealed> {
        let dialect = self.terms.dialect();
        let (request, action) = match &asking {
            Asking::Issue { .. } => (Request::Issue, dialect.request_action(TrustVerb::Issue)),
            Asking::Cancel(_) => (Request::Cancel, dialect.request_action(TrustVerb::Cancel)),
            Asking::Application { action, .. } => (Request::Application, (*action).to_owned()),
        };
        let (policy, parts) = self.request_terms(request, &action);
        let demand = Demand { policy, direction: Direction::Request, parts, derive: request != Request::Cancel };
        let fresh = self.fresh_key(&demand, random)?;
        let protection = match demand.symmetric().map(|binding| &binding.protection) {
            None => Protection::Transport,
            Some(Token::SecureConversation(token)) => Protection::Context {
                context: context.ok_or(Unsealed::TokenMissing("a security context"))?,
                include: token.include.to_recipient(),
            },
            Some(Token::X509(_) | Token::Username(_)) => match (&fresh, &self.service) {
                (Some((shared, wrapped)), Some(certificate)) => Protection::Fresh { certificate, shared, wrapped },
                _ => return Err(Unsealed::TokenMissing("a service certificate")),
            },
        };
        let (mut username, mut endorsing, mut endorsing_context) = (None, None, None);
        for token in demand.supporting() {
            match &token.token {
                Token::Username(_) => {
                    let (name, password) =
                        self.username.as_ref().ok_or(Unsealed::TokenMissing("a user name and password"))?;
                    username = Some((name.as_str(), password.as_str()));
                }
                Token::X509(_) => {
                    endorsing = Some(self.credential.as_ref().ok_or(Unsealed::TokenMissing("a client certificate"))?);
                }
                Token::SecureConversation(_) => {
                    endorsing_context =
                        Some(context.map(Arc::as_ref).ok_or(Unsealed::TokenMissing("a security context"))?);
                }
            }
        }
        let mut octets = [0; 16];
        random.fill(&mut octets);
        let message_id = format!("urn:uuid:{}", uuid(octets));
        let one_way = request == Request::Application
            && self.terms.operation(Some(&action), None).is_some_and(|terms| terms.operation.output.is_none());
        let no_blocks: &[(&nuncio_xml::Document, nuncio_xml::NodeId)] = &[];
        let write_request = |writer: &mut Writer| match &asking {
            Asking::Issue { entropy, octets } => {
                let entropy = entropy.as_ref().map(|(id, secret)| (id.as_str(), secret));
                write_issue(writer, dialect, entropy, *octets);
            }
            Asking::Cancel(context) => {
                write_cancel(writer, dialect, &context.identifier, context.instance.as_deref());
            }
            Asking::Application { .. } => {}
        };
        let (content, blocks) = match &asking {
            Asking::Application { content: Content::Copy(document, body), blocks, .. } => {
                (Content::Copy(document, *body), *blocks)
            }
            _ => (Content::Write(&write_request), no_blocks),
        };
        let addressing = self.terms.addressing();
        let outgoing = Outgoing {
            soap: self.terms.soap,
            addressing,
            action: Some(&action),
            message_id: (!one_way).then_some(message_id.as_str()),
            relates_to: None,
            to: Some(&self.to),
            reply_to: !one_way,
            blocks,
            content,
        };
        let suite = demand.suite();
        let sealed = seal(
            &outgoing,
            &Seal {
                demand,
                protection,
                username,
                endorsing,
                endorsing_context,
                confirm: None,
                mac: suite.mac,
                signature: suite.signature,
                lifetime: self.message_lifetime,
            },
            now,
            random,
        )?;
        let (entropy, key_size) = match asking {
            Asking::Issue { entropy, octets } => (entropy.map(|(_, secret)| secret), octets),
            _ => (None, suite.key),
        };
        let mut content_type = content_type(self.terms.soap).to_owned();
        let mut soap_action = None;
        match (self.terms.soap, addressing) {
            (SoapVersion::V11, _) => soap_action = Some(format!("\"{action}\"")),
            (SoapVersion::V12, Addressing::None) => content_type.push_str(&format!("; action=\"{action}\"")),
            (SoapVersion::V12, _) => {}
        }
        let expectation = Expectation {
            request,
            action: Some(action),
            message_id: (!one_way && addressing != Addressing::None).then_some(message_id),
            signatures: sealed.signatures,
            shared: fresh.map(|(shared, _)| shared),
            context: context.cloned(),
            entropy,
            key_size,
        };
        Ok((Outbound { content_type, soap_action, body: sealed.octets }, expectation))
    }

    /// A new key wrapped for the service, where the policy's protection token is its certificate.
    fn fresh_key(
        &self,
        demand: &Demand<'_>,
        random: &mut dyn Random,
    ) -> Result<Option<(SharedKey, Vec<u8>)>, Unsealed> {
        if !matches!(demand.symmetric().map(|binding| &binding.protection), Some(Token::X509(_))) {
            return Ok(None);
        }
        let service = self.service.as_ref().ok_or(Unsealed::TokenMissing("a service certificate"))?;
        let suite = demand.suite();
        let mut octets = vec![0; suite.key];
        random.fill(&mut octets);
        let secret = Secret::new(octets);
        let wrapped = transport::wrap(service.public_key(), suite.transport, &secret, random)
            .map_err(|_| Unsealed::Asymmetric)?;
        Ok(Some((SharedKey::new(secret, &wrapped), wrapped)))
    }

    fn request_terms(&self, request: Request, action: &str) -> (&Policy, &Parts) {
        match (request, self.terms.conversation()) {
            (Request::Issue | Request::Renew, Some(token)) => (&token.bootstrap, &token.bootstrap.parts),
            (Request::Cancel, _) => (&self.terms.policy, self.terms.cancel()),
            _ => {
                let operation = self.terms.operation(Some(action), None);
                (&self.terms.policy, self.terms.input(operation).unwrap_or(&self.terms.policy.parts))
            }
        }
    }

    /// Opens the answer to a request.
    pub fn open(
        &self,
        http: &HttpFacts<'_>,
        body: Vec<u8>,
        expectation: &Expectation,
        now: Time,
    ) -> Result<Opening, Refusal> {
        if http.soap() != Some(self.terms.soap) {
            return Err(Refusal::Envelope("is of another version of SOAP than the request"));
        }
        let envelope = Envelope::read(body, self.terms.soap, self.terms.addressing(), &self.limits)?;
        if envelope.security.is_none() && envelope.is_fault() {
            return Err(Refusal::UnsecuredFault(fault::reason(&envelope)));
        }
        let (policy, parts) = self.response_terms(&envelope, expectation)?;
        if let (Some(relates), Some(sent)) = (&envelope.addressing.relates_to, &expectation.message_id) {
            if relates.value != *sent {
                return Err(Refusal::Addressing { header: "RelatesTo", fault: "names another message" });
            }
        }
        let derive = expectation.request != Request::Cancel;
        let demand = Demand { policy, direction: Direction::Response, parts, derive };
        let keys = Keys {
            credentials: &[],
            context: expectation.context.as_deref(),
            shared: expectation.shared.as_ref(),
            trust: &self.nobody,
        };
        let confirm = policy.wss.signature_confirmation.then_some(expectation.signatures.as_slice());
        let (envelope, evidence) = open::open(envelope, demand, keys, confirm, &self.freshness, now, &self.limits)?;
        Ok(Opening { envelope, once: evidence.once })
    }

    /// The policy and parts of an answer; its action must be one that the request may have.
    fn response_terms(&self, envelope: &Envelope, expectation: &Expectation) -> Result<(&Policy, &Parts), Refusal> {
        let (policy, parts, verb) = match (expectation.request, self.terms.conversation()) {
            (Request::Issue, Some(token)) => (&*token.bootstrap, &token.bootstrap.parts, Some(TrustVerb::Issue)),
            (Request::Renew, Some(token)) => (&*token.bootstrap, &token.bootstrap.parts, Some(TrustVerb::Renew)),
            (Request::Cancel, _) => (&self.terms.policy, self.terms.cancel(), Some(TrustVerb::Cancel)),
            _ => (&self.terms.policy, &self.terms.policy.parts, None),
        };
        let action = envelope.addressing.action.as_ref().map(|text| text.value.as_str());
        let found = || action.unwrap_or_default().to_owned();
        if addressing::namespace(self.terms.addressing()).is_some() && action.is_none() {
            return Err(Refusal::Action { found: found(), expected: "one at all" });
        }
        if let Some(verb) = verb {
            let expected = self.terms.dialect().response_action(verb);
            return if action == Some(&expected) || action.is_some_and(addressing::is_fault_action) {
                Ok((policy, parts))
            } else {
                Err(Refusal::Action { found: found(), expected: "the answer to the trust request" })
            };
        }
        let operation = self.terms.operation(expectation.action.as_deref(), None);
        // The body may be encrypted: whether it is a fault, the action must say.
        if let Some(action) = action
            && (addressing::is_fault_action(action) || self.terms.is_fault(operation, action))
        {
            return Ok((policy, self.terms.fault(operation, action)));
        }
        let expected = operation.and_then(|terms| terms.operation.output.as_ref()).map(|output| output.action.as_str());
        match (expected, action) {
            (Some(expected), Some(action)) if expected != action => {
                Err(Refusal::Action { found: action.to_owned(), expected: "the answer to the request" })
            }
            _ => Ok((policy, self.terms.output(operation))),
        }
    }

    /// The security context that an answer establishes.
    pub fn established(&self, opening: &Opening, expectation: &Expectation, now: Time) -> Result<Context, Refusal> {
        let dialect = self.terms.dialect();
        let Opening { envelope, .. } = opening;
        let document = &envelope.document;
        let response = TokenResponse::read(document, envelope.payload(), dialect)?;
        let octets = response.key_size.unwrap_or(expectation.key_size);
        let suite = crate::demand::suite(&self.terms.policy);
        if !(suite.minimum_key..=suite.maximum_key).contains(&octets) {
            return Err(Refusal::TrustResponse("gives a key of another size than the suite's"));
        }
        let secret = agreed_key(&response, expectation, octets)?;
        if secret.len() != octets {
            return Err(Refusal::TrustResponse("gives a key of another size than it says"));
        }
        let (created, expires) = response.lifetime.unwrap_or((now, Time::from_millis(i64::MAX)));
        if expires <= now || expires <= created {
            return Err(Refusal::TrustResponse("issues a context that has expired"));
        }
        let id = document.id(response.node).ok_or(Refusal::TrustResponse("issues a token without an id"))?.into_owned();
        let mut writer = Writer::new();
        writer.apex();
        writer.copy(document, response.node);
        Ok(Context {
            conversation: response.token.identifier.clone(),
            identifier: response.token.identifier,
            instance: response.token.instance,
            dialect,
            principal: Principal::Anonymous,
            created,
            expires,
            secret,
            carried: Some(crate::conversation::Carried { id, octets: writer.into_bytes() }),
        })
    }

    /// Whether an answer says that the context was cancelled.
    pub fn cancelled(&self, opening: &Opening) -> Result<(), Refusal> {
        read_cancelled(&opening.envelope.document, opening.envelope.payload(), self.terms.dialect())
    }
}

/// The key that both sides agreed on: nothing else than what was asked for.
fn agreed_key(response: &TokenResponse, expectation: &Expectation, octets: usize) -> Result<Secret, Refusal> {
    match (&response.proof, &expectation.entropy, &response.entropy) {
        (Proof::Computed, Some(ours), Some(theirs)) => derive::computed_key(ours.expose(), theirs.expose(), octets)
            .map_err(|_| Refusal::TrustResponse("gives too long a key")),
        (Proof::Computed, _, _) => Err(Refusal::TrustResponse("computes a key without the entropy for it")),
        (Proof::Given(secret), None, None) => Ok(secret.clone()),
        (Proof::Given(_), _, _) => Err(Refusal::TrustResponse("gives a key where entropy was sent")),
        (Proof::Own, Some(ours), None) => Ok(ours.clone()),
        (Proof::Own, _, _) => Err(Refusal::TrustResponse("gives no key")),
    }
}

/// Why a plain request could not be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealPlain {
    /// It is no envelope of the port's SOAP version.
    #[error("the plain request: {0}")]
    Unreadable(#[from] Refusal),
    /// It could not be sealed.
    #[error(transparent)]
    Unsealed(#[from] Unsealed),
}

impl Opening {
    /// Whether it is a fault.
    pub fn is_fault(&self) -> bool {
        self.envelope.is_fault()
    }

    /// The action that it names.
    pub fn action(&self) -> Option<&str> {
        self.envelope.addressing.action.as_ref().map(|text| text.value.as_str())
    }

    /// The answer without security, as a plain client gets it.
    pub fn plain(&self) -> Plain {
        plain::write(&self.envelope, false, None)
    }

    /// What is to be claimed against replays; `None` where nothing in it is unique.
    pub fn once(&self) -> Option<open::Once> {
        self.once
    }
}

impl Expectation {
    /// What was asked for.
    pub fn request(&self) -> Request {
        self.request
    }

    /// What the sender of an opened request remembers.
    pub(crate) fn of(opened: &Opened) -> Result<Self, Refusal> {
        let terms = &opened.recipient.terms;
        let envelope = &opened.envelope;
        let suite = crate::demand::suite(&terms.policy);
        let (entropy, key_size) = match opened.request {
            Request::Issue => {
                let dialect: &Dialect = terms.dialect();
                let request = TokenRequest::read(&envelope.document, envelope.payload(), dialect, TrustVerb::Issue)?;
                (request.entropy, request.key_size.unwrap_or(suite.key))
            }
            _ => (None, suite.key),
        };
        Ok(Self {
            request: opened.request,
            action: opened.action.clone(),
            message_id: envelope.addressing.message_id.as_ref().map(|text| text.value.clone()),
            signatures: opened.evidence.signatures.clone(),
            shared: opened.evidence.shared.clone(),
            context: opened.context.clone(),
            entropy,
            key_size,
        })
    }
}
