//! Which scope of a contract says what of a policy (WS-PolicyAttachment 1.5, section 4): the endpoint, its operations, their
//! messages.
//!
//! Bindings and tokens stand at the endpoint, and what is signed and encrypted in its messages at these: CXF and Metro read
//! parts in either place, WCF there alone.

use super::{Expression, Unpublishable};
use crate::model::{
    Addressing, Message, MessageKind, MessageParts, MessagePolicy, Operation, Parts, Policy, PolicyVersion,
};

/// The policies of an endpoint and its messages, each in its scope.
pub(super) struct Scopes<'a> {
    alternatives: &'a [Policy],
    /// Parts of every message, where all alternatives have the same.
    shared: Option<&'a Parts>,
    /// Parts of every message of a kind.
    kinds: &'a MessageParts,
    /// Whether the binding is attached to messages one by one.
    attached: bool,
    version: PolicyVersion,
}

/// What an operation and its messages say, in the order of [`Operation::messages`].
#[derive(Default)]
pub(super) struct Said {
    pub(super) operation: Vec<MessagePolicy>,
    pub(super) messages: Vec<Vec<MessagePolicy>>,
}

impl<'a> Scopes<'a> {
    pub(super) fn new(alternatives: &'a [Policy]) -> Result<Self, Unpublishable> {
        let first = alternatives.first().ok_or(Unpublishable::Lost)?;
        let attached = alternatives.iter().any(|policy| policy.attached.is_some());
        // Of the messages of one kind a contract says it at these, once for all alternatives.
        if alternatives.iter().any(|policy| policy.messages != first.messages) {
            return Err(Unpublishable::Lost);
        }
        let beside = |policy: &Policy| {
            (policy.addressing, policy.reliable, policy.duplex, policy.supporting.clone(), policy.parts.clone())
        };
        if attached && alternatives.iter().any(|policy| beside(policy) != beside(first)) {
            return Err(Unpublishable::Lost);
        }
        // Messages of sequences stand in no contract: what is encrypted in them could be said nowhere else.
        let may = |policy: &Policy| policy.parts == first.parts && policy.reliable.is_none();
        let shared = (!attached && alternatives.iter().all(may)).then_some(&first.parts);
        Ok(Self { alternatives, shared, kinds: &first.messages, attached, version: first.version })
    }

    /// The policy of the endpoint.
    pub(super) fn endpoint(&self, id: &str) -> String {
        let alternatives = if self.attached { &self.alternatives[..1] } else { self.alternatives };
        Expression::written(Some(id), |expression| {
            expression.choice(alternatives, |expression, policy| {
                expression.version = policy.version;
                if self.shared.is_none() {
                    expression.parts(&policy.parts);
                }
                if self.attached {
                    expression.supporting(&policy.supporting);
                    expression.beside(policy, Addressing::None);
                } else {
                    expression.endpoint(policy, Addressing::None);
                }
            });
        })
    }

    /// What an operation of the model and its messages say.
    pub(super) fn operation(&self, operation: &Operation) -> Said {
        let mut said = if self.attached { together(operation) } else { apart(operation) };
        if let Some(shared) = self.shared {
            said.messages.iter_mut().flatten().for_each(|one| one.parts.merge(shared));
        }
        for (kind, alternatives) in operation.kinds().zip(&mut said.messages) {
            for one in alternatives {
                one.parts.merge(self.kinds.of(kind));
            }
        }
        said
    }

    /// What a message says that the model knows nothing of.
    pub(super) fn any_message(&self, kind: MessageKind) -> Vec<MessagePolicy> {
        let mut parts = self.shared.cloned().unwrap_or_default();
        parts.merge(self.kinds.of(kind));
        vec![MessagePolicy { parts, ..MessagePolicy::default() }]
    }

    /// The policy of a message or an operation; `None` where it says nothing. `protected` is whether the binding is its.
    pub(super) fn scoped(&self, id: &str, alternatives: &[MessagePolicy], protected: bool) -> Option<String> {
        if self.attached && protected {
            let pairs: Vec<(&Policy, &MessagePolicy)> = self
                .alternatives
                .iter()
                .flat_map(|policy| {
                    alternatives.iter().filter(|one| one.goes_with(policy)).map(move |one| (policy, one))
                })
                .collect();
            return Some(Expression::written(Some(id), |expression| {
                expression.choice(&pairs, |expression, (policy, one)| {
                    expression.bound(policy);
                    expression.options(policy);
                    expression.parts(&one.parts);
                    expression.supporting(&one.supporting);
                });
            }));
        }
        let says_nothing = |one: &MessagePolicy| one.parts.is_empty() && one.supporting.is_empty();
        if alternatives.len() < 2 && alternatives.iter().all(says_nothing) {
            return None;
        }
        Some(Expression::written(Some(id), |expression| expression.messages(self.version, alternatives)))
    }
}

/// Everything at the messages.
fn together(operation: &Operation) -> Said {
    Said { operation: Vec::new(), messages: operation.messages().map(|message| message.alternatives.clone()).collect() }
}

/// Where an operation leaves a choice for all its messages, what each of the operation's alternatives has in all of them, and
/// of each message what it says besides. Both together are what the message says: what an alternative of the operation
/// says is in the one, what one of the message says in the other, and nothing is in either that was in neither.
fn apart(operation: &Operation) -> Said {
    let messages: Vec<&Message> = operation.messages().collect();
    let mut keys: Vec<usize> =
        messages.iter().flat_map(|message| &message.alternatives).map(|one| one.operation).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.len() < 2 {
        return together(operation);
    }
    let of_key = |key: usize| {
        let all = messages.iter().flat_map(|message| &message.alternatives).filter(move |one| one.operation == key);
        all.cloned().reduce(|one, other| {
            let same = one.supporting.iter().zip(&other.supporting).take_while(|(one, other)| one == other).count();
            MessagePolicy { parts: one.parts.common(&other.parts), supporting: one.supporting[..same].to_vec(), ..one }
        })
    };
    let common: Vec<MessagePolicy> = keys.iter().filter_map(|key| of_key(*key)).collect();
    let besides = |message: &Message| -> Vec<MessagePolicy> {
        let of = |key: usize| message.alternatives.iter().filter(move |one| one.operation == key);
        let count = keys.first().map_or(0, |key| of(*key).count());
        (0..count)
            .filter_map(|position| {
                let same = keys.iter().zip(&common).filter_map(|(key, common)| {
                    let one = of(*key).nth(position)?;
                    let supporting = one.supporting.get(common.supporting.len()..)?.to_vec();
                    Some(MessagePolicy { parts: one.parts.clone(), supporting, ..MessagePolicy::default() })
                });
                same.reduce(|one, other| MessagePolicy { parts: one.parts.common(&other.parts), ..one })
            })
            .collect()
    };
    Said { messages: messages.iter().map(|message| besides(message)).collect(), operation: common }
}
