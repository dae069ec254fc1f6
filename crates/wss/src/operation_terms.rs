//! What is asked of the messages of one operation, in each way that its policies leave open.

use std::sync::Arc;

use nuncio_policy::model::{Binding, Message, MessageKind, MessagePolicy, Operation, Policy, Token};

use crate::demand::Direction;
use crate::envelope::Envelope;
use crate::message_terms::MessageTerms;
use crate::refusal::Refusal;
use crate::terms::{NotBuilt, check_encrypted_for, check_supporting, check_token};

/// An operation, with the parts of the policy merged into those of its messages.
pub(crate) struct OperationTerms {
    pub(crate) operation: Operation,
    /// The ways in which it may be carried out, in the order of its policies. Never empty.
    ways: Vec<Way>,
}

/// One way to carry out an operation: an alternative of the policies of its request, and what may answer that.
struct Way {
    input: MessageTerms,
    answers: Arc<Answers>,
}

/// What may answer a request, under one alternative of the operation's own policies. No list of alternatives is empty: it
/// begins with what we answer. CXF answers under whichever alternative asks for least. Where that is signed as it would be
/// under the request's own it is taken, for a secret that was sent in clear is none any more.
struct Answers {
    output: Vec<MessageTerms>,
    /// Of each fault that is declared.
    faults: Vec<Vec<MessageTerms>>,
}

impl OperationTerms {
    /// Compiles operations under a policy, which asks `response` of each response. Ways that are not built are left out.
    ///
    /// # Errors
    ///
    /// Why the first way of an operation is not built, where none is.
    pub(crate) fn compile(
        policy: &Policy,
        response: &MessageTerms,
        operations: Vec<Operation>,
    ) -> Result<Vec<Self>, NotBuilt> {
        for operation in operations.iter().filter(|operation| !operation.input.protected) {
            check_in_clear(policy, operation, &operations)?;
        }
        operations.into_iter().map(|operation| Self::new(policy, response, operation)).collect()
    }

    fn new(policy: &Policy, response: &MessageTerms, operation: Operation) -> Result<Self, NotBuilt> {
        let mut ways = Vec::new();
        let mut refused = None;
        // Those of one alternative of the operation stand together.
        let of_one = |one: &MessagePolicy, other: &MessagePolicy| one.operation == other.operation;
        for inputs in operation.input.alternatives.chunk_by(of_one) {
            let answers = match Answers::new(policy, response, &operation, inputs[0].operation) {
                Ok(answers) => Arc::new(answers),
                Err(reason) => {
                    refused = refused.or(Some(reason));
                    continue;
                }
            };
            for input in inputs.iter().filter(|input| input.goes_with(policy)) {
                match message_terms(policy, MessageKind::Request, &operation.input, input) {
                    Ok(input) if !input.protected && (!input.parts.is_empty() || !input.supporting.is_empty()) => {
                        refused = refused.or(Some(NotBuilt(
                            "a request without the security binding, of which parts or tokens are asked",
                        )));
                    }
                    Ok(input) => ways.push(Way { input, answers: Arc::clone(&answers) }),
                    Err(reason) => refused = refused.or(Some(reason)),
                }
            }
        }
        if ways.is_empty() {
            return Err(refused.unwrap_or(NO_ALTERNATIVE));
        }
        Ok(Self { operation, ways })
    }

    /// In how many ways its request may be made.
    pub(crate) fn ways(&self) -> usize {
        self.ways.len()
    }

    /// What is asked of its request, in each way.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &MessageTerms> {
        self.ways.iter().map(|way| &way.input)
    }

    /// What is asked of its request in one way.
    pub(crate) fn input(&self, way: usize) -> Option<&MessageTerms> {
        self.ways.get(way).map(|way| &way.input)
    }

    /// What is asked of a response to a request that was made in one way: any of these.
    pub(crate) fn outputs(&self, way: usize) -> Option<&[MessageTerms]> {
        self.ways.get(way).map(|way| &*way.answers.output)
    }

    /// What is asked of the fault with that action, if it is declared.
    pub(crate) fn faults(&self, way: usize, action: &str) -> Option<&[MessageTerms]> {
        let at = self.operation.faults.iter().position(|fault| fault.message.action == action)?;
        self.ways.get(way)?.answers.faults.get(at).map(Vec::as_slice)
    }
}

impl Answers {
    fn new(policy: &Policy, response: &MessageTerms, operation: &Operation, of: usize) -> Result<Self, NotBuilt> {
        let any = |kind: MessageKind, message: &Message| {
            let mut built = Vec::new();
            let mut refused = None;
            for alternative in message.alternatives.iter().filter(|one| one.operation == of && one.goes_with(policy)) {
                match message_terms(policy, kind, message, alternative) {
                    Ok(terms) => built.push(terms),
                    Err(reason) => refused = refused.or(Some(reason)),
                }
            }
            if built.is_empty() {
                return Err(refused.unwrap_or(NO_ALTERNATIVE));
            }
            let others = message.alternatives.iter().filter(|one| one.operation != of && one.goes_with(policy));
            let others = others.filter_map(|one| message_terms(policy, kind, message, one).ok());
            let as_signed = |other: &MessageTerms| built.iter().any(|own: &MessageTerms| other.signs_all_of(own));
            let others: Vec<MessageTerms> = others.filter(as_signed).collect();
            built.extend(others);
            Ok(built)
        };
        let output = operation
            .output
            .as_ref()
            .map_or_else(|| Ok(vec![response.clone()]), |output| any(MessageKind::Response, output))?;
        let faults =
            operation.faults.iter().map(|fault| any(MessageKind::Fault, &fault.message)).collect::<Result<_, _>>()?;
        Ok(Self { output, faults })
    }
}

const NO_ALTERNATIVE: NotBuilt = NotBuilt("a message without an alternative under the security binding");

/// A request without the security binding that others have is told from those by its action and its element alone: no
/// other's request may have the element, or it could be sent in clear under this one's action. And nothing in it says for
/// whom an answer is to be encrypted.
fn check_in_clear(policy: &Policy, operation: &Operation, operations: &[Operation]) -> Result<(), NotBuilt> {
    let Some(element) = &operation.input.element else {
        return Err(NotBuilt("a request without the security binding and without an element"));
    };
    let mut protected = operations.iter().filter(|other| other.input.protected);
    if protected.any(|other| other.input.element.as_ref() == Some(element)) {
        return Err(NotBuilt("a request without the security binding that another's is like"));
    }
    let mut answers = operation.messages().skip(1).filter(|message| message.protected);
    let answerable = match &policy.binding {
        Binding::Transport(_) => true,
        Binding::Symmetric(_) => answers.next().is_none(),
        Binding::Asymmetric(_) => {
            let encrypts = |message: &Message| message.alternatives.iter().any(|one| one.parts.encrypts());
            let kinds = [&policy.parts, &policy.messages.response, &policy.messages.fault];
            !kinds.iter().any(|parts| parts.encrypts()) && !answers.any(encrypts)
        }
    };
    if answerable { Ok(()) } else { Err(NotBuilt("an answer under the security binding to a request without it")) }
}

/// What a policy and one alternative of a message's own ask of it.
fn message_terms(
    policy: &Policy,
    kind: MessageKind,
    message: &Message,
    alternative: &MessagePolicy,
) -> Result<MessageTerms, NotBuilt> {
    let terms = MessageTerms::of_message(policy, kind, message, alternative)?;
    check_encrypted_for(policy, Direction::of(kind), &terms)?;
    for supporting in &alternative.supporting {
        check_supporting(supporting, policy)?;
        check_token(&supporting.token)?;
        if matches!(supporting.token, Token::SecureConversation(_)) {
            return Err(NotBuilt("a secure conversation token at operation or message scope"));
        }
    }
    Ok(terms)
}

/// The action and the body must name one operation, of these: else the one that was authorised, and to whose demands the
/// message was held, is not the one that runs. `operation` is the one that was demanded, in that way, found before anything
/// was decrypted. The result is the way of the operation that runs.
pub(crate) fn check_operation(
    operations: &[OperationTerms],
    every: &MessageTerms,
    envelope: &Envelope,
    operation: Option<(&OperationTerms, usize)>,
    action: Option<&str>,
) -> Result<usize, Refusal> {
    let payload = envelope.payload().map(|node| envelope.document.name(node));
    let takes = |terms: &OperationTerms| {
        let element = terms.operation.input.element.as_ref();
        element.is_some_and(|(namespace, local)| {
            payload.is_some_and(|name| (name.namespace, name.local) == (namespace.as_str(), local.as_str()))
        })
    };
    let mut named = operations.iter().filter(|terms| takes(terms));
    let fits = match operation {
        Some((terms, way)) if terms.operation.input.element.is_some() => takes(terms).then_some(way),
        // No action said which, and the body was encrypted: it was held to what holds for every message. Where some way asks
        // for more, it could be that one, and would be answered as another.
        None if action.is_none_or(str::is_empty) => {
            let like = |terms: &OperationTerms| terms.inputs().all(|input| input.is_like(every));
            named.all(like).then_some(0)
        }
        Some((_, way)) => named.next().is_none().then_some(way),
        None => named.next().is_none().then_some(0),
    };
    fits.ok_or_else(|| Refusal::Action {
        found: payload.map(|name| name.local.to_owned()).unwrap_or_default(),
        expected: "the operation that the action names",
    })
}
