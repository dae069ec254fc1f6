//! A policy and a contract compiled, once, into what is asked of each message.

use std::collections::HashMap;
use std::sync::Arc;

use nuncio_policy::model::{
    Addressing, Binding, Canonicalization, DerivedKeys, Include, MessageKind, Operation, PartSet, Parts, PasswordKind,
    Policy, Properties, ReferenceTarget, SecureConversationToken, SoapVersion, SuiteOptions, SupportingToken,
    SymmetricBinding, Token, Trust, TrustVersion, UsernameToken, X509Kind, X509Reference, X509Token,
};

use nuncio_policy::suite::Suite;

use crate::addressing::{self, Replies};
use crate::demand::{Demand, Direction};
use crate::dialect::Dialect;
use crate::envelope::Envelope;
use crate::message_terms::{self, MessageTerms};
use crate::operation_terms::{OperationTerms, check_operation};
use crate::refusal::Refusal;

/// A policy that is understood but asks for what is not built yet.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not built yet")]
pub struct NotBuilt(pub &'static str);

/// What is asked of the messages of a port.
pub(crate) struct Terms {
    pub(crate) policy: Policy,
    pub(crate) soap: SoapVersion,
    operations: Vec<OperationTerms>,
    by_action: HashMap<String, usize>,
    /// For a request that the contract does not know.
    request: MessageTerms,
    /// For a response to it.
    response: MessageTerms,
    /// For a fault that answers it.
    fault: MessageTerms,
    /// For a request for a context, under the bootstrap policy, and its answer.
    bootstrap: Option<MessageTerms>,
    /// For Cancel: signed, not encrypted.
    cancel: MessageTerms,
}

impl Terms {
    /// Compiles an alternative of a policy and the operations of its port.
    pub(crate) fn new(policy: Policy, soap: SoapVersion, operations: Vec<Operation>) -> Result<Self, NotBuilt> {
        check_built(&policy)?;
        let of_kind = |kind| {
            let terms = MessageTerms::of_kind(&policy, kind)?;
            check_encrypted_for(&policy, Direction::of(kind), &terms)?;
            Ok(terms)
        };
        let [request, response, fault] =
            [of_kind(MessageKind::Request)?, of_kind(MessageKind::Response)?, of_kind(MessageKind::Fault)?];
        let operations = OperationTerms::compile(&policy, &response, operations)?;
        let mut by_action = HashMap::new();
        for (at, terms) in operations.iter().enumerate() {
            by_action.entry(terms.operation.input.action.clone()).or_insert(at);
            if let Some(action) = terms.operation.input.soap_action.clone().filter(|action| !action.is_empty()) {
                by_action.entry(action).or_insert(at);
            }
        }
        let cancel = Parts {
            signed: PartSet { body: true, headers: addressing::parts(policy.addressing), ..PartSet::default() },
            ..Parts::default()
        };
        let cancel = MessageTerms::alone(&policy, cancel, policy.supporting.clone(), true)?;
        let bootstrap = policy.conversation().map(|token| MessageTerms::of_policy(&token.bootstrap)).transpose()?;
        if let (Some(token), Some(terms)) = (policy.conversation(), &bootstrap) {
            check_encrypted_for(&token.bootstrap, Direction::Request, terms)?;
            check_encrypted_for(&token.bootstrap, Direction::Response, terms)?;
        }
        Ok(Self { policy, soap, operations, by_action, request, response, fault, bootstrap, cancel })
    }

    /// Compiles the alternatives of a policy, in their order, less those that are not built.
    ///
    /// # Errors
    ///
    /// Why the first is not built, where none is.
    pub(crate) fn alternatives(
        policies: &[Policy],
        soap: SoapVersion,
        operations: &[Operation],
    ) -> Result<Vec<Arc<Self>>, NotBuilt> {
        let mut built = Vec::with_capacity(policies.len());
        let mut refused = None;
        for policy in policies {
            match Self::new(policy.clone(), soap, operations.to_vec()) {
                Ok(terms) => built.push(Arc::new(terms)),
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        if built.is_empty() {
            return Err(refused.unwrap_or(NotBuilt("a policy without an alternative")));
        }
        Ok(built)
    }

    /// Compiles what the service begins under the same policy.
    pub(crate) fn callbacks(&self, operations: Vec<Operation>) -> Result<Vec<OperationTerms>, NotBuilt> {
        if operations.iter().any(|operation| !operation.input.protected) {
            return Err(NotBuilt("a callback without the security binding"));
        }
        OperationTerms::compile(&self.policy, &self.response, operations)
    }

    /// How much is asked of every message besides what is asked of its parts: who is proved to TLS, and when it was made.
    pub(crate) fn weight(&self) -> (bool, bool) {
        let proved = matches!(&self.policy.binding, Binding::Transport(binding) if binding.client_certificate);
        (proved, self.policy.properties.timestamp)
    }

    /// The secure conversation token of the policy, if it has one: what protects, or endorses, its messages.
    pub(crate) fn conversation(&self) -> Option<&SecureConversationToken> {
        self.policy.conversation()
    }

    /// The generation of its trust messages.
    pub(crate) fn dialect(&self) -> &'static Dialect {
        crate::demand::dialect(&self.policy)
    }

    /// The algorithm suite of the messages that establish a context.
    pub(crate) fn bootstrap_suite(&self) -> &'static Suite {
        self.conversation().map_or(&self.policy, |token| &token.bootstrap).properties.suite
    }

    /// The addressing of its messages.
    pub(crate) fn addressing(&self) -> Addressing {
        self.policy.addressing
    }

    /// Where the answers to its messages may go.
    pub(crate) fn replies(&self) -> Replies {
        if self.policy.duplex { Replies::Address } else { Replies::BackChannel }
    }

    /// What is asked of a Cancel and of its answer.
    pub(crate) fn cancel(&self) -> &MessageTerms {
        &self.cancel
    }

    /// What a Cancel is made under for a service that has it protected by the context itself where the policy leaves that to the
    /// transport: as under a symmetric binding, without derived keys. In the answer, which CXF makes so, the body and the timestamp
    /// alone are signed. `None` where nothing is left to the transport, or there is no context.
    pub(crate) fn cancelled_in_messages(&self) -> Option<Self> {
        let (Binding::Transport(_), Some(token)) = (&self.policy.binding, self.conversation()) else { return None };
        let token = SecureConversationToken { derived_keys: DerivedKeys::None, ..token.clone() };
        let binding = Binding::Symmetric(SymmetricBinding { protection: Token::SecureConversation(token) });
        let policy = Policy { binding, supporting: Vec::new(), ..self.policy.clone() };
        let mut terms = Self::new(policy, self.soap, Vec::new()).ok()?;
        terms.cancel.parts.signed.headers.clear();
        Some(terms)
    }

    /// The policy under which contexts are issued, and what it asks of the messages about that.
    pub(crate) fn bootstrap(&self) -> Option<(&Policy, &MessageTerms)> {
        Some((&*self.conversation()?.bootstrap, self.bootstrap.as_ref()?))
    }

    /// The operations of its port, as far as they are known.
    pub(crate) fn operations(&self) -> &[OperationTerms] {
        &self.operations
    }

    /// The operation that an action names, or else the only one whose request has that element in its body.
    pub(crate) fn operation(&self, action: Option<&str>, element: Option<(&str, &str)>) -> Option<&OperationTerms> {
        if let Some(&at) = action.and_then(|action| self.by_action.get(action)) {
            return self.operations.get(at);
        }
        if action.is_some_and(|action| !action.is_empty()) {
            return None;
        }
        let (namespace, local) = element?;
        self.operations.iter().find(|terms| {
            terms.operation.input.element.as_ref().is_some_and(|(ns, name)| ns == namespace && name == local)
        })
    }

    /// The one operation whose request has what is in the body, if there is one alone.
    pub(crate) fn only_operation_of(&self, envelope: &Envelope) -> Option<&OperationTerms> {
        let name = envelope.document.name(envelope.payload()?);
        let mut found = self.operations.iter().filter(|terms| {
            let element = terms.operation.input.element.as_ref();
            element
                .is_some_and(|(namespace, local)| (namespace.as_str(), local.as_str()) == (name.namespace, name.local))
        });
        found.next().filter(|_| found.next().is_none())
    }

    /// The operation of a message as it came: what is encrypted says nothing yet.
    pub(crate) fn operation_of(&self, envelope: &Envelope, action: Option<&str>) -> Option<&OperationTerms> {
        let element = envelope.payload().map(|node| envelope.document.name(node));
        self.operation(action, element.map(|name| (name.namespace, name.local)))
    }

    /// Holds a request to its operation: see [`check_operation`].
    pub(crate) fn check_operation(
        &self,
        envelope: &Envelope,
        operation: Option<(&OperationTerms, usize)>,
        action: Option<&str>,
    ) -> Result<usize, Refusal> {
        check_operation(&self.operations, &self.request, envelope, operation, action)
    }

    /// What is asked of a request that is made in that way; `None` where the contract does not know it and the policy says
    /// nothing of every request.
    pub(crate) fn input<'a>(&'a self, operation: Option<&'a OperationTerms>, way: usize) -> Option<&'a MessageTerms> {
        match operation {
            Some(terms) => terms.input(way),
            None => self.of_every_request(),
        }
    }

    /// What is asked of a response that is no fault, to a request in that way: any of these. Never empty.
    pub(crate) fn outputs<'a>(&'a self, operation: Option<&'a OperationTerms>, way: usize) -> &'a [MessageTerms] {
        operation.and_then(|terms| terms.outputs(way)).unwrap_or(std::slice::from_ref(&self.response))
    }

    /// What is asked of a fault with that action: that of its declaration, or of every fault; or, where the policy says nothing
    /// of faults, of the response. Never empty.
    pub(crate) fn faults<'a>(
        &'a self,
        operation: Option<&'a OperationTerms>,
        way: usize,
        action: &str,
    ) -> &'a [MessageTerms] {
        match operation.and_then(|terms| terms.faults(way, action)) {
            Some(declared) => declared,
            None if operation.is_none() || !self.policy.messages.is_empty() => std::slice::from_ref(&self.fault),
            None => self.outputs(operation, way),
        }
    }

    /// The operations whose answer, or a fault that they declare, has that action.
    pub(crate) fn answered_by<'a>(&'a self, action: &'a str) -> impl Iterator<Item = &'a OperationTerms> {
        self.operations.iter().filter(move |terms| {
            let output = terms.operation.output.as_ref();
            output.is_some_and(|output| output.action == action)
                || Self::is_fault(Some(terms), action)
                || addressing::is_default_fault_of(&terms.operation.input.action, action)
        })
    }

    /// Whether the operation declares a fault with that action.
    pub(crate) fn is_fault(operation: Option<&OperationTerms>, action: &str) -> bool {
        operation.is_some_and(|terms| terms.operation.faults.iter().any(|fault| fault.message.action == action))
    }

    /// What is asked of a request that the contract does not know.
    pub(crate) fn any_request(&self) -> &MessageTerms {
        &self.request
    }

    /// What is asked of a response that the contract does not know.
    pub(crate) fn any_response(&self) -> &MessageTerms {
        &self.response
    }

    fn of_every_request(&self) -> Option<&MessageTerms> {
        let transport = matches!(self.policy.binding, Binding::Transport(_));
        (transport || !self.request.parts.signed.is_empty()).then_some(&self.request)
    }
}

/// The same policy with its conversations in the other generation of WS-Trust and WS-SecureConversation; `None` where it
/// has none.
pub(crate) fn in_other_generation(policy: &Policy) -> Option<Policy> {
    policy.conversation()?;
    let mut other = policy.clone();
    let version = match crate::demand::dialect(policy).version {
        TrustVersion::February2005 => TrustVersion::V13,
        TrustVersion::V13 => TrustVersion::February2005,
    };
    let in_version = |policy: &mut Policy| {
        let trust = policy.trust.unwrap_or(Trust { version, client_entropy: false, server_entropy: true });
        policy.trust = Some(Trust { version, ..trust });
    };
    in_version(&mut other);
    let protection = match &mut other.binding {
        Binding::Symmetric(binding) => Some(&mut binding.protection),
        Binding::Transport(_) | Binding::Asymmetric(_) => None,
    };
    for token in protection.into_iter().chain(other.supporting.iter_mut().map(|supporting| &mut supporting.token)) {
        if let Token::SecureConversation(token) = token {
            in_version(&mut token.bootstrap);
        }
    }
    Some(other)
}

/// Refuses what the model can say and the protocol does not do yet.
fn check_built(policy: &Policy) -> Result<(), NotBuilt> {
    check_properties(&policy.properties)?;
    let mut tokens: Vec<&Token> = Vec::new();
    match &policy.binding {
        Binding::Transport(_) => {}
        Binding::Asymmetric(binding) => {
            check_certificate(&binding.initiator)?;
            check_certificate(&binding.recipient)?;
            let encryption = binding.encryption.iter().flat_map(|tokens| [&tokens.initiator, &tokens.recipient]);
            encryption.flatten().try_for_each(check_certificate)?;
            // A token within the signature that it makes cannot be covered by it.
            if policy.properties.protect_tokens
                && [&binding.initiator, &binding.recipient]
                    .iter()
                    .any(|token| token.reference == X509Reference::Embedded)
            {
                return Err(NotBuilt("ProtectTokens with RequireEmbeddedTokenReference"));
            }
        }
        Binding::Symmetric(binding) => {
            if matches!(binding.protection, Token::Username(_)) {
                return Err(NotBuilt("a user name token that protects"));
            }
            tokens.push(&binding.protection);
        }
    }
    for supporting in &policy.supporting {
        check_supporting(supporting, policy)?;
        tokens.push(&supporting.token);
    }
    // One context belongs to a message: which of two would be?
    if tokens.iter().filter(|token| matches!(token, Token::SecureConversation(_))).count() > 1 {
        return Err(NotBuilt("a secure conversation token beside another"));
    }
    tokens.into_iter().try_for_each(check_token)
}

/// Refuses what is to be encrypted where the policy has no token to encrypt it for.
pub(crate) fn check_encrypted_for(policy: &Policy, direction: Direction, terms: &MessageTerms) -> Result<(), NotBuilt> {
    if Demand::of(policy, direction, terms).is_encrypted_for_nobody() {
        return Err(NotBuilt("what is encrypted without a token that it is encrypted for"));
    }
    Ok(())
}

pub(crate) fn check_supporting(supporting: &SupportingToken, policy: &Policy) -> Result<(), NotBuilt> {
    let parts = &supporting.parts;
    // It has a key that both sides know, so that "using the token" could be done.
    match &supporting.token {
        Token::SecureConversation(_) if parts.encrypts() => {
            return Err(NotBuilt("encrypted parts of a secure conversation token that supports"));
        }
        Token::Username(_) if parts.encrypts() && supporting.endorsing => {
            return Err(NotBuilt("encrypted parts of a user name token that endorses"));
        }
        Token::Username(token) => check_username(token, supporting.endorsing)?,
        Token::SecureConversation(_) | Token::X509(_) => {}
    }
    // Over a transport it is the timestamp that every such token signs.
    let in_messages = !matches!(policy.binding, Binding::Transport(_));
    if in_messages && supporting.endorsing && parts.signed_elements.iter().any(message_terms::is_in_security) {
        return Err(NotBuilt("SignedElements of a supporting token within the security header"));
    }
    // Whether they are asked for, the message itself would say.
    if supporting.optional && *parts != message_terms::own_parts(policy, supporting) {
        return Err(NotBuilt("parts, beside those that it signs, of a supporting token that messages may lack"));
    }
    match (&supporting.token, &policy.binding) {
        (Token::X509(X509Token { reference: X509Reference::Embedded, .. }), _)
            if supporting.endorsing && (supporting.signed || supporting.encrypted) =>
        {
            Err(NotBuilt("RequireEmbeddedTokenReference of a token that is signed or encrypted"))
        }
        (_, Binding::Transport(_)) if supporting.endorsing && !policy.properties.timestamp => {
            Err(NotBuilt("a token that endorses over a transport without IncludeTimestamp"))
        }
        (_, Binding::Transport(_)) => Ok(()),
        // It says which key to look for, and that is looked for before anything is decrypted.
        (Token::SecureConversation(_), _) if supporting.encrypted => {
            Err(NotBuilt("a secure conversation token that is encrypted"))
        }
        (Token::SecureConversation(token), _) if supporting.signed && !token.include.to_recipient() => {
            Err(NotBuilt("a secure conversation token that is signed and does not travel"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn check_token(token: &Token) -> Result<(), NotBuilt> {
    match token {
        Token::X509(token) => check_certificate(token),
        Token::Username(token) => check_target(token.target, token.include),
        Token::SecureConversation(token) => {
            check_target(token.target, token.include)?;
            check_built(&token.bootstrap)?;
            match &token.bootstrap.binding {
                // Keys would travel in clear.
                Binding::Symmetric(_) | Binding::Asymmetric(_) if !token.bootstrap.parts.encrypted.body => {
                    return Err(NotBuilt("a bootstrap policy that does not encrypt the body"));
                }
                Binding::Transport(_) if token.renew && !token.bootstrap.properties.timestamp => {
                    return Err(NotBuilt("a renewal that endorses over a transport without IncludeTimestamp"));
                }
                _ => {}
            }
            if !token.bootstrap.messages.is_empty() {
                return Err(NotBuilt("a bootstrap policy with parts of requests or responses alone"));
            }
            if token.bootstrap.conversation().is_some() {
                return Err(NotBuilt("a conversation that bootstraps a conversation"));
            }
            Ok(())
        }
    }
}

/// A key of a password is named by the token in the message, which has the salt in the password's place.
fn check_username(token: &UsernameToken, endorsing: bool) -> Result<(), NotBuilt> {
    if !endorsing {
        return match token.derived_keys {
            DerivedKeys::None => Ok(()),
            DerivedKeys::Explicit | DerivedKeys::Implied => Err(NotBuilt("a key that is derived from a password")),
        };
    }
    if token.password != PasswordKind::None {
        return Err(NotBuilt("a user name token that endorses without NoPassword"));
    }
    if !token.include.to_recipient() || token.target.is_outside() {
        return Err(NotBuilt("a user name token that endorses and is not referred to in the message"));
    }
    Ok(())
}

fn check_certificate(token: &X509Token) -> Result<(), NotBuilt> {
    match (token.kind, token.reference) {
        (X509Kind::PkiPathV1, X509Reference::Embedded) => {
            return Err(NotBuilt("RequireEmbeddedTokenReference of a path of certificates"));
        }
        (X509Kind::V3 | X509Kind::PkiPathV1, _) => {}
        _ => return Err(NotBuilt("an X.509 token of another kind than one certificate of version 3, or a path")),
    }
    match (token.target, token.reference) {
        // No profile gives a certificate a URI.
        (ReferenceTarget::ExternalUri, _) => Err(NotBuilt("RequireExternalUriReference of a certificate")),
        (ReferenceTarget::External, X509Reference::Embedded) => {
            Err(NotBuilt("RequireExternalReference of an embedded token"))
        }
        (target, _) => check_target(target, token.include),
    }
}

/// Whether references can lead where they must. One that comes is followed whatever it leads to, as by WCF and CXF: which of
/// a key's names was written says nothing of who holds the key.
fn check_target(target: ReferenceTarget, include: Include) -> Result<(), NotBuilt> {
    if target == ReferenceTarget::Internal && include == Include::Never {
        return Err(NotBuilt("RequireInternalReference of a token that never travels"));
    }
    Ok(())
}

fn check_properties(properties: &Properties) -> Result<(), NotBuilt> {
    // STRTransform10 says by which transform a reference stands for its token, and there is no other: a token that does not
    // travel is signed so in any case, and what travels is signed itself. Either is taken.
    let SuiteOptions { canonicalization, soap_normalization, str_transform: _ } = properties.options;
    if canonicalization == Canonicalization::Inclusive11 {
        return Err(NotBuilt("InclusiveC14N11"));
    }
    if soap_normalization {
        return Err(NotBuilt("SOAPNormalization10"));
    }
    Ok(())
}
