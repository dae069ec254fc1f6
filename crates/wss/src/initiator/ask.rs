//! A request made and sealed.

use std::sync::Arc;

use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{
    Addressing, Binding, DerivedKeys, PasswordKind, Policy, SoapVersion, SupportingToken, SymmetricBinding, Token,
};
use nuncio_xml::{Document, NodeId, Writer};

use super::tokens::has_every;
use super::{Expectation, Initiator, Outbound, PolicyReading};
use crate::addressing;
use crate::conversation::Context;
use crate::demand::{Demand, Direction};
use crate::dialect::TrustVerb;
use crate::keys::Fresh;
use crate::message_terms::MessageTerms;
use crate::operation_terms::OperationTerms;
use crate::received::Request;
use crate::reply::message_id;
use crate::seal::{Brought, Content, Outgoing, Protection, Seal, Supporting, Unsealed, encrypts, seal};
use crate::time::Time;
use crate::trust::request::{write_cancel, write_key_request};
use crate::trust::secret::Written;

/// Entropy that is asked with.
pub(super) struct Entropy {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) written: Written,
}

/// What an initiator asks the service for.
pub(super) enum Asking<'a> {
    /// A security context, or another key for that one: the entropy, and the octets of key.
    Key { renewed: Option<&'a Context>, entropy: Option<Entropy>, octets: usize },
    /// The end of a security context.
    Cancel(&'a Context),
    /// Something of the application.
    Application { action: &'a str, body: Content<'a>, blocks: &'a [(&'a Document, NodeId)] },
}

impl Initiator {
    /// Seals a request and remembers what opens its answer.
    pub(super) fn ask(
        &self,
        asking: &Asking<'_>,
        context: Option<&Arc<Context>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), Unsealed> {
        let dialect = self.terms.dialect();
        let (request, action) = match asking {
            Asking::Key { renewed: None, .. } => (Request::Issue, dialect.request_action(TrustVerb::Issue)),
            Asking::Key { renewed: Some(_), .. } => (Request::Renew, dialect.request_action(TrustVerb::Renew)),
            Asking::Cancel(_) => (Request::Cancel, dialect.request_action(TrustVerb::Cancel)),
            Asking::Application { action, .. } => (Request::Application, (*action).to_owned()),
        };
        let terms = if request == Request::Cancel { self.cancelling() } else { &self.terms };
        let (policy, message, way) = self.request_terms(request, &action);
        // Keys need not be derived for a Cancel. WCF's clients derive one as for any other request, CXF's do not.
        let plainly = request == Request::Cancel && self.reading == PolicyReading::Wcf;
        let demand = Demand::to_seal(policy, Direction::Request, message);
        let demand = if plainly { demand } else { demand.about(request) };
        let supporting = self.supporting(&demand, context)?;
        let fresh = self.fresh_key(&demand, encrypts(&demand, &supporting), random)?;
        let protection = self.protection(&demand, context, fresh.as_ref())?;

        let message_id = message_id(random);
        let one_way = request == Request::Application
            && self.terms.operation(Some(&action), None).is_some_and(|terms| terms.operation.output.is_none());
        let write = |writer: &mut Writer| match asking {
            Asking::Key { renewed, entropy, octets } => {
                let renewed = renewed.map(|context| (&*context.identifier, context.instance()));
                let entropy = entropy.as_ref().map(|entropy| (entropy.id.as_str(), &entropy.written));
                write_key_request(writer, dialect, renewed, entropy, *octets);
            }
            Asking::Cancel(context) => {
                write_cancel(writer, dialect, &context.identifier, context.instance());
            }
            Asking::Application { .. } => {}
        };
        let (body, blocks) = match asking {
            Asking::Application { body: Content::Copy(document, body), blocks, .. } => {
                (Content::Copy(document, *body), *blocks)
            }
            _ => (Content::Write(&write), &[][..]),
        };
        let addressing = self.terms.addressing();
        let back = addressing::namespace(addressing).map(addressing::anonymous);
        let reply_to = self.listens.first().map(String::as_str).or(back);
        let outgoing = Outgoing {
            soap: self.terms.soap,
            addressing,
            action: Some(&action),
            message_id: (!one_way).then_some(message_id.as_str()),
            relates_to: None,
            to: Some(&self.to),
            reply_to: reply_to.filter(|_| !one_way),
            blocks,
            content: body,
        };
        let suite = demand.suite();
        let sealed = seal(&outgoing, &self.sealing(demand, protection, supporting), now, random)?;
        let (entropy, key_size) = match asking {
            Asking::Key { entropy, octets, .. } => (entropy.as_ref().map(|entropy| entropy.secret.clone()), *octets),
            _ => (None, suite.key),
        };
        // The header of SOAP 1.1 has the action of the binding, where the contract has another for the message.
        let told =
            self.terms.operation(Some(&action), None).and_then(|terms| terms.operation.input.soap_action.as_ref());
        let told =
            told.filter(|_| request == Request::Application && self.terms.soap == SoapVersion::V11).unwrap_or(&action);
        let outbound = Outbound::new(self.terms.soap, told, sealed.octets);
        let expectation = Expectation {
            terms: Arc::clone(terms),
            request,
            action: Some(action),
            way,
            message_id: (!one_way && addressing != Addressing::None).then_some(message_id),
            signatures: sealed.signatures,
            shared: fresh.map(|fresh| fresh.shared),
            context: context.cloned(),
            entropy,
            key_size,
            addresses: self.listens.first().cloned().into_iter().collect(),
        };
        Ok((outbound, expectation))
    }

    /// Seals what was not asked for and is not answered: that a context is cancelled, since its service said so.
    pub(super) fn seal_answer(
        &self,
        context: &Arc<Context>,
        relates_to: Option<&str>,
        to: &str,
        write: &dyn Fn(&mut Writer),
        now: Time,
        random: &mut dyn Random,
    ) -> Result<Outbound, Unsealed> {
        let action = self.terms.dialect().response_action(TrustVerb::Cancel);
        let demand = Demand::to_seal(&self.terms.policy, Direction::Request, self.terms.cancel());
        let outgoing = Outgoing {
            soap: self.terms.soap,
            addressing: self.terms.addressing(),
            action: Some(&action),
            message_id: None,
            relates_to,
            to: Some(to),
            reply_to: None,
            blocks: &[],
            content: Content::Write(write),
        };
        let protection = self.protection(&demand, Some(context), None)?;
        let supporting = self.supporting(&demand, Some(context))?;
        let sealed = seal(&outgoing, &self.sealing(demand, protection, supporting), now, random)?;
        Ok(Outbound::new(self.terms.soap, &action, sealed.octets))
    }

    /// With what a message is sealed, beside its content.
    fn sealing<'a>(
        &'a self,
        demand: Demand<'a>,
        protection: Protection<'a>,
        supporting: Vec<Supporting<'a>>,
    ) -> Seal<'a> {
        let suite = demand.suite();
        let letter = self.reading == PolicyReading::Letter;
        Seal {
            demand,
            protection,
            signing: demand.asymmetric().and(self.credential.as_deref()),
            supporting,
            confirm: None,
            mac: letter.then_some(suite.also_mac).flatten().unwrap_or(suite.mac),
            signature: letter.then_some(suite.also_signature).flatten().unwrap_or(suite.signature),
            lifetime: self.message_lifetime,
        }
    }

    /// Whether its user name goes to the service with such a request, of application with those of that action, and its password,
    /// or a signature by a key of that. An answer to another request proves nothing of the two.
    pub fn brings_password(&self, request: Request, action: &str) -> bool {
        let (policy, message, _) = self.request_terms(request, action);
        let demand = Demand::to_seal(policy, Direction::Request, message);
        let brings = |demanded: &SupportingToken| match &demanded.token {
            Token::Username(token) => demanded.endorsing || token.password != PasswordKind::None,
            Token::X509(_) | Token::SecureConversation(_) => false,
        };
        self.username.is_some() && demand.supporting.iter().any(brings)
    }

    /// Whether its password goes to the service with what begins a conversation, or with any of its requests.
    pub fn brings_password_at_all(&self) -> bool {
        let begins = self.conversation().is_some() && self.brings_password(Request::Issue, "");
        let actions = self.terms.operations().iter().map(|terms| terms.operation.input.action.as_str());
        begins || actions.chain([""]).any(|action| self.brings_password(Request::Application, action))
    }

    /// Whether a request of that action is protected: else the service takes it from anybody.
    pub fn protects(&self, action: &str) -> bool {
        let (policy, message, _) = self.request_terms(Request::Application, action);
        Demand::to_seal(policy, Direction::Request, message).protected
    }

    /// The key that protects a request.
    fn protection<'a>(
        &'a self,
        demand: &Demand<'_>,
        context: Option<&'a Arc<Context>>,
        fresh: Option<&'a Fresh>,
    ) -> Result<Protection<'a>, Unsealed> {
        match &demand.policy.binding {
            _ if !demand.protected => return Ok(Protection::None),
            Binding::Transport(_) => return Ok(Protection::None),
            Binding::Asymmetric(_) if fresh.is_none() => return Ok(Protection::None),
            Binding::Symmetric(SymmetricBinding { protection: Token::SecureConversation(token), .. }) => {
                return Ok(Protection::Context {
                    context: context.ok_or(Unsealed::TokenMissing("a security context"))?,
                    include: token.include.to_recipient(),
                });
            }
            Binding::Symmetric(_) | Binding::Asymmetric(_) => {}
        }
        match (fresh, self.encrypts_for()) {
            (Some(Fresh { shared, wrapped }), Some(certificate)) => {
                Ok(Protection::Fresh { certificate, shared, wrapped })
            }
            _ => Err(Unsealed::TokenMissing("a service certificate")),
        }
    }

    /// The supporting tokens that the policy asks for, and the context that is renewed.
    fn supporting<'a>(
        &'a self,
        demand: &Demand<'a>,
        context: Option<&'a Arc<Context>>,
    ) -> Result<Vec<Supporting<'a>>, Unsealed> {
        let mut supporting = Vec::new();
        for demanded in demand.supporting {
            let token = match &demanded.token {
                Token::Username(token) => {
                    self.username.as_ref().map(|(name, password)| Brought::Username { name, password, token })
                }
                Token::X509(token) => {
                    self.credential.as_deref().map(|credential| Brought::Certificate { credential, token })
                }
                Token::SecureConversation(token) => context.map(|context| Brought::Context {
                    context,
                    token: Some(token),
                    derive: token.derived_keys != DerivedKeys::None && self.derives(demand),
                }),
            };
            match token {
                Some(token) => supporting.push(Supporting {
                    token,
                    signed: demanded.signed,
                    encrypted: demanded.encrypted,
                    endorsing: demanded.endorsing,
                    parts: Some(&demanded.parts),
                }),
                None if demanded.optional => {}
                None => return Err(Unsealed::TokenMissing(name(&demanded.token))),
            }
        }
        if let (true, Some(context)) = (demand.renew(), context) {
            let token = Brought::Context { context, token: None, derive: demand.order().is_some() };
            supporting.push(Supporting { token, signed: false, encrypted: false, endorsing: true, parts: None });
        }
        Ok(supporting)
    }

    /// Whether the service has keys derived from contexts that endorse, where its policy says so: over a transport WCF's
    /// policies say so, and its clients do not do it.
    fn derives(&self, demand: &Demand<'_>) -> bool {
        demand.order().is_some() || self.reading == PolicyReading::Letter
    }

    /// A new key wrapped for the service, where the policy protects or encrypts under its certificate.
    fn fresh_key(
        &self,
        demand: &Demand<'_>,
        encrypts: bool,
        random: &mut dyn Random,
    ) -> Result<Option<Fresh>, Unsealed> {
        let wraps = match &demand.policy.binding {
            _ if !demand.protected => false,
            Binding::Transport(_) => false,
            Binding::Symmetric(binding) => matches!(binding.protection, Token::X509(_)),
            Binding::Asymmetric(_) => encrypts,
        };
        if !wraps {
            return Ok(None);
        }
        let service = self.encrypts_for().ok_or(Unsealed::TokenMissing("a service certificate"))?;
        Fresh::new(service, demand.suite(), random).map(Some).map_err(|_| Unsealed::Asymmetric)
    }

    /// What is asked of a request, and the way in which it is made: the first of its operation's that the tokens suffice
    /// for; where they suffice for none, the first.
    fn request_terms(&self, request: Request, action: &str) -> (&Policy, &MessageTerms, usize) {
        match (request, self.terms.bootstrap()) {
            (Request::Issue | Request::Renew, Some((policy, message))) => (policy, message, 0),
            (Request::Cancel, _) => (&self.cancelling().policy, self.cancelling().cancel(), 0),
            _ => {
                let operation = self.terms.operation(Some(action), None);
                let mut inputs = operation.into_iter().flat_map(OperationTerms::inputs);
                let has = |token: &Token| match token {
                    Token::Username(_) => self.username.is_some(),
                    Token::X509(_) => self.credential.is_some(),
                    // It is the caller's, who may ask for one.
                    Token::SecureConversation(_) => true,
                };
                let way = inputs.position(|input| has_every(&input.supporting, has)).unwrap_or(0);
                (&self.terms.policy, self.terms.input(operation, way).unwrap_or(self.terms.any_request()), way)
            }
        }
    }
}

/// What a token is called where none was given.
fn name(token: &Token) -> &'static str {
    match token {
        Token::Username(_) => "a user name and password",
        Token::X509(_) => "a client certificate",
        Token::SecureConversation(_) => "a security context",
    }
}
