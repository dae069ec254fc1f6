//! The initiator's side: contexts asked for and renewed, requests sealed, answers opened.

mod answer;
mod arrived;
mod ask;
mod expectation;
mod opening;
mod suppose;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::trust::Trust;
use nuncio_policy::model::{
    Addressing, Binding, Operation, Policy, SecureConversationToken, SoapVersion, SupportingToken, Token,
};

use crate::addressing::Replies;
use crate::conversation::issue::hex;
use crate::conversation::{self, Context, NotARecord, Principal, record};
use crate::envelope::Envelope;
use crate::keys::Credential;
use crate::limits::Limits;
use crate::operation_terms::OperationTerms;
use crate::plain;
use crate::received::Request;
use crate::refusal::Refusal;
use crate::seal::{Content, Unsealed};
use crate::terms::{NotBuilt, Terms};
use crate::time::Time;
use crate::timestamp::Freshness;
use crate::trust::secret::Written;
use crate::unsecured::Unsecured;

pub use arrived::Arrived;
use ask::{Asking, Entropy};
pub use expectation::Expectation;
pub use opening::Opening;
pub use suppose::Supposed;
use tokens::Has;

/// How a service reads its policy, where stacks differ: an initiator has nothing to follow, and must be told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PolicyReading {
    /// As WCF does. Under the `*Sha256` suites the signatures change with the digest; and over a transport no key is derived
    /// from a context that endorses, whatever its token says.
    #[default]
    Wcf,
    /// By the letter, as WSS4J and so CXF do: of these suites the digest alone changes (WS-SecurityPolicy 1.2, section 6.1), and
    /// keys are derived wherever a token says so.
    Letter,
}

/// What an initiator is made of.
pub struct Settings {
    /// The alternatives of the policy, in the order in which they are preferred.
    pub alternatives: Vec<Policy>,
    /// The version of SOAP.
    pub soap: SoapVersion,
    /// The operations of the contract; none where it is not known.
    pub operations: Vec<Operation>,
    /// The service's certificate, under which keys are wrapped.
    pub service: Option<Certificate>,
    /// The user name and password that requests bring.
    pub username: Option<(String, String)>,
    /// The certificate and key that sign or endorse requests.
    pub credential: Option<Credential>,
    /// The address of the service.
    pub to: String,
    /// How the service reads its policy.
    pub reading: PolicyReading,
    /// How old an answer may be.
    pub freshness: Freshness,
    /// How long requests are good for.
    pub message_lifetime: Duration,
    /// How much an answer may hold.
    pub limits: Limits,
}

/// The initiator of one port's messages. Immutable; shared between tasks.
pub struct Initiator {
    /// The alternatives that are built.
    built: Arc<[Arc<Terms>]>,
    /// What contexts are cancelled under, of each of them.
    cancelled: Arc<[Arc<Terms>]>,
    /// The alternative that requests are made under.
    terms: Arc<Terms>,
    service: Option<Certificate>,
    /// The certificate under which keys are wrapped, where that is not the one that signs answers.
    encryption: Option<Certificate>,
    username: Option<(String, String)>,
    credential: Option<Arc<Credential>>,
    to: String,
    /// The addresses that it listens at; the first is where answers are asked to come.
    listens: Vec<String>,
    /// What the service begins, under the same alternative.
    callbacks: Arc<[OperationTerms]>,
    reading: PolicyReading,
    freshness: Freshness,
    message_lifetime: Duration,
    limits: Limits,
    derived_keys: Arc<conversation::DerivedKeys>,
    /// Whom its contexts are said to be established by.
    nobody: Arc<Principal>,
    /// Who may sign answers: the service, where its certificate does.
    trust: Arc<Trust>,
    /// Whether entropy is encrypted by itself.
    wraps: bool,
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

impl Outbound {
    /// An envelope under that action.
    pub(crate) fn new(soap: SoapVersion, action: &str, body: Vec<u8>) -> Self {
        // It goes into a header: what cannot stand there is left out, and the message's own counts.
        let action = if plain::is_quotable(action) { action } else { "" };
        let mut content_type = plain::content_type(soap).to_owned();
        let mut soap_action = None;
        match soap {
            SoapVersion::V11 => soap_action = Some(format!("\"{action}\"")),
            // Services may go by it before they read the message: CXF finds out by it alone, over TLS, that a context is asked
            // for.
            SoapVersion::V12 if action.is_empty() => {}
            SoapVersion::V12 => content_type.extend(["; action=\"", action, "\""]),
        }
        Self { content_type, soap_action, body }
    }
}

impl Initiator {
    /// Compiles the settings, and picks the first alternative that is built and that the tokens suffice for; where they
    /// suffice for none, the first that is built: its requests will say what is missing.
    pub fn new(settings: Settings) -> Result<Self, NotBuilt> {
        let Settings { alternatives, soap, operations, .. } = &settings;
        let built: Arc<[_]> = Terms::alternatives(alternatives, *soap, operations)?.into();
        let has = Has {
            service: settings.service.is_some(),
            username: settings.username.is_some(),
            credential: settings.credential.is_some(),
        };
        let terms = has.enough(&built).ok_or(NotBuilt("a policy without an alternative"))?;
        let trust = Trust::new(settings.service.iter().cloned().collect())
            .map_err(|_| NotBuilt("an authority without a name as the service's certificate"))?;
        let cancelled = built.iter().map(|terms| cancelled(terms, settings.reading)).collect();
        Ok(Self {
            trust: Arc::new(trust),
            cancelled,
            built,
            terms,
            service: settings.service,
            encryption: None,
            username: settings.username,
            credential: settings.credential.map(Arc::new),
            to: settings.to,
            listens: Vec::new(),
            callbacks: Arc::new([]),
            reading: settings.reading,
            freshness: settings.freshness,
            message_lifetime: settings.message_lifetime,
            derived_keys: conversation::DerivedKeys::new(settings.limits.hot_contexts),
            nobody: Arc::new(Principal::Anonymous),
            limits: settings.limits,
            wraps: false,
        })
    }

    /// The same for another caller, with tokens of his own, under the first alternative that they suffice for.
    #[must_use]
    pub fn of_caller(&self, username: Option<(String, String)>, credential: Option<Arc<Credential>>) -> Self {
        let has =
            Has { service: self.service.is_some(), username: username.is_some(), credential: credential.is_some() };
        let terms = has.enough(&self.built).unwrap_or_else(|| Arc::clone(&self.terms));
        Self {
            built: Arc::clone(&self.built),
            cancelled: Arc::clone(&self.cancelled),
            terms,
            service: self.service.clone(),
            encryption: self.encryption.clone(),
            username,
            credential,
            to: self.to.clone(),
            listens: self.listens.clone(),
            callbacks: Arc::clone(&self.callbacks),
            reading: self.reading,
            freshness: self.freshness,
            message_lifetime: self.message_lifetime,
            limits: self.limits.clone(),
            derived_keys: Arc::clone(&self.derived_keys),
            nobody: Arc::clone(&self.nobody),
            trust: Arc::clone(&self.trust),
            wraps: self.wraps,
        }
    }

    /// The same for another user, with what else it has.
    #[must_use]
    pub fn of_user(&self, name: String, password: String) -> Self {
        self.of_caller(Some((name, password)), self.credential.clone())
    }

    /// Whether its messages, or those that begin conversations, count on TLS.
    pub fn needs_transport(&self) -> bool {
        let bootstrap = self.conversation().map(|token| &*token.bootstrap);
        let policies = [Some(&self.terms.policy), bootstrap];
        policies.into_iter().flatten().any(|policy| matches!(policy.binding, Binding::Transport(_)))
    }

    /// The version of SOAP of its messages.
    pub fn soap(&self) -> SoapVersion {
        self.terms.soap
    }

    /// The token of the conversations that its requests belong to; `None` where they belong to none.
    pub fn conversation(&self) -> Option<&SecureConversationToken> {
        self.terms.conversation()
    }

    /// Whether a conversation is renewed for its next key. Else another is begun: where the policy says that none is renewed, or
    /// that the service keeps none (WCF's cookie mode, by which its clients do so too); and where the service has one key of a
    /// conversation at a time, as CXF's has, which answers under the new one what came under the old.
    pub fn renews(&self) -> bool {
        self.reading == PolicyReading::Wcf && self.conversation().is_some_and(|token| token.renew && token.cancel)
    }

    /// What its policy asks for and it does not have, if there is something: no request of its can be sealed.
    pub fn lacks(&self) -> Option<&'static str> {
        let has = Has {
            service: self.service.is_some(),
            username: self.username.is_some(),
            credential: self.credential.is_some(),
        };
        has.lacks(&self.terms.policy)
    }

    /// Whether sealing such a request, or opening its answer, takes an operation with a private key of ours.
    pub fn uses_private_key(&self, request: Request) -> bool {
        let policy = match (request, self.terms.bootstrap()) {
            (Request::Issue | Request::Renew, Some((policy, _))) => policy,
            _ => &self.terms.policy,
        };
        let certificate = |supporting: &SupportingToken| matches!(supporting.token, Token::X509(_));
        self.credential.is_some()
            && (matches!(policy.binding, Binding::Asymmetric(_)) || policy.supporting.iter().any(certificate))
    }

    /// The operation of a plain request: by the action that it names, else by what is in its body.
    pub fn operation_of(&self, message: &Unsecured) -> Option<&Operation> {
        let terms = self.terms.operation_of(message.envelope(), message.action());
        terms.map(|terms| &terms.operation)
    }

    /// Whether the contract says that a request of that action has an answer; `None` where it does not know the operation.
    pub fn is_answered(&self, action: &str) -> Option<bool> {
        self.terms.operation(Some(action), None).map(|terms| terms.operation.output.is_some())
    }

    /// Encrypts its entropy by itself, for the service's certificate, within the body that is encrypted in any case: for
    /// services that read an `EncryptedKey` there and no `BinarySecret`. What answers has is read in either form.
    #[must_use]
    pub fn wrapping_entropy(self) -> Self {
        Self { wraps: true, ..self }
    }

    /// Encrypts for that certificate of the service's, which signs answers with its other one (`RecipientEncryptionToken`).
    #[must_use]
    pub fn encrypting_for(self, certificate: Certificate) -> Self {
        Self { encryption: Some(certificate), ..self }
    }

    /// What its contexts are cancelled under.
    fn cancelling(&self) -> &Arc<Terms> {
        let alternatives = self.built.iter().zip(&*self.cancelled);
        alternatives.into_iter().find(|(terms, _)| Arc::ptr_eq(terms, &self.terms)).map_or(&self.terms, |(_, own)| own)
    }

    /// Its certificate with its key, if it has one.
    fn credentials(&self) -> &[Credential] {
        self.credential.as_deref().map_or(&[], std::slice::from_ref)
    }

    /// The certificate of the service's under which keys are wrapped.
    fn encrypts_for(&self) -> Option<&Certificate> {
        self.encryption.as_ref().or(self.service.as_ref())
    }

    /// Listens at these addresses: asks to be answered at the first and not on the back channel, and takes what the service
    /// begins, `callbacks`, whose `input` is what it sends. See [`Initiator::receive`].
    ///
    /// # Errors
    ///
    /// [`NotBuilt`] where the policy has no channel from the service to its clients, or asks of a callback what is not built.
    pub fn listening(self, addresses: Vec<String>, callbacks: Vec<Operation>) -> Result<Self, NotBuilt> {
        if self.terms.replies() != Replies::Address {
            return Err(NotBuilt("an address for answers under a policy without CompositeDuplex"));
        }
        let callbacks = self.terms.callbacks(callbacks)?.into();
        Ok(Self { listens: addresses, callbacks, ..self })
    }

    /// Asks for a security context.
    pub fn issue(&self, now: Time, random: &mut dyn Random) -> Result<(Outbound, Expectation), Unsealed> {
        self.ask_key(None, now, random)
    }

    /// Asks for another key of a security context.
    pub fn renew(
        &self,
        context: &Arc<Context>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), Unsealed> {
        self.ask_key(Some(context), now, random)
    }

    fn ask_key(
        &self,
        renewed: Option<&Arc<Context>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), Unsealed> {
        let octets = self.terms.policy.properties.suite.key;
        let client = self.terms.policy.trust.as_ref().is_none_or(|trust| trust.client_entropy);
        let entropy = client.then(|| {
            let mut entropy = vec![0; octets];
            random.fill(&mut entropy);
            let mut tag = [0; 6];
            random.fill(&mut tag);
            let secret = Secret::new(entropy);
            let written = if self.wraps {
                let service = self.encrypts_for().ok_or(Unsealed::TokenMissing("a service certificate"))?;
                let suite = self.terms.bootstrap_suite();
                Written::for_certificate(&secret, service, suite, random).ok_or(Unsealed::Asymmetric)?
            } else {
                Written::Clear(secret.clone())
            };
            Ok::<_, Unsealed>(Entropy { id: format!("_{}", hex(&tag)), secret, written })
        });
        let entropy = entropy.transpose()?;
        self.ask(&Asking::Key { renewed: renewed.map(Arc::as_ref), entropy, octets }, renewed, now, random)
    }

    /// A context of its service's that was kept as a record ([`Context::record`]), to go on in.
    ///
    /// # Errors
    ///
    /// [`NotARecord`] for other octets, and for a context that no service issued.
    pub fn restore(&self, record: &[u8]) -> Result<Context, NotARecord> {
        let mut context = record::read(record, &self.derived_keys)?;
        if context.carried().is_none() {
            return Err(NotARecord);
        }
        context.principal = Arc::clone(&self.nobody);
        Ok(context)
    }

    /// Asks for the end of a security context.
    pub fn cancel(
        &self,
        context: &Arc<Context>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), Unsealed> {
        self.ask(&Asking::Cancel(context), Some(context), now, random)
    }

    /// Seals a plain request: the content of its body, and its header blocks, under that action.
    ///
    /// # Errors
    ///
    /// [`SealPlain::Unreadable`] where the plain request is no envelope of the port's SOAP version.
    pub fn seal(
        &self,
        plain: Vec<u8>,
        action: &str,
        context: Option<&Arc<Context>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), SealPlain> {
        let envelope = Envelope::read(plain, self.terms.soap, Addressing::None, &self.limits)?;
        self.seal_envelope(&envelope, action, context, now, random)
    }

    /// Seals a plain request that was read, in its own version of SOAP or the other. Its addressing was written for the plain
    /// side, and stays there.
    ///
    /// # Errors
    ///
    /// [`SealPlain::Unreadable`] where it cannot be read any more once it is written in the port's version of SOAP.
    pub fn seal_unsecured(
        &self,
        message: &Unsecured,
        action: &str,
        context: Option<&Arc<Context>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), SealPlain> {
        if message.soap() == self.terms.soap {
            return self.seal_envelope(message.envelope(), action, context, now, random);
        }
        let translated = message.plain_in(self.terms.soap);
        let envelope = Envelope::read(translated.body, self.terms.soap, Addressing::None, &self.limits)?;
        self.seal_envelope(&envelope, action, context, now, random)
    }

    fn seal_envelope(
        &self,
        envelope: &Envelope,
        action: &str,
        context: Option<&Arc<Context>>,
        now: Time,
        random: &mut dyn Random,
    ) -> Result<(Outbound, Expectation), SealPlain> {
        let document = &envelope.document;
        let blocks: Vec<_> = plain::travelling(envelope, false).into_iter().map(|block| (document, block)).collect();
        let body = Content::Copy(document, envelope.body);
        Ok(self.ask(&Asking::Application { action, body, blocks: &blocks }, context, now, random)?)
    }
}

/// What contexts are cancelled under: the policy of their messages; or that of CXF's making, where it is by the letter and they leave
/// protection to the transport.
fn cancelled(terms: &Arc<Terms>, reading: PolicyReading) -> Arc<Terms> {
    let own = (reading == PolicyReading::Letter).then(|| terms.cancelled_in_messages()).flatten();
    own.map_or_else(|| Arc::clone(terms), Arc::new)
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
